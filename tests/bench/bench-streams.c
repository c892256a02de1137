/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-streams MODEL: captions of S streams, on one core (run it under taskset), in captions a second:
 *
 *   in turn     one after the other
 *   together    by one call
 *   threads     a thread each, all at once, caption after caption; S threads that have a core between them
 *
 * All three in turns, best of many rounds, CPU time of all threads. */
#include <stdio.h>
#include <time.h>

#include "bitmar.h"

#define MOST 8
#define ROUNDS 12
#define CAPTIONS 10                    /* of each stream, a round */
#define SIDE 260

enum { IN_TURN, TOGETHER, THREADS, N_WAYS };

typedef struct {
  BitmarCaptioner *captioner[MOST];
  BitmarEpisode *episode[MOST];
  BitmarCaption caption[MOST];
} Streams;

typedef struct {
  Streams *streams;
  guint i;
  GError *error;
} Stream;

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
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
    s->captioner[i] = bitmar_captioner_new (model, error);
    s->episode[i] = bitmar_episode_new (model, error);
    if (!s->captioner[i] || !s->episode[i] || !bitmar_encoder_encode (encoder, &image, s->episode[i], error))
      return FALSE;
  }
  return encoder != NULL;
}

static gpointer
one_stream (gpointer data)
{
  Stream *stream = data;
  Streams *s = stream->streams;

  for (guint j = 0; j < CAPTIONS && !stream->error; j++)
    bitmar_captioner_caption (s->captioner[stream->i], s->episode[stream->i], NULL, &s->caption[stream->i], &stream->error);
  return NULL;
}

static gboolean
in_turn (Streams *s, guint n, GError **error)
{
  for (guint j = 0; j < CAPTIONS; j++)
    for (guint i = 0; i < n; i++)
      if (!bitmar_captioner_caption (s->captioner[i], s->episode[i], NULL, &s->caption[i], error))
        return FALSE;
  return TRUE;
}

static gboolean
together (Streams *s, guint n, GError **error)
{
  BitmarCaption *to[MOST];

  for (guint i = 0; i < n; i++)
    to[i] = &s->caption[i];
  for (guint j = 0; j < CAPTIONS; j++)
    if (!bitmar_captioner_caption_many (s->captioner, s->episode, NULL, to, n, error))
      return FALSE;
  return TRUE;
}

static gboolean
threads (Streams *s, guint n, GError **error)
{
  Stream streams[MOST] = { 0 };
  GThread *thread[MOST];

  for (guint i = 0; i < n; i++) {
    streams[i] = (Stream) { s, i, NULL };
    thread[i] = g_thread_new ("stream", one_stream, &streams[i]);
  }
  for (guint i = 0; i < n; i++) {
    g_thread_join (thread[i]);
    if (streams[i].error && !*error)
      *error = g_steal_pointer (&streams[i].error);
    g_clear_error (&streams[i].error);
  }
  return *error == NULL;
}

static gboolean
measure (Streams *s, guint n, double *best, GError **error)
{
  static gboolean (*const ways[N_WAYS]) (Streams *, guint, GError **) = { in_turn, together, threads };

  for (guint way = 0; way < N_WAYS; way++)
    best[way] = G_MAXDOUBLE;
  for (guint round = 0; round < ROUNDS; round++)
    for (guint way = 0; way < N_WAYS; way++) {
      double begin = now (), took;

      if (!ways[way] (s, n, error))
        return FALSE;
      took = now () - begin;
      best[way] = MIN (best[way], took);
    }
  return TRUE;
}

static void
print (const Streams *s, guint n, const double *best)
{
  guint tokens = 0;

  for (guint i = 0; i < n; i++)
    tokens += s->caption[i].tokens;
  printf ("%u streams, %3u tokens: in turn %5.0f captions a second, together %5.0f: %.2f times, threads %5.0f: %.2f times\n",
      n, tokens, n * CAPTIONS / best[IN_TURN], n * CAPTIONS / best[TOGETHER], best[IN_TURN] / best[TOGETHER],
      n * CAPTIONS / best[THREADS], best[IN_TURN] / best[THREADS]);
}

int
main (int argc, char **argv)
{
  static const guint counts[] = { 1, 2, 5, 8 };
  g_autoptr (GError) error = NULL;
  g_autoptr (BitmarModel) model = argc == 2 ? bitmar_model_load (argv[1], &error) : NULL;
  Streams s = { 0 };
  double best[N_WAYS];

  if (argc != 2) {
    fputs ("usage: bench-streams MODEL\n", stderr);
    return 2;
  }
  if (model && start (&s, model, &error))
    for (gsize i = 0; i < G_N_ELEMENTS (counts) && measure (&s, counts[i], best, &error); i++)
      print (&s, counts[i], best);
  if (error)
    fprintf (stderr, "bench-streams: %s\n", error->message);
  for (guint i = 0; i < MOST; i++) {
    g_clear_object (&s.captioner[i]);
    g_clear_object (&s.episode[i]);
  }
  return error ? 1 : 0;
}
