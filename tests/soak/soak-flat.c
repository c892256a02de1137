/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* soak-flat [--frames N] [--seconds S] [--streams N]: whether memory, descriptors and threads of a process stay flat.
 *
 * Streams with a memory file, an event log, alerts, text, overlay and JSON are looked at and captioned every ten frames, until they
 * have had --frames frames together, or --seconds have passed (hours, if need be). Compared are a tenth of the way and the end. A test (TAP). */

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc.h"

static gint frames = 100000, seconds, streams = 4;

typedef struct {
  guint64 frames, captions;
} Progress;

static char *
describe (const char *folder, gboolean logged)
{
  GString *line = g_string_new (NULL);

  for (gint i = 0; i < streams; i++) {
    g_string_append_printf (line, "videotestsrc pattern=%s num-buffers=%d ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! "
        "bitmarencode thumbnail-width=32 ! bitmarmemory stream-id=s%d memory-file=%s/memory%d save-interval=1 alerts=\"any: a dog hold 1s\" ",
        i % 2 ? "snow" : "ball", seconds > 0 ? -1 : frames / streams, i, folder, i);
    if (logged)
      g_string_append_printf (line, "event-log=%s/events.db retention-bytes=2000000 ", folder);
    g_string_append_printf (line, "! bitmarcaption name=c%d change-threshold=0 min-interval=0 repeat=always min-confidence=0 max-tokens=8 ! "
        "fakesink sync=false c%d.text_src ! fakesink sync=false async=false c%d.overlay_src ! fakesink sync=false async=false "
        "c%d.json_src ! fakesink sync=false async=false ", i, i, i, i);
  }
  return g_string_free (line, FALSE);
}

static Progress
progress_of (GstElement *pipeline)
{
  Progress all = { 0 };

  for (gint i = 0; i < streams; i++) {
    g_autofree char *name = g_strdup_printf ("c%d", i);
    GstElement *caption = gst_bin_get_by_name (GST_BIN (pipeline), name);
    GstStructure *stats;
    guint64 n, m;

    g_object_get (caption, "stats", &stats, NULL);
    if (gst_structure_get (stats, "frames-in", G_TYPE_UINT64, &n, "captions", G_TYPE_UINT64, &m, NULL)) {
      all.frames += n;
      all.captions += m;
    }
    gst_structure_free (stats);
    gst_object_unref (caption);
  }
  return all;
}

static void
print (const char *when, Progress p, Holdings h)
{
  printf ("# %s: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " captions; %ld KiB, %d descriptors, %d threads\n", when, p.frames, p.captions,
      h.rss, h.fds, h.threads);
  fflush (stdout);
}

/* FALSE at the end of the streams. The messages of captions are thrown away here. */
static gboolean
read_bus (GstBus *bus, gint64 until)
{
  GstMessage *message;
  GstMessageType type;

  while (g_get_monotonic_time () < until && (message = gst_bus_timed_pop (bus, 100 * GST_MSECOND))) {
    type = GST_MESSAGE_TYPE (message);
    if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_WARNING) {
      printf ("# %s\n", gst_structure_to_string (gst_message_get_structure (message)));
      if (type == GST_MESSAGE_ERROR)
        printf ("Bail out! an element failed\n");
    }
    gst_message_unref (message);
    if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_EOS)
      return FALSE;
  }
  return TRUE;
}

static void
remove_folder (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *full = g_build_filename (path, name, NULL);

    g_unlink (full);
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (path);
}

static gboolean
run (GstElement *pipeline, Holdings *before, Holdings *after)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  gint64 start = g_get_monotonic_time (), told = start, length = seconds * G_USEC_PER_SEC;
  gboolean warm = FALSE, goes_on = TRUE;
  Progress p = { 0 };

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (goes_on && (length == 0 || g_get_monotonic_time () - start < length)) {
    goes_on = read_bus (bus, g_get_monotonic_time () + G_USEC_PER_SEC / 20);
    p = progress_of (pipeline);
    *after = holdings_of (getpid ());
    if (!warm && (length > 0 ? g_get_monotonic_time () - start > length / 10 : p.frames > (guint64) frames / 10)) {
      *before = *after;
      warm = TRUE;
      print ("a tenth of the way", p, *after);
    }
    if (g_get_monotonic_time () - told > 600 * G_USEC_PER_SEC) {
      told = g_get_monotonic_time ();
      print ("on the way", p, *after);
    }
  }
  print ("at the end", p, *after);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  return warm && p.captions >= p.frames / 12;
}

int
main (int argc, char **argv)
{
  GOptionEntry entries[] = {
    { "frames", 'f', 0, G_OPTION_ARG_INT, &frames, "Of all streams together (100,000)", "N" },
    { "seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "Instead of a number of frames", "S" },
    { "streams", 'n', 0, G_OPTION_ARG_INT, &streams, "(4)", "N" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autofree char *folder = g_dir_make_tmp ("bitmar-soak-XXXXXX", NULL), *line = NULL;
  Holdings before = { 0 }, after = { 0 };
  GstElement *pipeline;
  GError *error = NULL;
  gboolean all, flat;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error) || frames < 1000 || streams < 1) {
    fprintf (stderr, "soak-flat: %s\n", error ? error->message : "at least 1000 frames and a stream");
    return 2;
  }
  line = describe (folder, g_getenv ("BITMAR_MODULE_PATH") != NULL);
  pipeline = gst_parse_launch (line, &error);
  if (!pipeline || error) {
    printf ("Bail out! %s\n", error->message);
    return 1;
  }
  puts ("TAP version 13\n1..2");
  all = run (pipeline, &before, &after);
  gst_object_unref (pipeline);
  remove_folder (folder);
  printf ("%s 1 - a caption for every ten frames\n", all ? "ok" : "not ok");
  /* A thread that saves a memory may be there at one moment and not at the other. */
  flat = after.rss - before.rss < 4096 && after.fds <= before.fds + 2 * streams && after.threads <= before.threads + streams;
  printf ("# from then on: %+ld KiB, %+d descriptors, %+d threads\n%s 2 - memory, descriptors and threads are flat\n", after.rss - before.rss,
      after.fds - before.fds, after.threads - before.threads, flat ? "ok" : "not ok");
  return !(all && flat);
}
