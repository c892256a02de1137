/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The SQLite backend through its table: what comes back, what is refused, and what a full or failing disk leaves.
 * Failing writes are made with SQLite's own way to replace a system call. */

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "bitmar-event-index.h"
#include "event-store.h"
#include "store-util.h"

#define WIDTH 64
#define MODEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const BmsBackend *backend;
static const BmsFilter all = { 0, BMS_FOREVER, NULL };

typedef struct {
  char *folder, *path;
  BmsStore *store;
  BmsError error;
  GRand *rand;
} Fixture;

static void
reopen (Fixture *f)
{
  if (f->store)
    backend->close (f->store);
  f->store = backend->open (f->path, MODEL, WIDTH, false, &f->error);
  g_assert_nonnull (f->store);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = make_folder ();
  f->path = g_build_filename (f->folder, "log", NULL);
  f->rand = g_rand_new_with_seed (1);
  reopen (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->store)
    backend->close (f->store);
  g_rand_free (f->rand);
  g_free (f->path);
  remove_folder (f->folder);
}

static void
insert (Fixture *f, const char *camera, gint64 utc, const char *text, const float *x, const void *jpeg, gsize size)
{
  BmsEvent e = { .camera = camera, .text = text, .utc = utc, .pts = 5, .running_time = UINT64_MAX, .confidence = 0.5f,
    .novelty = 0.25f, .embedding = x, .thumbnail = jpeg, .thumbnail_size = size };

  g_assert_true (backend->insert (f->store, &e, 1, &f->error));
}

/* n events a second apart, of cameras a, b and c in turn, with a text and a thumbnail of their own. */
static void
insert_many (Fixture *f, guint n, gsize thumbnail)
{
  guint8 *jpeg = g_malloc (thumbnail + 16);
  float x[WIDTH];

  for (guint i = 0; i < n; i++) {
    char *text = g_strdup_printf ("text-%06u-of-%s", i, i % 2 ? "a man"
        : "a long caption that fills a page more than the other does");

    random_unit (f->rand, x, WIDTH);
    memset (jpeg, (int) i, thumbnail);
    g_snprintf ((char *) jpeg, 16, "jpeg-%06u-", i);
    insert (f, (const char *[]) { "a", "b", "c" }[i % 3], i * 1000, text, x, jpeg, thumbnail ? thumbnail : 0);
    g_free (text);
  }
  g_free (jpeg);
}

static void
keep (const BmsEvent *e, void *data)
{
  g_ptr_array_add (data, g_strdup_printf ("%s %s %" G_GINT64_FORMAT, e->camera, e->text, e->utc));
}

/* What is found, in order. */
static GPtrArray *
find (Fixture *f, const float *x, gsize k, const BmsFilter *filter)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);

  g_assert_true (backend->query (f->store, x, k, filter, keep, found, &f->error));
  return found;
}

static guint64
count (Fixture *f)
{
  BmsInfo info;

  g_assert_true (backend->info (f->store, &info, &f->error));
  return info.events;
}

static void
check_integrity (const char *path)
{
  sqlite3 *db;
  sqlite3_stmt *q;

  g_assert_cmpint (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (db, "PRAGMA integrity_check", -1, &q, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (q), ==, SQLITE_ROW);
  g_assert_cmpstr ((const char *) sqlite3_column_text (q, 0), ==, "ok");
  sqlite3_finalize (q);
  sqlite3_close (db);
}

/* ---- What comes back ------------------------------------------------------------------------------------- */

static void
check_first (const BmsEvent *e, void *data)
{
  g_assert_cmpint (e->id, ==, 1);
  g_assert_cmpstr (e->camera, ==, "yard");
  g_assert_cmpstr (e->text, ==, "a dög");
  g_assert_cmpstr (e->alert, ==, "intruder");
  g_assert_cmpint (e->utc, ==, 1234567890123456789);
  g_assert_cmpuint (e->pts, ==, 77);
  g_assert_cmpuint (e->running_time, ==, UINT64_MAX);
  g_assert_cmpfloat (e->confidence, ==, 0.625f);
  g_assert_cmpfloat (e->novelty, ==, 0.125f);
  g_assert_cmpmem (e->thumbnail, e->thumbnail_size, "\xff\xd8\0\xff", 4);
  g_assert_cmpfloat_with_epsilon (e->score, 1, 0.001);
  ++*(guint *) data;
}

static void
test_round_trip (Fixture *f, gconstpointer data)
{
  float x[WIDTH];
  BmsEvent e = { .camera = "yard", .text = "a dög", .alert = "intruder", .utc = 1234567890123456789, .pts = 77,
    .running_time = UINT64_MAX, .confidence = 0.625f, .novelty = 0.125f, .embedding = x, .thumbnail = "\xff\xd8\0\xff",
    .thumbnail_size = 4 };
  guint n = 0;
  BmsInfo info;

  random_unit (f->rand, x, WIDTH);
  g_assert_true (backend->insert (f->store, &e, 1, &f->error));
  g_assert_true (backend->query (f->store, x, 3, &all, check_first, &n, &f->error));
  reopen (f);
  g_assert_true (backend->query (f->store, x, 3, &all, check_first, &n, &f->error));
  g_assert_cmpuint (n, ==, 2);
  g_assert_true (backend->info (f->store, &info, &f->error));
  g_assert_cmpuint (info.events, ==, 1);
  g_assert_cmpint (info.first, ==, e.utc);
  g_assert_cmpint (info.last, ==, e.utc);
}

/* Whatever the umask: the file, and what SQLite puts beside it. */
static void
test_private (Fixture *f, gconstpointer data)
{
  mode_t former = umask (0);
  const char *name;
  GDir *dir;
  guint n = 0;

  insert_many (f, 2, 20);
  g_assert_cmpint (g_unlink (f->path), ==, 0);
  reopen (f);
  insert_many (f, 2, 20);
  umask (former);
  dir = g_dir_open (f->folder, 0, NULL);
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (f->folder, name, NULL);
    GStatBuf s;

    g_assert_cmpint (g_stat (path, &s), ==, 0);
    g_assert_cmpint (s.st_mode & 07777, ==, 0600);
    n++;
  }
  g_dir_close (dir);
  g_assert_cmpuint (n, >=, 1);
}

static void
test_filters (Fixture *f, gconstpointer data)
{
  float x[WIDTH] = { 1 };
  GPtrArray *found;

  insert (f, "a", 100, "one", x, NULL, 0);
  insert (f, "b", 200, "two", x, NULL, 0);
  insert (f, "a", 300, "three", x, NULL, 0);
  insert (f, "a", 300, "four", x, NULL, 0);
  found = find (f, x, 10, &all);
  g_assert_cmpuint (found->len, ==, 4);
  g_assert_cmpstr (found->pdata[0], ==, "a four 300");
  g_assert_cmpstr (found->pdata[1], ==, "a three 300");
  g_assert_cmpstr (found->pdata[3], ==, "a one 100");
  g_ptr_array_unref (found);
  found = find (f, x, 1, &(BmsFilter) { 100, 300, NULL });
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_cmpstr (found->pdata[0], ==, "b two 200");
  g_ptr_array_unref (found);
  found = find (f, x, 10, &(BmsFilter) { 100, 301, "a" });
  g_assert_cmpuint (found->len, ==, 3);
  g_ptr_array_unref (found);
  found = find (f, x, 10, &(BmsFilter) { 0, BMS_FOREVER, "nobody's" });
  g_assert_cmpuint (found->len, ==, 0);
  g_ptr_array_unref (found);
}

/* A second store sees what the first inserts and deletes, and the other way round. */
static void
test_two_stores (Fixture *f, gconstpointer data)
{
  Fixture other = *f;
  float x[WIDTH] = { 1 };
  guint64 n;

  other.store = backend->open (f->path, MODEL, WIDTH, true, &other.error);
  g_assert_nonnull (other.store);
  for (guint round = 0; round < 3; round++) {
    GPtrArray *found;

    insert_many (f, 30, 0);
    found = find (&other, x, 100, &all);
    g_assert_cmpuint (found->len, ==, 30);
    g_ptr_array_unref (found);
    g_assert_true (backend->forget (f->store, &(BmsFilter) { 0, BMS_FOREVER, "b" }, &n, &f->error));
    g_assert_cmpuint (n, ==, 10);
    found = find (&other, x, 100, &all);
    g_assert_cmpuint (found->len, ==, 20);
    g_ptr_array_unref (found);
    g_assert_true (backend->forget (f->store, &all, &n, &f->error));
    found = find (&other, x, 100, &all);
    g_assert_cmpuint (found->len, ==, 0);
    g_ptr_array_unref (found);
  }
  g_assert_false (backend->forget (other.store, &all, &n, &other.error));
  g_assert_cmpint (other.error.code, ==, BMS_READ_ONLY);
  backend->close (other.store);
}

/* ---- What goes ---------------------------------------------------------------------------------------------- */

/* Which of insert_many's events have left anything. */
static gboolean
has_traces (Fixture *f, guint i, const gint8 *codes)
{
  char text[32], jpeg[16];

  g_snprintf (text, sizeof text, "text-%06u-", i);
  g_snprintf (jpeg, sizeof jpeg, "jpeg-%06u-", i);
  return folder_contains (f->folder, text, strlen (text)) || folder_contains (f->folder, jpeg, strlen (jpeg))
      || folder_contains (f->folder, codes, WIDTH);
}

/* Scattered forgetting repacks pages, which leaves copies behind where nothing but a search of the raw bytes sees
 * them. */
static void
test_forget (Fixture *f, gconstpointer data)
{
  enum { N = 600 };
  gint8 (*codes)[WIDTH] = g_malloc (N * sizeof *codes);
  GRand *same = g_rand_new_with_seed (1);
  gboolean gone[N] = { FALSE };
  float x[WIDTH], scale;
  guint64 n;

  for (guint i = 0; i < N; i++) {
    random_unit (same, x, WIDTH);
    bmi_encode (codes[i], &scale, x, WIDTH);
  }
  insert_many (f, N, 700);
  for (guint i = 0; i < N; i++)
    g_assert_true (i % 50 || has_traces (f, i, codes[i]));
  for (guint round = 0; round < 40; round++) {
    gint from = g_rand_int_range (f->rand, 0, N), length = g_rand_int_range (f->rand, 1, 30), to = MIN (N,
        from + length);
    const char *camera = (const char *[]) { "a", "b", "c", NULL }[round % 4];

    g_assert_true (backend->forget (f->store, &(BmsFilter) { from * 1000, to * 1000, camera }, &n, &f->error));
    for (gint i = from; i < to; i++)
      gone[i] |= !camera || camera[0] == "abc"[i % 3];
  }
  for (guint i = 0; i < N; i++)
    g_assert_cmpint (has_traces (f, i, codes[i]), ==, !gone[i]);
  g_assert_true (backend->forget (f->store, &all, &n, &f->error));
  g_assert_false (folder_contains (f->folder, "text-", 5) || folder_contains (f->folder, "jpeg-", 5));
  g_assert_cmpuint (count (f), ==, 0);
  g_rand_free (same);
  g_free (codes);
}

/* Zeroing what is deleted is not enough: pages that are repacked keep copies. Returns how many events have any. */
static guint
scatter (Fixture *f, guint32 seed, GArray *dead)
{
  GRand *rand = g_rand_new_with_seed (seed);
  guint traces = 0;
  sqlite3 *db;

  sqlite3_open (f->path, &db);
  sqlite3_exec (db, "PRAGMA synchronous=OFF; PRAGMA secure_delete=ON; UPDATE log SET traces = 1, deletions = "
      "deletions + 1", NULL, NULL, NULL);
  for (guint round = 0; round < 150; round++) {
    sqlite3_exec (db, "BEGIN", NULL, NULL, NULL);
    for (gint n = g_rand_int_range (rand, 1, 20); n > 0; n--) {
      guint number = g_rand_int_range (rand, 0, 2400);
      char *sql = g_strdup_printf ("DELETE FROM event WHERE utc = %u000", number);

      sqlite3_exec (db, sql, NULL, NULL, NULL);
      g_array_append_val (dead, number);
      g_free (sql);
    }
    sqlite3_exec (db, "COMMIT", NULL, NULL, NULL);
  }
  sqlite3_exec (db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
  sqlite3_close (db);
  for (guint i = 0; i < dead->len; i++) {
    char text[32];

    g_snprintf (text, sizeof text, "text-%06u-", g_array_index (dead, guint, i));
    traces += folder_contains (f->folder, text, strlen (text));
  }
  g_rand_free (rand);
  return traces;
}

static void
insert_lengths (Fixture *f, guint n)
{
  static const guint lengths[] = { 5, 50, 200, 900 };
  BmsEvent *events = g_new0 (BmsEvent, n);
  float x[WIDTH] = { 1 };

  for (guint i = 0; i < n; i++) {
    char *fill = g_strnfill (lengths[g_rand_int_range (f->rand, 0, 4)], 'x');

    events[i] = (BmsEvent) { .camera = "", .text = g_strdup_printf ("text-%06u-%s", i, fill), .utc = i * 1000,
        .embedding = x };
    g_free (fill);
  }
  g_assert_true (backend->insert (f->store, events, n, &f->error));
  for (guint i = 0; i < n; i++)
    g_free ((char *) events[i].text);
  g_free (events);
}

static void
test_traces (Fixture *f, gconstpointer data)
{
  guint before = 0;
  guint64 n;

  for (guint32 seed = 0; seed < 4; seed++) {
    GArray *dead = g_array_new (FALSE, FALSE, sizeof (guint));

    insert_lengths (f, 2400);
    before += scatter (f, seed, dead);
    g_assert_true (backend->forget (f->store, &(BmsFilter) { 0, 0, NULL }, &n, &f->error));
    for (guint i = 0; i < dead->len; i += 1) {
      char text[32];

      g_snprintf (text, sizeof text, "text-%06u-", g_array_index (dead, guint, i));
      g_assert_false (folder_contains (f->folder, text, strlen (text)));
    }
    g_assert_true (backend->forget (f->store, &all, &n, &f->error));
    g_array_unref (dead);
  }
  g_test_message ("%u deleted events had left traces", before);
}

/* While somebody reads an old state, it can't be gone; forgetting nothing more finishes it. */
static void
test_forget_while_read (Fixture *f, gconstpointer data)
{
  sqlite3 *db;
  guint64 n;

  insert_many (f, 20, 100);
  g_assert_cmpint (sqlite3_open (f->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, "BEGIN; SELECT * FROM event", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_false (backend->forget (f->store, &all, &n, &f->error));
  g_assert_cmpint (f->error.code, ==, BMS_BUSY);
  g_assert_cmpuint (n, ==, 20);
  g_assert_cmpuint (count (f), ==, 0);
  sqlite3_exec (db, "COMMIT", NULL, NULL, NULL);
  sqlite3_close (db);
  g_assert_true (backend->forget (f->store, &all, &n, &f->error));
  g_assert_cmpuint (n, ==, 0);
  g_assert_false (folder_contains (f->folder, "text-", 5) || folder_contains (f->folder, "jpeg-", 5));
}

static void
test_prune_age (Fixture *f, gconstpointer data)
{
  BmsInfo info;
  guint64 n;

  insert_many (f, 30, 50);
  g_assert_true (backend->prune (f->store, 0, 0, &n, &f->error));
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (backend->prune (f->store, 10000, 0, &n, &f->error));
  g_assert_cmpuint (n, ==, 10);
  g_assert_true (backend->info (f->store, &info, &f->error));
  g_assert_cmpuint (info.events, ==, 20);
  g_assert_cmpint (info.first, ==, 10000);
  g_assert_true (backend->prune (f->store, BMS_FOREVER, 0, &n, &f->error));
  g_assert_cmpuint (n, ==, 20);
}

static void
test_prune_size (Fixture *f, gconstpointer data)
{
  guint64 n, limit = 400000, total = 0;
  BmsInfo info;
  GStatBuf st;

  for (guint round = 0; round < 4; round++) {
    insert_many (f, 100, 3000);
    g_assert_true (backend->prune (f->store, 0, limit, &n, &f->error));
    total += n;
    g_assert_true (backend->info (f->store, &info, &f->error));
    g_assert_cmpuint (info.bytes, <=, limit);
    g_assert_cmpuint (info.events, >, 50);
  }
  g_assert_cmpuint (total + info.events, ==, 400);
  /* A lower limit is one for the file. */
  g_assert_true (backend->prune (f->store, 0, limit / 2, &n, &f->error));
  g_assert_cmpint (g_stat (f->path, &st), ==, 0);
  g_assert_cmpuint (st.st_size, <=, limit / 2);
  g_assert_true (backend->info (f->store, &info, &f->error));
  g_assert_cmpint (info.last, ==, 99000);
  /* One that nothing can keep. */
  g_assert_true (backend->prune (f->store, 0, 1, &n, &f->error));
  g_assert_cmpuint (count (f), ==, 0);
  check_integrity (f->path);
}

/* ---- What is refused ---------------------------------------------------------------------------------------- */

static void
refused (Fixture *f, const char *path, const char *model, gsize width, bool read_only, BmsCode code)
{
  char *before = NULL, *after = NULL;
  gsize n = 0, m = 0;
  BmsError error;

  g_file_get_contents (path, &before, &n, NULL);
  g_assert_null (backend->open (path, model, width, read_only, &error));
  g_assert_cmpint (error.code, ==, code);
  g_assert_nonnull (strstr (error.text, model && strlen (model) == BMS_MODEL_SIZE && width == WIDTH ? path : ""));
  g_file_get_contents (path, &after, &m, NULL);
  g_assert_cmpmem (before, n, after, m);
  g_assert_cmpint (before == NULL, ==, after == NULL);
  g_free (before);
  g_free (after);
}

static void
overwrite (const char *path, gsize at, gconstpointer bytes, gsize n)
{
  FILE *file = g_fopen (path, "r+b");

  g_assert_cmpint (fseek (file, (long) at, SEEK_SET), ==, 0);
  g_assert_cmpuint (fwrite (bytes, 1, n, file), ==, n);
  fclose (file);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  char *other = g_build_filename (f->folder, "other", NULL);
  sqlite3 *db;

  insert_many (f, 10, 50);
  backend->close (g_steal_pointer (&f->store));
  refused (f, f->path, OTHER, WIDTH, false, BMS_MISMATCH);
  refused (f, f->path, OTHER, WIDTH, true, BMS_MISMATCH);
  refused (f, f->path, MODEL, 2 * WIDTH, false, BMS_MISMATCH);
  refused (f, f->path, MODEL, 24, false, BMS_PARAMETER);
  refused (f, f->path, "short", WIDTH, false, BMS_PARAMETER);
  refused (f, f->folder, MODEL, WIDTH, false, BMS_OPEN);
  refused (f, other, MODEL, WIDTH, true, BMS_OPEN);
  refused (f, other, NULL, 0, false, BMS_OPEN);
  g_file_set_contents (other, "only a text that is long enough to be anything at all, were it what it is not: a "
      "database", -1, NULL);
  refused (f, other, MODEL, WIDTH, false, BMS_FORMAT);
  g_file_set_contents (other, "x", -1, NULL);
  refused (f, other, MODEL, WIDTH, false, BMS_FORMAT);
  g_file_set_contents (other, "", 0, NULL);
  refused (f, other, MODEL, WIDTH, true, BMS_FORMAT);
  sqlite3_open (other, &db);
  sqlite3_exec (db, "CREATE TABLE log (model, width)", NULL, NULL, NULL);
  sqlite3_close (db);
  refused (f, other, MODEL, WIDTH, false, BMS_FORMAT);
  /* Bytes 60 to 63 are the format's number. */
  overwrite (f->path, 60, "\0\0\0\2", 4);
  refused (f, f->path, MODEL, WIDTH, false, BMS_VERSION);
  g_free (other);
}

static void
test_damaged (Fixture *f, gconstpointer data)
{
  guint8 noise[4096];
  char *whole;
  gsize size;

  insert_many (f, 50, 300);
  backend->close (g_steal_pointer (&f->store));
  g_file_get_contents (f->path, &whole, &size, NULL);
  g_file_set_contents (f->path, whole, (gssize) (size / 2 / 4096 * 4096), NULL);
  refused (f, f->path, MODEL, WIDTH, false, BMS_CORRUPT);
  g_file_set_contents (f->path, whole, 150, NULL);
  refused (f, f->path, MODEL, WIDTH, false, BMS_CORRUPT);
  memset (noise, 0xa5, sizeof noise);
  g_file_set_contents (f->path, whole, (gssize) size, NULL);
  for (gsize at = 8192; at < size; at += 4096)
    overwrite (f->path, at, noise, sizeof noise);
  refused (f, f->path, MODEL, WIDTH, false, BMS_CORRUPT);
  g_free (whole);
}

/* Only a query may find what is damaged deep inside; it says so. */
static void
test_damaged_row (Fixture *f, gconstpointer data)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  float x[WIDTH] = { 1 };
  sqlite3 *db;

  insert_many (f, 5, 0);
  sqlite3_open (f->path, &db);
  g_assert_cmpint (sqlite3_exec (db, "UPDATE event SET codes = x'0102' WHERE id = 3", NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_false (backend->query (f->store, x, 5, &all, keep, found, &f->error));
  g_assert_cmpint (f->error.code, ==, BMS_CORRUPT);
  sqlite3_close (db);
  g_ptr_array_unref (found);
}

/* A log of whichever model can be forgotten from, and nothing else. */
static void
test_any_model (Fixture *f, gconstpointer data)
{
  float x[WIDTH] = { 1 };
  BmsEvent e = { .camera = "", .text = "", .embedding = x };
  guint64 n;

  insert_many (f, 9, 0);
  backend->close (f->store);
  f->store = backend->open (f->path, NULL, 0, false, &f->error);
  g_assert_nonnull (f->store);
  g_assert_false (backend->insert (f->store, &e, 1, &f->error));
  g_assert_cmpint (f->error.code, ==, BMS_PARAMETER);
  g_assert_false (backend->query (f->store, x, 1, &all, keep, NULL, &f->error));
  g_assert_true (backend->forget (f->store, &(BmsFilter) { 0, BMS_FOREVER, "c" }, &n, &f->error));
  g_assert_cmpuint (n, ==, 3);
}

/* ---- Disks that fail ------------------------------------------------------------------------------------------ */

static int fault;              /* errno of every write while it is not 0 */
static guint64 writes_left;    /* before that */

static ssize_t
failing_pwrite (int fd, const void *data, size_t size, off_t at)
{
  if (!fault)
    return pwrite (fd, data, size, at);
  if (writes_left > 0) {
    writes_left--;
    return pwrite (fd, data, size, at);
  }
  errno = fault;
  return -1;
}

static void
replace_write (gboolean ours)
{
  sqlite3_vfs *vfs = sqlite3_vfs_find (NULL);
  sqlite3_syscall_ptr call = ours ? (sqlite3_syscall_ptr) failing_pwrite : NULL;

  vfs->xSetSystemCall (vfs, "pwrite", call);
  vfs->xSetSystemCall (vfs, "pwrite64", call);
}

/* At whichever write it fails: the batch is not there, or whole; what was acknowledged is; and the next one works. */
static void
test_failing (Fixture *f, gconstpointer data)
{
  int number = GPOINTER_TO_INT (data);
  guint64 acknowledged = 40, failed = 0, n;
  char big[9000];

  memset (big, 'j', sizeof big);
  insert_many (f, 40, 50);
  replace_write (TRUE);
  for (guint after = 0; after < 12; after++) {
    float x[WIDTH] = { 1 };
    BmsEvent e[2] = { { .camera = "d", .text = "x", .embedding = x, .thumbnail = big, .thumbnail_size = sizeof big } };

    e[1] = e[0];
    fault = number;
    writes_left = after;
    if (backend->insert (f->store, e, 2, &f->error)) {
      acknowledged += 2;
    } else {
      g_assert_cmpint (f->error.code, ==, number == ENOSPC ? BMS_FULL : BMS_IO);
      failed++;
    }
    fault = 0;
    g_assert_cmpuint (count (f), ==, acknowledged);
    g_assert_true (backend->insert (f->store, e, 1, &f->error));
    acknowledged++;
    reopen (f);
    g_assert_cmpuint (count (f), ==, acknowledged);
  }
  g_assert_cmpuint (failed, >, 3);
  /* A forget that fails says so, and one that follows leaves nothing. */
  for (guint after = 0; after < 40; after += 3) {
    fault = number;
    writes_left = after;
    backend->forget (f->store, &(BmsFilter) { 0, BMS_FOREVER, "a" }, &n, &f->error);
    fault = 0;
    check_integrity (f->path);
  }
  g_assert_true (backend->forget (f->store, &all, &n, &f->error));
  replace_write (FALSE);
  g_assert_false (folder_contains (f->folder, "text-", 5) || folder_contains (f->folder, "jpeg-", 5));
  check_integrity (f->path);
}

static void
test_moved (Fixture *f, gconstpointer data)
{
  float x[WIDTH] = { 1 };
  BmsEvent e = { .camera = "", .text = "", .embedding = x };
  char *elsewhere = g_strconcat (f->path, "-moved", NULL);

  g_assert_true (backend->insert (f->store, &e, 1, &f->error));
  g_assert_cmpint (g_rename (f->path, elsewhere), ==, 0);
  g_assert_false (backend->insert (f->store, &e, 1, &f->error));
  g_assert_cmpint (f->error.code, ==, BMS_IO);
  g_assert_nonnull (strstr (f->error.text, "moved"));
  g_free (elsewhere);
}

#define ADD(name, test) g_test_add ("/sqlite/" name, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  GError *error = NULL;

  g_test_init (&argc, &argv, NULL);
  backend = bitmar_event_store_get (&error);
  g_assert_no_error (error);
  ADD ("round-trip", test_round_trip);
  ADD ("private", test_private);
  ADD ("filters", test_filters);
  ADD ("two-stores", test_two_stores);
  ADD ("forget", test_forget);
  ADD ("traces", test_traces);
  ADD ("forget-while-read", test_forget_while_read);
  ADD ("prune/age", test_prune_age);
  ADD ("prune/size", test_prune_size);
  ADD ("refused", test_refused);
  ADD ("damaged", test_damaged);
  ADD ("damaged-row", test_damaged_row);
  ADD ("any-model", test_any_model);
  g_test_add ("/sqlite/disk/full", Fixture, GINT_TO_POINTER (ENOSPC), set_up, test_failing, tear_down);
  g_test_add ("/sqlite/disk/failing", Fixture, GINT_TO_POINTER (EIO), set_up, test_failing, tear_down);
  ADD ("moved", test_moved);
  return g_test_run ();
}
