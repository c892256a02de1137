/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames that are worked on after they have passed. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* A copy in the format's own layout, so that upstream gets its buffer back; NULL when the buffer can't be read.
 * *info describes the copy. */
GstBuffer *bitmar_picture_copy (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info);

/* The buffer itself where nobody upstream waits to get it back: plain memory, of no pool or of one that grows. Else a copy. Whoever writes
 * into the frame downstream gets a copy from GStreamer then, so what is kept does not change. */
GstBuffer *bitmar_picture_keep (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info);

G_END_DECLS
