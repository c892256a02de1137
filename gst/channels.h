/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The channels of one captioner: requested and released from any thread while the others pass captions and video on. */
#pragma once

#include "channel.h"

G_BEGIN_DECLS

typedef struct {
  GMutex lock;
  BitmarChannel *channels[BITMAR_N_CHANNELS];  /* NULL: not requested */
  BitmarChannelTiming timing;
} BitmarChannels;

void bitmar_channels_init (BitmarChannels *set);
void bitmar_channels_clear (BitmarChannels *set);

/* The new channel's pad, borrowed; NULL when there is one of that kind. */
GstPad *bitmar_channels_request (BitmarChannels *set, BitmarChannelKind kind, GstPadTemplate *template);
/* (transfer full) The channel of that pad, which is none of the set's any more; NULL when it never was. */
BitmarChannel *bitmar_channels_take (BitmarChannels *set, GstPad *pad);

BitmarChannelTiming bitmar_channels_get_timing (BitmarChannels *set);
void bitmar_channels_set_timing (BitmarChannels *set, const BitmarChannelTiming *timing);

/* As their namesakes of one channel. FALSE when it came too late for one of them. */
gboolean bitmar_channels_say (BitmarChannels *set, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at);
void bitmar_channels_begin (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment);
/* A channel that was requested in the middle of the stream begins here. */
void bitmar_channels_join (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment);
/* current: what is up at the start, NULL: nothing. When synchronous, text is exact to the frame, and this blocks while a channel is full. */
void bitmar_channels_advance (BitmarChannels *set, const GstBitmarCaptionInfo *current, GstClockTime start, GstClockTime end,
    gboolean synchronous);
/* Closes what is open at `end` and sends the event after it. */
void bitmar_channels_end (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment, GstClockTime end, GstEvent *event);
void bitmar_channels_flush (BitmarChannels *set, GstEvent *event);
/* The result of the last push of video and those of the channels in one, as GstFlowCombiner has it. */
GstFlowReturn bitmar_channels_combine (BitmarChannels *set, GstFlowReturn video);

G_END_DECLS
