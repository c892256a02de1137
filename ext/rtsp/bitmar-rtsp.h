/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An RTSP server of encoded video with ONVIF metadata beside it, as a module: `bitmar serve` loads it, since only it needs gst-rtsp-server. What is
 * served is handed over from elsewhere, as it comes. All who watch a mount share one pipeline; who is slow harms nobody else. A mount without a source
 * answers that it is not available, and who watches when the source goes is told that the stream has ended, and hung up on. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  const char *address;         /* to listen on, in numbers */
  guint port;                  /* 0: any */
  const char *user, *password; /* NULL: whoever reaches the address may watch */
  const char *certificate, *key;       /* PEM files; NULL: no TLS */
  guint max_clients;
} BitmarRtspOptions;

typedef struct _BitmarRtspServer BitmarRtspServer;
typedef struct _BitmarRtspMount BitmarRtspMount;

/* Of video that can be served as it is: what RTP has a form for. JPEG has it up to 2040 x 2040. */
#define BITMAR_RTSP_PASS "video/x-h264; video/x-h265; image/jpeg, width = (int) [ 1, 2040 ], height = (int) [ 1, 2040 ]; video/x-vp8; video/x-vp9"

#define BITMAR_RTSP_ABI 1
#define BITMAR_RTSP_SYMBOL "bitmar_rtsp_table"

typedef struct {
  guint abi;
  /* Serves from the default main context. NULL: it can't listen there, or a file of TLS can't be read. */
  BitmarRtspServer *(*open) (const BitmarRtspOptions *options, GError **error);
  /* Hangs up on all. Nothing is handed over any more. */
  void (*close) (BitmarRtspServer *server);
  guint (*get_port) (BitmarRtspServer *server);
  /* path: begins with a slash. The server's. */
  BitmarRtspMount *(*add) (BitmarRtspServer *server, const char *path);
  /* From any thread; never wait. base_time: of the pipeline that the sample is from, on the system clock.
   * TRUE: somebody has come, for whom a key frame and a document with all that is current should be made. */
  gboolean (*push_video) (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time);
  /* Documents that don't say all that is current are delta units. */
  void (*push_metadata) (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time);
  /* The source is away; it is back with the next video. */
  void (*stop) (BitmarRtspMount *mount);
} BitmarRtspTable;

G_END_DECLS
