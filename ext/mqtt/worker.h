/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The thread that has the queue, its file and the connection. */
#pragma once

#include "bitmar-watch-outlet.h"
#include "board.h"
#include "options.h"
#include "queue.h"

G_BEGIN_DECLS

typedef struct _MqttWorker MqttWorker;

/* options and board must outlive it. */
MqttWorker *mqtt_worker_new (const BwoHost *host, const MqttOptions *options, MqttBoard *board, GError **error);
/* From any thread; waits for nothing. json: an object, which is sent with a member more, its id. */
void mqtt_worker_take (MqttWorker *worker, MqttKind kind, const char *camera, const char *json);
/* The board has something new. */
void mqtt_worker_wake (MqttWorker *worker);
/* Delivers for a few seconds, and ends. */
void mqtt_worker_close (MqttWorker *worker);

G_END_DECLS
