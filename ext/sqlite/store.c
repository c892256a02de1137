/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The event log in an SQLite file: its table of functions, and those of them that write. */
#include <string.h>

#include "store-private.h"

static bool
may_write (BmsStore *s, BmsError *error)
{
  int moved = 0;

  if (s->read_only)
    return bms_fail (error, BMS_READ_ONLY, "%s was opened for reading only", s->path);
  /* What would be written to a file without a name is lost, whoever acknowledges it. */
  if (sqlite3_file_control (s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
    return bms_fail (error, BMS_IO, "%s was moved or removed", s->path);
  return true;
}

/* ---- Inserting -------------------------------------------------------------------------------------------- */

static void
bind_time (sqlite3_stmt *q, int column, guint64 ns)
{
  if (ns == UINT64_MAX)
    sqlite3_bind_null (q, column);
  else
    sqlite3_bind_int64 (q, column, (gint64) ns);
}

static bool
insert_event (BmsStore *s, sqlite3_stmt *q, const BmsEvent *e, BmsError *error)
{
  int8_t codes[BMS_MAX_WIDTH];
  float scale;

  bmi_encode (codes, &scale, e->embedding, s->width);
  sqlite3_reset (q);
  sqlite3_bind_text (q, 1, e->camera, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (q, 2, e->utc);
  bind_time (q, 3, e->pts);
  bind_time (q, 4, e->running_time);
  sqlite3_bind_text (q, 5, e->text, -1, SQLITE_STATIC);
  sqlite3_bind_double (q, 6, e->confidence);
  sqlite3_bind_double (q, 7, e->novelty);
  sqlite3_bind_text (q, 8, e->alert, -1, SQLITE_STATIC);
  sqlite3_bind_double (q, 9, scale);
  sqlite3_bind_blob (q, 10, codes, (int) s->width, SQLITE_STATIC);
  return sqlite3_step (q) == SQLITE_DONE || bms_fail_sqlite (s, error);
}

static bool
insert_thumbnail (BmsStore *s, sqlite3_stmt *q, const BmsEvent *e, BmsError *error)
{
  if (!e->thumbnail)
    return true;
  if (e->thumbnail_size > BMS_MAX_THUMBNAIL)
    return bms_fail (error, BMS_PARAMETER, "%s: a thumbnail of %zu bytes", s->path, e->thumbnail_size);
  sqlite3_reset (q);
  sqlite3_bind_int64 (q, 1, sqlite3_last_insert_rowid (s->db));
  sqlite3_bind_blob (q, 2, e->thumbnail, (int) e->thumbnail_size, SQLITE_STATIC);
  return sqlite3_step (q) == SQLITE_DONE || bms_fail_sqlite (s, error);
}

static bool
insert_all (BmsStore *s, const BmsEvent *events, size_t n, BmsError *error)
{
  sqlite3_stmt *event = bms_prepare (s, "INSERT INTO event (camera, utc, pts, running_time, text, confidence, "
      "novelty, alert, scale, codes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);
  sqlite3_stmt *thumbnail = event ? bms_prepare (s, "INSERT INTO thumbnail VALUES (?, ?)", error) : NULL;
  bool done = thumbnail;

  for (size_t i = 0; i < n && done; i++)
    done = insert_event (s, event, &events[i], error) && insert_thumbnail (s, thumbnail, &events[i], error);
  sqlite3_finalize (event);
  sqlite3_finalize (thumbnail);
  return done;
}

static bool
insert (BmsStore *s, const BmsEvent *events, size_t n, BmsError *error)
{
  if (s->any_model)
    return bms_fail (error, BMS_PARAMETER, "%s was opened without a model", s->path);
  return may_write (s, error) && bms_exec (s, "BEGIN IMMEDIATE", error)
      && bms_end (s, insert_all (s, events, n, error), error);
}

/* ---- Deleting --------------------------------------------------------------------------------------------- */

/* The rows of the filter, their thumbnails first. n: how many events. */
static bool
delete_rows (BmsStore *s, const BmsFilter *f, guint64 *n, BmsError *error)
{
  static const char *const statements[] = {
    "DELETE FROM thumbnail WHERE event IN (SELECT id FROM event WHERE utc >= ?1 AND utc < ?2 AND "
    "(?3 IS NULL OR camera = ?3))",
    "DELETE FROM event WHERE utc >= ?1 AND utc < ?2 AND (?3 IS NULL OR camera = ?3)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (statements); i++) {
    sqlite3_stmt *q = bms_prepare (s, statements[i], error);

    if (!q)
      return false;
    sqlite3_bind_int64 (q, 1, f->from);
    sqlite3_bind_int64 (q, 2, f->to);
    sqlite3_bind_text (q, 3, f->camera, -1, SQLITE_STATIC);
    if (!bms_run (s, q, error))
      return false;
  }
  *n = (guint64) sqlite3_changes64 (s->db);
  return *n == 0 || bms_exec (s, "UPDATE log SET deletions = deletions + 1, traces = 1", error);
}

/* Everything that is committed goes into the file, and nothing stays beside it. */
static bool
empty_wal (BmsStore *s, BmsError *error)
{
  int left, done;

  if (sqlite3_wal_checkpoint_v2 (s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done) == SQLITE_OK)
    return true;
  return bms_fail_sqlite (s, error);
}

/* secure_delete puts zeros where a row was; but when a page was repacked before, it may hold an older copy of the
 * row in its free space. So every row that stays is written anew. */
static bool
scrub (BmsStore *s, BmsError *error)
{
  gint64 traces;

  if (!bms_number (s, "SELECT traces FROM log", &traces, error))
    return false;
  if (!traces)
    return true;
  return bms_exec (s, "VACUUM", error) && empty_wal (s, error) && bms_exec (s, "UPDATE log SET traces = 0", error);
}

static bool
forget (BmsStore *s, const BmsFilter *filter, uint64_t *n, BmsError *error)
{
  guint64 deleted = 0;

  *n = 0;
  if (!may_write (s, error) || !bms_exec (s, "BEGIN IMMEDIATE", error)
      || !bms_end (s, delete_rows (s, filter, &deleted, error), error))
    return false;
  *n = deleted;
  return scrub (s, error);
}

static bool
used_bytes (BmsStore *s, gint64 *bytes, BmsError *error)
{
  gint64 pages, free_pages, size;

  if (!bms_number (s, "PRAGMA page_count", &pages, error)
      || !bms_number (s, "PRAGMA freelist_count", &free_pages, error)
      || !bms_number (s, "PRAGMA page_size", &size, error))
    return false;
  *bytes = (pages - free_pages) * size;
  return true;
}

/* The n oldest, by the time up to which they go. */
static bool
delete_oldest (BmsStore *s, gint64 n, guint64 *deleted, BmsError *error)
{
  char *sql = sqlite3_mprintf ("SELECT max(utc) FROM (SELECT utc FROM event ORDER BY utc LIMIT %lld)", (long long) n);
  gint64 last;
  bool done = bms_number (s, sql, &last, error)
      && delete_rows (s, &(BmsFilter) { 0, last == INT64_MAX ? last : last + 1, NULL }, deleted, error);

  sqlite3_free (sql);
  return done;
}

/* A little below the limit, so that this is not done with every event. */
static bool
shrink (BmsStore *s, guint64 max_bytes, guint64 *n, BmsError *error)
{
  gint64 bytes, events, limit = (gint64) MIN (max_bytes, (guint64) G_MAXINT64 / 2), wanted = limit - limit / 16;
  guint64 deleted = 1;

  if (!used_bytes (s, &bytes, error))
    return false;
  while (bytes > limit && deleted > 0) {
    gint64 share;

    if (!bms_number (s, "SELECT count(*) FROM event", &events, error))
      return false;
    share = (gint64) ((double) (bytes - wanted) / (double) bytes * (double) events) + 1;
    if (events == 0 || !delete_oldest (s, share, &deleted, error) || !used_bytes (s, &bytes, error))
      return events == 0;
    *n += deleted;
  }
  return true;
}

/* The file's end is cut off where it is beyond the limit; free space below it is used again. */
static bool
cut (BmsStore *s, guint64 max_bytes, BmsError *error)
{
  gint64 pages, size, most;
  char sql[64];

  if (!bms_number (s, "PRAGMA page_count", &pages, error) || !bms_number (s, "PRAGMA page_size", &size, error))
    return false;
  most = (gint64) (max_bytes / (guint64) size);
  if (pages <= most)
    return true;
  g_snprintf (sql, sizeof sql, "PRAGMA incremental_vacuum(%" G_GINT64_FORMAT ")", pages - most);
  return bms_exec (s, sql, error) && empty_wal (s, error);
}

static bool
prune (BmsStore *s, int64_t before, uint64_t max_bytes, uint64_t *n, BmsError *error)
{
  guint64 aged = 0, oldest = 0;
  bool done;

  *n = 0;
  if (!may_write (s, error) || !bms_exec (s, "BEGIN IMMEDIATE", error))
    return false;
  done = before <= 0 || delete_rows (s, &(BmsFilter) { 0, before, NULL }, &aged, error);
  done = done && (max_bytes == 0 || shrink (s, max_bytes, &oldest, error));
  if (!bms_end (s, done, error))
    return false;
  *n = aged + oldest;
  return max_bytes == 0 || cut (s, max_bytes, error);
}

/* ---- The table ---------------------------------------------------------------------------------------------- */

static bool
get_info (BmsStore *s, BmsInfo *info, BmsError *error)
{
  gint64 events, bytes;

  if (!bms_number (s, "SELECT count(*) FROM event", &events, error) || !used_bytes (s, &bytes, error)
      || !bms_number (s, "SELECT ifnull(min(utc), -1) FROM event", &info->first, error)
      || !bms_number (s, "SELECT ifnull(max(utc), -1) FROM event", &info->last, error))
    return false;
  info->events = (guint64) events;
  info->bytes = (guint64) bytes;
  return true;
}

extern const BmsBackend bitmar_event_store;

__attribute__ ((visibility ("default"))) const BmsBackend bitmar_event_store = {
  .abi = BMS_ABI,
  .name = "sqlite",
  .open = bms_sqlite_open,
  .close = bms_sqlite_close,
  .insert = insert,
  .query = bms_sqlite_query,
  .get = bms_sqlite_get,
  .forget = forget,
  .prune = prune,
  .info = get_info,
};
