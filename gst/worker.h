/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One thread with a one-slot hand-off: a new job replaces one that still waits (newest wins), so that whoever submits
 * never waits for whoever works. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BitmarWorker BitmarWorker;
/* Runs in the worker's thread and borrows the job. */
typedef void (*BitmarWorkerFunc) (gpointer job, gpointer user_data);

/* Runs in the worker's thread before it asks for its turn, and may wait. */
typedef void (*BitmarWorkerPrepareFunc) (gpointer user_data);

/* prepare: where it is given a job begins when it is the worker's turn (turn.h), and is the newest one then. */
BitmarWorker *bitmar_worker_new (const char *name, BitmarWorkerPrepareFunc prepare, BitmarWorkerFunc func, GDestroyNotify free_job,
    gpointer user_data);
/* Drops what waits, waits for what runs, ends the thread. */
void bitmar_worker_free (BitmarWorker *worker);
/* Takes the job. TRUE when it replaced one that waited. */
gboolean bitmar_worker_submit (BitmarWorker *worker, gpointer job);
/* Drops a waiting job; a running one goes on. */
void bitmar_worker_discard (BitmarWorker *worker);
/* Blocks until nothing waits and nothing runs. */
void bitmar_worker_drain (BitmarWorker *worker);

G_END_DECLS
