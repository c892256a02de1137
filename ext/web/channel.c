/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An answer that goes on until its reader goes. What was given and is not on its way is counted, so that who gives can wait, or drop; a reader who
 * takes nothing for the timeout of the section is hung up on. */
#include <string.h>

#include "web.h"

struct _WebChannel {
  Web *web;
  SoupServerMessage *message;
  GQueue sizes;                /* of the pieces that wait */
  gsize waiting;
  gint64 moved_us;             /* when one went last */
  GSource *timer;
  WebChannelFunc drained, gone;
  gpointer data;
  gboolean over;
};

static void
forget (WebChannel *channel)
{
  if (channel->over)
    return;
  channel->over = TRUE;
  g_signal_handlers_disconnect_by_data (channel->message, channel);
  g_source_destroy (channel->timer);
  g_source_unref (channel->timer);
  g_ptr_array_remove_fast (channel->web->channels, channel);
  channel->gone (channel, channel->data);
  g_queue_clear (&channel->sizes);
  g_object_unref (channel->message);
  g_free (channel);
}

static void
finished (SoupServerMessage *message, gpointer channel)
{
  forget (channel);
}

static void
wrote_chunk (SoupServerMessage *message, gpointer data)
{
  WebChannel *channel = data;

  channel->waiting -= GPOINTER_TO_SIZE (g_queue_pop_head (&channel->sizes));
  channel->moved_us = g_get_monotonic_time ();
  if (channel->waiting == 0 && channel->drained)
    channel->drained (channel, channel->data);
}

static void
hang_up (WebChannel *channel)
{
  SoupServerMessage *message = g_object_ref (channel->message);

  web_hang_up (message);
  soup_message_body_complete (soup_server_message_get_response_body (message));
  soup_server_message_unpause (message);
  g_object_unref (message);
}

static gboolean
look (gpointer data)
{
  WebChannel *channel = data;

  if (channel->waiting == 0)
    channel->moved_us = g_get_monotonic_time ();
  else if (g_get_monotonic_time () - channel->moved_us > channel->web->settings->timeout * G_USEC_PER_SEC)
    hang_up (channel);
  return G_SOURCE_CONTINUE;
}

/* Some connections are kept for what ends. */
static gboolean
there_is_room (Web *web, SoupServerMessage *message)
{
  if (web->channels->len < web->settings->clients - web->settings->clients / 4)
    return TRUE;
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Retry-After", "10");
  web_fail (message, SOUP_STATUS_SERVICE_UNAVAILABLE, "%u streams go on already; 'clients' of [web] sets how many may", web->channels->len);
  return FALSE;
}

static void
prepare (SoupServerMessage *message, const char *type)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  gboolean old = soup_server_message_get_http_version (message) == SOUP_HTTP_1_0;

  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_message_headers_set_content_type (headers, type, NULL);
  soup_message_headers_set_encoding (headers, old ? SOUP_ENCODING_EOF : SOUP_ENCODING_CHUNKED);
  soup_message_headers_replace (headers, "X-Accel-Buffering", "no");   /* of nginx before us */
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
}

WebChannel *
web_channel_new (Web *web, SoupServerMessage *message, const char *type, WebChannelFunc drained, WebChannelFunc gone, gpointer data)
{
  WebChannel *channel;

  if (!there_is_room (web, message))
    return NULL;
  prepare (message, type);
  channel = g_new0 (WebChannel, 1);
  *channel = (WebChannel) { .web = web, .message = g_object_ref (message), .moved_us = g_get_monotonic_time (), .drained = drained, .gone = gone,
    .data = data };
  g_queue_init (&channel->sizes);
  g_signal_connect (message, "wrote-chunk", G_CALLBACK (wrote_chunk), channel);
  g_signal_connect (message, "finished", G_CALLBACK (finished), channel);
  g_signal_connect (message, "disconnected", G_CALLBACK (finished), channel);
  channel->timer = g_timeout_source_new_seconds (1);
  g_source_set_callback (channel->timer, look, channel, NULL);
  g_source_attach (channel->timer, web->context);
  g_ptr_array_add (web->channels, channel);
  return channel;
}

void
web_channel_send (WebChannel *channel, GBytes *bytes)
{
  gsize size = g_bytes_get_size (bytes);

  if (channel->waiting == 0)
    channel->moved_us = g_get_monotonic_time ();
  g_queue_push_tail (&channel->sizes, GSIZE_TO_POINTER (size));
  channel->waiting += size;
  soup_message_body_append_bytes (soup_server_message_get_response_body (channel->message), bytes);
  soup_server_message_unpause (channel->message);
}

void
web_channel_send_text (WebChannel *channel, const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  web_channel_send (channel, bytes);
}

gsize
web_channel_get_waiting (const WebChannel *channel)
{
  return channel->waiting;
}

void
web_channel_end (WebChannel *channel)
{
  soup_message_body_complete (soup_server_message_get_response_body (channel->message));
  soup_server_message_unpause (channel->message);
}

void
web_channels_break (Web *web)
{
  while (web->channels->len > 0) {
    WebChannel *channel = web->channels->pdata[0];

    hang_up (channel);
    /* It may have gone by itself meanwhile. */
    if (web->channels->len > 0 && web->channels->pdata[0] == channel)
      forget (channel);
  }
}
