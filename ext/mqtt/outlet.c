/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The section [mqtt] of `bitmar watch`: docs/mqtt.md. Captions and alerts are queued; what cameras and their alerts are now is on the board. */
#include <gmodule.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "bitmar-watch-outlet.h"
#include "discovery.h"
#include "worker.h"

typedef struct {
  MqttOptions options;
  MqttBoard *board;
  MqttWorker *worker;
  GHashTable *active;          /* camera → names of alerts that have started and not ended */
} Outlet;

static gboolean
check (GHashTable *values, const char **key, GError **error)
{
  MqttOptions options;
  gboolean right = mqtt_options_read (&options, values, key, error);

  mqtt_options_clear (&options);
  return right;
}

static void
outlet_free (Outlet *outlet)
{
  g_hash_table_unref (outlet->active);
  mqtt_board_free (outlet->board);
  mqtt_options_clear (&outlet->options);
  g_free (outlet);
}

static void
set_active (Outlet *outlet, const char *camera, const GPtrArray *names)
{
  g_autofree char *topic = g_strdup_printf ("%s/%s/alerts", outlet->options.topic, camera), *text = NULL;
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();
  JsonNode *node;

  for (guint i = 0; names && i < names->len; i++)
    json_array_add_string_element (array, names->pdata[i]);
  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "type", "alerts");
  json_object_set_string_member (object, "camera", camera);
  json_object_set_array_member (object, "active", array);
  node = json_node_init_object (json_node_alloc (), object);
  json_object_unref (object);
  text = json_to_string (node, FALSE);
  json_node_unref (node);
  mqtt_board_set (outlet->board, topic, text, TRUE);
}

/* Alerts of before, if any, have no end: this process has not seen their start. */
static void
set_cameras (Outlet *outlet, const BwoHost *host)
{
  for (guint i = 0; i < host->n_cameras; i++) {
    if (outlet->options.homeassistant)
      mqtt_discovery_of_camera (outlet->board, &outlet->options, host->cameras[i]);
    set_active (outlet, host->cameras[i], NULL);
  }
}

static gpointer
open_outlet (const BwoHost *host, GHashTable *values, GError **error)
{
  Outlet *outlet = g_new0 (Outlet, 1);
  const char *key;

  outlet->board = mqtt_board_new ();
  outlet->active = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  if (mqtt_options_read (&outlet->options, values, &key, error))
    outlet->worker = mqtt_worker_new (host, &outlet->options, outlet->board, error);
  if (outlet->worker) {
    set_cameras (outlet, host);
    mqtt_worker_wake (outlet->worker);
    return outlet;
  }
  outlet_free (outlet);
  return NULL;
}

static GPtrArray *
active_of (Outlet *outlet, const char *camera)
{
  GPtrArray *names = g_hash_table_lookup (outlet->active, camera);

  if (!names) {
    names = g_ptr_array_new_with_free_func (g_free);
    g_hash_table_insert (outlet->active, g_strdup (camera), names);
  }
  return names;
}

/* Names are those of rules: letters, digits, '_' and '-'. */
static gboolean
is_name (const char *name)
{
  if (!name || !*name || strlen (name) > 64)
    return FALSE;
  for (; *name; name++)
    if (!g_ascii_isalnum (*name) && *name != '_' && *name != '-')
      return FALSE;
  return TRUE;
}

static void
alert (Outlet *outlet, const BwoEvent *event)
{
  const char *name = gst_structure_get_string (event->fields, "name"), *kind = gst_structure_get_string (event->fields, "kind");
  GPtrArray *names = active_of (outlet, event->camera);
  gboolean starts = g_strcmp0 (kind, "start") == 0;
  guint at;

  if (!is_name (name))
    return;
  if (starts && outlet->options.homeassistant)
    mqtt_discovery_of_rule (outlet->board, &outlet->options, event->camera, name);
  if (g_ptr_array_find_with_equal_func (names, name, g_str_equal, &at) == starts)
    return;
  if (starts)
    g_ptr_array_add (names, g_strdup (name));
  else
    g_ptr_array_remove_index (names, at);
  set_active (outlet, event->camera, names);
}

static void
event (gpointer data, const BwoEvent *event)
{
  Outlet *outlet = data;

  if (event->kind == BWO_STATE) {
    g_autofree char *topic = g_strdup_printf ("%s/%s/state", outlet->options.topic, event->camera);

    mqtt_board_set (outlet->board, topic, event->json, outlet->options.retain);
    mqtt_worker_wake (outlet->worker);
    return;
  }
  if (event->kind == BWO_ALERT)
    alert (outlet, event);
  mqtt_worker_take (outlet->worker, event->kind == BWO_ALERT ? MQTT_ALERT : MQTT_CAPTION, event->camera, event->json);
}

static void
close_outlet (gpointer data)
{
  Outlet *outlet = data;

  mqtt_worker_close (outlet->worker);
  outlet_free (outlet);
}

G_MODULE_EXPORT const BwoTable bitmar_watch_outlet = { .abi = BWO_ABI, .keys = mqtt_keys, .check = check, .open = open_outlet, .event = event,
  .close = close_outlet };
