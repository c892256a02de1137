/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include "bitmar-rtsp.h"

G_BEGIN_DECLS

/* A client's thread and a media's may go on for a while when the server is closed: each has a reference. */
BitmarRtspMount *bitmar_rtsp_mount_new (void);
BitmarRtspMount *bitmar_rtsp_mount_ref (BitmarRtspMount *mount);
void bitmar_rtsp_mount_unref (BitmarRtspMount *mount);

gboolean bitmar_rtsp_mount_push_video (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time);
void bitmar_rtsp_mount_push_metadata (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time);
void bitmar_rtsp_mount_stop (BitmarRtspMount *mount);

/* For the factory, in clients' threads. */
/* NULL: there is nothing to be watched now. (transfer full) */
GstElement *bitmar_rtsp_mount_make_bin (BitmarRtspMount *mount);
gboolean bitmar_rtsp_mount_is_ready (BitmarRtspMount *mount);
/* Which medias of the mount are one: a new one begins when the former is over. */
guint bitmar_rtsp_mount_get_generation (BitmarRtspMount *mount);
/* From now on the media, whose element was made by make_bin(), is given what comes. */
void bitmar_rtsp_mount_attach (BitmarRtspMount *mount, GstRTSPMedia *media);

/* Somebody has begun to watch. */
void bitmar_rtsp_media_welcome (GstRTSPMedia *media);
/* Nobody joins it any more. */
void bitmar_rtsp_media_retire (GstRTSPMedia *media);
/* How long ago its source went, in µs; -1: it is there. */
gint64 bitmar_rtsp_media_ended_since (GstRTSPMedia *media);

/* factory.c. (transfer full) */
GstRTSPMediaFactory *bitmar_rtsp_factory_new (BitmarRtspMount *mount);
/* NULL: the factory is none of ours. */
BitmarRtspMount *bitmar_rtsp_factory_get_mount (GstRTSPMediaFactory *factory);

/* auth.c. user: NULL, whoever comes may watch. (transfer full) */
#define BITMAR_RTSP_ROLE "viewer"
GstRTSPAuth *bitmar_rtsp_auth_new (const char *user, const char *password, GTlsCertificate *certificate);

G_END_DECLS
