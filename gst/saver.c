/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "saver.h"

struct _BitmarSaver {
  void (*save) (gpointer user_data);
  gpointer user_data;
  GThread *thread;
  GMutex lock;
  GCond cond;
  GstClockTime interval;
  gboolean closing;
};

/* lock held. TRUE when the interval has passed. */
static gboolean
wait_locked (BitmarSaver *saver)
{
  gint64 start = g_get_monotonic_time ();

  while (!saver->closing) {
    gint64 end = start + (gint64) (saver->interval / 1000);

    if (saver->interval == 0)
      g_cond_wait (&saver->cond, &saver->lock);
    else if (g_get_monotonic_time () >= end || !g_cond_wait_until (&saver->cond, &saver->lock, end))
      return !saver->closing;
  }
  return FALSE;
}

static gpointer
saver_main (gpointer data)
{
  BitmarSaver *saver = data;

  g_mutex_lock (&saver->lock);
  while (wait_locked (saver)) {
    g_mutex_unlock (&saver->lock);
    saver->save (saver->user_data);
    g_mutex_lock (&saver->lock);
  }
  g_mutex_unlock (&saver->lock);
  return NULL;
}

BitmarSaver *
bitmar_saver_new (GstClockTime interval, void (*save) (gpointer user_data), gpointer user_data)
{
  BitmarSaver *saver = g_new0 (BitmarSaver, 1);

  saver->save = save;
  saver->user_data = user_data;
  saver->interval = interval;
  g_mutex_init (&saver->lock);
  g_cond_init (&saver->cond);
  saver->thread = g_thread_new ("bitmar-saver", saver_main, saver);
  return saver;
}

void
bitmar_saver_set_interval (BitmarSaver *saver, GstClockTime interval)
{
  g_mutex_lock (&saver->lock);
  saver->interval = interval;
  g_cond_signal (&saver->cond);
  g_mutex_unlock (&saver->lock);
}

void
bitmar_saver_free (BitmarSaver *saver)
{
  g_mutex_lock (&saver->lock);
  saver->closing = TRUE;
  g_cond_signal (&saver->cond);
  g_mutex_unlock (&saver->lock);
  g_thread_join (saver->thread);
  g_mutex_clear (&saver->lock);
  g_cond_clear (&saver->cond);
  g_free (saver);
}
