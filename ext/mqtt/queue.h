/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Captions and alerts that no broker has acknowledged, oldest first, within a number of bytes. Where there is no more room the oldest caption goes,
 * then the oldest alert. What has been handed to the broker stays until it lands. No locks. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  MQTT_CAPTION,                /* as BwoKind has them */
  MQTT_ALERT,
  MQTT_KINDS
} MqttKind;

typedef struct {
  guint64 id;                  /* ascending */
  MqttKind kind;
  char *camera, *payload;
  gsize size;                  /* what it costs */
  gboolean stored;             /* in the file */
  int mid;                     /* the broker's, while it flies */
} MqttEntry;

typedef struct {
  GQueue waiting[MQTT_KINDS], flight;
  gsize bytes, limit;
  guint unstored;
  guint64 dropped[MQTT_KINDS];
} MqttQueue;

MqttEntry *mqtt_entry_new (guint64 id, MqttKind kind, const char *camera, const char *payload);
void mqtt_entry_free (MqttEntry *entry);

void mqtt_queue_init (MqttQueue *queue, gsize limit);
void mqtt_queue_clear (MqttQueue *queue);
guint mqtt_queue_length (const MqttQueue *queue);
/* gone: the ids of those that had to go and are in the file are added; may be NULL. entry: (transfer full) */
void mqtt_queue_push (MqttQueue *queue, MqttEntry *entry, GArray *gone);
/* All that from has, its counts too. */
void mqtt_queue_move (MqttQueue *from, MqttQueue *to, GArray *gone);
/* The next to be handed over, or NULL. */
MqttEntry *mqtt_queue_next (const MqttQueue *queue);
/* The next is handed over. */
void mqtt_queue_fly (MqttQueue *queue);
/* It is acknowledged, and gone. FALSE: no such message flies. */
gboolean mqtt_queue_land (MqttQueue *queue, int mid, GArray *gone);
/* All that flies waits again. */
void mqtt_queue_call_back (MqttQueue *queue);
/* In no order of ids. */
void mqtt_queue_foreach (MqttQueue *queue, GFunc each, gpointer data);
void mqtt_queue_foreach_unstored (MqttQueue *queue, GFunc each, gpointer data);

G_END_DECLS
