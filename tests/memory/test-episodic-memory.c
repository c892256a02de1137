/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The episodic memory against its formulas (models/MODEL.md, stage 4) in double precision, and its promises. */

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-episodic-memory.h"

#define C 32

static guint32 state;

static float
noise (void)
{
  state = state * 1664525u + 1013904223u;
  return (float) (state >> 8) * 0x1p-23f - 1.0f;
}

static void
random_unit (float *x, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++) {
    x[i] = noise ();
    square += (double) x[i] * x[i];
  }
  for (gsize i = 0; i < n; i++)
    x[i] /= sqrt (square);
}

static void
axis (float *x, gsize n, gsize i)
{
  memset (x, 0, n * sizeof *x);
  x[i] = 1;
}

/* ---- The formulas again, the plain way -------------------------------------------------------------- */

typedef struct {
  BmmConfig c;
  gsize used;
  double keys[64][C], values[64][C];
  guint64 touched[64], clock;
} Plain;

static double
cosine (const double *a, const float *b)
{
  double s = 0;

  for (gsize i = 0; i < C; i++)
    s += a[i] * b[i];
  return s;
}

static gssize
plain_nearest (Plain *p, const float *key, double *best)
{
  gssize nearest = -1;

  for (gsize i = 0; i < p->used; i++)
    if (nearest < 0 || cosine (p->keys[i], key) > *best) {
      nearest = i;
      *best = cosine (p->keys[i], key);
    }
  return nearest;
}

static double
plain_read (Plain *p, const float *key, double *recalled)
{
  double best = 0, sum = 1, w[64];
  gssize nearest = plain_nearest (p, key, &best);

  memset (recalled, 0, C * sizeof *recalled);
  for (gsize i = 0; i < p->used; i++)
    sum += w[i] = exp (p->c.sharpness * (cosine (p->keys[i], key) - p->c.threshold));
  for (gsize i = 0; i < p->used; i++)
    for (gsize j = 0; j < C; j++)
      recalled[j] += w[i] / sum * p->values[i][j];
  if (nearest >= 0)
    p->touched[nearest] = ++p->clock;
  return nearest < 0 ? 1 : 1 - MIN (1, MAX (0, best));
}

static gsize
plain_write (Plain *p, const float *key, const float *value)
{
  double best = 0, square = 0;
  gssize slot = plain_nearest (p, key, &best);
  double a = 1;

  if (slot >= 0 && best >= p->c.merge) {
    a = p->c.rate;
  } else if (p->used < p->c.slots) {
    slot = p->used++;
  } else {
    slot = 0;
    for (gsize i = 1; i < p->used; i++)
      if (p->touched[i] < p->touched[slot])
        slot = i;
  }
  for (gsize j = 0; j < C; j++) {
    p->keys[slot][j] = a == 1 ? key[j] : (1 - a) * p->keys[slot][j] + a * key[j];
    p->values[slot][j] = a == 1 ? value[j] : (1 - a) * p->values[slot][j] + a * value[j];
    square += p->keys[slot][j] * p->keys[slot][j];
  }
  for (gsize j = 0; j < C && a != 1; j++)
    p->keys[slot][j] /= sqrt (square);
  p->touched[slot] = ++p->clock;
  return slot;
}

static void
test_formulas (gconstpointer data)
{
  const BmmConfig *config = data;
  Plain plain = { .c = *config };
  BmmMemory *m = bmm_new (config);
  float seen[40][C], key[C], value[C], recalled[C + 2];
  double expected[C];

  g_assert_nonnull (m);
  state = config->slots;
  for (guint i = 0; i < 40; i++)
    random_unit (seen[i], C);
  for (guint n = 0; n < 2000; n++) {
    BmmRecall r;
    double novelty, square = 0;

    /* Something like one of forty scenes. */
    for (guint j = 0; j < C; j++) {
      key[j] = seen[n * 7 % 40][j] + 0.05f * noise ();
      value[j] = 3 * noise ();
      square += key[j] * key[j];
    }
    for (guint j = 0; j < C; j++)
      key[j] /= sqrt (square);
    recalled[C] = recalled[C + 1] = 77;
    r = bmm_read (m, key, recalled);
    novelty = plain_read (&plain, key, expected);
    g_assert_cmpfloat_with_epsilon (r.novelty, novelty, 1e-5);
    for (guint j = 0; j < C; j++)
      g_assert_cmpfloat_with_epsilon (recalled[j], expected[j], 2e-4);
    g_assert_cmpfloat (recalled[C], ==, 77);
    g_assert_cmpuint (bmm_write (m, key, value, n), ==, plain_write (&plain, key, value));
    g_assert_cmpuint (bmm_used (m), ==, plain.used);
  }
  bmm_free (m);
}

static const BmmConfig configs[] = {
  { 8, C, 0.2f, 10, 0.5f, 0.9f },
  { 64, C, 0.2f, 22, 1.19f, 0.9f },
  { 1, C, 0.5f, 1, 0, 0.95f },
  { 16, C, 0, 100, 0.3f, 0.8f },
  { 16, C, 1, 5, -0.5f, 0.8f },
};

/* ---- Small cases worked out by hand ------------------------------------------------------------------ */

static BmmMemory *
make (gsize slots, float merge)
{
  return bmm_new (&(BmmConfig) { slots, C, 0.25f, 4, 0.5f, merge });
}

static void
test_empty (void)
{
  BmmMemory *m = make (4, 0.9f);
  float key[C], recalled[C];
  BmmSlotInfo info;
  BmmRecall r;

  axis (key, C, 0);
  memset (recalled, 0xff, sizeof recalled);
  r = bmm_read (m, key, recalled);
  g_assert_cmpfloat (r.novelty, ==, 1);
  g_assert_cmpfloat (r.similarity, ==, 0);
  g_assert_cmpint (r.nearest, ==, -1);
  for (guint i = 0; i < C; i++)
    g_assert_cmpfloat (recalled[i], ==, 0);
  g_assert_false (bmm_slot_info (m, 0, &info));
  bmm_free (m);
}

static void
test_one (void)
{
  BmmMemory *m = make (4, 0.9f);
  float key[C], value[C], recalled[C];
  double weight = exp (4 * (1 - 0.5)) / (1 + exp (4 * (1 - 0.5)));
  BmmSlotInfo info;
  BmmRecall r;

  axis (key, C, 3);
  axis (value, C, 5);
  g_assert_cmpuint (bmm_write (m, key, value, 1000), ==, 0);
  r = bmm_read (m, key, recalled);
  g_assert_cmpfloat_with_epsilon (r.novelty, 0, 1e-6);
  g_assert_cmpint (r.nearest, ==, 0);
  g_assert_cmpfloat_with_epsilon (recalled[5], weight, 1e-6);
  g_assert_cmpfloat (recalled[3], ==, 0);
  /* The opposite is as new as can be, and no newer. */
  key[3] = -1;
  g_assert_cmpfloat (bmm_read (m, key, recalled).novelty, ==, 1);
  /* The same again merges and keeps count. */
  key[3] = 1;
  g_assert_cmpuint (bmm_write (m, key, value, 2000), ==, 0);
  g_assert_cmpuint (bmm_used (m), ==, 1);
  g_assert_true (bmm_slot_info (m, 0, &info));
  g_assert_cmpuint (info.first_ns, ==, 1000);
  g_assert_cmpuint (info.last_ns, ==, 2000);
  g_assert_cmpuint (info.writes, ==, 2);
  g_assert_cmpuint (info.reads, ==, 2);
  bmm_free (m);
}

/* Full, it lets go of what was neither written nor met for longest. */
static void
test_least_recent (void)
{
  BmmMemory *m = make (3, 0.9f);
  float key[C], value[C] = { 0 }, recalled[C];
  BmmSlotInfo info;

  for (guint i = 0; i < 3; i++) {
    axis (key, C, i);
    g_assert_cmpuint (bmm_write (m, key, value, i), ==, i);
  }
  axis (key, C, 0);
  bmm_read (m, key, recalled);
  axis (key, C, 10);
  g_assert_cmpuint (bmm_write (m, key, value, 50), ==, 1);
  g_assert_true (bmm_slot_info (m, 1, &info));
  g_assert_cmpuint (info.first_ns, ==, 50);
  g_assert_cmpuint (info.writes, ==, 1);
  axis (key, C, 11);
  g_assert_cmpuint (bmm_write (m, key, value, 51), ==, 2);
  axis (key, C, 12);
  g_assert_cmpuint (bmm_write (m, key, value, 52), ==, 0);
  g_assert_cmpuint (bmm_used (m), ==, 3);
  bmm_free (m);
}

/* A merge of opposites would have no direction. */
static void
test_opposites (void)
{
  BmmMemory *m = bmm_new (&(BmmConfig) { 4, C, 0.5f, 4, 0.5f, -1 });
  float key[C], value[C] = { 0 }, recalled[C];

  axis (key, C, 0);
  bmm_write (m, key, value, 0);
  key[0] = -1;
  bmm_write (m, key, value, 0);
  g_assert_cmpfloat_with_epsilon (bmm_read (m, key, recalled).novelty, 0, 1e-6);
  bmm_free (m);
}

static void
test_clear (void)
{
  BmmMemory *m = make (4, 0.9f);
  float key[C], value[C] = { 1 }, recalled[C];

  axis (key, C, 0);
  bmm_write (m, key, value, 0);
  bmm_clear (m);
  g_assert_cmpuint (bmm_used (m), ==, 0);
  g_assert_cmpfloat (bmm_read (m, key, recalled).novelty, ==, 1);
  g_assert_cmpfloat (recalled[0], ==, 0);
  g_assert_cmpuint (bmm_write (m, key, value, 0), ==, 0);
  bmm_free (m);
}

/* Extremes stay finite: a sharpness that overflows exp, thousands of slots. */
static void
test_extremes (void)
{
  BmmMemory *m = bmm_new (&(BmmConfig) { 4096, C, 0.2f, 1000, -4, 0.99f });
  float key[C], value[C], recalled[C];

  g_assert_nonnull (m);
  for (guint n = 0; n < 6000; n++) {
    random_unit (key, C);
    random_unit (value, C);
    bmm_read (m, key, recalled);
    for (guint j = 0; j < C; j++)
      g_assert_true (isfinite (recalled[j]) && fabsf (recalled[j]) <= 1.001f);
    bmm_write (m, key, value, n);
  }
  g_assert_cmpuint (bmm_used (m), ==, 4096);
  g_assert_cmpuint (bmm_size (m), >=, 4096 * C * 2 * sizeof (float));
  bmm_free (m);
}

static void
test_refused (void)
{
  static const BmmConfig bad[] = {
    { 0, C, 0.2f, 1, 0, 0.9f }, { 65537, C, 0.2f, 1, 0, 0.9f }, { 8, 0, 0.2f, 1, 0, 0.9f }, { 8, 24, 0.2f, 1, 0, 0.9f },
    { 8, 8192, 0.2f, 1, 0, 0.9f }, { 8, C, -0.1f, 1, 0, 0.9f }, { 8, C, 1.1f, 1, 0, 0.9f }, { 8, C, NAN, 1, 0, 0.9f },
    { 8, C, 0.2f, 0, 0, 0.9f }, { 8, C, 0.2f, -1, 0, 0.9f }, { 8, C, 0.2f, INFINITY, 0, 0.9f },
    { 8, C, 0.2f, NAN, 0, 0.9f }, { 8, C, 0.2f, 1, NAN, 0.9f }, { 8, C, 0.2f, 1, INFINITY, 0.9f },
    { 8, C, 0.2f, 1, 0, 1.1f }, { 8, C, 0.2f, 1, 0, -1.1f }, { 8, C, 0.2f, 1, 0, NAN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (bmm_new (&bad[i]));
  bmm_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (configs); i++) {
    char *name = g_strdup_printf ("/memory/formulas/%u", i);
    g_test_add_data_func (name, &configs[i], test_formulas);
    g_free (name);
  }
  g_test_add_func ("/memory/empty", test_empty);
  g_test_add_func ("/memory/one", test_one);
  g_test_add_func ("/memory/least-recent", test_least_recent);
  g_test_add_func ("/memory/opposites", test_opposites);
  g_test_add_func ("/memory/clear", test_clear);
  g_test_add_func ("/memory/extremes", test_extremes);
  g_test_add_func ("/memory/refused", test_refused);
  return g_test_run ();
}
