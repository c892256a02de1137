/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queue's file when its writer is killed, or the disk fails, at each of its steps: what was written is there, and what is gone stays so. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../fault/steps.h"
#include "queue-fixture.h"

/* Short, too: a batch takes several. */
ssize_t
pwrite (int fd, const void *data, size_t n, off_t at)
{
  return step () ? syscall (SYS_pwrite64, fd, data, armed ? MIN (n, 9000) : n, at) : -1;
}

int
fsync (int fd)
{
  return step () ? (int) syscall (SYS_fsync, fd) : -1;
}

int
fdatasync (int fd)
{
  return step () ? (int) syscall (SYS_fdatasync, fd) : -1;
}

int
ftruncate (int fd, off_t n)
{
  return step () ? (int) syscall (SYS_ftruncate, fd, n) : -1;
}

int
rename (const char *from, const char *to)
{
  return step () ? (int) syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) : -1;
}

#define PARTS 12
#define SIZE 40000             /* of a message, so that the file is written anew in between */

/* Three come, two land; a write each. states: what the queue has after each part, where it was written, or 0 */
static void
work (Fixture *f, gboolean go_on, guint64 *states, int to)
{
  for (guint part = 0; part < PARTS; part++) {
    for (guint i = 0; i < 3; i++)
      push (&f->q, 1 + part * 3 + i, i ? MQTT_CAPTION : MQTT_ALERT, SIZE, f->gone);
    land (f, 2);
    if (write_queue (f) && mqtt_file_sync (f->file, NULL)) {
      guint64 bits = ids (f);

      states[part] = bits;
      if (to >= 0 && write (to, &bits, sizeof bits) != sizeof bits)
        _exit (2);
    } else if (!go_on) {
      return;
    }
  }
}

/* What the queue would have, if all went well. */
static void
plan (Fixture *f, guint64 *states)
{
  g_assert_true (open_queue (f, NULL));
  work (f, FALSE, states, -1);
  close_queue (f);
  g_unlink (f->path);
}

static gboolean
kill_at (Fixture *f, guint n, guint *acknowledged)
{
  guint64 states[PARTS], bits;
  int ends[2], status;
  pid_t child;

  g_assert_cmpint (pipe (ends), ==, 0);
  child = fork ();
  if (child == 0) {
    die_at = n;
    steps = 0;
    armed = TRUE;
    if (!open_queue (f, NULL))
      _exit (1);
    work (f, FALSE, states, ends[1]);
    _exit (0);
  }
  close (ends[1]);
  for (*acknowledged = 0; read (ends[0], &bits, sizeof bits) == sizeof bits; ++*acknowledged);
  close (ends[0]);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status) || WEXITSTATUS (status) == 0);
  return WIFSIGNALED (status);
}

/* What was there before and after what was not acknowledged is there, what was in neither is not. */
static void
test_kill (Fixture *f, gconstpointer data)
{
  guint64 states[PARTS + 1] = { 0 };
  guint n = 1, acknowledged;
  gboolean died;

  plan (f, states);
  do {
    guint64 before, after, bits;

    empty_folder (f->folder);
    died = kill_at (f, n++, &acknowledged);
    g_assert_true (open_queue (f, NULL));
    bits = ids (f);
    before = acknowledged ? states[acknowledged - 1] : 0;
    after = acknowledged < PARTS ? states[acknowledged] : before;
    g_assert_cmpuint (before & after & ~bits, ==, 0);
    /* What came and landed between two writes may be there: it was never written that it was gone. */
    g_assert_cmpuint (bits & ~(before | after), ==, 0);
    close_queue (f);
  } while (died);
  g_assert_cmpuint (acknowledged, ==, PARTS);
  g_assert_cmpuint (n, >, 40);
  g_test_message ("killed at each of %u steps", n - 2);
}

static void
test_failing_step (Fixture *f, gconstpointer data)
{
  guint64 states[PARTS] = { 0 };
  guint n = 1, failed = 0;

  failure = GPOINTER_TO_INT (data);
  for (steps = n; steps >= n; n++) {
    guint64 now;

    empty_folder (f->folder);
    memset (states, 0, sizeof states);
    g_assert_true (open_queue (f, NULL));
    steps = 0;
    fail_at = n;
    armed = TRUE;
    work (f, TRUE, states, -1);
    armed = FALSE;
    for (guint part = 0; part < PARTS; part++)
      failed += states[part] == 0;
    g_assert_true (write_queue (f));
    now = ids (f);
    close_queue (f);
    g_assert_true (open_queue (f, NULL));
    g_assert_cmpuint (ids (f), ==, now);
    close_queue (f);
  }
  g_assert_cmpuint (failed, >, 20);
  g_test_message ("%u steps, %u writes that failed", n - 2, failed);
}

static void
run_full (gpointer data)
{
  Fixture *f = data;
  GError *error = NULL;
  guint64 id = 1, stored;

  own_disk (f->folder, "size=256k");
  g_assert_true (open_queue (f, NULL));
  do {
    stored = ids (f);
    push (&f->q, id++, MQTT_CAPTION, 20000, f->gone);
  } while (mqtt_file_write (f->file, &f->q, f->gone, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
  g_assert_nonnull (strstr (error->message, f->path));
  g_assert_cmpuint (id, >, 8);
  close_queue (f);
  /* Full as it is: what was written is read, and what lands makes room. */
  g_assert_true (open_queue (f, NULL));
  g_assert_cmpuint (ids (f), ==, stored);
  land (f, id - 3);
  g_assert_true (write_queue (f));
  close_queue (f);
  g_assert_true (open_queue (f, NULL));
  g_assert_cmpuint (mqtt_queue_length (&f->q), ==, 1);
  close_queue (f);
}

static void
test_full_disk (Fixture *f, gconstpointer data)
{
  in_child (run_full, f);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  ADD ("/mqtt-queue-steps/kill-at-each-step", test_kill);
  g_test_add ("/mqtt-queue-steps/io-errors", Fixture, GINT_TO_POINTER (EIO), set_up, test_failing_step, tear_down);
  g_test_add ("/mqtt-queue-steps/no-space", Fixture, GINT_TO_POINTER (ENOSPC), set_up, test_failing_step, tear_down);
  ADD ("/mqtt-queue-steps/full-disk", test_full_disk);
  return g_test_run ();
}
