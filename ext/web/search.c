/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions to the event log: whoever asks waits for the thread that reads it, without holding up anybody else. */
#include <string.h>

#include "web.h"

#define MOST_EVENTS 500
#define LONGEST_QUERY 1024
#define NS G_GINT64_CONSTANT (1000000000)

typedef struct {
  Web *web;
  SoupServerMessage *message;
  gboolean over;               /* nobody waits any more; the loop's */
  /* What is asked. */
  gint64 id;                   /* 0: many */
  gboolean thumbnail;
  char *text, *camera;
  gint64 from, to;
  guint limit;
  /* The answer. */
  guint status;
  JsonObject *object;
  GBytes *bytes;
  char *error;
} Question;

/* ---- In the log's thread ----------------------------------------------------------------------------------- */

static void
set_number (JsonObject *object, const char *name, guint64 ns)
{
  if (ns > G_MAXINT64)
    json_object_set_null_member (object, name);
  else
    json_object_set_int_member (object, name, (gint64) ns);
}

static JsonObject *
event_json (const BitmarEvent *e, gboolean scored)
{
  JsonObject *object = json_object_new ();
  g_autofree char *thumbnail = e->thumbnail ? g_strdup_printf ("/api/v1/events/%" G_GINT64_FORMAT "/thumbnail", e->id) : NULL;

  json_object_set_int_member (object, "id", e->id);
  web_json_set_time (object, "time", e->utc);
  json_object_set_int_member (object, "utc", e->utc);
  web_json_set_text (object, "camera", e->camera);
  web_json_set_text (object, "text", e->text);
  web_json_set_text (object, "alert", e->alert);
  json_object_set_double_member (object, "confidence", web_rounded (e->confidence));
  json_object_set_double_member (object, "novelty", web_rounded (e->novelty));
  set_number (object, "pts", e->pts);
  set_number (object, "running-time", e->running_time);
  if (scored)
    json_object_set_double_member (object, "score", web_rounded (e->score));
  web_json_set_text (object, "thumbnail", thumbnail);
  return object;
}

static void
fail (Question *q, const GError *error)
{
  gboolean asked_wrong = g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING) || g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);

  q->status = asked_wrong ? SOUP_STATUS_BAD_REQUEST : q->id && g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER) ? SOUP_STATUS_NOT_FOUND
      : SOUP_STATUS_SERVICE_UNAVAILABLE;
  q->error = g_strdup (q->status == SOUP_STATUS_NOT_FOUND ? "there is no such event, or no longer" : error->message);
}

static void
answer_many (Question *q, GPtrArray *events)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; events && i < events->len; i++)
    json_array_add_object_element (array, event_json (events->pdata[i], q->text != NULL));
  q->object = web_json_new ();
  web_json_set_text (q->object, "query", q->text);
  json_object_set_array_member (q->object, "events", array);
  q->status = SOUP_STATUS_OK;
}

static void
ask_many (Question *q, BitmarEventLog *log)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *events = q->text ? bitmar_event_log_query_text (log, q->text, q->limit, q->from, q->to, q->camera, &error)
      : bitmar_event_log_query (log, NULL, 0, q->limit, q->from, q->to, q->camera, &error);

  if (events)
    answer_many (q, events);
  else
    fail (q, error);
  g_clear_pointer (&events, g_ptr_array_unref);
}

static void
ask_one (Question *q, BitmarEventLog *log)
{
  g_autoptr (GError) error = NULL;
  BitmarEvent *event = bitmar_event_log_get_event (log, q->id, &error);

  if (!event) {
    fail (q, error);
    return;
  }
  q->status = SOUP_STATUS_OK;
  if (!q->thumbnail) {
    q->object = event_json (event, FALSE);
    json_object_set_int_member (q->object, "version", WEB_API_VERSION);
  } else if (event->thumbnail) {
    q->bytes = g_bytes_ref (event->thumbnail);
  } else {
    q->status = SOUP_STATUS_NOT_FOUND;
    q->error = g_strdup ("this event has no picture");
  }
  bitmar_event_unref (event);
}

/* Where there is no log yet, nothing has happened. */
static void
answer_nothing (Question *q)
{
  if (!q->id) {
    answer_many (q, NULL);
    return;
  }
  q->status = SOUP_STATUS_NOT_FOUND;
  q->error = g_strdup ("there is no such event, or no longer");
}

static gboolean
work (BitmarEventLog *log, const GError *error, gpointer data)
{
  Question *q = data;

  if (log && q->id)
    ask_one (q, log);
  else if (log)
    ask_many (q, log);
  else if (web_log_is_there (q->web))
    fail (q, error);
  else
    answer_nothing (q);
  return q->status != SOUP_STATUS_SERVICE_UNAVAILABLE;
}

/* ---- In the server's ----------------------------------------------------------------------------------------- */

static void
over (SoupServerMessage *message, gpointer data)
{
  ((Question *) data)->over = TRUE;
}

static void
question_free (gpointer data)
{
  Question *q = data;

  g_signal_handlers_disconnect_by_data (q->message, q);
  g_object_unref (q->message);
  g_clear_pointer (&q->object, json_object_unref);
  g_clear_pointer (&q->bytes, g_bytes_unref);
  g_free (q->text);
  g_free (q->camera);
  g_free (q->error);
  g_free (q);
}

static void
answer (gpointer data)
{
  Question *q = data;
  gsize size;

  if (q->over)
    return;
  if (q->error) {
    web_fail (q->message, q->status, "%s", q->error);
  } else if (q->bytes) {
    const char *jpeg = g_bytes_get_data (q->bytes, &size);

    web_respond (q->message, q->status, "image/jpeg", jpeg, (gssize) size);
  } else {
    web_respond_json (q->message, q->status, g_steal_pointer (&q->object));
  }
  soup_server_message_unpause (q->message);
}

static Question *
question_new (WebRequest *request)
{
  Question *q = g_new0 (Question, 1);

  q->web = request->web;
  q->message = g_object_ref (request->message);
  q->to = -1;
  q->limit = 50;
  return q;
}

/* Takes the question. */
static void
ask (Question *q)
{
  if (!web_log_run (q->web->log, work, answer, question_free, q)) {
    soup_message_headers_replace (soup_server_message_get_response_headers (q->message), "Retry-After", "1");
    web_fail (q->message, SOUP_STATUS_SERVICE_UNAVAILABLE, "too many questions wait already");
    question_free (q);
    return;
  }
  g_signal_connect (q->message, "finished", G_CALLBACK (over), q);
  g_signal_connect (q->message, "disconnected", G_CALLBACK (over), q);
  soup_server_message_pause (q->message);
}

/* ISO 8601, UTC where no zone is named, or ns since 1970. */
static gboolean
read_time (WebRequest *request, const char *name, gint64 *ns)
{
  const char *text = web_parameter (request, name);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = NULL;
  guint64 number;

  if (!text)
    return TRUE;
  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64 - 1, &number, NULL)) {
    *ns = (gint64) number;
    return TRUE;
  }
  time = g_date_time_new_from_iso8601 (text, utc);
  if (time && g_date_time_to_unix (time) >= 0 && g_date_time_to_unix (time) < G_MAXINT64 / NS) {
    *ns = g_date_time_to_unix (time) * NS + g_date_time_get_microsecond (time) * 1000;
    return TRUE;
  }
  web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'%s' is no time such as 2026-11-26T18:00:00Z, or ns since 1970", name);
  return FALSE;
}

static gboolean
read_limit (WebRequest *request, guint *limit)
{
  const char *text = web_parameter (request, "limit");
  guint64 number = *limit;

  if (text && !g_ascii_string_to_unsigned (text, 10, 1, MOST_EVENTS, &number, NULL)) {
    web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'limit' is no whole number from 1 to %d", MOST_EVENTS);
    return FALSE;
  }
  *limit = (guint) number;
  return TRUE;
}

static gboolean
read_question (WebRequest *request, Question *q)
{
  const char *text = web_parameter (request, "query"), *camera = web_parameter (request, "camera");

  if (!read_time (request, "from", &q->from) || !read_time (request, "to", &q->to) || !read_limit (request, &q->limit))
    return FALSE;
  if (q->to != -1 && q->to < q->from) {
    web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'to' is before 'from'");
    return FALSE;
  }
  if (text && strlen (text) > LONGEST_QUERY) {
    web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'query' has more than %d bytes", LONGEST_QUERY);
    return FALSE;
  }
  q->text = text && *text ? g_strdup (text) : NULL;
  q->camera = camera && *camera ? g_strdup (camera) : NULL;
  return TRUE;
}

void
web_get_events (WebRequest *request)
{
  static const char *const parameters[] = { "query", "camera", "from", "to", "limit", NULL };
  Question *q;

  if (!web_only_has (request, parameters))
    return;
  q = question_new (request);
  if (read_question (request, q))
    ask (q);
  else
    question_free (q);
}

/* ID or ID/thumbnail */
void
web_get_event (WebRequest *request)
{
  static const char *const none[] = { NULL };
  const char *slash = strchr (request->path, '/');
  g_autofree char *id = g_strndup (request->path, slash ? (gsize) (slash - request->path) : strlen (request->path));
  guint64 number;
  Question *q;

  if (!web_only_has (request, none))
    return;
  if (!g_ascii_string_to_unsigned (id, 10, 1, G_MAXINT64, &number, NULL) || (slash && !g_str_equal (slash, "/thumbnail"))) {
    web_fail (request->message, SOUP_STATUS_NOT_FOUND, "there is no such event, or no longer");
    return;
  }
  q = question_new (request);
  q->id = (gint64) number;
  q->thumbnail = slash != NULL;
  ask (q);
}
