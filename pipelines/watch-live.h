/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What outlets may ask of a camera at any time, whether it is there or not: pictures and figures. It outlives the camera's pipelines. */
#pragma once

#include "bitmar-watch-outlet.h"

G_BEGIN_DECLS

typedef struct _WatchLive WatchLive;

WatchLive *watch_live_new (void);
void watch_live_free (WatchLive *live);
/* Before the camera is watched. */
void watch_live_limit (WatchLive *live, guint side, guint rate);

/* In the camera's thread. Adds to the bin what makes pictures of what comes through the tee; FALSE: an element is missing. elements: encode, memory and
 * caption, from when on and until when they are asked. */
gboolean watch_live_add (WatchLive *live, GstBin *bin, GstElement *tee);
void watch_live_begin (WatchLive *live, GstElement *const elements[3]);
void watch_live_end (WatchLive *live);

/* As the host's functions of these names. */
GstStructure *watch_live_stats (WatchLive *live);
gpointer watch_live_view (WatchLive *live, BwoPictureFunc func, gpointer data);
void watch_live_unview (WatchLive *live, gpointer view);

G_END_DECLS
