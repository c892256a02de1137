/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The elements in an application's pipeline: JSON of each caption by an appsink, errors by the bus, a clean end by ^C.
 *
 *   cc captions.c -o captions $(pkg-config --cflags --libs gstreamer-app-1.0)
 *   ./captions URI */
#include <glib-unix.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <stdio.h>

typedef struct {
  GstElement *pipeline;
  GMainLoop *loop;
  gboolean failed;
} App;

/* In a thread of the pipeline: an object of JSON and a newline. */
static GstFlowReturn
on_json (GstAppSink *sink, gpointer user_data)
{
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstMapInfo map;

  (void) user_data;
  if (!sample)
    return GST_FLOW_EOS;
  if (gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ)) {
    fwrite (map.data, 1, map.size, stdout);
    fflush (stdout);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
  }
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

/* Captions are rare: the pipeline must not wait for one before it plays, nor hold one back until it is due. */
static gboolean
add_json (GstElement *pipeline)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_json };
  GstElement *caption = gst_bin_get_by_name (GST_BIN (pipeline), "caption"), *sink = gst_element_factory_make ("appsink", NULL);
  GstPad *from, *to;
  gboolean linked;

  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, NULL, NULL);
  gst_bin_add (GST_BIN (pipeline), sink);
  from = gst_element_request_pad_simple (caption, "json_src");
  to = gst_element_get_static_pad (sink, "sink");
  linked = from && gst_pad_link (from, to) == GST_PAD_LINK_OK;
  g_clear_pointer (&from, gst_object_unref);
  gst_object_unref (to);
  gst_object_unref (caption);
  return linked;
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  App *app = user_data;
  GError *error = NULL;

  (void) bus;
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      fprintf (stderr, "warning: %s\n", error->message);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      fprintf (stderr, "error: %s: %s\n", GST_OBJECT_NAME (message->src), error->message);
      app->failed = TRUE;
      g_main_loop_quit (app->loop);
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit (app->loop);
      break;
    default:
      break;
  }
  g_clear_error (&error);
  return G_SOURCE_CONTINUE;
}

/* The last caption is written, files are finished, then EOS comes by the bus. */
static gboolean
on_interrupt (gpointer user_data)
{
  gst_element_send_event (((App *) user_data)->pipeline, gst_event_new_eos ());
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  App app = { NULL };
  GError *error = NULL;
  GstElement *source;
  GstBus *bus;

  gst_init (&argc, &argv);
  app.pipeline = gst_parse_launch_full ("uridecodebin name=source ! videoconvert ! bitmarencode ! bitmarmemory stream-id=yard "
      "! bitmarcaption name=caption ! fakesink", NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (argc != 2 || !app.pipeline || !add_json (app.pipeline)) {
    fprintf (stderr, "captions: %s\n", error ? error->message : "URI");
    return 1;
  }
  source = gst_bin_get_by_name (GST_BIN (app.pipeline), "source");
  g_object_set (source, "uri", argv[1], NULL);
  gst_object_unref (source);
  app.loop = g_main_loop_new (NULL, FALSE);
  bus = gst_element_get_bus (app.pipeline);
  gst_bus_add_watch (bus, on_message, &app);
  g_unix_signal_add (SIGINT, on_interrupt, &app);
  gst_element_set_state (app.pipeline, GST_STATE_PLAYING);
  g_main_loop_run (app.loop);

  gst_element_set_state (app.pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_object_unref (app.pipeline);
  g_main_loop_unref (app.loop);
  return app.failed ? 1 : 0;
}
