/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Server-sent events: captions, alerts and states as they come. The last of them are kept, so that a reader who was away for a moment misses none; who was
 * away for longer gets what the event log has (replay.c). Who has missed more than that, or is too slow, is told to look anew ("resync"). */
#include <string.h>

#include "web.h"

#define TYPE "text/event-stream"
#define MOST_WAITING (256 << 10)
#define MOST_BACKLOG 8192
#define BEAT_SECONDS 15

struct _WebRing {
  Web *web;
  GQueue pieces;               /* WebPiece, the oldest first */
  guint64 last;                /* number */
  GPtrArray *readers;
  GSource *beat;
};

typedef struct _Catch Catch;

typedef struct {
  WebRing *ring;
  WebChannel *channel;
  GQueue backlog;              /* GBytes that are sent as fast as they are taken, before anything else */
  Catch *catching;             /* the log is asked; what comes meanwhile is in the ring */
  gboolean lost;               /* was too slow, and is told when it has caught up */
} Reader;

/* A question to the log; the reader may have gone when the answer comes. */
struct _Catch {
  Reader *reader;
  WebMark mark;
  guint64 from;                /* number of the first piece that is in the ring for sure */
};

/* ---- Readers ----------------------------------------------------------------------------------------------- */

static GBytes *
resync_bytes (WebRing *ring)
{
  const WebPiece *newest = g_queue_peek_tail (&ring->pieces);
  g_autofree char *now = g_strdup_printf ("%" G_GINT64_FORMAT "//resync", g_get_real_time () * 1000);
  char *text = g_strdup_printf ("id: %s\nevent: resync\ndata: {\"version\":%d,\"type\":\"resync\"}\n\n", newest ? newest->id : now, WEB_API_VERSION);

  return g_bytes_new_take (text, strlen (text));
}

static void
send_resync (Reader *reader)
{
  g_autoptr (GBytes) bytes = resync_bytes (reader->ring);

  reader->lost = FALSE;
  web_channel_send (reader->channel, bytes);
}

static void
unref_bytes (gpointer bytes)
{
  g_bytes_unref (bytes);
}

static void
lose (Reader *reader)
{
  reader->lost = TRUE;
  g_queue_clear_full (&reader->backlog, unref_bytes);
}

static gboolean
fits (const Reader *reader, GBytes *bytes)
{
  gsize waiting = web_channel_get_waiting (reader->channel);

  return waiting == 0 || waiting + g_bytes_get_size (bytes) <= MOST_WAITING;
}

static void
pump (Reader *reader)
{
  GBytes *bytes;

  while ((bytes = g_queue_peek_head (&reader->backlog)) && fits (reader, bytes)) {
    web_channel_send (reader->channel, bytes);
    g_bytes_unref (g_queue_pop_head (&reader->backlog));
  }
}

static void
drained (WebChannel *channel, gpointer data)
{
  Reader *reader = data;

  pump (reader);
  if (reader->lost && !reader->catching)
    send_resync (reader);
}

static void
gone (WebChannel *channel, gpointer data)
{
  Reader *reader = data;

  if (reader->catching)
    reader->catching->reader = NULL;
  g_queue_clear_full (&reader->backlog, unref_bytes);
  g_ptr_array_remove_fast (reader->ring->readers, reader);
  g_free (reader);
}

/* Into the backlog, which the caller pumps. */
static void
put (Reader *reader, GBytes *bytes)
{
  if (reader->lost || reader->backlog.length >= MOST_BACKLOG)
    lose (reader);
  else
    g_queue_push_tail (&reader->backlog, g_bytes_ref (bytes));
}

static void
give (Reader *reader, GBytes *bytes)
{
  if (reader->catching)
    return;
  if (reader->backlog.length > 0)
    put (reader, bytes);
  else if (!reader->lost && fits (reader, bytes))
    web_channel_send (reader->channel, bytes);
  else
    reader->lost = TRUE;
  reader->ring->web->dropped += reader->lost;
}

/* So that proxies keep the line open, and a reader that has gone is noticed. */
static gboolean
beat (gpointer data)
{
  WebRing *ring = data;

  for (guint i = 0; i < ring->readers->len; i++) {
    Reader *reader = ring->readers->pdata[i];

    if (web_channel_get_waiting (reader->channel) == 0)
      web_channel_send_text (reader->channel, ": still here\n\n");
  }
  return G_SOURCE_CONTINUE;
}

/* ---- Ring -------------------------------------------------------------------------------------------------- */

WebRing *
web_ring_new (Web *web)
{
  WebRing *ring = g_new0 (WebRing, 1);

  ring->web = web;
  ring->readers = g_ptr_array_new ();
  g_queue_init (&ring->pieces);
  ring->beat = g_timeout_source_new_seconds (BEAT_SECONDS);
  g_source_set_callback (ring->beat, beat, ring, NULL);
  g_source_attach (ring->beat, web->context);
  return ring;
}

void
web_ring_free (WebRing *ring)
{
  g_source_destroy (ring->beat);
  g_source_unref (ring->beat);
  g_queue_clear_full (&ring->pieces, web_piece_free);
  g_ptr_array_unref (ring->readers);
  g_free (ring);
}

void
web_ring_add (WebRing *ring, const WebEvent *event)
{
  WebPiece *piece = web_piece_of (ring->web, event);

  piece->number = ++ring->last;
  g_queue_push_tail (&ring->pieces, piece);
  if (ring->pieces.length > WEB_RING)
    web_piece_free (g_queue_pop_head (&ring->pieces));
  for (guint i = 0; i < ring->readers->len; i++)
    give (ring->readers->pdata[i], piece->bytes);
}

void
web_ring_resync (WebRing *ring)
{
  for (guint i = 0; i < ring->readers->len; i++) {
    Reader *reader = ring->readers->pdata[i];

    if (web_channel_get_waiting (reader->channel) == 0 && reader->backlog.length == 0 && !reader->catching)
      send_resync (reader);
    else
      lose (reader);
  }
}

/* ---- Beginning: what was missed ---------------------------------------------------------------------------- */

static const WebPiece *
find_piece (const WebRing *ring, const char *id)
{
  for (const GList *l = ring->pieces.tail; l; l = l->prev)
    if (g_str_equal (((WebPiece *) l->data)->id, id))
      return l->data;
  return NULL;
}

/* What each camera's state is now, since the log has no states; what is in the log and not in the ring; and that in the order in which it was told. */
static void
put_missed (Reader *reader, const WebMark *mark, const GPtrArray *logged)
{
  WebRing *ring = reader->ring;
  GHashTable *told = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < ring->web->host->n_cameras; i++) {
    g_autoptr (GBytes) state = web_state_bytes (&ring->web->cameras[i]);

    put (reader, state);
  }
  for (const GList *l = ring->pieces.head; l; l = l->next)
    g_hash_table_add (told, ((WebPiece *) l->data)->id);
  for (guint i = 0; i < logged->len; i++)
    if (!g_hash_table_contains (told, ((WebPiece *) logged->pdata[i])->id))
      put (reader, ((WebPiece *) logged->pdata[i])->bytes);
  for (const GList *l = ring->pieces.head; l; l = l->next) {
    const WebPiece *piece = l->data;

    if (web_mark_is_before (mark, piece->utc, piece->camera, piece->id))
      put (reader, piece->bytes);
  }
  g_hash_table_unref (told);
}

static void
caught_up (GPtrArray *logged, gpointer data)
{
  Catch *c = data;
  Reader *reader = c->reader;
  const WebPiece *oldest = reader ? g_queue_peek_head (&reader->ring->pieces) : NULL;

  if (reader) {
    reader->catching = NULL;
    /* Between log and ring nothing may be missing. */
    if (!logged || (oldest && oldest->number > c->from))
      lose (reader);
    else if (!reader->lost)
      put_missed (reader, &c->mark, logged);
    pump (reader);
    if (reader->lost)
      send_resync (reader);
  }
  web_mark_clear (&c->mark);
  g_free (c);
}

static void
ask_log (Reader *reader, const char *id)
{
  const WebPiece *oldest = g_queue_peek_head (&reader->ring->pieces);
  Catch *c = g_new0 (Catch, 1);

  c->reader = reader;
  c->from = oldest ? oldest->number + WEB_RING / 2 : WEB_RING / 2;
  /* A log that takes nothing doesn't have what was missed. */
  if (web_mark_read (&c->mark, id) && web_log_works (reader->ring->web) && web_replay (reader->ring->web, &c->mark, caught_up, c)) {
    reader->catching = c;
    return;
  }
  web_mark_clear (&c->mark);
  g_free (c);
  send_resync (reader);
}

static void
catch_up (Reader *reader, const char *id)
{
  WebRing *ring = reader->ring;
  const WebPiece *last = id ? find_piece (ring, id) : NULL;

  if (id && !last)
    ask_log (reader, id);
  for (const GList *l = last ? ring->pieces.head : NULL; l; l = l->next) {
    const WebPiece *piece = l->data;

    if (piece->number > last->number)
      put (reader, piece->bytes);
  }
  pump (reader);
}

void
web_get_stream (WebRequest *request)
{
  static const char *const parameters[] = { "last", NULL };
  WebRing *ring = request->web->ring;
  const char *last = soup_message_headers_get_one (soup_server_message_get_request_headers (request->message), "Last-Event-ID");
  Reader *reader;

  if (!web_only_has (request, parameters))
    return;
  reader = g_new0 (Reader, 1);
  reader->ring = ring;
  g_queue_init (&reader->backlog);
  reader->channel = web_channel_new (request->web, request->message, TYPE, drained, gone, reader);
  if (!reader->channel) {
    g_free (reader);
    return;
  }
  g_ptr_array_add (ring->readers, reader);
  web_channel_send_text (reader->channel, "retry: 2000\n\n");
  catch_up (reader, last ? last : web_parameter (request, "last"));
}
