/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of a memory: killed writers, disks that fail, files that are something else. */

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "episode-private.h"
#include "folder.h"
#include "model-private.h"

#define SLOTS 2048

typedef struct {
  BitmarModel *model;
  char *folder, *path, *part;
  BitmarMemory *memory;        /* what the files are loaded into */
  GBytes *a, *b;
} Fixture;

static BitmarModel *
load_model (const char *name)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  g_free (path);
  return model;
}

static void
observe_noise (BitmarMemory *memory, BitmarEpisode *episode, GRand *rand, guint64 time_ns)
{
  gsize width = episode->model->memory_width;
  double square = 0;

  for (gsize i = 0; i < width; i++) {
    episode->key[i] = (float) g_rand_double_range (rand, -1, 1);
    episode->content[i] = (float) g_rand_double_range (rand, -1, 1);
    square += (double) episode->key[i] * episode->key[i];
  }
  for (gsize i = 0; i < width; i++)
    episode->key[i] /= sqrt (square);
  g_assert_true (bitmar_memory_observe (memory, episode, time_ns, NULL));
}

static BitmarMemory *
make_memory (BitmarModel *model, guint slots, guint seed, guint episodes)
{
  BitmarMemory *memory = bitmar_memory_new (model, slots, 1, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  GRand *rand = g_rand_new_with_seed (seed);

  for (guint i = 0; i < episodes; i++)
    observe_noise (memory, episode, rand, i);
  g_rand_free (rand);
  g_object_unref (episode);
  return memory;
}

static GBytes *
make_bytes (BitmarModel *model, guint seed, guint episodes)
{
  BitmarMemory *memory = make_memory (model, SLOTS, seed, episodes);
  GBytes *bytes = bitmar_memory_to_bytes (memory, NULL);

  g_object_unref (memory);
  return bytes;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->model = load_model ("tiny.gguf");
  f->folder = g_dir_make_tmp ("bitmar-faults-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "memory.bin", NULL);
  f->part = g_strconcat (f->path, ".part", NULL);
  f->memory = bitmar_memory_new (f->model, SLOTS, 1, NULL);
  f->a = make_bytes (f->model, 1, SLOTS);
  f->b = make_bytes (f->model, 2, SLOTS / 2);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_unlink (f->path);
  g_unlink (f->part);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_bytes_unref (f->a);
  g_bytes_unref (f->b);
  g_object_unref (f->memory);
  g_object_unref (f->model);
  g_free (f->folder);
  g_free (f->path);
  g_free (f->part);
}

static gboolean
holds (BitmarMemory *memory, GBytes *bytes)
{
  GBytes *now = bitmar_memory_to_bytes (memory, NULL);
  gboolean same = g_bytes_equal (now, bytes);

  g_bytes_unref (now);
  return same;
}

static void
save (Fixture *f, GBytes *bytes)
{
  GError *error = NULL;

  g_assert_true (bitmar_memory_write_bytes (bytes, f->path, &error));
  g_assert_no_error (error);
}

/* The file is `bytes`, and nothing lies beside it. */
static void
assert_file (Fixture *f, GBytes *bytes)
{
  GError *error = NULL;
  GStatBuf s;

  g_assert_true (bitmar_memory_load (f->memory, f->path, &error));
  g_assert_no_error (error);
  g_assert_true (holds (f->memory, bytes));
  g_assert_cmpuint (count_files (f->folder), ==, 1);
  g_assert_cmpint (g_stat (f->path, &s), ==, 0);
  g_assert_cmpuint (s.st_mode & 07777, ==, 0600);
}

/* ---- Killed --------------------------------------------------------------------------------------------- */

static pid_t
start_writer (Fixture *f)
{
  pid_t child = fork ();

  if (child)
    return child;
  for (guint n = 0;; n++)
    if (!bitmar_memory_write_bytes (n % 2 ? f->a : f->b, f->path, NULL))
      _exit (1);
}

static void
test_killed (Fixture *f, gconstpointer data)
{
  guint as = 0, left = 0;

  save (f, f->a);
  for (guint round = 0; round < 50; round++) {
    pid_t child = start_writer (f);
    GError *error = NULL;
    int status;

    g_assert_cmpint (child, >, 0);
    g_usleep (g_test_rand_int_range (1000, 60000));
    kill (child, SIGKILL);
    g_assert_cmpint (waitpid (child, &status, 0), ==, child);
    g_assert_true (WIFSIGNALED (status));
    g_assert_true (bitmar_memory_load (f->memory, f->path, &error));
    g_assert_no_error (error);
    as += holds (f->memory, f->a);
    g_assert_true (holds (f->memory, f->a) || holds (f->memory, f->b));
    g_assert_cmpuint (count_files (f->folder), <=, 2);
    left += g_file_test (f->part, G_FILE_TEST_EXISTS);
  }
  g_test_message ("%u times the one, %u times the other; %u times a part was left", as, 50 - as, left);
  save (f, f->b);
  assert_file (f, f->b);
}

/* What a killed process left is longer than what comes, and anybody may read it. */
static void
test_stale (Fixture *f, gconstpointer data)
{
  char *rubbish = g_strnfill (3000000, 'x');

  g_assert_true (g_file_set_contents (f->part, rubbish, 3000000, NULL));
  g_assert_cmpint (g_chmod (f->part, 0644), ==, 0);
  save (f, f->a);
  assert_file (f, f->a);
  g_free (rubbish);
}

/* ---- Writers at once ------------------------------------------------------------------------------------- */

typedef struct {
  Fixture *f;
  GBytes *bytes;
} Writer;

static gpointer
write_often (gpointer data)
{
  Writer *writer = data;

  for (guint n = 0; n < 20; n++)
    save (writer->f, writer->bytes);
  return NULL;
}

static void
test_two_writers (Fixture *f, gconstpointer data)
{
  Writer writers[] = { { f, f->a }, { f, f->b } };
  GThread *threads[2];
  GError *error = NULL;

  save (f, f->a);
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("writer", write_often, &writers[i]);
  for (guint n = 0; n < 20; n++) {
    g_assert_true (bitmar_memory_load (f->memory, f->path, &error));
    g_assert_no_error (error);
  }
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_true (bitmar_memory_load (f->memory, f->path, NULL));
  assert_file (f, holds (f->memory, f->a) ? f->a : f->b);
}

/* ---- Disks that fail --------------------------------------------------------------------------------------- */

static void
save_fails (GBytes *bytes, const char *path, BitmarError code)
{
  GError *error = NULL;

  g_assert_false (bitmar_memory_write_bytes (bytes, path, &error));
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_clear_error (&error);
  g_assert_false (bitmar_memory_write_bytes (bytes, path, NULL));
}

static void
test_full (Fixture *f, gconstpointer data)
{
  gsize size = g_bytes_get_size (f->b);
  struct rlimit was, now;

  save (f, f->a);
  signal (SIGXFSZ, SIG_IGN);
  getrlimit (RLIMIT_FSIZE, &was);
  now = was;
  for (guint i = 0; i < 4; i++) {
    now.rlim_cur = (rlim_t[]) { 0, 1, size / 2, size - 1 }[i];
    setrlimit (RLIMIT_FSIZE, &now);
    save_fails (f->b, f->path, BITMAR_ERROR_FULL);
    setrlimit (RLIMIT_FSIZE, &was);
    assert_file (f, f->a);
  }
  save (f, f->b);
  assert_file (f, f->b);
}

static void
test_no_place (Fixture *f, gconstpointer data)
{
  char *nowhere = g_build_filename (f->folder, "no", "such", NULL);
  char *below = g_build_filename (f->path, "memory.bin", NULL);

  save (f, f->a);
  save_fails (f->b, nowhere, BITMAR_ERROR_OPEN);
  save_fails (f->b, below, BITMAR_ERROR_OPEN);
  save_fails (f->b, f->folder, BITMAR_ERROR_IO);     /* a folder's place */
  g_free (below);
  below = g_strconcat (f->folder, ".part", NULL);
  g_assert_false (g_file_test (below, G_FILE_TEST_EXISTS));
  assert_file (f, f->a);
  g_free (below);
  g_free (nowhere);
}

/* What somebody put at the part's place is neither followed nor emptied. */
static void
test_traps (Fixture *f, gconstpointer data)
{
  char *victim = g_build_filename (f->folder, "victim", NULL), *text = NULL;

  g_assert_true (g_file_set_contents (victim, "dear", -1, NULL));
  for (guint i = 0; i < 3; i++) {
    g_assert_cmpint (i == 0 ? symlink (victim, f->part) : i == 1 ? link (victim, f->part) : mkfifo (f->part, 0600), ==, 0);
    save_fails (f->a, f->path, BITMAR_ERROR_IO);
    g_assert_cmpint (g_unlink (f->part), ==, 0);
  }
  g_assert_true (g_file_get_contents (victim, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "dear");
  g_assert_cmpint (g_unlink (victim), ==, 0);
  g_free (text);
  g_free (victim);
}

/* ---- Files that are refused --------------------------------------------------------------------------------- */

static void
load_fails (BitmarMemory *memory, const char *path, BitmarError code)
{
  GBytes *was = bitmar_memory_to_bytes (memory, NULL);
  GError *error = NULL;

  g_assert_false (bitmar_memory_load (memory, path, &error));
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_clear_error (&error);
  g_assert_true (holds (memory, was));
  g_bytes_unref (was);
}

static void
content_fails (Fixture *f, gconstpointer content, gsize size, BitmarError code)
{
  char *after = NULL;
  gsize length;

  g_assert_true (g_file_set_contents (f->path, content, size, NULL));
  load_fails (f->memory, f->path, code);
  g_assert_true (g_file_get_contents (f->path, &after, &length, NULL));
  g_assert_cmpmem (after, length, content, size);
  g_free (after);
}

static void
test_content (Fixture *f, gconstpointer data)
{
  gsize size = g_bytes_get_size (f->a);
  guint8 *copy = g_malloc0 (2 * size);

  save (f, f->b);
  g_assert_true (bitmar_memory_load (f->memory, f->path, NULL));
  memcpy (copy, g_bytes_get_data (f->a, NULL), size);
  content_fails (f, "", 0, BITMAR_ERROR_FORMAT);
  content_fails (f, "a letter to a friend", 20, BITMAR_ERROR_FORMAT);
  content_fails (f, copy, 95, BITMAR_ERROR_CORRUPT);
  content_fails (f, copy, size - 1, BITMAR_ERROR_CORRUPT);
  content_fails (f, copy, 2 * size, BITMAR_ERROR_CORRUPT);
  copy[size / 2] ^= 4;
  content_fails (f, copy, size, BITMAR_ERROR_CORRUPT);
  copy[4] = 3;
  content_fails (f, copy, size, BITMAR_ERROR_FORMAT);
  g_free (copy);
}

static void
test_others (Fixture *f, gconstpointer data)
{
  BitmarModel *model = load_model ("tiny-early.gguf");
  BitmarMemory *other = make_memory (model, SLOTS, 3, 5), *small = make_memory (f->model, SLOTS / 2 - 1, 3, 5);
  BitmarMemory *fits = make_memory (f->model, SLOTS / 2, 3, 5);

  save (f, f->b);
  load_fails (other, f->path, BITMAR_ERROR_MISMATCH);
  load_fails (small, f->path, BITMAR_ERROR_SHAPE);
  g_assert_true (bitmar_memory_load (fits, f->path, NULL));
  g_assert_cmpuint (bitmar_memory_get_used (fits), ==, SLOTS / 2);
  g_object_unref (fits);
  g_object_unref (small);
  g_object_unref (other);
  g_object_unref (model);
}

/* None of them holds the caller or is read for ever. */
static void
test_no_file (Fixture *f, gconstpointer data)
{
  load_fails (f->memory, f->path, BITMAR_ERROR_OPEN);
  load_fails (f->memory, "", BITMAR_ERROR_OPEN);
  load_fails (f->memory, f->folder, BITMAR_ERROR_OPEN);
  load_fails (f->memory, "/dev/zero", BITMAR_ERROR_OPEN);
  g_assert_cmpint (mkfifo (f->path, 0600), ==, 0);
  load_fails (f->memory, f->path, BITMAR_ERROR_OPEN);
}

/* Saved and loaded, it goes on as if nothing had been; what is forgotten is gone from the next save. */
static void
test_goes_on (Fixture *f, gconstpointer data)
{
  BitmarMemory *one = make_memory (f->model, 64, 5, 100), *two = make_memory (f->model, 64, 6, 7);
  BitmarEpisode *episode = bitmar_episode_new (f->model, NULL);
  GBytes *bytes;

  g_assert_true (bitmar_memory_save (one, f->path, NULL));
  g_assert_true (bitmar_memory_load (two, f->path, NULL));
  for (guint i = 0; i < 2; i++) {
    GRand *rand = g_rand_new_with_seed (7);

    for (guint n = 0; n < 200; n++)
      observe_noise (i ? two : one, episode, rand, 1000 + n);
    g_rand_free (rand);
  }
  bytes = bitmar_memory_to_bytes (one, NULL);
  g_assert_true (holds (two, bytes));
  g_assert_cmpuint (bitmar_memory_forget (two, 0, G_MAXUINT64), ==, 64);
  g_assert_cmpuint (bitmar_memory_get_used (two), ==, 0);
  g_bytes_unref (bytes);
  g_object_unref (episode);
  g_object_unref (one);
  g_object_unref (two);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/memory-file/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("killed", test_killed);
  ADD ("stale", test_stale);
  ADD ("two-writers", test_two_writers);
  ADD ("full", test_full);
  ADD ("no-place", test_no_place);
  ADD ("traps", test_traps);
  ADD ("content", test_content);
  ADD ("others", test_others);
  ADD ("no-file", test_no_file);
  ADD ("goes-on", test_goes_on);
  return g_test_run ();
}
