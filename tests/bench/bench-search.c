/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-search MODEL [EVENTS [FOLDER]]: an event log of EVENTS (100000) captions, made in FOLDER (a temporary one)
 * and removed again: how fast it is filled, opened, searched, and forgotten from. */

#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "bitmar.h"

#define QUERIES 200
#define THUMBNAIL 4000

static GRand *rand_;

static void
check (gboolean done, GError *error)
{
  if (done)
    return;
  g_printerr ("bench-search: %s\n", error->message);
  exit (1);
}

static double
ms_since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / 1000;
}

/* Of this thread, which is what searches: other programs' load is not in it. */
static double
cpu_ms (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void
random_unit (float *x, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++) {
    x[i] = (float) g_rand_double_range (rand_, -1, 1);
    square += (double) x[i] * x[i];
  }
  for (gsize i = 0; i < n; i++)
    x[i] /= (float) sqrt (square);
}

static BitmarEventLog *
open_log (const char *path, BitmarModel *model, BitmarEventLogMode mode)
{
  GError *error = NULL;
  BitmarEventLog *log = bitmar_event_log_open (path, model, mode, &error);

  check (log != NULL, error);
  return log;
}

/* Every hundredth has a thumbnail. */
static void
append (BitmarEventLog *log, guint i, float *x, gsize width, GBytes *jpeg)
{
  char *text = g_strdup_printf ("a man rides a bicycle on a city street, the %uth", i);
  BitmarEvent e = { .camera = i % 4 ? "yard" : "door", .text = text, .utc = i * G_GINT64_CONSTANT (1000000000),
      .pts = i,
    .running_time = i, .confidence = 0.5f, .novelty = 0.5f, .embedding = x, .thumbnail = i % 100 ? NULL : jpeg };
  GError *error = NULL;

  random_unit (x, width);
  while (!bitmar_event_log_append (log, &e, &error)) {
    check (g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_FULL), error);
    g_clear_error (&error);
    check (bitmar_event_log_flush (log, &error), error);
  }
  g_free (text);
}

static void
fill (const char *path, BitmarModel *model, guint events)
{
  BitmarEventLog *log = open_log (path, model, BITMAR_EVENT_LOG_WRITE);
  gsize width = bitmar_model_get_memory_width (model);
  GBytes *jpeg = g_bytes_new_take (g_malloc0 (THUMBNAIL), THUMBNAIL);
  float *x = g_new (float, width);
  gint64 start = g_get_monotonic_time ();
  GError *error = NULL;

  for (guint i = 0; i < events; i++)
    append (log, i, x, width, jpeg);
  check (bitmar_event_log_flush (log, &error), error);
  g_print ("insert   %10.0f events/s, committed in batches\n", events / ms_since (start) * 1000);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < 100; i++) {
    append (log, events + i, x, width, jpeg);
    check (bitmar_event_log_flush (log, &error), error);
  }
  g_print ("         %10.0f events/s, each committed by itself\n", 100 / ms_since (start) * 1000);
  g_object_unref (log);
  g_bytes_unref (jpeg);
  g_free (x);
}

static int
by_size (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
query (BitmarEventLog *log, gsize width, const char *name, gint64 from, const char *camera)
{
  float *x = g_new (float, width);
  double times[QUERIES], cpu[QUERIES];

  for (guint i = 0; i < QUERIES; i++) {
    GError *error = NULL;
    GPtrArray *found;
    gint64 start;

    random_unit (x, width);
    start = g_get_monotonic_time ();
    cpu[i] = cpu_ms ();
    found = bitmar_event_log_query (log, x, width, 10, from, -1, camera, &error);
    cpu[i] = cpu_ms () - cpu[i];
    times[i] = ms_since (start);
    check (found != NULL, error);
    g_ptr_array_unref (found);
  }
  qsort (times, QUERIES, sizeof *times, by_size);
  qsort (cpu, QUERIES, sizeof *cpu, by_size);
  g_print ("query    %10.2f ms p50 %8.2f ms p95 (CPU: %.2f, %.2f), %s\n", times[QUERIES / 2], times[QUERIES * 95 / 100],
      cpu[QUERIES / 2], cpu[QUERIES * 95 / 100], name);
  g_free (x);
}

static void
sentence (BitmarEventLog *log)
{
  gint64 start = g_get_monotonic_time ();
  GError *error = NULL;
  GPtrArray *found = bitmar_event_log_query_text (log, "a man with a dog", 10, 0, -1, NULL, &error);

  check (found != NULL, error);
  g_print ("         %10.2f ms, by a sentence\n", ms_since (start));
  g_ptr_array_unref (found);
}

static void
search (const char *path, BitmarModel *model, guint events)
{
  gsize width = bitmar_model_get_memory_width (model);
  float *x = g_new (float, width);
  gint64 start = g_get_monotonic_time ();
  BitmarEventLog *log = open_log (path, model, BITMAR_EVENT_LOG_READ_ONLY);
  GError *error = NULL;
  GPtrArray *found;

  g_print ("open     %10.1f ms\n", ms_since (start));
  start = g_get_monotonic_time ();
  random_unit (x, width);
  found = bitmar_event_log_query (log, x, width, 10, 0, -1, NULL, &error);
  check (found != NULL, error);
  g_ptr_array_unref (found);
  g_print ("         %10.1f ms, the first query, which reads all embeddings\n", ms_since (start));
  query (log, width, "all", 0, NULL);
  query (log, width, "one of two cameras, a quarter of the events", 0, "door");
  query (log, width, "the last tenth of the time", (gint64) events * 9 / 10 * 1000000000, NULL);
  sentence (log);
  g_object_unref (log);
  g_free (x);
}

static void
forget (const char *path)
{
  BitmarEventLog *log = open_log (path, NULL, BITMAR_EVENT_LOG_WRITE);
  BitmarEventLogInfo info;
  GError *error = NULL;
  gint64 start;

  check (bitmar_event_log_get_info (log, &info, &error), error);
  g_print ("file     %10.1f MB, %" G_GUINT64_FORMAT " events, a hundredth with a thumbnail of %d bytes\n",
      (double) info.bytes / 1e6,
      info.events, THUMBNAIL);
  start = g_get_monotonic_time ();
  check (bitmar_event_log_forget (log, 1000000000, 2000000000, NULL, NULL, &error), error);
  g_print ("forget   %10.0f ms, one event\n", ms_since (start));
  g_object_unref (log);
}

int
main (int argc, char **argv)
{
  guint events = argc > 2 ? strtoul (argv[2], NULL, 10) : 100000;
  char *folder = argc > 3 ? g_strdup (argv[3]) : g_dir_make_tmp ("bench-search-XXXXXX", NULL);
  char *path = g_build_filename (folder, "bench-search.log", NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (argc > 1 ? argv[1] : bitmar_model_default_path (), &error);

  check (model != NULL, error);
  rand_ = g_rand_new_with_seed (1);
  g_unlink (path);
  g_print ("width %u, %s\n", bitmar_model_get_memory_width (model), path);
  fill (path, model, events);
  search (path, model, events);
  forget (path);
  g_unlink (path);
  if (argc <= 3)
    g_rmdir (folder);
  g_object_unref (model);
  g_free (path);
  g_free (folder);
  return 0;
}
