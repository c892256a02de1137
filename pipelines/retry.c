/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "retry.h"

#define SHORTEST_PAUSE_US (G_USEC_PER_SEC / 4)
#define LONGEST_PAUSE_US (4 * G_USEC_PER_SEC)

struct _Retry {
  void (*begin) (gpointer user_data);
  RetryFunc attempt;
  gpointer user_data;
  GThread *thread;
  GMutex lock;
  GCond wake;
  gboolean stopped;            /* with the lock */
  gint64 pause_us;             /* the thread's: the next one */
};

/* FALSE: it is to end. */
static gboolean
rest (Retry *retry)
{
  gint64 until = g_get_monotonic_time () + retry->pause_us;
  gboolean goes_on;

  retry->pause_us = CLAMP (2 * retry->pause_us, SHORTEST_PAUSE_US, LONGEST_PAUSE_US);
  g_mutex_lock (&retry->lock);
  while (!retry->stopped && g_cond_wait_until (&retry->wake, &retry->lock, until))
    continue;
  goes_on = !retry->stopped;
  g_mutex_unlock (&retry->lock);
  return goes_on;
}

static gpointer
run (gpointer data)
{
  Retry *retry = data;

  retry->begin (retry->user_data);
  while (retry->attempt (retry->user_data) && rest (retry))
    continue;
  return NULL;
}

Retry *
retry_new (void (*begin) (gpointer user_data), RetryFunc attempt, gpointer user_data)
{
  Retry *retry = g_new0 (Retry, 1);

  retry->begin = begin;
  retry->attempt = attempt;
  retry->user_data = user_data;
  retry->pause_us = SHORTEST_PAUSE_US;
  g_mutex_init (&retry->lock);
  g_cond_init (&retry->wake);
  return retry;
}

void
retry_begin (Retry *retry, const char *name)
{
  retry->thread = g_thread_new (name, run, retry);
}

void
retry_works (Retry *retry)
{
  retry->pause_us = SHORTEST_PAUSE_US;
}

void
retry_at_once (Retry *retry)
{
  retry->pause_us = 0;
}

void
retry_later (Retry *retry)
{
  retry->pause_us = LONGEST_PAUSE_US;
}

gboolean
retry_is_stopped (Retry *retry)
{
  gboolean stopped;

  g_mutex_lock (&retry->lock);
  stopped = retry->stopped;
  g_mutex_unlock (&retry->lock);
  return stopped;
}

void
retry_stop (Retry *retry)
{
  g_mutex_lock (&retry->lock);
  retry->stopped = TRUE;
  g_cond_signal (&retry->wake);
  g_mutex_unlock (&retry->lock);
}

void
retry_free (Retry *retry)
{
  retry_stop (retry);
  if (retry->thread)
    g_thread_join (retry->thread);
  g_mutex_clear (&retry->lock);
  g_cond_clear (&retry->wake);
  g_free (retry);
}
