/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* read-subtitles FILE: what a player would find in a recording. Prints the subtitle track, a line a caption: START END TEXT in ms, pieces of the same
 * text that abut as one; then "video FRAMES LAST" with the number of frames and the time of the last in ms. */

#include <gst/app/app.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char *text;
  guint64 start, end;
  guint frames;
  guint64 last;
} Found;

static void
print_cue (Found *found)
{
  if (found->text)
    printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s\n", found->start, found->end, found->text);
  g_clear_pointer (&found->text, g_free);
}

/* matroskademux makes markup of what is none. */
static char *
plain (const GstMapInfo *map)
{
  static const char *const marks[][2] = { { "&quot;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" } };
  GString *text = g_string_new_len ((const char *) map->data, map->size);

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    g_string_replace (text, marks[i][0], marks[i][1], 0);
  return g_string_free (text, FALSE);
}

static GstFlowReturn
take_text (GstAppSink *sink, gpointer data)
{
  Found *found = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  guint64 start = (GST_BUFFER_PTS (buffer) + GST_MSECOND / 2) / GST_MSECOND;
  guint64 end = (GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer) + GST_MSECOND / 2) / GST_MSECOND;
  GstMapInfo map;
  char *text;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  text = plain (&map);
  gst_buffer_unmap (buffer, &map);
  /* Matroska's times are whole milliseconds; MP4 has blanks for silence. */
  if (!*g_strstrip (text)) {
    g_free (text);
  } else if (found->text && g_str_equal (found->text, text) && start <= found->end + 2) {
    found->end = end;
    g_free (text);
  } else {
    print_cue (found);
    found->text = text;
    found->start = start;
    found->end = end;
  }
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static GstFlowReturn
take_video (GstAppSink *sink, gpointer data)
{
  Found *found = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  found->frames++;
  found->last = GST_BUFFER_PTS (gst_sample_get_buffer (sample)) / GST_MSECOND;
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static void
pad_added (GstElement *demuxer, GstPad *pad, gpointer data)
{
  GstBin *pipeline = data;
  GstElement *to = gst_bin_get_by_name (pipeline, g_str_has_prefix (GST_PAD_NAME (pad), "video") ? "vq" : "tq");
  GstPad *sink = gst_element_get_static_pad (to, "sink");

  gst_pad_link (pad, sink);
  gst_object_unref (sink);
  gst_object_unref (to);
}

/* The text's queue ends where there is no such track. */
static void
no_more_pads (GstElement *demuxer, gpointer data)
{
  GstElement *to = gst_bin_get_by_name (data, "tq");
  GstPad *sink = gst_element_get_static_pad (to, "sink");

  if (!gst_pad_is_linked (sink))
    gst_pad_send_event (sink, gst_event_new_eos ());
  gst_object_unref (sink);
  gst_object_unref (to);
}

static int
run (const char *path, Found *found)
{
  GstElement *pipeline = gst_parse_launch ("filesrc name=f ! identity name=i  queue name=vq max-size-time=0 max-size-buffers=0 max-size-bytes=0 ! "
      "appsink name=v sync=false async=false emit-signals=true  queue name=tq max-size-time=0 max-size-buffers=0 ! "
      "appsink name=t sync=false async=false emit-signals=true", NULL);
  GstElement *demuxer = gst_element_factory_make (g_str_has_suffix (path, ".mp4") ? "qtdemux" : "matroskademux", NULL);
  GstElement *file = gst_bin_get_by_name (GST_BIN (pipeline), "f"), *first = gst_bin_get_by_name (GST_BIN (pipeline), "i");
  GstElement *video = gst_bin_get_by_name (GST_BIN (pipeline), "v"), *text = gst_bin_get_by_name (GST_BIN (pipeline), "t");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  int status;

  g_object_set (file, "location", path, NULL);
  gst_element_unlink (file, first);
  gst_bin_remove (GST_BIN (pipeline), first);
  gst_object_unref (first);
  gst_bin_add (GST_BIN (pipeline), demuxer);
  gst_element_link (file, demuxer);
  g_signal_connect (demuxer, "pad-added", G_CALLBACK (pad_added), pipeline);
  g_signal_connect (demuxer, "no-more-pads", G_CALLBACK (no_more_pads), pipeline);
  g_signal_connect (video, "new-sample", G_CALLBACK (take_video), found);
  g_signal_connect (text, "new-sample", G_CALLBACK (take_text), found);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  status = message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS ? 0 : 1;
  gst_clear_message (&message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (file);
  gst_object_unref (video);
  gst_object_unref (text);
  gst_object_unref (pipeline);
  return status;
}

int
main (int argc, char **argv)
{
  Found found = { NULL };
  int status;

  gst_init (&argc, &argv);
  if (argc != 2)
    return 2;
  status = run (argv[1], &found);
  print_cue (&found);
  printf ("video %u %" G_GUINT64_FORMAT "\n", found.frames, found.last);
  return status;
}
