/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What answers are made of. */
#include <math.h>
#include <string.h>

#include "web.h"

#define NS G_GINT64_CONSTANT (1000000000)

void
web_respond (SoupServerMessage *message, guint status, const char *type, const char *text, gssize length)
{
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_COPY, text, length < 0 ? strlen (text) : (gsize) length);
}

void
web_respond_json (SoupServerMessage *message, guint status, JsonObject *object)
{
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, FALSE);

  json_node_unref (node);
  json_object_unref (object);
  web_respond (message, status, "application/json; charset=utf-8", text, -1);
}

JsonObject *
web_json_new (void)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "version", WEB_API_VERSION);
  return object;
}

void
web_fail (SoupServerMessage *message, guint status, const char *format, ...)
{
  JsonObject *object = web_json_new (), *what = json_object_new ();
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  json_object_set_int_member (what, "status", status);
  web_json_set_text (what, "message", text);
  json_object_set_object_member (object, "error", what);
  web_respond_json (message, status, object);
  g_free (text);
}

void
web_json_set_text (JsonObject *object, const char *name, const char *text)
{
  g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;

  if (valid)
    json_object_set_string_member (object, name, valid);
  else
    json_object_set_null_member (object, name);
}

char *
web_time (gint64 utc)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (utc / NS);
  g_autofree char *text = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : g_strdup ("1970-01-01T00:00:00");

  return g_strdup_printf ("%s.%03dZ", text, (int) (utc % NS / 1000000));
}

void
web_json_set_time (JsonObject *object, const char *name, gint64 utc)
{
  g_autofree char *text = utc >= 0 ? web_time (utc) : NULL;

  web_json_set_text (object, name, text);
}

double
web_rounded (double x)
{
  return round (x * 1e4) / 1e4;
}

const char *
web_parameter (const WebRequest *request, const char *name)
{
  return request->query ? g_hash_table_lookup (request->query, name) : NULL;
}

/* A mistyped filter would show what was to be hidden. */
gboolean
web_only_has (const WebRequest *request, const char *const *names)
{
  GHashTableIter iter;
  gpointer name, value;

  if (!request->query)
    return TRUE;
  g_hash_table_iter_init (&iter, request->query);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    if (!g_strv_contains (names, name)) {
      g_autofree char *all = g_strjoinv (", ", (char **) names);

      web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "there is no parameter '%s' here; the parameters are %s", (char *) name, *all ? all : "none");
      return FALSE;
    }
    if (!g_utf8_validate (value, -1, NULL)) {
      web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'%s' is not UTF-8", (char *) name);
      return FALSE;
    }
  }
  return TRUE;
}

guint
web_find_camera (const Web *web, const char *name)
{
  guint i = 0;

  while (i < web->host->n_cameras && !g_str_equal (name, web->host->cameras[i]))
    i++;
  return i;
}
