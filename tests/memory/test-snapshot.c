/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots: a restored memory goes on as the saved one, and nothing but a sound snapshot gets in. */

#include <glib.h>
#include <math.h>
#include <string.h>

#include "episodic-memory-private.h"
#include "snapshot.h"

#define C 32
#define NOTE 3
#define MODEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"

static void
random_unit (GRand *rand, float *x)
{
  double square = 0;

  for (guint i = 0; i < C; i++) {
    x[i] = (float) g_rand_double_range (rand, -1, 1);
    square += (double) x[i] * x[i];
  }
  for (guint i = 0; i < C; i++)
    x[i] /= sqrt (square);
}

static BmmMemory *
make (gsize slots, gsize width)
{
  return bmm_new (&(BmmConfig) { slots, width, 0.25f, 4, 0.5f, 0.3f, .note = NOTE, .note_limit = 100 });
}

/* The next n frames of a story; digest: of all that it lets be seen, NULL: none. */
static void
tell (BmmMemory *m, GRand *rand, guint n, GChecksum *digest)
{
  float key[C], value[C], recalled[C];

  for (guint i = 0; i < n; i++) {
    BmmRecall r;
    guint64 slot;

    random_unit (rand, key);
    random_unit (rand, value);
    r = bmm_read (m, key, recalled);
    slot = bmm_write (m, key, value, 1000 * i + n);
    if (i % 3)
      bmm_tell (m, slot, key, value, (uint32_t[NOTE]) { i % 100, 99, slot % 100 }, i % (NOTE + 1));
    if (!digest)
      continue;
    g_checksum_update (digest, (guint8 *) &r, sizeof r);
    g_checksum_update (digest, (guint8 *) recalled, sizeof recalled);
    g_checksum_update (digest, (guint8 *) &slot, sizeof slot);
  }
}

static BmmMemory *
filled (gsize slots, guint frames)
{
  BmmMemory *m = make (slots, C);
  GRand *rand = g_rand_new_with_seed (slots + frames);

  tell (m, rand, frames, NULL);
  g_rand_free (rand);
  return m;
}

static bool
restore (BmmMemory *m, GBytes *bytes, GError **error)
{
  return bmm_snapshot_restore (m, MODEL, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
}

static void
assert_holds (const BmmMemory *m, GBytes *bytes)
{
  GBytes *now = bmm_snapshot_to_bytes (m, MODEL);

  g_assert_true (g_bytes_equal (now, bytes));
  g_bytes_unref (now);
}

/* ---- Round trips ----------------------------------------------------------------------------------------- */

static char *
rest_of_story (BmmMemory *m)
{
  GChecksum *digest = g_checksum_new (G_CHECKSUM_SHA256);
  GRand *rand = g_rand_new_with_seed (99);
  char *seen;

  tell (m, rand, 300, digest);
  seen = g_strdup (g_checksum_get_string (digest));
  g_rand_free (rand);
  g_checksum_free (digest);
  return seen;
}

static void
round_trip (gsize slots, guint frames, guint before)
{
  BmmMemory *m = filled (slots, frames), *other = filled (slots, before);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  GError *error = NULL;
  char *seen, *again;

  g_assert_true (restore (other, bytes, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (bmm_used (other), ==, bmm_used (m));
  assert_holds (other, bytes);
  seen = rest_of_story (m);
  again = rest_of_story (other);
  g_assert_cmpstr (seen, ==, again);
  g_bytes_unref (bytes);
  bytes = bmm_snapshot_to_bytes (m, MODEL);
  assert_holds (other, bytes);
  g_bytes_unref (bytes);
  g_free (seen);
  g_free (again);
  bmm_free (m);
  bmm_free (other);
}

static void
test_round_trip (void)
{
  static const gsize slots[] = { 1, 2, 7, 64 };
  static const guint frames[] = { 0, 1, 5, 400 };

  for (guint i = 0; i < 16; i++)
    for (guint before = 0; before < 2; before++)
      round_trip (slots[i % 4], frames[i / 4], before * 200);
}

/* A memory of fewer slots takes what fits. */
static void
test_fewer_slots (void)
{
  BmmMemory *m = filled (64, 5), *fits = make (bmm_used (m), C), *small = make (bmm_used (m) - 1, C);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  GError *error = NULL;

  g_assert_true (restore (fits, bytes, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (bmm_used (fits), ==, bmm_used (m));
  g_assert_false (restore (small, bytes, &error));
  g_assert_error (error, BMM_SNAPSHOT_ERROR, BMM_SNAPSHOT_SHAPE);
  g_clear_error (&error);
  g_bytes_unref (bytes);
  bmm_free (m);
  bmm_free (fits);
  bmm_free (small);
}

/* The layout is what docs/memory.md says. */
static void
test_layout (void)
{
  BmmMemory *m = make (3, 16);
  float key[16] = { 1 }, value[16] = { 0, 2 };
  GBytes *bytes;
  const guint8 *data;
  gsize size;

  bmm_write (m, key, value, 0x1234);
  g_assert_true (bmm_tell (m, 0, key, value, (uint32_t[]) { 7, 99 }, 2));
  bytes = bmm_snapshot_to_bytes (m, MODEL);
  data = g_bytes_get_data (bytes, &size);
  g_assert_cmpuint (size, ==, 96 + 32 + 2 * 64 + 16 + 32);
  g_assert_cmpmem (data, 8, "BMMS\2\0\0\0", 8);
  g_assert_cmpmem (data + 8, 64, MODEL, 64);
  g_assert_cmpmem (data + 72, 24, "\3\0\0\0\20\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\3\0\0\0", 24);
  g_assert_cmpmem (data + 96, 32, "\x34\x12\0\0\0\0\0\0\x34\x12\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 32);
  g_assert_cmpmem (data + 128, 4, "\0\0\x80\x3f", 4);
  g_assert_cmpmem (data + 192, 8, "\0\0\0\0\0\0\0\x40", 8);
  g_assert_cmpmem (data + 256, 16, "\2\0\0\0\7\0\0\0\x63\0\0\0\0\0\0\0", 16);
  g_bytes_unref (bytes);
  bmm_free (m);
}

/* ---- What is refused --------------------------------------------------------------------------------------- */

static void
refused (BmmMemory *m, const guint8 *data, gsize size, BmmSnapshotError code)
{
  GBytes *was = bmm_snapshot_to_bytes (m, MODEL);
  guint8 *copy = g_memdup2 (data, size);     /* exactly as long, for a sanitizer to see a read beyond it */
  GError *error = NULL;

  g_assert_false (bmm_snapshot_restore (m, MODEL, copy, size, &error));
  g_assert_error (error, BMM_SNAPSHOT_ERROR, (gint) code);
  g_clear_error (&error);
  g_assert_false (bmm_snapshot_restore (m, MODEL, copy, size, NULL));
  assert_holds (m, was);
  g_bytes_unref (was);
  g_free (copy);
}

static void
test_truncated (void)
{
  BmmMemory *m = filled (4, 100), *other = filled (4, 30);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  for (gsize n = 0; n < size; n++)
    refused (other, data, n, n < 8 ? BMM_SNAPSHOT_FORMAT : BMM_SNAPSHOT_CORRUPT);
  g_bytes_unref (bytes);
  bmm_free (m);
  bmm_free (other);
}

static void
test_flipped (void)
{
  BmmMemory *m = filled (4, 100), *other = filled (4, 30);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  gsize size = g_bytes_get_size (bytes);
  guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);

  for (gsize bit = 0; bit < 8 * size; bit += bit < 8 * 256 ? 1 : 5) {
    BmmSnapshotError code = bit < 32 ? BMM_SNAPSHOT_FORMAT : bit < 64 ? BMM_SNAPSHOT_VERSION : BMM_SNAPSHOT_CORRUPT;

    if (bit == 33)     /* version 0 */
      code = BMM_SNAPSHOT_FORMAT;
    data[bit / 8] ^= 1 << bit % 8;
    refused (other, data, size, code);
    data[bit / 8] ^= 1 << bit % 8;
  }
  g_assert_true (bmm_snapshot_restore (other, MODEL, data, size, NULL));
  g_free (data);
  g_bytes_unref (bytes);
  bmm_free (m);
  bmm_free (other);
}

/* What a forger changes carries a right checksum. at, with: n bytes that differ; grow: bytes more in the end. */
static void
forged (gsize at, gconstpointer with, gsize n, gssize grow, BmmSnapshotError code)
{
  BmmMemory *m = filled (4, 100), *other = filled (4, 30);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  gsize size = g_bytes_get_size (bytes), length = 32;
  guint8 *data = g_malloc0 (size + 64);
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);

  memcpy (data, g_bytes_get_data (bytes, NULL), size);
  memcpy (data + at, with, n);
  size += grow;
  g_checksum_update (sum, data, size - 32);
  g_checksum_get_digest (sum, data + size - 32, &length);
  refused (other, data, size, code);
  g_checksum_free (sum);
  g_free (data);
  g_bytes_unref (bytes);
  bmm_free (m);
  bmm_free (other);
}

static void
test_forged (void)
{
  static const float nan_value = NAN, inf_value = INFINITY, large = 1e30f;
  gsize keys = 96 + 4 * 32, values = keys + 4 * C * 4, notes = values + 4 * C * 4;

  forged (0, "GGUF", 4, 0, BMM_SNAPSHOT_FORMAT);
  forged (4, "\3", 1, 0, BMM_SNAPSHOT_VERSION);
  forged (4, "\1", 1, 0, BMM_SNAPSHOT_VERSION);
  forged (4, "\0", 1, 0, BMM_SNAPSHOT_FORMAT);
  forged (8, OTHER, 64, 0, BMM_SNAPSHOT_MISMATCH);
  forged (72, "\0\0\0\0", 4, 0, BMM_SNAPSHOT_CORRUPT);             /* slots */
  forged (72, "\1\0\1\0", 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (76, "\20\0\0\0", 4, 0, BMM_SNAPSHOT_SHAPE);              /* width */
  forged (76, "\0\0\0\0", 4, 0, BMM_SNAPSHOT_SHAPE);
  forged (76, "\xff\xff\xff\xff", 4, 0, BMM_SNAPSHOT_SHAPE);
  forged (80, "\5\0\0\0", 4, 0, BMM_SNAPSHOT_CORRUPT);             /* used */
  forged (72, "\0\0\1\0\40\0\0\0\0\0\1\0", 12, 0, BMM_SNAPSHOT_SHAPE);
  forged (80, "\xff\xff\xff\xff", 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (80, "\3\0\0\0", 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (84, "\0\0\0\0\0\0\0\0", 8, 0, BMM_SNAPSHOT_CORRUPT);     /* clock */
  forged (84, "\0\0\0\0\0\0\0\x80", 8, 0, BMM_SNAPSHOT_CORRUPT);
  forged (92, "\2", 1, 0, BMM_SNAPSHOT_SHAPE);                      /* numbers of a note */
  forged (96 + 16, "\0\0\0\0", 4, 0, BMM_SNAPSHOT_CORRUPT);        /* writes */
  forged (96 + 24, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0, BMM_SNAPSHOT_CORRUPT);
  forged (keys, &nan_value, 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (keys + 4, &large, 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (values - 4, &inf_value, 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (values, &nan_value, 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (values + 4 * C * 4 - 4, &inf_value, 4, 0, BMM_SNAPSHOT_CORRUPT);
  forged (notes, "\4", 1, 0, BMM_SNAPSHOT_CORRUPT);
  forged (notes, "\1\0\0\0\144", 5, 0, BMM_SNAPSHOT_CORRUPT);
  forged (notes, "\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 16, 0, BMM_SNAPSHOT_CORRUPT);
  forged (notes + 3 * 16, "\3\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0", 16, 0, BMM_SNAPSHOT_CORRUPT);
  forged (0, "", 0, 1, BMM_SNAPSHOT_CORRUPT);
  forged (0, "", 0, 32, BMM_SNAPSHOT_CORRUPT);
  forged (0, "", 0, -4, BMM_SNAPSHOT_CORRUPT);
}

/* Trailing bytes behind a sound snapshot. */
static void
test_trailing (void)
{
  BmmMemory *m = filled (4, 100);
  GBytes *bytes = bmm_snapshot_to_bytes (m, MODEL);
  gsize size = g_bytes_get_size (bytes);
  guint8 *data = g_malloc0 (size + 1);

  memcpy (data, g_bytes_get_data (bytes, NULL), size);
  refused (m, data, size + 1, BMM_SNAPSHOT_CORRUPT);
  g_free (data);
  g_bytes_unref (bytes);
  bmm_free (m);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/snapshot/round-trip", test_round_trip);
  g_test_add_func ("/snapshot/fewer-slots", test_fewer_slots);
  g_test_add_func ("/snapshot/layout", test_layout);
  g_test_add_func ("/snapshot/truncated", test_truncated);
  g_test_add_func ("/snapshot/flipped", test_flipped);
  g_test_add_func ("/snapshot/forged", test_forged);
  g_test_add_func ("/snapshot/trailing", test_trailing);
  return g_test_run ();
}
