/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-streams MODEL: captions of S streams made together against one after the other, on one core (run it under taskset). Both in
 * turns, best of many rounds, CPU time of the thread. */
#include <stdio.h>
#include <time.h>

#include "bitmar.h"

#define MOST 10
#define ROUNDS 30
#define SIDE 260

typedef struct {
  BitmarCaptioner *captioners[MOST];
  BitmarEpisode *episodes[MOST];
  BitmarCaption captions[MOST];
} Streams;

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static gboolean
start (Streams *s, BitmarModel *model, GError **error)
{
  g_autoptr (BitmarEncoder) encoder = bitmar_encoder_new (model, error);
  g_autofree guint8 *rgb = g_malloc (SIDE * SIDE * 3);
  BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = SIDE, .height = SIDE, .planes = { rgb }, .strides = { SIDE * 3 } };

  for (guint i = 0; encoder && i < MOST; i++) {
    for (guint j = 0; j < SIDE * SIDE * 3; j++)
      rgb[j] = (guint8) ((j / (20 + 7 * i)) * (31 + i) ^ (j >> (6 + i % 5)));
    s->captioners[i] = bitmar_captioner_new (model, error);
    s->episodes[i] = bitmar_episode_new (model);
    if (!s->captioners[i] || !bitmar_encoder_encode (encoder, &image, s->episodes[i], error))
      return FALSE;
  }
  return encoder != NULL;
}

static gboolean
together (Streams *s, guint n, double *best, GError **error)
{
  double begin = now (), took;

  if (!bitmar_captioner_caption_many (s->captioners, s->episodes, NULL, s->captions, n, error))
    return FALSE;
  took = now () - begin;
  *best = MIN (*best, took);
  return TRUE;
}

static gboolean
in_turn (Streams *s, guint n, double *best, GError **error)
{
  double begin = now (), took;

  for (guint i = 0; i < n; i++)
    if (!bitmar_captioner_caption (s->captioners[i], s->episodes[i], NULL, &s->captions[i], error))
      return FALSE;
  took = now () - begin;
  *best = MIN (*best, took);
  return TRUE;
}

int
main (int argc, char **argv)
{
  static const guint counts[] = { 1, 2, 5, 10 };
  g_autoptr (GError) error = NULL;
  g_autoptr (BitmarModel) model = argc == 2 ? bitmar_model_load (argv[1], &error) : NULL;
  Streams s = { 0 };

  if (argc != 2) {
    fputs ("usage: bench-streams MODEL\n", stderr);
    return 2;
  }
  if (model && start (&s, model, &error))
    for (gsize i = 0; i < G_N_ELEMENTS (counts) && !error; i++) {
      double a = G_MAXDOUBLE, b = G_MAXDOUBLE;
      guint n = counts[i], tokens = 0;

      for (guint round = 0; round < ROUNDS && !error; round++)
        if (together (&s, n, &a, &error))
          in_turn (&s, n, &b, &error);
      for (guint j = 0; j < n; j++)
        tokens += s.captions[j].tokens;
      if (!error)
        printf ("%2u streams, %3u tokens: together %5.0f captions a second, one after the other %5.0f: %.2f times\n", n, tokens,
            n / a, n / b, b / a);
    }
  if (error)
    fprintf (stderr, "bench-streams: %s\n", error->message);
  for (guint i = 0; i < MOST; i++) {
    g_clear_object (&s.captioners[i]);
    g_clear_object (&s.episodes[i]);
  }
  return error ? 1 : 0;
}
