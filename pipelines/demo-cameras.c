/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* demo-cameras PORT FILE[#t=SECONDS]…: cameras for pipelines/demo-nvr and for tests. Each video, over and over, at first from that second on, and a test
 * picture for each "-", as Motion JPEG at rtsp://127.0.0.1:PORT/1, /2 and so on; PORT 0: a free one. Prints the addresses when they can be asked, and ends
 * when it is killed. */

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START "#t="

/* A film that goes round, from the moment a camera is asked until nobody watches it. */
typedef struct {
  GstElement *pipeline, *to;
  GstClockTime start;          /* of the first round */
  guint watch;
} Film;

static void
seek (GstElement *pipeline, GstClockTime time)
{
  gst_element_seek_simple (pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT, (gint64) time);
}

static gboolean
rewind_film (gpointer pipeline)
{
  seek (pipeline, 0);
  return G_SOURCE_REMOVE;
}

/* What is to begin later is sought as soon as it can be. */
static gboolean
heard (GstBus *bus, GstMessage *message, gpointer data)
{
  Film *film = data;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    fprintf (stderr, "demo-cameras: %s\n", error->message);
  }
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ASYNC_DONE || film->start == 0)
    return G_SOURCE_CONTINUE;
  seek (film->pipeline, film->start);
  film->start = 0;
  gst_element_set_state (film->pipeline, GST_STATE_PLAYING);
  return G_SOURCE_CONTINUE;
}

static void
ended (GstAppSink *sink, gpointer data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, rewind_film, gst_object_ref (((Film *) data)->pipeline), gst_object_unref);
}

/* With the time of now: of a camera nobody sees that it begins anew. */
static GstFlowReturn
hand_on (GstAppSink *sink, gpointer data)
{
  Film *film = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer;

  if (!sample)
    return GST_FLOW_EOS;
  buffer = gst_buffer_copy (gst_sample_get_buffer (sample));
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_NONE;
  gst_sample_unref (sample);
  gst_app_src_push_buffer (GST_APP_SRC (film->to), buffer);
  return GST_FLOW_OK;
}

static void
film_free (gpointer data)
{
  Film *film = data;

  g_source_remove (film->watch);
  gst_element_set_state (film->pipeline, GST_STATE_NULL);
  gst_object_unref (film->pipeline);
  gst_object_unref (film->to);
  g_free (film);
}

/* Without its start, where the name has one. (transfer full) */
static char *
path_of (const char *file, GstClockTime *start)
{
  const char *mark = g_strrstr (file, START);
  guint64 seconds;

  *start = 0;
  if (!mark || !g_ascii_string_to_unsigned (mark + strlen (START), 10, 0, 86400, &seconds, NULL))
    return g_strdup (file);
  *start = seconds * GST_SECOND;
  return g_strndup (file, (gsize) (mark - file));
}

static void
play (Film *film)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (film->pipeline);

  film->watch = gst_bus_add_watch (bus, heard, film);
  gst_element_set_state (film->pipeline, film->start ? GST_STATE_PAUSED : GST_STATE_PLAYING);
}

static void
configure (GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer file)
{
  static const GstAppSinkCallbacks callbacks = { .eos = ended, .new_sample = hand_on };
  GstElement *bin = gst_rtsp_media_get_element (media), *sink;
  Film *film = g_new0 (Film, 1);
  g_autofree char *path = path_of (file, &film->start), *uri = gst_filename_to_uri (path, NULL);

  film->to = gst_bin_get_by_name_recurse_up (GST_BIN (bin), "from");
  film->pipeline = gst_parse_launch ("uridecodebin name=in caps=video/x-raw(ANY) expose-all-streams=false ! videoconvert ! videoscale ! videorate ! "
      "video/x-raw,format=I420,width=640,height=360,framerate=12/1,pixel-aspect-ratio=1/1 ! jpegenc quality=75 ! appsink name=out sync=true max-buffers=2", NULL);
  gst_util_set_object_arg (G_OBJECT (film->to), "format", "time");
  sink = gst_bin_get_by_name (GST_BIN (film->pipeline), "in");
  g_object_set (sink, "uri", uri, NULL);
  gst_object_unref (sink);
  sink = gst_bin_get_by_name (GST_BIN (film->pipeline), "out");
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), (GstAppSinkCallbacks *) &callbacks, film, NULL);
  gst_object_unref (sink);
  gst_object_unref (bin);
  g_object_set_data_full (G_OBJECT (media), "film", film, film_free);
  play (film);
}

static gboolean
is_there (const char *file)
{
  GstClockTime start;
  g_autofree char *path = path_of (file, &start);

  return g_str_equal (file, "-") || g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static void
add_camera (GstRTSPServer *server, guint number, char *file)
{
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new ();
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points (server);
  g_autofree char *path = g_strdup_printf ("/%u", number);

  if (g_str_equal (file, "-")) {
    gst_rtsp_media_factory_set_launch (factory, "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=12/1 ! "
        "jpegenc ! rtpjpegpay name=pay0 )");
  } else {
    gst_rtsp_media_factory_set_launch (factory, "( appsrc name=from is-live=true do-timestamp=true max-buffers=4 leaky-type=downstream "
        "caps=image/jpeg,framerate=12/1,width=640,height=360 ! rtpjpegpay name=pay0 )");
    g_signal_connect (factory, "media-configure", G_CALLBACK (configure), file);
  }
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  gst_rtsp_mount_points_add_factory (mounts, path, factory);
  g_object_unref (mounts);
}

int
main (int argc, char **argv)
{
  GstRTSPServer *server;

  gst_init (&argc, &argv);
  if (argc < 3) {
    fprintf (stderr, "demo-cameras: takes a port and files\n");
    return 2;
  }
  for (int i = 2; i < argc; i++)
    if (!is_there (argv[i])) {
      fprintf (stderr, "demo-cameras: there is no file %s\n", argv[i]);
      return 2;
    }
  server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (server, "127.0.0.1");
  gst_rtsp_server_set_service (server, argv[1]);
  for (int i = 2; i < argc; i++)
    add_camera (server, (guint) i - 1, argv[i]);
  if (gst_rtsp_server_attach (server, NULL) == 0) {
    fprintf (stderr, "demo-cameras: port %s can't be had\n", argv[1]);
    return 1;
  }
  for (int i = 2; i < argc; i++)
    printf ("rtsp://127.0.0.1:%d/%d\n", gst_rtsp_server_get_bound_port (server), i - 1);
  fflush (stdout);
  g_main_loop_run (g_main_loop_new (NULL, FALSE));
  return 0;
}
