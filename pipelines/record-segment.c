/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "record-segment.h"

#include <glib/gstdio.h>
#include <gst/app/app.h>
#include <string.h>

#include "record-disk.h"

/* A caption that lasts is written in pieces of this length, so that what was recorded before is on the disk. mp4mux has to have the next one, too. */
#define PIECE_MKV (2 * GST_SECOND)
#define PIECE_MP4 GST_SECOND
/* Video that waits for what is said at its time; more than any piece. */
#define MAX_WAIT (30 * GST_SECOND)
#define SETTLE_US (100 * 1000)
#define CLOSE_US (60 * G_USEC_PER_SEC)

/* Times have a sign: the first frame of video with B-frames is decoded before time begins. */
#define GOES_ON G_MAXINT64

typedef struct {
  char *file;
  GstElement *pipeline, *video, *text;
  GstBus *bus;
  GstClockTimeDiff start, end;
  GstClockTimeDiff last, distance;     /* its last frame, and how long that is shown */
  gboolean blank, text_begun, text_ended, closed;
  /* Of the text's way to the muxer; atomic. */
  gint pushed, arrived, all_pushed, all_arrived, abandoned;
} Segment;

/* Of what is said (text = NULL: nothing), and not written yet. */
typedef struct {
  char *text;
  GstClockTimeDiff start, end;
} Piece;

/* Of video, likewise. */
typedef struct {
  GstSample *sample;
  Segment *segment;
  GstClockTimeDiff pts, dts;
  gboolean has_dts;
} Frame;

struct _Segmenter {
  gboolean mp4;
  GstClockTimeDiff length, piece;
  const SegmenterFuncs *funcs;
  gpointer user_data;
  GMutex lock;                 /* of the rest */
  GQueue segments;             /* the last one goes on, those before it have their end */
  GQueue pieces, frames;       /* in their order */
  guint64 waiting_bytes;
  GstClockTimeDiff newest;     /* where the video is: what is cut before that is cut */
  GstClockTimeDiff written;    /* text is, up to here */
  gboolean asked;              /* for a key frame */
  GstCaps *caps;
  char *why;                   /* it failed */
};

static void
piece_free (gpointer data)
{
  Piece *piece = data;

  g_free (piece->text);
  g_free (piece);
}

static void
frame_free (gpointer data)
{
  Frame *frame = data;

  gst_sample_unref (frame->sample);
  g_free (frame);
}

/* ---- A file ------------------------------------------------------------------------------------------ */

static void
segment_free (gpointer data)
{
  Segment *segment = data;

  g_atomic_int_set (&segment->abandoned, TRUE);
  gst_element_set_state (segment->pipeline, GST_STATE_NULL);
  gst_object_unref (segment->bus);
  gst_object_unref (segment->video);
  gst_object_unref (segment->text);
  gst_object_unref (segment->pipeline);
  g_free (segment->file);
  g_free (segment);
}

/* Marked as sparse, matroskamux doesn't wait for it; it comes before its video anyway. */
static GstPadProbeReturn
watch_text (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  Segment *segment = data;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    g_atomic_int_inc (&segment->arrived);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    g_atomic_int_set (&segment->all_arrived, TRUE);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    event = gst_event_make_writable (event);
    gst_event_set_stream_flags (event, GST_STREAM_FLAG_SPARSE);
    GST_PAD_PROBE_INFO_DATA (info) = event;
  }
  return GST_PAD_PROBE_OK;
}

/* At the video's end matroskamux ends, whatever is on its way. The last piece stays in front of the muxer until then, so its end need not have come. */
static GstPadProbeReturn
wait_for_text (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  gint64 until = g_get_monotonic_time () + MAX_WAIT / GST_USECOND, settled = 0;
  Segment *segment = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  while (!g_atomic_int_get (&segment->abandoned) && !g_atomic_int_get (&segment->all_arrived) && g_get_monotonic_time () < until) {
    if (!g_atomic_int_get (&segment->all_pushed) || g_atomic_int_get (&segment->arrived) < g_atomic_int_get (&segment->pushed))
      settled = 0;
    else if (settled == 0)
      settled = g_get_monotonic_time ();
    else if (g_get_monotonic_time () > settled + SETTLE_US)
      break;
    g_usleep (5000);
  }
  return GST_PAD_PROBE_OK;
}

static Segment *
segment_new (Segmenter *s, GstCaps *caps, GstClockTimeDiff start)
{
  const char *muxer = s->mp4 ? "mp4mux name=m fragment-duration=1000 fragment-mode=first-moov-then-finalise" : "matroskamux name=m";
  g_autofree char *line = g_strdup_printf ("appsrc name=v format=time max-bytes=0  appsrc name=t format=time max-bytes=0 "
      "caps=text/x-raw,format=utf8  %s ! filesink name=f async=false buffer-mode=unbuffered  v. ! m.video_%%u  t. ! m.subtitle_%%u", muxer);
  GstElement *pipeline = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, NULL), *sink;
  Segment *segment;
  GstPad *pad;

  if (!pipeline)
    return NULL;
  segment = g_new0 (Segment, 1);
  *segment = (Segment) { .file = s->funcs->name (start, s->user_data), .pipeline = pipeline, .video = gst_bin_get_by_name (GST_BIN (pipeline), "v"),
    .text = gst_bin_get_by_name (GST_BIN (pipeline), "t"), .bus = gst_element_get_bus (pipeline), .start = start, .last = start,
    .end = GOES_ON, .blank = s->mp4 };
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "f");
  g_object_set (sink, "location", segment->file, NULL);
  gst_object_unref (sink);
  g_object_set (segment->video, "caps", caps, NULL);
  pad = gst_element_get_static_pad (segment->text, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER, watch_text, segment, NULL);
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (segment->video, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, wait_for_text, segment, NULL);
  gst_object_unref (pad);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  return segment;
}

static void
segment_write_video (Segment *segment, const Frame *frame)
{
  GstBuffer *copy = gst_buffer_copy (gst_sample_get_buffer (frame->sample));

  GST_BUFFER_PTS (copy) = MAX (frame->pts - segment->start, 0);
  GST_BUFFER_DTS (copy) = frame->has_dts ? (GstClockTime) MAX (frame->dts - segment->start, 0) : GST_CLOCK_TIME_NONE;
  if (frame->pts > segment->last || GST_BUFFER_DURATION_IS_VALID (copy))
    segment->distance = GST_BUFFER_DURATION_IS_VALID (copy) ? (GstClockTimeDiff) GST_BUFFER_DURATION (copy) : frame->pts - segment->last;
  segment->last = MAX (segment->last, frame->pts);
  gst_app_src_push_buffer (GST_APP_SRC (segment->video), copy);
}

static void
segment_push_text (Segment *segment, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
{
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  GST_BUFFER_PTS (buffer) = start - segment->start;
  GST_BUFFER_DURATION (buffer) = end - start;
  g_atomic_int_inc (&segment->pushed);
  gst_app_src_push_buffer (GST_APP_SRC (segment->text), buffer);
}

/* text = NULL: nothing is said; muxers are told that they need not wait. */
static void
segment_write_text (Segment *segment, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
{
  start = MAX (start, segment->start);
  end = MIN (end, segment->end);
  if (start >= end || segment->text_ended)
    return;
  /* mp4mux would take the first caption for the track's beginning; a blank is what its format has for silence. */
  if (segment->blank && !segment->text_begun && (!text || start > segment->start))
    segment_push_text (segment, " ", segment->start, text ? start : end);
  else if (!text)
    gst_element_send_event (segment->text, gst_event_new_gap (start - segment->start, end - start));
  segment->text_begun = TRUE;
  if (text)
    segment_push_text (segment, text, start, end);
}

static void
segment_end_text (Segment *segment)
{
  if (!segment->text_ended)
    gst_app_src_end_of_stream (GST_APP_SRC (segment->text));
  segment->text_ended = TRUE;
  g_atomic_int_set (&segment->all_pushed, TRUE);
}

/* ---- Text, with the lock ----------------------------------------------------------------------------- */

/* It is held together while it may go on, but not for long, and not across the end of a file. */
static gboolean
is_complete (Segmenter *s, const Piece *piece, GstClockTimeDiff limit)
{
  if (!piece->text || piece != g_queue_peek_tail (&s->pieces) || MIN (piece->end, limit) >= piece->start + s->piece)
    return TRUE;
  for (GList *l = s->segments.head; l; l = l->next)
    if (((Segment *) l->data)->end > piece->start && ((Segment *) l->data)->end <= limit)
      return TRUE;
  return FALSE;
}

/* Up to where the video is: beyond that, files are not cut yet. */
static void
write_pieces (Segmenter *s, GstClockTimeDiff limit, gboolean all)
{
  Piece *piece;

  while ((piece = g_queue_peek_head (&s->pieces)) && piece->start < limit && (all || is_complete (s, piece, limit))) {
    GstClockTimeDiff end = MIN (piece->end, limit);

    for (GList *l = s->segments.head; l; l = l->next)
      segment_write_text (l->data, piece->text, piece->start, end);
    s->written = MAX (s->written, end);
    piece->start = end;
    if (piece->start < piece->end)
      break;
    piece_free (g_queue_pop_head (&s->pieces));
  }
  for (GList *l = s->segments.head; l; l = l->next)
    if (((Segment *) l->data)->end <= s->written)
      segment_end_text (l->data);
}

static void
add_piece (Segmenter *s, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
{
  Piece *piece = g_queue_peek_tail (&s->pieces);

  if (piece && piece->end == start && g_strcmp0 (piece->text, text) == 0) {
    piece->end = end;
    return;
  }
  piece = g_new0 (Piece, 1);
  *piece = (Piece) { .text = g_strdup (text), .start = start, .end = end };
  g_queue_push_tail (&s->pieces, piece);
}

/* ---- Video, with the lock ---------------------------------------------------------------------------- */

/* FALSE: it has none. */
static gboolean
running_time (GstSample *sample, GstClockTime time, GstClockTimeDiff *out)
{
  guint64 distance;
  int sign = GST_CLOCK_TIME_IS_VALID (time) ? gst_segment_to_running_time_full (gst_sample_get_segment (sample), GST_FORMAT_TIME, time, &distance) : 0;

  if (sign != 0)
    *out = sign * (GstClockTimeDiff) distance;
  return sign != 0;
}

static Segment *
current (Segmenter *s)
{
  return g_queue_peek_tail (&s->segments);
}

static void
begin_segment (Segmenter *s, GstSample *sample, GstClockTimeDiff start)
{
  Segment *segment = segment_new (s, gst_sample_get_caps (sample), start), *last = current (s);

  if (!segment) {
    s->why = g_strdup ("an element is missing: matroskamux, mp4mux (gstreamer1.0-plugins-good) or appsrc (gstreamer1.0-plugins-base)");
    return;
  }
  if (last)
    last->end = start;
  g_queue_push_tail (&s->segments, segment);
  gst_caps_replace (&s->caps, gst_sample_get_caps (sample));
  s->asked = FALSE;
}

/* Its file is known when it comes. */
static void
add_frame (Segmenter *s, GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstClockTimeDiff pts, dts = 0;
  gboolean has_dts = running_time (sample, GST_BUFFER_DTS (buffer), &dts);
  Segment *segment = current (s);
  Frame *frame;

  if (!running_time (sample, GST_BUFFER_PTS (buffer), &pts))
    pts = has_dts ? dts : s->newest;
  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) && (!segment || pts >= segment->start + s->length
          || !gst_caps_is_equal (gst_sample_get_caps (sample), s->caps)))
    begin_segment (s, sample, has_dts ? MIN (pts, dts) : pts);
  segment = current (s);
  s->newest = MAX (s->newest, pts);
  if (!segment)
    return;
  frame = g_new0 (Frame, 1);
  *frame = (Frame) { .sample = gst_sample_ref (sample), .segment = segment, .pts = pts, .dts = dts, .has_dts = has_dts };
  g_queue_push_tail (&s->frames, frame);
  s->waiting_bytes += gst_buffer_get_size (buffer);
}

/* A frame waits for the text of its time, so that a player finds it before. */
static void
write_frames (Segmenter *s, gboolean all)
{
  Frame *frame, *next;

  while ((frame = g_queue_peek_head (&s->frames)) && (all || frame->pts <= s->written || s->newest > frame->pts + MAX_WAIT)) {
    segment_write_video (frame->segment, frame);
    g_queue_pop_head (&s->frames);
    s->waiting_bytes -= gst_buffer_get_size (gst_sample_get_buffer (frame->sample));
    next = g_queue_peek_head (&s->frames);
    if (next && next->segment != frame->segment)
      gst_app_src_end_of_stream (GST_APP_SRC (frame->segment->video));
    frame_free (frame);
  }
}

/* ---- For the recorder -------------------------------------------------------------------------------- */

Segmenter *
segmenter_new (gboolean mp4, GstClockTime length, const SegmenterFuncs *funcs, gpointer user_data)
{
  Segmenter *s = g_new0 (Segmenter, 1);

  s->mp4 = mp4;
  s->length = length;
  s->piece = mp4 ? PIECE_MP4 : PIECE_MKV;
  s->funcs = funcs;
  s->user_data = user_data;
  g_mutex_init (&s->lock);
  return s;
}

void
segmenter_free (Segmenter *s)
{
  g_queue_clear_full (&s->frames, frame_free);
  g_queue_clear_full (&s->pieces, piece_free);
  g_queue_clear_full (&s->segments, segment_free);
  gst_clear_caps (&s->caps);
  g_free (s->why);
  g_mutex_clear (&s->lock);
  g_free (s);
}

gboolean
segmenter_push_video (Segmenter *s, GstSample *sample)
{
  gboolean due = FALSE;
  Segment *segment;

  g_mutex_lock (&s->lock);
  if (!s->why) {
    add_frame (s, sample);
    write_pieces (s, s->newest, FALSE);
    write_frames (s, FALSE);
    segment = current (s);
    due = segment && !s->asked && s->newest >= segment->start + s->length;
    s->asked |= due;
  }
  g_mutex_unlock (&s->lock);
  return due;
}

void
segmenter_push_text (Segmenter *s, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
{
  g_mutex_lock (&s->lock);
  if (!s->why) {
    add_piece (s, text, start, end);
    write_pieces (s, s->newest, FALSE);
    write_frames (s, FALSE);
  }
  g_mutex_unlock (&s->lock);
}

guint64
segmenter_get_level (Segmenter *s)
{
  guint64 level;

  g_mutex_lock (&s->lock);
  level = s->why ? 0 : s->waiting_bytes;
  for (GList *l = s->why ? NULL : s->segments.head; l; l = l->next)
    level += gst_app_src_get_current_level_bytes (GST_APP_SRC (((Segment *) l->data)->video));
  g_mutex_unlock (&s->lock);
  return level;
}

/* With the lock. Of what a disk has no room for at all, nothing is left. */
static void
drop_empty (Segmenter *s)
{
  for (GList *l = s->segments.head; l; l = l->next) {
    Segment *segment = l->data;
    GStatBuf status;

    if (g_stat (segment->file, &status) == 0 && status.st_size > 0)
      continue;
    g_unlink (segment->file);
    s->funcs->dropped (segment->file, s->user_data);
  }
}

/* With the lock. */
static void
fail (Segmenter *s, Segment *segment, GstMessage *message)
{
  g_autofree char *folder = g_path_get_dirname (segment->file);

  s->why = record_disk_explain (folder, message);
  drop_empty (s);
}

/* With the lock. */
static void
poll_segment (Segmenter *s, Segment *segment)
{
  GstMessage *message;

  while (!segment->closed && !s->why && (message = gst_bus_pop_filtered (segment->bus, GST_MESSAGE_EOS | GST_MESSAGE_ERROR))) {
    segment->closed = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (!segment->closed)
      fail (s, segment, message);
    gst_message_unref (message);
  }
}

/* With the lock. They are told of in their order. */
static void
poll_all (Segmenter *s)
{
  Segment *segment;

  for (GList *l = s->segments.head; l; l = l->next)
    poll_segment (s, l->data);
  while ((segment = g_queue_peek_head (&s->segments)) && segment->closed) {
    g_queue_pop_head (&s->segments);
    gst_element_set_state (segment->pipeline, GST_STATE_NULL);
    s->funcs->closed (segment->file, segment->end - segment->start, s->user_data);
    segment_free (segment);
  }
}

char *
segmenter_poll (Segmenter *s)
{
  char *why;

  g_mutex_lock (&s->lock);
  poll_all (s);
  why = g_strdup (s->why);
  g_mutex_unlock (&s->lock);
  return why;
}

char *
segmenter_close (Segmenter *s)
{
  gint64 until = g_get_monotonic_time () + CLOSE_US;
  Segment *last;
  char *why;

  g_mutex_lock (&s->lock);
  write_frames (s, TRUE);
  last = current (s);
  if (last) {
    last->end = MAX (last->last + last->distance, last->start + 1);
    write_pieces (s, last->end, TRUE);
    gst_app_src_end_of_stream (GST_APP_SRC (last->video));
  }
  for (GList *l = s->segments.head; l; l = l->next)
    segment_end_text (l->data);
  while (!s->why && s->segments.length > 0 && g_get_monotonic_time () < until) {
    poll_all (s);
    if (s->segments.length > 0 && !s->why)
      g_usleep (10000);
  }
  if (!s->why && s->segments.length > 0)
    s->why = g_strdup_printf ("%s could not be finished", ((Segment *) s->segments.head->data)->file);
  why = g_strdup (s->why);
  g_mutex_unlock (&s->lock);
  return why;
}
