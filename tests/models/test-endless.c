/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-endless [TOKENS [MODEL]]: a stream that runs on through sinks and window, without cuts, for TOKENS decoded tokens (200,000). It fails when the
 * resident memory grows after the first tenth or a sink's key or value has changed, and prints the CPU time per token of each tenth.
 *
 * The figure in docs/performance.md: test-endless 1000000 models/weights/bitmar.gguf */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "episode-private.h"
#include "model-private.h"

#define TENTHS 10

static gsize
resident (void)
{
  unsigned long pages = 0;
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file) {
    if (fscanf (file, "%*u %lu", &pages) != 1)
      pages = 0;
    fclose (file);
  }
  return pages * sysconf (_SC_PAGESIZE);
}

/* What a camera might show: noise, so that no two are alike. */
static void
look (BitmarModel *model, BitmarEncoder *encoder, BitmarEpisode *episode, GRand *rand, guint8 *rgb)
{
  gint size = (gint) model->vision.size;
  const BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = size, .height = size, .planes = { rgb }, .strides = { 3 * size } };

  for (gint i = 0; i < 3 * size * size; i++)
    rgb[i] = (guint8) (i % 97 + g_rand_int_range (rand, 0, 128));
  if (!bitmar_encoder_encode (encoder, &image, episode, NULL))
    g_error ("a look can't be encoded");
}

/* Sinks, keys and values. */
static float *
copy_sinks (const BitmarModel *model, gsize *n)
{
  float *copy;

  *n = (gsize) model->decoder.n_layers * model->decoder.sinks * model->width;
  copy = g_new (float, 2 * *n);
  memcpy (copy, model->sink_k, *n * sizeof (float));
  memcpy (copy + *n, model->sink_v, *n * sizeof (float));
  return copy;
}

/* Captions until `tokens` are decoded. Returns how many they are. */
static gsize
decode (BitmarCaptioner *captioner, BitmarEpisode **episodes, gsize n, gsize tokens, guint64 *looks)
{
  const BitmarCaptionParams greedy = { .beam_size = 1, .length_penalty = -1 };
  BitmarCaption caption;
  gsize done = 0;

  while (done < tokens) {
    if (!bitmar_captioner_caption (captioner, episodes[(*looks)++ % n], &greedy, &caption, NULL))
      g_error ("a caption failed");
    done += caption.tokens + 2;        /* bos and eos run through the decoder, too */
  }
  return done;
}

int
main (int argc, char **argv)
{
  gsize tokens = argc > 1 ? strtoull (argv[1], NULL, 10) : 200000, size, memory = 0, n_sinks;
  char *tiny = g_build_filename (g_getenv ("BITMAR_TEST_FILES") ? g_getenv ("BITMAR_TEST_FILES") : ".", "tiny.gguf", NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (argc > 2 ? argv[2] : tiny, &error);
  BitmarEpisode *episodes[7];
  BitmarEncoder *encoder;
  BitmarCaptioner *captioner;
  guint64 looks = 0;
  GRand *rand = g_rand_new_with_seed (1);
  gboolean same, flat = TRUE;
  guint8 *rgb;
  float *sinks;

  if (!model)
    g_error ("%s", error->message);
  model->decoder.history = 1;
  model->decoder.cut = -2;             /* nothing may empty the window */
  encoder = bitmar_encoder_new (model, NULL);
  captioner = bitmar_captioner_new (model, NULL);
  rgb = g_malloc ((gsize) model->vision.size * model->vision.size * 3);
  for (gsize i = 0; i < G_N_ELEMENTS (episodes); i++)
    look (model, encoder, episodes[i] = bitmar_episode_new (model, NULL), rand, rgb);
  sinks = copy_sinks (model, &n_sinks);
  for (gint i = 0; i < TENTHS; i++) {
    clock_t start = clock ();          /* of this process: others may be busy */
    gsize done = decode (captioner, episodes, G_N_ELEMENTS (episodes), tokens / TENTHS, &looks);

    size = resident ();
    if (i <= 1)
      memory = size;
    flat = flat && size <= memory + 262144;
    printf ("# %" G_GSIZE_FORMAT " tokens, %.1f us each, %" G_GUINT64_FORMAT " looks so far, %.3f MB resident\n", done,
        1e6 * (double) (clock () - start) / CLOCKS_PER_SEC / (double) done, looks, (double) size / 1e6);
  }
  same = memcmp (sinks, model->sink_k, n_sinks * sizeof (float)) == 0
      && memcmp (sinks + n_sinks, model->sink_v, n_sinks * sizeof (float)) == 0;
#ifdef __SANITIZE_ADDRESS__
  flat = TRUE;
  printf ("ok 1 - memory is flat # SKIP AddressSanitizer keeps what is freed for a while\n");
#else
  printf ("%sok 1 - memory is flat\n", flat ? "" : "not ");
#endif
  printf ("%sok 2 - sinks are the same\n1..2\n", same ? "" : "not ");
  for (gsize i = 0; i < G_N_ELEMENTS (episodes); i++)
    g_object_unref (episodes[i]);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_object_unref (model);
  g_rand_free (rand);
  g_free (sinks);
  g_free (rgb);
  g_free (tiny);
  return !(flat && same);
}
