/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "onvif-read.h"

/* ---- JSON -------------------------------------------------------------------------------------------- */

static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static double
get_number (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : 0;
}

static guint64
get_uint (JsonObject *object, const char *name, guint64 none)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
      ? (guint64) MAX (0, json_node_get_int (node)) : none;
}

static gboolean
get_bool (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_boolean (node);
}

/* Whatever zone it was written in. */
static gint64
read_utc (const char *text)
{
  GDateTime *time = text ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
  gint64 seconds = time ? g_date_time_to_unix (time) : -1, utc = -1;

  if (seconds >= 0 && seconds < G_MAXINT64 / (gint64) GST_SECOND)
    utc = seconds * (gint64) GST_SECOND + g_date_time_get_microsecond (time) * (gint64) GST_USECOND;
  g_clear_pointer (&time, g_date_time_unref);
  return utc;
}

gboolean
bitmar_onvif_is_caption (JsonObject *object)
{
  return get_string (object, "text") != NULL;
}

gboolean
bitmar_onvif_is_repeat (JsonObject *object)
{
  return get_bool (object, "repeat");
}

void
bitmar_onvif_read_caption (JsonObject *object, BitmarOnvifCaption *caption, gint64 *utc, guint64 *running_time)
{
  *utc = read_utc (get_string (object, "utc"));
  *running_time = get_uint (object, "running_time", GST_CLOCK_TIME_NONE);
  *caption = (BitmarOnvifCaption) { .source = g_strdup (get_string (object, "stream")), .id = get_uint (object, "id", 0),
    .text = g_strdup (get_string (object, "text")), .confidence = get_number (object, "confidence"), .novelty = get_number (object, "novelty"),
    .fallback = get_bool (object, "fallback"), .model = g_strdup (get_string (object, "model")) };
}

/* ---- Alerts ------------------------------------------------------------------------------------------ */

static double
get_double (const GstStructure *s, const char *field)
{
  double x = 0;

  gst_structure_get_double (s, field, &x);
  return x;
}

BitmarOnvifAlert *
bitmar_onvif_read_alert (const GstStructure *s, gint64 *utc, guint64 *running_time)
{
  const char *kind = gst_structure_get_string (s, "kind"), *name = gst_structure_get_string (s, "name");
  const char *sentence = gst_structure_get_string (s, "sentence");
  BitmarOnvifAlert *alert;
  guint64 time;

  if (!name || !kind || (!g_str_equal (kind, "start") && !g_str_equal (kind, "end")))
    return NULL;
  *utc = gst_structure_get_uint64 (s, "utc", &time) && time <= G_MAXINT64 ? (gint64) time : -1;
  if (!gst_structure_get_uint64 (s, "running-time", running_time))
    *running_time = GST_CLOCK_TIME_NONE;
  alert = g_new0 (BitmarOnvifAlert, 1);
  alert->source = g_strdup (gst_structure_get_string (s, "stream"));
  alert->name = g_strdup (name);
  alert->sentence = g_strdup (sentence ? sentence : "");
  alert->active = g_str_equal (kind, "start");
  alert->score = get_double (s, "score");
  alert->peak = get_double (s, "peak");
  return alert;
}
