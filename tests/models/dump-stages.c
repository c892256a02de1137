/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dump-stages MODEL RGBFILE OUTDIR [PROMPT]: what every stage makes of one picture (size x size RGB, raw bytes), as
 * raw little-endian files, for models/train/parity.py. */

#include <stdlib.h>

#include "bottleneck.h"
#include "decoder.h"
#include "episode-private.h"
#include "fusion.h"
#include "model-private.h"
#include "text.h"
#include "vision.h"
#include "words.h"

static void
fail (const char *what, GError *error)
{
  g_printerr ("dump-stages: %s: %s\n", what, error ? error->message : "not enough memory");
  exit (1);
}

static void
put (const char *dir, const char *name, const void *data, gsize size)
{
  char *path = g_build_filename (dir, name, NULL);
  GError *error = NULL;

  if (!g_file_set_contents (path, data, size, &error))
    fail (path, error);
  g_free (path);
}

static guint8 *
read_picture (const BitmarModel *model, const char *path)
{
  gsize size, want = model->vision.size * model->vision.size * 3;
  GError *error = NULL;
  char *data;

  if (!g_file_get_contents (path, &data, &size, &error))
    fail (path, error);
  if (size != want) {
    g_printerr ("dump-stages: %s: %zu bytes, the model reads %zu\n", path, size, want);
    exit (1);
  }
  return (guint8 *) data;
}

/* The words that are expected, where the model expects any; the caption is chosen by them. */
static void
dump_words (BitmarModel *model, const guint8 *features, BitmarEpisode *episode, const char *dir)
{
  float *expected = g_new (float, model->vocabulary);
  BitmarWords words;

  if (!bitmar_words_init (&words, model))
    fail ("words", NULL);
  bitmar_words_hint (&words, features, episode->hint);
  bitmar_words_expect (model, episode->hint, expected, NULL, 0, NULL);
  put (dir, "words.f32", expected, model->vocabulary * sizeof (float));
  bitmar_words_clear (&words);
  g_free (expected);
}

/* features, V */
static void
dump_vision (BitmarModel *model, const guint8 *rgb, BitmarEpisode *episode, const char *dir)
{
  gsize p = model->vision.tokens, n = bitmar_vision_features_size (model);
  guint8 *features = g_malloc (n);
  float *inv = g_new (float, p);
  BitmarBottleneck bottleneck;
  BitmarVision vision;

  if (!bitmar_vision_init (&vision, model) || !bitmar_bottleneck_init (&bottleneck, model))
    fail ("vision", NULL);
  bitmar_vision_run (&vision, rgb, features);
  bitmar_bottleneck_run (&bottleneck, features, episode->v_codes, episode->v_rows);
  put (dir, model->vision.backbone->has_codes ? "features.i8" : "features.u8", features, n);
  put (dir, "v_codes.i8", episode->v_codes, p * model->width);
  for (gsize i = 0; i < p; i++)
    inv[i] = episode->v_rows[i].inv;
  put (dir, "v_inv.f32", inv, p * sizeof (float));
  if (bitmar_words_has (model))
    dump_words (model, features, episode, dir);
  g_free (inv);
  bitmar_vision_clear (&vision);
  bitmar_bottleneck_clear (&bottleneck);
  g_free (features);
}

/* T[0] */
static void
run_text (BitmarModel *model, const char *string, float *first)
{
  gint32 *ids = g_new (gint32, model->text.context);
  GError *error = NULL;
  BitmarText text;
  gsize n = 1;

  ids[0] = model->cls;
  if (!bitmar_model_encode_prompt (model, string, ids, &n, &error))
    fail ("prompt", error);
  if (!bitmar_text_init (&text, model, n))
    fail ("text", NULL);
  bitmar_text_run (&text, ids, n, first);
  bitmar_text_clear (&text);
  g_free (ids);
}

/* key by the empty prompt, content by the prompt */
static void
dump_fusion (BitmarModel *model, BitmarEpisode *episode, const char *prompt, const char *dir)
{
  gsize size = model->memory_width * sizeof (float);
  float *first = g_new (float, model->width), *embedding = g_malloc (size);
  GError *error = NULL;
  BitmarFusion fusion;

  if (!bitmar_fusion_init (&fusion, model))
    fail ("fusion", NULL);
  run_text (model, "", first);
  bitmar_fusion_run (&fusion, first, episode->v_codes, episode->v_rows, episode->key, episode->content);
  run_text (model, prompt, first);
  bitmar_fusion_run (&fusion, first, episode->v_codes, episode->v_rows, NULL, episode->content);
  if (!bitmar_model_embed (model, prompt, embedding, &error))
    fail ("sentence", error);
  put (dir, "key.f32", episode->key, size);
  put (dir, "content.f32", episode->content, size);
  put (dir, "text.f32", embedding, size);
  bitmar_fusion_clear (&fusion);
  g_free (first);
  g_free (embedding);
}

static void
dump_decoder (BitmarModel *model, BitmarEpisode *episode, const char *dir)
{
  gsize size = model->head.n * sizeof (float);
  float *logits = g_malloc (size);
  guint8 rows[1] = { 0 };
  BitmarDecoderBeam beam = { .token = model->bos, .rows = rows };
  BitmarDecoder decoder;

  if (!bitmar_decoder_init (&decoder, model, 1, 1))
    fail ("decoder", NULL);
  bitmar_decoder_frame (&decoder, episode->v_codes, episode->v_rows, episode->content, episode->recalled);
  bitmar_decoder_step (&decoder, &beam, 1, 0, &(BitmarScores) { .logits = logits });
  put (dir, "logits.f32", logits, size);
  bitmar_decoder_clear (&decoder);
  g_free (logits);
}

static void
dump_caption (BitmarModel *model, BitmarEpisode *episode, const char *prompt, const char *dir)
{
  GError *error = NULL;
  BitmarCaptioner *captioner = bitmar_captioner_new (model, &error);
  BitmarCaption caption;

  if (!captioner || !bitmar_captioner_set_prompt (captioner, prompt, &error)
      || !bitmar_captioner_caption (captioner, episode, NULL, &caption, &error))
    fail ("caption", error);
  put (dir, "ids.i32", caption.ids, caption.tokens * sizeof *caption.ids);
  g_print ("%s (%.2f)\n", caption.text, caption.confidence);
  g_object_unref (captioner);
}

int
main (int argc, char **argv)
{
  const char *prompt = argc == 5 ? argv[4] : "";
  GError *error = NULL;
  BitmarEpisode *episode;
  BitmarModel *model;
  guint8 *rgb;

  if (argc < 4 || argc > 5) {
    g_printerr ("usage: dump-stages MODEL RGBFILE OUTDIR [PROMPT]\n");
    return 2;
  }
  model = bitmar_model_load (argv[1], &error);
  if (!model)
    fail (argv[1], error);
  rgb = read_picture (model, argv[2]);
  episode = bitmar_episode_new (model, NULL);
  dump_vision (model, rgb, episode, argv[3]);
  dump_fusion (model, episode, prompt, argv[3]);
  dump_decoder (model, episode, argv[3]);
  dump_caption (model, episode, prompt, argv[3]);
  g_object_unref (episode);
  g_object_unref (model);
  g_free (rgb);
  return 0;
}
