/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text pad's time: turns "this is the caption from here on" and "the video is here now" into pieces of text and gaps
 * that abut, never overlap and always have a length. Knows no pads and no threads.
 *
 *   live  pieces of `piece`, written past the video's position, so that no overlay or muxer waits for what comes next
 *   cue   one piece per caption, written when its end is known, at the latest after `BITMAR_TIMELINE_CUE`; gaps only while
 *         there is no caption */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define BITMAR_TIMELINE_PIECE (200 * GST_MSECOND)
#define BITMAR_TIMELINE_CUE (10 * GST_SECOND)
#define BITMAR_TIMELINE_BROKEN (1 * GST_SECOND)

/* text = NULL is a gap; its duration may then be GST_CLOCK_TIME_NONE. */
typedef void (*BitmarTimelineFunc) (const char *text, GstClockTime start, GstClockTime duration, gpointer user_data);

typedef struct {
  BitmarTimelineFunc func;
  gpointer user_data;
  gboolean cue;
  GstClockTime piece;          /* `BITMAR_TIMELINE_PIECE`; 0 where text is never late and may be as exact as the frames */
  GstClockTime position;       /* written up to here; NONE before the first frame */
  GstClockTime stop;           /* nothing is written past it, NONE: no limit */
  char *text;                  /* the current caption, NULL: nothing to say */
  gboolean unsaid;             /* of which nothing was written yet */
  gboolean broken;             /* the current cue goes out in pieces of `BITMAR_TIMELINE_BROKEN` */
} BitmarTimeline;

void bitmar_timeline_init (BitmarTimeline *timeline, BitmarTimelineFunc func, gpointer user_data);
void bitmar_timeline_clear (BitmarTimeline *timeline);
/* A new segment or a flush: no position, no text. */
void bitmar_timeline_reset (BitmarTimeline *timeline, gboolean cue, GstClockTime stop);
/* `text` (NULL: silence) is current from `at` on, or from where the text already is. */
void bitmar_timeline_say (BitmarTimeline *timeline, const char *text, GstClockTime at);
/* The video needs text up to `until`. */
void bitmar_timeline_advance (BitmarTimeline *timeline, GstClockTime start, GstClockTime until);
/* The stream ends at `end`: what is open is closed, what was not said yet is said. */
void bitmar_timeline_finish (BitmarTimeline *timeline, GstClockTime end);
/* Somebody waits for text and will not take more video before: the open cue is written up to `until` and goes on in pieces.
 * FALSE: no cue is open. */
gboolean bitmar_timeline_break (BitmarTimeline *timeline, GstClockTime until);

G_END_DECLS
