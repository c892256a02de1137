/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies of frames that outlive their buffer. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* A copy in the format's own layout, so that upstream gets its buffer back; NULL when the buffer can't be read.
 * *info describes the copy. */
GstBuffer *bitmar_picture_copy (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info);

G_END_DECLS
