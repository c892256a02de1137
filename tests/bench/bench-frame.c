/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-frame MODEL [FRAMES [BEAM [FILE]]]: what one 1280x720 NV12 frame costs, as one JSON object of milliseconds (best and
 * median of FRAMES, wall clock and CPU time of the thread). FILE: a raw NV12 picture of that size, full range; without it
 * the picture is a drawn one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bitmar.h"

enum { WIDTH = 1280, HEIGHT = 720, SIZE = WIDTH * HEIGHT * 3 / 2, MAX_FRAMES = 100000 };

typedef struct {
  double wall, cpu;
} Cost;

typedef struct {
  BitmarEncoder *encoder;
  BitmarMemory *memory;
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;
  BitmarCaption caption;
} Stream;

static double
seconds (clockid_t clock)
{
  struct timespec t;
  clock_gettime (clock, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static Cost
now (void)
{
  return (Cost) { seconds (CLOCK_MONOTONIC), seconds (CLOCK_THREAD_CPUTIME_ID) };
}

static Cost
since (Cost start)
{
  Cost end = now ();
  return (Cost) { 1e3 * (end.wall - start.wall), 1e3 * (end.cpu - start.cpu) };
}

/* Sky, ground, a bright disc and some texture. */
static void
draw (guint8 *pixels)
{
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      int dx = x - WIDTH / 3, dy = y - HEIGHT / 2;
      int v = y < HEIGHT / 2 ? 200 - y / 8 : 60 + ((x * 7 + y * 13) & 31);
      pixels[y * WIDTH + x] = (guint8) (dx * dx + dy * dy < 150 * 150 ? 230 : v);
    }
  for (int y = 0; y < HEIGHT / 2; y++)
    for (int x = 0; x < WIDTH; x += 2) {
      guint8 *uv = pixels + WIDTH * (HEIGHT + y) + x;
      uv[0] = y < HEIGHT / 4 ? 150 : 100;
      uv[1] = y < HEIGHT / 4 ? 110 : 120;
    }
}

static gboolean
read_picture (guint8 *pixels, const char *path, GError **error)
{
  g_autofree char *data = NULL;
  gsize size;

  if (!path) {
    draw (pixels);
    return TRUE;
  }
  if (!g_file_get_contents (path, &data, &size, error))
    return FALSE;
  if (size != SIZE) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_IMAGE, "%s has %" G_GSIZE_FORMAT " bytes, not %d", path, size, SIZE);
    return FALSE;
  }
  memcpy (pixels, data, SIZE);
  return TRUE;
}

static gboolean
open_stream (Stream *s, BitmarModel *model, GError **error)
{
  s->encoder = bitmar_encoder_new (model, error);
  s->memory = s->encoder ? bitmar_memory_new (model, 0, -2.0f, error) : NULL;
  s->captioner = s->memory ? bitmar_captioner_new (model, error) : NULL;
  s->episode = s->captioner ? bitmar_episode_new (model, NULL) : NULL;
  return s->episode != NULL;
}

static void
close_stream (Stream *s)
{
  g_clear_object (&s->encoder);
  g_clear_object (&s->memory);
  g_clear_object (&s->captioner);
  g_clear_object (&s->episode);
}

static gboolean
one_frame (Stream *s, const guint8 *pixels, guint beam, guint64 time, Cost *encode, Cost *caption, GError **error)
{
  BitmarImage image = { .format = BITMAR_FORMAT_NV12, .width = WIDTH, .height = HEIGHT,
    .planes = { pixels, pixels + WIDTH * HEIGHT }, .strides = { WIDTH, WIDTH }, .matrix = BITMAR_MATRIX_BT601,
    .full_range = TRUE };
  BitmarCaptionParams params = { .beam_size = beam, .length_penalty = -1.0f };
  Cost start = now ();

  if (!bitmar_encoder_encode (s->encoder, &image, s->episode, error)
      || !bitmar_memory_observe (s->memory, s->episode, time, error))
    return FALSE;
  *encode = since (start);
  start = now ();
  if (!bitmar_captioner_caption (s->captioner, s->episode, &params, &s->caption, error))
    return FALSE;
  *caption = since (start);
  return TRUE;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

static void
print_column (const char *name, const Cost *costs, guint n, gboolean cpu)
{
  g_autofree double *v = g_new (double, n);

  for (guint i = 0; i < n; i++)
    v[i] = cpu ? costs[i].cpu : costs[i].wall;
  qsort (v, n, sizeof *v, compare);
  g_print ("\"%s_%s\": {\"best\": %.4f, \"median\": %.4f}, ", name, cpu ? "cpu" : "wall", v[0], v[n / 2]);
}

static gboolean
run (Stream *s, const guint8 *pixels, guint frames, guint beam, GError **error)
{
  g_autofree Cost *encode = g_new0 (Cost, frames), *caption = g_new0 (Cost, frames);

  if (!one_frame (s, pixels, beam, 0, encode, caption, error))  /* a warm-up */
    return FALSE;
  for (guint i = 0; i < frames; i++)
    if (!one_frame (s, pixels, beam, (i + 1) * G_GUINT64_CONSTANT (33333333), &encode[i], &caption[i], error))
      return FALSE;
  g_print ("{");
  for (int cpu = 0; cpu < 2; cpu++) {
    print_column ("encode", encode, frames, cpu);
    print_column ("caption", caption, frames, cpu);
  }
  g_print ("\"frames\": %u, \"beam\": %u, \"tokens\": %u, \"text\": \"%s\"}\n", frames, beam, s->caption.tokens,
      s->caption.text);
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (BitmarModel) model = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *pixels = g_malloc (SIZE);
  Stream s = { 0 };
  guint64 frames = 50, beam = 3;

  if (argc < 2 || argc > 5 || (argc > 2 && !g_ascii_string_to_unsigned (argv[2], 10, 1, MAX_FRAMES, &frames, &error))
      || (argc > 3 && !g_ascii_string_to_unsigned (argv[3], 10, 1, 8, &beam, &error))) {
    g_printerr ("usage: bench-frame MODEL [FRAMES [BEAM [FILE]]]%s%s\n", error ? ": " : "", error ? error->message : "");
    return 2;
  }
  model = bitmar_model_load (argv[1], &error);
  if (!model || !read_picture (pixels, argc > 4 ? argv[4] : NULL, &error) || !open_stream (&s, model, &error)
      || !run (&s, pixels, (guint) frames, (guint) beam, &error))
    g_printerr ("bench-frame: %s\n", error->message);
  close_stream (&s);
  return error ? 1 : 0;
}
