/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "worker.h"

#include <errno.h>
#include <gst/gst.h>
#include <sys/resource.h>

#include "turn.h"

struct _BitmarWorker {
  BitmarWorkerPrepareFunc prepare;
  BitmarWorkerFunc func;
  GDestroyNotify free_job;
  gpointer user_data;
  GMutex lock;
  GCond cond;
  GThread *thread;
  BitmarTurn turn;
  gpointer waiting;
  gboolean running, stop;
};

/* Where there is more to look at than time, captions come less often; video, whose threads keep their priority, is not late for it. */
#define NICENESS 10

/* Locked on entry and return. What waits when the turn comes is worked on: a newer job, or none when it was discarded. */
static void
work (BitmarWorker *worker)
{
  gboolean turn = FALSE;
  gpointer job;

  if (worker->prepare) {
    g_mutex_unlock (&worker->lock);
    worker->prepare (worker->user_data);
    turn = bitmar_turn_take (&worker->turn);
    g_mutex_lock (&worker->lock);
  }
  job = !worker->prepare || turn ? g_steal_pointer (&worker->waiting) : NULL;
  worker->running = job != NULL;
  g_mutex_unlock (&worker->lock);
  if (job) {
    worker->func (job, worker->user_data);
    worker->free_job (job);
  }
  if (turn)
    bitmar_turn_give (&worker->turn);
  g_mutex_lock (&worker->lock);
  worker->running = FALSE;
  g_cond_broadcast (&worker->cond);
}

static gpointer
worker_main (gpointer data)
{
  BitmarWorker *worker = data;

  /* Of this thread alone: so it is on Linux. Nicer than that already, it stays so. */
  if (getpriority (PRIO_PROCESS, 0) < NICENESS && setpriority (PRIO_PROCESS, 0, NICENESS) < 0)
    GST_INFO ("a worker keeps its priority: %s", g_strerror (errno));
  g_mutex_lock (&worker->lock);
  while (!worker->stop) {
    if (worker->waiting)
      work (worker);
    else
      g_cond_wait (&worker->cond, &worker->lock);
  }
  g_mutex_unlock (&worker->lock);
  return NULL;
}

BitmarWorker *
bitmar_worker_new (const char *name, BitmarWorkerPrepareFunc prepare, BitmarWorkerFunc func, GDestroyNotify free_job, gpointer user_data)
{
  BitmarWorker *worker = g_new0 (BitmarWorker, 1);

  worker->prepare = prepare;
  worker->func = func;
  worker->free_job = free_job;
  worker->user_data = user_data;
  g_mutex_init (&worker->lock);
  g_cond_init (&worker->cond);
  bitmar_turn_init (&worker->turn);
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
  bitmar_turn_call_off (&worker->turn);
  g_thread_join (worker->thread);
  bitmar_turn_clear (&worker->turn);
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
