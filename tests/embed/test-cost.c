/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a model and a stream cost a program with the library alone: memory that is written (Private_Dirty), time of the CPU; in comments of TAP.
 *
 *   test-cost MODEL */
#include <stdio.h>
#include <time.h>

#include "bitmar.h"

#define STREAMS 16
#define LOOKS 20
#define MODEL_MIB 40.0
#define STREAM_MIB 16.0

typedef struct {
  BitmarEncoder *encoder;
  BitmarEpisode *episode;
  BitmarMemory *memory;
  BitmarCaptioner *captioner;
} Stream;

static guint8 pixels[1280 * 720 * 3];

static double
mebibytes (void)
{
  char line[256];
  double k = 0;
  FILE *file = fopen ("/proc/self/smaps_rollup", "r");

  while (file && fgets (line, sizeof line, file))
    if (sscanf (line, "Private_Dirty: %lf", &k) == 1)
      break;
  if (file)
    fclose (file);
  return k / 1024;
}

static double
cpu_ms (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * (double) t.tv_sec + 1e-6 * (double) t.tv_nsec;
}

/* Looks of one stream; *encode and *caption: ms of one. */
static void
work (Stream *s, double *encode, double *caption)
{
  BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = 1280, .height = 720, .planes = { pixels }, .strides = { 1280 * 3 } };
  double start = cpu_ms (), middle;
  BitmarCaption written;

  for (guint i = 0; i < LOOKS; i++)
    g_assert_true (bitmar_encoder_encode (s->encoder, &image, s->episode, NULL));
  middle = cpu_ms ();
  for (guint i = 0; i < LOOKS; i++) {
    g_assert_true (bitmar_memory_observe (s->memory, s->episode, i, NULL));
    g_assert_true (bitmar_captioner_caption (s->captioner, s->episode, NULL, &written, NULL));
  }
  *encode = (middle - start) / LOOKS;
  *caption = (cpu_ms () - middle) / LOOKS;
}

static BitmarModel *
test_model (const char *path)
{
  double before = mebibytes (), took;
  BitmarModel *model = bitmar_model_load (path, NULL), *again;

  took = mebibytes () - before;
  again = bitmar_model_load (path, NULL);
  printf ("# %.1f MiB a model, %.1f more when it is loaded again\n", took, mebibytes () - before - took);
  printf ("%s 1 - a model is loaded once\n", again == model && took < MODEL_MIB ? "ok" : "not ok");
  g_object_unref (again);
  return model;
}

int
main (int argc, char **argv)
{
  BitmarModel *model;
  double before, took, encode, caption;

  if (mebibytes () <= 0) {
    printf ("1..0 # SKIP no /proc/self/smaps_rollup\n");
    return 0;
  }
  printf ("1..2\n");
  for (gsize i = 0; i < sizeof pixels; i++)
    pixels[i] = (guint8) ((i / 3 % 1280 * 7 + i / 3840 * 3) ^ (i >> 9));
  model = test_model (argv[1]);
  before = mebibytes ();
  for (guint i = 0; i < STREAMS; i++) {
    Stream s = { bitmar_encoder_new (model, NULL), bitmar_episode_new (model, NULL), bitmar_memory_new (model, 0, -2, NULL),
      bitmar_captioner_new (model, NULL) };

    work (&s, &encode, &caption);      /* what is made stays until the end: it is counted */
  }
  took = (mebibytes () - before) / STREAMS;
  printf ("# %.1f MiB a stream; of the CPU %.1f ms a look at 1280x720, %.1f ms a caption\n", took, encode, caption);
  printf ("%s 2 - a stream takes less than %g MiB\n", took < STREAM_MIB ? "ok" : "not ok", STREAM_MIB);
  g_object_unref (model);
  return 0;
}
