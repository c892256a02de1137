/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The model object: one per file and process, whoever asks; its metadata and its words. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "model-load.h"
#include "batch.h"
#include "model-private.h"
#include "object-private.h"
#include "vision.h"

BITMAR_DEFINE_TYPE (BitmarModel, bitmar_model)

G_DEFINE_QUARK (bitmar-error-quark, bitmar_error)

static void
bitmar_model_init (BitmarModel *self)
{
  self->blocks = g_ptr_array_new_with_free_func (free);
}

static void
bitmar_model_finalize (GObject *object)
{
  BitmarModel *self = BITMAR_MODEL (object);

  g_ptr_array_unref (self->blocks);
  g_clear_pointer (&self->file, bitmar_gguf_free);
  g_clear_pointer (&self->tokenizer, bitmar_tokenizer_free);
  if (self->vision.network)
    self->vision.backbone->free_network (self->vision.network);
  g_free (self->text.layers);
  g_free (self->fusion.layers);
  g_free (self->decoder.layers);
  g_clear_pointer (&self->batch, bitmar_batch_free);
  g_free (self->sink_k);
  g_free (self->sink_v);
  g_free (self->no_end);
  g_free (self->id);
  g_free (self->name);
  G_OBJECT_CLASS (bitmar_model_parent_class)->finalize (object);
}

static void
bitmar_model_class_init (BitmarModelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_model_finalize;
}

/* ---- One file, one model -------------------------------------------------------------------------- */

/* What makes two names the same content: a file that was replaced or rewritten is another one. */
typedef struct {
  dev_t dev;
  ino_t ino;
  off_t size;
  struct timespec mtime;
} Identity;

typedef struct {
  Identity identity;
  BmkTier tier;                /* packed weights belong to a tier */
  GWeakRef model;
} Entry;

static GMutex registry_lock;   /* held through a load, so that two threads that ask for one file load it once */
static GPtrArray *registry;    /* of Entry */

static gboolean
identify (const char *path, Identity *id, GError **error)
{
  struct stat st;

  if (stat (path, &st) < 0) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  memset (id, 0, sizeof *id);
  id->dev = st.st_dev;
  id->ino = st.st_ino;
  id->size = st.st_size;
  id->mtime = st.st_mtim;
  return TRUE;
}

static void
entry_free (gpointer data)
{
  Entry *e = data;

  g_weak_ref_clear (&e->model);
  g_free (e);
}

/* The living model of this identity, or NULL; dead entries are dropped on the way. */
static BitmarModel *
find (const Identity *id)
{
  BitmarModel *found = NULL;

  for (guint i = registry->len; i-- > 0 && !found;) {
    Entry *e = registry->pdata[i];
    BitmarModel *model = g_weak_ref_get (&e->model);
    if (!model)
      g_ptr_array_remove_index_fast (registry, i);
    else if (e->tier == bmk_tier () && memcmp (&e->identity, id, sizeof *id) == 0)
      found = model;
    else
      g_object_unref (model);
  }
  return found;
}

static void
enter (const Identity *id, BitmarModel *model)
{
  Entry *e = g_new0 (Entry, 1);

  e->identity = *id;
  e->tier = bmk_tier ();
  g_weak_ref_init (&e->model, model);
  g_ptr_array_add (registry, e);
}

static gboolean
kernels_are_ready (GError **error)
{
  if (bmk_init ())
    return TRUE;
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER,
      "BITMAR_CPU=%s is not the name of an instruction set, or BITMAR_THREADS=%s is not 1 to %d",
      g_getenv ("BITMAR_CPU") ? g_getenv ("BITMAR_CPU") : "", g_getenv ("BITMAR_THREADS") ? g_getenv ("BITMAR_THREADS") : "",
      BMK_MAX_THREADS);
  return FALSE;
}

static BitmarModel *
load (const char *path, GError **error)
{
  BitmarModel *model = bitmar_model_make ();

  if (bitmar_model_read (model, path, error) && bitmar_model_prepare (model, error))
    return model;
  g_object_unref (model);
  return NULL;
}

BitmarModel *
bitmar_model_load (const char *path, GError **error)
{
  BitmarModel *model = NULL;
  Identity id;

  if (!kernels_are_ready (error))
    return NULL;
  g_mutex_lock (&registry_lock);
  if (!registry)
    registry = g_ptr_array_new_with_free_func (entry_free);
  if (identify (path, &id, error)) {
    model = find (&id);
    if (!model) {
      model = load (path, error);
      if (model)
        enter (&id, model);
    }
  }
  g_mutex_unlock (&registry_lock);
  return model;
}

BitmarModel *
bitmar_model_load_backbone (const char *path, GError **error)
{
  BitmarModel *model = kernels_are_ready (error) ? bitmar_model_make () : NULL;

  if (model && !bitmar_model_read_backbone (model, path, error))
    g_clear_object (&model);
  return model;
}

const char *
bitmar_model_default_path (void)
{
  const char *path = g_getenv ("BITMAR_MODEL");

  return path && *path ? path : BITMAR_MODEL_DIR "/bitmar.gguf";
}

/* ---- What it says of itself ----------------------------------------------------------------------- */

const char *
bitmar_model_get_id (BitmarModel *model)
{
  return model->id;
}

const char *
bitmar_model_get_name (BitmarModel *model)
{
  return model->name;
}

char *
bitmar_model_dup_metadata (BitmarModel *model, const char *key)
{
  const BitmarGgufValue *v = bitmar_gguf_value (model->file, key);

  return v ? bitmar_gguf_value_to_text (v) : NULL;
}

char **
bitmar_model_list_metadata (BitmarModel *model)
{
  gsize n = bitmar_gguf_n_values (model->file);
  char **keys = g_new0 (char *, n + 1);

  for (gsize i = 0; i < n; i++)
    keys[i] = g_strdup (bitmar_gguf_value_at (model->file, i)->key);
  return keys;
}

guint
bitmar_model_get_memory_width (BitmarModel *model)
{
  return model->memory_width;
}

guint
bitmar_model_get_memory_slots (BitmarModel *model)
{
  return model->memory.slots;
}

guint
bitmar_model_get_max_tokens (BitmarModel *model)
{
  return model->decoder.max_tokens;
}

guint
bitmar_model_get_beam_size (BitmarModel *model)
{
  return model->decoder.beam;
}

guint64
bitmar_model_get_parameters (BitmarModel *model)
{
  return model->parameters;
}

gsize
bitmar_model_get_size (BitmarModel *model)
{
  return model->size;
}

gboolean
bitmar_model_has_background (BitmarModel *model)
{
  return model->background.mean != NULL;
}

/* ---- Words ---------------------------------------------------------------------------------------- */

void
bitmar_model_embedding (const BitmarModel *model, gint32 id, float *x)
{
  const int8_t *row = model->embedding + (gsize) id * model->width;

  for (guint i = 0; i < model->width; i++)
    x[i] = (float) row[i] * model->head.scale[id];
}

gboolean
bitmar_model_encode_prompt (const BitmarModel *model, const char *text, gint32 *ids, gsize *n, GError **error)
{
  gsize room = model->text.context - *n, count;
  char *spaced;

  if (!text || !*text)
    return TRUE;
  if (!g_utf8_validate (text, -1, NULL)) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING, "the text is not UTF-8");
    return FALSE;
  }
  /* Captions are learnt with a leading space, so that the first word is the same token as any other. */
  spaced = g_strconcat (" ", text, NULL);
  count = bitmar_tokenizer_encode (model->tokenizer, spaced, ids + *n, room);
  g_free (spaced);
  if (count > room) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG, "the text has %" G_GSIZE_FORMAT " tokens, the model reads %"
        G_GSIZE_FORMAT, count, room);
    return FALSE;
  }
  *n += count;
  return TRUE;
}

void
bitmar_model_decode (const BitmarModel *model, const gint32 *ids, gsize n, char *text, gsize size)
{
  bitmar_tokenizer_decode (model->tokenizer, ids, n, text, size);
}
