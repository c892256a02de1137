/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The episodic memory against its formulas (models/MODEL.md, stage 4) in double precision, and its promises. */

#include <float.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/guarded.h"
#include "bitmar-episodic-memory.h"
#include "bitmar-kernels.h"
#include "episodic-memory-private.h"

#define C 32
#define MAX_SLOTS 1024

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
  double keys[MAX_SLOTS][C], values[MAX_SLOTS][C];
  guint64 touched[MAX_SLOTS], clock;
  double use[MAX_SLOTS];
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

  for (gsize i = 0; i < p->used; i++) {
    double s = cosine (p->keys[i], key);
    if (nearest < 0 || s > *best) {
      nearest = i;
      *best = s;
    }
  }
  return nearest;
}

static double
plain_read (Plain *p, const float *key, double *recalled)
{
  double best = 0, sum = 1, w[MAX_SLOTS];
  gssize nearest = plain_nearest (p, key, &best);

  memset (recalled, 0, C * sizeof *recalled);
  for (gsize i = 0; i < p->used; i++)
    sum += w[i] = exp (p->c.sharpness * (cosine (p->keys[i], key) - p->c.threshold));
  for (gsize i = 0; i < p->used; i++)
    for (gsize j = 0; j < C; j++)
      recalled[j] += w[i] / sum * p->values[i][j];
  if (nearest >= 0) {
    p->touched[nearest] = ++p->clock;
    p->use[nearest]++;
  }
  return nearest < 0 ? 1 : 1 - MIN (1, MAX (0, best));
}

/* The greatest age / sqrt (use); of equals the oldest. */
static gsize
plain_least (Plain *p)
{
  gsize worst = 0;

  for (gsize i = 1; i < p->used; i++) {
    double a = (p->clock - p->touched[i]) / sqrt (p->use[i]);
    double b = (p->clock - p->touched[worst]) / sqrt (p->use[worst]);

    if (a > b || (a == b && p->touched[i] < p->touched[worst]))
      worst = i;
  }
  return worst;
}

static gsize
plain_write (Plain *p, const float *key, const float *value)
{
  double best = 0, square = 0;
  gssize slot = plain_nearest (p, key, &best);
  gboolean merge = slot >= 0 && best >= p->c.merge;
  double a = merge ? p->c.rate : 1;

  if (!merge)
    slot = p->used < p->c.slots ? p->used++ : plain_least (p);
  for (gsize j = 0; j < C; j++) {
    p->keys[slot][j] = a == 1 ? key[j] : (1 - a) * p->keys[slot][j] + a * key[j];
    p->values[slot][j] = a == 1 ? value[j] : (1 - a) * p->values[slot][j] + a * value[j];
    square += p->keys[slot][j] * p->keys[slot][j];
  }
  for (gsize j = 0; j < C && a != 1; j++)
    p->keys[slot][j] /= sqrt (square);
  p->use[slot] = merge ? p->use[slot] + 1 : 1;
  p->touched[slot] = ++p->clock;
  return slot;
}

/* One frame: both read, both write, and agree. */
static void
step (BmmMemory *m, Plain *plain, const float *key, const float *value, guint64 time_ns)
{
  float recalled[C + 2];
  double expected[C], novelty;
  BmmRecall r;

  recalled[C] = recalled[C + 1] = 77;
  r = bmm_read (m, key, recalled);
  novelty = plain_read (plain, key, expected);
  g_assert_cmpfloat_with_epsilon (r.novelty, novelty, 1e-5);
  for (guint j = 0; j < C; j++)
    g_assert_cmpfloat_with_epsilon (recalled[j], expected[j], 2e-4);
  g_assert_cmpfloat (recalled[C], ==, 77);
  g_assert_cmpuint (bmm_write (m, key, value, time_ns), ==, plain_write (plain, key, value));
  g_assert_cmpuint (bmm_used (m), ==, plain->used);
}

/* bmm_observe() is the two in one, to the bit. */
static void
test_observe (void)
{
  BmmConfig config = { 16, C, 0.2f, 22, 0.6f, 0.8f };
  BmmMemory *one = bmm_new (&config), *two = bmm_new (&config);
  float key[C], former[C], value[C], a[C], b[C];
  BmmRecall r, read;

  random_unit (key, C);
  for (guint i = 0; i < 60; i++) {
    memcpy (former, key, sizeof key);
    random_unit (key, C);
    for (guint j = 0; j < C; j++)
      value[j] = noise ();
    /* Every third is seen again, and so merges. */
    read = bmm_read (two, i % 3 ? key : former, b);
    g_assert_cmpuint (bmm_observe (one, i % 3 ? key : former, value, i, a, &r), ==, bmm_write (two, i % 3 ? key : former, value, i));
    g_assert_cmpmem (a, sizeof a, b, sizeof b);
    g_assert_cmpfloat (r.novelty, ==, read.novelty);
    g_assert_cmpfloat (r.similarity, ==, read.similarity);
    g_assert_cmpint (r.nearest, ==, read.nearest);
    g_assert_cmpuint (bmm_used (one), ==, bmm_used (two));
  }
  bmm_free (one);
  bmm_free (two);
}

static void
random_value (float *value)
{
  for (guint j = 0; j < C; j++)
    value[j] = 3 * noise ();
}

static void
test_formulas (gconstpointer data)
{
  const BmmConfig *config = data;
  Plain *plain = g_new0 (Plain, 1);
  BmmMemory *m = bmm_new (config);
  float seen[40][C], key[C], value[C];

  plain->c = *config;
  g_assert_nonnull (m);
  state = config->slots;
  for (guint i = 0; i < 40; i++)
    random_unit (seen[i], C);
  for (guint n = 0; n < 2000; n++) {
    double square = 0;

    /* Something like one of forty scenes. */
    for (guint j = 0; j < C; j++) {
      key[j] = seen[n * 7 % 40][j] + 0.05f * noise ();
      square += key[j] * key[j];
    }
    for (guint j = 0; j < C; j++)
      key[j] /= sqrt (square);
    random_value (value);
    step (m, plain, key, value, n);
  }
  bmm_free (m);
  g_free (plain);
}

/* Every kind of size: filled to the last slot and half over again. */
static void
test_sizes (void)
{
  static const gsize sizes[] = { 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 255, 257, 600, 1023, MAX_SLOTS };
  float key[C], value[C];

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    Plain *plain = g_new0 (Plain, 1);
    BmmMemory *m;

    plain->c = (BmmConfig) { sizes[i], C, 0.2f, 22, 0.6f, 0.9f };
    m = bmm_new (&plain->c);
    state = i;
    for (gsize n = 0; n < sizes[i] + sizes[i] / 2 + 3; n++) {
      random_unit (key, C);
      random_value (value);
      step (m, plain, key, value, n);
    }
    g_assert_cmpuint (bmm_used (m), ==, sizes[i]);
    bmm_free (m);
    g_free (plain);
  }
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

/* Full, it lets go of what, of equal use, was neither written nor met for longest. */
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

/* A look at place `i` as a stream does it: read, then write. Places are nearer to each other than to place 0, so that
 * looks at them are no use of it. Returns the slot. */
static gsize
look (BmmMemory *m, guint i, guint64 time_ns)
{
  float key[C], value[C] = { i }, recalled[C];

  axis (key, C, i);
  if (i) {
    key[0] = -0.28f;
    key[i] = 0.96f;
  }
  bmm_read (m, key, recalled);
  return bmm_write (m, key, value, time_ns);
}

static gboolean
knows (BmmMemory *m, guint i)
{
  for (gsize slot = 0; slot < m->used; slot++)
    if (m->keys[slot * C + i] > 0.9f)
      return TRUE;
  return FALSE;
}

/* A place seen a thousand times outlives a burst of others. By time alone it would be the first to go. */
static void
test_burst (void)
{
  BmmMemory *m = make (8, 0.9f);

  for (guint n = 0; n < 1000; n++)
    g_assert_cmpuint (look (m, 0, n), ==, 0);
  for (guint n = 0; n < 100; n++)
    g_assert_cmpuint (look (m, 1 + n % 31, 1000 + n), !=, 0);
  g_assert_true (knows (m, 0));
  g_assert_cmpuint (bmm_used (m), ==, 8);
  bmm_free (m);
}

/* Left alone for long enough it goes all the same. */
static void
test_unused_goes (void)
{
  BmmMemory *m = make (8, 0.9f);
  guint n = 0;

  for (guint i = 0; i < 1000; i++)
    look (m, 0, i);
  while (knows (m, 0) && n < 5000)
    look (m, 1 + n++ % 31, 0);
  g_assert_cmpuint (n, >, 100);
  g_assert_cmpuint (n, <, 1000);
  bmm_free (m);
}

static void
write_times (BmmMemory *m, guint i, guint n)
{
  float key[C], value[C] = { 0 };

  axis (key, C, i);
  for (guint k = 0; k < n; k++)
    bmm_write (m, key, value, 0);
}

/* Worked out by hand: age 2 and use 9 against age 1 and use 1. */
static void
test_worth (void)
{
  BmmMemory *m = make (3, 0.9f);

  write_times (m, 0, 9);
  write_times (m, 1, 1);
  write_times (m, 2, 1);
  write_times (m, 3, 1);
  g_assert_true (knows (m, 0));
  g_assert_false (knows (m, 1));
  g_assert_true (knows (m, 2));
  bmm_free (m);
}

/* Age 1 and use 2 are worth what age 2 and use 8 are: the oldest goes, though its slot comes later. */
static void
test_equal_worth (void)
{
  BmmMemory *m = make (3, 0.9f);

  write_times (m, 0, 1);
  write_times (m, 1, 8);
  write_times (m, 0, 1);
  write_times (m, 2, 1);
  write_times (m, 3, 1);
  g_assert_true (knows (m, 0));
  g_assert_false (knows (m, 1));
  bmm_free (m);
}

static void
test_saturate (void)
{
  BmmMemory *m = make (4, 0.9f);
  BmmSlotInfo info;

  look (m, 0, 0);
  m->info[0].writes = m->info[0].reads = G_MAXUINT32 - 1;
  for (guint n = 0; n < 3; n++)
    look (m, 0, 0);
  g_assert_true (bmm_slot_info (m, 0, &info));
  g_assert_cmpuint (info.writes, ==, G_MAXUINT32);
  g_assert_cmpuint (info.reads, ==, G_MAXUINT32);
  for (guint i = 1; i < 20; i++)
    look (m, i, 0);
  g_assert_true (knows (m, 0));
  bmm_free (m);
}

/* Slots 0..5 are written at 0, 10 … 50, slot 2 at 100 too. */
static BmmMemory *
six (void)
{
  BmmMemory *m = make (8, 0.9f);

  for (guint i = 0; i < 6; i++)
    look (m, i, 10 * i);
  look (m, 2, 100);
  return m;
}

static void
forgets (guint64 from, guint64 to, gsize n, guint kept)
{
  BmmMemory *m = six ();
  float zero[8 * C] = { 0 };
  gsize left = 6 - n;

  g_assert_cmpuint (bmm_forget (m, from, to), ==, n);
  g_assert_cmpuint (bmm_used (m), ==, left);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpint (knows (m, i), ==, kept >> i & 1);
  /* What moved is itself, with its value and times; what was there is gone from RAM too. */
  for (gsize slot = 0; slot < left; slot++) {
    guint i = m->values[slot * C];

    g_assert_cmpfloat (m->keys[slot * C + i], >, 0.9f);
    g_assert_cmpuint (m->info[slot].first_ns, ==, 10 * i);
    g_assert_cmpuint (m->info[slot].last_ns, ==, i == 2 ? 100 : 10 * i);
  }
  g_assert_cmpmem (m->keys + left * C, n * C * sizeof (float), zero, n * C * sizeof (float));
  g_assert_cmpmem (m->values + left * C, n * C * sizeof (float), zero, n * C * sizeof (float));
  bmm_free (m);
}

static void
test_forget (void)
{
  BmmMemory *m = six ();

  forgets (0, 0, 0, 0x3f);
  forgets (30, 10, 0, 0x3f);
  forgets (10, 20, 1, 0x3d);
  forgets (0, 41, 4, 0x24);
  forgets (20, 101, 4, 0x03);
  forgets (20, 100, 3, 0x07);
  forgets (0, G_MAXUINT64, 6, 0);
  g_assert_cmpuint (bmm_forget (m, 0, 41), ==, 4);
  g_assert_cmpuint (look (m, 9, 7), ==, 2);
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
  g_assert_cmpfloat (m->keys[0], ==, 0);
  g_assert_cmpfloat (m->values[0], ==, 0);
  g_assert_cmpfloat (bmm_read (m, key, recalled).novelty, ==, 1);
  g_assert_cmpfloat (recalled[0], ==, 0);
  g_assert_cmpuint (bmm_write (m, key, value, 0), ==, 0);
  bmm_free (m);
}

/* Two slots and the empty one share the softmax. */
static void
test_two (void)
{
  BmmMemory *m = bmm_new (&(BmmConfig) { 4, C, 0.25f, 2, 0, 0.9f });
  float key[C] = { 0.6f, 0.8f }, x[C], recalled[C];
  double norm = 1 + exp (1.2) + exp (1.6);
  BmmRecall r;

  for (guint i = 0; i < 2; i++) {
    axis (x, C, i);
    bmm_write (m, x, x, 0);
  }
  r = bmm_read (m, key, recalled);
  g_assert_cmpint (r.nearest, ==, 1);
  g_assert_cmpfloat_with_epsilon (r.similarity, 0.8, 1e-6);
  g_assert_cmpfloat_with_epsilon (r.novelty, 0.2, 1e-6);
  g_assert_cmpfloat_with_epsilon (recalled[0], exp (1.2) / norm, 1e-6);
  g_assert_cmpfloat_with_epsilon (recalled[1], exp (1.6) / norm, 1e-6);
  g_assert_cmpfloat (recalled[2], ==, 0);
  /* Turned away from both: the cosine is told as it is, novelty stops at 1. */
  key[0] = -0.6f;
  key[1] = -0.8f;
  r = bmm_read (m, key, recalled);
  g_assert_cmpint (r.nearest, ==, 0);
  g_assert_cmpfloat_with_epsilon (r.similarity, -0.6, 1e-6);
  g_assert_cmpfloat (r.novelty, ==, 1);
  bmm_free (m);
}

static void
test_merge (void)
{
  BmmMemory *m = make (4, 0.5f);
  float key[C], value[C], recalled[C];
  double length = sqrt (0.9 * 0.9 + 0.2 * 0.2), s = 0.9 / length, a = exp (4 * (s - 0.5)) / (1 + exp (4 * (s - 0.5)));
  BmmRecall r;

  axis (key, C, 0);
  axis (value, C, 5);
  value[5] = 8;
  bmm_write (m, key, value, 0);
  key[0] = 0.6f;
  key[1] = 0.8f;
  axis (value, C, 6);
  value[6] = 4;
  g_assert_cmpuint (bmm_write (m, key, value, 0), ==, 0);
  /* key (0.9, 0.2) brought to unit length, value 6 and 1 */
  axis (key, C, 0);
  r = bmm_read (m, key, recalled);
  g_assert_cmpfloat_with_epsilon (r.similarity, s, 1e-6);
  g_assert_cmpfloat_with_epsilon (recalled[5], 6 * a, 1e-5);
  g_assert_cmpfloat_with_epsilon (recalled[6], a, 1e-6);
  axis (key, C, 1);
  g_assert_cmpfloat_with_epsilon (bmm_read (m, key, recalled).similarity, 0.2 / length, 1e-6);
  bmm_free (m);
}

/* The bound itself merges, the next number above it doesn't. */
static void
test_merge_bound (void)
{
  for (guint above = 0; above < 2; above++) {
    BmmMemory *m = make (4, above ? nextafterf (0.6f, 1) : 0.6f);
    float key[C], value[C] = { 0 };

    axis (key, C, 0);
    bmm_write (m, key, value, 0);
    key[0] = 0.6f;
    key[1] = 0.8f;
    g_assert_cmpuint (bmm_write (m, key, value, 0), ==, above);
    g_assert_cmpuint (bmm_used (m), ==, 1 + above);
    bmm_free (m);
  }
}

/* rate 0 keeps what is there, rate 1 takes what comes. */
static void
test_rates (void)
{
  for (guint rate = 0; rate < 2; rate++) {
    BmmMemory *m = bmm_new (&(BmmConfig) { 4, C, rate, 1000, 0, 0.5f });
    float key[C] = { 1 }, value[C] = { 3 }, recalled[C];

    bmm_write (m, key, value, 0);
    key[0] = 0.6f;
    key[1] = 0.8f;
    value[0] = 7;
    g_assert_cmpuint (bmm_write (m, key, value, 0), ==, 0);
    g_assert_cmpfloat_with_epsilon (bmm_read (m, key, recalled).similarity, rate ? 1 : 0.6, 1e-6);
    g_assert_cmpfloat_with_epsilon (recalled[0], rate ? 7 : 3, 1e-5);
    bmm_free (m);
  }
}

/* Of equally near slots the first is the nearest: it is counted, and merged into. */
static void
test_ties (void)
{
  BmmMemory *m = make (4, 0.75f);
  float key[C], value[C] = { 0 }, recalled[C];
  BmmSlotInfo info;

  for (guint i = 0; i < 4; i++) {
    axis (key, C, i);
    bmm_write (m, key, value, 0);
  }
  memset (key, 0, sizeof key);
  key[1] = key[2] = key[3] = sqrtf (1 / 3.0f);
  g_assert_cmpint (bmm_read (m, key, recalled).nearest, ==, 1);
  for (gsize i = 0; i < 4; i++) {
    g_assert_true (bmm_slot_info (m, i, &info));
    g_assert_cmpuint (info.reads, ==, i == 1);
  }
  key[1] = 0;
  key[2] = key[3] = sqrtf (0.5f);
  g_assert_cmpint (bmm_read (m, key, recalled).nearest, ==, 2);
  bmm_free (m);
  m = make (4, 0.7f);
  for (guint i = 0; i < 2; i++) {
    axis (key, C, i);
    bmm_write (m, key, value, 0);
  }
  key[0] = key[1] = sqrtf (0.5f);
  g_assert_cmpuint (bmm_write (m, key, value, 0), ==, 0);
  g_assert_cmpuint (bmm_used (m), ==, 2);
  bmm_free (m);
}

static void
test_same_often (void)
{
  BmmMemory *m = make (8, 0.9f);
  float key[C], value[C] = { 0 }, recalled[C];
  BmmSlotInfo info;
  BmmRecall r = { 0 };

  state = 3;
  random_unit (key, C);
  for (guint n = 0; n < 1000; n++) {
    r = bmm_read (m, key, recalled);
    g_assert_cmpuint (bmm_write (m, key, value, n), ==, 0);
    value[0] = 1;
  }
  g_assert_cmpuint (bmm_used (m), ==, 1);
  g_assert_cmpfloat_with_epsilon (r.similarity, 1, 1e-6);
  g_assert_cmpfloat_with_epsilon (recalled[0], exp (2) / (1 + exp (2)), 1e-5);
  g_assert_true (bmm_slot_info (m, 0, &info));
  g_assert_cmpuint (info.writes, ==, 1000);
  g_assert_cmpuint (info.reads, ==, 999);
  bmm_free (m);
}

static void
test_orthogonal (void)
{
  BmmMemory *m = bmm_new (&(BmmConfig) { C, C, 0.25f, 10, 0.5f, 0.9f });
  double near = exp (5), far = exp (-5), norm = 1 + near + (C - 1) * far;
  float key[C], recalled[C];

  for (guint i = 0; i < C; i++) {
    axis (key, C, i);
    g_assert_cmpfloat (bmm_read (m, key, recalled).novelty, ==, 1);
    g_assert_cmpuint (bmm_write (m, key, key, i), ==, i);
  }
  for (guint i = 0; i < C; i++) {
    axis (key, C, i);
    g_assert_cmpint (bmm_read (m, key, recalled).nearest, ==, i);
    for (guint j = 0; j < C; j++)
      g_assert_cmpfloat_with_epsilon (recalled[j], (j == i ? near : far) / norm, 1e-6);
  }
  bmm_free (m);
}

/* ---- Promises ------------------------------------------------------------------------------------------ */

/* Everything that a story of 300 looks at 20 scenes lets be seen. times: +1, 0 or -1 nanoseconds from frame to frame. */
static GByteArray *
tell (BmmMemory *m, gint times)
{
  GByteArray *seen = g_byte_array_new ();
  float scenes[20][C], recalled[C];

  state = 11;
  for (guint i = 0; i < 20; i++)
    random_unit (scenes[i], C);
  for (guint n = 0; n < 300; n++) {
    const float *key = scenes[(guint) (10 + 10 * noise ()) % 20];
    BmmRecall r = bmm_read (m, key, recalled);
    guint64 slot = bmm_write (m, key, scenes[n % 20], G_MAXUINT64 / 2 + (guint64) (times * (gint) n));
    BmmSlotInfo info;

    g_assert_true (bmm_slot_info (m, slot, &info));
    g_assert_cmpuint (info.last_ns, ==, G_MAXUINT64 / 2 + (guint64) (times * (gint) n));
    g_byte_array_append (seen, (guint8 *) &r.novelty, sizeof r.novelty);
    g_byte_array_append (seen, (guint8 *) &r.similarity, sizeof r.similarity);
    g_byte_array_append (seen, (guint8 *) &r.nearest, sizeof r.nearest);
    g_byte_array_append (seen, (guint8 *) recalled, sizeof recalled);
    g_byte_array_append (seen, (guint8 *) &slot, sizeof slot);
    g_byte_array_append (seen, (guint8 *) &info.writes, sizeof info.writes);
    g_byte_array_append (seen, (guint8 *) &info.reads, sizeof info.reads);
  }
  return seen;
}

/* The same story gives the same bits: again, after a clear, under any clock, on any tier. */
static void
test_repeatable (void)
{
  BmmMemory *m = make (8, 0.9f);
  GByteArray *first = tell (m, 1);
  BmkTier initial = bmk_tier ();
  gsize size = bmm_size (m);

  for (gint times = -1; times <= 1; times++) {
    GByteArray *again;

    bmm_clear (m);
    again = tell (m, times);
    g_assert_cmpmem (again->data, again->len, first->data, first->len);
    g_byte_array_unref (again);
  }
  g_assert_cmpuint (bmm_size (m), ==, size);
  bmm_free (m);
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (bmk_set_tier (tier)) {
      GByteArray *again;

      m = make (8, 0.9f);
      again = tell (m, 1);
      g_assert_cmpmem (again->data, again->len, first->data, first->len);
      g_byte_array_unref (again);
      bmm_free (m);
    }
  g_assert_true (bmk_set_tier (initial));
  g_byte_array_unref (first);
}

/* Callers' vectors are read to the last element and no further, and only the recalled one is written. */
static void
test_buffers (void)
{
  static const gsize widths[] = { 16, 32, 48, 400, 4096 };

  for (guint i = 0; i < G_N_ELEMENTS (widths); i++) {
    gsize width = widths[i], size = width * sizeof (float);
    BmmMemory *m = bmm_new (&(BmmConfig) { 3, width, 0.5f, 4, 0.5f, 0.3f });
    guint8 *key = guarded_new (size), *value = guarded_new (size), *recalled = guarded_new (size);
    guint8 *key_was = g_malloc (size), *value_was = g_malloc (size);

    for (guint n = 0; n < 9; n++) {
      random_unit ((float *) key, width);
      random_unit ((float *) value, width);
      memcpy (key_was, key, size);
      memcpy (value_was, value, size);
      bmm_read (m, (float *) key, (float *) recalled);
      bmm_write (m, (float *) key, (float *) value, n);
      bmm_write (m, (float *) key, (float *) value, n);
      g_assert_cmpmem (key, size, key_was, size);
      g_assert_cmpmem (value, size, value_was, size);
      g_assert_true (guarded_intact (key) && guarded_intact (value) && guarded_intact (recalled));
    }
    bmm_free (m);
    g_free (key_was);
    g_free (value_was);
    guarded_free (key, size);
    guarded_free (value, size);
    guarded_free (recalled, size);
  }
}

/* A slot that is taken again starts its counts again; what isn't used tells nothing. */
static void
test_slot_info (void)
{
  BmmMemory *m = make (1, 0.9f);
  float key[C], value[C] = { 0 }, recalled[C];
  BmmSlotInfo info;

  axis (key, C, 0);
  bmm_write (m, key, value, 5);
  bmm_read (m, key, recalled);
  bmm_write (m, key, value, G_MAXUINT64);
  g_assert_true (bmm_slot_info (m, 0, &info));
  g_assert_cmpuint (info.reads, ==, 1);
  g_assert_cmpuint (info.first_ns, ==, 5);
  g_assert_cmpuint (info.last_ns, ==, G_MAXUINT64);
  axis (key, C, 1);
  bmm_write (m, key, value, 0);
  g_assert_true (bmm_slot_info (m, 0, &info));
  g_assert_cmpuint (info.reads, ==, 0);
  g_assert_cmpuint (info.writes, ==, 1);
  g_assert_cmpuint (info.first_ns, ==, 0);
  g_assert_cmpuint (info.last_ns, ==, 0);
  g_assert_false (bmm_slot_info (m, 1, &info));
  g_assert_false (bmm_slot_info (m, G_MAXSIZE, &info));
  bmm_clear (m);
  g_assert_false (bmm_slot_info (m, 0, &info));
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

/* Whatever is accepted works: the weights are a softmax, and the empty slot has none left where all others outweigh it. */
static void
test_extreme_configs (void)
{
  static const float sharpness[] = { FLT_MIN, 1e-3f, 1, 1e6f, 1e30f, FLT_MAX };
  static const float threshold[] = { 0, 1, 1.17f, 4, 1e10f, FLT_MAX };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (sharpness) * G_N_ELEMENTS (threshold); i++) {
    float beta = sharpness[i / 2 % G_N_ELEMENTS (sharpness)];
    float theta = (i % 2 ? -1 : 1) * threshold[i / 2 / G_N_ELEMENTS (sharpness)];
    BmmMemory *m = bmm_new (&(BmmConfig) { 8, C, 0.2f, beta, theta, 0.9f });
    float x[C], recalled[C], sum = 0;

    if (!m) {
      g_assert_false (isfinite (beta * (2 + fabsf (theta))));
      continue;
    }
    for (guint j = 0; j < 5; j++) {
      axis (x, C, j);
      bmm_write (m, x, x, 0);
    }
    bmm_read (m, x, recalled);
    for (guint j = 0; j < 5; j++) {
      g_assert_true (recalled[j] >= 0 && recalled[j] <= recalled[4]);
      sum += recalled[j];
    }
    g_assert_cmpfloat (sum, <=, 1 + 1e-6);
    if ((double) beta * (1 - theta) > 50)
      g_assert_cmpfloat (sum, >, 0.9999);
    if ((double) beta * (1 - theta) < -50)
      g_assert_cmpfloat (sum, <, 1e-6);
    bmm_free (m);
  }
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
    { G_MAXSIZE, C, 0.2f, 1, 0, 0.9f }, { 8, G_MAXSIZE - 15, 0.2f, 1, 0, 0.9f }, { 8, 4112, 0.2f, 1, 0, 0.9f },
    { 8, 1, 0.2f, 1, 0, 0.9f }, { 8, C, 0.2f, 1, -INFINITY, 0.9f }, { 8, C, 0.2f, 1, 0, INFINITY },
    { 8, C, -INFINITY, 1, 0, 0.9f }, { 8, C, 0.2f, -INFINITY, 0, 0.9f },
  };
  static const BmmConfig limits[] = {
    { 65536, 16, 0.2f, 1, 0, 0.9f }, { 1, 4096, 0.2f, 1, 0, 0.9f }, { 8, C, 0, 1, 0, 1 }, { 8, C, 1, 1, 0, -1 },
    { 8, C, 0.2f, 1e6f, 4, 0.9f }, { 8, C, 0.2f, 1e-6f, -4, 0.9f },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (bmm_new (&bad[i]));
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
    BmmMemory *m = bmm_new (&limits[i]);
    g_assert_nonnull (m);
    g_assert_cmpuint (bmm_size (m), >=, limits[i].slots * limits[i].width * 2 * sizeof (float));
    bmm_free (m);
  }
  bmm_free (NULL);
}

/* ---- models/train/reference.py's memory ---------------------------------------------------------------- */

static char *
golden (const char *name, gsize *size)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "golden-memory", name, NULL), *data;

  g_assert_true (g_file_get_contents (path, &data, size, NULL));
  g_free (path);
  return data;
}

/* More places than slots, some seen far more often: tests/files/make-goldens.py. */
static void
test_reference (void)
{
  BmmMemory *m = bmm_new (&(BmmConfig) { 16, C, 0.2f, 22, 0.6f, 0.9f });
  gsize size, n;
  float *keys = (float *) golden ("keys.f32", &size), *values = (float *) golden ("values.f32", &size);
  float *recalled = (float *) golden ("recalled.f32", &size), r[C];
  gint32 *slots = (gint32 *) golden ("slots.i32", &n);

  n /= sizeof *slots;
  g_assert_cmpuint (size, ==, n * C * sizeof (float));
  for (gsize i = 0; i < n; i++) {
    bmm_read (m, keys + i * C, r);
    for (guint j = 0; j < C; j++)
      g_assert_cmpfloat_with_epsilon (r[j], recalled[i * C + j], 1e-4);
    g_assert_cmpuint (bmm_write (m, keys + i * C, values + i * C, i), ==, slots[i]);
  }
  bmm_free (m);
  g_free (keys);
  g_free (values);
  g_free (recalled);
  g_free (slots);
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
  g_test_add_func ("/memory/observe", test_observe);
  g_test_add_func ("/memory/sizes", test_sizes);
  g_test_add_func ("/memory/empty", test_empty);
  g_test_add_func ("/memory/one", test_one);
  g_test_add_func ("/memory/least-recent", test_least_recent);
  g_test_add_func ("/memory/burst", test_burst);
  g_test_add_func ("/memory/unused-goes", test_unused_goes);
  g_test_add_func ("/memory/worth", test_worth);
  g_test_add_func ("/memory/equal-worth", test_equal_worth);
  g_test_add_func ("/memory/saturate", test_saturate);
  g_test_add_func ("/memory/forget", test_forget);
  g_test_add_func ("/memory/opposites", test_opposites);
  g_test_add_func ("/memory/clear", test_clear);
  g_test_add_func ("/memory/two", test_two);
  g_test_add_func ("/memory/merge", test_merge);
  g_test_add_func ("/memory/merge-bound", test_merge_bound);
  g_test_add_func ("/memory/rates", test_rates);
  g_test_add_func ("/memory/ties", test_ties);
  g_test_add_func ("/memory/same-often", test_same_often);
  g_test_add_func ("/memory/orthogonal", test_orthogonal);
  g_test_add_func ("/memory/repeatable", test_repeatable);
  g_test_add_func ("/memory/buffers", test_buffers);
  g_test_add_func ("/memory/slot-info", test_slot_info);
  g_test_add_func ("/memory/extremes", test_extremes);
  g_test_add_func ("/memory/extreme-configs", test_extreme_configs);
  g_test_add_func ("/memory/refused", test_refused);
  g_test_add_func ("/memory/reference", test_reference);
  return g_test_run ();
}
