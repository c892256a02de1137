/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A memory's file when its writer is killed, or the disk fails, at each of its steps: the old one or the new, whole. And what a power cut might
 * leave where a disk lies: a file that ends anywhere, or is half of each. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../models/edit.h"
#include "bitmar.h"
#include "episode-private.h"
#include "folder.h"
#include "steps.h"

/* Short, too: a memory takes several. */
ssize_t
write (int fd, const void *data, size_t n)
{
  return step () ? syscall (SYS_write, fd, data, armed ? MIN (n, 1000) : n) : -1;
}

int
fsync (int fd)
{
  return step () ? (int) syscall (SYS_fsync, fd) : -1;
}

int
rename (const char *from, const char *to)
{
  return step () ? (int) syscall (SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) : -1;
}

ssize_t
read (int fd, void *data, size_t n)
{
  return step () ? syscall (SYS_read, fd, data, armed ? MIN (n, 1000) : n) : -1;
}

/* ---- Helpers -------------------------------------------------------------------------------------------- */

static guint32 state = 1;

static float
noise (void)
{
  state = state * 1664525u + 1013904223u;
  return (float) (state >> 8) * 0x1p-23f - 1.0f;
}

static void
look (BitmarMemory *memory, BitmarEpisode *episode, guint64 time_ns)
{
  gsize n;
  double square = 0;

  bitmar_episode_get_key (episode, &n);
  for (gsize i = 0; i < n; i++) {
    episode->key[i] = noise ();
    episode->content[i] = noise ();
    square += (double) episode->key[i] * episode->key[i];
  }
  for (gsize i = 0; i < n; i++)
    episode->key[i] /= sqrt (square);
  g_assert_true (bitmar_memory_observe (memory, episode, time_ns, NULL));
}

static BitmarMemory *
memory_of (BitmarModel *model, guint slots, guint looks)
{
  BitmarMemory *memory = bitmar_memory_new (model, slots, -2, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);

  g_assert_nonnull (memory);
  for (guint n = 0; n < looks; n++)
    look (memory, episode, n);
  g_object_unref (episode);
  return memory;
}

typedef struct {
  BitmarModel *model;
  BitmarMemory *a, *b, *loaded;
  char *folder, *path;
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  f->model = edit_load_tiny ();
  f->a = memory_of (f->model, 64, 40);
  f->b = memory_of (f->model, 64, 90);
  f->loaded = memory_of (f->model, 64, 5);
  f->folder = g_dir_make_tmp ("bitmar-fault-XXXXXX", NULL);
  g_assert_nonnull (f->folder);
  f->path = g_build_filename (f->folder, "memory", NULL);
}

static void
teardown (Fixture *f, gconstpointer data)
{
  empty_folder (f->folder);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_object_unref (f->a);
  g_object_unref (f->b);
  g_object_unref (f->loaded);
  g_object_unref (f->model);
  g_free (f->folder);
  g_free (f->path);
}

static void
save (BitmarMemory *memory, const char *path)
{
  GError *error = NULL;

  g_assert_true (bitmar_memory_save (memory, path, &error));
  g_assert_no_error (error);
}

static gboolean
same (BitmarMemory *a, BitmarMemory *b)
{
  GBytes *x = bitmar_memory_to_bytes (a, NULL), *y = bitmar_memory_to_bytes (b, NULL);
  gboolean equal = g_bytes_equal (x, y);

  g_bytes_unref (x);
  g_bytes_unref (y);
  return equal;
}

/* Whole, and one of the two: TRUE when it is b. */
static gboolean
holds_b (Fixture *f)
{
  GError *error = NULL;

  g_assert_true (bitmar_memory_load (f->loaded, f->path, &error));
  g_assert_no_error (error);
  g_assert_true (same (f->loaded, f->a) || same (f->loaded, f->b));
  return same (f->loaded, f->b);
}

/* Refused, by an error that names the file. */
static void
save_fails (Fixture *f, const char *path, BitmarError code)
{
  GError *error = NULL;

  g_assert_false (bitmar_memory_save (f->b, path, &error));
  g_assert_error (error, BITMAR_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  g_assert_false (bitmar_memory_save (f->b, path, NULL));
}

/* A memory of nothing is saved, too, and takes the place of what was there. */
static void
test_empty (Fixture *f, gconstpointer data)
{
  bitmar_memory_clear (f->a);
  save (f->a, f->path);
  g_assert_false (holds_b (f));
  g_assert_cmpuint (bitmar_memory_get_used (f->loaded), ==, 0);
}

/* ---- kill -9 -------------------------------------------------------------------------------------------- */

/* Before each step on the disk, in turn: a before the rename, b from then on. */
static void
test_kill_at_each_step (Fixture *f, gconstpointer data)
{
  gboolean was_b = FALSE;
  int status = 0;
  guint n = 1;

  save (f->a, f->path);
  for (;; n++) {
    pid_t child = fork ();

    if (child == 0) {
      die_at = n;
      armed = TRUE;
      _exit (!bitmar_memory_save (f->b, f->path, NULL));
    }
    g_assert_cmpint (waitpid (child, &status, 0), ==, child);
    if (!WIFSIGNALED (status))
      break;
    g_assert_true (holds_b (f) >= was_b);
    was_b = holds_b (f);
    g_assert_cmpuint (count_files (f->folder), ==, was_b ? 1 : 2);
  }
  g_assert_true (was_b && WIFEXITED (status) && WEXITSTATUS (status) == 0);
  g_assert_cmpuint (n, >, 6);
}

/* ---- Disks that fail ---------------------------------------------------------------------------------------- */

/* Each step says EIO in turn. Only the folder's sync comes too late for the old file. */
static void
test_io_errors (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  gboolean is_b = FALSE;

  for (guint n = 1;; n++) {
    gboolean saved;

    g_clear_error (&error);
    save (f->a, f->path);
    steps = 0;
    fail_at = n;
    armed = TRUE;
    saved = bitmar_memory_save (f->b, f->path, &error);
    armed = FALSE;
    if (saved)
      break;
    g_assert_false (is_b);
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_IO);
    is_b = holds_b (f);
    g_assert_cmpuint (count_files (f->folder), ==, 1);
  }
  fail_at = 0;
  g_assert_no_error (error);
  g_assert_true (is_b);
}

/* Reading fails at each step, too: the memory is as it was. */
static void
test_read_errors (Fixture *f, gconstpointer data)
{
  GBytes *before = bitmar_memory_to_bytes (f->loaded, NULL);
  GError *error = NULL;
  guint n = 1;

  save (f->a, f->path);
  for (;; n++) {
    GBytes *now;
    gboolean loaded;

    steps = 0;
    fail_at = n;
    armed = TRUE;
    loaded = bitmar_memory_load (f->loaded, f->path, &error);
    armed = FALSE;
    if (loaded)
      break;
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
    g_clear_error (&error);
    now = bitmar_memory_to_bytes (f->loaded, NULL);
    g_assert_true (g_bytes_equal (now, before));
    g_bytes_unref (now);
  }
  fail_at = 0;
  g_assert_no_error (error);
  g_assert_cmpuint (n, >, 3);
  g_assert_false (holds_b (f));
  g_bytes_unref (before);
}

/* A small disk in a namespace of its own. */
static void
run_full (gpointer data)
{
  Fixture *f = data;
  char *junk = g_build_filename (f->folder, "junk", NULL), *zeros = g_malloc0 (1 << 20);
  FILE *file;

  own_disk (f->folder, "size=256k");
  save (f->a, f->path);
  file = fopen (junk, "w");
  g_assert_cmpuint (fwrite (zeros, 1, 1 << 20, file), <, 1 << 20);
  fclose (file);
  save_fails (f, f->path, BITMAR_ERROR_FULL);
  g_assert_false (holds_b (f));
  g_assert_cmpuint (count_files (f->folder), ==, 2);
  g_assert_cmpint (g_remove (junk), ==, 0);
  save (f->b, f->path);
  g_assert_true (holds_b (f));
  g_free (junk);
  g_free (zeros);
}

static void
test_full_disk (Fixture *f, gconstpointer data)
{
  in_child (run_full, f);
}

static void
run_read_only (gpointer data)
{
  Fixture *f = data;
  own_disk (f->folder, "size=256k");
  save (f->a, f->path);
  g_assert_cmpint (mount ("none", f->folder, "none", MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  save_fails (f, f->path, BITMAR_ERROR_READ_ONLY);
  g_assert_false (holds_b (f));
  g_assert_cmpuint (count_files (f->folder), ==, 1);
}

static void
test_read_only (Fixture *f, gconstpointer data)
{
  in_child (run_read_only, f);
}

/* ---- Torn ------------------------------------------------------------------------------------------------- */

static void
assert_refused (Fixture *f, GBytes *before)
{
  GError *error = NULL;
  GBytes *now;

  g_assert_false (bitmar_memory_load (f->loaded, f->path, &error));
  g_assert_true (g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT) || g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT));
  now = bitmar_memory_to_bytes (f->loaded, NULL);
  g_assert_true (g_bytes_equal (now, before));
  g_bytes_unref (now);
  g_error_free (error);
}

/* Cut off at every length. */
static void
test_cut (Fixture *f, gconstpointer data)
{
  BitmarMemory *small = memory_of (f->model, 64, 4);
  GBytes *before = bitmar_memory_to_bytes (f->loaded, NULL);
  GStatBuf s;

  save (small, f->path);
  g_assert_cmpint (g_stat (f->path, &s), ==, 0);
  for (off_t n = s.st_size - 1; n >= 0; n--) {
    g_assert_cmpint (truncate (f->path, n), ==, 0);
    assert_refused (f, before);
  }
  g_test_message ("%" G_GINT64_FORMAT " lengths", (gint64) s.st_size);
  g_bytes_unref (before);
  g_object_unref (small);
}

/* Up to every sector the new one, from there on the old, or nothing. */
static void
test_torn (Fixture *f, gconstpointer data)
{
  GBytes *a = bitmar_memory_to_bytes (f->a, NULL), *b = bitmar_memory_to_bytes (f->b, NULL), *before = bitmar_memory_to_bytes (f->loaded, NULL);
  gsize size_a, size_b, n = 0;
  const guint8 *data_a = g_bytes_get_data (a, &size_a), *data_b = g_bytes_get_data (b, &size_b);

  for (gsize at = 512; at < MIN (size_a, size_b); at += 512) {
    guint8 *torn = g_malloc0 (size_b), *holes = g_malloc0 (size_b);

    memcpy (torn, data_b, at);
    memcpy (torn + at, data_a + at, MIN (size_a, size_b) - at);
    memcpy (holes, data_b, at);
    for (guint i = 0; i < 2; i++, n++) {
      g_assert_true (g_file_set_contents (f->path, (const char *) (i ? holes : torn), (gssize) size_b, NULL));
      assert_refused (f, before);
    }
    g_free (torn);
    g_free (holes);
  }
  g_test_message ("%" G_GSIZE_FORMAT " torn files", n);
  g_assert_cmpuint (n, >, 10);
  g_bytes_unref (a);
  g_bytes_unref (b);
  g_bytes_unref (before);
}

/* ---- Links ------------------------------------------------------------------------------------------------ */

/* A link stays one, where it goes somewhere and where that isn't there yet. */
static void
test_link (Fixture *f, gconstpointer data)
{
  char *link_path = g_build_filename (f->folder, "link", NULL), *loop = g_build_filename (f->folder, "loop", NULL);

  g_assert_cmpint (symlink ("memory", link_path), ==, 0);
  g_assert_cmpint (symlink ("loop", loop), ==, 0);
  for (guint n = 0; n < 2; n++) {
    save (n ? f->b : f->a, link_path);
    g_assert_true (g_file_test (link_path, G_FILE_TEST_IS_SYMLINK));
    g_assert_false (g_file_test (f->path, G_FILE_TEST_IS_SYMLINK));
    g_assert_cmpint (holds_b (f), ==, n);
  }
  save_fails (f, loop, BITMAR_ERROR_IO);
  g_assert_cmpuint (count_files (f->folder), ==, 3);
  g_free (link_path);
  g_free (loop);
}

#define ADD(name, function) g_test_add ("/memory-steps/" name, Fixture, NULL, setup, function, teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("empty", test_empty);
  ADD ("kill-at-each-step", test_kill_at_each_step);
  ADD ("io-errors", test_io_errors);
  ADD ("read-errors", test_read_errors);
  ADD ("full-disk", test_full_disk);
  ADD ("read-only", test_read_only);
  ADD ("cut", test_cut);
  ADD ("torn", test_torn);
  ADD ("link", test_link);
  return g_test_run ();
}
