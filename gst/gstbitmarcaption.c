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
 * Message and JSON object come the moment the caption exists.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 uridecodebin uri=file:///clip.mp4 ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption name=c \
 *     text-mode=cue ! fakesink c.text_src ! webvttenc ! filesink location=clip.vtt
 * gst-launch-1.0 v4l2src ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption name=c ! queue ! \
 *     textoverlay name=o wait-text=false ! videoconvert ! autovideosink c.overlay_src ! o.text_sink
 * ]|
 */

#include "gstbitmarcaption-private.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_caption_debug);
#define GST_CAT_DEFAULT bitmar_caption_debug

typedef struct {
  GBytes *episode;
  GstSample *thumbnail;        /* NULL: none */
  GstBitmarTime time;
  char *stream;
} Job;

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
  g_clear_pointer (&job->thumbnail, gst_sample_unref);
  g_free (job->stream);
  g_free (job);
}

/* ---- Channels ------------------------------------------------------------------------------------ */

static void
say (GstBitmarCaption *self, const GstBitmarCaptionInfo *caption, gboolean repeat, GstClockTime at)
{
  if (bitmar_channels_say (&self->channels, caption, repeat, at) || !caption)
    return;
  g_mutex_lock (&self->lock);
  self->late++;
  g_mutex_unlock (&self->lock);
}

/* fresh: NULL, or whether no buffer carries it yet; the next one does. (transfer full) */
static GstBitmarCaptionInfo *
get_current (GstBitmarCaption *self, gboolean *fresh)
{
  GstBitmarCaptionInfo *current = NULL;

  g_mutex_lock (&self->lock);
  if (self->current)
    current = gst_bitmar_caption_info_ref (self->current);
  if (fresh) {
    *fresh = self->fresh;
    self->fresh = FALSE;
  }
  g_mutex_unlock (&self->lock);
  return current;
}

/* A file's reader may be slow and holds the video up then; a camera's may not. */
static void
advance (GstBitmarCaption *self, GstClockTime start, GstClockTime duration)
{
  GstBitmarCaptionInfo *current = get_current (self, NULL);

  self->end = start + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0);
  bitmar_channels_advance (&self->channels, current, start, self->end, !gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self)));
  g_clear_pointer (&current, gst_bitmar_caption_info_unref);
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

/* What publish() goes by: a copy of properties. */
typedef struct {
  GstBitmarRepeat repeat;
  gdouble min_confidence;
  char *fallback_text;
} Taste;

/* Makes a new caption the current one and numbers it. Lock held. */
static Verdict
judge (GstBitmarCaption *self, GstBitmarCaptionInfo *caption, const Taste *taste)
{
  GstBitmarRepeat repeat = taste->repeat;

  if (caption->confidence < taste->min_confidence) {
    self->unsure++;
    self->doubted = TRUE;
    if (!taste->fallback_text) {
      g_clear_pointer (&self->current, gst_bitmar_caption_info_unref);
      return UNSURE;
    }
    caption->fallback = TRUE;
    g_free (caption->text);
    caption->text = g_strdup (taste->fallback_text);
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

/* bitmarmemory logs it, where there is one and it has a log. */
static void
report (GstBitmarCaption *self, const GstBitmarCaptionInfo *caption, const Job *job)
{
  gst_pad_push_event (gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)),
      gst_bitmar_caption_event_new (caption, job->episode, job->thumbnail));
}

static void
publish (GstBitmarCaption *self, GstBitmarCaptionInfo *caption, const Job *job)
{
  Taste taste;
  Verdict verdict;

  GST_OBJECT_LOCK (self);
  taste = (Taste) { self->repeat, self->min_confidence, g_strdup (self->fallback_text) };
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->lock);
  verdict = judge (self, caption, &taste);
  g_mutex_unlock (&self->lock);
  g_free (taste.fallback_text);
  if (verdict == UNSURE)
    say (self, NULL, FALSE, caption->time.pts);
  else if (verdict != AGAIN_UNTOLD)
    announce (self, caption, verdict == AGAIN);
  if (verdict == NEW)
    report (self, caption, job);
}

static void
watch_delay (GstBitmarCaption *self, GstClockTime running_time)
{
  GstClockTime now = gst_element_get_current_running_time (GST_ELEMENT (self));
  GstClockTime latency = bitmar_channels_get_timing (&self->channels).latency, delay;
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
write_caption (GstBitmarCaption *self, const Job *job)
{
  GError *error = NULL;
  GstBitmarCaptionInfo *caption = bitmar_writer_write (self->writer, job->episode, &error);

  if (g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED)) {
    g_error_free (error);
    return GST_FLOW_FLUSHING;
  }
  if (error) {
    gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
    return GST_FLOW_ERROR;
  }
  caption->time = job->time;
  caption->stream = g_strdup (job->stream);
  /* Nothing of before a flush is told after it. */
  if (!gst_bitmar_filter_is_interrupted (GST_BITMAR_FILTER (self)))
    publish (self, caption, job);
  gst_bitmar_caption_info_unref (caption);
  return GST_FLOW_OK;
}

static void
work (gpointer data, gpointer user_data)
{
  GstBitmarCaption *self = user_data;
  Job *job = data;

  if (!gst_bitmar_filter_is_interrupted (GST_BITMAR_FILTER (self))
      && write_caption (self, job) == GST_FLOW_OK)
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
  gboolean doubted;
  const float *key;
  BitmarDue due;
  gsize n;

  GST_OBJECT_LOCK (self);
  rule = self->rule;
  GST_OBJECT_UNLOCK (self);
  key = bitmar_episode_get_key (self->probe, &n);
  g_mutex_lock (&self->lock);
  doubted = self->doubted;
  due = bitmar_change_due (&self->change, &rule, key, n, time->running_time, doubted);
  self->doubted = doubted && due == BITMAR_DUE_NOT;
  g_mutex_unlock (&self->lock);
  if (due == BITMAR_DUE_NOT)
    return FALSE;
  bitmar_change_mark (&self->change, key, n, time->running_time, due);
  return TRUE;
}

static GstFlowReturn
submit (GstBitmarCaption *self, const Job *now)
{
  Job *job;

  if (!gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self)))
    return write_caption (self, now);
  job = g_new (Job, 1);
  *job = (Job) { g_bytes_ref (now->episode), now->thumbnail ? gst_sample_ref (now->thumbnail) : NULL, now->time,
    g_strdup (now->stream) };
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
  GError *error = NULL;
  Job job = { 0 };

  count (self, &self->episodes);
  if (!gst_bitmar_filter_get_model (filter, !gst_bitmar_filter_is_live (filter), &flow)) {
    count (self, &self->skipped);
    return flow;
  }
  job.episode = gst_bitmar_episode_read (s, &job.time);
  if (!job.episode)
    return GST_FLOW_OK;
  job.thumbnail = gst_bitmar_thumbnail_peek (s);
  job.stream = stream_of (self, s);
  if (!bitmar_episode_set_bytes (self->probe, job.episode, &error)) {
    gst_bitmar_filter_fail (filter, error);
    flow = GST_FLOW_ERROR;
  } else if (is_due (self, &job.time)) {
    flow = submit (self, &job);
  } else {
    count (self, &self->unchanged);
  }
  g_bytes_unref (job.episode);
  g_free (job.stream);
  return flow;
}

static void
attach_current (GstBitmarCaption *self, GstBuffer **buffer)
{
  gboolean fresh;
  GstBitmarCaptionInfo *current = get_current (self, &fresh);

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
  bitmar_channels_join (&self->channels, gst_bitmar_filter_get_sink_pad (filter), gst_bitmar_filter_get_segment (filter));
  if (s)
    flow = handle_episode (self, s);
  if (flow != GST_FLOW_OK)
    return flow;
  attach_current (self, buffer);
  advance (self, time->pts, time->duration);
  return GST_FLOW_OK;
}

static GstFlowReturn
caption_pushed (GstBitmarFilter *filter, GstFlowReturn flow)
{
  return bitmar_channels_combine (&GST_BITMAR_CAPTION (filter)->channels, flow);
}

/* ---- Stream -------------------------------------------------------------------------------------- */

static void
begin_segment (GstBitmarCaption *self, GstEvent *event)
{
  const GstSegment *segment;

  /* What belongs to the former segment is said in it. */
  bitmar_worker_drain (self->worker);
  gst_event_parse_segment (event, &segment);
  if (segment->format == GST_FORMAT_TIME)
    bitmar_channels_begin (&self->channels, gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)), segment);
}

static void
end_stream (GstBitmarCaption *self, GstEvent *event)
{
  GstBitmarFilter *filter = GST_BITMAR_FILTER (self);

  bitmar_worker_drain (self->worker);
  bitmar_channels_end (&self->channels, gst_bitmar_filter_get_sink_pad (filter), gst_bitmar_filter_get_segment (filter),
      self->end, event);
}

static void
forget_stream (GstBitmarCaption *self)
{
  bitmar_change_reset (&self->change);
  self->end = GST_CLOCK_TIME_NONE;
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->current, gst_bitmar_caption_info_unref);
  self->fresh = self->doubted = FALSE;
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
  GstBitmarFilter *filter = GST_BITMAR_FILTER (self);
  GstClockTime start, duration;

  gst_event_parse_gap (event, &start, &duration);
  bitmar_channels_join (&self->channels, gst_bitmar_filter_get_sink_pad (filter), gst_bitmar_filter_get_segment (filter));
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
      bitmar_channels_flush (&self->channels, *event);
      break;
    case GST_EVENT_FLUSH_STOP:
      bitmar_worker_drain (self->worker);
      forget_stream (self);
      set_cancelled (self, FALSE);
      bitmar_channels_flush (&self->channels, *event);
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
  if (!(self->probe = bitmar_episode_new (model, error))) {
    bitmar_writer_free (writer);
    return FALSE;
  }
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
  self->worker = bitmar_worker_new ("bitmar-caption", NULL, work, job_free, self);
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
  latency = bitmar_channels_get_timing (&self->channels).latency;
  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + latency, GST_CLOCK_TIME_IS_VALID (max) ? max + latency : max);
  return TRUE;
}

/* A text that comes late is no reason to look at less video. */
static gboolean
channel_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_QOS)
    return gst_pad_event_default (pad, parent, event);
  gst_event_unref (event);
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
  GstPad *pad;

  g_return_val_if_fail (kind >= 0, NULL);
  pad = bitmar_channels_request (&self->channels, kind, template);
  if (!pad) {
    GST_WARNING_OBJECT (self, "%s is requested already", GST_PAD_TEMPLATE_NAME_TEMPLATE (template));
    return NULL;
  }
  gst_pad_set_event_function (pad, channel_event);
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
  BitmarChannel *channel = bitmar_channels_take (&GST_BITMAR_CAPTION (element)->channels, pad);

  if (!channel)
    return;
  bitmar_channel_retire (channel);
  gst_element_remove_pad (element, pad);
  bitmar_channel_unref (channel);
}

/* ---- Object -------------------------------------------------------------------------------------- */

static void
finalize (GObject *object)
{
  GstBitmarCaption *self = GST_BITMAR_CAPTION (object);

  bitmar_channels_clear (&self->channels);
  g_free (self->settings.prompt);
  g_free (self->fallback_text);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_bitmar_caption_parent_class)->finalize (object);
}

static void
gst_bitmar_caption_init (GstBitmarCaption *self)
{
  g_mutex_init (&self->lock);
  bitmar_channels_init (&self->channels);
  gst_bitmar_caption_init_properties (self);
  self->end = GST_CLOCK_TIME_NONE;
}

static void
gst_bitmar_caption_class_init (GstBitmarCaptionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBitmarFilterClass *filter_class = GST_BITMAR_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_caption_debug, "bitmarcaption", 0, "BitMar captions");
  object_class->set_property = gst_bitmar_caption_set_property;
  object_class->get_property = gst_bitmar_caption_get_property;
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
  gst_bitmar_caption_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  for (guint i = 0; i < BITMAR_N_CHANNELS; i++)
    gst_element_class_add_static_pad_template (element_class, &channel_templates[i]);
  gst_element_class_set_static_metadata (element_class, "BitMar captioner", "Filter/Analyzer/Video",
      "Writes captions of what bitmarencode saw: metadata, messages, subtitles, overlay text, JSON",
      "The BitMar for GStreamer authors");
}
