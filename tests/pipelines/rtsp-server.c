/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rtsp-server PORTFILE [PIPELINE]: a camera for tests. Serves a moving picture as Motion JPEG on 127.0.0.1, or what PIPELINE makes, writes its address
 * to PORTFILE when it is ready, and ends when killed. SIGUSR1: it goes away, as a camera without power does, and nobody else gets its port; SIGUSR2: it
 * is back. */

#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

/* It hangs up by itself after four seconds. */
#define BALL "( videotestsrc is-live=true num-buffers=60 pattern=ball ! video/x-raw,format=I420,width=160,height=120,framerate=15/1 ! jpegenc ! " \
    "rtpjpegpay name=pay0 )"

typedef struct {
  const char *launch;
  int port;                    /* 0: not known yet */
  GSocket *keeper;             /* has it while nobody listens */
  GstRTSPServer *server;       /* NULL: it is away */
  guint source;
} Camera;

static gboolean
come (gpointer data)
{
  Camera *camera = data;
  GstRTSPMountPoints *mounts;
  GstRTSPMediaFactory *factory;
  g_autofree char *service = g_strdup_printf ("%d", camera->port);

  if (camera->server)
    return G_SOURCE_CONTINUE;
  camera->server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (camera->server, "127.0.0.1");
  gst_rtsp_server_set_service (camera->server, service);
  factory = gst_rtsp_media_factory_new ();
  gst_rtsp_media_factory_set_launch (factory, camera->launch);
  mounts = gst_rtsp_server_get_mount_points (camera->server);
  gst_rtsp_mount_points_add_factory (mounts, "/camera", factory);
  g_object_unref (mounts);
  camera->source = gst_rtsp_server_attach (camera->server, NULL);
  if (camera->source == 0)
    g_error ("rtsp-server: can't listen");
  camera->port = gst_rtsp_server_get_bound_port (camera->server);
  return G_SOURCE_CONTINUE;
}

static GstRTSPFilterResult
hang_up (GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
  return GST_RTSP_FILTER_REMOVE;
}

static gboolean
go (gpointer data)
{
  Camera *camera = data;

  if (!camera->server)
    return G_SOURCE_CONTINUE;
  g_source_remove (camera->source);
  gst_rtsp_server_client_filter (camera->server, hang_up, NULL);
  g_clear_object (&camera->server);
  return G_SOURCE_CONTINUE;
}

/* A port that is bound, but not listened at, is given to nobody who does not ask for it. */
static int
keep_port (Camera *camera)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (address, 0), bound = NULL;

  camera->keeper = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  if (!camera->keeper || !g_socket_bind (camera->keeper, any, TRUE, NULL) || !(bound = g_socket_get_local_address (camera->keeper, NULL)))
    return 0;
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
}

int
main (int argc, char **argv)
{
  Camera camera = { .launch = BALL };
  char *address;

  gst_init (&argc, &argv);
  if (argc != 2 && argc != 3)
    return 2;
  if (argc == 3)
    camera.launch = argv[2];
  camera.port = keep_port (&camera);
  if (camera.port == 0)
    return 1;
  come (&camera);
  g_unix_signal_add (SIGUSR1, go, &camera);
  g_unix_signal_add (SIGUSR2, come, &camera);
  address = g_strdup_printf ("rtsp://127.0.0.1:%d/camera\n", camera.port);
  if (!g_file_set_contents (argv[1], address, -1, NULL))
    return 1;
  g_free (address);
  g_main_loop_run (g_main_loop_new (NULL, FALSE));
  return 0;
}
