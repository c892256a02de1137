/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The index against a sort of all scores in double precision. */

#include <glib.h>
#include <math.h>
#include <string.h>

#include "bitmar-event-index.h"
#include "bitmar-kernels.h"

#define MAX_WIDTH 256
#define N 3000

typedef struct {
  double score;
  gint64 utc, id;
} Plain;

static gint8 codes[N][MAX_WIDTH];
static float scales[N];
static gint64 times[N];
static guint32 cameras[N];

static void
random_unit (GRand *rand, float *x, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++) {
    x[i] = (float) g_rand_double_range (rand, -1, 1);
    square += (double) x[i] * x[i];
  }
  for (gsize i = 0; i < n; i++)
    x[i] /= sqrt (square);
}

static double
cosine (const gint8 *c, float scale, const float *x, gsize n)
{
  double s = 0;

  for (gsize i = 0; i < n; i++)
    s += (double) c[i] * x[i];
  return s * scale;
}

static int
by_rank (gconstpointer a, gconstpointer b)
{
  const Plain *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->utc != y->utc ? (x->utc > y->utc ? -1 : 1) : x->id > y->id ? -1 : 1;
}

static BmiIndex *
fill (GRand *rand, gsize width)
{
  BmiIndex *index = bmi_new (width);
  float x[MAX_WIDTH];

  for (guint i = 0; i < N; i++) {
    random_unit (rand, x, width);
    bmi_encode (codes[i], &scales[i], x, width);
    g_assert_cmpfloat (cosine (codes[i], scales[i], x, width), >, 0.999);
    times[i] = g_rand_int_range (rand, 0, 1000);
    cameras[i] = g_rand_int_range (rand, 1, 4);
    g_assert_true (bmi_add (index, i + 1, times[i], cameras[i], codes[i], scales[i]));
  }
  return index;
}

/* alive: [N] */
static void
compare (const BmiIndex *index, const float *x, gsize width, const BmiFilter *f, gsize k, const gboolean *alive)
{
  Plain *plain = g_new (Plain, N);
  BmiHit *hits = g_new (BmiHit, k);
  gsize n = 0, found = bmi_search (index, x, f, hits, k);

  for (guint i = 0; i < N; i++)
    if (alive[i] && times[i] >= f->from && times[i] < f->to && (f->camera == BMI_ANY_CAMERA || f->camera == cameras[i]))
      plain[n++] = (Plain) { cosine (codes[i], scales[i], x, width), times[i], i + 1 };
  qsort (plain, n, sizeof *plain, by_rank);
  g_assert_cmpuint (found, ==, MIN (n, k));
  for (gsize i = 0; i < found; i++) {
    g_assert_cmpfloat_with_epsilon (hits[i].score, plain[i].score, 1e-5);
    /* What is that near may change places. */
    if (i + 1 < n && fabs (plain[i].score - plain[i + 1].score) > 1e-5 && (i == 0
        || plain[i - 1].score - plain[i].score > 1e-5))
      g_assert_cmpint (hits[i].id, ==, plain[i].id);
  }
  g_free (hits);
  g_free (plain);
}

static void
test_search (gconstpointer data)
{
  static const gsize counts[] = { 1, 2, 3, 10, 63, 1000, N, N + 5 };
  gsize width = GPOINTER_TO_SIZE (data);
  GRand *rand = g_rand_new_with_seed (width);
  BmiIndex *index = fill (rand, width);
  gboolean alive[N];
  float x[MAX_WIDTH];

  for (guint i = 0; i < N; i++)
    alive[i] = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
    random_unit (rand, x, width);
    compare (index, x, width, &(BmiFilter) { 0, G_MAXINT64, BMI_ANY_CAMERA }, counts[i], alive);
    compare (index, x, width, &(BmiFilter) { 200, 700, 2 }, counts[i], alive);
    compare (index, x, width, &(BmiFilter) { 500, 500, BMI_ANY_CAMERA }, counts[i], alive);
    compare (index, x, width, &(BmiFilter) { 0, G_MAXINT64, 9 }, counts[i], alive);
  }
  bmi_free (index);
  g_rand_free (rand);
}

static void
test_retain (void)
{
  GRand *rand = g_rand_new_with_seed (7);
  BmiIndex *index = fill (rand, 32);
  gint64 ids[N];
  gboolean alive[N];
  float x[MAX_WIDTH];

  for (guint round = 0; round < 4; round++) {
    gsize n = 0;

    for (guint i = 0; i < N; i++) {
      alive[i] = (round == 0 || alive[i]) && g_rand_boolean (rand);
      if (alive[i])
        ids[n++] = i + 1;
    }
    bmi_retain (index, ids, n);
    g_assert_cmpuint (bmi_count (index), ==, n);
    g_assert_cmpint (bmi_last_id (index), ==, ids[n - 1]);
    random_unit (rand, x, 32);
    compare (index, x, 32, &(BmiFilter) { 0, G_MAXINT64, BMI_ANY_CAMERA }, 50, alive);
  }
  bmi_retain (index, NULL, 0);
  g_assert_cmpuint (bmi_count (index), ==, 0);
  g_assert_cmpint (bmi_last_id (index), ==, 0);
  bmi_free (index);
  g_rand_free (rand);
}

/* Of equal scores the newest comes first, and of one time the greatest id; also where there are more than are asked
 * for. */
static void
test_ties (void)
{
  BmiIndex *index = bmi_new (16);
  float x[16] = { 1 }, scale;
  gint8 c[16];
  BmiHit hits[4];

  bmi_encode (c, &scale, x, 16);
  for (guint i = 0; i < 100; i++)
    bmi_add (index, i + 1, i % 10, 1, c, scale);
  g_assert_cmpuint (bmi_search (index, x, &(BmiFilter) { 0, G_MAXINT64, BMI_ANY_CAMERA }, hits, 4), ==, 4);
  for (guint i = 0; i < 4; i++) {
    g_assert_cmpint (hits[i].utc, ==, 9);
    g_assert_cmpint (hits[i].id, ==, 100 - 10 * i);
    g_assert_cmpfloat_with_epsilon (hits[i].score, 1, 1e-6);
  }
  bmi_free (index);
}

static void
test_refused (void)
{
  g_assert_null (bmi_new (0));
  g_assert_null (bmi_new (24));
  g_assert_null (bmi_new (4112));
}

int
main (int argc, char **argv)
{
  bmk_init ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/event-index/search/16", GSIZE_TO_POINTER (16), test_search);
  g_test_add_data_func ("/event-index/search/128", GSIZE_TO_POINTER (128), test_search);
  g_test_add_data_func ("/event-index/search/256", GSIZE_TO_POINTER (256), test_search);
  g_test_add_func ("/event-index/retain", test_retain);
  g_test_add_func ("/event-index/ties", test_ties);
  g_test_add_func ("/event-index/refused", test_refused);
  return g_test_run ();
}
