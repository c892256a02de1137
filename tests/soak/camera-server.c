/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* camera-server [OPTION…]: cameras for tests, H.264 over RTSP at rtsp://127.0.0.1:PORT/camera0, /camera1, … whose picture is another
 * one every second. Prints PORT and a newline when it serves.
 *
 * SIGUSR1: the timestamps of all cameras start at zero again. SIGUSR2: their pictures get another size. */

#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <signal.h>
#include <stdio.h>

#define SIZES "video/x-raw,format=I420,framerate=15/1,width=%d,height=%d"
#define MOST 16

typedef struct {
  GstElement *size;            /* of the media that plays, NULL: nobody looks */
  gint64 second;               /* of the picture */
  GstClockTime shift;          /* what is taken off the timestamps */
  gboolean restart;            /* takes the next one as zero */
} Camera;

static Camera cameras[MOST];
static GMutex lock;            /* of the cameras */
static guint size_now;
static gdouble loss;

static GstCaps *
make_caps (void)
{
  static const gint sizes[][2] = { { 320, 240 }, { 640, 360 }, { 176, 144 } };
  const gint *s = sizes[size_now % G_N_ELEMENTS (sizes)];
  char *text = g_strdup_printf (SIZES, s[0], s[1]);
  GstCaps *caps = gst_caps_from_string (text);

  g_free (text);
  return caps;
}

/* ---- One camera ------------------------------------------------------------------------------------ */

/* In the streaming thread: videotestsrc must not be told while it paints. */
static GstPadProbeReturn
next_picture (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  static const char *const patterns[] = { "smpte", "checkers-8", "red", "pinwheel", "snow", "blue", "circular", "white" };
  Camera *camera = data;
  gint64 second = g_get_monotonic_time () / G_USEC_PER_SEC;
  GstElement *source;

  if (second == camera->second)
    return GST_PAD_PROBE_OK;
  camera->second = second;
  source = gst_pad_get_parent_element (pad);
  gst_util_set_object_arg (G_OBJECT (source), "pattern", patterns[(second + 3 * (camera - cameras)) % G_N_ELEMENTS (patterns)]);
  gst_object_unref (source);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
shift_time (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Camera *camera = data;
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  g_mutex_lock (&lock);
  if (camera->restart)
    camera->shift = GST_BUFFER_PTS (buffer);
  camera->restart = FALSE;
  GST_BUFFER_PTS (buffer) -= MIN (camera->shift, GST_BUFFER_PTS (buffer));
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&lock);
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static void
forget (GstRTSPMedia *media, gpointer data)
{
  Camera *camera = data;

  g_mutex_lock (&lock);
  gst_clear_object (&camera->size);
  camera->shift = 0;
  g_mutex_unlock (&lock);
}

static void
probe (GstElement *all, const char *name, const char *pad_name, GstPadProbeCallback callback, Camera *camera)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (all), name);
  GstPad *pad = gst_element_get_static_pad (element, pad_name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, camera, NULL);
  gst_object_unref (pad);
  gst_object_unref (element);
}

static void
configure (GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data)
{
  Camera *camera = data;
  GstElement *all = gst_rtsp_media_get_element (media);

  probe (all, "source", "src", next_picture, camera);
  probe (all, "rtp", "sink", shift_time, camera);
  g_mutex_lock (&lock);
  camera->size = gst_bin_get_by_name (GST_BIN (all), "size");
  g_mutex_unlock (&lock);
  g_signal_connect (media, "unprepared", G_CALLBACK (forget), camera);
  gst_object_unref (all);
}

/* ---- The factory: a network that loses packets stands behind the payloader ------------------------------ */

typedef GstRTSPMediaFactory CameraFactory;
typedef GstRTSPMediaFactoryClass CameraFactoryClass;
static GType camera_factory_get_type (void);
G_DEFINE_TYPE (CameraFactory, camera_factory, GST_TYPE_RTSP_MEDIA_FACTORY)

static GstElement *
create (GstRTSPMediaFactory *factory, const GstRTSPUrl *url)
{
  GstElement *all = gst_bin_new (NULL), *pay, *source, *size;
  GstCaps *caps = make_caps ();
  char *line;

  source = gst_parse_bin_from_description ("videotestsrc name=source is-live=true pattern=smpte ! capsfilter name=size ! "
      "openh264enc gop-size=15 complexity=low bitrate=600000 ! h264parse", TRUE, NULL);
  size = gst_bin_get_by_name (GST_BIN (source), "size");
  g_object_set (size, "caps", caps, NULL);
  gst_caps_unref (caps);
  gst_object_unref (size);
  line = loss > 0 ? g_strdup_printf ("rtph264pay name=rtp pt=96 config-interval=-1 ! netsim drop-probability=%g duplicate-probability=0.01 "
      "delay-probability=0.2 min-delay=1 max-delay=60", loss) : g_strdup ("rtph264pay name=rtp pt=96 config-interval=-1");
  pay = gst_parse_bin_from_description (line, TRUE, NULL);
  g_free (line);
  gst_object_set_name (GST_OBJECT (pay), "pay0");
  gst_bin_add_many (GST_BIN (all), source, pay, NULL);
  gst_element_link (source, pay);
  return all;
}

static void
camera_factory_init (CameraFactory *self)
{
}

static void
camera_factory_class_init (CameraFactoryClass *klass)
{
  klass->create_element = create;
}

/* ---- All of them ------------------------------------------------------------------------------------- */

static gboolean
restart_time (gpointer data)
{
  g_mutex_lock (&lock);
  for (guint i = 0; i < MOST; i++)
    cameras[i].restart = TRUE;
  g_mutex_unlock (&lock);
  return G_SOURCE_CONTINUE;
}

static gboolean
next_size (gpointer data)
{
  GstCaps *caps;

  size_now++;
  caps = make_caps ();
  g_mutex_lock (&lock);
  for (guint i = 0; i < MOST; i++)
    if (cameras[i].size)
      g_object_set (cameras[i].size, "caps", caps, NULL);
  g_mutex_unlock (&lock);
  gst_caps_unref (caps);
  return G_SOURCE_CONTINUE;
}

static void
add_camera (GstRTSPMountPoints *mounts, guint i)
{
  GstRTSPMediaFactory *factory = g_object_new (camera_factory_get_type (), NULL);
  char *path = g_strdup_printf ("/camera%u", i);

  gst_rtsp_media_factory_set_shared (factory, TRUE);
  g_signal_connect (factory, "media-configure", G_CALLBACK (configure), &cameras[i]);
  gst_rtsp_mount_points_add_factory (mounts, path, factory);
  g_free (path);
}

int
main (int argc, char **argv)
{
  gint port = 0, n = 4;
  GOptionEntry entries[] = {
    { "port", 'p', 0, G_OPTION_ARG_INT, &port, "0: any", "PORT" },
    { "streams", 'n', 0, G_OPTION_ARG_INT, &n, "Cameras, 1 to 16", "N" },
    { "loss", 'l', 0, G_OPTION_ARG_DOUBLE, &loss, "The share of packets that get lost; a fifth is late and out of order, too", "P" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  GstRTSPServer *server;
  GstRTSPMountPoints *mounts;
  char *service;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error) || n < 1 || n > MOST) {
    g_printerr ("camera-server: %s\n", error ? error->message : "--streams takes 1 to 16");
    return 2;
  }
  server = gst_rtsp_server_new ();
  service = g_strdup_printf ("%d", port);
  gst_rtsp_server_set_address (server, "127.0.0.1");
  gst_rtsp_server_set_service (server, service);
  mounts = gst_rtsp_server_get_mount_points (server);
  for (gint i = 0; i < n; i++)
    add_camera (mounts, i);
  g_object_unref (mounts);
  if (gst_rtsp_server_attach (server, NULL) == 0) {
    g_printerr ("camera-server: no port\n");
    return 1;
  }
  g_unix_signal_add (SIGUSR1, restart_time, NULL);
  g_unix_signal_add (SIGUSR2, next_size, NULL);
  printf ("%d\n", gst_rtsp_server_get_bound_port (server));
  fflush (stdout);
  g_main_loop_run (g_main_loop_new (NULL, FALSE));
  return 0;
}
