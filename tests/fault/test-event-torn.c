/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The event log's files when what was written last is torn off. */
#include "event-log.h"

#define PAGE 4096

/* The write-ahead log is cut off anywhere: the file holds all up to some batch, and none of what came after. */
static void
test_torn_wal (Fixture *f, gconstpointer data)
{
  char *wal = g_strconcat (f->path, "-wal", NULL), *whole = g_strconcat (f->path, ".whole", NULL), *torn = g_strconcat (whole, "-wal", NULL);
  char *shm = g_strconcat (whole, "-shm", NULL);
  guint last = 0, n = 0;
  GStatBuf s;

  for (guint i = 0; i < BATCHES; i++)
    g_assert_true (insert (f->store, FIRST + i * BATCH, BATCH, &f->error));
  g_assert_cmpint (g_stat (wal, &s), ==, 0);
  for (gssize at = 0; at <= s.st_size + 1020; at += 1021, n++) {
    GArray *times;

    g_unlink (shm);
    copy_file (f->path, whole, -1);
    copy_file (wal, torn, at);
    times = times_of (whole);
    for (guint i = 0; i < times->len; i++)
      g_assert_cmpint (g_array_index (times, gint64, i), ==, i);
    g_assert_cmpuint (times->len, >=, last);
    g_assert_true (times->len == 0 || (times->len >= FIRST && (times->len - FIRST) % BATCH == 0));
    last = times->len;
    g_array_unref (times);
  }
  g_assert_cmpuint (last, ==, FIRST + BATCHES * BATCH);
  g_test_message ("cut at %u places of %" G_GINT64_FORMAT " bytes", n, (gint64) s.st_size);
  g_free (wal);
  g_free (whole);
  g_free (torn);
  g_free (shm);
}

/* Opening, counting and reading all of it, thumbnails too. */
static gboolean
can_be_read (Fixture *f)
{
  BmsStore *store = backend->open (f->path, MODEL, WIDTH, true, &f->error);
  float x[WIDTH] = { 1 };
  guint found = 0;
  gboolean read;
  BmsInfo info;

  if (!store)
    return FALSE;
  read = backend->info (store, &info, &f->error)
      && backend->query (store, x, FIRST, &(BmsFilter) { 0, BMS_FOREVER, NULL }, count, &found, &f->error);
  g_assert_true (!read || (info.events == FIRST && found == FIRST));
  backend->close (store);
  return read;
}

/* The file itself is cut off at every page and in between: that is told, at the latest when what is missing is read. (Not within the last page, which
 * SQLite takes for one that ends in zeros; a power cut can't leave that, since the file is synced before its write-ahead log is given up.) */
static void
test_torn_file (Fixture *f, gconstpointer data)
{
  char *whole = g_strconcat (f->path, ".whole", NULL);
  guint n = 0;
  GStatBuf s;

  backend->close (g_steal_pointer (&f->store));
  copy_file (f->path, whole, -1);
  g_assert_true (can_be_read (f));
  g_assert_cmpint (g_stat (whole, &s), ==, 0);
  for (gssize at = 1; at <= s.st_size - PAGE; at += 1021, n++) {
    copy_file (whole, f->path, at);
    g_assert_false (can_be_read (f));
    g_assert_true (f->error.code == BMS_FORMAT || f->error.code == BMS_CORRUPT);
  }
  g_test_message ("%u cut files are refused", n);
  g_free (whole);
}

#define ADD(name, function) g_test_add ("/event-torn/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  ADD ("wal", test_torn_wal);
  ADD ("file", test_torn_file);
  return g_test_run ();
}
