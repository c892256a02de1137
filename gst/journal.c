/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "journal.h"

#include "thumbnail.h"

/* ---- One log per file ------------------------------------------------------------------------------ */

typedef struct {
  GWeakRef log;
  char *model;                 /* its id */
} Entry;

static GMutex lock;
static GHashTable *logs;       /* path -> Entry */

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_weak_ref_clear (&entry->log);
  g_free (entry->model);
  g_free (entry);
}

/* lock held */
static BitmarEventLog *
open_locked (const char *path, BitmarModel *model, GError **error)
{
  Entry *entry = g_hash_table_lookup (logs, path);
  BitmarEventLog *log = entry ? g_weak_ref_get (&entry->log) : NULL;

  if (log && g_strcmp0 (entry->model, bitmar_model_get_id (model)) == 0)
    return log;
  g_clear_object (&log);
  log = bitmar_event_log_open (path, model, BITMAR_EVENT_LOG_WRITE, error);
  if (!log)
    return NULL;
  entry = g_new0 (Entry, 1);
  g_weak_ref_init (&entry->log, log);
  entry->model = g_strdup (bitmar_model_get_id (model));
  g_hash_table_insert (logs, g_strdup (path), entry);
  return log;
}

BitmarEventLog *
bitmar_journal_open (const char *path, BitmarModel *model, GError **error)
{
  char *name = g_canonicalize_filename (path, NULL);
  BitmarEventLog *log;

  g_mutex_lock (&lock);
  if (!logs)
    logs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  log = open_locked (name, model, error);
  g_mutex_unlock (&lock);
  g_free (name);
  return log;
}

/* ---- In ------------------------------------------------------------------------------------------ */

static guint64
get_time (const GstStructure *s, const char *field)
{
  guint64 time;

  return gst_structure_get_uint64 (s, field, &time) ? time : G_MAXUINT64;
}

static gfloat
get_share (const GstStructure *s, const char *field)
{
  gdouble x;

  return gst_structure_get_double (s, field, &x) ? (gfloat) x : 0;
}

static GBytes *
get_jpeg (const GstStructure *s)
{
  GstSample *thumbnail = gst_bitmar_thumbnail_peek (s);
  GError *error = NULL;
  GBytes *jpeg = thumbnail ? bitmar_thumbnail_to_jpeg (thumbnail, &error) : NULL;

  if (error)
    GST_WARNING ("no thumbnail: %s", error->message);
  g_clear_error (&error);
  return jpeg;
}

gboolean
bitmar_journal_add (BitmarEventLog *log, const GstStructure *s, BitmarEpisode *episode, guint64 utc, GError **error)
{
  const char *text = gst_structure_get_string (s, "text");
  BitmarEvent event = { .camera = gst_structure_get_string (s, "stream"), .text = text ? text : gst_structure_get_string (s, "sentence"),
    .alert = text ? NULL : gst_structure_get_string (s, "name"), .utc = (gint64) utc, .pts = get_time (s, "pts"),
    .running_time = get_time (s, "running-time"), .confidence = get_share (s, text ? "confidence" : "score"),
    .novelty = get_share (s, "novelty"), .embedding = bitmar_episode_get_key (episode, NULL) };
  gboolean done;

  event.thumbnail = get_jpeg (s);
  done = bitmar_event_log_append (log, &event, error);
  g_clear_pointer (&event.thumbnail, g_bytes_unref);
  return done;
}

/* ---- Out ----------------------------------------------------------------------------------------- */

static GstStructure *
event_to_structure (const BitmarEvent *event)
{
  GstStructure *s = gst_structure_new ("bitmar-event", "id", G_TYPE_INT64, event->id, "score", G_TYPE_DOUBLE, (gdouble) event->score,
      "camera", G_TYPE_STRING, event->camera ? event->camera : "", "text", G_TYPE_STRING, event->text,
      "utc", G_TYPE_UINT64, (guint64) event->utc, "confidence", G_TYPE_DOUBLE, (gdouble) event->confidence,
      "novelty", G_TYPE_DOUBLE, (gdouble) event->novelty, NULL);

  if (event->alert)
    gst_structure_set (s, "alert", G_TYPE_STRING, event->alert, NULL);
  if (event->pts != G_MAXUINT64)
    gst_structure_set (s, "pts", G_TYPE_UINT64, event->pts, NULL);
  if (event->running_time != G_MAXUINT64)
    gst_structure_set (s, "running-time", G_TYPE_UINT64, event->running_time, NULL);
  if (event->thumbnail)
    gst_structure_set (s, "thumbnail", G_TYPE_BYTES, event->thumbnail, NULL);
  return s;
}

GstStructure *
bitmar_journal_to_structure (const GPtrArray *events)
{
  GstStructure *all = gst_structure_new_empty ("bitmar-events");
  GValue list = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_LIST);
  for (guint i = 0; i < events->len; i++) {
    GValue item = G_VALUE_INIT;

    g_value_init (&item, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&item, event_to_structure (events->pdata[i]));
    gst_value_list_append_and_take_value (&list, &item);
  }
  gst_structure_take_value (all, "events", &list);
  return all;
}
