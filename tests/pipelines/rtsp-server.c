/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rtsp-server PORTFILE: a camera for tests. Serves a moving picture as Motion JPEG on 127.0.0.1, writes its address to
 * PORTFILE when it is ready, and ends when killed. */

#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

int
main (int argc, char **argv)
{
  GMainLoop *loop;
  GstRTSPServer *server;
  GstRTSPMountPoints *mounts;
  GstRTSPMediaFactory *factory;
  char *address;

  gst_init (&argc, &argv);
  if (argc != 2)
    return 2;
  server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (server, "127.0.0.1");
  gst_rtsp_server_set_service (server, "0");
  factory = gst_rtsp_media_factory_new ();
  gst_rtsp_media_factory_set_launch (factory, "( videotestsrc is-live=true num-buffers=60 pattern=ball ! "
      "video/x-raw,format=I420,width=160,height=120,framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 )");
  mounts = gst_rtsp_server_get_mount_points (server);
  gst_rtsp_mount_points_add_factory (mounts, "/camera", factory);
  g_object_unref (mounts);
  if (gst_rtsp_server_attach (server, NULL) == 0)
    return 1;
  address = g_strdup_printf ("rtsp://127.0.0.1:%d/camera\n", gst_rtsp_server_get_bound_port (server));
  if (!g_file_set_contents (argv[1], address, -1, NULL))
    return 1;
  g_free (address);
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  return 0;
}
