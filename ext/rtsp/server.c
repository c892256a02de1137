/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gmodule.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "mount.h"

#define LOOK_S 1
/* For the end of a stream to reach who watches it. */
#define FAREWELL_US G_USEC_PER_SEC
/* Who watches nothing for so long is hung up on. */
#define IDLE_US (30 * G_USEC_PER_SEC)
/* Of a client. */
#define MAX_SESSIONS 8
/* Of RTP by UDP: those that nobody is promised (RFC 6335). */
#define FIRST_PORT 49152
#define LAST_PORT 65535

struct _BitmarRtspServer {
  GstRTSPServer *server;
  GPtrArray *mounts;
  GstRTSPAddressPool *pool;    /* NULL: any address */
  gboolean tls;
  guint source, look, max_clients;
};

/* ---- Clients ----------------------------------------------------------------------------------------- */

static const char busy_key[] = "bitmar-rtsp-busy";

static gint64
busy_at (GstRTSPClient *client)
{
  gint64 *at = g_object_get_data (G_OBJECT (client), busy_key);

  return at ? *at : 0;
}

static void
note_busy (GstRTSPClient *client)
{
  gint64 now = g_get_monotonic_time ();

  g_object_set_data_full (G_OBJECT (client), busy_key, g_memdup2 (&now, sizeof now), g_free);
}

static const char socket_key[] = "bitmar-rtsp-socket";

/* Its own thread finds that the connection has ended, and closes it: another may not. What was sent before still goes, and what one that takes nothing
 * has not taken is not waited for. */
static void
hang_up (GstRTSPClient *client)
{
  GSocket *socket = g_object_get_data (G_OBJECT (client), socket_key);

  if (socket)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

static GstRTSPFilterResult
find_ended_media (GstRTSPSession *session, GstRTSPSessionMedia *media, gpointer ended)
{
  if (bitmar_rtsp_media_ended_since (gst_rtsp_session_media_get_media (media)) > FAREWELL_US)
    *(gboolean *) ended = TRUE;
  return GST_RTSP_FILTER_KEEP;
}

static GstRTSPFilterResult
find_ended (GstRTSPClient *client, GstRTSPSession *session, gpointer ended)
{
  gst_rtsp_session_filter (session, find_ended_media, ended);
  return GST_RTSP_FILTER_REF;
}

/* Whose stream has ended, and who does nothing. */
static GstRTSPFilterResult
look_at (GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
  GstRTSPSessionPool *pool = gst_rtsp_client_get_session_pool (client);
  gboolean ended = FALSE;
  GList *sessions;

  /* Those of which nothing was heard for a minute. */
  gst_rtsp_session_pool_cleanup (pool);
  g_object_unref (pool);
  sessions = gst_rtsp_client_session_filter (client, find_ended, &ended);
  if (sessions)
    note_busy (client);
  g_list_free_full (sessions, g_object_unref);
  if (ended || g_get_monotonic_time () - busy_at (client) > IDLE_US)
    hang_up (client);
  return GST_RTSP_FILTER_KEEP;
}

static gboolean
look (gpointer data)
{
  BitmarRtspServer *s = data;

  g_list_free_full (gst_rtsp_server_client_filter (s->server, look_at, NULL), g_object_unref);
  return G_SOURCE_CONTINUE;
}

/* In the client's thread. */
static void
play_request (GstRTSPClient *client, GstRTSPContext *ctx, gpointer data)
{
  if (ctx->media)
    bitmar_rtsp_media_welcome (ctx->media);
}

/* What is small is sent at once: by TLS each packet is, and would wait for the one before to be acknowledged. */
static void
set_socket (GstRTSPClient *client)
{
  GSocket *socket = gst_rtsp_connection_get_write_socket (gst_rtsp_client_get_connection (client));

  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  g_object_set_data_full (G_OBJECT (client), socket_key, g_object_ref (socket), g_object_unref);
}

/* Its own: who has heard the name of another's session can't do anything with it. */
static void
set_sessions (GstRTSPClient *client)
{
  GstRTSPSessionPool *pool = gst_rtsp_session_pool_new ();

  gst_rtsp_session_pool_set_max_sessions (pool, MAX_SESSIONS);
  gst_rtsp_client_set_session_pool (client, pool);
  g_object_unref (pool);
}

static void
client_connected (GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
  BitmarRtspServer *s = data;
  GList *others = gst_rtsp_server_client_filter (server, NULL, NULL);

  set_socket (client);
  set_sessions (client);
  note_busy (client);
  g_signal_connect (client, "play-request", G_CALLBACK (play_request), NULL);
  if (g_list_length (others) >= s->max_clients)
    hang_up (client);
  g_list_free_full (others, g_object_unref);
}

/* ---- Server ------------------------------------------------------------------------------------------ */

/* NULL: any address of the machine. */
static GstRTSPAddressPool *
make_pool (const char *address)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  GstRTSPAddressPool *pool;

  if (!inet || g_inet_address_get_is_any (inet))
    return NULL;
  pool = gst_rtsp_address_pool_new ();
  gst_rtsp_address_pool_add_range (pool, address, address, FIRST_PORT, LAST_PORT, 0);
  return pool;
}

static gboolean
secure (BitmarRtspServer *s, const BitmarRtspOptions *o, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GstRTSPAuth) auth = NULL;

  if (o->certificate && !(certificate = g_tls_certificate_new_from_files (o->certificate, o->key, error)))
    return FALSE;
  s->tls = certificate != NULL;
  auth = bitmar_rtsp_auth_new (o->user, o->password, certificate);
  gst_rtsp_server_set_auth (s->server, auth);
  return TRUE;
}

static gboolean
listen_at (BitmarRtspServer *s, const BitmarRtspOptions *o, GError **error)
{
  g_autofree char *port = g_strdup_printf ("%u", o->port);
  GSource *source;

  gst_rtsp_server_set_address (s->server, o->address);
  gst_rtsp_server_set_service (s->server, port);
  source = gst_rtsp_server_create_source (s->server, NULL, error);
  if (!source)
    return FALSE;
  s->source = g_source_attach (source, NULL);
  g_source_unref (source);
  s->look = g_timeout_add_seconds (LOOK_S, look, s);
  return TRUE;
}

static void server_close (BitmarRtspServer *s);

static BitmarRtspServer *
server_open (const BitmarRtspOptions *o, GError **error)
{
  BitmarRtspServer *s = g_new0 (BitmarRtspServer, 1);
  GstRTSPThreadPool *threads;

  s->server = gst_rtsp_server_new ();
  s->mounts = g_ptr_array_new_with_free_func ((GDestroyNotify) bitmar_rtsp_mount_unref);
  s->pool = make_pool (o->address);
  s->max_clients = o->max_clients;
  /* A thread each: what one waits for holds up no other. */
  threads = gst_rtsp_server_get_thread_pool (s->server);
  gst_rtsp_thread_pool_set_max_threads (threads, -1);
  g_object_unref (threads);
  g_signal_connect (s->server, "client-connected", G_CALLBACK (client_connected), s);
  if (!secure (s, o, error) || !listen_at (s, o, error))
    g_clear_pointer (&s, server_close);
  return s;
}

/* For their threads to have closed them. */
static void
drop_all (GstRTSPServer *server)
{
  gint64 until = g_get_monotonic_time () + FAREWELL_US;
  GList *left;

  while ((left = gst_rtsp_server_client_filter (server, NULL, NULL))) {
    for (GList *l = left; l; l = l->next)
      hang_up (l->data);
    g_list_free_full (left, g_object_unref);
    if (g_get_monotonic_time () > until)
      return;
    g_usleep (10000);
  }
}

static void
server_close (BitmarRtspServer *s)
{
  if (s->source)
    g_source_remove (s->source);
  if (s->look)
    g_source_remove (s->look);
  g_signal_handlers_disconnect_by_data (s->server, s);
  drop_all (s->server);
  g_object_unref (s->server);
  g_ptr_array_unref (s->mounts);
  g_clear_object (&s->pool);
  g_free (s);
}

static guint
server_get_port (BitmarRtspServer *s)
{
  return (guint) gst_rtsp_server_get_bound_port (s->server);
}

static BitmarRtspMount *
server_add (BitmarRtspServer *s, const char *path)
{
  GstRTSPMountPoints *points = gst_rtsp_server_get_mount_points (s->server);
  BitmarRtspMount *mount = bitmar_rtsp_mount_new ();
  GstRTSPMediaFactory *factory = bitmar_rtsp_factory_new (mount);

  gst_rtsp_media_factory_add_role (factory, BITMAR_RTSP_ROLE, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
      GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, NULL);
  /* Beside a connection by TLS nothing goes in the clear. */
  gst_rtsp_media_factory_set_protocols (factory, s->tls ? GST_RTSP_LOWER_TRANS_TCP : GST_RTSP_LOWER_TRANS_TCP | GST_RTSP_LOWER_TRANS_UDP);
  if (s->pool)
    gst_rtsp_media_factory_set_address_pool (factory, s->pool);
  gst_rtsp_mount_points_add_factory (points, path, factory);
  g_object_unref (points);
  g_ptr_array_add (s->mounts, mount);
  return mount;
}

G_MODULE_EXPORT const BitmarRtspTable bitmar_rtsp_table = {
  .abi = BITMAR_RTSP_ABI,
  .open = server_open,
  .close = server_close,
  .get_port = server_get_port,
  .add = server_add,
  .push_video = bitmar_rtsp_mount_push_video,
  .push_metadata = bitmar_rtsp_mount_push_metadata,
  .stop = bitmar_rtsp_mount_stop,
};
