/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmarcaption
 * @title: bitmarcaption
 * @see_also: bitmarencode, bitmarmemory, bitmarcaptionbin
 *
 * Writes captions of what bitmarencode saw and bitmarmemory recalled. The video passes untouched and at once; a caption leaves
 *
 *  * as a `BitmarCaptionMeta` on the video: in full on the frame where it becomes current, its id on later ones;
 *  * as a `bitmar-caption` element message (#GstBitmarCaption:post-messages);
 *  * on `text_src`, as subtitles in the way #GstBitmarCaption:text-mode says;
 *  * on `overlay_src`, as text for a textoverlay, always in the `live` way;
 *  * on `json_src`, as one JSON object a line.
 *
 * On a live stream captions are written beside the video, always of the newest look; otherwise the video waits for each.
 * `message` and JSON object come the moment the caption exists.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 uridecodebin uri=file:///clip.mp4 ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption name=c \
 *     text-mode=cue ! fakesink c.text_src ! webvttenc ! filesink location=clip.vtt
 * gst-launch-1.0 v4l2src ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption name=c ! queue ! \
 *     textoverlay name=o wait-text=false ! videoconvert ! autovideosink c.overlay_src ! o.text_sink
 * ]|
 */

#include "gstbitmarcaption.h"

#include "channel.h"
#include "sampling.h"
#include "worker.h"
#include "writer.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_caption_debug);
#define GST_CAT_DEFAULT bitmar_caption_debug

#define DEFAULT_MAX_INTERVAL (10 * GST_SECOND)
#define DEFAULT_CHANGE_THRESHOLD 0.1

typedef struct {
  GBytes *episode;
  GstBitmarTime time;
  char *stream;
} Job;

struct _GstBitmarCaption {
  GstBitmarFilter parent;

  /* object lock */
  BitmarWriterSettings settings;
  BitmarChangeRule rule;
  GstBitmarRepeat repeat;
  gdouble min_confidence;
  BitmarChannelTiming timing;
  gboolean post_messages;
  /* between start and stop */
  BitmarWorker *worker;
  BitmarEpisode *probe;        /* streaming thread */
  BitmarChange change;
  GstClockTime end;            /* of the last frame */
  /* lock */
  GMutex lock;
  BitmarWriter *writer;
  BitmarChannel *channels[BITMAR_N_CHANNELS];  /* NULL: not requested */
  GstBitmarCaptionInfo *current;       /* what is up, NULL: nothing */
  gboolean fresh;              /* no buffer carries it in full yet */
  gboolean late_told;
  guint64 frames, episodes, captions, unchanged, repeats, skipped, unsure, late;
  GstClockTime max_delay;
};

enum {
  PROP_0, PROP_PROMPT, PROP_BEAM_SIZE, PROP_MAX_TOKENS, PROP_LENGTH_PENALTY, PROP_TEMPERATURE, PROP_TOP_K, PROP_TOP_P,
  PROP_SEED, PROP_MIN_INTERVAL, PROP_MAX_INTERVAL, PROP_CHANGE_THRESHOLD, PROP_REPEAT, PROP_MIN_CONFIDENCE,
  PROP_TEXT_MODE, PROP_LATENCY, PROP_LATENESS, PROP_MAX_OBSERVED_DELAY, PROP_POST_MESSAGES, PROP_STATS
};

G_DEFINE_FINAL_TYPE (GstBitmarCaption, gst_bitmar_caption, GST_TYPE_BITMAR_FILTER)
GST_ELEMENT_REGISTER_DEFINE (bitmarcaption, "bitmarcaption", GST_RANK_NONE, GST_TYPE_BITMAR_CAPTION)

#define TEXT_CAPS "text/x-raw, format = (string) { utf8, pango-markup }"
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate channel_templates[BITMAR_N_CHANNELS] = {
  [BITMAR_CHANNEL_TEXT] = GST_STATIC_PAD_TEMPLATE ("text_src", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS (TEXT_CAPS)),
  [BITMAR_CHANNEL_OVERLAY] = GST_STATIC_PAD_TEMPLATE ("overlay_src", GST_PAD_SRC, GST_PAD_REQUEST,
      GST_STATIC_CAPS (TEXT_CAPS)),
  [BITMAR_CHANNEL_JSON] = GST_STATIC_PAD_TEMPLATE ("json_src", GST_PAD_SRC, GST_PAD_REQUEST,
      GST_STATIC_CAPS ("application/x-json")),
};

static void
job_free (gpointer data)
{
  Job *job = data;

  g_bytes_unref (job->episode);
  g_free (job->stream);
  g_free (job);
}

/* ---- Channels ------------------------------------------------------------------------------------ */

/* References to those that are requested. */
static guint
take_channels (GstBitmarCaption *self, BitmarChannel *channels[BITMAR_N_CHANNELS])
{
  guint n = 0;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    if (self->channels[i])
      channels[n++] = bitmar_channel_ref (self->channels[i]);
  g_mutex_unlock (&self->lock);
  return n;
}

static void
release_channels (BitmarChannel **channels, guint n)
{
  for (guint i = 0; i < n; i++)
    bitmar_channel_unref (channels[i]);
}

static BitmarChannelTiming
get_timing (GstBitmarCaption *self)
{
  BitmarChannelTiming timing;

  GST_OBJECT_LOCK (self);
  timing = self->timing;
  GST_OBJECT_UNLOCK (self);
  return timing;
}

static void
say (GstBitmarCaption *self, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  guint n = take_channels (self, channels);

  for (guint i = 0; i < n; i++)
    if (!bitmar_channel_say (channels[i], caption, repeat, at) && caption) {
      g_mutex_lock (&self->lock);
      self->late++;
      g_mutex_unlock (&self->lock);
    }
  release_channels (channels, n);
}

static void
advance (GstBitmarCaption *self, GstClockTime start, GstClockTime duration)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  BitmarChannelTiming timing = get_timing (self);
  guint n = take_channels (self, channels);

  self->end = start + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  for (guint i = 0; i < n; i++) {
    /* Requested in the middle of the stream. */
    if (!bitmar_channel_has_begun (channels[i]))
      bitmar_channel_begin (channels[i], gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)),
          gst_bitmar_filter_get_segment (GST_BITMAR_FILTER (self)), &timing);
    bitmar_channel_advance (channels[i], start, self->end);
    /* A camera waits for nobody. */
    if (!gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self)))
      bitmar_channel_wait (channels[i]);
  }
  release_channels (channels, n);
}

/* ---- A caption comes into being -------------------------------------------------------------------- */

static void
post_message (GstBitmarCaption *self, const GstBitmarCaptionInfo *caption, gboolean repeat)
{
  GstStructure *s;
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = self->post_messages;
  GST_OBJECT_UNLOCK (self);
  if (!wanted)
    return;
  s = gst_structure_new ("bitmar-caption", "repeat", G_TYPE_BOOLEAN, repeat, NULL);
  gst_bitmar_caption_info_to_structure (caption, s);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

static void
announce (GstBitmarCaption *self, const GstBitmarCaptionInfo *caption, gboolean repeat)
{
  say (self, caption, repeat, caption->time.pts);
  post_message (self, caption, repeat);
  GST_DEBUG_OBJECT (self, "caption %" G_GUINT64_FORMAT " of %" GST_TIME_FORMAT "%s", caption->id,
      GST_TIME_ARGS (caption->time.pts), repeat ? " again" : "");
}

typedef enum { NEW, AGAIN, AGAIN_UNTOLD, UNSURE } Verdict;

/* Makes a new caption the current one and numbers it. Lock held. */
static Verdict
judge (GstBitmarCaption *self, GstBitmarCaptionInfo *caption, GstBitmarRepeat repeat, gdouble min_confidence)
{
  if (caption->confidence < min_confidence) {
    self->unsure++;
    g_clear_pointer (&self->current, gst_bitmar_caption_info_unref);
    return UNSURE;
  }
  if (self->current && repeat != GST_BITMAR_REPEAT_ALWAYS && g_str_equal (self->current->text, caption->text)) {
    self->repeats++;
    caption->id = self->current->id;
    return repeat == GST_BITMAR_REPEAT_HOLD ? AGAIN : AGAIN_UNTOLD;
  }
  caption->id = ++self->captions;
  g_clear_pointer (&self->current, gst_bitmar_caption_info_unref);
  self->current = gst_bitmar_caption_info_ref (caption);
  self->fresh = TRUE;
  return NEW;
}

static void
publish (GstBitmarCaption *self, GstBitmarCaptionInfo *caption)
{
  GstBitmarRepeat repeat;
  gdouble min_confidence;
  Verdict verdict;

  GST_OBJECT_LOCK (self);
  repeat = self->repeat;
  min_confidence = self->min_confidence;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->lock);
  verdict = judge (self, caption, repeat, min_confidence);
  g_mutex_unlock (&self->lock);
  if (verdict == UNSURE)
    say (self, NULL, FALSE, caption->time.pts);
  else if (verdict != AGAIN_UNTOLD)
    announce (self, caption, verdict == AGAIN);
}

static void
watch_delay (GstBitmarCaption *self, GstClockTime running_time)
{
  GstClockTime now = gst_element_get_current_running_time (GST_ELEMENT (self));
  GstClockTime latency = get_timing (self).latency, delay;
  gboolean tell;

  if (!GST_CLOCK_TIME_IS_VALID (now) || now < running_time)
    return;
  delay = now - running_time;
  g_mutex_lock (&self->lock);
  self->max_delay = MAX (self->max_delay, delay);
  tell = latency > 0 && delay > latency && !self->late_told;
  self->late_told |= tell;
  g_mutex_unlock (&self->lock);
  if (tell)
    GST_ELEMENT_WARNING (self, CORE, CLOCK, ("Captions come later than the latency that was promised."),
        ("a caption took %" GST_TIME_FORMAT ", `latency` is %" GST_TIME_FORMAT, GST_TIME_ARGS (delay),
            GST_TIME_ARGS (latency)));
}

/* The worker's thread, or the streaming thread when synchronous. */
static GstFlowReturn
write_caption (GstBitmarCaption *self, GBytes *episode, const GstBitmarTime *time, const char *stream)
{
  GError *error = NULL;
  GstBitmarCaptionInfo *caption = bitmar_writer_write (self->writer, episode, &error);

  if (g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED)) {
    g_error_free (error);
    return GST_FLOW_FLUSHING;
  }
  if (error) {
    gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
    return GST_FLOW_ERROR;
  }
  caption->time = *time;
  caption->stream = g_strdup (stream);
  /* Nothing of before a flush is told after it. */
  if (!gst_bitmar_filter_is_interrupted (GST_BITMAR_FILTER (self)))
    publish (self, caption);
  gst_bitmar_caption_info_unref (caption);
  return GST_FLOW_OK;
}

static void
work (gpointer data, gpointer user_data)
{
  GstBitmarCaption *self = user_data;
  Job *job = data;

  if (!gst_bitmar_filter_is_interrupted (GST_BITMAR_FILTER (self))
      && write_caption (self, job->episode, &job->time, job->stream) == GST_FLOW_OK)
    watch_delay (self, job->time.running_time);
}

/* ---- Episodes ------------------------------------------------------------------------------------ */

static void
count (GstBitmarCaption *self, guint64 *counter)
{
  g_mutex_lock (&self->lock);
  (*counter)++;
  g_mutex_unlock (&self->lock);
}

static gboolean
is_due (GstBitmarCaption *self, const GstBitmarTime *time)
{
  BitmarChangeRule rule;
  const float *key;
  gsize n;

  GST_OBJECT_LOCK (self);
  rule = self->rule;
  GST_OBJECT_UNLOCK (self);
  key = bitmar_episode_get_key (self->probe, &n);
  if (!bitmar_change_due (&self->change, &rule, key, n, time->running_time))
    return FALSE;
  bitmar_change_mark (&self->change, key, n, time->running_time);
  return TRUE;
}

static GstFlowReturn
submit (GstBitmarCaption *self, GBytes *episode, const GstBitmarTime *time, const char *stream)
{
  Job *job;

  if (!gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self)))
    return write_caption (self, episode, time, stream);
  job = g_new (Job, 1);
  *job = (Job) { g_bytes_ref (episode), *time, g_strdup (stream) };
  if (bitmar_worker_submit (self->worker, job))
    count (self, &self->skipped);
  return GST_FLOW_OK;
}

static char *
stream_of (GstBitmarCaption *self, const GstStructure *s)
{
  const char *name = gst_structure_get_string (s, "stream");

  return name ? g_strdup (name) : gst_pad_get_stream_id (gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)));
}

static GstFlowReturn
handle_episode (GstBitmarCaption *self, const GstStructure *s)
{
  GstBitmarFilter *filter = GST_BITMAR_FILTER (self);
  GstFlowReturn flow;
  GstBitmarTime time;
  GError *error = NULL;
  GBytes *episode;
  char *stream;

  count (self, &self->episodes);
  if (!gst_bitmar_filter_get_model (filter, !gst_bitmar_filter_is_live (filter), &flow)) {
    count (self, &self->skipped);
    return flow;
  }
  episode = gst_bitmar_episode_read (s, &time);
  if (!episode)
    return GST_FLOW_OK;
  stream = stream_of (self, s);
  if (!bitmar_episode_set_bytes (self->probe, episode, &error)) {
    gst_bitmar_filter_fail (filter, error);
    flow = GST_FLOW_ERROR;
  } else if (is_due (self, &time)) {
    flow = submit (self, episode, &time, stream);
  } else {
    count (self, &self->unchanged);
  }
  g_bytes_unref (episode);
  g_free (stream);
  return flow;
}

static void
attach_current (GstBitmarCaption *self, GstBuffer **buffer)
{
  GstBitmarCaptionInfo *current = NULL;
  gboolean fresh;

  g_mutex_lock (&self->lock);
  if (self->current)
    current = gst_bitmar_caption_info_ref (self->current);
  fresh = self->fresh;
  self->fresh = FALSE;
  g_mutex_unlock (&self->lock);
  if (!current)
    return;
  *buffer = gst_buffer_make_writable (*buffer);
  gst_bitmar_meta_add_caption (*buffer, current, fresh);
  gst_bitmar_caption_info_unref (current);
}

static GstFlowReturn
caption_frame (GstBitmarFilter *filter, GstBuffer **buffer, const GstBitmarTime *time)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);
  GstStructure *s = gst_bitmar_meta_peek (*buffer, GST_BITMAR_EPISODE_META);
  GstFlowReturn flow = GST_FLOW_OK;

  count (self, &self->frames);
  if (s)
    flow = handle_episode (self, s);
  if (flow != GST_FLOW_OK)
    return flow;
  attach_current (self, buffer);
  advance (self, time->pts, time->duration);
  return GST_FLOW_OK;
}

/* An output that failed ends the stream; one that nobody listens to does not. */
static GstFlowReturn
caption_pushed (GstBitmarFilter *filter, GstFlowReturn flow)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  guint n = take_channels (self, channels);

  for (guint i = 0; i < n && flow == GST_FLOW_OK; i++)
    if (bitmar_channel_get_flow (channels[i]) < GST_FLOW_EOS)
      flow = bitmar_channel_get_flow (channels[i]);
  release_channels (channels, n);
  return flow;
}

/* ---- Stream -------------------------------------------------------------------------------------- */

static void
begin_segment (GstBitmarCaption *self, GstEvent *event)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  BitmarChannelTiming timing = get_timing (self);
  const GstSegment *segment;
  guint n;

  /* What belongs to the former segment is said in it. */
  bitmar_worker_drain (self->worker);
  gst_event_parse_segment (event, &segment);
  n = take_channels (self, channels);
  for (guint i = 0; i < n && segment->format == GST_FORMAT_TIME; i++)
    bitmar_channel_begin (channels[i], gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)), segment, &timing);
  release_channels (channels, n);
}

static void
end_stream (GstBitmarCaption *self, GstEvent *event)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  BitmarChannelTiming timing = get_timing (self);
  guint n;

  bitmar_worker_drain (self->worker);
  n = take_channels (self, channels);
  for (guint i = 0; i < n; i++) {
    if (!bitmar_channel_has_begun (channels[i]))
      bitmar_channel_begin (channels[i], gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)),
          gst_bitmar_filter_get_segment (GST_BITMAR_FILTER (self)), &timing);
    bitmar_channel_finish (channels[i], self->end);
    bitmar_channel_send (channels[i], gst_event_ref (event));
  }
  release_channels (channels, n);
}

static void
flush_channels (GstBitmarCaption *self, GstEvent *event)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  guint n = take_channels (self, channels);

  for (guint i = 0; i < n; i++)
    bitmar_channel_flush (channels[i], event);
  release_channels (channels, n);
}

static void
forget_stream (GstBitmarCaption *self)
{
  bitmar_change_reset (&self->change);
  self->end = GST_CLOCK_TIME_NONE;
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->current, gst_bitmar_caption_info_unref);
  self->fresh = FALSE;
  if (self->writer)
    bitmar_writer_reset (self->writer);
  g_mutex_unlock (&self->lock);
}

static void
set_cancelled (GstBitmarCaption *self, gboolean cancelled)
{
  g_mutex_lock (&self->lock);
  if (self->writer)
    bitmar_writer_cancel (self->writer, cancelled);
  g_mutex_unlock (&self->lock);
}

static void
handle_gap (GstBitmarCaption *self, GstEvent *event)
{
  GstClockTime start, duration;

  gst_event_parse_gap (event, &start, &duration);
  if (GST_CLOCK_TIME_IS_VALID (start))
    advance (self, start, duration);
}

static void
handle_event (GstBitmarFilter *filter, GstEvent **event)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);
  const GstStructure *episode = gst_bitmar_episode_event_peek (*event);

  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_FLUSH_START:
      flush_channels (self, *event);
      break;
    case GST_EVENT_FLUSH_STOP:
      bitmar_worker_drain (self->worker);
      forget_stream (self);
      set_cancelled (self, FALSE);
      flush_channels (self, *event);
      break;
    case GST_EVENT_SEGMENT:
      begin_segment (self, *event);
      break;
    case GST_EVENT_GAP:
      handle_gap (self, *event);
      break;
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
      end_stream (self, *event);
      break;
    default:
      if (episode)
        handle_episode (self, episode);
      break;
  }
}

static void
interrupt (GstBitmarFilter *filter)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);

  bitmar_worker_discard (self->worker);
  set_cancelled (self, TRUE);
}

static gboolean
load (GstBitmarFilter *filter, BitmarModel *model, GError **error)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);
  BitmarWriterSettings settings = { 0 };
  BitmarWriter *writer;

  GST_OBJECT_LOCK (self);
  bitmar_writer_settings_copy (&settings, &self->settings);
  GST_OBJECT_UNLOCK (self);
  writer = bitmar_writer_new (model, &settings, error);
  g_free (settings.prompt);
  if (!writer)
    return FALSE;
  self->probe = bitmar_episode_new (model);
  g_mutex_lock (&self->lock);
  self->writer = writer;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static void
start (GstBitmarFilter *filter)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);

  forget_stream (self);
  g_mutex_lock (&self->lock);
  self->frames = self->episodes = self->captions = self->unchanged = self->repeats = self->skipped = self->unsure = 0;
  self->late = 0;
  self->max_delay = 0;
  self->late_told = FALSE;
  g_mutex_unlock (&self->lock);
  self->worker = bitmar_worker_new ("bitmar-caption", work, job_free, self);
}

static void
stop (GstBitmarFilter *filter)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (filter);

  g_clear_pointer (&self->worker, bitmar_worker_free);
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->writer, bitmar_writer_free);
  g_mutex_unlock (&self->lock);
  g_clear_object (&self->probe);
  forget_stream (self);
}

/* ---- Pads ---------------------------------------------------------------------------------------- */

/* The text comes `latency` after the video it belongs to. */
static gboolean
channel_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (parent);
  GstClockTime latency, min, max;
  gboolean live;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  if (!gst_pad_peer_query (gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)), query))
    return FALSE;
  latency = get_timing (self).latency;
  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + latency, GST_CLOCK_TIME_IS_VALID (max) ? max + latency : max);
  return TRUE;
}

static gint
find_kind (const char *template_name)
{
  for (gint i = 0; i < BITMAR_N_CHANNELS; i++)
    if (g_str_equal (channel_templates[i].name_template, template_name))
      return i;
  return -1;
}

static GstPad *
request_new_pad (GstElement *element, GstPadTemplate *template, const char *name, const GstCaps *caps)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (element);
  gint kind = find_kind (GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
  BitmarChannel *channel;
  GstPad *pad;

  g_return_val_if_fail (kind >= 0, NULL);
  g_mutex_lock (&self->lock);
  if (self->channels[kind]) {
    g_mutex_unlock (&self->lock);
    GST_WARNING_OBJECT (self, "%s is requested already", GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
    return NULL;
  }
  channel = bitmar_channel_new (kind, template, GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
  self->channels[kind] = channel;
  pad = bitmar_channel_get_pad (channel);
  g_mutex_unlock (&self->lock);
  if (kind != BITMAR_CHANNEL_JSON)
    gst_pad_set_query_function (pad, channel_query);
  if (GST_STATE (element) > GST_STATE_READY || GST_STATE_PENDING (element) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
release_pad (GstElement *element, GstPad *pad)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (element);
  BitmarChannel *channel = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    if (self->channels[i] && bitmar_channel_get_pad (self->channels[i]) == pad)
      channel = g_steal_pointer (&self->channels[i]);
  g_mutex_unlock (&self->lock);
  if (!channel)
    return;
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  bitmar_channel_unref (channel);
}

/* ---- Object -------------------------------------------------------------------------------------- */

static GstStructure *
make_stats (GstBitmarCaption *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("bitmarcaption-stats", "frames-in", G_TYPE_UINT64, self->frames,
      "episodes", G_TYPE_UINT64, self->episodes, "captions", G_TYPE_UINT64, self->captions,
      "unchanged", G_TYPE_UINT64, self->unchanged, "repeats", G_TYPE_UINT64, self->repeats,
      "skipped", G_TYPE_UINT64, self->skipped, "unsure", G_TYPE_UINT64, self->unsure,
      "late", G_TYPE_UINT64, self->late, "max-delay", G_TYPE_UINT64, self->max_delay, NULL);
  if (self->writer)
    bitmar_writer_add_stats (self->writer, s);
  g_mutex_unlock (&self->lock);
  return s;
}

/* The settings take effect with the next caption, or are refused and stay as they were. */
static void
change_settings (GstBitmarCaption *self, guint id, const GValue *value)
{
  BitmarWriterSettings settings = { 0 };
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  bitmar_writer_settings_copy (&settings, &self->settings);
  GST_OBJECT_UNLOCK (self);
  switch (id) {
    case PROP_PROMPT:
      g_free (settings.prompt);
      settings.prompt = g_value_dup_string (value);
      break;
    case PROP_BEAM_SIZE:
      settings.params.beam_size = g_value_get_uint (value);
      break;
    case PROP_MAX_TOKENS:
      settings.params.max_tokens = g_value_get_uint (value);
      break;
    case PROP_LENGTH_PENALTY:
      settings.params.length_penalty = g_value_get_double (value);
      break;
    case PROP_TEMPERATURE:
      settings.params.temperature = g_value_get_double (value);
      break;
    case PROP_TOP_K:
      settings.params.top_k = g_value_get_uint (value);
      break;
    case PROP_TOP_P:
      settings.params.top_p = g_value_get_double (value);
      break;
    default:
      settings.params.seed = g_value_get_uint64 (value);
      break;
  }
  g_mutex_lock (&self->lock);
  if (!self->writer || bitmar_writer_set (self->writer, &settings, &error)) {
    GST_OBJECT_LOCK (self);
    bitmar_writer_settings_copy (&self->settings, &settings);
    GST_OBJECT_UNLOCK (self);
  }
  g_mutex_unlock (&self->lock);
  g_free (settings.prompt);
  if (error)
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("The new value is refused, the former stays."),
        ("%s", error->message));
  g_clear_error (&error);
}

static void
change_timing (GstBitmarCaption *self)
{
  BitmarChannel *channels[BITMAR_N_CHANNELS];
  BitmarChannelTiming timing = get_timing (self);
  guint n = take_channels (self, channels);

  for (guint i = 0; i < n; i++)
    bitmar_channel_set_timing (channels[i], &timing);
  release_channels (channels, n);
}

static void
change_latency (GstBitmarCaption *self, GstClockTime latency)
{
  gboolean changed;

  GST_OBJECT_LOCK (self);
  changed = self->timing.latency != latency;
  self->timing.latency = latency;
  GST_OBJECT_UNLOCK (self);
  change_timing (self);
  if (changed)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);

  if (id <= PROP_SEED) {
    change_settings (self, id, value);
    return;
  }
  if (id == PROP_LATENCY) {
    change_latency (self, g_value_get_uint64 (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MIN_INTERVAL:
      self->rule.min_interval = g_value_get_uint64 (value);
      break;
    case PROP_MAX_INTERVAL:
      self->rule.max_interval = g_value_get_uint64 (value);
      break;
    case PROP_CHANGE_THRESHOLD:
      self->rule.threshold = g_value_get_double (value);
      break;
    case PROP_REPEAT:
      self->repeat = g_value_get_enum (value);
      break;
    case PROP_MIN_CONFIDENCE:
      self->min_confidence = g_value_get_double (value);
      break;
    case PROP_TEXT_MODE:
      self->timing.cue = g_value_get_enum (value) == GST_BITMAR_TEXT_MODE_CUE;
      break;
    case PROP_LATENESS:
      self->timing.lateness = g_value_get_uint64 (value);
      break;
    case PROP_POST_MESSAGES:
      self->post_messages = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
  if (id == PROP_LATENESS)
    change_timing (self);
}

static GstClockTime
get_max_delay (GstBitmarCaption *self)
{
  GstClockTime delay;

  g_mutex_lock (&self->lock);
  delay = self->max_delay;
  g_mutex_unlock (&self->lock);
  return delay;
}

static void
get_setting (GstBitmarCaption *self, guint id, GValue *value)
{
  const BitmarCaptionParams *params = &self->settings.params;

  switch (id) {
    case PROP_PROMPT:
      g_value_set_string (value, self->settings.prompt);
      break;
    case PROP_BEAM_SIZE:
      g_value_set_uint (value, params->beam_size);
      break;
    case PROP_MAX_TOKENS:
      g_value_set_uint (value, params->max_tokens);
      break;
    case PROP_LENGTH_PENALTY:
      g_value_set_double (value, params->length_penalty);
      break;
    case PROP_TEMPERATURE:
      g_value_set_double (value, params->temperature);
      break;
    case PROP_TOP_K:
      g_value_set_uint (value, params->top_k);
      break;
    case PROP_TOP_P:
      g_value_set_double (value, params->top_p);
      break;
    default:
      g_value_set_uint64 (value, params->seed);
      break;
  }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  if (id == PROP_MAX_OBSERVED_DELAY) {
    g_value_set_uint64 (value, get_max_delay (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MIN_INTERVAL:
      g_value_set_uint64 (value, self->rule.min_interval);
      break;
    case PROP_MAX_INTERVAL:
      g_value_set_uint64 (value, self->rule.max_interval);
      break;
    case PROP_CHANGE_THRESHOLD:
      g_value_set_double (value, self->rule.threshold);
      break;
    case PROP_REPEAT:
      g_value_set_enum (value, self->repeat);
      break;
    case PROP_MIN_CONFIDENCE:
      g_value_set_double (value, self->min_confidence);
      break;
    case PROP_TEXT_MODE:
      g_value_set_enum (value, self->timing.cue ? GST_BITMAR_TEXT_MODE_CUE : GST_BITMAR_TEXT_MODE_LIVE);
      break;
    case PROP_LATENCY:
      g_value_set_uint64 (value, self->timing.latency);
      break;
    case PROP_LATENESS:
      g_value_set_uint64 (value, self->timing.lateness);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean (value, self->post_messages);
      break;
    default:
      if (id <= PROP_SEED)
        get_setting (self, id, value);
      else
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
finalize (GObject *object)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);

  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    g_clear_pointer (&self->channels[i], bitmar_channel_unref);
  g_free (self->settings.prompt);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_bitmar_caption_parent_class)->finalize (object);
}

static void
gst_bitmar_caption_init (GstBitmarCaption *self)
{
  g_mutex_init (&self->lock);
  self->settings.params.length_penalty = -1;
  self->settings.params.top_p = 1;
  self->rule = (BitmarChangeRule) { 0, DEFAULT_MAX_INTERVAL, DEFAULT_CHANGE_THRESHOLD };
  self->timing.lateness = GST_CLOCK_TIME_NONE;
  self->post_messages = TRUE;
  self->end = GST_CLOCK_TIME_NONE;
}

#define RW (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define ANY_TIME (RW | GST_PARAM_MUTABLE_PLAYING)

static void
install_settings (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "Words that steer what captions look at, such as \"red car\". Refused when too long for the model", NULL,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_BEAM_SIZE,
      g_param_spec_uint ("beam-size", "Beam size", "Beams of the search, 1: greedy, 0: the model's. With temperature 0 or 1",
          0, 8, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_TOKENS,
      g_param_spec_uint ("max-tokens", "Maximum tokens", "Tokens of a caption at most, 0: the model's", 0, 256, 0,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_LENGTH_PENALTY,
      g_param_spec_double ("length-penalty", "Length penalty",
          "Exponent of the length by which a beam's score is divided; more: longer captions. -1: the model's", -1, 4, -1,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_TEMPERATURE,
      g_param_spec_double ("temperature", "Temperature", "0: beam search; more: sampling, the more the wilder", 0, 10, 0,
          ANY_TIME));
  g_object_class_install_property (klass, PROP_TOP_K,
      g_param_spec_uint ("top-k", "Top k", "Sampling: only the k likeliest tokens, 0: all", 0, 65536, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_TOP_P,
      g_param_spec_double ("top-p", "Top p", "Sampling: only the likeliest tokens that together have this probability",
          0.01, 1, 1, ANY_TIME));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint64 ("seed", "Seed", "Sampling: the same seed, episode and settings write the same caption", 0,
          G_MAXUINT64, 0, ANY_TIME));
}

static void
install_policy (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_MIN_INTERVAL,
      g_param_spec_uint64 ("min-interval", "Minimum interval", "Time between captions at least (ns of running time)", 0,
          G_MAXINT64, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_INTERVAL,
      g_param_spec_uint64 ("max-interval", "Maximum interval",
          "Time after which a caption is written though nothing changed (ns of running time), 0: never", 0, G_MAXINT64,
          DEFAULT_MAX_INTERVAL, ANY_TIME));
  g_object_class_install_property (klass, PROP_CHANGE_THRESHOLD,
      g_param_spec_double ("change-threshold", "Change threshold",
          "How much the picture must have changed for a new caption: 1 - cosine similarity with the last captioned one. "
          "0: every look is captioned", 0, 2, DEFAULT_CHANGE_THRESHOLD, ANY_TIME));
  g_object_class_install_property (klass, PROP_REPEAT,
      g_param_spec_enum ("repeat", "Repeat", "What becomes of a caption that says the same as the one before",
          GST_TYPE_BITMAR_REPEAT, GST_BITMAR_REPEAT_SUPPRESS, ANY_TIME));
  g_object_class_install_property (klass, PROP_MIN_CONFIDENCE,
      g_param_spec_double ("min-confidence", "Minimum confidence",
          "Captions the model is less sure of are withheld, and nothing is shown", 0, 1, 0, ANY_TIME));
}

static void
install_channels (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_TEXT_MODE,
      g_param_spec_enum ("text-mode", "Text mode", "How text_src divides time", GST_TYPE_BITMAR_TEXT_MODE,
          GST_BITMAR_TEXT_MODE_LIVE, RW | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (klass, PROP_LATENCY,
      g_param_spec_uint64 ("latency", "Latency",
          "Text follows its video by this (ns), so that a caption is shown with the frame it is about; counted in the "
          "LATENCY query", 0, 60 * GST_SECOND, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_LATENESS,
      g_param_spec_uint64 ("lateness", "Lateness",
          "A caption later than this (ns, beyond latency) is not shown as text any more", 0, G_MAXUINT64,
          GST_CLOCK_TIME_NONE, ANY_TIME));
  g_object_class_install_property (klass, PROP_MAX_OBSERVED_DELAY,
      g_param_spec_uint64 ("max-observed-delay", "Maximum observed delay",
          "Longest time from a live frame to its caption (ns)", 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-messages", "Post messages", "Post an element message bitmar-caption for each caption",
          TRUE, ANY_TIME));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Frames, episodes and captions; those unchanged, repeated, skipped, withheld (unsure) or late; tokens; times in "
          "microseconds (p50, p95, max) of a caption, its first token and a further token; longest delay in ns",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_bitmar_caption_class_init (GstBitmarCaptionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBitmarFilterClass *filter_class = GST_BITMAR_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_caption_debug, "bitmarcaption", 0, "BitMar captions");
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  element_class->request_new_pad = request_new_pad;
  element_class->release_pad = release_pad;
  filter_class->start = start;
  filter_class->stop = stop;
  filter_class->load = load;
  filter_class->interrupt = interrupt;
  filter_class->frame = caption_frame;
  filter_class->pushed = caption_pushed;
  filter_class->event = handle_event;
  install_settings (object_class);
  install_policy (object_class);
  install_channels (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    gst_element_class_add_static_pad_template (element_class, &channel_templates[i]);
  gst_element_class_set_static_metadata (element_class, "BitMar captioner", "Filter/Analyzer/Video",
      "Writes captions of what bitmarencode saw: metadata, messages, subtitles, overlay text, JSON",
      "The BitMar for GStreamer authors");
}
