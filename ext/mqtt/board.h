/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is so now: one value a topic, of which the broker is to have the newest. An older one that was not sent yet is never sent. Any thread may set;
 * the rest is for the one that sends. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MqttBoard MqttBoard;

typedef struct {
  const char *topic;           /* as long as the board */
  char *payload;
  gboolean retain;
  int *mid;                    /* 0 until it is sent, and when it has landed */
} MqttValue;

MqttBoard *mqtt_board_new (void);
void mqtt_board_free (MqttBoard *board);
/* What is set first is sent first. */
void mqtt_board_set (MqttBoard *board, const char *topic, const char *payload, gboolean retain);
/* Something that is to be sent and does not fly; FALSE: there is nothing. It counts as sent. */
gboolean mqtt_board_next (MqttBoard *board, MqttValue *value);
/* FALSE: no such message flies. */
gboolean mqtt_board_land (MqttBoard *board, int mid);
/* The broker has all of it. */
gboolean mqtt_board_is_idle (MqttBoard *board);
/* All is to be sent again. lost: what flew will not land. */
void mqtt_board_again (MqttBoard *board, gboolean lost);

G_END_DECLS
