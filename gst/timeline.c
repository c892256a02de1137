/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "timeline.h"

void
bitmar_timeline_init (BitmarTimeline *timeline, BitmarTimelineFunc func, gpointer user_data)
{
  *timeline = (BitmarTimeline) { .func = func, .user_data = user_data, .position = GST_CLOCK_TIME_NONE,
    .stop = GST_CLOCK_TIME_NONE, .piece = BITMAR_TIMELINE_PIECE };
}

void
bitmar_timeline_clear (BitmarTimeline *timeline)
{
  g_clear_pointer (&timeline->text, g_free);
  timeline->unsaid = timeline->broken = FALSE;
}

void
bitmar_timeline_reset (BitmarTimeline *timeline, gboolean cue, GstClockTime stop)
{
  bitmar_timeline_clear (timeline);
  timeline->cue = cue;
  timeline->position = GST_CLOCK_TIME_NONE;
  timeline->stop = stop;
}

/* [position, until) of what is current. */
static void
write_piece (BitmarTimeline *t, GstClockTime until)
{
  if (GST_CLOCK_TIME_IS_VALID (t->stop))
    until = MIN (until, t->stop);
  if (until <= t->position)
    return;
  t->func (t->text, t->position, until - t->position, t->user_data);
  t->position = until;
  t->unsaid = FALSE;
}

/* Whether a cue waits for its end. */
static gboolean
is_open (const BitmarTimeline *timeline)
{
  return timeline->cue && timeline->text != NULL && !timeline->broken;
}

void
bitmar_timeline_say (BitmarTimeline *timeline, const char *text, GstClockTime at)
{
  if (!GST_CLOCK_TIME_IS_VALID (timeline->position))
    timeline->position = at;
  else
    write_piece (timeline, at);
  bitmar_timeline_clear (timeline);
  timeline->text = g_strdup (text);
  timeline->unsaid = text != NULL;
  /* Sinks preroll on a gap, they need not wait for the cue's end. */
  if (is_open (timeline))
    timeline->func (NULL, timeline->position, GST_CLOCK_TIME_NONE, timeline->user_data);
}

void
bitmar_timeline_advance (BitmarTimeline *timeline, GstClockTime start, GstClockTime until)
{
  if (!GST_CLOCK_TIME_IS_VALID (timeline->position))
    timeline->position = start;
  /* A piece that ends where the video ends is followed by the next at once: the overlay drops the old one there. */
  if (!is_open (timeline) && timeline->position <= until)
    write_piece (timeline, MAX (until, timeline->position
            + (timeline->broken ? BITMAR_TIMELINE_BROKEN : timeline->piece)));
  else if (is_open (timeline) && until >= timeline->position + BITMAR_TIMELINE_CUE)
    write_piece (timeline, timeline->position + BITMAR_TIMELINE_CUE);
}

void
bitmar_timeline_finish (BitmarTimeline *timeline, GstClockTime end)
{
  if (!GST_CLOCK_TIME_IS_VALID (timeline->position))
    return;
  if (timeline->unsaid && (!GST_CLOCK_TIME_IS_VALID (end) || end <= timeline->position)) {
    end = timeline->position + BITMAR_TIMELINE_PIECE;
    timeline->stop = GST_CLOCK_TIME_NONE;
  }
  if (GST_CLOCK_TIME_IS_VALID (end) && (timeline->unsaid || is_open (timeline)))
    write_piece (timeline, end);
  bitmar_timeline_clear (timeline);
}

gboolean
bitmar_timeline_break (BitmarTimeline *timeline, GstClockTime until)
{
  if (!is_open (timeline))
    return FALSE;
  timeline->broken = TRUE;
  write_piece (timeline, MAX (until, timeline->position + BITMAR_TIMELINE_BROKEN));
  return TRUE;
}
