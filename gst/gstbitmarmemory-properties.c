/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties of bitmarmemory. */

#include "gstbitmarmemory-private.h"

#define DEFAULT_THRESHOLD -2.0  /* the model's */
#define DEFAULT_SAVE_INTERVAL (60 * GST_SECOND)

enum {
  PROP_0, PROP_MEMORY_SIZE, PROP_SIMILARITY_THRESHOLD, PROP_STREAM_ID, PROP_MEMORY_FILE, PROP_SAVE_INTERVAL, PROP_EVENT_LOG, PROP_RETENTION,
  PROP_RETENTION_BYTES, PROP_ALERTS, PROP_POST_MESSAGES, PROP_STATS
};

static void
add_log_stats (GstBitmarMemory *self, GstStructure *s)
{
  BitmarEventLogCounts counts = { 0 };

  g_mutex_lock (&self->log_lock);
  if (self->log)
    bitmar_event_log_get_counts (self->log, &counts);
  g_mutex_unlock (&self->log_lock);
  gst_structure_set (s, "log-appended", G_TYPE_UINT64, counts.appended, "log-written", G_TYPE_UINT64, counts.written,
      "log-dropped", G_TYPE_UINT64, counts.dropped, "log-queued", G_TYPE_UINT, counts.queued, NULL);
}

static GstStructure *
make_stats (GstBitmarMemory *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("bitmarmemory-stats", "frames-in", G_TYPE_UINT64, self->frames,
      "episodes", G_TYPE_UINT64, self->episodes, "skipped", G_TYPE_UINT64, self->skipped,
      "slots-used", G_TYPE_UINT, self->used, "memory-bytes", G_TYPE_UINT64, (guint64) self->memory_bytes,
      "model-bytes", G_TYPE_UINT64, (guint64) self->model_bytes, "snapshots", G_TYPE_UINT64, self->saved,
      "snapshots-failed", G_TYPE_UINT64, self->unsaved, "alerts", G_TYPE_UINT64, self->alerts_raised,
      "alerts-active", G_TYPE_UINT, self->alerts_active, NULL);
  g_mutex_unlock (&self->lock);
  add_log_stats (self, s);
  return s;
}

/* Rules take effect with the next look, or are refused and the former stay. Before the model is there they are only kept. */
static void
change_rules (GstBitmarMemory *self, const char *rules)
{
  BitmarModel *model;
  BitmarAlerts *alerts;
  GError *error = NULL;

  g_mutex_lock (&self->lock);
  model = self->model ? g_object_ref (self->model) : NULL;
  g_mutex_unlock (&self->lock);
  alerts = model ? bitmar_alerts_new (model, rules, &error) : NULL;
  g_clear_object (&model);
  if (error) {
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("The new alerts are refused, the former stay."), ("%s", error->message));
    g_error_free (error);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_free (self->rules);
  self->rules = g_strdup (rules);
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->lock);
  if (alerts && self->memory) {
    g_clear_object (&self->alerts);
    self->alerts = g_steal_pointer (&alerts);
    self->alerts_active = 0;
  }
  g_mutex_unlock (&self->lock);
  g_clear_object (&alerts);
}

static void
set_string (char **to, const GValue *value)
{
  g_free (*to);
  *to = g_value_dup_string (value);
}

static void
take_effect (GstBitmarMemory *self, guint id)
{
  if (id == PROP_RETENTION || id == PROP_RETENTION_BYTES)
    gst_bitmar_memory_set_retention (self);
  GST_OBJECT_LOCK (self);
  if (id == PROP_SAVE_INTERVAL && self->saver)
    bitmar_saver_set_interval (self->saver, self->save_interval);
  GST_OBJECT_UNLOCK (self);
}

void
gst_bitmar_memory_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  if (id == PROP_ALERTS) {
    change_rules (self, g_value_get_string (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MEMORY_SIZE:
      self->size = g_value_get_uint (value);
      break;
    case PROP_SIMILARITY_THRESHOLD:
      self->threshold = g_value_get_double (value);
      break;
    case PROP_STREAM_ID:
      set_string (&self->stream_id, value);
      break;
    case PROP_MEMORY_FILE:
      set_string (&self->memory_file, value);
      break;
    case PROP_SAVE_INTERVAL:
      self->save_interval = g_value_get_uint64 (value);
      break;
    case PROP_EVENT_LOG:
      set_string (&self->log_file, value);
      break;
    case PROP_RETENTION:
      self->retention = g_value_get_uint64 (value);
      break;
    case PROP_RETENTION_BYTES:
      self->retention_bytes = g_value_get_uint64 (value);
      break;
    case PROP_POST_MESSAGES:
      self->post_messages = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
  take_effect (self, id);
}

void
gst_bitmar_memory_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MEMORY_SIZE:
      g_value_set_uint (value, self->size);
      break;
    case PROP_SIMILARITY_THRESHOLD:
      g_value_set_double (value, self->threshold);
      break;
    case PROP_STREAM_ID:
      g_value_set_string (value, self->stream_id);
      break;
    case PROP_MEMORY_FILE:
      g_value_set_string (value, self->memory_file);
      break;
    case PROP_SAVE_INTERVAL:
      g_value_set_uint64 (value, self->save_interval);
      break;
    case PROP_EVENT_LOG:
      g_value_set_string (value, self->log_file);
      break;
    case PROP_RETENTION:
      g_value_set_uint64 (value, self->retention);
      break;
    case PROP_RETENTION_BYTES:
      g_value_set_uint64 (value, self->retention_bytes);
      break;
    case PROP_ALERTS:
      g_value_set_string (value, self->rules);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean (value, self->post_messages);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

void
gst_bitmar_memory_init_properties (GstBitmarMemory *self)
{
  self->threshold = DEFAULT_THRESHOLD;
  self->save_interval = DEFAULT_SAVE_INTERVAL;
  self->post_messages = TRUE;
}

#define RW (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define ANY_TIME (RW | GST_PARAM_MUTABLE_PLAYING)
#define AT_REST (RW | GST_PARAM_MUTABLE_READY)

static void
install_memory (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_MEMORY_SIZE,
      g_param_spec_uint ("memory-size", "Memory size",
          "How many different views the memory holds. When all slots are taken, a new view replaces the one of least "
          "worth. 0: as many as the model was trained with", 0, 65536, 0, AT_REST));
  g_object_class_install_property (klass, PROP_SIMILARITY_THRESHOLD,
      g_param_spec_double ("similarity-threshold", "Similarity threshold",
          "How alike two looks must be to be remembered as one view: the cosine of their keys, 1 for the same picture. "
          "Raise it to tell finer differences apart, which fills the memory sooner. -2: the value of the model", -2, 1, DEFAULT_THRESHOLD, AT_REST));
  g_object_class_install_property (klass, PROP_STREAM_ID,
      g_param_spec_string ("stream-id", "Stream id",
          "The name of this stream in metadata, messages, JSON and the event log, such as a camera's name. Unset: "
          "upstream's stream id", NULL, ANY_TIME));
  g_object_class_install_property (klass, PROP_MEMORY_FILE,
      g_param_spec_string ("memory-file", "Memory file",
          "The file that keeps the memory over restarts: read at the start, written every save-interval and at the end."
          " Unset: what was seen is forgotten at the end", NULL,
          AT_REST));
  g_object_class_install_property (klass, PROP_SAVE_INTERVAL,
      g_param_spec_uint64 ("save-interval", "Save interval",
          "Time in nanoseconds from one write of memory-file to the next. A crash loses what was seen since the last "
          "one. 0: it is written at the end only", 0,
          G_MAXINT64, DEFAULT_SAVE_INTERVAL, ANY_TIME));
}

static void
install_log (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_EVENT_LOG,
      g_param_spec_string ("event-log", "Event log",
          "The file that captions and starts of alerts are logged to, to be found again by a sentence (bitmar search, "
          "signal query). Elements of one process may share it. Unset: nothing is logged", NULL,
          AT_REST));
  g_object_class_install_property (klass, PROP_RETENTION,
      g_param_spec_uint64 ("retention", "Retention",
          "Age in nanoseconds from which events are deleted from the event log. 0: they are kept for ever", 0, G_MAXINT64, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_RETENTION_BYTES,
      g_param_spec_uint64 ("retention-bytes", "Retention in bytes",
          "Size in bytes that the event log may have; beyond it the oldest events are deleted. 0: there is no limit", 0,
          G_MAXINT64, 0, ANY_TIME));
  g_object_class_install_property (klass, PROP_ALERTS,
      g_param_spec_string ("alerts", "Alerts",
          "What to raise alerts for: rules, one a line or separated by semicolons, each NAME: SENTENCE [above SCORE] "
          "[below SCORE] [for TIME] [hold TIME] [cooldown TIME], such as \"visitor: a person at a door above 0.5 for "
          "1s\". Every look is scored by every sentence, 0 to 1. Unset: none", NULL, ANY_TIME));
  g_object_class_install_property (klass, PROP_POST_MESSAGES,
      g_param_spec_boolean ("post-alerts", "Post alerts",
          "Whether the start and the end of an alert are posted on the bus, as an element message bitmar-alert", TRUE, ANY_TIME));
}

void
gst_bitmar_memory_install_properties (GObjectClass *klass)
{
  install_memory (klass);
  install_log (klass);
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was done since the start: how many frames came in, how many looks (episodes) were remembered and "
          "skipped, snapshots, alerts and logged events; how many slots are in use; the bytes of memory and model", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}
