/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmarmemory
 * @title: bitmarmemory
 * @see_also: bitmarencode, bitmarcaption
 *
 * Remembers what bitmarencode saw in a fixed number of slots, tells how new each look is, and lets bitmarcaption
 * take into account what it recalls. The video passes untouched and at once.
 *
 * A flush or seek keeps the memory; going to READY forgets it, but for what #GstBitmarMemory:memory-file has: a snapshot that is written now
 * and then and restored at the start. Sentences in #GstBitmarMemory:alerts score every look; what starts and ends is posted as `bitmar-alert`.
 * Captions that bitmarcaption writes come back and become what the memory recalls, and with #GstBitmarMemory:event-log are kept in a file
 * that #GstBitmarMemory::query and `bitmar search` search by a sentence.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! bitmarencode ! bitmarmemory memory-size=256 ! bitmarcaption ! autovideosink
 * ]|
 */

#include "gstbitmarmemory-private.h"

GST_DEBUG_CATEGORY (bitmar_memory_debug);
#define GST_CAT_DEFAULT bitmar_memory_debug

G_DEFINE_FINAL_TYPE (GstBitmarMemory, gst_bitmar_memory, GST_TYPE_BITMAR_FILTER)
GST_ELEMENT_REGISTER_DEFINE (bitmarmemory, "bitmarmemory", GST_RANK_NONE, GST_TYPE_BITMAR_MEMORY)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));

/* The element's stream-id, else upstream's. */
static char *
stream_name (GstBitmarMemory *self)
{
  char *name;

  GST_OBJECT_LOCK (self);
  name = g_strdup (self->stream_id);
  GST_OBJECT_UNLOCK (self);
  return name ? name : gst_pad_get_stream_id (gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)));
}

/* ---- Alerts -------------------------------------------------------------------------------------- */

typedef struct {
  GstBitmarMemory *self;
  const GstBitmarTime *time;
  const char *stream;
  GPtrArray *raised;           /* GstStructure: told once no lock is held */
} Watch;

static void
raise_alert (const BitmarAlertEvent *event, gpointer user_data)
{
  Watch *watch = user_data;
  gboolean start = event->kind == BITMAR_ALERT_START;
  GstStructure *s = gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, start ? "start" : "end", "name", G_TYPE_STRING, event->name,
      "sentence", G_TYPE_STRING, event->sentence, "score", G_TYPE_DOUBLE, (gdouble) event->score, "peak", G_TYPE_DOUBLE,
      (gdouble) event->peak, "running-time", G_TYPE_UINT64, event->time_ns, "start-running-time", G_TYPE_UINT64, event->start_ns, NULL);

  if (watch->time && watch->time->running_time == event->time_ns) {
    gst_structure_set (s, "pts", G_TYPE_UINT64, watch->time->pts, NULL);
    if (GST_CLOCK_TIME_IS_VALID (watch->time->utc))
      gst_structure_set (s, "utc", G_TYPE_UINT64, watch->time->utc, NULL);
  }
  if (watch->stream)
    gst_structure_set (s, "stream", G_TYPE_STRING, watch->stream, NULL);
  watch->self->alerts_raised += start;
  watch->self->alerts_active += start ? 1 : -1;
  g_ptr_array_add (watch->raised, s);
}

/* Messages; and what starts is logged, with the look that raised it. Takes the structures. looked: NULL at the end of a stream. */
static void
tell_alerts (GstBitmarMemory *self, GPtrArray *raised, const GstStructure *looked, GBytes *episode, gboolean live)
{
  GstSample *thumbnail = looked ? gst_bitmar_thumbnail_peek (looked) : NULL;
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = self->post_messages;
  GST_OBJECT_UNLOCK (self);
  for (guint i = 0; i < raised->len; i++) {
    GstStructure *s = raised->pdata[i];

    GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT, (gpointer) s);
    if (episode && g_str_equal (gst_structure_get_string (s, "kind"), "start")) {
      GstStructure *logged = gst_structure_copy (s);

      if (thumbnail)
        gst_structure_set (logged, "thumbnail", GST_TYPE_SAMPLE, thumbnail, NULL);
      if (live) {
        gst_bitmar_memory_log_later (self, logged, episode);
      } else {
        gst_bitmar_memory_log (self, logged, episode);
        gst_structure_free (logged);
      }
    }
    if (wanted)
      gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
    else
      gst_structure_free (s);
  }
  g_ptr_array_unref (raised);
}

/* The stream ends or jumps: nothing goes on that nobody looks at. */
static void
finish_alerts (GstBitmarMemory *self)
{
  char *stream = stream_name (self);
  Watch watch = { .self = self, .stream = stream, .raised = g_ptr_array_new () };

  g_mutex_lock (&self->lock);
  if (self->alerts)
    bitmar_alerts_finish (self->alerts, raise_alert, &watch);
  g_mutex_unlock (&self->lock);
  tell_alerts (self, watch.raised, NULL, NULL, FALSE);
  g_free (stream);
}

/* ---- Looks --------------------------------------------------------------------------------------- */

/* Replaces what the structure holds by the episode with what was recalled. lock held. */
static gboolean
observe_locked (GstBitmarMemory *self, GstStructure *s, GBytes *bytes, Watch *watch, GError **error)
{
  GBytes *recalled;

  if (!bitmar_episode_set_bytes (self->episode, bytes, error)
      || !bitmar_memory_observe (self->memory, self->episode, gst_bitmar_memory_utc (self, watch->time), error)
      || !bitmar_alerts_observe (self->alerts, self->episode, watch->time->running_time, raise_alert, watch, error))
    return FALSE;
  self->episodes++;
  self->changed = TRUE;
  self->used = bitmar_memory_get_used (self->memory);
  if (!(recalled = bitmar_episode_to_bytes (self->episode, error)))
    return FALSE;
  gst_bitmar_episode_write (s, recalled, watch->stream);
  g_bytes_unref (recalled);
  return TRUE;
}

/* The novelty is told to the buffer, or to the query that s is of; an event has no use for it. */
static GstFlowReturn
observe_bytes (GstBitmarMemory *self, GstStructure *s, GBytes *bytes, const GstBitmarTime *time, GstBuffer *buffer, gboolean asked,
    gboolean live)
{
  char *stream = stream_name (self);
  Watch watch = { self, time, stream, g_ptr_array_new () };
  GError *error = NULL;

  g_mutex_lock (&self->lock);
  if (observe_locked (self, s, bytes, &watch, &error)) {
    gdouble novelty = bitmar_episode_get_novelty (self->episode);
    gint slot = bitmar_episode_get_slot (self->episode);

    if (buffer)
      gst_bitmar_meta_add_memory (buffer, novelty, slot, self->used, stream);
    if (asked)
      gst_bitmar_observe_query_answer (s, self->id, novelty, slot, self->used);
  }
  g_mutex_unlock (&self->lock);
  tell_alerts (self, watch.raised, s, bytes, live);
  g_free (stream);
  if (!error)
    return GST_FLOW_OK;
  gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
  return GST_FLOW_ERROR;
}

/* buffer = NULL for an event. */
static GstFlowReturn
observe (GstBitmarMemory *self, GstStructure *s, GstBuffer *buffer)
{
  gboolean live = gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self));
  GstFlowReturn flow;
  GstBitmarTime time;
  GBytes *bytes;
  char *stream;

  if (gst_bitmar_episode_get_memory (s) == self->id)
    return GST_FLOW_OK;
  /* Live video waits for nobody; the episode then goes on as it came, but for whose it is. */
  if (!gst_bitmar_filter_get_model (GST_BITMAR_FILTER (self), !live, &flow)) {
    g_mutex_lock (&self->lock);
    self->skipped++;
    g_mutex_unlock (&self->lock);
    stream = stream_name (self);
    gst_bitmar_episode_write (s, NULL, stream);
    g_free (stream);
    return flow;
  }
  bytes = gst_bitmar_episode_read (s, &time);
  if (!bytes)
    return GST_FLOW_OK;
  flow = observe_bytes (self, s, bytes, &time, buffer, FALSE, live);
  g_bytes_unref (bytes);
  return flow;
}

/* The thread of a bitmarencode, before the look is on any frame. */
static gboolean
answer (GstBitmarFilter *filter, GstQuery *query)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);
  GstStructure *s = gst_bitmar_observe_query_peek (query);
  GBytes *bytes = NULL;
  GstBitmarTime time;

  if (!s)
    return FALSE;
  g_mutex_lock (&self->answer_lock);
  if (self->answers && (bytes = gst_bitmar_episode_read (s, &time))) {
    observe_bytes (self, s, bytes, &time, NULL, TRUE, TRUE);
    g_bytes_unref (bytes);
  }
  g_mutex_unlock (&self->answer_lock);
  return gst_bitmar_episode_get_memory (s) == self->id;
}

static void
set_answers (GstBitmarMemory *self, gboolean answers)
{
  g_mutex_lock (&self->answer_lock);
  self->answers = answers;
  g_mutex_unlock (&self->answer_lock);
}

static GstFlowReturn
memory_frame (GstBitmarFilter *filter, GstBuffer **buffer, const GstBitmarTime *time)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  g_mutex_lock (&self->lock);
  self->frames++;
  g_mutex_unlock (&self->lock);
  if (!gst_bitmar_meta_peek (*buffer, GST_BITMAR_EPISODE_META))
    return GST_FLOW_OK;
  *buffer = gst_buffer_make_writable (*buffer);
  return observe (self, gst_bitmar_meta_peek (*buffer, GST_BITMAR_EPISODE_META), *buffer);
}

static void
handle_event (GstBitmarFilter *filter, GstEvent **event)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_FLUSH_STOP:
      finish_alerts (self);
      break;
    default:
      if (gst_bitmar_episode_event_peek (*event)) {
        *event = gst_event_make_writable (*event);
        observe (self, gst_event_writable_structure (*event), NULL);
      }
      break;
  }
}

/* ---- Captions that come back ----------------------------------------------------------------------- */

/* The text encoder takes milliseconds and runs beside live video; what it made is put in under the lock. */
static void
remember (GstBitmarMemory *self, GBytes *bytes, const char *text)
{
  GError *error = NULL;

  g_mutex_lock (&self->log_lock);
  if (self->told && bitmar_episode_set_bytes (self->told, bytes, &error) && bitmar_episode_set_caption (self->told, text, &error)) {
    g_mutex_lock (&self->lock);
    if (self->memory)
      self->changed |= bitmar_memory_tell (self->memory, self->told);
    g_mutex_unlock (&self->lock);
  }
  g_mutex_unlock (&self->log_lock);
  if (error)
    GST_WARNING_OBJECT (self, "what was said is not remembered: %s", error->message);
  g_clear_error (&error);
}

static gboolean
handle_caption (GstBitmarFilter *filter, GstEvent *event)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);
  const GstStructure *s = gst_bitmar_caption_event_peek (event);
  gboolean fallback = FALSE;
  GBytes *episode = NULL;

  if (!s || !gst_structure_get (s, "episode", G_TYPE_BYTES, &episode, NULL))
    return FALSE;
  gst_structure_get_boolean (s, "fallback", &fallback);
  if (!fallback)
    remember (self, episode, gst_structure_get_string (s, "text"));
  gst_bitmar_memory_log (self, s, episode);
  g_bytes_unref (episode);
  return TRUE;
}

/* ---- Start and stop -------------------------------------------------------------------------------- */

static gboolean
make_memory (GstBitmarMemory *self, BitmarModel *model, GError **error)
{
  BitmarMemory *memory;
  BitmarAlerts *alerts;
  BitmarEpisode *episode, *told;
  gdouble threshold;
  char *rules;
  guint size;

  GST_OBJECT_LOCK (self);
  size = self->size;
  threshold = self->threshold;
  rules = g_strdup (self->rules);
  GST_OBJECT_UNLOCK (self);
  memory = bitmar_memory_new (model, size, threshold, error);
  alerts = memory ? bitmar_alerts_new (model, rules, error) : NULL;
  episode = alerts ? bitmar_episode_new (model, error) : NULL;
  told = episode ? bitmar_episode_new (model, error) : NULL;
  g_free (rules);
  if (!told) {
    g_clear_object (&memory);
    g_clear_object (&alerts);
    g_clear_object (&episode);
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  self->model = g_object_ref (model);
  self->memory = memory;
  self->alerts = alerts;
  self->episode = episode;
  self->model_bytes = bitmar_model_get_size (model);
  self->memory_bytes = 2 * sizeof (float) * (gsize) bitmar_memory_get_slots (memory)
      * bitmar_model_get_memory_width (model);
  g_mutex_unlock (&self->lock);
  g_mutex_lock (&self->log_lock);
  self->told = told;
  g_mutex_unlock (&self->log_lock);
  return TRUE;
}

static gboolean
load (GstBitmarFilter *filter, BitmarModel *model, GError **error)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  if (!make_memory (self, model, error) || !gst_bitmar_memory_open_files (self, model, error))
    return FALSE;
  set_answers (self, TRUE);
  return TRUE;
}

static void
start (GstBitmarFilter *filter)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  /* Signals may be called in any state. */
  g_mutex_lock (&self->lock);
  self->frames = self->episodes = self->skipped = self->saved = self->unsaved = self->alerts_raised = 0;
  self->used = self->alerts_active = 0;
  self->changed = self->save_failing = FALSE;
  g_mutex_unlock (&self->lock);
  self->epoch = (guint64) g_get_real_time () * 1000;
  gst_bitmar_memory_expect_log (self);
}

static void
stop (GstBitmarFilter *filter)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  set_answers (self, FALSE);
  gst_bitmar_memory_close_files (self);
  g_mutex_lock (&self->lock);
  g_clear_object (&self->memory);
  g_clear_object (&self->model);
  g_clear_object (&self->alerts);
  g_clear_object (&self->episode);
  g_mutex_unlock (&self->lock);
}

static void
finalize (GObject *object)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  g_free (self->stream_id);
  g_free (self->memory_file);
  g_free (self->log_file);
  g_free (self->rules);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->log_lock);
  g_mutex_clear (&self->save_lock);
  g_mutex_clear (&self->answer_lock);
  G_OBJECT_CLASS (gst_bitmar_memory_parent_class)->finalize (object);
}

static void
gst_bitmar_memory_init (GstBitmarMemory *self)
{
  static gsize memories;

  self->id = (guint64) g_atomic_pointer_add (&memories, 1) + 1;
  g_mutex_init (&self->lock);
  g_mutex_init (&self->log_lock);
  g_mutex_init (&self->save_lock);
  g_mutex_init (&self->answer_lock);
  gst_bitmar_memory_init_properties (self);
}

static void
gst_bitmar_memory_class_init (GstBitmarMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBitmarFilterClass *filter_class = GST_BITMAR_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_memory_debug, "bitmarmemory", 0, "BitMar episodic memory");
  object_class->set_property = gst_bitmar_memory_set_property;
  object_class->get_property = gst_bitmar_memory_get_property;
  object_class->finalize = finalize;
  filter_class->start = start;
  filter_class->stop = stop;
  filter_class->load = load;
  filter_class->frame = memory_frame;
  filter_class->event = handle_event;
  filter_class->upstream_event = handle_caption;
  filter_class->query = answer;
  gst_bitmar_memory_install_properties (object_class);

  gst_bitmar_memory_install_signals (klass);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "BitMar memory", "Filter/Analyzer/Video",
      "Remembers what bitmarencode saw, tells how new each look is, and recalls it for bitmarcaption",
      "The BitMar for GStreamer authors");
}
