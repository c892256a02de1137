/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Notes: what a slot was told stays with it, wherever it moves, and with nothing else. */

#include <glib.h>
#include <string.h>

#include "episodic-memory-private.h"

#define C 16
#define NOTE 4
#define LIMIT 50

static BmmMemory *
make (gsize slots)
{
  return bmm_new (&(BmmConfig) { slots, C, 0.5f, 4, 0.5f, 0.9f, .note = NOTE, .note_limit = LIMIT });
}

static void
axis (float *key, guint i)
{
  memset (key, 0, C * sizeof *key);
  key[i] = 1;
}

/* A look at place i, told i and twice i. */
static gsize
see (BmmMemory *m, guint i, guint64 time)
{
  float key[C];
  gsize slot;

  axis (key, i);
  slot = bmm_write (m, key, key, time);
  g_assert_true (bmm_tell (m, slot, key, key, (uint32_t[]) { i, 2 * i }, 2));
  return slot;
}

/* Which place the slot's note is of, -1: none. */
static gint
noted (const BmmMemory *m, gsize slot)
{
  const uint32_t *note = NULL;
  gsize n = bmm_note (m, slot, &note);

  if (n == 0)
    return -1;
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (note[1], ==, 2 * note[0]);
  return (gint) note[0];
}

static void
test_kept (void)
{
  BmmMemory *m = make (4);
  const uint32_t *note;
  float key[C];

  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (see (m, i, i), ==, i);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (noted (m, i), ==, (gint) i);
  axis (key, 1);
  g_assert_cmpuint (bmm_write (m, key, key, 9), ==, 1);                /* a merge is the same place */
  g_assert_cmpint (noted (m, 1), ==, 1);
  g_assert_true (bmm_tell (m, 1, key, key, (uint32_t[]) { 7, 14 }, 2));
  g_assert_cmpint (noted (m, 1), ==, 7);
  g_assert_true (bmm_tell (m, 1, key, key, NULL, 0));
  g_assert_cmpint (noted (m, 1), ==, -1);
  g_assert_cmpuint (bmm_note (m, 3, &note), ==, 0);                    /* empty */
  g_assert_cmpuint (bmm_note (m, 4, &note), ==, 0);                    /* beyond */
  bmm_free (m);
}

static void
test_refused (void)
{
  static const uint32_t numbers[NOTE + 1] = { 1, 2, 3, 4, 5 }, large[1] = { LIMIT };
  BmmMemory *m = make (2);
  float key[C], value[C] = { 3 };

  see (m, 1, 0);
  axis (key, 1);
  g_assert_false (bmm_tell (m, 0, key, value, numbers, NOTE + 1));
  g_assert_false (bmm_tell (m, 0, key, value, large, 1));
  g_assert_false (bmm_tell (m, 1, key, value, numbers, 1));
  axis (key, 2);
  g_assert_false (bmm_tell (m, 0, key, value, numbers, 1));            /* of another place */
  g_assert_cmpint (noted (m, 0), ==, 1);
  g_assert_cmpfloat (m->values[0], ==, 0);
  axis (key, 1);
  g_assert_true (bmm_tell (m, 0, key, value, numbers, NOTE));
  bmm_free (m);
  g_assert_null (bmm_new (&(BmmConfig) { 4, C, 0.5f, 4, 0.5f, 0.9f, .note = BMM_MAX_NOTE + 1 }));
}

/* Whoever takes another's slot has nothing of its note. */
static void
test_evicted (void)
{
  BmmMemory *m = make (2);
  float key[C];
  gsize slot;

  see (m, 0, 0);
  see (m, 1, 1);
  axis (key, 2);
  slot = bmm_write (m, key, key, 2);
  g_assert_cmpint (noted (m, slot), ==, -1);
  g_assert_cmpint (noted (m, 1 - slot), >=, 0);
  bmm_free (m);
}

/* A slot that moves into a hole takes its note along. Times of places 0 to 3: 0, 10, 20, 30; of 1 also 100. */
static void
test_forget (void)
{
  BmmMemory *m = make (4);
  uint32_t zero[NOTE + 1] = { 0 };

  for (guint i = 0; i < 4; i++)
    see (m, i, 10 * i);
  see (m, 1, 100);
  g_assert_cmpuint (bmm_forget (m, 0, 5), ==, 1);
  g_assert_cmpint (noted (m, 0), ==, 3);
  g_assert_cmpint (noted (m, 1), ==, 1);
  g_assert_cmpint (noted (m, 2), ==, 2);
  g_assert_cmpmem (m->notes + 3 * (NOTE + 1), sizeof zero, zero, sizeof zero);
  /* What was said of place 1 may be of then. */
  g_assert_cmpuint (bmm_forget (m, 50, 101), ==, 0);
  g_assert_cmpint (noted (m, 1), ==, -1);
  g_assert_cmpint (noted (m, 2), ==, 2);
  bmm_clear (m);
  for (gsize slot = 0; slot < 4; slot++)
    g_assert_cmpmem (m->notes + slot * (NOTE + 1), sizeof zero, zero, sizeof zero);
  bmm_free (m);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/notes/kept", test_kept);
  g_test_add_func ("/notes/refused", test_refused);
  g_test_add_func ("/notes/evicted", test_evicted);
  g_test_add_func ("/notes/forget", test_forget);
  return g_test_run ();
}
