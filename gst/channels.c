/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channels.h"

/* References to what is requested now: the lock is never held while a channel works. */
typedef struct {
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  guint n;
} Snapshot;

static Snapshot
snapshot (BitmarChannels *set)
{
  Snapshot s = { .n = 0 };

  g_mutex_lock (&set->lock);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    if (set->channels[i])
      s.channels[s.n++] = bitmar_channel_ref (set->channels[i]);
  g_mutex_unlock (&set->lock);
  return s;
}

static void
release (Snapshot *s)
{
  for (guint i = 0; i < s->n; i++)
    bitmar_channel_unref (s->channels[i]);
}

void
bitmar_channels_init (BitmarChannels *set)
{
  *set = (BitmarChannels) { .timing.lateness = GST_CLOCK_TIME_NONE };
  g_mutex_init (&set->lock);
}

void
bitmar_channels_clear (BitmarChannels *set)
{
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    g_clear_pointer (&set->channels[i], bitmar_channel_unref);
  g_mutex_clear (&set->lock);
}

GstPad *
bitmar_channels_request (BitmarChannels *set, BitmarChannelKind kind, GstPadTemplate *template)
{
  GstPad *pad = NULL;

  g_mutex_lock (&set->lock);
  if (!set->channels[kind]) {
    set->channels[kind] = bitmar_channel_new (kind, template, GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
    pad = bitmar_channel_get_pad (set->channels[kind]);
  }
  g_mutex_unlock (&set->lock);
  return pad;
}

BitmarChannel *
bitmar_channels_take (BitmarChannels *set, GstPad *pad)
{
  BitmarChannel *channel = NULL;

  g_mutex_lock (&set->lock);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    if (set->channels[i] && bitmar_channel_get_pad (set->channels[i]) == pad)
      channel = g_steal_pointer (&set->channels[i]);
  g_mutex_unlock (&set->lock);
  return channel;
}

BitmarChannelTiming
bitmar_channels_get_timing (BitmarChannels *set)
{
  BitmarChannelTiming timing;

  g_mutex_lock (&set->lock);
  timing = set->timing;
  g_mutex_unlock (&set->lock);
  return timing;
}

void
bitmar_channels_set_timing (BitmarChannels *set, const BitmarChannelTiming *timing)
{
  Snapshot s;

  g_mutex_lock (&set->lock);
  set->timing = *timing;
  g_mutex_unlock (&set->lock);
  s = snapshot (set);
  for (guint i = 0; i < s.n; i++)
    bitmar_channel_set_timing (s.channels[i], timing);
  release (&s);
}

gboolean
bitmar_channels_say (BitmarChannels *set, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at)
{
  Snapshot s = snapshot (set);
  gboolean shown = TRUE;

  for (guint i = 0; i < s.n; i++)
    shown &= bitmar_channel_say (s.channels[i], caption, repeat, at);
  release (&s);
  return shown;
}

void
bitmar_channels_begin (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment)
{
  BitmarChannelTiming timing = bitmar_channels_get_timing (set);
  Snapshot s = snapshot (set);

  for (guint i = 0; i < s.n; i++)
    bitmar_channel_begin (s.channels[i], sinkpad, segment, &timing);
  release (&s);
}

static void
begin_late (BitmarChannels *set, BitmarChannel *channel, GstPad *sinkpad, const GstSegment *segment)
{
  BitmarChannelTiming timing = bitmar_channels_get_timing (set);

  if (!bitmar_channel_has_begun (channel))
    bitmar_channel_begin (channel, sinkpad, segment, &timing);
}

void
bitmar_channels_join (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment)
{
  Snapshot s = snapshot (set);

  for (guint i = 0; i < s.n; i++)
    begin_late (set, s.channels[i], sinkpad, segment);
  release (&s);
}

void
bitmar_channels_advance (BitmarChannels *set, const GstBitmarCaptionInfo *current, GstClockTime start, GstClockTime end,
    gboolean synchronous)
{
  Snapshot s = snapshot (set);

  for (guint i = 0; i < s.n; i++) {
    if (current && bitmar_channel_has_begun (s.channels[i]))
      bitmar_channel_hold (s.channels[i], current, start);
    bitmar_channel_advance (s.channels[i], start, end, synchronous);
    if (synchronous)
      bitmar_channel_wait (s.channels[i]);
  }
  release (&s);
}

void
bitmar_channels_end (BitmarChannels *set, GstPad *sinkpad, const GstSegment *segment, GstClockTime end, GstEvent *event)
{
  Snapshot s = snapshot (set);

  for (guint i = 0; i < s.n; i++) {
    begin_late (set, s.channels[i], sinkpad, segment);
    bitmar_channel_finish (s.channels[i], end);
    bitmar_channel_send (s.channels[i], gst_event_ref (event));
  }
  release (&s);
}

void
bitmar_channels_flush (BitmarChannels *set, GstEvent *event)
{
  Snapshot s = snapshot (set);

  for (guint i = 0; i < s.n; i++)
    bitmar_channel_flush (s.channels[i], event);
  release (&s);
}

/* NOT_LINKED and EOS end the stream where all pads say so; what is worse ends it at once, but for a text's reader that flushes. */
GstFlowReturn
bitmar_channels_combine (BitmarChannels *set, GstFlowReturn video)
{
  gboolean unlinked = video == GST_FLOW_NOT_LINKED, over = unlinked || video == GST_FLOW_EOS;
  Snapshot s = snapshot (set);
  GstFlowReturn worst = GST_FLOW_OK;

  for (guint i = 0; i < s.n; i++) {
    GstFlowReturn flow = bitmar_channel_get_flow (s.channels[i]);

    unlinked &= flow == GST_FLOW_NOT_LINKED;
    over &= flow == GST_FLOW_NOT_LINKED || flow == GST_FLOW_EOS;
    worst = flow < GST_FLOW_EOS ? MIN (worst, flow) : worst;
  }
  release (&s);
  if (video == GST_FLOW_FLUSHING || video < GST_FLOW_EOS)
    return video;
  return worst < GST_FLOW_OK ? worst : unlinked ? GST_FLOW_NOT_LINKED : over ? GST_FLOW_EOS : GST_FLOW_OK;
}
