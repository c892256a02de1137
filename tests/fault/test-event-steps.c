/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The event log's file when its writer is killed, or the disk fails, at each of its steps: what was acknowledged is there, batches are whole, and the
 * log goes on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event-log.h"
#include "steps.h"

#define FORGOTTEN 4            /* of the first events, at the end of the work */

#define WIDTH 64
#define MODEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* SQLite's calls come here, too: the program is asked before the C library. (Meson's _FILE_OFFSET_BITS=64 makes pwrite64 of pwrite.) */
#define SEEN __attribute__ ((visibility ("default")))

SEEN ssize_t
pwrite (int fd, const void *data, size_t n, off_t at)
{
  return step () ? syscall (SYS_pwrite64, fd, data, n, at) : -1;
}

SEEN int
fdatasync (int fd)
{
  return step () ? (int) syscall (SYS_fdatasync, fd) : -1;
}

SEEN int
fsync (int fd)
{
  return step () ? (int) syscall (SYS_fsync, fd) : -1;
}

SEEN int
ftruncate (int fd, off_t n)
{
  return step () ? (int) syscall (SYS_ftruncate, fd, n) : -1;
}

SEEN int
unlink (const char *path)
{
  return step () ? (int) syscall (SYS_unlink, path) : -1;
}

/* What there is to be done, in acknowledged parts: batches, and a forget. Returns how many were. */
static guint
work (BmsStore *store, gboolean go_on, void (*acknowledge) (guint part, int to), int to, BmsError *error)
{
  guint done = 0;
  guint64 n;

  for (guint i = 0; i < BATCHES + 1; i++) {
    if (i < BATCHES ? insert (store, FIRST + i * BATCH, BATCH, error)
        : backend->forget (store, &(BmsFilter) { 0, FORGOTTEN, NULL }, &n, error)) {
      done |= 1u << i;
      if (acknowledge)
        acknowledge (i, to);
    } else if (!go_on) {
      break;
    }
  }
  return done;
}

static gboolean
has (const GArray *times, gint64 time)
{
  for (guint i = 0; i < times->len; i++)
    if (g_array_index (times, gint64, i) == time)
      return TRUE;
  return FALSE;
}

/* The parts that are there, each of them whole: batches as the bits 0 .., the forget as the last. */
static guint
parts_of (const char *path, guint first)
{
  GArray *times = times_of (path);
  guint parts = 0, n = 0;

  for (guint i = 0; i < BATCHES; i++) {
    guint there = 0;

    for (guint k = 0; k < BATCH; k++)
      there += has (times, FIRST + i * BATCH + k);
    g_assert_true (there == 0 || there == BATCH);
    parts |= (there ? 1u : 0u) << i;
    n += there;
  }
  if (!has (times, 0)) {
    parts |= 1u << BATCHES;
    first -= FORGOTTEN;
  }
  for (guint i = parts >> BATCHES ? FORGOTTEN : 0; i < FIRST; i++)
    first -= has (times, i);
  g_assert_cmpuint (first, ==, 0);
  g_assert_cmpuint (times->len, ==, n + FIRST - (parts >> BATCHES ? FORGOTTEN : 0));
  g_array_unref (times);
  return parts;
}

/* It can be opened, written and searched. */
static void
check_goes_on (Fixture *f)
{
  BmsStore *store = open_log (f);
  BmsInfo before, after;

  g_assert_nonnull (store);
  g_assert_true (backend->info (store, &before, &f->error) && insert (store, 1000, 1, &f->error) && backend->info (store, &after, &f->error));
  g_assert_cmpuint (after.events, ==, before.events + 1);
  backend->close (store);
}

/* ---- kill -9 ----------------------------------------------------------------------------------------------- */

static void
tell (guint part, int to)
{
  if (write (to, &part, sizeof part) != sizeof part)
    _exit (2);
}

static void
run_child (Fixture *f, guint n, int to)
{
  BmsStore *store;

  die_at = n;
  steps = 0;
  armed = TRUE;
  store = open_log (f);
  if (!store || work (store, FALSE, tell, to, &f->error) != (1u << (BATCHES + 1)) - 1)
    _exit (1);
  backend->close (store);
  _exit (0);
}

/* Parts that the child has acknowledged until it died; FALSE when it lived. */
static gboolean
kill_at (Fixture *f, guint n, guint *acknowledged)
{
  int ends[2], status;
  guint part;
  pid_t child;

  g_assert_cmpint (pipe (ends), ==, 0);
  child = fork ();
  if (child == 0) {
    close (ends[0]);
    run_child (f, n, ends[1]);
  }
  close (ends[1]);
  *acknowledged = 0;
  while (read (ends[0], &part, sizeof part) == sizeof part)
    *acknowledged |= 1u << part;
  close (ends[0]);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status) || WEXITSTATUS (status) == 0);
  return WIFSIGNALED (status);
}

static void
test_kill_at_each_step (Fixture *f, gconstpointer data)
{
  char *base = g_strconcat (f->path, ".base", NULL), *wal = g_strconcat (f->path, "-wal", NULL), *shm = g_strconcat (f->path, "-shm", NULL);
  guint n = 1, acknowledged, later = 0;
  gboolean died;

  backend->close (g_steal_pointer (&f->store));
  copy_file (f->path, base, -1);
  do {
    guint parts;

    g_unlink (wal);
    g_unlink (shm);
    copy_file (base, f->path, -1);
    died = kill_at (f, n++, &acknowledged);
    parts = parts_of (f->path, FIRST);
    g_assert_cmpuint (acknowledged & ~parts, ==, 0);
    later += parts != acknowledged;
    check_goes_on (f);
  } while (died);
  g_test_message ("killed at each of %u steps; %u times a part was there that was not acknowledged yet", n - 2, later);
  g_assert_cmpuint (acknowledged, ==, (1u << (BATCHES + 1)) - 1);
  g_assert_cmpuint (n, >, 20);
  g_free (base);
  g_free (wal);
  g_free (shm);
}

/* ---- Disks that fail ------------------------------------------------------------------------------------------ */

/* Each write, sync, cut and removal in turn. The parts that say they are done are there; the log goes on with the next. SQLite calls no sync's
 * error a full disk. */
static void
test_failing_step (Fixture *f, gconstpointer data)
{
  char *base = g_strconcat (f->path, ".base", NULL);
  guint n = 1, failed = 0, full = 0;

  failure = GPOINTER_TO_INT (data);
  backend->close (g_steal_pointer (&f->store));
  copy_file (f->path, base, -1);
  for (steps = n; steps >= n; n++) {
    BmsError error = { .code = BMS_PARAMETER };
    guint done;

    copy_file (base, f->path, -1);
    f->store = open_log (f);
    steps = 0;
    fail_at = n;
    armed = TRUE;
    done = work (f->store, TRUE, NULL, 0, &error);
    armed = FALSE;
    if (done != (1u << (BATCHES + 1)) - 1) {
      failed++;
      full += error.code == BMS_FULL;
      g_assert_true (error.code == BMS_IO || (failure == ENOSPC && error.code == BMS_FULL));
    }
    g_assert_true (insert (f->store, 1000, 1, &f->error));
    g_assert_true (backend->forget (f->store, &(BmsFilter) { 1000, 1001, NULL }, &(guint64) { 0 }, &f->error));
    backend->close (g_steal_pointer (&f->store));
    g_assert_cmpuint (done & ~parts_of (f->path, FIRST), ==, 0);
  }
  g_test_message ("%u steps, of which %u made something fail, %u of them for want of space", n - 2, failed, full);
  g_assert_cmpuint (failed, >, 8);
  g_assert_true (failure == ENOSPC ? full > failed / 2 : full == 0);
  g_free (base);
}

static void
run_full (gpointer data)
{
  Fixture *f = data;
  BmsInfo info;
  guint batches = 0;
  guint64 n;

  own_disk (f->folder, "size=1m");
  f->store = open_log (f);
  g_assert_nonnull (f->store);
  while (insert (f->store, batches * BATCH, BATCH, &f->error))
    batches++;
  g_assert_cmpint (f->error.code, ==, BMS_FULL);
  g_assert_cmpuint (batches, >, 3);
  g_assert_true (backend->info (f->store, &info, &f->error));
  g_assert_cmpuint (info.events, ==, batches * BATCH);
  /* Pruning makes room without a disk that has any; what goes on is written. */
  g_assert_true (backend->prune (f->store, batches * BATCH / 2, 0, &n, &f->error) || f->error.code == BMS_FULL);
  backend->close (f->store);
  g_array_unref (times_of (f->path));
  f->store = open_log (f);
  g_assert_nonnull (f->store);
  backend->close (f->store);
}

static void
test_full_disk (Fixture *f, gconstpointer data)
{
  backend->close (g_steal_pointer (&f->store));
  in_child (run_full, f);
}

/* A disk that is mounted so: nothing can be added, all can be searched. */
static void
run_read_only (gpointer data)
{
  Fixture *f = data;
  float x[WIDTH] = { 1 };
  guint found = 0;
  BmsStore *store;

  own_disk (f->folder, "size=1m");
  f->store = open_log (f);
  g_assert_true (f->store && insert (f->store, 0, FIRST, &f->error));
  backend->close (f->store);
  g_assert_cmpint (mount ("none", f->folder, "none", MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  g_assert_null (open_log (f));
  g_assert_true (f->error.code == BMS_READ_ONLY || f->error.code == BMS_OPEN);
  g_assert_nonnull (strstr (f->error.text, f->path));
  store = backend->open (f->path, MODEL, WIDTH, true, &f->error);
  g_assert_nonnull (store);
  g_assert_true (backend->query (store, x, FIRST, &(BmsFilter) { 0, BMS_FOREVER, NULL }, count, &found, &f->error));
  g_assert_cmpuint (found, ==, FIRST);
  g_assert_false (insert (store, 100, 1, &f->error));
  g_assert_cmpint (f->error.code, ==, BMS_READ_ONLY);
  backend->close (store);
}

static void
test_read_only (Fixture *f, gconstpointer data)
{
  backend->close (g_steal_pointer (&f->store));
  in_child (run_read_only, f);
}

#define ADD(name, function) g_test_add ("/event-steps/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  ADD ("kill-at-each-step", test_kill_at_each_step);
  g_test_add ("/event-steps/io-errors", Fixture, GINT_TO_POINTER (EIO), set_up, test_failing_step, tear_down);
  g_test_add ("/event-steps/no-space", Fixture, GINT_TO_POINTER (ENOSPC), set_up, test_failing_step, tear_down);
  ADD ("full-disk", test_full_disk);
  ADD ("read-only", test_read_only);
  return g_test_run ();
}
