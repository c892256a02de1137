/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small pictures of what was looked at, for people who search. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* All zero is a fresh one. One thread at a time. */
typedef struct {
  GstVideoConverter *converter;
  GstVideoInfo from, to;
} BitmarThumbnailer;

/* A sample of raw RGB, at most `width` (> 0) pixels wide and no larger than the frame. NULL when the format can't be converted. */
GstSample *bitmar_thumbnailer_make (BitmarThumbnailer *thumbnailer, GstVideoFrame *frame, guint width);
void bitmar_thumbnailer_clear (BitmarThumbnailer *thumbnailer);

/* Blocks for some milliseconds; uses GStreamer's own JPEG encoder (plugin jpeg, of gst-plugins-good). NULL with *error set. */
GBytes *bitmar_thumbnail_to_jpeg (GstSample *thumbnail, GError **error);

G_END_DECLS
