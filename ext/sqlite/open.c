/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a log is on the disk, and which files are one. Others are told by their first bytes, before SQLite, which
 * might repair them, has them. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bitmar-kernels.h"
#include "store-private.h"

#define APPLICATION 0x424d4576     /* "BMEv" */
#define VERSION 1
#define HEADER_SIZE 100
#define BUSY_MS 5000

/* Ids are never used twice, so that who has seen some can ask for what came after. `deletions` counts transactions
 * that delete, `traces` says that parts of deleted rows may be in free space. Thumbnails are apart: filling the
 * index reads past them. */
static const char schema[] =
    "CREATE TABLE log (model TEXT NOT NULL, width INTEGER NOT NULL, deletions INTEGER NOT NULL, "
    "traces INTEGER NOT NULL);"
    "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL, utc INTEGER NOT NULL, pts INTEGER,"
    " running_time INTEGER, text TEXT NOT NULL, confidence REAL NOT NULL, novelty REAL NOT NULL, alert TEXT,"
    " scale REAL NOT NULL, codes BLOB NOT NULL);"
    "CREATE TABLE thumbnail (event INTEGER PRIMARY KEY, jpeg BLOB NOT NULL);"
    "CREATE INDEX event_utc ON event (utc);";

static guint32
big_endian (const guint8 *p)
{
  return (guint32) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static bool
header_is_ours (BmsStore *s, const guint8 *header, BmsError *error)
{
  if (memcmp (header, "SQLite format 3", 16) || big_endian (header + 68) != APPLICATION)
    return bms_fail (error, BMS_FORMAT, "%s is not an event log", s->path);
  if (big_endian (header + 60) > VERSION)
    return bms_fail (error, BMS_VERSION, "%s was written by a newer version (format %u, this one reads %d)", s->path,
        big_endian (header + 60), VERSION);
  return true;
}

/* Through SQLite's own descriptor: closing another would take away the locks that other stores of this process hold. */
static bool
look (BmsStore *s, bool *empty, BmsError *error)
{
  guint8 header[HEADER_SIZE] = { 0 };
  sqlite3_file *file;
  GStatBuf st;
  int result;

  /* SQLite calls a file of one byte empty, too. */
  if (g_stat (s->path, &st) < 0 || sqlite3_file_control (s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK
      || !file->pMethods)
    return bms_fail (error, BMS_IO, "%s can't be read", s->path);
  *empty = st.st_size == 0;
  if (*empty)
    return true;
  result = file->pMethods->xRead (file, header, sizeof header, 0);
  if (result != SQLITE_OK && result != SQLITE_IOERR_SHORT_READ)
    return bms_fail (error, BMS_IO, "%s can't be read", s->path);
  return header_is_ours (s, header, error);
}

/* In a rollback journal's mode, so that the first page, which says whose it is, is in the file and not beside it. */
static bool
create (BmsStore *s, const char *model, BmsError *error)
{
  char *sql = sqlite3_mprintf ("PRAGMA application_id=%d; PRAGMA user_version=%d; %s INSERT INTO log "
      "VALUES (%Q, %d, 0, 0)", APPLICATION, VERSION, schema, model, (int) s->width);
  gint64 tables;
  bool done;

  done = bms_exec (s, "PRAGMA auto_vacuum=INCREMENTAL; BEGIN IMMEDIATE", error)
      && bms_number (s, "SELECT count(*) FROM sqlite_master", &tables, error);
  /* Another process may have been quicker. */
  done = done && (tables > 0 || bms_exec (s, sql, error));
  done = bms_end (s, done, error);
  sqlite3_free (sql);
  return done;
}

/* The header once more, since a change of it may still be beside the file, and whose embeddings it holds. */
static bool
check_model (BmsStore *s, const char *model, BmsError *error)
{
  sqlite3_stmt *q;
  gint64 version;
  bool same, damaged;

  if (!bms_number (s, "PRAGMA user_version", &version, error))
    return false;
  if (version > VERSION)
    return bms_fail (error, BMS_VERSION, "%s was written by a newer version", s->path);
  if (!(q = bms_prepare (s, "SELECT model, width FROM log", error)))
    return false;
  damaged = sqlite3_step (q) != SQLITE_ROW || !sqlite3_column_text (q, 0);
  same = !damaged && (!model || (strcmp ((const char *) sqlite3_column_text (q, 0), model) == 0
      && sqlite3_column_int64 (q, 1) == (gint64) s->width));
  if (damaged && sqlite3_errcode (s->db) != SQLITE_DONE)
    bms_fail_sqlite (s, error);
  else if (damaged)
    bms_fail (error, BMS_CORRUPT, "%s: the log is damaged", s->path);
  else if (!same)
    bms_fail (error, BMS_MISMATCH, "%s is the log of another model (%.12s…), whose embeddings can't be compared",
        s->path, (const char *) sqlite3_column_text (q, 0));
  sqlite3_finalize (q);
  return same;
}

/* Reads something through each index's and table's root, so that a cut file is told at once. */
static bool
touch (BmsStore *s, BmsError *error)
{
  gint64 ignored;

  return bms_number (s, "SELECT max(id) FROM event", &ignored, error)
      && bms_number (s, "SELECT min(utc) FROM event", &ignored, error)
      && bms_number (s, "SELECT max(event) FROM thumbnail", &ignored, error);
}

static bool
set_mode (BmsStore *s, BmsError *error)
{
  sqlite3_stmt *q = bms_prepare (s, "PRAGMA journal_mode=WAL", error);
  bool wal;

  if (!q)
    return false;
  wal = sqlite3_step (q) == SQLITE_ROW && strcmp ((const char *) sqlite3_column_text (q, 0), "wal") == 0;
  if (!wal && sqlite3_errcode (s->db) != SQLITE_ROW)
    bms_fail_sqlite (s, error);
  else if (!wal)
    bms_fail (error, BMS_IO, "%s: this file system can't hold a write-ahead log", s->path);
  sqlite3_finalize (q);
  return wal && bms_exec (s, "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON", error);
}

/* On a disk that is mounted read-only SQLite can't put its index of the write-ahead log beside the file, and needs none where nobody can write.
 * NULL: another disk, or there is a write-ahead log, which it must not pass over. */
static char *
immutable_name (const char *path)
{
  char *wal = g_strconcat (path, "-wal", NULL), *escaped, *name = NULL;
  struct statvfs disk;

  if (statvfs (path, &disk) == 0 && disk.f_flag & ST_RDONLY && !g_file_test (wal, G_FILE_TEST_EXISTS)) {
    escaped = g_uri_escape_string (path, "/", FALSE);
    name = g_strconcat ("file:", escaped, "?immutable=1", NULL);
    g_free (escaped);
  }
  g_free (wal);
  return name;
}

/* What cameras saw is for nobody else to read. SQLite gives its other files the permissions of this one, and tells what is wrong. */
static void
make_private (const char *path)
{
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd >= 0)
    close (fd);
}

static bool
connect (BmsStore *s, bool make, BmsError *error)
{
  int flags = s->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (make ? SQLITE_OPEN_CREATE : 0);
  char *immutable = s->read_only ? immutable_name (s->path) : NULL;
  int result;

  if (make)
    make_private (s->path);
  result = sqlite3_open_v2 (immutable ? immutable : s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX | (immutable ? SQLITE_OPEN_URI : 0), NULL);
  g_free (immutable);
  if (result != SQLITE_OK)
    return s->db ? bms_fail (error, BMS_OPEN, "%s: %s", s->path, g_strerror (sqlite3_system_errno (s->db)))
        : bms_fail (error, BMS_NO_MEMORY, "%s: not enough memory", s->path);
  sqlite3_busy_timeout (s->db, BUSY_MS);
  /* SQLite opens what it may not write for reading only. */
  if (!s->read_only && sqlite3_db_readonly (s->db, "main") == 1)
    return bms_fail (error, BMS_READ_ONLY, "%s may not be written", s->path);
  return true;
}

static bool
begin (BmsStore *s, const char *model, BmsError *error)
{
  bool make = model && !s->read_only, empty;

  if (!connect (s, make, error) || !look (s, &empty, error))
    return false;
  if (empty && !make)
    return bms_fail (error, BMS_FORMAT, "%s is empty", s->path);
  return (!empty || create (s, model, error)) && check_model (s, model, error) && touch (s, error)
      && (s->read_only || set_mode (s, error));
}

BmsStore *
bms_sqlite_open (const char *path, const char *model, size_t width, bool read_only, BmsError *error)
{
  BmsStore *s;

  if (model && (width < 16 || width > BMS_MAX_WIDTH || width % 16 || strlen (model) != BMS_MODEL_SIZE)) {
    bms_fail (error, BMS_PARAMETER, "a log of embeddings of %zu numbers", width);
    return NULL;
  }
  if (!bmk_init ()) {
    bms_fail (error, BMS_PARAMETER, "BITMAR_CPU or BITMAR_THREADS is not a value of theirs");
    return NULL;
  }
  /* These are this module's kernels, and what they do here is too small to be shared. */
  bmk_set_threads (1);
  s = g_new0 (BmsStore, 1);
  s->path = g_strdup (path);
  s->width = width;
  s->read_only = read_only;
  s->any_model = !model;
  s->cameras = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (begin (s, model, error))
    return s;
  bms_sqlite_close (s);
  return NULL;
}

void
bms_sqlite_close (BmsStore *s)
{
  sqlite3_close (s->db);
  bmi_free (s->index);
  g_hash_table_unref (s->cameras);
  g_free (s->path);
  g_free (s);
}
