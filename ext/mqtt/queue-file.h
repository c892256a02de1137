/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of a queue must survive the process: a file that grows by what comes and by what is gone, and is written anew when most of it is of no use.
 * A record that was torn or damaged is passed over; the others count. One thread at a time. */
#pragma once

#include "queue.h"

G_BEGIN_DECLS

typedef struct _MqttFile MqttFile;

/* What the file holds comes into the queue, within its limit. A file that is another's, of a newer version, or held by another process is an error
 * and stays as it is. *next_id: above all that were. *damaged: bytes that could not be read. */
MqttFile *mqtt_file_open (const char *path, MqttQueue *queue, guint64 *next_id, guint64 *damaged, GError **error);

/* What is not stored yet, what is gone and how many were dropped. On TRUE all that is in the queue is stored, and gone is empty; it then survives the
 * process, after mqtt_file_sync() the machine too. On FALSE nothing has changed, and it can be tried again. */
gboolean mqtt_file_write (MqttFile *file, MqttQueue *queue, GArray *gone, GError **error);
gboolean mqtt_file_sync (MqttFile *file, GError **error);

void mqtt_file_close (MqttFile *file);

G_END_DECLS
