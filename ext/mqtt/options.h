/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keys of [mqtt]. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *host;
  guint16 port;
  gboolean tls;
  char *user, *password, *password_file;
  char *ca, *certificate, *key;
  char *topic;                 /* prefix */
  char *client_id;             /* NULL: made of the machine's name and the log's path */
  int qos;
  gboolean retain;             /* of states */
  guint64 queue;               /* bytes */
  gboolean store;
  char *queue_file;            /* NULL: beside the log */
  gboolean homeassistant;
  char *homeassistant_topic;
} MqttOptions;

extern const char *const mqtt_keys[];

/* On FALSE, *key is the key that is wrong, NULL where one is missing. What was read before is to be cleared either way. */
gboolean mqtt_options_read (MqttOptions *options, GHashTable *values, const char **key, GError **error);
void mqtt_options_clear (MqttOptions *options);

G_END_DECLS
