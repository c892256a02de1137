/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The event log as an application meets it: a queue that never waits for the disk, and what is acknowledged through
 * kill -9. */

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "episode-private.h"
#include "event-store.h"
#include "model-private.h"
#include "store-util.h"

static BitmarModel *model;
static guint width;

typedef struct {
  char *folder, *path;
  BitmarEventLog *log;
  GRand *rand;
} Fixture;

static void
reopen (Fixture *f)
{
  GError *error = NULL;

  g_clear_object (&f->log);
  f->log = bitmar_event_log_open (f->path, model, BITMAR_EVENT_LOG_WRITE, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = make_folder ();
  f->path = g_build_filename (f->folder, "log", NULL);
  f->rand = g_rand_new_with_seed (3);
  reopen (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->log);
  g_rand_free (f->rand);
  g_free (f->path);
  remove_folder (f->folder);
}

static gboolean
append (Fixture *f, const char *camera, gint64 utc, const char *text, GError **error)
{
  float x[64];
  BitmarEvent e = { .camera = camera, .text = text, .utc = utc, .pts = G_MAXUINT64, .running_time = 1, .confidence = 1,
    .embedding = x };

  random_unit (f->rand, x, width);
  return bitmar_event_log_append (f->log, &e, error);
}

static guint64
count (Fixture *f)
{
  BitmarEventLogInfo info;
  GError *error = NULL;

  bitmar_event_log_get_info (f->log, &info, &error);
  g_assert_no_error (error);
  return info.events;
}

static void
flush (Fixture *f)
{
  GError *error = NULL;

  bitmar_event_log_flush (f->log, &error);
  g_assert_no_error (error);
}

/* Somebody else, who writes and does not end. */
static sqlite3 *
lock_file (Fixture *f)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (f->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  return db;
}

/* ---- Both ways --------------------------------------------------------------------------------------------- */

static void
test_round_trip (Fixture *f, gconstpointer data)
{
  GBytes *jpeg = g_bytes_new_static ("\xff\xd8\0\xff", 4);
  float x[64];
  BitmarEvent e = { .camera = "yard", .text = "a man with a dög", .alert = "dogs", .utc = 1000, .pts = 7,
      .running_time = G_MAXUINT64,
    .confidence = 0.5f, .novelty = 0.25f, .embedding = x, .thumbnail = jpeg };
  GError *error = NULL;
  GPtrArray *found;
  BitmarEvent *first;

  g_assert_true (bitmar_model_embed (model, e.text, x, &error));
  g_assert_true (bitmar_event_log_append (f->log, &e, &error));
  e.camera = NULL;
  e.utc = 2000;
  e.thumbnail = NULL;
  e.alert = NULL;
  g_assert_true (bitmar_event_log_append (f->log, &e, &error));
  found = bitmar_event_log_query_text (f->log, "a man with a dög", 5, 0, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 2);
  first = bitmar_event_ref (found->pdata[1]);
  g_assert_cmpstr (((BitmarEvent *) found->pdata[0])->camera, ==, "");
  g_assert_null (((BitmarEvent *) found->pdata[0])->alert);
  g_assert_null (((BitmarEvent *) found->pdata[0])->thumbnail);
  g_ptr_array_unref (found);
  g_assert_cmpstr (first->camera, ==, "yard");
  g_assert_cmpstr (first->text, ==, "a man with a dög");
  g_assert_cmpstr (first->alert, ==, "dogs");
  g_assert_cmpint (first->utc, ==, 1000);
  g_assert_cmpuint (first->pts, ==, 7);
  g_assert_cmpuint (first->running_time, ==, G_MAXUINT64);
  g_assert_true (g_bytes_equal (first->thumbnail, jpeg));
  g_assert_cmpfloat_with_epsilon (first->score, 1, 0.01);
  g_assert_null (first->embedding);
  bitmar_event_unref (first);
  g_bytes_unref (jpeg);
}

/* Without a sentence the newest come first, whatever was seen, and of one time the last that was appended; one of them is had by its id until it is
 * forgotten. */
static void
test_newest (Fixture *f, gconstpointer data)
{
  static const gint64 times[] = { 2000, 3000, 3000, 1000 };
  GError *error = NULL;
  GPtrArray *found;
  BitmarEvent *event;
  gint64 id;

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    append (f, i == 0 ? "yard" : "door", times[i], i == 0 ? "a dog" : "a cat", &error);
  found = bitmar_event_log_query (f->log, NULL, 0, 3, 0, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 3);
  g_assert_cmpint (((BitmarEvent *) found->pdata[0])->id, >, ((BitmarEvent *) found->pdata[1])->id);
  g_assert_cmpint (((BitmarEvent *) found->pdata[1])->utc, ==, 3000);
  id = ((BitmarEvent *) found->pdata[2])->id;
  g_ptr_array_unref (found);
  event = bitmar_event_log_get_event (f->log, id, &error);
  g_assert_no_error (error);
  g_assert_cmpint (event->id, ==, id);
  g_assert_cmpint (event->utc, ==, 2000);
  g_assert_cmpstr (event->camera, ==, "yard");
  g_assert_cmpstr (event->text, ==, "a dog");
  bitmar_event_unref (event);
  g_assert_true (bitmar_event_log_forget (f->log, 0, -1, "yard", NULL, &error));
  g_assert_null (bitmar_event_log_get_event (f->log, id, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
}

static void
check_append (Fixture *f, BitmarEvent e, gint code)
{
  GError *error = NULL;

  g_assert_false (bitmar_event_log_append (f->log, &e, &error));
  g_assert_error (error, BITMAR_ERROR, code);
  g_error_free (error);
}

static void
test_illegal (Fixture *f, gconstpointer data)
{
  float x[64] = { 1 }, half[64] = { 0.5f }, nan[64] = { NAN };
  const BitmarEvent good = { .text = "a", .embedding = x };
  char *big = g_malloc0 (70000);
  BitmarEvent e;

  memset (big, 'x', 69999);
#define BAD(member, value, code) e = good; e.member = value; check_append (f, e, code)
  BAD (text, NULL, BITMAR_ERROR_PARAMETER);
  BAD (text, "\xff", BITMAR_ERROR_ENCODING);
  BAD (camera, "\xff", BITMAR_ERROR_ENCODING);
  BAD (alert, "\xff", BITMAR_ERROR_ENCODING);
  BAD (text, big, BITMAR_ERROR_TOO_LONG);
  BAD (utc, -1, BITMAR_ERROR_PARAMETER);
  BAD (utc, G_MAXINT64, BITMAR_ERROR_PARAMETER);
  BAD (confidence, NAN, BITMAR_ERROR_PARAMETER);
  BAD (novelty, 1.5f, BITMAR_ERROR_PARAMETER);
  BAD (embedding, NULL, BITMAR_ERROR_PARAMETER);
  BAD (embedding, half, BITMAR_ERROR_PARAMETER);
  BAD (embedding, nan, BITMAR_ERROR_PARAMETER);
  e = good;
  e.thumbnail = g_bytes_new_take (g_malloc0 (2 << 20), 2 << 20);
  check_append (f, e, BITMAR_ERROR_TOO_LONG);
  g_bytes_unref (e.thumbnail);
  g_free (big);
  flush (f);
  g_assert_cmpuint (count (f), ==, 0);
}

/* What bindings append. */
static void
test_made (Fixture *f, gconstpointer data)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny-early.gguf", NULL);
  BitmarModel *other = bitmar_model_load (path, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL), *foreign = bitmar_episode_new (other, NULL);
  BitmarEvent *event = bitmar_event_new (episode, "yard", "a dog", NULL, NULL);
  GError *error = NULL;

  check_append (f, *event, BITMAR_ERROR_PARAMETER);    /* nothing was seen */
  bitmar_event_unref (event);
  bitmar_model_embed (model, "a dog", episode->key, NULL);
  bitmar_model_embed (other, "a dog", foreign->key, NULL);
  event = bitmar_event_new (foreign, "yard", "a dog", NULL, NULL);
  check_append (f, *event, BITMAR_ERROR_MISMATCH);
  bitmar_event_unref (event);
  event = bitmar_event_new (episode, "yard", "a dog", NULL, NULL);
  g_object_unref (episode);
  g_assert_cmpint (event->utc, >, G_GINT64_CONSTANT (1500000000) * 1000000000);
  g_assert_true (event->pts == G_MAXUINT64 && event->running_time == G_MAXUINT64 && event->novelty == 1);
  g_assert_true (bitmar_event_log_append (f->log, event, &error));
  bitmar_event_unref (event);
  flush (f);
  g_assert_cmpuint (count (f), ==, 1);
  g_object_unref (foreign);
  g_object_unref (other);
  g_free (path);
}

static void
test_ranges (Fixture *f, gconstpointer data)
{
  float x[64] = { 1 };
  GError *error = NULL;
  GPtrArray *found;
  guint64 n;

  for (guint i = 0; i < 10; i++)
    g_assert_true (append (f, i % 2 ? "b" : "a", i * 10, "t", &error));
  found = bitmar_event_log_query (f->log, x, width, 100, 20, 50, NULL, &error);
  g_assert_cmpuint (found->len, ==, 3);
  g_ptr_array_unref (found);
  found = bitmar_event_log_query (f->log, x, width, 100, 20, -1, "b", &error);
  g_assert_cmpuint (found->len, ==, 4);
  g_ptr_array_unref (found);
  g_assert_null (bitmar_event_log_query (f->log, x, width, 100, 20, 10, NULL, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_null (bitmar_event_log_query (f->log, x, width, 0, 0, -1, NULL, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_null (bitmar_event_log_query (f->log, x, 63, 1, 0, -1, NULL, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  /* 0 to 0 is nothing, not all. */
  g_assert_true (bitmar_event_log_forget (f->log, 0, 0, NULL, &n, &error));
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (bitmar_event_log_forget (f->log, 50, -1, "a", &n, &error));
  g_assert_cmpuint (n, ==, 2);
  g_assert_true (bitmar_event_log_clear (f->log, &error));
  g_assert_cmpuint (count (f), ==, 0);
}

/* ---- The queue ----------------------------------------------------------------------------------------- */

/* The disk can't be written for as long as the other holds it, which ends only after the last append has returned:
 * none has waited. */
static void
test_never_blocks (Fixture *f, gconstpointer data)
{
  BitmarEventLogCounts counts;
  GError *error = NULL;
  sqlite3 *other;

  flush (f);
  other = lock_file (f);
  bitmar_event_log_set_queue_size (f->log, 100);
  for (guint i = 0; i < 130; i++) {
    char *text = g_strdup_printf ("text %u", i);

    g_assert_cmpint (append (f, "a", i, text, &error), ==, i < 100);
    if (i >= 100)
      g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FULL);
    g_clear_error (&error);
    g_free (text);
  }
  bitmar_event_log_get_counts (f->log, &counts);
  g_assert_cmpuint (counts.appended, ==, 130);
  g_assert_cmpuint (counts.dropped, ==, 30);
  g_assert_cmpuint (counts.queued, ==, 100);
  g_assert_cmpuint (counts.written, ==, 0);
  sqlite3_exec (other, "COMMIT", NULL, NULL, NULL);
  sqlite3_close (other);
  flush (f);
  g_assert_cmpuint (count (f), ==, 100);
  bitmar_event_log_get_counts (f->log, &counts);
  g_assert_cmpuint (counts.written, ==, 100);
  g_assert_cmpuint (counts.queued, ==, 0);
}

static void
note_error (BitmarEventLog *log, const GError *error, gpointer data)
{
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_BUSY);
  g_atomic_int_inc ((gint *) data);
}

/* A flush that can't be done says why; what is queued stays, and is written when it can be. */
static void
test_error (Fixture *f, gconstpointer data)
{
  sqlite3 *other = lock_file (f);
  GError *error = NULL;
  gint told = 0;

  bitmar_event_log_set_error_func (f->log, note_error, &told, NULL);
  g_assert_true (append (f, "a", 1, "t", &error));
  g_assert_false (bitmar_event_log_flush (f->log, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_BUSY);
  g_clear_error (&error);
  error = bitmar_event_log_get_error (f->log);
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_BUSY);
  g_clear_error (&error);
  sqlite3_exec (other, "COMMIT", NULL, NULL, NULL);
  sqlite3_close (other);
  flush (f);
  g_assert_null (bitmar_event_log_get_error (f->log));
  g_assert_cmpuint (count (f), ==, 1);
  g_assert_cmpint (told, >=, 1);
  bitmar_event_log_set_error_func (f->log, NULL, NULL, NULL);
}

/* Whatever is queued is forgotten as well as what is stored. */
static void
test_forget_queued (Fixture *f, gconstpointer data)
{
  BitmarEventLogCounts counts;
  GError *error = NULL;
  guint64 n;

  for (guint i = 0; i < 1000; i++)
    g_assert_true (append (f, i % 2 ? "b" : "a", i, "t", &error));
  g_assert_true (bitmar_event_log_forget (f->log, 0, -1, "b", &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 500);
  flush (f);
  g_assert_cmpuint (count (f), ==, 500);
  bitmar_event_log_get_counts (f->log, &counts);
  g_assert_cmpuint (counts.appended, ==, counts.written + counts.forgotten);
}

static gpointer
append_many (gpointer data)
{
  Fixture f = *(Fixture *) data;

  f.rand = g_rand_new ();
  for (guint i = 0; i < 200; i++)
    g_assert_true (append (&f, "t", i, "from a thread", NULL));
  g_rand_free (f.rand);
  return NULL;
}

static void
test_threads (Fixture *f, gconstpointer data)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("append", append_many, f);
  for (guint i = 0; i < 20; i++) {
    float x[64] = { 1 };
    GPtrArray *found = bitmar_event_log_query (f->log, x, width, 10, 0, -1, NULL, NULL);

    g_assert_nonnull (found);
    g_ptr_array_unref (found);
  }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  flush (f);
  g_assert_cmpuint (count (f), ==, 800);
}

/* ---- Retention, closing, refusing ---------------------------------------------------------------------- */

static void
wait_for_count (Fixture *f, guint64 n)
{
  gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (count (f) != n && g_get_monotonic_time () < end)
    g_usleep (5000);
  g_assert_cmpuint (count (f), ==, n);
}

static void
test_retention (Fixture *f, gconstpointer data)
{
  gint64 now = g_get_real_time () * 1000, hour = G_GINT64_CONSTANT (3600000000000);
  BitmarEventLogInfo info;
  GError *error = NULL;

  for (guint i = 0; i < 10; i++)
    g_assert_true (append (f, "a", now - (i * hour + hour / 2), "t", &error));
  flush (f);
  bitmar_event_log_set_retention (f->log, 5 * hour, 0);
  wait_for_count (f, 5);
  /* By size: an event's page or two each, so that few fit. */
  bitmar_event_log_set_retention (f->log, 0, 100000);
  for (guint i = 0; i < 300; i++) {
    char *text = g_strnfill (2000, 't');

    g_assert_true (append (f, "a", now + i, text, &error));
    g_free (text);
  }
  flush (f);
  g_clear_object (&f->log);
  reopen (f);
  g_assert_true (bitmar_event_log_get_info (f->log, &info, &error));
  g_assert_cmpuint (info.bytes, <=, 100000);
  g_assert_cmpint (info.last, ==, now + 299);
}

static void
test_close (Fixture *f, gconstpointer data)
{
  BitmarEventLogInfo info;
  GError *error = NULL;

  for (guint i = 0; i < 500; i++)
    g_assert_true (append (f, "a", i, "t", &error));
  g_assert_true (bitmar_event_log_close (f->log, &error));
  g_assert_true (bitmar_event_log_close (f->log, &error));
  g_assert_false (append (f, "a", 1, "t", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_false (bitmar_event_log_get_info (f->log, &info, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_false (bitmar_event_log_clear (f->log, &error));
  g_clear_error (&error);
  reopen (f);
  g_assert_cmpuint (count (f), ==, 500);
}

static void
test_lost_on_close (Fixture *f, gconstpointer data)
{
  sqlite3 *other = lock_file (f);
  GError *error = NULL;

  g_assert_true (append (f, "a", 1, "t", &error));
  g_assert_false (bitmar_event_log_close (f->log, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_BUSY);
  g_clear_error (&error);
  sqlite3_close (other);
}

static void
test_read_only (Fixture *f, gconstpointer data)
{
  GError *error = NULL;
  Fixture reader = *f;
  float x[64] = { 1 };
  GPtrArray *found;

  reader.log = bitmar_event_log_open (f->path, model, BITMAR_EVENT_LOG_READ_ONLY, &error);
  g_assert_no_error (error);
  g_assert_true (append (f, "a", 1, "t", &error));
  flush (f);
  found = bitmar_event_log_query (reader.log, x, width, 5, 0, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_ptr_array_unref (found);
  g_assert_false (append (&reader, "a", 1, "t", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_READ_ONLY);
  g_clear_error (&error);
  g_assert_false (bitmar_event_log_clear (reader.log, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_READ_ONLY);
  g_clear_error (&error);
  g_object_unref (reader.log);
}

static void
test_no_file (Fixture *f, gconstpointer data)
{
  char *nowhere = g_build_filename (f->folder, "no", "log", NULL);
  GError *error = NULL;

  g_assert_null (bitmar_event_log_open (nowhere, model, BITMAR_EVENT_LOG_WRITE, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
  g_assert_nonnull (strstr (error->message, nowhere));
  g_clear_error (&error);
  g_free (nowhere);
}

/* ---- kill -9 ------------------------------------------------------------------------------------------- */

/* Writes the number of each event that a flush has acknowledged into the pipe. */
static void
run_child (Fixture *f, guint first, int pipe)
{
  reopen (f);
  for (guint i = first;; i++) {
    char *text = g_strdup_printf ("number %u", i);

    if (!append (f, "a", i, text, NULL))
      _exit (1);
    g_free (text);
    if (i % 7 == 0) {
      if (!bitmar_event_log_flush (f->log, NULL) || write (pipe, &i, sizeof i) != sizeof i)
        _exit (1);
    }
    if (i % 50 == 0 && !bitmar_event_log_forget (f->log, i, i + 1, NULL, NULL, NULL))
      _exit (1);
  }
}

/* The last number in the pipe until the child is dead. */
static guint
kill_child (pid_t child, int pipe, guint after, gulong us)
{
  guint number, last = after;
  int status;

  /* It lives: the time runs from its first word. */
  if (read (pipe, &number, sizeof number) == sizeof number)
    last = number;
  g_usleep (us);
  kill (child, SIGKILL);
  while (read (pipe, &number, sizeof number) == sizeof number)
    last = number;
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  close (pipe);
  return last;
}

/* Every number up to the last acknowledged one is there once, but for those that were forgotten; returns the last of
 * all. */
static guint
check_numbers (const char *path, guint acknowledged)
{
  sqlite3 *db;
  sqlite3_stmt *q;
  guint expected = 1, number = 0;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_prepare_v2 (db, "PRAGMA integrity_check", -1, &q, NULL);
  g_assert_cmpint (sqlite3_step (q), ==, SQLITE_ROW);
  g_assert_cmpstr ((const char *) sqlite3_column_text (q, 0), ==, "ok");
  sqlite3_finalize (q);
  sqlite3_prepare_v2 (db, "SELECT utc, text FROM event ORDER BY id", -1, &q, NULL);
  while (sqlite3_step (q) == SQLITE_ROW) {
    number = sqlite3_column_int (q, 0);
    while (expected < number && expected % 50 == 0)
      expected++;
    g_assert_cmpuint (number, ==, expected++);
  }
  sqlite3_finalize (q);
  sqlite3_close (db);
  /* The last acknowledged one may be one of those that are forgotten. */
  g_assert_true (number >= acknowledged || (acknowledged % 50 == 0 && number == acknowledged - 1));
  return MAX (number, acknowledged);
}

static void
test_kill (Fixture *f, gconstpointer data)
{
  guint last = 0;

  g_clear_object (&f->log);
  for (guint round = 0; round < 40; round++) {
    int ends[2];
    pid_t child;

    g_assert_cmpint (pipe (ends), ==, 0);
    child = fork ();
    if (child == 0) {
      close (ends[0]);
      run_child (f, last + 1, ends[1]);
    }
    close (ends[1]);
    last = check_numbers (f->path, kill_child (child, ends[0], last, g_rand_int_range (f->rand, 0, 30000)));
  }
  g_assert_cmpuint (last, >, 200);
}

/* ---- The module ---------------------------------------------------------------------------------------- */

/* In a process of its own, where it isn't loaded yet. */
static void
test_no_module (void)
{
  if (g_test_subprocess ()) {
    GError *error = NULL;

    g_setenv ("BITMAR_MODULE_PATH", "/nonexistent", TRUE);
    g_assert_null (bitmar_event_log_open ("log", NULL, BITMAR_EVENT_LOG_WRITE, &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE);
    g_printerr ("%s\n", error->message);
    g_error_free (error);
    return;
  }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*/nonexistent/libbitmar-store-sqlite.so*libsqlite3-dev*");
}

#define ADD(name, test) g_test_add ("/event-log/" name, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny.gguf", NULL);
  GError *error = NULL;

  g_test_init (&argc, &argv, NULL);
  model = bitmar_model_load (path, &error);
  g_assert_no_error (error);
  width = bitmar_model_get_memory_width (model);
  g_test_add_func ("/event-log/no-module", test_no_module);
  ADD ("kill", test_kill);
  ADD ("round-trip", test_round_trip);
  ADD ("newest", test_newest);
  ADD ("illegal", test_illegal);
  ADD ("made", test_made);
  ADD ("ranges", test_ranges);
  ADD ("never-blocks", test_never_blocks);
  ADD ("error", test_error);
  ADD ("forget-queued", test_forget_queued);
  ADD ("threads", test_threads);
  ADD ("retention", test_retention);
  ADD ("close", test_close);
  ADD ("lost-on-close", test_lost_on_close);
  ADD ("read-only", test_read_only);
  ADD ("no-file", test_no_file);
  g_free (path);
  return g_test_run ();
}
