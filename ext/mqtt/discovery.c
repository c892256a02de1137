/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "discovery.h"

#include <json-glib/json-glib.h>

typedef struct {
  const char *component;       /* sensor or binary_sensor */
  const char *what;            /* its id within the camera */
  const char *name;
  const char *topic;           /* below the camera's: state and attributes */
  const char *template;
  const char *device_class, *category, *icon;  /* NULL: none */
} Entity;

/* Of letters, digits, '-' and '_' only, and of different texts different. */
static void
add_id (GString *to, const char *text)
{
  for (; *text; text++)
    if (g_ascii_isalnum (*text) || *text == '-')
      g_string_append_c (to, *text);
    else
      g_string_append_printf (to, "_%02X", (guchar) *text);
}

/* The prefix tells one bitmar from another at the same broker. */
static char *
device_id (const MqttOptions *o, const char *camera)
{
  GString *id = g_string_new ("bitmar__");

  add_id (id, o->topic);
  g_string_append (id, "__");
  add_id (id, camera);
  return g_string_free (id, FALSE);
}

static void
add_text (JsonObject *object, const char *key, const char *text)
{
  if (text)
    json_object_set_string_member (object, key, text);
}

static JsonObject *
device_of (const char *id, const char *camera)
{
  JsonObject *device = json_object_new ();
  JsonArray *ids = json_array_new ();

  json_array_add_string_element (ids, id);
  json_object_set_array_member (device, "identifiers", ids);
  add_text (device, "name", camera);
  add_text (device, "manufacturer", "BitMar for GStreamer");
  add_text (device, "model", "bitmar watch");
  add_text (device, "sw_version", VERSION);
  return device;
}

static JsonObject *
origin (void)
{
  JsonObject *object = json_object_new ();

  add_text (object, "name", "bitmar");
  add_text (object, "sw_version", VERSION);
  return object;
}

static JsonObject *
config_of (const MqttOptions *o, const char *camera, const char *device, const char *id, const Entity *e)
{
  g_autofree char *topic = g_strdup_printf ("%s/%s/%s", o->topic, camera, e->topic);
  g_autofree char *availability = g_strdup_printf ("%s/status", o->topic);
  g_autofree char *unique = g_strdup_printf ("%s__%s", device, id);
  JsonObject *config = json_object_new ();

  add_text (config, "name", e->name);
  add_text (config, "unique_id", unique);
  add_text (config, "state_topic", topic);
  add_text (config, "value_template", e->template);
  add_text (config, "json_attributes_topic", topic);
  add_text (config, "availability_topic", availability);
  add_text (config, "device_class", e->device_class);
  add_text (config, "entity_category", e->category);
  add_text (config, "icon", e->icon);
  json_object_set_int_member (config, "qos", o->qos);
  json_object_set_object_member (config, "device", device_of (device, camera));
  json_object_set_object_member (config, "origin", origin ());
  return config;
}

static void
announce (MqttBoard *board, const MqttOptions *o, const char *camera, const Entity *e)
{
  g_autofree char *device = device_id (o, camera);
  g_autoptr (GString) id = g_string_new (NULL);
  g_autofree char *topic = NULL, *text = NULL;
  JsonNode *node;

  add_id (id, e->what);
  node = json_node_init_object (json_node_alloc (), config_of (o, camera, device, id->str, e));
  json_object_unref (json_node_get_object (node));
  text = json_to_string (node, FALSE);
  topic = g_strdup_printf ("%s/%s/%s/%s/config", o->homeassistant_topic, e->component, device, id->str);
  mqtt_board_set (board, topic, text, TRUE);
  json_node_unref (node);
}

void
mqtt_discovery_of_camera (MqttBoard *board, const MqttOptions *o, const char *camera)
{
  /* A state of Home Assistant has at most 255 characters; the attributes have all. */
  static const Entity entities[] = {
    { "sensor", "caption", "Caption", "caption", "{{ value_json.text[:255] }}", NULL, NULL, "mdi:text-box-outline" },
    { "binary_sensor", "alert", "Alert", "alerts", "{{ 'ON' if value_json.active else 'OFF' }}", NULL, NULL, "mdi:alert" },
    { "binary_sensor", "watched", "Watched", "state", "{{ 'ON' if value_json.state == 'watching' else 'OFF' }}", "connectivity", "diagnostic", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (entities); i++)
    announce (board, o, camera, &entities[i]);
}

void
mqtt_discovery_of_rule (MqttBoard *board, const MqttOptions *o, const char *camera, const char *rule)
{
  g_autofree char *what = g_strconcat ("rule-", rule, NULL);
  g_autofree char *template = g_strdup_printf ("{{ 'ON' if '%s' in value_json.active else 'OFF' }}", rule);
  Entity e = { .component = "binary_sensor", .what = what, .name = rule, .topic = "alerts", .template = template, .icon = "mdi:alert" };

  announce (board, o, camera, &e);
}
