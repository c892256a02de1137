/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstbitmarmeta.h"

void
gst_bitmar_meta_register (void)
{
  static const char *const names[] = { GST_BITMAR_EPISODE_META, GST_BITMAR_MEMORY_META, GST_BITMAR_CAPTION_META };
  static const char *no_tags[] = { NULL };
  static gsize once = 0;

  if (!g_once_init_enter (&once))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (!gst_meta_get_info (names[i]))
      gst_meta_register_custom (names[i], no_tags, NULL, NULL, NULL);
  g_once_init_leave (&once, 1);
}

GstStructure *
gst_bitmar_meta_peek (GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, name);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

/* An empty structure to fill. */
static GstStructure *
replace_meta (GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, name);

  if (meta)
    gst_structure_remove_all_fields (gst_custom_meta_get_structure (meta));
  else
    meta = gst_buffer_add_custom_meta (buffer, name);
  return gst_custom_meta_get_structure (meta);
}

static void
set_time (GstStructure *s, const char *field, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_structure_set (s, field, G_TYPE_UINT64, time, NULL);
}

static void
set_times (GstStructure *s, const GstBitmarTime *time)
{
  set_time (s, "pts", time->pts);
  set_time (s, "duration", time->duration);
  set_time (s, "running-time", time->running_time);
  set_time (s, "utc", time->utc);
}

static void
set_string (GstStructure *s, const char *field, const char *value)
{
  if (value)
    gst_structure_set (s, field, G_TYPE_STRING, value, NULL);
}

static GstClockTime
get_time (const GstStructure *s, const char *field)
{
  guint64 time;

  return gst_structure_get_uint64 (s, field, &time) ? time : GST_CLOCK_TIME_NONE;
}

static void
set_thumbnail (GstStructure *s, GstSample *thumbnail)
{
  if (thumbnail)
    gst_structure_set (s, "thumbnail", GST_TYPE_SAMPLE, thumbnail, NULL);
}

GstSample *
gst_bitmar_thumbnail_peek (const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "thumbnail");

  return value && GST_VALUE_HOLDS_SAMPLE (value) ? gst_value_get_sample (value) : NULL;
}

void
gst_bitmar_meta_add_episode (GstBuffer *buffer, GBytes *episode, const char *model, const GstBitmarTime *time,
    GstSample *thumbnail)
{
  GstStructure *s = replace_meta (buffer, GST_BITMAR_EPISODE_META);

  gst_bitmar_episode_write (s, episode, NULL);
  set_thumbnail (s, thumbnail);
  set_string (s, "model", model);
  set_times (s, time);
}

static gboolean
copy_field (GQuark field, const GValue *value, gpointer to)
{
  gst_structure_id_set_value (to, field, value);
  return TRUE;
}

void
gst_bitmar_meta_copy (GstBuffer *buffer, GstBuffer *from, const char *name)
{
  const GstStructure *fields = gst_bitmar_meta_peek (from, name);

  if (fields)
    gst_structure_foreach (fields, copy_field, replace_meta (buffer, name));
}

void
gst_bitmar_meta_add_memory (GstBuffer *buffer, gdouble novelty, gint slot, guint used, const char *stream)
{
  GstStructure *s = replace_meta (buffer, GST_BITMAR_MEMORY_META);

  gst_structure_set (s, "novelty", G_TYPE_DOUBLE, novelty, "slot", G_TYPE_INT, slot, "used", G_TYPE_UINT, used, NULL);
  set_string (s, "stream", stream);
}

void
gst_bitmar_meta_add_caption (GstBuffer *buffer, const GstBitmarCaptionInfo *caption, gboolean in_full)
{
  GstStructure *s = replace_meta (buffer, GST_BITMAR_CAPTION_META);

  if (in_full)
    gst_bitmar_caption_info_to_structure (caption, s);
  else
    gst_structure_set (s, "id", G_TYPE_UINT64, caption->id, NULL);
}

GstEvent *
gst_bitmar_episode_event_new (const GstStructure *episode)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_copy (episode));
}

const GstStructure *
gst_bitmar_episode_event_peek (GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM
      || !gst_event_has_name (event, GST_BITMAR_EPISODE_EVENT))
    return NULL;
  return gst_event_get_structure (event);
}

GstQuery *
gst_bitmar_observe_query_new (GstBuffer *look)
{
  GstStructure *s = gst_structure_copy (gst_bitmar_meta_peek (look, GST_BITMAR_EPISODE_META));

  gst_structure_set_name (s, GST_BITMAR_OBSERVE_QUERY);
  return gst_query_new_custom (GST_QUERY_CUSTOM, s);
}

GstStructure *
gst_bitmar_observe_query_peek (GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM || !gst_structure_has_name (gst_query_get_structure (query), GST_BITMAR_OBSERVE_QUERY))
    return NULL;
  return gst_query_writable_structure (query);
}

void
gst_bitmar_observe_query_answer (GstStructure *structure, guint64 memory, gdouble novelty, gint slot, guint used)
{
  gst_structure_set (structure, "memory", G_TYPE_UINT64, memory, "novelty", G_TYPE_DOUBLE, novelty, "slot", G_TYPE_INT, slot,
      "used", G_TYPE_UINT, used, NULL);
}

void
gst_bitmar_observe_query_take (GstQuery *query, GstBuffer *look)
{
  const GstStructure *answer = gst_query_get_structure (query);
  const char *stream = gst_structure_get_string (answer, "stream");
  GBytes *episode = NULL;
  guint64 memory;
  gdouble novelty;
  gint slot;
  guint used;

  /* Whoever else answers knows nothing of this. */
  if (gst_structure_get (answer, "episode", G_TYPE_BYTES, &episode, "memory", G_TYPE_UINT64, &memory, "novelty", G_TYPE_DOUBLE, &novelty,
          "slot", G_TYPE_INT, &slot, "used", G_TYPE_UINT, &used, NULL)) {
    GstStructure *s = gst_bitmar_meta_peek (look, GST_BITMAR_EPISODE_META);

    gst_bitmar_episode_write (s, episode, stream);
    gst_structure_set (s, "memory", G_TYPE_UINT64, memory, NULL);
    gst_bitmar_meta_add_memory (look, novelty, slot, used, stream);
  }
  g_clear_pointer (&episode, g_bytes_unref);
}

guint64
gst_bitmar_episode_get_memory (const GstStructure *structure)
{
  guint64 memory;

  return gst_structure_get_uint64 (structure, "memory", &memory) ? memory : 0;
}

GstEvent *
gst_bitmar_caption_event_new (const GstBitmarCaptionInfo *caption, GBytes *episode, GstSample *thumbnail)
{
  GstStructure *s = gst_structure_new (GST_BITMAR_CAPTION_EVENT, "episode", G_TYPE_BYTES, episode, NULL);

  gst_bitmar_caption_info_to_structure (caption, s);
  set_thumbnail (s, thumbnail);
  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, s);
}

const GstStructure *
gst_bitmar_caption_event_peek (GstEvent *event)
{
  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_UPSTREAM || !gst_event_has_name (event, GST_BITMAR_CAPTION_EVENT))
    return NULL;
  return gst_event_get_structure (event);
}

GBytes *
gst_bitmar_episode_read (const GstStructure *structure, GstBitmarTime *time)
{
  GBytes *episode = NULL;

  gst_structure_get (structure, "episode", G_TYPE_BYTES, &episode, NULL);
  time->pts = get_time (structure, "pts");
  time->duration = get_time (structure, "duration");
  time->running_time = get_time (structure, "running-time");
  time->utc = get_time (structure, "utc");
  if (episode && (!GST_CLOCK_TIME_IS_VALID (time->pts) || !GST_CLOCK_TIME_IS_VALID (time->running_time)))
    g_clear_pointer (&episode, g_bytes_unref);
  return episode;
}

void
gst_bitmar_episode_write (GstStructure *structure, GBytes *episode, const char *stream)
{
  if (episode)
    gst_structure_set (structure, "episode", G_TYPE_BYTES, episode, NULL);
  set_string (structure, "stream", stream);
}

void
gst_bitmar_caption_info_to_structure (const GstBitmarCaptionInfo *caption, GstStructure *structure)
{
  gst_structure_set (structure, "id", G_TYPE_UINT64, caption->id, "text", G_TYPE_STRING, caption->text,
      "confidence", G_TYPE_DOUBLE, caption->confidence, "novelty", G_TYPE_DOUBLE, caption->novelty,
      "slot", G_TYPE_INT, caption->slot, "fallback", G_TYPE_BOOLEAN, caption->fallback, NULL);
  set_times (structure, &caption->time);
  set_string (structure, "model", caption->model);
  set_string (structure, "stream", caption->stream);
}

GstBitmarCaptionInfo *
gst_bitmar_caption_info_new (void)
{
  GstBitmarCaptionInfo *caption = g_atomic_rc_box_new0 (GstBitmarCaptionInfo);

  caption->slot = -1;
  return caption;
}

GstBitmarCaptionInfo *
gst_bitmar_caption_info_ref (GstBitmarCaptionInfo *caption)
{
  return g_atomic_rc_box_acquire (caption);
}

static void
caption_clear (gpointer data)
{
  GstBitmarCaptionInfo *caption = data;

  g_free (caption->text);
  g_free (caption->model);
  g_free (caption->stream);
}

void
gst_bitmar_caption_info_unref (GstBitmarCaptionInfo *caption)
{
  g_atomic_rc_box_release_full (caption, caption_clear);
}
