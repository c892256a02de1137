/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <sys/random.h>

#include "web.h"

/* ---- Events: from the cameras' threads to the server's --------------------------------------------------- */

static void
event_free (gpointer data)
{
  WebEvent *event = data;

  g_free (event->json);
  g_free (event->state);
  g_free (event->why);
  g_clear_pointer (&event->fields, gst_structure_free);
  g_free (event);
}

static WebEvent *
event_copy (const Web *web, const BwoEvent *from)
{
  WebEvent *event = g_new (WebEvent, 1);

  *event = (WebEvent) { .kind = from->kind, .camera = web_find_camera (web, from->camera), .utc = from->utc, .json = g_strdup (from->json),
    .state = g_strdup (from->state), .why = g_strdup (from->why), .fields = from->fields ? gst_structure_copy (from->fields) : NULL };
  return event;
}

static void
note_state (WebCamera *camera, const WebEvent *event)
{
  camera->losses += g_str_equal (event->state, "waiting") && !g_str_equal (camera->state, "waiting");
  /* Another reason is the same state. */
  if (!g_str_equal (event->state, camera->state))
    camera->since = event->utc;
  g_free (camera->state);
  g_free (camera->why);
  camera->state = g_strdup (event->state);
  camera->why = g_strdup (event->why);
}

static void
note_caption (WebCamera *camera, const WebEvent *event)
{
  const char *text = gst_structure_get_string (event->fields, "text");

  g_free (camera->caption);
  camera->caption = g_strdup (text ? text : "");
  camera->caption_utc = event->utc;
  gst_structure_get_double (event->fields, "confidence", &camera->confidence);
  gst_structure_get_double (event->fields, "novelty", &camera->novelty);
  camera->captions++;
}

static void
note (Web *web, const WebEvent *event)
{
  if (event->camera >= web->host->n_cameras)
    return;
  if (event->kind == BWO_STATE)
    note_state (&web->cameras[event->camera], event);
  else if (event->kind == BWO_CAPTION)
    note_caption (&web->cameras[event->camera], event);
  web_alerts_note (web, event);
  web_ring_add (web->ring, event);
}

static gboolean
take_events (gpointer data)
{
  Web *web = data;
  gboolean lost;
  GQueue queue;

  g_mutex_lock (&web->lock);
  queue = web->queue;
  g_queue_init (&web->queue);
  lost = web->lost;
  web->lost = web->scheduled = FALSE;
  g_mutex_unlock (&web->lock);
  for (WebEvent *event; (event = g_queue_pop_head (&queue)); event_free (event))
    note (web, event);
  if (lost)
    web_ring_resync (web->ring);
  return G_SOURCE_REMOVE;
}

static void
tell (gpointer outlet, const BwoEvent *from)
{
  Web *web = outlet;
  gboolean first = FALSE;

  g_mutex_lock (&web->lock);
  if (web->queue.length < WEB_QUEUE) {
    g_queue_push_tail (&web->queue, event_copy (web, from));
  } else {
    web->lost = TRUE;
    web->dropped++;
  }
  first = !web->scheduled;
  web->scheduled = TRUE;
  g_mutex_unlock (&web->lock);
  if (first) {
    GSource *source = g_idle_source_new ();

    g_source_set_priority (source, G_PRIORITY_DEFAULT);
    g_source_set_callback (source, take_events, web, NULL);
    g_source_attach (source, web->context);
    g_source_unref (source);
  }
}

/* ---- Beginning and end ----------------------------------------------------------------------------------- */

static gboolean
check (GHashTable *values, const char **key, GError **error)
{
  WebSettings *settings = web_settings_read (values, key, error);

  if (!settings)
    return FALSE;
  web_settings_free (settings);
  return TRUE;
}

static void
warn (const Web *web)
{
  const WebSettings *s = web->settings;
  GStatBuf st;

  if (s->token_file && g_stat (s->token_file, &st) == 0 && (st.st_mode & 077))
    web->host->complain (web->host, WEB_NAME, "token-file: others than its owner may read it; chmod 600 helps");
  if (!s->loopback && !s->certificate)
    web->host->complain (web->host, WEB_NAME, "listen: token and pictures go over the network as they are; 'certificate' and 'key' would hide them");
}

static void
make_cameras (Web *web)
{
  web->cameras = g_new0 (WebCamera, web->host->n_cameras);
  for (guint i = 0; i < web->host->n_cameras; i++)
    web->cameras[i] = (WebCamera) { .name = web->host->cameras[i], .state = g_strdup ("connecting"), .since = web->started };
}

static void
free_cameras (Web *web)
{
  for (guint i = 0; i < web->host->n_cameras; i++) {
    g_free (web->cameras[i].state);
    g_free (web->cameras[i].why);
    g_free (web->cameras[i].caption);
  }
  g_free (web->cameras);
}

static void
free_web (Web *web)
{
  g_clear_pointer (&web->pictures, web_pictures_free);
  g_clear_pointer (&web->log, web_log_free);
  g_clear_object (&web->service);
  g_clear_object (&web->server);
  /* What was answered last has its ends in the loop. */
  while (g_main_context_iteration (web->context, FALSE))
    continue;
  if (web->history)
    web_alerts_finish (web);
  g_clear_pointer (&web->history, web_history_free);
  web_ring_free (web->ring);
  g_ptr_array_unref (web->alerts);
  g_ptr_array_unref (web->channels);
  g_rc_box_release (web->connections);
  g_queue_clear_full (&web->queue, event_free);
  free_cameras (web);
  g_mutex_clear (&web->lock);
  g_main_loop_unref (web->loop);
  g_main_context_unref (web->context);
  web_settings_free (web->settings);
  g_free (web);
}

static Web *
make (const BwoHost *host, WebSettings *settings)
{
  Web *web = g_new0 (Web, 1);

  web->host = host;
  web->settings = settings;
  web->started = g_get_real_time () * 1000;
  web->context = g_main_context_new ();
  web->loop = g_main_loop_new (web->context, FALSE);
  g_mutex_init (&web->lock);
  g_queue_init (&web->queue);
  make_cameras (web);
  web->connections = g_rc_box_new0 (guint);
  web->channels = g_ptr_array_new ();
  web->alerts = g_ptr_array_new_with_free_func (web_alert_free);
  web->ring = web_ring_new (web);
  return web;
}

static gboolean
look_at_log (gpointer web)
{
  web_log_works (web);
  return G_SOURCE_CONTINUE;
}

static void
look_at_log_regularly (Web *web)
{
  GSource *source = g_timeout_source_new_seconds (5);

  web->log_moved_us = g_get_monotonic_time ();
  g_source_set_callback (source, look_at_log, web, NULL);
  g_source_attach (source, web->context);
  g_source_unref (source);
}

/* Of the sources that are made here the context is the server's. */
static gboolean
begin (Web *web, GError **error)
{
  if (getrandom (web->secret, sizeof web->secret, 0) != sizeof web->secret) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_IO, "no random numbers: %s", g_strerror (errno));
    return FALSE;
  }
  web->server = soup_server_new ("server-header", "bitmar", NULL);
  web->log = web_log_new (web);
  web->pictures = web_pictures_new (web);
  web_add_routes (web);
  look_at_log_regularly (web);
  /* Behind it, since the file of another process that has the address is not ours to write. */
  if (!web_listen (web, error))
    return FALSE;
  web->history = web_history_new (web);
  return TRUE;
}

static gpointer
serve (gpointer data)
{
  Web *web = data;

  g_main_context_push_thread_default (web->context);
  g_main_loop_run (web->loop);
  web_channels_break (web);
  g_socket_service_stop (web->service);
  g_socket_listener_close (G_SOCKET_LISTENER (web->service));
  soup_server_disconnect (web->server);
  g_main_context_pop_thread_default (web->context);
  return NULL;
}

static gpointer
open_web (const BwoHost *host, GHashTable *values, GError **error)
{
  const char *key;
  WebSettings *settings = web_settings_read (values, &key, error);
  g_autofree char *address = NULL, *where = NULL;
  gboolean begun;
  Web *web;

  if (!settings)
    return NULL;
  web = make (host, settings);
  g_main_context_push_thread_default (web->context);
  begun = begin (web, error);
  g_main_context_pop_thread_default (web->context);
  if (!begun) {
    free_web (web);
    return NULL;
  }
  host->limit_pictures (host, settings->picture_side, settings->picture_rate);
  warn (web);
  address = web_address (web);
  where = g_strconcat ("the page is at ", address, NULL);
  host->complain (host, WEB_NAME, where);
  web->thread = g_thread_new ("bitmar-web", serve, web);
  return web;
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

static void
close_web (gpointer outlet)
{
  Web *web = outlet;
  GSource *source = g_idle_source_new ();

  /* In the loop, which may not have begun. */
  g_source_set_callback (source, quit, web->loop, NULL);
  g_source_attach (source, web->context);
  g_source_unref (source);
  g_thread_join (web->thread);
  free_web (web);
}

G_MODULE_EXPORT const BwoTable bitmar_watch_outlet = { .abi = BWO_ABI, .keys = web_keys, .check = check, .open = open_web, .event = tell, .close = close_web };
