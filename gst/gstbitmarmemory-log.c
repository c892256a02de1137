/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmarmemory's files: snapshots of the memory, the event log, and the action signals that ask and change them. */

#include "gstbitmarmemory-private.h"
#include "journal.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (bitmar_memory_debug);
#define GST_CAT_DEFAULT bitmar_memory_debug

/* ---- Errors -------------------------------------------------------------------------------------- */

typedef struct {
  gint code;                   /* a BitmarError */
  GQuark (*domain) (void);
  gint gst_code;
} Translation;

/* Replaces *error by one that GStreamer's applications know, naming the file. */
static gboolean
name_file (GError **error, const char *what, const char *path)
{
  static const Translation table[] = {
    { BITMAR_ERROR_OPEN, gst_resource_error_quark, GST_RESOURCE_ERROR_OPEN_READ_WRITE },
    { BITMAR_ERROR_FORMAT, gst_stream_error_quark, GST_STREAM_ERROR_WRONG_TYPE },
    { BITMAR_ERROR_ARCHITECTURE, gst_stream_error_quark, GST_STREAM_ERROR_WRONG_TYPE },
    { BITMAR_ERROR_MISMATCH, gst_stream_error_quark, GST_STREAM_ERROR_WRONG_TYPE },
    { BITMAR_ERROR_CORRUPT, gst_stream_error_quark, GST_STREAM_ERROR_DECODE },
    { BITMAR_ERROR_SHAPE, gst_stream_error_quark, GST_STREAM_ERROR_FORMAT },
    { BITMAR_ERROR_MODULE, gst_core_error_quark, GST_CORE_ERROR_MISSING_PLUGIN },
    { BITMAR_ERROR_FULL, gst_resource_error_quark, GST_RESOURCE_ERROR_NO_SPACE_LEFT },
    { BITMAR_ERROR_BUSY, gst_resource_error_quark, GST_RESOURCE_ERROR_BUSY },
    { BITMAR_ERROR_READ_ONLY, gst_resource_error_quark, GST_RESOURCE_ERROR_OPEN_WRITE },
  };
  GQuark domain = GST_RESOURCE_ERROR;
  gint code = GST_RESOURCE_ERROR_FAILED;
  GError *former = *error;

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (former->domain == BITMAR_ERROR && table[i].code == former->code) {
      domain = table[i].domain ();
      code = table[i].gst_code;
    }
  *error = g_error_new (domain, code, "The %s \"%s\" can't be used: %s", what, path, former->message);
  g_error_free (former);
  return FALSE;
}

static void
warn (GstBitmarMemory *self, GError *error)
{
  gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_WARNING, error->domain, error->code, g_strdup (error->message),
      g_strdup (error->message), __FILE__, GST_FUNCTION, __LINE__);
  g_error_free (error);
}

static char *
get_path (GstBitmarMemory *self, char *const *property)
{
  char *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (*property);
  GST_OBJECT_UNLOCK (self);
  return path;
}

/* ---- Snapshots ----------------------------------------------------------------------------------- */

/* NULL without an error: nothing has changed since the last one, or there is nothing. */
static GBytes *
take_snapshot (GstBitmarMemory *self, GError **error)
{
  GBytes *bytes = NULL;

  g_mutex_lock (&self->lock);
  if (self->memory && self->changed)
    bytes = bitmar_memory_to_bytes (self->memory, error);
  if (bytes)
    self->changed = FALSE;
  g_mutex_unlock (&self->lock);
  return bytes;
}

/* A failure is told once, until it works again. */
static void
snapshot_done (GstBitmarMemory *self, GError *error, const char *path)
{
  gboolean tell;

  g_mutex_lock (&self->lock);
  if (error) {
    self->unsaved++;
    self->changed = TRUE;
  } else {
    self->saved++;
  }
  tell = error && !self->save_failing;
  self->save_failing = error != NULL;
  g_mutex_unlock (&self->lock);
  if (!tell) {
    g_clear_error (&error);
    return;
  }
  name_file (&error, "memory file", path);
  warn (self, error);
}

static void
save_now (gpointer data)
{
  GstBitmarMemory *self = data;
  char *path = get_path (self, &self->memory_file);
  GError *error = NULL;
  GBytes *bytes;

  g_mutex_lock (&self->save_lock);
  bytes = path ? take_snapshot (self, &error) : NULL;
  if (bytes)
    bitmar_memory_write_bytes (bytes, path, &error);
  g_mutex_unlock (&self->save_lock);
  if (bytes || error)
    snapshot_done (self, error, path);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_free (path);
}

/* A file that is not there yet is a memory that remembers nothing. */
static gboolean
restore (GstBitmarMemory *self, const char *path, GError **error)
{
  gboolean done = TRUE;

  if (!path || !g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  g_mutex_lock (&self->lock);
  done = bitmar_memory_load (self->memory, path, error);
  self->used = bitmar_memory_get_used (self->memory);
  g_mutex_unlock (&self->lock);
  return done || name_file (error, "memory file", path);
}

/* ---- Log ----------------------------------------------------------------------------------------- */

/* Captions that may come before the log is open: seconds of them. */
#define MAX_EARLY 256

typedef struct {
  GstStructure *structure;
  GBytes *episode;
} Entry;

/* structure: transfer full */
static Entry *
entry_new (GstStructure *structure, GBytes *episode)
{
  Entry *entry = g_new (Entry, 1);

  *entry = (Entry) { structure, g_bytes_ref (episode) };
  return entry;
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  gst_structure_free (entry->structure);
  g_bytes_unref (entry->episode);
  g_free (entry);
}

/* What the log has against what it was given, or what the disk has against the log; told once. log_lock held. */
static GError *
find_trouble (GstBitmarMemory *self, GError *error)
{
  gboolean known = self->log_failing;

  if (!error)
    error = bitmar_event_log_get_error (self->log);
  self->log_failing = error != NULL;
  if (error && known)
    g_clear_error (&error);
  return error;
}

/* Live, bitmarcaption speaks as soon as it has its model, which may be before we have ours. log_lock held. */
static void
keep_early (GstBitmarMemory *self, const GstStructure *s, GBytes *episode, GError **trouble)
{
  if (g_queue_get_length (&self->early) < MAX_EARLY)
    g_queue_push_tail (&self->early, entry_new (gst_structure_copy (s), episode));
  else
    *trouble = find_trouble (self, g_error_new (BITMAR_ERROR, BITMAR_ERROR_FULL,
            "it is not open yet, and %d captions wait for it; those that come until it is are lost", MAX_EARLY));
}

static void
log_locked (GstBitmarMemory *self, const GstStructure *s, GBytes *episode, GError **trouble)
{
  GstBitmarTime time = { 0 };
  GBytes *same = gst_bitmar_episode_read (s, &time);
  GError *error = NULL;

  g_clear_pointer (&same, g_bytes_unref);
  if (!self->log) {
    if (self->log_opening)
      keep_early (self, s, episode, trouble);
    return;
  }
  if (bitmar_episode_set_bytes (self->logged, episode, &error))
    bitmar_journal_add (self->log, s, self->logged, gst_bitmar_memory_utc (self, &time), &error);
  *trouble = find_trouble (self, error);
}

void
gst_bitmar_memory_log (GstBitmarMemory *self, const GstStructure *structure, GBytes *episode)
{
  GError *trouble = NULL;

  g_mutex_lock (&self->log_lock);
  log_locked (self, structure, episode, &trouble);
  g_mutex_unlock (&self->log_lock);
  if (trouble) {
    char *path = get_path (self, &self->log_file);

    name_file (&trouble, "event log", path ? path : "");
    warn (self, trouble);
    g_free (path);
  }
}

static void
log_entry (gpointer data, gpointer user_data)
{
  Entry *entry = data;

  gst_bitmar_memory_log (user_data, entry->structure, entry->episode);
  entry_free (entry);
}

void
gst_bitmar_memory_log_later (GstBitmarMemory *self, GstStructure *structure, GBytes *episode)
{
  Entry *entry;

  if (!self->logger) {
    gst_structure_free (structure);
    return;
  }
  entry = entry_new (structure, episode);
  g_thread_pool_push (self->logger, entry, NULL);
}

/* log_lock held */
static void
log_early (GstBitmarMemory *self)
{
  GError *trouble = NULL;
  Entry *entry;

  while ((entry = g_queue_pop_head (&self->early))) {
    log_locked (self, entry->structure, entry->episode, &trouble);
    if (trouble)
      GST_WARNING_OBJECT (self, "event log: %s", trouble->message);
    g_clear_error (&trouble);
    entry_free (entry);
  }
}

static gboolean
open_log (GstBitmarMemory *self, const char *path, BitmarModel *model, GError **error)
{
  BitmarEventLog *log;
  BitmarEpisode *episode;

  if (!path)
    return TRUE;
  log = bitmar_journal_open (path, model, error);
  if (!log)
    return name_file (error, "event log", path);
  if (!(episode = bitmar_episode_new (model, error))) {
    g_object_unref (log);
    return FALSE;
  }
  g_mutex_lock (&self->log_lock);
  self->log = log;
  self->logged = episode;
  self->log_failing = self->log_opening = FALSE;
  log_early (self);
  g_mutex_unlock (&self->log_lock);
  self->logger = g_thread_pool_new (log_entry, self, 1, FALSE, NULL);
  gst_bitmar_memory_set_retention (self);
  return TRUE;
}

void
gst_bitmar_memory_set_retention (GstBitmarMemory *self)
{
  guint64 age, bytes;

  GST_OBJECT_LOCK (self);
  age = self->retention;
  bytes = self->retention_bytes;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->log_lock);
  if (self->log)
    bitmar_event_log_set_retention (self->log, age, bytes);
  g_mutex_unlock (&self->log_lock);
}

void
gst_bitmar_memory_expect_log (GstBitmarMemory *self)
{
  char *path = get_path (self, &self->log_file);

  g_mutex_lock (&self->log_lock);
  self->log_opening = path != NULL;
  g_mutex_unlock (&self->log_lock);
  g_free (path);
}

gboolean
gst_bitmar_memory_open_files (GstBitmarMemory *self, BitmarModel *model, GError **error)
{
  char *snapshot = get_path (self, &self->memory_file), *log = get_path (self, &self->log_file);
  gboolean done = restore (self, snapshot, error) && open_log (self, log, model, error);

  GST_OBJECT_LOCK (self);
  if (done && snapshot)
    self->saver = bitmar_saver_new (self->save_interval, save_now, self);
  GST_OBJECT_UNLOCK (self);
  g_free (snapshot);
  g_free (log);
  return done;
}

void
gst_bitmar_memory_close_files (GstBitmarMemory *self)
{
  BitmarSaver *saver;

  if (self->logger)
    g_thread_pool_free (self->logger, FALSE, TRUE);    /* once all is logged */
  self->logger = NULL;
  GST_OBJECT_LOCK (self);
  saver = g_steal_pointer (&self->saver);
  GST_OBJECT_UNLOCK (self);
  if (saver) {
    bitmar_saver_free (saver);
    save_now (self);
  }
  g_mutex_lock (&self->log_lock);
  self->log_opening = FALSE;
  g_queue_clear_full (&self->early, entry_free);
  g_clear_object (&self->log);
  g_clear_object (&self->logged);
  g_clear_object (&self->told);
  g_mutex_unlock (&self->log_lock);
}

guint64
gst_bitmar_memory_utc (GstBitmarMemory *self, const GstBitmarTime *time)
{
  if (GST_CLOCK_TIME_IS_VALID (time->utc))
    return time->utc;
  return self->epoch + (GST_CLOCK_TIME_IS_VALID (time->running_time) ? time->running_time : 0);
}

/* ---- Signals ------------------------------------------------------------------------------------- */

/* A log that lives as long as the caller needs it, though the element may stop. NULL: there is none. */
static BitmarEventLog *
take_log (GstBitmarMemory *self)
{
  BitmarEventLog *log;

  g_mutex_lock (&self->log_lock);
  log = self->log ? g_object_ref (self->log) : NULL;
  g_mutex_unlock (&self->log_lock);
  if (!log)
    GST_ELEMENT_WARNING (self, RESOURCE, NOT_FOUND, ("There is no event log."), ("event-log is not set, or the element is not running"));
  return log;
}

static void
warn_of (GstBitmarMemory *self, GError *error, char *const *property, const char *what)
{
  char *path = get_path (self, property);

  name_file (&error, what, path ? path : "");
  warn (self, error);
  g_free (path);
}

static GstStructure *
give (GstBitmarMemory *self, GPtrArray *events, GError *error)
{
  GstStructure *s;

  if (!events) {
    warn_of (self, error, &self->log_file, "event log");
    return NULL;
  }
  s = bitmar_journal_to_structure (events);
  g_ptr_array_unref (events);
  return s;
}

static GstStructure *
query (GstBitmarMemory *self, const char *text, guint k, gint64 from, gint64 to, const char *camera)
{
  BitmarEventLog *log = take_log (self);
  GError *error = NULL;
  GstStructure *s;

  if (!log)
    return NULL;
  s = give (self, bitmar_event_log_query_text (log, text ? text : "", k, from, to, camera, &error), error);
  g_object_unref (log);
  return s;
}

static GstStructure *
query_embedding (GstBitmarMemory *self, GBytes *embedding, guint k, gint64 from, gint64 to, const char *camera)
{
  BitmarEventLog *log = take_log (self);
  GPtrArray *events = NULL;
  GError *error = NULL;
  GstStructure *s;
  gsize c, size = embedding ? g_bytes_get_size (embedding) : 0;

  if (!log)
    return NULL;
  g_mutex_lock (&self->log_lock);
  c = 0;
  if (self->logged)
    bitmar_episode_get_key (self->logged, &c);
  g_mutex_unlock (&self->log_lock);
  if (c > 0 && size == c * sizeof (float))
    events = bitmar_event_log_query (log, g_bytes_get_data (embedding, NULL), c, k, from, to, camera, &error);
  else
    g_set_error (&error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "an embedding of %" G_GSIZE_FORMAT " bytes, not of %" G_GSIZE_FORMAT " floats",
        size, c);
  s = give (self, events, error);
  g_object_unref (log);
  return s;
}

/* lock is taken. */
static void
memory_changed (GstBitmarMemory *self, guint64 from, guint64 to, gboolean everything)
{
  g_mutex_lock (&self->lock);
  if (self->memory && everything)
    bitmar_memory_clear (self->memory);
  else if (self->memory)
    bitmar_memory_forget (self->memory, from, to);
  self->used = self->memory ? bitmar_memory_get_used (self->memory) : 0;
  self->changed = TRUE;
  g_mutex_unlock (&self->lock);
}

/* What is forgotten is not left in the last snapshot either. */
static gboolean
forget (GstBitmarMemory *self, gint64 from, gint64 to)
{
  BitmarEventLog *log;
  GError *error = NULL;

  memory_changed (self, (guint64) MAX (from, 0), to < 0 ? G_MAXUINT64 : (guint64) to, from <= 0 && to < 0);
  save_now (self);
  g_mutex_lock (&self->log_lock);
  log = self->log ? g_object_ref (self->log) : NULL;
  g_mutex_unlock (&self->log_lock);
  if (!log)
    return TRUE;
  bitmar_event_log_forget (log, from, to, NULL, NULL, &error);
  g_object_unref (log);
  if (!error)
    return TRUE;
  warn_of (self, error, &self->log_file, "event log");
  return FALSE;
}

static void
clear (GstBitmarMemory *self)
{
  forget (self, 0, -1);
}

/* path NULL: memory-file */
static gboolean
save (GstBitmarMemory *self, const char *path)
{
  char *file = path ? g_strdup (path) : get_path (self, &self->memory_file);
  GBytes *bytes = NULL;
  GError *error = NULL;
  gboolean done = FALSE;

  g_mutex_lock (&self->save_lock);
  g_mutex_lock (&self->lock);
  if (self->memory && file)
    bytes = bitmar_memory_to_bytes (self->memory, &error);
  g_mutex_unlock (&self->lock);
  done = bytes && bitmar_memory_write_bytes (bytes, file, &error);
  g_mutex_unlock (&self->save_lock);
  if (!bytes && !error)
    GST_ELEMENT_WARNING (self, RESOURCE, NOT_FOUND, ("There is nothing to save."), ("no file is named, or the model is not loaded"));
  else if (!done)
    warn_of (self, error, &file, "memory file");
  g_clear_pointer (&bytes, g_bytes_unref);
  g_free (file);
  return done;
}

static gboolean
load_file (GstBitmarMemory *self, const char *path)
{
  char *file = path ? g_strdup (path) : get_path (self, &self->memory_file);
  GError *error = NULL;
  gboolean done = FALSE, ready;

  g_mutex_lock (&self->lock);
  ready = self->memory && file;
  if (ready && (done = bitmar_memory_load (self->memory, file, &error))) {
    self->used = bitmar_memory_get_used (self->memory);
    self->changed = TRUE;
  }
  g_mutex_unlock (&self->lock);
  if (!ready)
    GST_ELEMENT_WARNING (self, RESOURCE, NOT_FOUND, ("There is nothing to load."), ("no file is named, or the model is not loaded"));
  else if (!done)
    warn_of (self, error, &file, "memory file");
  g_free (file);
  return done;
}

static void
add_signal (GstBitmarMemoryClass *klass, const char *name, GCallback handler, GType result, guint n, ...)
{
  va_list types;
  GClosure *closure = g_cclosure_new (handler, NULL, NULL);

  va_start (types, n);
  g_signal_new_valist (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, closure, NULL, NULL, NULL, result, n,
      types);
  va_end (types);
}

void
gst_bitmar_memory_install_signals (GstBitmarMemoryClass *klass)
{
  /**
   * GstBitmarMemory::query:
   * @text: what to look for, a few words or a sentence
   * @k: how many events at most, 1 to 1000
   * @from: events of this time and later, ns since 1970 (0: all)
   * @to: events before this time, ns since 1970 (-1: all)
   * @camera: (nullable): those of this stream-id only
   *
   * Action signal: the events of the log that are most like it, best first. Blocks for milliseconds.
   *
   * Returns: (transfer full) (nullable): `bitmar-events` with a list `events` of structures `bitmar-event`: id (gint64), score, confidence, novelty
   * (gdouble), camera, text, alert (string), utc, pts, running-time (guint64), thumbnail (GBytes, JPEG). NULL: see the WARNING on the bus.
   */
  add_signal (klass, "query", G_CALLBACK (query), GST_TYPE_STRUCTURE, 5, G_TYPE_STRING, G_TYPE_UINT, G_TYPE_INT64, G_TYPE_INT64, G_TYPE_STRING);
  /**
   * GstBitmarMemory::query-embedding:
   * @embedding: floats, such as an episode's key
   *
   * Action signal: as query, by an embedding.
   */
  add_signal (klass, "query-embedding", G_CALLBACK (query_embedding), GST_TYPE_STRUCTURE, 5, G_TYPE_BYTES, G_TYPE_UINT, G_TYPE_INT64,
      G_TYPE_INT64, G_TYPE_STRING);
  /**
   * GstBitmarMemory::forget:
   * @from: ns since 1970, inclusive
   * @to: ns since 1970, exclusive; -1: until now
   *
   * Action signal: forgets what was seen then: in the memory (slots that were written to in that time alone), in its file, and in the log, of
   * which no byte is left. Returns: FALSE: a part could not be removed, see the WARNING.
   */
  add_signal (klass, "forget", G_CALLBACK (forget), G_TYPE_BOOLEAN, 2, G_TYPE_INT64, G_TYPE_INT64);
  /**
   * GstBitmarMemory::clear:
   *
   * Action signal: forgets everything, as forget does. What could not be removed is told by a WARNING.
   */
  add_signal (klass, "clear", G_CALLBACK (clear), G_TYPE_NONE, 0);
  /**
   * GstBitmarMemory::save:
   * @path: (nullable): a file, NULL: memory-file
   *
   * Action signal: writes a snapshot of the memory, whole or not at all.
   */
  add_signal (klass, "save", G_CALLBACK (save), G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  /**
   * GstBitmarMemory::load:
   * @path: (nullable): a file, NULL: memory-file
   *
   * Action signal: puts a snapshot in place of what the memory has. FALSE: it stays as it is.
   */
  add_signal (klass, "load", G_CALLBACK (load_file), G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
}
