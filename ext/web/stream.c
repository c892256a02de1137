/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Server-sent events: captions, alerts and states as they come. The last of them are kept, so that a reader who was away for a moment misses none; who was
 * away for longer, or is too slow, is told to look anew ("resync"). An id is that of this process and a number. */
#include <string.h>

#include "web.h"

#define TYPE "text/event-stream"
#define MOST_WAITING (256 << 10)
#define BEAT_SECONDS 15

typedef struct {
  guint64 number;
  GBytes *bytes;
} Piece;

struct _WebRing {
  Web *web;
  GQueue pieces;               /* the oldest first */
  guint64 last;                /* number */
  GPtrArray *readers;
  GSource *beat;
};

typedef struct {
  WebRing *ring;
  WebChannel *channel;
  gboolean lost;               /* was too slow, and is told when it has caught up */
} Reader;

/* ---- Readers ----------------------------------------------------------------------------------------------- */

static GBytes *
resync_piece (const WebRing *ring)
{
  char *text = g_strdup_printf ("id: %" G_GINT64_FORMAT "-%" G_GUINT64_FORMAT "\nevent: resync\ndata: {\"version\":%d,\"type\":\"resync\"}\n\n",
      ring->web->started / 1000000, ring->last, WEB_API_VERSION);

  return g_bytes_new_take (text, strlen (text));
}

static void
send_resync (Reader *reader)
{
  g_autoptr (GBytes) bytes = resync_piece (reader->ring);

  reader->lost = FALSE;
  web_channel_send (reader->channel, bytes);
}

static void
drained (WebChannel *channel, gpointer data)
{
  Reader *reader = data;

  if (reader->lost)
    send_resync (reader);
}

static void
gone (WebChannel *channel, gpointer data)
{
  Reader *reader = data;

  g_ptr_array_remove_fast (reader->ring->readers, reader);
  g_free (reader);
}

static void
give (Reader *reader, GBytes *bytes)
{
  if (reader->lost || web_channel_get_waiting (reader->channel) + g_bytes_get_size (bytes) > MOST_WAITING) {
    reader->ring->web->dropped++;
    reader->lost = TRUE;
  } else {
    web_channel_send (reader->channel, bytes);
  }
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

static void
piece_free (gpointer data)
{
  Piece *piece = data;

  g_bytes_unref (piece->bytes);
  g_free (piece);
}

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
  g_queue_clear_full (&ring->pieces, piece_free);
  g_ptr_array_unref (ring->readers);
  g_free (ring);
}

void
web_ring_add (WebRing *ring, const WebEvent *event)
{
  static const char *const types[] = { "caption", "alert", "state" };
  Piece *piece = g_new (Piece, 1);
  char *text = g_strdup_printf ("id: %" G_GINT64_FORMAT "-%" G_GUINT64_FORMAT "\nevent: %s\ndata: %s\n\n", ring->web->started / 1000000, ++ring->last,
      types[event->kind], event->json);

  *piece = (Piece) { ring->last, g_bytes_new_take (text, strlen (text)) };
  g_queue_push_tail (&ring->pieces, piece);
  if (ring->pieces.length > WEB_RING)
    piece_free (g_queue_pop_head (&ring->pieces));
  for (guint i = 0; i < ring->readers->len; i++)
    give (ring->readers->pdata[i], piece->bytes);
}

void
web_ring_resync (WebRing *ring)
{
  for (guint i = 0; i < ring->readers->len; i++) {
    Reader *reader = ring->readers->pdata[i];

    if (web_channel_get_waiting (reader->channel) == 0)
      send_resync (reader);
    else
      reader->lost = TRUE;
  }
}

/* ---- Beginning --------------------------------------------------------------------------------------------- */

/* FALSE: it is of another process, or too long ago. */
static gboolean
parse_id (WebRing *ring, const char *id, guint64 *number)
{
  g_autofree char *prefix = g_strdup_printf ("%" G_GINT64_FORMAT "-", ring->web->started / 1000000);
  const Piece *oldest = g_queue_peek_head (&ring->pieces);

  if (!g_str_has_prefix (id, prefix) || !g_ascii_string_to_unsigned (id + strlen (prefix), 10, 0, ring->last, number, NULL))
    return FALSE;
  return *number == ring->last || (oldest && *number + 1 >= oldest->number);
}

static void
catch_up (Reader *reader, const char *id)
{
  WebRing *ring = reader->ring;
  guint64 number;

  if (!id)
    return;
  if (!parse_id (ring, id, &number)) {
    send_resync (reader);
    return;
  }
  for (const GList *l = ring->pieces.head; l; l = l->next) {
    const Piece *piece = l->data;

    if (piece->number > number)
      give (reader, piece->bytes);
  }
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
  reader->channel = web_channel_new (request->web, request->message, TYPE, drained, gone, reader);
  if (!reader->channel) {
    g_free (reader);
    return;
  }
  g_ptr_array_add (ring->readers, reader);
  web_channel_send_text (reader->channel, "retry: 2000\n\n");
  catch_up (reader, last ? last : web_parameter (request, "last"));
}
