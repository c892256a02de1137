/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel.h"

#include <string.h>

#include "captiontext.h"
#include "output.h"
#include "timeline.h"

struct _BitmarChannel {
  BitmarChannelKind kind;
  BitmarOutput *output;
  GMutex lock;                 /* of the rest */
  gboolean markup;
  gboolean told;               /* what is up, since the segment began */
  BitmarTimeline timeline;
  BitmarChannelTiming timing;
  GstClockTime floor;          /* the segment's start */
  GstClockTime position;       /* JSON: gaps were sent up to here */
  GstClockTime video, video_before;    /* where the video is, and was when the task was idle the last time */
};

static void
push_bytes (BitmarChannel *channel, char *text, GstClockTime pts, GstClockTime duration)
{
  GstBuffer *buffer = gst_buffer_new_wrapped (text, strlen (text));

  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  bitmar_output_push (channel->output, GST_MINI_OBJECT (buffer));
}

static void
push_gap (BitmarChannel *channel, GstClockTime start, GstClockTime duration)
{
  bitmar_output_push (channel->output, GST_MINI_OBJECT (gst_event_new_gap (start, duration)));
}

static void
write_text (const char *text, GstClockTime start, GstClockTime duration, gpointer user_data)
{
  BitmarChannel *channel = user_data;

  if (text)
    push_bytes (channel, bitmar_caption_text (text, channel->markup), start, duration);
  else
    push_gap (channel, start, duration);
}

static GstCaps *
choose_caps (GstCaps *allowed, gpointer user_data)
{
  BitmarChannel *channel = user_data;
  GstStructure *s;
  GstCaps *caps;

  if (channel->kind == BITMAR_CHANNEL_JSON)
    return gst_caps_new_empty_simple ("application/x-json");
  if (gst_caps_is_empty (allowed))
    return gst_caps_new_simple ("text/x-raw", "format", G_TYPE_STRING, "utf8", NULL);
  caps = gst_caps_truncate (gst_caps_copy (allowed));
  s = gst_caps_get_structure (caps, 0);
  /* Plain text unless the peer insists: every consumer shows it as it is. */
  gst_structure_fixate_field_string (s, "format", "utf8");
  caps = gst_caps_fixate (caps);
  channel->markup = !g_strcmp0 (gst_structure_get_string (gst_caps_get_structure (caps, 0), "format"), "pango-markup");
  return caps;
}

/* A muxer that has room for less video than a cue is long waits for the cue's end, and we for its video. */
static void
idle (gpointer user_data)
{
  BitmarChannel *channel = user_data;
  gboolean stuck;

  g_mutex_lock (&channel->lock);
  stuck = channel->video == channel->video_before
      && bitmar_timeline_break (&channel->timeline, channel->video);
  channel->video_before = channel->video;
  g_mutex_unlock (&channel->lock);
  if (stuck)
    GST_WARNING_OBJECT (bitmar_output_get_pad (channel->output), "the video is held up, maybe by a muxer that waits for this "
        "text: cutting the cue. A queue of more than 10 seconds for the (encoded) video avoids it");
}

BitmarChannel *
bitmar_channel_new (BitmarChannelKind kind, GstPadTemplate *template, const char *name)
{
  BitmarChannel *channel = g_atomic_rc_box_new0 (BitmarChannel);

  channel->kind = kind;
  g_mutex_init (&channel->lock);
  channel->output = bitmar_output_new (template, name, choose_caps, idle, channel);
  bitmar_timeline_init (&channel->timeline, write_text, channel);
  channel->position = channel->video = GST_CLOCK_TIME_NONE;
  return channel;
}

BitmarChannel *
bitmar_channel_ref (BitmarChannel *channel)
{
  return g_atomic_rc_box_acquire (channel);
}

static void
channel_clear (gpointer data)
{
  BitmarChannel *channel = data;

  bitmar_timeline_clear (&channel->timeline);
  bitmar_output_free (channel->output);
  g_mutex_clear (&channel->lock);
}

void
bitmar_channel_unref (BitmarChannel *channel)
{
  g_atomic_rc_box_release_full (channel, channel_clear);
}

void
bitmar_channel_retire (BitmarChannel *channel)
{
  bitmar_output_retire (channel->output);
}

GstPad *
bitmar_channel_get_pad (BitmarChannel *channel)
{
  return bitmar_output_get_pad (channel->output);
}

void
bitmar_channel_begin (BitmarChannel *channel, GstPad *sinkpad, const GstSegment *segment,
    const BitmarChannelTiming *timing)
{
  g_mutex_lock (&channel->lock);
  bitmar_timeline_finish (&channel->timeline, channel->timeline.position);
  bitmar_output_begin (channel->output, sinkpad, segment);
  channel->timing = *timing;
  channel->floor = segment->start;
  bitmar_timeline_reset (&channel->timeline, timing->cue && channel->kind == BITMAR_CHANNEL_TEXT, segment->stop);
  channel->position = GST_CLOCK_TIME_NONE;
  channel->told = FALSE;
  g_mutex_unlock (&channel->lock);
}

void
bitmar_channel_set_timing (BitmarChannel *channel, const BitmarChannelTiming *timing)
{
  g_mutex_lock (&channel->lock);
  channel->timing = *timing;
  g_mutex_unlock (&channel->lock);
}

gboolean
bitmar_channel_has_begun (BitmarChannel *channel)
{
  return bitmar_output_has_begun (channel->output);
}

static gboolean
is_late (BitmarChannel *channel, GstClockTime at)
{
  GstClockTime position = channel->timeline.position;

  return GST_CLOCK_TIME_IS_VALID (channel->timing.lateness) && GST_CLOCK_TIME_IS_VALID (position) && position > at
      && position - at > channel->timing.lateness;
}

gboolean
bitmar_channel_say (BitmarChannel *channel, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at)
{
  gboolean shown = TRUE;

  g_mutex_lock (&channel->lock);
  if (!bitmar_output_has_begun (channel->output)) {
    /* It is told of what is up when it begins. */
  } else if (channel->kind == BITMAR_CHANNEL_JSON) {
    if (caption)
      push_bytes (channel, bitmar_caption_json (caption, repeat), caption->time.pts, GST_CLOCK_TIME_NONE);
  } else if (!repeat) {
    channel->told = TRUE;
    shown = !caption || !is_late (channel, at);
    bitmar_timeline_say (&channel->timeline, caption && shown ? caption->text : NULL, at);
  }
  g_mutex_unlock (&channel->lock);
  return shown;
}

void
bitmar_channel_hold (BitmarChannel *channel, const GstBitmarCaptionInfo *current, GstClockTime at)
{
  g_mutex_lock (&channel->lock);
  if (!channel->told && channel->kind != BITMAR_CHANNEL_JSON)
    bitmar_timeline_say (&channel->timeline, current->text, at);
  channel->told = TRUE;
  g_mutex_unlock (&channel->lock);
}

void
bitmar_channel_advance (BitmarChannel *channel, GstClockTime start, GstClockTime end, gboolean exact)
{
  GstClockTime latency;

  g_mutex_lock (&channel->lock);
  latency = channel->timing.latency;
  channel->video = end;
  /* A frame of unknown length still needs text that has one. */
  channel->timeline.piece = exact && end > start ? 0 : BITMAR_TIMELINE_PIECE;
  if (channel->kind == BITMAR_CHANNEL_JSON) {
    /* Sinks preroll and clocks go on while there is nothing to say. */
    if (!GST_CLOCK_TIME_IS_VALID (channel->position) || end >= channel->position + GST_SECOND) {
      push_gap (channel, start, GST_CLOCK_TIME_NONE);
      channel->position = end;
    }
  } else if (end > channel->floor + latency) {
    bitmar_timeline_advance (&channel->timeline, MAX (start, channel->floor + latency) - latency, end - latency);
  }
  g_mutex_unlock (&channel->lock);
}

void
bitmar_channel_finish (BitmarChannel *channel, GstClockTime end)
{
  g_mutex_lock (&channel->lock);
  bitmar_timeline_finish (&channel->timeline, end);
  g_mutex_unlock (&channel->lock);
}

void
bitmar_channel_send (BitmarChannel *channel, GstEvent *event)
{
  bitmar_output_push (channel->output, GST_MINI_OBJECT (event));
}

void
bitmar_channel_flush (BitmarChannel *channel, GstEvent *event)
{
  bitmar_output_flush (channel->output, event);
  g_mutex_lock (&channel->lock);
  bitmar_timeline_reset (&channel->timeline, channel->timeline.cue, GST_CLOCK_TIME_NONE);
  g_mutex_unlock (&channel->lock);
}

void
bitmar_channel_wait (BitmarChannel *channel)
{
  bitmar_output_wait (channel->output);
}

GstFlowReturn
bitmar_channel_get_flow (BitmarChannel *channel)
{
  return bitmar_output_get_flow (channel->output);
}
