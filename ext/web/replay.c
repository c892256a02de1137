/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a reader has missed for longer than this process remembers: captions and starts of alerts as the event log has them, ends of alerts as the history
 * does. The log is in the order of writing, and cameras are told of as quickly as their captions are written, so "behind" is a time, and what
 * was seen shortly before by other cameras counts as missed, too. */
#include <string.h>

#include "web.h"

#define PAGE 1000              /* events that the log gives at once */
#define MOST 5000
#define MOST_BYTES (8 << 20)
#define ELSEWHERE_NS (G_GINT64_CONSTANT (30) * 1000000000)

/* ---- Pieces ------------------------------------------------------------------------------------------------ */

WebPiece *
web_piece_new (const char *type, const char *what, gint64 utc, const char *camera, const char *json)
{
  WebPiece *piece = g_new0 (WebPiece, 1);
  char *text;

  *piece = (WebPiece) { .utc = utc, .camera = g_strdup (camera), .id = g_strdup_printf ("%" G_GINT64_FORMAT "/%s/%s", utc, camera, what) };
  text = g_strdup_printf ("id: %s\nevent: %s\ndata: %s\n\n", piece->id, type, json);
  piece->bytes = g_bytes_new_take (text, strlen (text));
  return piece;
}

WebPiece *
web_piece_of (const Web *web, const WebEvent *event)
{
  const char *camera = web->cameras[event->camera].name, *name = event->fields ? gst_structure_get_string (event->fields, "name") : NULL;
  const char *kind = event->fields ? gst_structure_get_string (event->fields, "kind") : NULL;
  g_autofree char *what = NULL;

  if (event->kind != BWO_ALERT)
    return web_piece_new (event->kind == BWO_CAPTION ? "caption" : "state", event->kind == BWO_CAPTION ? "caption" : "state", event->utc, camera, event->json);
  what = g_strdup_printf ("%s:%s", kind ? kind : "", name ? name : "");
  /* A name is a rule's; what is none may not begin a line of its own. */
  return web_piece_new ("alert", g_strdelimit (what, "\r\n", ' '), event->utc, camera, event->json);
}

void
web_piece_free (gpointer data)
{
  WebPiece *piece = data;

  g_free (piece->id);
  g_free (piece->camera);
  g_bytes_unref (piece->bytes);
  g_free (piece);
}

/* ---- Lines, as `bitmar watch --json` prints them ------------------------------------------------------------ */

static char *
time_of (gint64 utc)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (utc / 1000000000), local = time ? g_date_time_to_local (time) : NULL;

  return local ? g_date_time_format (local, "%Y-%m-%dT%H:%M:%S%:z") : g_strdup ("?");
}

static JsonObject *
begin (const char *type, const char *camera, gint64 utc)
{
  JsonObject *object = web_json_new ();
  g_autofree char *time = time_of (utc);

  web_json_set_text (object, "type", type);
  web_json_set_text (object, "camera", camera);
  web_json_set_text (object, "time", time);
  return object;
}

static void
set_share (JsonObject *object, const char *name, gdouble x)
{
  json_object_set_double_member (object, name, web_rounded (x));
}

/* Takes the object. */
static WebPiece *
end (JsonObject *object, const char *what, gint64 utc, const char *camera)
{
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, FALSE);
  WebPiece *piece = web_piece_new (json_object_get_string_member (object, "type"), what, utc, camera, text);

  json_node_unref (node);
  json_object_unref (object);
  return piece;
}

static WebPiece *
caption_piece (const BitmarEvent *event)
{
  JsonObject *object = begin ("caption", event->camera, event->utc);

  web_json_set_text (object, "text", event->text);
  set_share (object, "confidence", event->confidence);
  set_share (object, "novelty", event->novelty);
  return end (object, "caption", event->utc, event->camera);
}

/* share: the score of a start, the peak of an end; the rest is not known any more */
static WebPiece *
alert_piece (const char *kind, const char *camera, const char *name, const char *sentence, gint64 utc, gdouble share)
{
  g_autofree char *what = g_strdup_printf ("%s:%s", kind, name);
  JsonObject *object = begin ("alert", camera, utc);

  web_json_set_text (object, "kind", kind);
  web_json_set_text (object, "name", name);
  web_json_set_text (object, "sentence", sentence);
  set_share (object, g_str_equal (kind, "start") ? "score" : "peak", share);
  return end (object, g_strdelimit (what, "\r\n", ' '), utc, camera);
}

static WebPiece *
event_piece (const BitmarEvent *event)
{
  if (!event->alert)
    return caption_piece (event);
  return alert_piece ("start", event->camera, event->alert, event->text, event->utc, event->confidence);
}

/* Without an id: who resumes goes on behind what has one. */
GBytes *
web_state_bytes (const WebCamera *camera)
{
  JsonObject *object = begin ("state", camera->name, camera->since);
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *json = NULL;
  char *text;

  web_json_set_text (object, "state", camera->state);
  if (camera->why)
    web_json_set_text (object, "why", camera->why);
  json = json_to_string (node, FALSE);
  json_node_unref (node);
  json_object_unref (object);
  text = g_strdup_printf ("event: state\ndata: %s\n\n", json);
  return g_bytes_new_take (text, strlen (text));
}

/* ---- Marks -------------------------------------------------------------------------------------------------- */

gboolean
web_mark_read (WebMark *mark, const char *id)
{
  const char *slash = strchr (id, '/'), *last = slash ? strchr (slash + 1, '/') : NULL;
  g_autofree char *number = last ? g_strndup (id, (gsize) (slash - id)) : NULL;
  guint64 utc;

  *mark = (WebMark) { 0 };
  if (!number || !g_ascii_string_to_unsigned (number, 10, 0, G_MAXINT64, &utc, NULL))
    return FALSE;
  *mark = (WebMark) { g_strdup (id), g_strndup (slash + 1, (gsize) (last - slash - 1)), (gint64) utc };
  return TRUE;
}

void
web_mark_clear (WebMark *mark)
{
  g_free (mark->id);
  g_free (mark->camera);
}

gboolean
web_mark_is_before (const WebMark *mark, gint64 utc, const char *camera, const char *id)
{
  if (g_strcmp0 (camera, mark->camera) == 0)
    return utc >= mark->utc && g_strcmp0 (id, mark->id) != 0;
  return utc >= mark->utc - ELSEWHERE_NS;
}

/* ---- Job ---------------------------------------------------------------------------------------------------- */

typedef struct {
  Web *web;
  WebMark mark;
  GPtrArray *pieces;
  gsize bytes;                 /* of all pieces */
  gboolean whole;
  WebReplayFunc func;
  gpointer data;
} Replay;

/* The newest come first, a page at a time, the last time of one page once more in the next. -> how many of these were new; -1: they can't be had. */
static int
read_page (Replay *r, BitmarEventLog *log, gint64 *to, GHashTable *seen)
{
  GPtrArray *events = bitmar_event_log_query (log, NULL, 0, PAGE, MAX (r->mark.utc - ELSEWHERE_NS, 0), *to, NULL, NULL);
  int n = events ? 0 : -1;

  for (guint i = 0; events && i < events->len; i++) {
    const BitmarEvent *event = events->pdata[i];
    WebPiece *piece;

    if (!g_hash_table_add (seen, g_memdup2 (&event->id, sizeof event->id)))
      continue;
    n++;
    *to = event->utc == G_MAXINT64 ? -1 : event->utc + 1;
    piece = event_piece (event);
    r->bytes += g_bytes_get_size (piece->bytes);
    if (web_mark_is_before (&r->mark, piece->utc, piece->camera, piece->id))
      g_ptr_array_add (r->pieces, piece);
    else
      web_piece_free (piece);
  }
  if (events && events->len < PAGE)
    r->whole = TRUE;
  g_clear_pointer (&events, g_ptr_array_unref);
  return n;
}

static gboolean
is_small (const Replay *r)
{
  return r->pieces->len <= MOST && r->bytes <= MOST_BYTES;
}

static gboolean
work (BitmarEventLog *log, const GError *error, gpointer data)
{
  Replay *r = data;
  GHashTable *seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  gint64 to = -1;
  int n = log ? 1 : -1;

  while (log && n > 0 && !r->whole && is_small (r))
    n = read_page (r, log, &to, seen);
  g_hash_table_unref (seen);
  r->whole = r->whole && is_small (r);
  return n >= 0;
}

static gint
by_time (gconstpointer a, gconstpointer b)
{
  const WebPiece *x = *(WebPiece *const *) a, *y = *(WebPiece *const *) b;

  return x->utc < y->utc ? -1 : x->utc > y->utc;
}

static void
add_ends (Replay *r)
{
  const GPtrArray *alerts = r->web->alerts;

  for (guint i = 0; i < alerts->len; i++) {
    const WebAlert *alert = alerts->pdata[i];
    WebPiece *piece;

    if (alert->end < 0)
      continue;
    piece = alert_piece ("end", alert->camera, alert->name, alert->sentence, alert->end, alert->peak);
    if (web_mark_is_before (&r->mark, piece->utc, piece->camera, piece->id))
      g_ptr_array_add (r->pieces, piece);
    else
      web_piece_free (piece);
  }
}

static void
done (gpointer data)
{
  Replay *r = data;

  if (r->whole) {
    add_ends (r);
    g_ptr_array_sort (r->pieces, by_time);
  }
  r->func (r->whole ? r->pieces : NULL, r->data);
  r->func = NULL;
}

static void
replay_free (gpointer data)
{
  Replay *r = data;

  if (r->func)                 /* the program ends */
    r->func (NULL, r->data);
  g_ptr_array_unref (r->pieces);
  web_mark_clear (&r->mark);
  g_free (r);
}

gboolean
web_replay (Web *web, const WebMark *mark, WebReplayFunc func, gpointer data)
{
  Replay *r = g_new (Replay, 1);

  *r = (Replay) { .web = web, .mark = { g_strdup (mark->id), g_strdup (mark->camera), mark->utc }, .func = func, .data = data,
    .pieces = g_ptr_array_new_with_free_func (web_piece_free) };
  if (web_log_run (web->log, work, done, replay_free, r))
    return TRUE;
  r->func = NULL;
  replay_free (r);
  return FALSE;
}
