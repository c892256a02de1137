/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "episode-private.h"
#include "little-endian.h"

#include <math.h>
#include <string.h>

#include "model-private.h"
#include "object-private.h"

/* Serialised, little-endian: magic, version, model id (64 hex digits), C, P, d, novelty, slot, then
 * key [C], content [C], recalled [C] as f32, the codes [P, d], the hint [H], and the tokens of `known`: their number and BITMAR_SAID_TOKENS ids, zero behind
 * the last. */
#define MAGIC "BMEP"
#define VERSION 4
#define ID_LENGTH 64
#define HEADER (4 + 4 + ID_LENGTH + 5 * 4)

BITMAR_DEFINE_TYPE (BitmarEpisode, bitmar_episode)

static void
bitmar_episode_init (BitmarEpisode *self)
{
  self->novelty = 1.0f;
  self->slot = -1;
}

static void
bitmar_episode_finalize (GObject *object)
{
  BitmarEpisode *self = BITMAR_EPISODE (object);

  g_free (self->key);
  g_free (self->content);
  g_free (self->recalled);
  g_free (self->said);
  g_free (self->v_codes);
  g_free (self->v_rows);
  g_free (self->hint);
  g_clear_pointer (&self->unread, g_bytes_unref);
  g_clear_object (&self->model);
  G_OBJECT_CLASS (bitmar_episode_parent_class)->finalize (object);
}

static void
bitmar_episode_class_init (BitmarEpisodeClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_episode_finalize;
}

static gboolean
allocate (BitmarEpisode *self)
{
  const BitmarModel *model = self->model;

  self->key = g_try_new0 (float, model->memory_width);
  self->content = g_try_new0 (float, model->memory_width);
  self->recalled = g_try_new0 (float, model->memory_width);
  self->said = g_try_new0 (float, model->memory_width);
  self->v_codes = g_try_new0 (int8_t, model->vision.tokens * model->width);
  self->v_rows = g_try_new0 (BmkRow, model->vision.tokens);
  self->hint = g_try_new0 (int8_t, MAX (model->words.hidden.n, 1));
  return self->key && self->content && self->recalled && self->said && self->v_codes && self->v_rows && self->hint;
}

static void
no_memory (GError **error)
{
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "not enough memory for an episode");
}

BitmarEpisode *
bitmar_episode_new (BitmarModel *model, GError **error)
{
  BitmarEpisode *self = bitmar_episode_make ();

  self->model = g_object_ref (model);
  if (!allocate (self)) {
    no_memory (error);
    g_clear_object (&self);
  }
  return self;
}

static const float *
vector (BitmarEpisode *self, const float *x, gsize *n)
{
  if (n)
    *n = self->model->memory_width;
  return x;
}

const float *
bitmar_episode_get_key (BitmarEpisode *episode, gsize *n)
{
  return vector (episode, episode->key, n);
}

const float *
bitmar_episode_get_content (BitmarEpisode *episode, gsize *n)
{
  return vector (episode, episode->content, n);
}

const float *
bitmar_episode_get_recalled (BitmarEpisode *episode, gsize *n)
{
  return vector (episode, episode->recalled, n);
}

gfloat
bitmar_episode_get_novelty (BitmarEpisode *episode)
{
  return episode->novelty;
}

gint
bitmar_episode_get_slot (BitmarEpisode *episode)
{
  return episode->slot;
}

gboolean
bitmar_episode_assign (BitmarEpisode *episode, BitmarEpisode *from, GError **error)
{
  gsize c = from->model->memory_width, p = from->model->vision.tokens, d = from->model->width;

  if (strcmp (episode->model->id, from->model->id) != 0) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "the episode belongs to another model");
    return FALSE;
  }
  if (episode == from)
    return TRUE;
  memcpy (episode->key, from->key, c * sizeof (float));
  memcpy (episode->content, from->content, c * sizeof (float));
  memcpy (episode->recalled, from->recalled, c * sizeof (float));
  memcpy (episode->said, from->said, c * sizeof (float));
  episode->has_said = from->has_said;
  episode->caption = from->caption;
  episode->known = from->known;
  g_clear_pointer (&episode->unread, g_bytes_unref);
  if (from->unread) {
    episode->unread = g_bytes_ref (from->unread);
  } else {
    memcpy (episode->v_rows, from->v_rows, p * sizeof (BmkRow));
    memcpy (episode->v_codes, from->v_codes, p * d);
    memcpy (episode->hint, from->hint, from->model->words.hidden.n);
  }
  episode->novelty = from->novelty;
  episode->slot = from->slot;
  return TRUE;
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

/* Of the codes and the hint, one behind the other. */
static gsize
codes_size (const BitmarModel *model)
{
  return (gsize) model->vision.tokens * model->width + model->words.hidden.n;
}

static gsize
serialised_size (const BitmarModel *model)
{
  return HEADER + 12 * (gsize) model->memory_width + codes_size (model) + 4 * (1 + BITMAR_SAID_TOKENS);
}

static const guint8 *
codes_of (const BitmarModel *model, GBytes *bytes)
{
  return (const guint8 *) g_bytes_get_data (bytes, NULL) + HEADER + 12 * (gsize) model->memory_width;
}

GBytes *
bitmar_episode_to_bytes (BitmarEpisode *episode, GError **error)
{
  BitmarModel *model = episode->model;
  gsize size = serialised_size (model), c = model->memory_width, p = model->vision.tokens;
  guint8 *data = g_try_malloc (size), *to = data;

  if (!data) {
    no_memory (error);
    return NULL;
  }
  memcpy (to, MAGIC, 4);
  to = put_u32 (to + 4, VERSION);
  memcpy (to, bitmar_model_get_id (model), ID_LENGTH);
  to = put_u32 (to + ID_LENGTH, c);
  to = put_u32 (to, p);
  to = put_u32 (to, model->width);
  to = put_floats (to, &episode->novelty, 1);
  to = put_u32 (to, (guint32) episode->slot);
  to = put_floats (to, episode->key, c);
  to = put_floats (to, episode->content, c);
  to = put_floats (to, episode->recalled, c);
  if (episode->unread) {
    memcpy (to, codes_of (model, episode->unread), codes_size (model));
  } else {
    memcpy (to, episode->v_codes, p * model->width);
    memcpy (to + p * model->width, episode->hint, model->words.hidden.n);
  }
  to = put_u32 (to + codes_size (model), episode->known.n);
  for (gsize i = 0; i < BITMAR_SAID_TOKENS; i++)
    to = put_u32 (to, i < episode->known.n ? (guint32) episode->known.ids[i] : 0);
  return g_bytes_new_take (data, size);
}

static gboolean
check_said (const BitmarModel *model, const guint8 *at)
{
  guint32 n = get_u32 (at);

  if (n > BITMAR_SAID_TOKENS)
    return FALSE;
  for (gsize i = 1; i <= BITMAR_SAID_TOKENS; i++)
    if (get_u32 (at + 4 * i) >= (i <= n ? model->vocabulary : 1))
      return FALSE;
  return TRUE;
}

static gboolean
check_shape (const BitmarModel *model, const guint8 *data)
{
  const guint8 *at = data + HEADER - 20;

  return get_u32 (at) == model->memory_width && get_u32 (at + 4) == model->vision.tokens && get_u32 (at + 8) == model->width;
}

/* Nothing that the kernels, or a memory and its snapshots, do not take gets in. */
static gboolean
check_payload (const BitmarModel *model, const guint8 *data)
{
  gsize c = model->memory_width;
  const guint8 *at = data + HEADER;
  float novelty = get_float (data + HEADER - 8);

  if (!(novelty >= 0 && novelty <= 1) || !get_is_unit (at, c) || !isfinite (get_square (at + 4 * c, 2 * c)))
    return FALSE;
  return check_said (model, at + 12 * c + codes_size (model));
}

static gboolean
fail_damaged (GError **error)
{
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, "a damaged episode");
  return FALSE;
}

static gboolean
check_bytes (const BitmarModel *model, const guint8 *data, gsize size, GError **error)
{
  if (size < HEADER || memcmp (data, MAGIC, 4) != 0 || get_u32 (data + 4) != VERSION) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, "not an episode");
    return FALSE;
  }
  if (memcmp (data + 8, bitmar_model_get_id ((BitmarModel *) model), ID_LENGTH) != 0) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "the episode was made by another model");
    return FALSE;
  }
  if (size != serialised_size (model) || !check_shape (model, data) || !check_payload (model, data))
    return fail_damaged (error);
  return TRUE;
}

gboolean
bitmar_episode_read_codes (BitmarEpisode *episode, GError **error)
{
  BitmarModel *model = episode->model;
  gsize p = model->vision.tokens, n = p * model->width;
  const guint8 *codes;

  if (!episode->unread)
    return TRUE;
  codes = codes_of (model, episode->unread);
  if (memchr (codes, 0x80, codes_size (model)))
    return fail_damaged (error);
  memcpy (episode->v_codes, codes, n);
  memcpy (episode->hint, codes + n, model->words.hidden.n);
  bmk_describe (episode->v_rows, episode->v_codes, p, model->width);
  g_clear_pointer (&episode->unread, g_bytes_unref);
  return TRUE;
}

gboolean
bitmar_episode_set_bytes (BitmarEpisode *episode, GBytes *bytes, GError **error)
{
  BitmarModel *model = episode->model;
  gsize size, c = model->memory_width;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  const guint8 *from = data + HEADER;

  if (!check_bytes (model, data, size, error))
    return FALSE;
  episode->novelty = get_float (from - 8);
  episode->slot = (gint) get_u32 (from - 4);
  episode->has_said = FALSE;
  get_floats (from, episode->key, c);
  get_floats (from + 4 * c, episode->content, c);
  get_floats (from + 8 * c, episode->recalled, c);
  from += 12 * c + codes_size (model);
  episode->known.n = get_u32 (from);
  for (gsize i = 0; i < BITMAR_SAID_TOKENS; i++)
    episode->known.ids[i] = (gint32) get_u32 (from + 4 * (i + 1));
  g_bytes_ref (bytes);
  g_clear_pointer (&episode->unread, g_bytes_unref);
  episode->unread = bytes;
  return TRUE;
}
