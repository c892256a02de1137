/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* append → queue → the writer's thread → store
 *
 * Two locks. `store_lock` is held while the disk is waited for, and by the writer from picking a batch to taking it
 * from the queue: who holds it knows that an event is either in the store or in the queue. `lock`, taken after it or
 * alone, is for the rest and never held while anything is waited for, so that append returns at once whatever the
 * disk does. */
#include <string.h>

#include "event-store.h"
#include "model-private.h"
#include "object-private.h"

#define BATCH 128
#define MAX_QUEUE 65536
#define RETRY_MIN (G_USEC_PER_SEC / 2)
#define RETRY_MAX (30 * G_USEC_PER_SEC)
#define PRUNE_EVERY (60 * G_USEC_PER_SEC)

typedef struct {
  guint64 number;
  BitmarEvent *event;
} Queued;

struct _BitmarEventLog {
  GObject parent;

  BitmarModel *model;          /* NULL: any */
  gsize width;
  gboolean read_only;
  char *path;
  const BmsBackend *backend;
  GThread *writer;

  GMutex store_lock;
  BmsStore *store;             /* NULL: closed */

  GMutex lock;
  GCond changed;
  GQueue queue;                /* of Queued, ascending: what is neither in the store nor forgotten */
  guint room;
  guint64 last_number;
  BitmarEventLogCounts counts;
  gboolean hurry, stop;        /* somebody waits; the log is closed */
  gboolean running;            /* the writer */
  GError *error;               /* of the last attempt */
  guint64 failures;
  gint64 retry_at, retry_after;        /* monotonic; the pause that the next failure makes */
  guint64 max_age, max_bytes;
  gint64 prune_at;             /* monotonic, G_MAXINT64: never */

  GMutex func_lock;
  BitmarEventLogErrorFunc func;
  gpointer func_data;
  GDestroyNotify func_destroy;
};

BITMAR_DEFINE_TYPE (BitmarEventLog, bitmar_event_log)

static void
queued_free (gpointer data)
{
  Queued *q = data;

  bitmar_event_unref (q->event);
  g_free (q);
}

static void
bitmar_event_log_init (BitmarEventLog *self)
{
  g_mutex_init (&self->store_lock);
  g_mutex_init (&self->lock);
  g_mutex_init (&self->func_lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->room = 1024;
  self->retry_after = RETRY_MIN;
  self->prune_at = G_MAXINT64;
}

static void
bitmar_event_log_finalize (GObject *object)
{
  BitmarEventLog *self = BITMAR_EVENT_LOG (object);
  GError *error = NULL;

  if (!bitmar_event_log_close (self, &error))
    g_warning ("%s", error->message);
  g_clear_error (&error);
  bitmar_event_log_set_error_func (self, NULL, NULL, NULL);
  g_queue_clear_full (&self->queue, queued_free);
  g_clear_error (&self->error);
  g_clear_object (&self->model);
  g_free (self->path);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->func_lock);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->store_lock);
  G_OBJECT_CLASS (bitmar_event_log_parent_class)->finalize (object);
}

static void
bitmar_event_log_class_init (BitmarEventLogClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_event_log_finalize;
}

/* ---- The writer's thread ---------------------------------------------------------------------------------- */

static void
to_store (BmsEvent *to, const BitmarEvent *from)
{
  *to = (BmsEvent) {
    .camera = from->camera,
    .text = from->text,
    .alert = from->alert,
    .utc = from->utc,
    .pts = from->pts,
    .running_time = from->running_time,
    .confidence = from->confidence,
    .novelty = from->novelty,
    .embedding = from->embedding,
  };
  if (from->thumbnail)
    to->thumbnail = g_bytes_get_data (from->thumbnail, &to->thumbnail_size);
}

/* They stay in the queue, where only who holds store_lock takes any away. */
static gsize
pick (BitmarEventLog *log, BmsEvent *batch)
{
  gsize n = 0;

  g_mutex_lock (&log->lock);
  for (GList *l = log->queue.head; l && n < BATCH; l = l->next)
    to_store (&batch[n++], ((Queued *) l->data)->event);
  g_mutex_unlock (&log->lock);
  return n;
}

/* Locked. */
static void
succeed (BitmarEventLog *log)
{
  g_clear_error (&log->error);
  log->retry_at = 0;
  log->retry_after = RETRY_MIN;
}

static void
written (BitmarEventLog *log, gsize n)
{
  g_mutex_lock (&log->lock);
  log->counts.written += n;
  succeed (log);
  for (gsize i = 0; i < n; i++)
    queued_free (g_queue_pop_head (&log->queue));
  g_cond_broadcast (&log->changed);
  g_mutex_unlock (&log->lock);
}

/* The age is looked at once in a while, since each event is too old sooner or later; the size with every batch. */
static gboolean
prune (BitmarEventLog *log, BmsError *error)
{
  guint64 max_age, max_bytes, n;
  gint64 now = g_get_monotonic_time (), utc = g_get_real_time () * 1000;
  gboolean due;

  g_mutex_lock (&log->lock);
  due = log->prune_at <= now;
  max_age = due ? log->max_age : 0;
  max_bytes = log->max_bytes;
  if (due)
    log->prune_at = log->max_age || log->max_bytes ? now + PRUNE_EVERY : G_MAXINT64;
  g_mutex_unlock (&log->lock);
  if (max_age >= (guint64) utc)
    max_age = 0;
  if (!max_age && !max_bytes)
    return TRUE;
  return log->backend->prune (log->store, max_age ? utc - (gint64) max_age : 0, max_bytes, &n, error);
}

static gboolean
work (BitmarEventLog *log, BmsError *error)
{
  BmsEvent batch[BATCH];
  gboolean done = TRUE;
  gsize n;

  g_mutex_lock (&log->store_lock);
  n = pick (log, batch);
  if (n > 0)
    done = log->backend->insert (log->store, batch, n, error);
  if (n > 0 && done)
    written (log, n);
  done = done && prune (log, error);
  g_mutex_unlock (&log->store_lock);
  return done;
}

/* Locked. */
static void
fail (BitmarEventLog *log, const BmsError *error)
{
  g_clear_error (&log->error);
  bitmar_event_store_fail (error, &log->error);
  log->failures++;
  log->retry_at = g_get_monotonic_time () + log->retry_after;
  log->retry_after = MIN (2 * log->retry_after, RETRY_MAX);
  g_cond_broadcast (&log->changed);
}

static void
tell (BitmarEventLog *log, const BmsError *store)
{
  GError *error = NULL;

  bitmar_event_store_fail (store, &error);
  g_mutex_lock (&log->func_lock);
  if (log->func)
    log->func (log, error, log->func_data);
  g_mutex_unlock (&log->func_lock);
  g_error_free (error);
}

/* Locked. FALSE: the log is closed, and what is left could not be written. */
static gboolean
wait_for_work (BitmarEventLog *log)
{
  while (TRUE) {
    gint64 due = MIN (log->queue.length ? log->retry_at : G_MAXINT64, log->prune_at);
    gboolean asked = log->hurry && log->queue.length;

    log->hurry = FALSE;
    if (asked || (!log->stop && due <= g_get_monotonic_time ()))
      return TRUE;
    if (log->stop)
      return FALSE;
    if (due == G_MAXINT64)
      g_cond_wait (&log->changed, &log->lock);
    else
      g_cond_wait_until (&log->changed, &log->lock, due);
  }
}

static gpointer
write_events (gpointer data)
{
  BitmarEventLog *log = data;
  BmsError error;

  g_mutex_lock (&log->lock);
  while (wait_for_work (log)) {
    gboolean done;

    g_mutex_unlock (&log->lock);
    done = work (log, &error);
    g_mutex_lock (&log->lock);
    if (done) {
      succeed (log);
      log->hurry |= log->stop;
      continue;
    }
    fail (log, &error);
    g_mutex_unlock (&log->lock);
    tell (log, &error);
    g_mutex_lock (&log->lock);
  }
  log->running = FALSE;
  g_cond_broadcast (&log->changed);
  g_mutex_unlock (&log->lock);
  return NULL;
}

/* ---- Opening and closing ------------------------------------------------------------------------------------ */

static gboolean
start (BitmarEventLog *log, GError **error)
{
  BmsError store;

  log->store = log->backend->open (log->path, log->model ? log->model->id : NULL, log->width, log->read_only, &store);
  if (!log->store)
    return bitmar_event_store_fail (&store, error);
  if (log->read_only)
    return TRUE;
  log->running = TRUE;
  log->writer = g_thread_try_new ("bitmar-log", write_events, log, error);
  if (!log->writer)
    log->running = FALSE;
  return log->writer != NULL;
}

BitmarEventLog *
bitmar_event_log_open (const char *path, BitmarModel *model, BitmarEventLogMode mode, GError **error)
{
  const BmsBackend *backend = bitmar_event_store_get (error);
  BitmarEventLog *log;

  if (!backend)
    return NULL;
  log = bitmar_event_log_make ();
  log->backend = backend;
  log->path = g_strdup (path);
  log->read_only = mode == BITMAR_EVENT_LOG_READ_ONLY;
  if (model) {
    log->model = g_object_ref (model);
    log->width = model->memory_width;
  }
  if (!start (log, error))
    g_clear_object (&log);
  return log;
}

static gboolean
fail_closed (BitmarEventLog *log, GError **error)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s is closed", log->path);
  return FALSE;
}

gboolean
bitmar_event_log_close (BitmarEventLog *log, GError **error)
{
  GThread *writer;
  guint lost;

  g_mutex_lock (&log->lock);
  log->stop = log->hurry = TRUE;
  writer = g_steal_pointer (&log->writer);
  g_cond_broadcast (&log->changed);
  while (log->running)
    g_cond_wait (&log->changed, &log->lock);
  g_mutex_unlock (&log->lock);
  if (writer)
    g_thread_join (writer);
  g_mutex_lock (&log->store_lock);
  if (log->store)
    log->backend->close (g_steal_pointer (&log->store));
  g_mutex_unlock (&log->store_lock);
  g_mutex_lock (&log->lock);
  lost = writer ? log->queue.length : 0;
  if (lost)
    g_set_error (error, BITMAR_ERROR, (gint) (log->error ? log->error->code : BITMAR_ERROR_IO),
        "%u events of %s were not written: %s", lost, log->path,
        log->error ? log->error->message : "the log was closed");
  g_mutex_unlock (&log->lock);
  return lost == 0;
}

/* ---- Appending ------------------------------------------------------------------------------------------------ */

static gboolean
may_append (BitmarEventLog *log, const BitmarEvent *event, GError **error)
{
  if (log->read_only) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_READ_ONLY, "%s was opened for reading only", log->path);
    return FALSE;
  }
  if (!log->model) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "%s was opened without a model", log->path);
    return FALSE;
  }
  if (event->model && strcmp (event->model, log->model->id) != 0) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "%s: the event belongs to another model", log->path);
    return FALSE;
  }
  return TRUE;
}

/* Locked; takes the event, or not. */
static gboolean
enqueue (BitmarEventLog *log, BitmarEvent *event, GError **error)
{
  Queued *q;

  if (log->stop)
    return fail_closed (log, error);
  log->counts.appended++;
  if (log->queue.length >= log->room) {
    log->counts.dropped++;
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_FULL, "%s: %u events wait to be written already: %s", log->path,
        log->queue.length, log->error ? log->error->message : "the disk is too slow");
    return FALSE;
  }
  q = g_new (Queued, 1);
  *q = (Queued) { ++log->last_number, event };
  g_queue_push_tail (&log->queue, q);
  g_cond_broadcast (&log->changed);
  return TRUE;
}

gboolean
bitmar_event_log_append (BitmarEventLog *log, const BitmarEvent *event, GError **error)
{
  BitmarEvent *copy;
  gboolean queued;

  if (!may_append (log, event, error) || !bitmar_event_check (event, log->width, error))
    return FALSE;
  copy = bitmar_event_copy (event, log->width);
  g_mutex_lock (&log->lock);
  queued = enqueue (log, copy, error);
  g_mutex_unlock (&log->lock);
  if (!queued)
    bitmar_event_unref (copy);
  return queued;
}

/* Locked. */
static gboolean
is_waiting (BitmarEventLog *log, guint64 number)
{
  Queued *head = g_queue_peek_head (&log->queue);

  return head && head->number <= number;
}

gboolean
bitmar_event_log_flush (BitmarEventLog *log, GError **error)
{
  guint64 last, failures;
  gboolean done;

  g_mutex_lock (&log->lock);
  if (log->stop) {
    g_mutex_unlock (&log->lock);
    return fail_closed (log, error);
  }
  last = log->last_number;
  failures = log->failures;
  log->hurry = TRUE;
  g_cond_broadcast (&log->changed);
  while (is_waiting (log, last) && log->failures == failures && log->running)
    g_cond_wait (&log->changed, &log->lock);
  done = !is_waiting (log, last);
  if (!done && log->error)
    g_propagate_error (error, g_error_copy (log->error));
  else if (!done)
    fail_closed (log, error);
  g_mutex_unlock (&log->lock);
  return done;
}

void
bitmar_event_log_set_queue_size (BitmarEventLog *log, guint events)
{
  g_mutex_lock (&log->lock);
  log->room = CLAMP (events, 1, MAX_QUEUE);
  g_mutex_unlock (&log->lock);
}

void
bitmar_event_log_get_counts (BitmarEventLog *log, BitmarEventLogCounts *counts)
{
  g_mutex_lock (&log->lock);
  *counts = log->counts;
  counts->queued = log->queue.length;
  g_mutex_unlock (&log->lock);
}

GError *
bitmar_event_log_get_error (BitmarEventLog *log)
{
  GError *error;

  g_mutex_lock (&log->lock);
  error = log->error ? g_error_copy (log->error) : NULL;
  g_mutex_unlock (&log->lock);
  return error;
}

void
bitmar_event_log_set_error_func (BitmarEventLog *log, BitmarEventLogErrorFunc func, gpointer user_data,
    GDestroyNotify destroy)
{
  g_mutex_lock (&log->func_lock);
  if (log->func_destroy)
    log->func_destroy (log->func_data);
  log->func = func;
  log->func_data = user_data;
  log->func_destroy = destroy;
  g_mutex_unlock (&log->func_lock);
}

void
bitmar_event_log_set_retention (BitmarEventLog *log, guint64 max_age, guint64 max_bytes)
{
  g_mutex_lock (&log->lock);
  log->max_age = max_age;
  log->max_bytes = max_bytes;
  log->prune_at = max_age || max_bytes ? 0 : G_MAXINT64;
  g_cond_broadcast (&log->changed);
  g_mutex_unlock (&log->lock);
}

/* ---- Searching and forgetting ----------------------------------------------------------------------------------- */

static gboolean
make_filter (BmsFilter *filter, gint64 from, gint64 to, const char *camera, GError **error)
{
  *filter = (BmsFilter) { from, to == -1 ? BMS_FOREVER : to, camera };
  if (from >= 0 && from <= filter->to)
    return TRUE;
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER,
      "no range of time: %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, from, to);
  return FALSE;
}

typedef struct {
  GPtrArray *events;
  gboolean damaged;
} Found;

static gboolean
is_text (const char *text)
{
  return !text || g_utf8_validate (text, -1, NULL);
}

static void
collect (const BmsEvent *from, gpointer data)
{
  Found *found = data;
  BitmarEvent event = {
    .id = from->id, .camera = from->camera, .text = from->text, .alert = from->alert, .utc = from->utc,
    .pts = from->pts, .running_time = from->running_time,
    .confidence = from->confidence, .novelty = from->novelty, .score = from->score,
    .thumbnail = from->thumbnail ? g_bytes_new (from->thumbnail, from->thumbnail_size) : NULL,
  };

  found->damaged |= !is_text (event.camera) || !is_text (event.text) || !is_text (event.alert);
  g_ptr_array_add (found->events, bitmar_event_copy (&event, 0));
  g_clear_pointer (&event.thumbnail, g_bytes_unref);
}

static gboolean
query (BitmarEventLog *log, const float *embedding, guint k, const BmsFilter *filter, Found *found, GError **error)
{
  BmsError store;
  gboolean done;

  g_mutex_lock (&log->store_lock);
  if (!log->store)
    done = fail_closed (log, error);
  else
    done = log->backend->query (log->store, embedding, k, filter, collect, found, &store)
        || bitmar_event_store_fail (&store, error);
  g_mutex_unlock (&log->store_lock);
  if (done && found->damaged) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT, "%s: a text in it is damaged", log->path);
    return FALSE;
  }
  return done;
}

static gboolean
check_embedding (BitmarEventLog *log, gsize n, GError **error)
{
  if (!log->model)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "%s was opened without a model", log->path);
  else if (n != log->width)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "%s has embeddings of %" G_GSIZE_FORMAT " numbers, not of %" G_GSIZE_FORMAT,
        log->path, log->width, n);
  else
    return TRUE;
  return FALSE;
}

GPtrArray *
bitmar_event_log_query (BitmarEventLog *log, const float *embedding, gsize n, guint k, gint64 from, gint64 to,
    const char *camera, GError **error)
{
  Found found = { NULL, FALSE };
  BmsFilter filter;

  if ((embedding && !check_embedding (log, n, error)) || !make_filter (&filter, from, to, camera, error) || (!log->read_only && !bitmar_event_log_flush (log, error)))
    return NULL;
  found.events = g_ptr_array_new_with_free_func ((GDestroyNotify) bitmar_event_unref);
  if (!query (log, embedding, k, &filter, &found, error))
    g_clear_pointer (&found.events, g_ptr_array_unref);
  return found.events;
}

BitmarEvent *
bitmar_event_log_get_event (BitmarEventLog *log, gint64 id, GError **error)
{
  Found found = { g_ptr_array_new_with_free_func ((GDestroyNotify) bitmar_event_unref), FALSE };
  BitmarEvent *event = NULL;
  BmsError store;
  gboolean done;

  g_mutex_lock (&log->store_lock);
  if (!log->store)
    done = fail_closed (log, error);
  else
    done = log->backend->get (log->store, id, collect, &found, &store) || bitmar_event_store_fail (&store, error);
  g_mutex_unlock (&log->store_lock);
  if (done && found.damaged)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT, "%s: a text in it is damaged", log->path);
  else if (done && found.events->len == 0)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "%s: there is no event %" G_GINT64_FORMAT, log->path, id);
  else if (done)
    event = bitmar_event_ref (found.events->pdata[0]);
  g_ptr_array_unref (found.events);
  return event;
}

GPtrArray *
bitmar_event_log_query_text (BitmarEventLog *log, const char *text, guint k, gint64 from, gint64 to, const char *camera,
    GError **error)
{
  GPtrArray *events = NULL;
  float *embedding;
  gsize n;

  if (!check_embedding (log, log->width, error) || !(embedding = bitmar_model_embed_text (log->model, text, &n, error)))
    return NULL;
  events = bitmar_event_log_query (log, embedding, n, k, from, to, camera, error);
  g_free (embedding);
  return events;
}

static gboolean
matches (const BitmarEvent *event, const BmsFilter *filter)
{
  return event->utc >= filter->from && event->utc < filter->to
      && (!filter->camera || g_str_equal (event->camera, filter->camera));
}

/* With store_lock held: none of them is on its way to the disk. */
static guint64
forget_queued (BitmarEventLog *log, const BmsFilter *filter)
{
  guint64 n = 0;

  g_mutex_lock (&log->lock);
  for (GList *l = log->queue.head, *next; l; l = next) {
    next = l->next;
    if (matches (((Queued *) l->data)->event, filter)) {
      queued_free (l->data);
      g_queue_delete_link (&log->queue, l);
      n++;
    }
  }
  log->counts.forgotten += n;
  g_cond_broadcast (&log->changed);
  g_mutex_unlock (&log->lock);
  return n;
}

gboolean
bitmar_event_log_forget (BitmarEventLog *log, gint64 from, gint64 to, const char *camera, guint64 *n_forgotten,
    GError **error)
{
  guint64 queued = 0, stored = 0;
  BmsFilter filter;
  BmsError store;
  gboolean done;

  if (!make_filter (&filter, from, to, camera, error))
    return FALSE;
  g_mutex_lock (&log->store_lock);
  if (!log->store) {
    done = fail_closed (log, error);
  } else {
    queued = forget_queued (log, &filter);
    done = log->backend->forget (log->store, &filter, &stored, &store) || bitmar_event_store_fail (&store, error);
  }
  g_mutex_unlock (&log->store_lock);
  if (n_forgotten)
    *n_forgotten = queued + stored;
  return done;
}

gboolean
bitmar_event_log_clear (BitmarEventLog *log, GError **error)
{
  return bitmar_event_log_forget (log, 0, -1, NULL, NULL, error);
}

gboolean
bitmar_event_log_get_info (BitmarEventLog *log, BitmarEventLogInfo *info, GError **error)
{
  BmsError store;
  BmsInfo found;
  gboolean done;

  g_mutex_lock (&log->store_lock);
  if (!log->store)
    done = fail_closed (log, error);
  else
    done = log->backend->info (log->store, &found, &store) || bitmar_event_store_fail (&store, error);
  g_mutex_unlock (&log->store_lock);
  if (done)
    *info = (BitmarEventLogInfo) { .events = found.events, .bytes = found.bytes, .first = found.first, .last = found.last };
  return done;
}
