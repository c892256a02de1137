/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shapes and codes are checked here, once, when packing. */
#include "exp-scalar.h"
#include "kernels-internal.h"
#include "threads.h"

/* Keeps every int32 sum exact and every size far from overflow. */
#define MAX_K 65536
#define MAX_N ((size_t) 1 << 24)

static bool
shape_is_allowed (size_t n, size_t k)
{
  return n > 0 && n <= MAX_N && k > 0 && k <= MAX_K && k % 16 == 0;
}

static bool
codes_are_legal (const uint8_t *codes, size_t size)
{
  unsigned bad = 0;

  for (size_t i = 0; i < size; i++)
    bad |= codes[i] & (codes[i] >> 1) & 0x55;
  return bad == 0;
}

size_t
bmk_ternary_packed_size (size_t n, size_t k)
{
  return shape_is_allowed (n, k) ? bmk_table.ternary_packed_size (n, k) : 0;
}

bool
bmk_ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  if (!shape_is_allowed (n, k) || !codes_are_legal (codes, n * (k / 4)))
    return false;
  bmk_table.ternary_pack (dst, codes, n, k);
  return true;
}

/* ---- Large layers on several threads ---- */

#define RUN 256                 /* outputs: whole panels in every tier */
#define THREAD_TOKENS 64        /* fewer, and the weights' way here is the longer part */
#define THREAD_PRODUCTS ((size_t) 4 << 20)

typedef void (*Linear) (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m);

typedef struct {
  Linear run;
  size_t (*packed_size) (size_t n, size_t k);
  const BmkOutput *out;
  const BmkLinear *w;
  const int8_t *q;
  const BmkRow *rows;
  size_t m;
} Job;

/* Outputs first..first+n-1 of a layer, whose panels lie one behind the other. */
static BmkLinear
some_outputs (const BmkLinear *w, size_t first, size_t n, size_t (*packed_size) (size_t n, size_t k))
{
  const uint8_t *data = w->data;

  return (BmkLinear) { n, w->k, data + (first ? packed_size (first, w->k) : 0), w->scale + first };
}

/* from, to: runs of outputs */
static void
run_outputs (void *data, size_t from, size_t to)
{
  const Job *job = data;
  const size_t first = from * RUN, end = to * RUN < job->w->n ? to * RUN : job->w->n;
  const BmkLinear w = some_outputs (job->w, first, end - first, job->packed_size);
  BmkOutput out = *job->out;

  out.y += first;
  out.bias = out.bias ? out.bias + first : NULL;
  out.q = NULL;
  job->run (&out, &w, job->q, job->rows, job->m);
}

static void
linear (const Job *job)
{
  const BmkLinear *w = job->w;
  const BmkOutput *out = job->out;

  if (bmk_threads () == 1 || job->m < THREAD_TOKENS || w->n * w->k < THREAD_PRODUCTS / job->m || w->n <= RUN) {
    job->run (out, w, job->q, job->rows, job->m);
    return;
  }
  bmk_parallel (run_outputs, (void *) job, (w->n + RUN - 1) / RUN, 1);
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, job->m, w->n, NULL);
}

void
bmk_ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (&(Job) { bmk_table.ternary_linear, bmk_table.ternary_packed_size, out, w, q, rows, m });
}

size_t
bmk_int8_packed_size (size_t n, size_t k)
{
  return shape_is_allowed (n, k) ? bmk_table.int8_packed_size (n, k) : 0;
}

/* -128 is outside the contract: the AVX2 tier could not be exact with it. */
static bool
rows_are_legal (const int8_t *rows, size_t size)
{
  unsigned bad = 0;

  for (size_t i = 0; i < size; i++)
    bad |= rows[i] == INT8_MIN;
  return bad == 0;
}

bool
bmk_int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  if (!shape_is_allowed (n, k) || !rows_are_legal (rows, n * k))
    return false;
  bmk_table.int8_pack (dst, rows, n, k);
  return true;
}

void
bmk_int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (&(Job) { bmk_table.int8_linear, bmk_table.int8_packed_size, out, w, q, rows, m });
}

/* ---- The best of a layer's outputs ---- */

#define BEST_TOKENS 16          /* tokens at a time: 16 KB of outputs */

typedef struct {
  float max, sum;               /* of exp (x - max) */
} LogSum;

static void
log_sum_add (LogSum *to, const float *x, size_t n)
{
  float max, sum = bmk_table.sum_exp (x, n, &max);

  if (max > to->max)
    *to = (LogSum) { max, to->sum * bmk_exp_scalar (to->max - max) + sum };
  else
    to->sum += sum * bmk_exp_scalar (max - to->max);
}

/* best: [n] of at most count, greatest first; what comes later loses ties. */
static size_t
best_insert (BmkBest *best, size_t n, size_t count, BmkBest one)
{
  size_t at = n < count ? n++ : count - 1;

  while (at > 0 && best[at - 1].value < one.value) {
    best[at] = best[at - 1];
    at--;
  }
  best[at] = one;
  return n;
}

/* The n outputs from index `first` on. -> how many there are in best */
static size_t
best_add (BmkBest *best, size_t used, size_t count, const float *x, size_t n, size_t first)
{
  uint8_t at[RUN];
  size_t above = bmk_table.above (at, x, n, used < count ? -INFINITY : best[count - 1].value);

  for (size_t i = 0; i < above; i++)
    if (used < count || x[at[i]] > best[count - 1].value)
      used = best_insert (best, used, count, (BmkBest) { x[at[i]], (uint32_t) (first + at[i]) });
  return used;
}

static void
best_tokens (BmkBest *best, float *log_sum, size_t count, const BmkLinear *w, const int8_t *q, const BmkRow *rows,
    size_t m)
{
  float y[BEST_TOKENS * RUN];
  size_t used = 0;
  LogSum sums[BEST_TOKENS];
  const BmkOutput out = { .y = y, .ldy = RUN };

  for (size_t i = 0; i < m; i++)
    sums[i] = (LogSum) { -INFINITY, 0.0f };
  for (size_t first = 0, n; first < w->n; first += n) {
    const size_t had = used;
    n = w->n - first < RUN ? w->n - first : RUN;
    const BmkLinear run = some_outputs (w, first, n, bmk_table.int8_packed_size);
    bmk_table.int8_linear (&out, &run, q, rows, m);
    for (size_t i = 0; i < m; i++) {
      used = best_add (best + i * count, had, count, y + i * RUN, n, first);
      log_sum_add (&sums[i], y + i * RUN, n);
    }
  }
  /* the logarithm in double: whichever variant libm picks for this CPU, the float is the same */
  for (size_t i = 0; i < m; i++)
    log_sum[i] = sums[i].max + (float) log ((double) sums[i].sum);
}

void
bmk_int8_best (BmkBest *best, float *log_sum, size_t count, const BmkLinear *w, const int8_t *q, const BmkRow *rows,
    size_t m)
{
  for (size_t i = 0, n; i < m; i += n) {
    n = m - i < BEST_TOKENS ? m - i : BEST_TOKENS;
    best_tokens (best + i * count, log_sum + i, count, w, q + i * w->k, rows + i, n);
  }
}
