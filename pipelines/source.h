/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a pipeline's frames come from. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A camera that is silent for so long is gone; one that was just asked may take longer to its first key frame. */
#define SOURCE_LOST_US (10 * G_USEC_PER_SEC)
#define SOURCE_FIRST_FRAME_US (20 * G_USEC_PER_SEC)

/* Adds to the pipeline what gives the raw video of `input`, an address or else a file's path or a device, and links the first video stream to
 * the sink pad of `first` once it is there; nothing else is decoded. When there is no video the pipeline posts an application message
 * "no-video". The element that was added and can be taken out again; of a device it is only the last one. NULL: it can't be. */
GstElement *source_add (GstElement *pipeline, GstElement *first, const char *input, gboolean is_uri, GError **error);

/* The element that gives the video of `input` by pads of its own, decoded until it is of one of `caps`; added, and not linked. */
GstElement *source_open (GstElement *pipeline, const char *input, gboolean is_uri, const char *caps, GError **error);

/* How many frames have come to a bitmarencode. */
guint64 source_count_frames (GstElement *encode);

/* A device that v4l2src opens; v4l2:// may stand before it. */
gboolean source_is_device (const char *input);
/* A file, by its path or its address. */
gboolean source_is_file (const char *input);
/* What is wrong with a file that isn't there, which GStreamer only calls a resource. NULL: it is there, or no file. (transfer full) */
char *source_missing_file (const char *input);
/* A camera that is reached by RTSP. */
gboolean source_is_rtsp (const char *input);

G_END_DECLS
