/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-episode.h"

G_BEGIN_DECLS

/**
 * BitmarEvent:
 * @id: 1 and up, in the order of appending, never used twice; set in results only
 * @camera: whose it is; %NULL is the same as empty
 * @text: its caption, UTF-8
 * @alert: (nullable): the name of an alert's rule
 * @utc: when, in ns since 1970, from 0
 * @pts: time stamp of the frame, ns; %G_MAXUINT64: not known
 * @running_time: running time of the frame, ns; %G_MAXUINT64: not known
 * @confidence: 0 to 1
 * @novelty: 0 to 1
 * @score: in results: the cosine of what was asked and the picture, -1 to 1
 * @thumbnail: (nullable): a JPEG of at most 1 MiB, which nothing here looks into
 * @embedding: unit vector [memory width], the episode's key; %NULL in results
 *
 * What one caption leaves behind.
 *
 * To append one in C it may be a struct on the stack with the caller's own pointers. Those that [ctor@Bitmar.Event.new] and queries return are
 * counted; of these the numbers may be written until they are appended, and nothing else. What is not set is zero, times that are not known apart.
 */
typedef struct {
  gint64 id;
  const char *camera;
  const char *text;
  const char *alert;
  gint64 utc;
  guint64 pts, running_time;
  gfloat confidence, novelty;
  gfloat score;
  GBytes *thumbnail;

  /*< private >*/
  const float *embedding;      /* for callers in C */
  const char *model;           /* of counted events: the id of the embedding's model */
  gpointer reserved[3];
} BitmarEvent;

#define BITMAR_TYPE_EVENT (bitmar_event_get_type ())
BITMAR_API GType bitmar_event_get_type (void);

/**
 * bitmar_event_new:
 * @episode: what was seen: its key and novelty are copied
 * @camera: (nullable): whose it is
 * @text: what was said, UTF-8
 * @alert: (nullable): the name of an alert's rule
 * @thumbnail: (nullable): a JPEG
 *
 * An event of now, with a confidence of 1 and without time stamps; @utc, @pts, @running_time, @confidence and @novelty may be set.
 *
 * Returns: (transfer full): an event
 */
BITMAR_API BitmarEvent *bitmar_event_new (BitmarEpisode *episode, const char *camera, const char *text, const char *alert, GBytes *thumbnail);

/**
 * bitmar_event_ref:
 * @event: an event of [ctor@Bitmar.Event.new] or of a query
 *
 * Any thread.
 *
 * Returns: (transfer full): the same
 */
BITMAR_API BitmarEvent *bitmar_event_ref (BitmarEvent *event);

/**
 * bitmar_event_unref:
 * @event: an event of [ctor@Bitmar.Event.new] or of a query
 *
 * Any thread. The last one frees it.
 */
BITMAR_API void bitmar_event_unref (BitmarEvent *event);

/**
 * BitmarEventLogMode:
 * @BITMAR_EVENT_LOG_WRITE: to add to, search and forget
 * @BITMAR_EVENT_LOG_READ_ONLY: to search
 *
 * What a log is opened for.
 */
typedef enum {
  BITMAR_EVENT_LOG_WRITE,
  BITMAR_EVENT_LOG_READ_ONLY
} BitmarEventLogMode;

/**
 * BitmarEventLogCounts:
 * @appended: calls of [method@Bitmar.EventLog.append] with a legal event
 * @written: committed: they survive a crash of the machine
 * @dropped: the queue was full
 * @forgotten: before they were written
 * @queued: waiting to be written
 *
 * What became of events since the log was opened: appended = written + dropped + forgotten + queued.
 */
typedef struct {
  guint64 appended;
  guint64 written;
  guint64 dropped;
  guint64 forgotten;
  guint queued;

  /*< private >*/
  guint64 reserved[4];
} BitmarEventLogCounts;

/**
 * BitmarEventLogInfo:
 * @events: how many there are
 * @bytes: of the file that are in use
 * @first: utc of the oldest, -1 when there is none
 * @last: utc of the newest, -1 when there is none
 *
 * What is in the file.
 */
typedef struct {
  guint64 events, bytes;
  gint64 first, last;

  /*< private >*/
  guint64 reserved[4];
} BitmarEventLogInfo;

/**
 * BitmarEventLog:
 *
 * What happened, on the disk, found by a sentence.
 *
 * Thread-safe throughout. Only [method@Bitmar.EventLog.append], [method@Bitmar.EventLog.get_counts], [method@Bitmar.EventLog.get_error] and the
 * setters never wait for the disk. Other programs may use the file at the same time.
 *
 * Ranges of time are `from <= utc < to` in ns since 1970: from 0 is the first event, to -1 the last. Where a camera is %NULL all are meant.
 */
#define BITMAR_TYPE_EVENT_LOG (bitmar_event_log_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEventLog, bitmar_event_log, BITMAR, EVENT_LOG, GObject)

/**
 * bitmar_event_log_open: (constructor)
 * @path: (type filename): a file; a missing one becomes a log of @model
 * @model: (nullable): %NULL: the log of whichever model that is there; it can be forgotten from and pruned, but neither searched nor added to
 * @mode: what for
 *
 * Opens a log, and starts the thread that writes it. A file that is refused is left as it is.
 *
 * Errors: `MODULE`: built without SQLite, or its module is missing; `OPEN`; `FORMAT`: no log of ours; `ARCHITECTURE`: of a newer version;
 * `MISMATCH`: of another model; `CORRUPT`.
 *
 * Returns: (transfer full): the log
 */
BITMAR_API BitmarEventLog *bitmar_event_log_open (const char *path, BitmarModel *model, BitmarEventLogMode mode,
    GError **error);

/**
 * bitmar_event_log_append:
 * @log: a log
 * @event: an event, which is copied
 *
 * Puts the event into a queue; a thread writes what is queued, in order. Never waits for the disk.
 *
 * Errors: `FULL`: the queue was, and the event is dropped. `PARAMETER`, `ENCODING`, `TOO_LONG` (text, camera or alert of 64 KiB, thumbnail of 1 MiB): not
 * a legal event. `MISMATCH`: of another model. `READ_ONLY`. `OPEN`: the log is closed.
 *
 * Returns: whether it is queued
 */
BITMAR_API gboolean bitmar_event_log_append (BitmarEventLog *log, const BitmarEvent *event, GError **error);

/**
 * bitmar_event_log_flush:
 * @log: a log
 *
 * Waits until what was appended before is committed, or an attempt at it fails; it stays queued then and is tried again, at the latest after 30 s.
 * Errors: `FULL`, `BUSY`, `READ_ONLY`, `IO`, `OPEN`.
 *
 * Returns: whether it is committed
 */
BITMAR_API gboolean bitmar_event_log_flush (BitmarEventLog *log, GError **error);

/**
 * bitmar_event_log_set_queue_size:
 * @log: a log
 * @events: 1 to 65536; 1024 without this
 *
 * How many events may wait. Fewer than do wait drops none.
 */
BITMAR_API void bitmar_event_log_set_queue_size (BitmarEventLog *log, guint events);

/**
 * bitmar_event_log_get_counts:
 * @log: a log
 * @counts: (out caller-allocates): what became of events
 *
 * Neither waits for the disk nor for who does.
 */
BITMAR_API void bitmar_event_log_get_counts (BitmarEventLog *log, BitmarEventLogCounts *counts);

/**
 * bitmar_event_log_get_error:
 * @log: a log
 *
 * Whether the disk takes what is appended. Does not wait for it.
 *
 * Returns: (transfer full) (nullable): why the last attempt to write failed, %NULL when it did not
 */
BITMAR_API GError *bitmar_event_log_get_error (BitmarEventLog *log);

/**
 * BitmarEventLogErrorFunc:
 * @log: the log
 * @error: why
 * @user_data: what was given with the function
 *
 * Told of each attempt to write that fails, in the writing thread. Must not call the log.
 */
typedef void (*BitmarEventLogErrorFunc) (BitmarEventLog *log, const GError *error, gpointer user_data);

/**
 * bitmar_event_log_set_error_func:
 * @log: a log
 * @func: (nullable) (scope notified) (closure user_data) (destroy destroy): whom to tell, instead of who was told before
 * @user_data: for @func
 * @destroy: (nullable): frees @user_data when it is needed no longer
 *
 * Waits for a call that is under way.
 */
BITMAR_API void bitmar_event_log_set_error_func (BitmarEventLog *log, BitmarEventLogErrorFunc func, gpointer user_data,
    GDestroyNotify destroy);

/**
 * bitmar_event_log_query:
 * @log: a log
 * @embedding: (array length=n) (nullable): a unit vector, such as an episode's key; %NULL: the newest are asked for
 * @n: how many numbers, the memory width of the log's model
 * @k: how many events, 1 to 1000
 * @from: the first time, ns since 1970
 * @to: the first that is no longer meant; -1: none
 * @camera: (nullable): whose; %NULL: all
 *
 * The events whose pictures are nearest, best first, of equals the newest first. What was appended before is flushed first.
 *
 * Errors: `PARAMETER`, `CORRUPT`, `OPEN`, and those of [method@Bitmar.EventLog.flush].
 *
 * Returns: (transfer container) (element-type BitmarEvent): the events, which g_ptr_array_unref() unrefs
 */
BITMAR_API GPtrArray *bitmar_event_log_query (BitmarEventLog *log, const float *embedding, gsize n, guint k, gint64 from,
    gint64 to, const char *camera, GError **error);

/**
 * bitmar_event_log_get_event:
 * @log: a log
 * @id: of an event that a query has found
 *
 * One event. Errors: `PARAMETER`: there is none of that id, or no longer; `CORRUPT`, `OPEN`.
 *
 * Returns: (transfer full): the event
 */
BITMAR_API BitmarEvent *bitmar_event_log_get_event (BitmarEventLog *log, gint64 id, GError **error);

/**
 * bitmar_event_log_query_text:
 * @log: a log
 * @text: a sentence, UTF-8
 * @k: how many events, 1 to 1000
 * @from: the first time, ns since 1970
 * @to: the first that is no longer meant; -1: none
 * @camera: (nullable): whose; %NULL: all
 *
 * The same by a sentence. Errors: those of [method@Bitmar.EventLog.query] and of [method@Bitmar.Model.embed_text].
 *
 * Returns: (transfer container) (element-type BitmarEvent): the events, which g_ptr_array_unref() unrefs
 */
BITMAR_API GPtrArray *bitmar_event_log_query_text (BitmarEventLog *log, const char *text, guint k, gint64 from,
    gint64 to, const char *camera, GError **error);

/**
 * bitmar_event_log_forget:
 * @log: a log
 * @from: the first time, ns since 1970
 * @to: the first that is no longer meant; -1: none
 * @camera: (nullable): whose; %NULL: all
 * @n_forgotten: (out) (optional): how many events
 *
 * Deletes, queued events too. When it is done no trace is left in the file or beside it. Takes as long as writing the rest of the log anew.
 *
 * Errors: `FULL`, `BUSY`, `IO`: they are no longer found, but parts may still be there; the next call tries again. `PARAMETER`, `READ_ONLY`, `OPEN`.
 *
 * Returns: whether no trace is left
 */
BITMAR_API gboolean bitmar_event_log_forget (BitmarEventLog *log, gint64 from, gint64 to, const char *camera,
    guint64 *n_forgotten, GError **error);

/**
 * bitmar_event_log_clear:
 * @log: a log
 *
 * [method@Bitmar.EventLog.forget] of everything.
 *
 * Returns: whether no trace is left
 */
BITMAR_API gboolean bitmar_event_log_clear (BitmarEventLog *log, GError **error);

/**
 * bitmar_event_log_set_retention:
 * @log: a log
 * @max_age: ns; 0: any age
 * @max_bytes: 0: any size
 *
 * From now on the writing thread deletes what is older than @max_age, then the oldest until the file has @max_bytes: at once, with what it writes, and
 * every minute. Traces may stay in the file until the next [method@Bitmar.EventLog.forget].
 */
BITMAR_API void bitmar_event_log_set_retention (BitmarEventLog *log, guint64 max_age, guint64 max_bytes);

/**
 * bitmar_event_log_get_info:
 * @log: a log
 * @info: (out caller-allocates): what is in the file
 *
 * Errors: `OPEN`, `BUSY`, `CORRUPT`, `IO`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_event_log_get_info (BitmarEventLog *log, BitmarEventLogInfo *info, GError **error);

/**
 * bitmar_event_log_close:
 * @log: a log
 *
 * Flushes and closes the file; every call after that fails with `OPEN`. Without this the last reference does it, and tells nobody of what was lost.
 *
 * Errors: why events were lost, as those of [method@Bitmar.EventLog.flush].
 *
 * Returns: %FALSE when events were lost
 */
BITMAR_API gboolean bitmar_event_log_close (BitmarEventLog *log, GError **error);

G_END_DECLS
