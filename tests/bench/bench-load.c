/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-load [SECONDS [CORE [STREAMS]]]: live 1280x720 cameras of 25 frames a second in one process on one core, one caption a second of
 * each; the frames are there already (decoding is apart), and go into sinks that drop what comes 20 ms late.
 *
 * How many streams the core serves is taken from the CPU time of four, unless STREAMS says it. Then come so many, without our elements (the
 * share of the machine) and with them, and twice as many. Prints for each: the share of the core, video buffers and how many were
 * late, captions asked for and made, what `stats` says was left out, and of the stream with the fewest and the most captions. */

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define FPS 25
#define PICTURES 8
#define BYTES (1280 * 720 * 3 / 2)
/* Models load, the first looks are cold. */
#define WARM 3
#define PROBE 4

typedef struct {
  GstElement *source, *encode, *caption, *sink;
  guint captions;
} Stream;

typedef struct {
  double cores;                /* CPU seconds a second */
  guint64 buffers, late, looks, left_out, captions, fewest, most;
} Result;

static GstBuffer *pictures[PICTURES];

static void
draw_pictures (void)
{
  for (guint p = 0; p < PICTURES; p++) {
    guint8 *data = g_malloc (BYTES);

    for (guint i = 0; i < BYTES; i++)
      data[i] = (guint8) (128 + 110 * sin (0.01 * (1 + p) * (i % 1280) + 0.000011 * (2 + p) * i + p));
    pictures[p] = gst_buffer_new_wrapped (data, BYTES);
  }
}

static double
cpu_seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* ---- The pipeline ------------------------------------------------------------------------------------ */

static GstElement *
child (GstElement *pipeline, const char *name, guint i)
{
  char *full = g_strdup_printf ("%s%u", name, i);
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), full);

  g_free (full);
  return element;
}

static GstElement *
build (Stream *streams, guint n, gboolean ours)
{
  GString *line = g_string_new (NULL);
  GstElement *pipeline;

  for (guint i = 0; i < n; i++) {
    g_string_append_printf (line, "appsrc name=source%u is-live=true format=time max-buffers=4 leaky-type=none "
        "caps=video/x-raw,format=NV12,width=1280,height=720,framerate=%d/1 ! ", i, FPS);
    if (ours)
      g_string_append_printf (line, "bitmarencode name=encode%u ! bitmarmemory ! bitmarcaption name=caption%u change-threshold=0 "
          "min-interval=0 repeat=always min-confidence=0 ! ", i, i);
    g_string_append_printf (line, "fakesink name=sink%u sync=true qos=true max-lateness=20000000 ", i);
  }
  pipeline = gst_parse_launch (line->str, NULL);
  g_string_free (line, TRUE);
  for (guint i = 0; i < n; i++)
    streams[i] = (Stream) { child (pipeline, "source", i), child (pipeline, "encode", i), child (pipeline, "caption", i),
      child (pipeline, "sink", i), 0 };
  return pipeline;
}

static guint64
field (GstElement *element, const char *name)
{
  GstStructure *stats;
  guint64 x = 0;

  if (!element)
    return 0;
  g_object_get (element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, name, &x);
  gst_structure_free (stats);
  return x;
}

/* ---- A run ------------------------------------------------------------------------------------------- */

/* The cameras do not shoot at the same moment. */
static void
feed (GstElement *pipeline, Stream *streams, guint n, guint frame, GstClockTime begin)
{
  for (guint i = 0; i < n; i++) {
    GstClockTime at = begin + gst_util_uint64_scale (frame * n + i, GST_SECOND, (guint64) FPS * n);
    GstBuffer *buffer = gst_buffer_copy (pictures[(frame / FPS + i) % PICTURES]);
    gint64 wait;

    wait = GST_CLOCK_DIFF (gst_element_get_current_running_time (pipeline), at) / 1000;
    if (wait > 0)
      g_usleep ((gulong) wait);
    GST_BUFFER_PTS (buffer) = at;
    GST_BUFFER_DURATION (buffer) = GST_SECOND / FPS;
    gst_app_src_push_buffer (GST_APP_SRC (streams[i].source), buffer);
  }
}

static void
read_bus (GstBus *bus, Stream *streams, guint n)
{
  GstMessage *message;

  while ((message = gst_bus_pop (bus))) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      g_printerr ("bench-load: an element failed\n");
      exit (1);
    }
    if (gst_message_has_name (message, "bitmar-caption"))
      for (guint i = 0; i < n; i++)
        streams[i].captions += GST_MESSAGE_SRC (message) == (GstObject *) streams[i].caption;
    gst_message_unref (message);
  }
}

/* What all streams have now; of the captions those since the streams' counters were zero. */
static Result
tally (Stream *streams, guint n)
{
  Result r = { .fewest = G_MAXUINT64, .cores = cpu_seconds () };

  for (guint i = 0; i < n; i++) {
    guint64 rendered = field (streams[i].sink, "rendered"), dropped = field (streams[i].sink, "dropped");

    r.buffers += rendered + dropped;
    r.late += dropped;
    r.looks += field (streams[i].encode, "frames-encoded") + field (streams[i].encode, "frames-skipped");
    r.left_out += field (streams[i].encode, "frames-skipped") + field (streams[i].caption, "skipped");
    r.captions += streams[i].captions;
    r.fewest = MIN (r.fewest, streams[i].captions);
    r.most = MAX (r.most, streams[i].captions);
  }
  return r;
}

static Result
run (guint n, guint seconds, gboolean ours)
{
  Stream *streams = g_new0 (Stream, n);
  GstElement *pipeline = build (streams, n, ours);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstClockTime begin;
  Result before, after;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (2 * G_USEC_PER_SEC);
  begin = gst_element_get_current_running_time (pipeline);
  for (guint frame = 0; frame < WARM * FPS; frame++)
    feed (pipeline, streams, n, frame, begin);
  read_bus (bus, streams, n);
  for (guint i = 0; i < n; i++)
    streams[i].captions = 0;
  before = tally (streams, n);
  for (guint frame = WARM * FPS; frame < (WARM + seconds) * FPS; frame++) {
    feed (pipeline, streams, n, frame, begin);
    read_bus (bus, streams, n);
  }
  after = tally (streams, n);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  for (guint i = 0; i < n; i++) {
    gst_object_unref (streams[i].source);
    gst_clear_object (&streams[i].encode);
    gst_clear_object (&streams[i].caption);
    gst_object_unref (streams[i].sink);
  }
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (streams);
  return (Result) { (after.cores - before.cores) / seconds, after.buffers - before.buffers, after.late - before.late,
    after.looks - before.looks, after.left_out - before.left_out, after.captions, after.fewest, after.most };
}

static void
print (const char *what, guint n, guint seconds, Result r)
{
  g_print ("%-8s %7u %6.2f %9" G_GUINT64_FORMAT " %7" G_GUINT64_FORMAT " %7u %8" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT
      " %6" G_GUINT64_FORMAT " %6" G_GUINT64_FORMAT "\n", what, n, r.cores, r.buffers, r.late, n * seconds, r.captions, r.left_out,
      r.captions ? r.fewest : 0, r.most);
}

int
main (int argc, char **argv)
{
  guint seconds = argc > 1 ? strtoul (argv[1], NULL, 10) : 20, core = argc > 2 ? strtoul (argv[2], NULL, 10) : 0, n;
  cpu_set_t cpus;
  Result few, none;

  CPU_ZERO (&cpus);
  CPU_SET (core, &cpus);
  if (seconds == 0 || sched_setaffinity (0, sizeof cpus, &cpus) != 0) {
    g_printerr ("usage: bench-load [SECONDS [CORE [STREAMS]]]\n");
    return 2;
  }
  gst_init (NULL, NULL);
  draw_pictures ();
  g_print ("%-8s %7s %6s %9s %7s %7s %8s %8s %6s %6s\n", "", "streams", "cores", "buffers", "late", "asked", "captions", "left out",
      "fewest", "most");
  none = run (PROBE, seconds, FALSE);
  print ("without", PROBE, seconds, none);
  few = run (PROBE, seconds, TRUE);
  print ("with", PROBE, seconds, few);
  if (few.captions * 100 < (guint64) PROBE * seconds * 98)
    g_print ("the core is not ours alone: what follows holds for fewer captions than one a second\n");
  n = argc > 3 ? strtoul (argv[3], NULL, 10) : MAX (1, (guint) (PROBE / MAX (few.cores, 0.01)));
  g_print ("%.1f ms of CPU time a second and stream, %.1f of them without our elements: one core serves %.0f streams\n",
      1000 * few.cores / PROBE, 1000 * none.cores / PROBE, PROBE / MAX (few.cores, 0.01));
  print ("without", n, seconds, run (n, seconds, FALSE));
  print ("with", n, seconds, run (n, seconds, TRUE));
  print ("with", 2 * n, seconds, run (2 * n, seconds, TRUE));
  return 0;
}
