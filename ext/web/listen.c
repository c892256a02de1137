/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections: libsoup's own listening knows neither how many there are nor how long they are silent. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "web.h"

/* What the kernel holds for a reader that is slow. */
#define SEND_BUFFER (256 << 10)
#define SOCKET "bitmar-socket"

static void
gone (gpointer data, GObject *connection)
{
  guint *connections = data;

  (*connections)--;
  g_rc_box_release (connections);
}

static void
prepare_socket (const Web *web, GSocket *socket)
{
  g_socket_set_timeout (socket, web->settings->timeout);
  g_socket_set_keepalive (socket, TRUE);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (socket, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER, NULL);
}

static GIOStream *
wrap (const Web *web, GSocketConnection *connection)
{
  GError *error = NULL;
  GIOStream *stream;

  if (!web->settings->certificate)
    return G_IO_STREAM (g_object_ref (connection));
  stream = g_tls_server_connection_new (G_IO_STREAM (connection), web->settings->certificate, &error);
  if (!stream) {
    web->host->complain (web->host, WEB_NAME, error->message);
    g_error_free (error);
  }
  return stream;
}

static gboolean
incoming (GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  Web *web = data;
  g_autoptr (GSocketAddress) local = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GSocketAddress) remote = g_socket_connection_get_remote_address (connection, NULL);
  g_autoptr (GIOStream) stream = NULL;

  if (*web->connections >= web->settings->clients) {
    web->refused++;
    return TRUE;               /* it is closed */
  }
  prepare_socket (web, g_socket_connection_get_socket (connection));
  stream = wrap (web, connection);
  if (!stream || !remote)
    return TRUE;
  /* libsoup hands the address on, and no socket. */
  g_object_set_data_full (G_OBJECT (remote), SOCKET, g_object_ref (g_socket_connection_get_socket (connection)), g_object_unref);
  (*web->connections)++;
  g_object_weak_ref (G_OBJECT (connection), gone, g_rc_box_acquire (web->connections));
  soup_server_accept_iostream (web->server, stream, local, remote, NULL);
  return TRUE;
}

void
web_hang_up (SoupServerMessage *message)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (message);
  GSocket *socket = remote ? g_object_get_data (G_OBJECT (remote), SOCKET) : NULL;

  if (socket && !g_socket_is_closed (socket))
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

gboolean
web_listen (Web *web, GError **error)
{
  g_autofree char *text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (web->settings->address));
  g_autoptr (GSocketAddress) bound = NULL;

  web->service = g_socket_service_new ();
  if (!g_socket_listener_add_address (G_SOCKET_LISTENER (web->service), web->settings->address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound,
          error)) {
    g_prefix_error (error, "listen: %s: ", text);
    return FALSE;
  }
  web->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  g_signal_connect (web->service, "incoming", G_CALLBACK (incoming), web);
  g_socket_service_start (web->service);
  return TRUE;
}

char *
web_address (const Web *web)
{
  GInetAddress *address = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (web->settings->address));
  g_autofree char *text = g_inet_address_to_string (address);
  gboolean six = g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;

  return g_strdup_printf ("http%s://%s%s%s:%u/", web->settings->certificate ? "s" : "", six ? "[" : "", text, six ? "]" : "", web->port);
}
