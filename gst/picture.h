/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A mapped video frame as the engine's picture, and copies of frames that outlive their buffer. */
#pragma once

#include <gst/video/video.h>

#include "bitmar.h"

G_BEGIN_DECLS

/* The formats the engine reads, for pad templates. */
#define BITMAR_VIDEO_FORMATS "{ NV12, NV21, I420, YV12, YUY2, UYVY, Y42B, Y444, RGB, BGR, RGBx, BGRx, xRGB, xBGR, " \
    "RGBA, BGRA, ARGB, ABGR, GRAY8 }"

#define BITMAR_VIDEO_CAPS "video/x-raw, format = (string) " BITMAR_VIDEO_FORMATS ", width = (int) [ 1, 16384 ], " \
    "height = (int) [ 1, 16384 ], framerate = (fraction) [ 0/1, MAX ]"

/* Borrows the frame's memory. FALSE for another format. */
gboolean bitmar_picture_from_frame (const GstVideoFrame *frame, BitmarImage *image);
/* A copy in the format's own layout, so that upstream gets its buffer back; NULL when the buffer can't be read.
 * *info describes the copy. */
GstBuffer *bitmar_picture_copy (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info);

G_END_DECLS
