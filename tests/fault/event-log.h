/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An event log of some events, for what is done to its file. */
#pragma once

#include <sqlite3.h>
#include <unistd.h>

#include "../ext/store-util.h"
#include "event-store.h"
#include "folder.h"

#define WIDTH 64
#define MODEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FIRST 20               /* events that are there before */
#define BATCH 3                /* … that come at once */
#define BATCHES 4

static const BmsBackend *backend;

typedef struct {
  char *folder, *path;
  BmsStore *store;
  BmsError error;
} Fixture;

static inline BmsStore *
open_log (Fixture *f)
{
  BmsStore *store = backend->open (f->path, MODEL, WIDTH, false, &f->error);

  if (!store)
    g_test_message ("%s", f->error.text);
  return store;
}

/* A batch of events of times first, first + 1, … */
static inline bool
insert (BmsStore *store, gint64 first, guint n, BmsError *error)
{
  static char thumbnail[6000];
  float x[WIDTH] = { 1 };
  BmsEvent events[FIRST];

  for (guint i = 0; i < n; i++)
    events[i] = (BmsEvent) { .camera = "yard", .text = "a man with a dog", .utc = first + i, .embedding = x, .confidence = 0.5f,
      .thumbnail = thumbnail, .thumbnail_size = sizeof thumbnail };
  return backend->insert (store, events, n, error);
}

static inline void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = make_folder ();
  f->path = g_build_filename (f->folder, "log", NULL);
  f->store = open_log (f);
  g_assert_nonnull (f->store);
  g_assert_true (insert (f->store, 0, FIRST, &f->error));
}

static inline void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->store)
    backend->close (f->store);
  g_free (f->path);
  remove_folder (f->folder);
}

/* The times that the file holds, read by SQLite alone, which must find it whole. (transfer full) */
static inline GArray *
times_of (const char *path)
{
  GArray *times = g_array_new (FALSE, FALSE, sizeof (gint64));
  sqlite3 *db;
  sqlite3_stmt *q;

  g_assert_cmpint (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (db, "PRAGMA integrity_check", -1, &q, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (q), ==, SQLITE_ROW);
  g_assert_cmpstr ((const char *) sqlite3_column_text (q, 0), ==, "ok");
  sqlite3_finalize (q);
  g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT utc FROM event JOIN thumbnail ON thumbnail.event = event.id ORDER BY event.id", -1, &q, NULL), ==,
      SQLITE_OK);
  while (sqlite3_step (q) == SQLITE_ROW)
    g_array_append_vals (times, &(gint64) { sqlite3_column_int64 (q, 0) }, 1);
  sqlite3_finalize (q);
  sqlite3_close (db);
  return times;
}

/* Files of the folder, to be put back or elsewhere. */
static inline void
copy_file (const char *from, const char *to, gssize length)
{
  char *data;
  gsize size;

  g_assert_true (g_file_get_contents (from, &data, &size, NULL));
  g_assert_true (g_file_set_contents (to, data, length < 0 ? (gssize) size : MIN (length, (gssize) size), NULL));
  g_free (data);
}

static inline void
count (const BmsEvent *event, void *data)
{
  ++*(guint *) data;
}

/* Its folder is no disk where that can be had: thousands of syncs, and nothing here is about how long they take. */
static inline void
start_tests (int *argc, char ***argv)
{
  GError *error = NULL;

  if (access ("/dev/shm", W_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", FALSE);
  g_test_init (argc, argv, NULL);
  backend = bitmar_event_store_get (&error);
  g_assert_no_error (error);
}
