/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The disk: a thread of its own reads the event log and writes what is kept beside it, one job after the other, so that the server's never waits. */
#include "web.h"

#define MOST_WAITING 32

struct _WebLog {
  Web *web;
  GThreadPool *pool;           /* of one thread */
  BitmarEventLog *log;         /* that thread's; NULL: not open yet */
};

typedef struct {
  WebLog *log;
  WebLogWork work;
  WebLogDone done;
  GDestroyNotify free;
  gpointer data;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  job->free (job->data);
  g_free (job);
}

static gboolean
hand_back (gpointer data)
{
  Job *job = data;

  job->done (job->data);
  return G_SOURCE_REMOVE;
}

/* The log is there as soon as a camera has begun it. */
static BitmarEventLog *
open_log (WebLog *l, GError **error)
{
  if (!l->log)
    l->log = bitmar_event_log_open (l->web->host->log, l->web->host->model, BITMAR_EVENT_LOG_READ_ONLY, error);
  return l->log;
}

static void
work (gpointer data, gpointer log)
{
  Job *job = data;
  WebLog *l = log;
  GError *error = NULL;
  BitmarEventLog *opened = open_log (l, &error);
  GSource *source = g_idle_source_new ();

  /* A file that was damaged or replaced is looked at anew. */
  if (!job->work (opened, error, job->data))
    g_clear_object (&l->log);
  g_clear_error (&error);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, hand_back, job, job_free);
  g_source_attach (source, l->web->context);
  g_source_unref (source);
}

WebLog *
web_log_new (Web *web)
{
  WebLog *l = g_new0 (WebLog, 1);

  l->web = web;
  l->pool = g_thread_pool_new_full (work, l, job_free, 1, FALSE, NULL);
  return l;
}

/* What is being done is waited for, the rest is not begun. */
void
web_log_free (WebLog *l)
{
  g_thread_pool_free (l->pool, TRUE, TRUE);
  g_clear_object (&l->log);
  g_free (l);
}

gboolean
web_log_run (WebLog *l, WebLogWork work, WebLogDone done, GDestroyNotify free, gpointer data)
{
  Job *job;

  if (g_thread_pool_unprocessed (l->pool) >= MOST_WAITING)
    return FALSE;
  job = g_new (Job, 1);
  *job = (Job) { l, work, done, free, data };
  g_thread_pool_push (l->pool, job, NULL);
  return TRUE;
}

gboolean
web_log_is_there (const Web *web)
{
  return g_file_test (web->host->log, G_FILE_TEST_EXISTS);
}
