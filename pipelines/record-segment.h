/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cuts encoded video and its captions into files. Each is muxed by a pipeline of its own from its first key frame on, so that a file is closed while
 * the next one is written, and a caption that spans a cut is in both. (splitmuxsink of GStreamer 1.22 stands still where a subtitle track has nothing
 * to say across a cut.) Times are running time, and may be
 * before its beginning. Any thread. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  /* The path of the file that begins at `start`. (transfer full) */
  char *(*name) (GstClockTimeDiff start, gpointer user_data);
  /* It is whole. In segmenter_poll() and segmenter_close(). */
  void (*closed) (const char *file, GstClockTime duration, gpointer user_data);
  /* There was no room for it, and there is no such file. In segmenter_poll() and segmenter_close(). */
  void (*dropped) (const char *file, gpointer user_data);
} SegmenterFuncs;

typedef struct _Segmenter Segmenter;

Segmenter *segmenter_new (gboolean mp4, GstClockTime length, const SegmenterFuncs *funcs, gpointer user_data);
/* What is not closed yet stays as it is on the disk. */
void segmenter_free (Segmenter *segmenter);
/* TRUE: a key frame is due, to cut there. */
gboolean segmenter_push_video (Segmenter *segmenter, GstSample *sample);
/* text = NULL: nothing is said. Pieces come in their order. */
void segmenter_push_text (Segmenter *segmenter, const char *text, GstClockTimeDiff start, GstClockTimeDiff end);
/* Bytes that wait to be written. */
guint64 segmenter_get_level (Segmenter *segmenter);
/* Looks what has become of the files. (transfer full) Not NULL: what failed; nothing more is written. */
char *segmenter_poll (Segmenter *segmenter);
/* No more comes: all files are closed, or it takes too long. The same. */
char *segmenter_close (Segmenter *segmenter);

G_END_DECLS
