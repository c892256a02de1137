/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "worker.h"

#include <errno.h>
#include <gst/gst.h>
#include <sys/resource.h>

struct _BitmarWorker {
  BitmarWorkerFunc func;
  GDestroyNotify free_job;
  gpointer user_data;
  GMutex lock;
  GCond cond;
  GThread *thread;
  gpointer waiting;
  gboolean running, stop;
};

/* Where there is more to look at than time, captions come less often; video, whose threads keep their priority, is not late for it. */
#define NICENESS 10

static gpointer
worker_main (gpointer data)
{
  BitmarWorker *worker = data;

  /* Of this thread alone: so it is on Linux. Nicer than that already, it stays so. */
  if (getpriority (PRIO_PROCESS, 0) < NICENESS && setpriority (PRIO_PROCESS, 0, NICENESS) < 0)
    GST_INFO ("a worker keeps its priority: %s", g_strerror (errno));
  g_mutex_lock (&worker->lock);
  while (!worker->stop) {
    gpointer job = g_steal_pointer (&worker->waiting);

    if (!job) {
      g_cond_wait (&worker->cond, &worker->lock);
      continue;
    }
    worker->running = TRUE;
    g_mutex_unlock (&worker->lock);
    worker->func (job, worker->user_data);
    worker->free_job (job);
    g_mutex_lock (&worker->lock);
    worker->running = FALSE;
    g_cond_broadcast (&worker->cond);
  }
  g_mutex_unlock (&worker->lock);
  return NULL;
}

BitmarWorker *
bitmar_worker_new (const char *name, BitmarWorkerFunc func, GDestroyNotify free_job, gpointer user_data)
{
  BitmarWorker *worker = g_new0 (BitmarWorker, 1);

  worker->func = func;
  worker->free_job = free_job;
  worker->user_data = user_data;
  g_mutex_init (&worker->lock);
  g_cond_init (&worker->cond);
  worker->thread = g_thread_new (name, worker_main, worker);
  return worker;
}

void
bitmar_worker_free (BitmarWorker *worker)
{
  bitmar_worker_discard (worker);
  g_mutex_lock (&worker->lock);
  worker->stop = TRUE;
  g_cond_broadcast (&worker->cond);
  g_mutex_unlock (&worker->lock);
  g_thread_join (worker->thread);
  bitmar_worker_discard (worker);
  g_mutex_clear (&worker->lock);
  g_cond_clear (&worker->cond);
  g_free (worker);
}

gboolean
bitmar_worker_submit (BitmarWorker *worker, gpointer job)
{
  gpointer old;

  g_mutex_lock (&worker->lock);
  old = worker->waiting;
  worker->waiting = job;
  g_cond_broadcast (&worker->cond);
  g_mutex_unlock (&worker->lock);
  if (old)
    worker->free_job (old);
  return old != NULL;
}

void
bitmar_worker_discard (BitmarWorker *worker)
{
  gpointer old;

  g_mutex_lock (&worker->lock);
  old = g_steal_pointer (&worker->waiting);
  g_cond_broadcast (&worker->cond);
  g_mutex_unlock (&worker->lock);
  if (old)
    worker->free_job (old);
}

void
bitmar_worker_drain (BitmarWorker *worker)
{
  g_mutex_lock (&worker->lock);
  while (worker->waiting || worker->running)
    g_cond_wait (&worker->cond, &worker->lock);
  g_mutex_unlock (&worker->lock);
}
