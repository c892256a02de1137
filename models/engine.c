/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The stages composed, up to the episode; captioner.c goes on from there.
 *
 *   text         -> T[0], sentence embedding
 *   encoder      picture -> vision -> bottleneck -> V; fusion asks V with the empty prompt; words to expect -> episode */

#include <string.h>

#include "batch.h"
#include "bottleneck.h"
#include "decoder.h"
#include "engine-private.h"
#include "episode-private.h"
#include "fusion.h"
#include "image.h"
#include "model-private.h"
#include "object-private.h"
#include "text.h"
#include "vision.h"
#include "words.h"

gboolean
bitmar_engine_no_memory (GError **error, const char *what)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "not enough memory for %s", what);
  return FALSE;
}

/* ---- Model --------------------------------------------------------------------------------------- */

gboolean
bitmar_model_prepare (BitmarModel *model, GError **error)
{
  gsize n = (gsize) model->decoder.n_layers * model->decoder.sinks * model->width;

  model->sink_k = g_try_new (float, MAX (n, 1));
  model->sink_v = g_try_new (float, MAX (n, 1));
  if (!model->sink_k || !model->sink_v || !bitmar_decoder_sinks (model, model->sink_k, model->sink_v))
    return bitmar_engine_no_memory (error, "the attention sinks");
  model->batch = bitmar_batch_new ();
  return TRUE;
}

gboolean
bitmar_engine_encode_text (const BitmarModel *model, const char *string, float *first, float *embedding, GError **error)
{
  gsize n = 1, context = model->text.context;
  gint32 *ids = g_try_new (gint32, context);
  gboolean done = FALSE;
  BitmarText text;

  if (!ids)
    return bitmar_engine_no_memory (error, "a prompt");
  ids[0] = model->cls;
  if (!bitmar_model_encode_prompt (model, string, ids, &n, error))
    goto out;
  if (!bitmar_text_init (&text, model, n)) {
    bitmar_engine_no_memory (error, "the text encoder");
    goto out;
  }
  bitmar_text_run (&text, ids, n, first);
  if (embedding)
    bitmar_text_embed (&text, first, embedding);
  bitmar_text_clear (&text);
  done = TRUE;
out:
  g_free (ids);
  return done;
}

gboolean
bitmar_model_embed (const BitmarModel *model, const char *text, float *embedding, GError **error)
{
  float *first = g_try_new (float, model->width);
  gboolean done = first ? bitmar_engine_encode_text (model, text, first, embedding, error) : bitmar_engine_no_memory (error, "a text");

  g_free (first);
  return done;
}

float *
bitmar_model_embed_text (BitmarModel *model, const char *text, gsize *n, GError **error)
{
  float *embedding = g_try_new (float, model->memory_width);

  if (!(embedding || bitmar_engine_no_memory (error, "a text")) || !bitmar_model_embed (model, text, embedding, error))
    g_clear_pointer (&embedding, g_free);
  if (n)
    *n = embedding ? model->memory_width : 0;
  return embedding;
}

static void
keep_caption (BitmarEpisode *episode, const char *text)
{
  gsize n = 0, room = episode->model->text.context;
  g_autofree gint32 *ids = g_new (gint32, room);

  episode->caption.n = 0;
  if (!bitmar_model_encode_prompt (episode->model, text, ids, &n, NULL) || n > BITMAR_SAID_TOKENS)
    return;
  episode->caption.n = (guint32) n;
  memcpy (episode->caption.ids, ids, n * sizeof *ids);
}

gboolean
bitmar_episode_set_caption (BitmarEpisode *episode, const char *text, GError **error)
{
  const BitmarModel *model = episode->model;
  float *first = g_try_new (float, model->width);
  gboolean done = bitmar_episode_read_codes (episode, error) && (first || bitmar_engine_no_memory (error, "a text"))
      && bitmar_engine_encode_text (model, text, first, NULL, error);
  BitmarFusion fusion;

  if (done && !bitmar_fusion_init (&fusion, model)) {
    done = bitmar_engine_no_memory (error, "fusion");
  } else if (done) {
    bitmar_fusion_run (&fusion, first, episode->v_codes, episode->v_rows, NULL, episode->said);
    keep_caption (episode, text);
    episode->has_said = TRUE;
    bitmar_fusion_clear (&fusion);
  }
  g_free (first);
  return done;
}

/* ---- Encoder ------------------------------------------------------------------------------------- */

struct _BitmarEncoder {
  GObject parent;

  BitmarModel *model;
  BitmarScaler scaler;
  BitmarVision vision;
  BitmarBottleneck bottleneck;
  BitmarFusion fusion;
  BitmarWords words;   /* only where the model expects any */
  guint8 *rgb;         /* [size, size, 3] */
  guint8 *features;    /* see vision.h */
  float *first;        /* [d]: T[0] of the empty prompt */
};

BITMAR_DEFINE_TYPE (BitmarEncoder, bitmar_encoder)

static void
bitmar_encoder_init (BitmarEncoder *self)
{
}

static void
bitmar_encoder_finalize (GObject *object)
{
  BitmarEncoder *self = BITMAR_ENCODER (object);

  bitmar_scaler_clear (&self->scaler);
  bitmar_vision_clear (&self->vision);
  bitmar_bottleneck_clear (&self->bottleneck);
  bitmar_fusion_clear (&self->fusion);
  bitmar_words_clear (&self->words);
  g_free (self->rgb);
  g_free (self->features);
  g_free (self->first);
  g_clear_object (&self->model);
  G_OBJECT_CLASS (bitmar_encoder_parent_class)->finalize (object);
}

static void
bitmar_encoder_class_init (BitmarEncoderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_encoder_finalize;
}

static gboolean
encoder_allocate (BitmarEncoder *self)
{
  BitmarModel *model = self->model;
  gsize size = model->vision.size;

  bitmar_scaler_init (&self->scaler, size);
  self->rgb = g_try_malloc (size * size * 3);
  self->features = g_try_malloc (bitmar_vision_features_size (model));
  self->first = g_try_new (float, model->width);
  return self->rgb && self->features && self->first && bitmar_vision_init (&self->vision, model)
      && bitmar_bottleneck_init (&self->bottleneck, model) && bitmar_fusion_init (&self->fusion, model)
      && (!bitmar_words_has (model) || bitmar_words_init (&self->words, model));
}

BitmarEncoder *
bitmar_encoder_new (BitmarModel *model, GError **error)
{
  BitmarEncoder *self = bitmar_encoder_make ();

  self->model = g_object_ref (model);
  if (!(encoder_allocate (self) || bitmar_engine_no_memory (error, "an encoder"))
      || !bitmar_engine_encode_text (model, "", self->first, NULL, error))
    g_clear_object (&self);
  return self;
}

gboolean
bitmar_engine_same_model (const BitmarModel *model, BitmarEpisode *episode, GError **error)
{
  if (episode->model == model
      || strcmp (bitmar_model_get_id (episode->model), bitmar_model_get_id ((BitmarModel *) model)) == 0)
    return TRUE;
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "the episode belongs to another model");
  return FALSE;
}

gboolean
bitmar_encoder_encode (BitmarEncoder *encoder, const BitmarImage *image, BitmarEpisode *episode, GError **error)
{
  if (!bitmar_engine_same_model (encoder->model, episode, error)
      || !bitmar_scaler_run (&encoder->scaler, image, encoder->rgb, error))
    return FALSE;
  g_clear_pointer (&episode->unread, g_bytes_unref);
  bitmar_vision_run (&encoder->vision, encoder->rgb, encoder->features);
  bitmar_bottleneck_run (&encoder->bottleneck, encoder->features, episode->v_codes, episode->v_rows);
  bitmar_fusion_run (&encoder->fusion, encoder->first, episode->v_codes, episode->v_rows, episode->key,
      episode->content);
  if (bitmar_words_has (encoder->model))
    bitmar_words_hint (&encoder->words, encoder->features, episode->hint);
  memset (episode->recalled, 0, encoder->model->memory_width * sizeof (float));
  episode->novelty = 1.0f;
  episode->slot = -1;
  episode->has_said = FALSE;
  episode->known.n = 0;
  return TRUE;
}
