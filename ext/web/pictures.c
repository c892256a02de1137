/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Live pictures. A camera is asked for them as long as somebody looks, and all who look get the same ones; for a reader that is slow the newest of each
 * camera waits, and what it replaces is not sent. */
#include <string.h>

#include "web.h"

#define BOUNDARY "picture"
#define FRESH_US (G_USEC_PER_SEC)
#define STILL_SECONDS 10
#define SILENT_US (60 * G_USEC_PER_SEC)
#define MAX_AT_ONCE 64         /* cameras in one answer */

typedef struct {
  WebPictures *all;
  guint camera;
  gpointer view;               /* NULL: nobody looks */
  guint users;
  GMutex lock;                 /* of the two that follow */
  GBytes *next;
  gboolean scheduled;
  GBytes *last;                /* the loop's */
  gint64 last_us;
} Source;

struct _WebPictures {
  Web *web;
  Source *sources;             /* [n_cameras] */
  GPtrArray *viewers, *stills;
};

typedef struct {
  WebPictures *all;
  WebChannel *channel;
  guint n, turn;
  guint *cameras;              /* [n] */
  GBytes **pending;            /* [n], NULL: none */
  gint64 sent_us;
  GSource *timer;
} Viewer;

typedef struct {
  WebPictures *all;
  SoupServerMessage *message;
  Source *source;
  GSource *timer;
} Still;

/* ---- Viewers ----------------------------------------------------------------------------------------------- */

static void
send_picture (Viewer *viewer, guint i)
{
  g_autoptr (GBytes) jpeg = g_steal_pointer (&viewer->pending[i]);
  g_autofree char *head = g_strdup_printf ("Content-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Camera: %s\r\n\r\n", g_bytes_get_size (jpeg),
      viewer->all->web->host->cameras[viewer->cameras[i]]);
  static const char tail[] = "\r\n--" BOUNDARY "\r\n";
  GByteArray *part = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;

  g_byte_array_append (part, (const guint8 *) head, (guint) strlen (head));
  g_byte_array_append (part, g_bytes_get_data (jpeg, NULL), (guint) g_bytes_get_size (jpeg));
  g_byte_array_append (part, (const guint8 *) tail, sizeof tail - 1);
  bytes = g_byte_array_free_to_bytes (part);
  viewer->sent_us = g_get_monotonic_time ();
  web_channel_send (viewer->channel, bytes);
}

/* By turns, so that a busy camera hides no other. */
static void
drained (WebChannel *channel, gpointer data)
{
  Viewer *viewer = data;

  for (guint i = 0; i < viewer->n; i++) {
    guint at = (viewer->turn + i) % viewer->n;

    if (!viewer->pending[at])
      continue;
    viewer->turn = at + 1;
    send_picture (viewer, at);
    return;
  }
}

static void
offer (Viewer *viewer, guint camera, GBytes *jpeg)
{
  for (guint i = 0; i < viewer->n; i++) {
    if (viewer->cameras[i] != camera)
      continue;
    g_clear_pointer (&viewer->pending[i], g_bytes_unref);
    viewer->pending[i] = g_bytes_ref (jpeg);
    if (web_channel_get_waiting (viewer->channel) == 0)
      send_picture (viewer, i);
  }
}

/* ---- Sources ----------------------------------------------------------------------------------------------- */

static void
answer_still (Still *still, GBytes *jpeg)
{
  SoupServerMessage *message = still->message;
  gsize size;
  const char *data;

  g_ptr_array_remove_fast (still->all->stills, still);
  if (jpeg) {
    data = g_bytes_get_data (jpeg, &size);
    web_respond (message, SOUP_STATUS_OK, "image/jpeg", data, (gssize) size);
  } else {
    web_fail (message, SOUP_STATUS_SERVICE_UNAVAILABLE, "the camera has given no picture for %d seconds", STILL_SECONDS);
  }
  soup_server_message_unpause (message);
}

static gboolean
deliver (gpointer data)
{
  Source *source = data;
  WebPictures *all = source->all;
  g_autoptr (GBytes) jpeg = NULL;

  g_mutex_lock (&source->lock);
  jpeg = g_steal_pointer (&source->next);
  source->scheduled = FALSE;
  g_mutex_unlock (&source->lock);
  if (!jpeg)
    return G_SOURCE_REMOVE;
  g_clear_pointer (&source->last, g_bytes_unref);
  source->last = g_bytes_ref (jpeg);
  source->last_us = g_get_monotonic_time ();
  for (guint i = 0; i < all->viewers->len; i++)
    offer (all->viewers->pdata[i], source->camera, jpeg);
  for (guint i = all->stills->len; i-- > 0;)
    if (((Still *) all->stills->pdata[i])->source == source)
      answer_still (all->stills->pdata[i], jpeg);
  return G_SOURCE_REMOVE;
}

/* In a thread of the camera's. */
static void
arrived (gpointer data, GBytes *jpeg)
{
  Source *source = data;
  gboolean first;

  g_mutex_lock (&source->lock);
  g_clear_pointer (&source->next, g_bytes_unref);
  source->next = g_bytes_ref (jpeg);
  first = !source->scheduled;
  source->scheduled = TRUE;
  g_mutex_unlock (&source->lock);
  if (first) {
    GSource *idle = g_idle_source_new ();

    g_source_set_callback (idle, deliver, source, NULL);
    g_source_attach (idle, source->all->web->context);
    g_source_unref (idle);
  }
}

/* FALSE: there are no pictures to be had. */
static gboolean
use (Source *source)
{
  const BwoHost *host = source->all->web->host;

  if (!source->view && !(source->view = host->view (host, source->camera, arrived, source)))
    return FALSE;
  source->users++;
  return TRUE;
}

static void
unuse (Source *source)
{
  const BwoHost *host = source->all->web->host;

  if (--source->users > 0)
    return;
  host->unview (host, source->camera, g_steal_pointer (&source->view));
  g_clear_pointer (&source->last, g_bytes_unref);
}

guint
web_pictures_count (const WebPictures *pictures, guint camera)
{
  return pictures->sources[camera].users;
}

WebPictures *
web_pictures_new (Web *web)
{
  WebPictures *all = g_new0 (WebPictures, 1);

  all->web = web;
  all->viewers = g_ptr_array_new ();
  all->stills = g_ptr_array_new ();
  all->sources = g_new0 (Source, web->host->n_cameras);
  for (guint i = 0; i < web->host->n_cameras; i++) {
    all->sources[i].all = all;
    all->sources[i].camera = i;
    g_mutex_init (&all->sources[i].lock);
  }
  return all;
}

/* All who looked have gone. */
void
web_pictures_free (WebPictures *all)
{
  while (all->stills->len > 0)
    answer_still (all->stills->pdata[0], NULL);
  /* Deliveries that are still to come. */
  while (g_main_context_iteration (all->web->context, FALSE))
    continue;
  for (guint i = 0; i < all->web->host->n_cameras; i++) {
    g_clear_pointer (&all->sources[i].next, g_bytes_unref);
    g_mutex_clear (&all->sources[i].lock);
  }
  g_ptr_array_unref (all->viewers);
  g_ptr_array_unref (all->stills);
  g_free (all->sources);
  g_free (all);
}

/* ---- Streams ----------------------------------------------------------------------------------------------- */

static void
viewer_free (Viewer *viewer)
{
  for (guint i = 0; i < viewer->n; i++)
    g_clear_pointer (&viewer->pending[i], g_bytes_unref);
  if (viewer->timer) {
    g_source_destroy (viewer->timer);
    g_source_unref (viewer->timer);
  }
  g_free (viewer->pending);
  g_free (viewer->cameras);
  g_free (viewer);
}

static void
gone (WebChannel *channel, gpointer data)
{
  Viewer *viewer = data;

  for (guint i = 0; i < viewer->n; i++)
    unuse (&viewer->all->sources[viewer->cameras[i]]);
  g_ptr_array_remove_fast (viewer->all->viewers, viewer);
  viewer_free (viewer);
}

/* That a reader has gone is only noticed when it is sent something. */
static gboolean
end_if_silent (gpointer data)
{
  Viewer *viewer = data;

  if (g_get_monotonic_time () - viewer->sent_us < SILENT_US)
    return G_SOURCE_CONTINUE;
  viewer->sent_us = G_MAXINT64 / 2;
  web_channel_end (viewer->channel);
  return G_SOURCE_REMOVE;
}

static gboolean
use_all (WebPictures *all, const GArray *cameras)
{
  for (guint i = 0; i < cameras->len; i++)
    if (!use (&all->sources[g_array_index (cameras, guint, i)])) {
      while (i-- > 0)
        unuse (&all->sources[g_array_index (cameras, guint, i)]);
      return FALSE;
    }
  return TRUE;
}

static void
begin_stream (WebRequest *request, GArray *cameras)
{
  WebPictures *all = request->web->pictures;
  Viewer *viewer = g_new0 (Viewer, 1);

  viewer->all = all;
  viewer->sent_us = g_get_monotonic_time ();
  if (!use_all (all, cameras)) {
    web_fail (request->message, SOUP_STATUS_NOT_IMPLEMENTED, "pictures need the element jpegenc (gst-plugins-good), which is not installed");
    viewer_free (viewer);
    return;
  }
  viewer->channel = web_channel_new (request->web, request->message, "multipart/x-mixed-replace; boundary=" BOUNDARY, drained, gone, viewer);
  viewer->n = cameras->len;
  viewer->cameras = g_memdup2 (cameras->data, cameras->len * sizeof (guint));
  viewer->pending = g_new0 (GBytes *, cameras->len);
  if (!viewer->channel) {
    for (guint i = 0; i < viewer->n; i++)
      unuse (&all->sources[viewer->cameras[i]]);
    viewer_free (viewer);
    return;
  }
  g_ptr_array_add (all->viewers, viewer);
  viewer->timer = g_timeout_source_new_seconds (5);
  g_source_set_callback (viewer->timer, end_if_silent, viewer, NULL);
  g_source_attach (viewer->timer, request->web->context);
  web_channel_send_text (viewer->channel, "--" BOUNDARY "\r\n");
}

/* FALSE: answered. */
static gboolean
read_cameras (WebRequest *request, GArray *cameras)
{
  const Web *web = request->web;
  const char *text = web_parameter (request, "cameras");
  g_auto (GStrv) names = g_strsplit (text ? text : "", ",", -1);

  for (guint i = 0; names[i]; i++) {
    guint camera = web_find_camera (web, names[i]);

    if (camera == web->host->n_cameras) {
      web_fail (request->message, SOUP_STATUS_NOT_FOUND, "there is no camera of one of these names");
      return FALSE;
    }
    g_array_append_val (cameras, camera);
  }
  for (guint i = 0; !text && i < web->host->n_cameras && i < MAX_AT_ONCE; i++)
    g_array_append_val (cameras, i);
  if (cameras->len >= 1 && cameras->len <= MAX_AT_ONCE)
    return TRUE;
  web_fail (request->message, SOUP_STATUS_BAD_REQUEST, "'cameras' has 1 to %d names with commas between them", MAX_AT_ONCE);
  return FALSE;
}

void
web_get_pictures (WebRequest *request)
{
  static const char *const parameters[] = { "cameras", NULL };
  g_autoptr (GArray) cameras = g_array_new (FALSE, FALSE, sizeof (guint));

  if (web_only_has (request, parameters) && read_cameras (request, cameras))
    begin_stream (request, cameras);
}

/* ---- Stills ------------------------------------------------------------------------------------------------ */

static gboolean
give_up (gpointer data)
{
  answer_still (data, NULL);
  return G_SOURCE_REMOVE;
}

/* Answered, or nobody waits any more. */
static void
still_finished (SoupServerMessage *message, gpointer data)
{
  Still *still = data;

  g_signal_handlers_disconnect_by_data (message, still);
  g_ptr_array_remove_fast (still->all->stills, still);
  g_source_destroy (still->timer);
  g_source_unref (still->timer);
  unuse (still->source);
  g_object_unref (message);
  g_free (still);
}

static void
begin_still (WebRequest *request, Source *source)
{
  Still *still;

  if (!use (source)) {
    web_fail (request->message, SOUP_STATUS_NOT_IMPLEMENTED, "pictures need the element jpegenc (gst-plugins-good), which is not installed");
    return;
  }
  still = g_new0 (Still, 1);
  *still = (Still) { .all = source->all, .message = g_object_ref (request->message), .source = source, .timer = g_timeout_source_new_seconds (STILL_SECONDS) };
  g_source_set_callback (still->timer, give_up, still, NULL);
  g_source_attach (still->timer, request->web->context);
  g_signal_connect (request->message, "finished", G_CALLBACK (still_finished), still);
  g_signal_connect (request->message, "disconnected", G_CALLBACK (still_finished), still);
  g_ptr_array_add (source->all->stills, still);
  soup_server_message_pause (request->message);
  if (source->last && g_get_monotonic_time () - source->last_us < FRESH_US)
    answer_still (still, source->last);
}

void
web_get_camera_pictures (WebRequest *request)
{
  static const char *const none[] = { NULL };
  Web *web = request->web;
  const char *dot = strrchr (request->path, '.');
  g_autofree char *name = g_strndup (request->path, dot ? (gsize) (dot - request->path) : 0);
  gboolean moving = g_strcmp0 (dot, ".mjpeg") == 0;
  guint camera = web_find_camera (web, name);
  g_autoptr (GArray) cameras = g_array_new (FALSE, FALSE, sizeof (guint));

  if (!web_only_has (request, none))
    return;
  if (camera == web->host->n_cameras || (!moving && g_strcmp0 (dot, ".jpg") != 0)) {
    web_fail (request->message, SOUP_STATUS_NOT_FOUND, "there is no such camera; its pictures are at /cameras/NAME.jpg and /cameras/NAME.mjpeg");
    return;
  }
  g_array_append_val (cameras, camera);
  if (moving)
    begin_stream (request, cameras);
  else
    begin_still (request, &web->pictures->sources[camera]);
}
