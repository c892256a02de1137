/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subtitle files beside the segments of a recording. A segment and the captions said in it become known in any order; each file is written anew, and
 * whole or not at all, whenever more is known of it. Times are running time, and may be before its beginning. Thread-safe but for flush. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  SIDECAR_NONE,
  SIDECAR_WEBVTT,
  SIDECAR_SRT
} SidecarFormat;

typedef struct _Sidecars Sidecars;

Sidecars *sidecars_new (SidecarFormat format);
void sidecars_free (Sidecars *sidecars);
/* From `start` on the recording goes into the segment `file`. */
void sidecars_cut (Sidecars *sidecars, const char *file, GstClockTimeDiff start);
/* That segment is so long: what is said later is not said in it. */
void sidecars_end (Sidecars *sidecars, const char *file, GstClockTime duration);
/* That segment is no more. */
void sidecars_drop (Sidecars *sidecars, const char *file);
/* Pieces of one caption that abut become one. */
void sidecars_say (Sidecars *sidecars, const char *text, GstClockTimeDiff start, GstClockTimeDiff end);
/* Writes what has changed. FALSE: one could not be written, which is tried again with the next. */
gboolean sidecars_flush (Sidecars *sidecars, GError **error);
/* A new recording begins. What is written stays, what could not be written yet is tried again. */
void sidecars_restart (Sidecars *sidecars);
/* The name beside a segment's. (transfer full) */
char *sidecar_name (SidecarFormat format, const char *file);

G_END_DECLS
