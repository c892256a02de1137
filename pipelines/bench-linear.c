/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_SECONDS 100e-6
#define LEAST_SAMPLES 5
#define MOST_SAMPLES 4096

double
bench_now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

gpointer
bench_alloc (gsize size)
{
  gpointer p = aligned_alloc (BMK_ALIGN, (size + 4 * BMK_ALIGN) / BMK_ALIGN * BMK_ALIGN);

  if (!p)
    g_error ("out of memory");
  memset (p, 0, size);
  return p;
}

static double
run_many (BenchFunc run, gpointer data, guint calls)
{
  double start = bench_now ();

  for (guint i = 0; i < calls; i++)
    run (data);
  return bench_now () - start;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

double
bench_best (BenchFunc run, gpointer data, double budget)
{
  double *samples = g_new (double, MOST_SAMPLES), end, best;
  guint calls = 1, n = 0;

  while (run_many (run, data, calls) < SAMPLE_SECONDS)
    calls *= 2;
  end = bench_now () + budget;
  while (n < LEAST_SAMPLES || (n < MOST_SAMPLES && bench_now () < end))
    samples[n++] = run_many (run, data, calls) / calls;
  qsort (samples, n, sizeof *samples, compare);
  best = samples[n / 50];
  g_free (samples);
  return best;
}

/* ---- Limits ---------------------------------------------------------------------------------------- */

#define PEAK_STEPS 1000
#define NEAR_SIZE (256 << 10)
#define FAR_SIZE (64 << 20)

static void
run_peak (gpointer unit)
{
  bmk_peak ((BmkPeak) GPOINTER_TO_UINT (unit), PEAK_STEPS);
}

static double
peak_gmacs (BmkPeak unit, double budget)
{
  guint64 macs = bmk_peak (unit, PEAK_STEPS);

  return macs ? (double) macs / bench_best (run_peak, GUINT_TO_POINTER (unit), budget) * 1e-9 : 0;
}

typedef struct {
  guint8 *data;
  gsize size;
  volatile guint64 sum;
} Read;

static void
run_read (gpointer data)
{
  Read *r = data;

  r->sum = bmk_read (r->data, r->size);
}

static double
read_rate (gsize size, double budget)
{
  Read r = { .data = bench_alloc (size), .size = size };
  double rate;

  memset (r.data, 1, size);
  rate = (double) size / bench_best (run_read, &r, budget) * 1e-9;
  free (r.data);
  return rate;
}

void
bench_peak (BenchPeak *peak, double budget)
{
  *peak = (BenchPeak) { peak_gmacs (BMK_PEAK_DOT, budget), peak_gmacs (BMK_PEAK_TILE, budget),
    read_rate (NEAR_SIZE, budget), read_rate (FAR_SIZE, budget) };
}

/* ---- Linear layers --------------------------------------------------------------------------------- */

#define FAR_WEIGHTS FAR_SIZE

typedef struct {
  const BenchLinear *shape;
  BmkLinear w;
  guint8 *data;                /* copies of the packed weights */
  gsize size, copies, at;
  float *x, *y, *scale;
  int8_t *q;
  BmkRow *rows;
} Layer;

static void
run_layer (gpointer data)
{
  Layer *l = data;
  const BmkOutput out = { .y = l->y, .ldy = l->w.n };

  l->w.data = l->data + l->at * l->size;
  l->at = (l->at + 1) % l->copies;
  bmk_quantize (l->q, l->rows, l->x, l->w.k, l->shape->m, l->w.k);
  if (l->shape->ternary)
    bmk_ternary_linear (&out, &l->w, l->q, l->rows, l->shape->m);
  else
    bmk_int8_linear (&out, &l->w, l->q, l->rows, l->shape->m);
}

/* Values of a trained layer's kind: what numbers they are can change the speed of the machine. */
static void
fill (Layer *l, GRand *rand)
{
  gsize n = l->w.n, k = l->w.k, m = l->shape->m;
  guint8 *codes = bench_alloc (n * k);

  for (gsize i = 0; i < n * k / (l->shape->ternary ? 4 : 1); i++)
    codes[i] = l->shape->ternary ? 0 : (guint8) g_rand_int_range (rand, -127, 128);
  for (gsize i = 0; l->shape->ternary && i < n * k; i++)
    codes[i / 4] |= (guint8) (g_rand_int_range (rand, 0, 3) << i % 4 * 2);
  for (gsize i = 0; i < l->copies; i++) {
    gboolean packed = l->shape->ternary ? bmk_ternary_pack (l->data + i * l->size, codes, n, k)
        : bmk_int8_pack (l->data + i * l->size, (const int8_t *) codes, n, k);
    g_assert_true (packed);
  }
  for (gsize i = 0; i < n; i++)
    l->scale[i] = 0.02f;
  for (gsize i = 0; i < m * k; i++)
    l->x[i] = (float) g_rand_double_range (rand, -1, 1);
  free (codes);
}

void
bench_linear (BenchLinear *shape, double budget)
{
  gsize n = shape->n, k = shape->k, m = shape->m;
  GRand *rand = g_rand_new_with_seed (1);
  Layer l = { .shape = shape, .w = { .n = n, .k = k } };
  double seconds;

  l.size = shape->ternary ? bmk_ternary_packed_size (n, k) : bmk_int8_packed_size (n, k);
  l.size = (l.size + BMK_ALIGN - 1) / BMK_ALIGN * BMK_ALIGN;
  l.copies = shape->far ? MAX (2, FAR_WEIGHTS / l.size) : 1;
  l.data = bench_alloc (l.copies * l.size);
  l.x = bench_alloc (m * k * sizeof (float));
  l.y = bench_alloc (m * n * sizeof (float));
  l.scale = bench_alloc (n * sizeof (float));
  l.q = bench_alloc (m * k);
  l.rows = bench_alloc (m * sizeof (BmkRow));
  l.w.scale = l.scale;
  fill (&l, rand);
  seconds = bench_best (run_layer, &l, budget);
  shape->gmacs = (double) n * (double) k * (double) m / seconds * 1e-9;
  shape->weights = (double) l.size / seconds * 1e-9;
  free (l.data);
  free (l.x);
  free (l.y);
  free (l.scale);
  free (l.q);
  free (l.rows);
  g_rand_free (rand);
}
