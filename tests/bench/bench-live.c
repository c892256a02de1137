/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-live [SECONDS [DELAY_MS]]: a live 1280x720 camera at 30 frames a second into a sink that drops what is 20 ms late, without our
 * elements and with them, captions slowed to DELAY_MS (2000) each. Prints how many buffers came and how many were late. */

#include <gst/gst.h>
#include <stdlib.h>

typedef struct {
  guint64 rendered, dropped, captions;
} Tally;

static Tally
run (const char *elements, guint seconds)
{
  char *line = g_strdup_printf ("videotestsrc is-live=true num-buffers=%u pattern=ball ! "
      "video/x-raw,format=NV12,width=1280,height=720,framerate=30/1 ! %s fakesink name=sink sync=true qos=true "
      "max-lateness=20000000", 30 * seconds, elements);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error), *sink;
  GstStructure *stats;
  Tally t = { 0 };
  gboolean ended = FALSE;
  GstBus *bus;

  if (!pipeline || error) {
    g_printerr ("bench-live: %s\n", error->message);
    exit (1);
  }
  bus = gst_element_get_bus (pipeline);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      exit (1);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    t.captions += gst_message_has_name (message, "bitmar-caption");
    gst_message_unref (message);
  }
  g_object_get (sink, "stats", &stats, NULL);
  gst_structure_get (stats, "rendered", G_TYPE_UINT64, &t.rendered, "dropped", G_TYPE_UINT64, &t.dropped, NULL);
  gst_structure_free (stats);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
  return t;
}

int
main (int argc, char **argv)
{
  guint seconds = argc > 1 ? strtoul (argv[1], NULL, 10) : 20;
  Tally without, with;

  g_setenv ("BITMAR_TEST_DELAY_MS", argc > 2 ? argv[2] : "2000", TRUE);
  gst_init (&argc, &argv);
  without = run ("", seconds);
  with = run ("bitmarencode ! bitmarmemory ! bitmarcaption change-threshold=0 !", seconds);
  g_print ("%-10s %10s %10s %10s\n", "", "buffers", "late", "captions");
  g_print ("%-10s %10" G_GUINT64_FORMAT " %10" G_GUINT64_FORMAT "\n", "without", without.rendered + without.dropped,
      without.dropped);
  g_print ("%-10s %10" G_GUINT64_FORMAT " %10" G_GUINT64_FORMAT " %10" G_GUINT64_FORMAT "\n", "with",
      with.rendered + with.dropped, with.dropped, with.captions);
  return 0;
}
