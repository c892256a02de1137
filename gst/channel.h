/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One way out for captions: a pad, the form captions take there and, for text, when they are shown. All calls are
 * thread-safe and none blocks but bitmar_channel_wait(). */
#pragma once

#include "gstbitmarmeta.h"

G_BEGIN_DECLS

typedef enum {
  BITMAR_CHANNEL_TEXT,
  BITMAR_CHANNEL_OVERLAY,
  BITMAR_CHANNEL_JSON,
  BITMAR_N_CHANNELS
} BitmarChannelKind;

typedef struct {
  gboolean cue;                /* TEXT only: one buffer a caption */
  GstClockTime latency;        /* text is written this long after the video it belongs to */
  GstClockTime lateness;       /* text later than this is not shown; NONE: always shown */
} BitmarChannelTiming;

typedef struct _BitmarChannel BitmarChannel;

BitmarChannel *bitmar_channel_new (BitmarChannelKind kind, GstPadTemplate *template, const char *name);
BitmarChannel *bitmar_channel_ref (BitmarChannel *channel);
void bitmar_channel_unref (BitmarChannel *channel);
/* Its pad is released. */
void bitmar_channel_retire (BitmarChannel *channel);
GstPad *bitmar_channel_get_pad (BitmarChannel *channel);

/* A new segment of the video; ends what was open in the former. */
void bitmar_channel_begin (BitmarChannel *channel, GstPad *sinkpad, const GstSegment *segment,
    const BitmarChannelTiming *timing);
void bitmar_channel_set_timing (BitmarChannel *channel, const BitmarChannelTiming *timing);   /* but for `cue` */
gboolean bitmar_channel_has_begun (BitmarChannel *channel);
/* caption = NULL: from `at` on there is nothing to say. FALSE when it came too late to be shown. */
gboolean bitmar_channel_say (BitmarChannel *channel, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at);
/* What is up at `at`, for a channel that began after it was said, or with another segment since. */
void bitmar_channel_hold (BitmarChannel *channel, const GstBitmarCaptionInfo *current, GstClockTime at);
/* The video from start to end passes now (stream time of the segment). exact: every caption comes before its frame passes, so text
 * need not run ahead of the video. */
void bitmar_channel_advance (BitmarChannel *channel, GstClockTime start, GstClockTime end, gboolean exact);
/* The video ended at `end`; what is open is closed. */
void bitmar_channel_finish (BitmarChannel *channel, GstClockTime end);
/* A serialised event, after all that was said. Takes it. */
void bitmar_channel_send (BitmarChannel *channel, GstEvent *event);
void bitmar_channel_flush (BitmarChannel *channel, GstEvent *event);
void bitmar_channel_wait (BitmarChannel *channel);
GstFlowReturn bitmar_channel_get_flow (BitmarChannel *channel);

G_END_DECLS
