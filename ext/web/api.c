/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "web.h"

#define LOG_PATIENCE_US (30 * G_USEC_PER_SEC)

static const char *const no_parameters[] = { NULL };

/* ---- Cameras --------------------------------------------------------------------------------------------- */

static gboolean
add_figure (GQuark field, const GValue *value, gpointer object)
{
  const char *name = g_quark_to_string (field);

  if (G_VALUE_HOLDS_DOUBLE (value))
    json_object_set_double_member (object, name, web_rounded (g_value_get_double (value)));
  else if (G_VALUE_HOLDS_UINT64 (value))
    json_object_set_int_member (object, name, (gint64) MIN (g_value_get_uint64 (value), (guint64) G_MAXINT64));
  else if (G_VALUE_HOLDS_UINT (value))
    json_object_set_int_member (object, name, g_value_get_uint (value));
  else if (G_VALUE_HOLDS_INT (value))
    json_object_set_int_member (object, name, g_value_get_int (value));
  else if (G_VALUE_HOLDS_INT64 (value))
    json_object_set_int_member (object, name, g_value_get_int64 (value));
  return TRUE;
}

static gboolean
add_element (GQuark field, const GValue *value, gpointer object)
{
  JsonObject *figures = json_object_new ();

  gst_structure_foreach (gst_value_get_structure (value), add_figure, figures);
  json_object_set_object_member (object, g_quark_to_string (field), figures);
  return TRUE;
}

static void
add_stats (const Web *web, guint i, JsonObject *object)
{
  g_autoptr (GstStructure) stats = web->host->stats (web->host, i);
  JsonObject *elements;

  if (!stats) {
    json_object_set_null_member (object, "stats");
    return;
  }
  elements = json_object_new ();
  gst_structure_foreach (stats, add_element, elements);
  json_object_set_object_member (object, "stats", elements);
}

static void
add_caption (const WebCamera *camera, JsonObject *object)
{
  JsonObject *caption;

  if (!camera->caption) {
    json_object_set_null_member (object, "caption");
    return;
  }
  caption = json_object_new ();
  web_json_set_text (caption, "text", camera->caption);
  web_json_set_time (caption, "time", camera->caption_utc);
  json_object_set_double_member (caption, "confidence", web_rounded (camera->confidence));
  json_object_set_double_member (caption, "novelty", web_rounded (camera->novelty));
  json_object_set_object_member (object, "caption", caption);
}

static JsonObject *
camera_json (const Web *web, guint i)
{
  const WebCamera *camera = &web->cameras[i];
  JsonObject *object = json_object_new ();

  web_json_set_text (object, "name", camera->name);
  web_json_set_text (object, "state", camera->state);
  web_json_set_text (object, "why", camera->why);
  web_json_set_time (object, "since", camera->since);
  add_caption (camera, object);
  json_object_set_int_member (object, "captions", (gint64) camera->captions);
  json_object_set_int_member (object, "alerts", (gint64) camera->alerts);
  json_object_set_int_member (object, "losses", (gint64) camera->losses);
  json_object_set_int_member (object, "viewers", web_pictures_count (web->pictures, i));
  add_stats (web, i, object);
  return object;
}

/* ---- Health ------------------------------------------------------------------------------------------------ */

/* FALSE: it is away. */
static gboolean
log_counts (const Web *web, guint i, guint64 *written, guint64 *queued)
{
  g_autoptr (GstStructure) stats = web->host->stats (web->host, i);
  const GValue *memory = stats ? gst_structure_get_value (stats, "memory") : NULL;
  guint n = 0;

  if (!memory)
    return FALSE;
  gst_structure_get_uint64 (gst_value_get_structure (memory), "log-written", written);
  if (!gst_structure_get_uint64 (gst_value_get_structure (memory), "log-queued", queued)
      && gst_structure_get_uint (gst_value_get_structure (memory), "log-queued", &n))
    *queued = n;
  return TRUE;
}

/* The file or, as long as there is none, its folder may be written, and what is queued for it does not just lie there. */
gboolean
web_log_works (Web *web)
{
  g_autofree char *folder = g_path_get_dirname (web->host->log);
  guint64 written = 0, queued = 0;
  gint64 now = g_get_monotonic_time ();

  if (g_access (folder, W_OK) < 0 || (g_access (web->host->log, W_OK) < 0 && errno != ENOENT))
    return FALSE;
  for (guint i = 0; i < web->host->n_cameras; i++) {
    guint64 w = 0, q = 0;

    log_counts (web, i, &w, &q);
    written += w;
    queued += q;
  }
  if (queued == 0 || written != web->log_written)
    web->log_moved_us = now;
  web->log_written = written;
  return now - web->log_moved_us < LOG_PATIENCE_US;
}

/* The model was loaded before the server began. */
static gboolean
is_ready (Web *web, gboolean *log, gboolean *watching)
{
  *log = web_log_works (web);
  *watching = FALSE;
  for (guint i = 0; i < web->host->n_cameras; i++)
    *watching = *watching || g_str_equal (web->cameras[i].state, "watching");
  return *log && *watching;
}

void
web_get_live (WebRequest *request)
{
  JsonObject *object;

  if (!web_only_has (request, no_parameters))
    return;
  object = web_json_new ();
  json_object_set_boolean_member (object, "live", TRUE);
  web_respond_json (request->message, SOUP_STATUS_OK, object);
}

/* Open to anybody, so it counts and names nothing. */
void
web_get_ready (WebRequest *request)
{
  gboolean log, watching, ready;
  JsonObject *object;

  if (!web_only_has (request, no_parameters))
    return;
  ready = is_ready (request->web, &log, &watching);
  object = web_json_new ();
  json_object_set_boolean_member (object, "ready", ready);
  json_object_set_boolean_member (object, "model", TRUE);
  json_object_set_boolean_member (object, "log", log);
  json_object_set_boolean_member (object, "watching", watching);
  web_respond_json (request->message, ready ? SOUP_STATUS_OK : SOUP_STATUS_SERVICE_UNAVAILABLE, object);
}

/* ---- Answers ----------------------------------------------------------------------------------------------- */

void
web_get_cameras (WebRequest *request)
{
  gboolean log, watching;
  JsonObject *object;
  JsonArray *cameras;

  if (!web_only_has (request, no_parameters))
    return;
  object = web_json_new ();
  json_object_set_boolean_member (object, "ready", is_ready (request->web, &log, &watching));
  json_object_set_boolean_member (object, "log", log);
  cameras = json_array_new ();
  for (guint i = 0; i < request->web->host->n_cameras; i++)
    json_array_add_object_element (cameras, camera_json (request->web, i));
  json_object_set_array_member (object, "cameras", cameras);
  web_respond_json (request->message, SOUP_STATUS_OK, object);
}

void
web_get_info (WebRequest *request)
{
  Web *web = request->web;
  JsonObject *object = web_json_new ();

  web_json_set_text (object, "program", "bitmar");
  web_json_set_text (object, "release", VERSION);
  web_json_set_text (object, "model", bitmar_model_get_id (web->host->model));
  web_json_set_text (object, "model-name", bitmar_model_get_name (web->host->model));
  web_json_set_time (object, "started", web->started);
  json_object_set_boolean_member (object, "token", web->settings->token != NULL);
  web_respond_json (request->message, SOUP_STATUS_OK, object);
}
