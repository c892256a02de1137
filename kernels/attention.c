/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attention out of the tiers' parts. Beams of one frame share its keys and values, a multiple of the first cache: all queries meet
 * a block of rows before the next comes in, so that they pass once for all and not once for each. */
#include "kernels-internal.h"
#include "threads.h"

#define TOKENS 16               /* a block of keys: 16 KB at d = 256 */
#define ELEMENTS 64             /* a block of values' columns */

static size_t
count_tokens (const BmkSpan *spans, size_t n_spans)
{
  size_t n = 0;

  for (size_t s = 0; s < n_spans; s++)
    n += spans[s].n;
  return n;
}

/* Tokens first..first+n-1 of a span, which are tokens at.. of the query's `total`. p: [heads][total] */
static void
score_block (float *p, const BmkQuery *query, const BmkSpan *span, size_t first, size_t n, size_t at, size_t total,
    size_t d, size_t heads)
{
  const float *q = span->sink ? query->q_sink : query->q, *k = span->k + first * d;
  const size_t hd = d / heads;

  for (size_t h = 0; h < heads; h++)
    bmk_table.score (p + h * total + at, q + h * hd, k + h * hd, n, d, hd);
}

static void
score_shared (float *const *p, const size_t *total, const BmkQuery *queries, size_t n, const BmkSpan *shared, size_t n_shared,
    size_t d, size_t heads)
{
  size_t at = 0;

  for (size_t s = 0; s < n_shared; s++)
    for (size_t first = 0, count; first < shared[s].n; first += count, at += count) {
      count = shared[s].n - first < TOKENS ? shared[s].n - first : TOKENS;
      for (size_t i = 0; i < n; i++)
        score_block (p[i], &queries[i], &shared[s], first, count, at, total[i], d, heads);
    }
}

static void
score_own (float *p, size_t total, const BmkQuery *query, size_t at, size_t d, size_t heads)
{
  for (size_t s = 0; s < query->n_own; at += query->own[s++].n)
    if (query->own[s].n)
      score_block (p, query, &query->own[s], 0, query->own[s].n, at, total, d, heads);
  for (size_t h = 0; h < heads; h++)
    bmk_table.softmax (p + h * total, total);
}

#define MOST 16                 /* queries at a time */

static void
attend (const BmkQuery *queries, size_t n, const BmkSpan *shared, size_t n_shared, size_t d, size_t heads, float *scratch)
{
  const size_t before = count_tokens (shared, n_shared);
  float *p[MOST];
  size_t total[MOST];

  for (size_t i = 0; i < n; i++) {
    p[i] = scratch;
    total[i] = before + count_tokens (queries[i].own, queries[i].n_own);
    scratch += heads * total[i];
  }
  score_shared (p, total, queries, n, shared, n_shared, d, heads);
  for (size_t i = 0; i < n; i++)
    score_own (p[i], total[i], &queries[i], before, d, heads);
  for (size_t at = 0; at < d; at += ELEMENTS)
    for (size_t i = 0; i < n; i++) {
      const BmkSpans spans = { { shared, queries[i].own }, { n_shared, queries[i].n_own } };
      bmk_table.values (queries[i].out, p[i], &spans, total[i], d, d / heads, at, at + ELEMENTS < d ? at + ELEMENTS : d);
    }
}

void
bmk_attend_many (const BmkQuery *queries, size_t n, const BmkSpan *shared, size_t n_shared, size_t d, size_t heads,
    float *scratch)
{
  for (size_t i = 0, count; i < n; i += count) {
    count = n - i < MOST ? n - i : MOST;
    attend (queries + i, count, shared, n_shared, d, heads, scratch);
  }
}

void
bmk_attend (float *out, const float *q, const float *q_sink, const BmkSpan *spans, size_t n_spans, size_t d,
    size_t heads, float *scratch)
{
  attend (&(BmkQuery) { out, q, q_sink, NULL, 0 }, 1, spans, n_spans, d, heads, scratch);
}

/* ---- Tokens over themselves ---- */

#define QUERIES 64              /* that meet a head's keys, which are laid out anew for them */
#define SLICES 8                /* of the work: as many threads have some, each slice with its own scratch */

typedef struct {
  float *out;
  const float *q, *k, *v;
  size_t n, d, heads;
  float *scratch;
} Tokens;

/* Scores [QUERIES][n], and the keys of a head. */
static size_t
slice_scratch (size_t n, size_t hd)
{
  return QUERIES * n + bmk_align_up (n, 16) * hd;
}

/* Some queries from `first` on, of the head that starts at element `head`. */
static void
attend_head (const Tokens *t, size_t head, size_t first, float *p)
{
  const size_t n = t->n, d = t->d, hd = d / t->heads, queries = n - first < QUERIES ? n - first : QUERIES;

  bmk_table.head_scores (p, t->q + first * d + head, t->k + head, queries, n, d, hd, p + QUERIES * n);
  for (size_t i = 0; i < queries; i++)
    bmk_table.softmax (p + i * n, n);
  bmk_table.head_values (t->out + first * d + head, p, t->v + head, queries, n, d, hd);
}

/* from, to: slices of the units, which are blocks of queries, head by head. All of one call use one's scratch, which stays in the cache. */
static void
attend_slices (void *data, size_t from, size_t to)
{
  const Tokens *t = data;
  const size_t blocks = (t->n + QUERIES - 1) / QUERIES, units = blocks * t->heads, hd = t->d / t->heads;

  for (size_t unit = from * units / SLICES; unit < to * units / SLICES; unit++)
    attend_head (t, unit / blocks * hd, unit % blocks * QUERIES, t->scratch + from * slice_scratch (t->n, hd));
}

size_t
bmk_attend_all_scratch (size_t n, size_t d, size_t heads)
{
  return SLICES * slice_scratch (n, d / heads);
}

void
bmk_attend_all (float *out, const float *q, const float *k, const float *v, size_t n, size_t d, size_t heads, float *scratch)
{
  Tokens tokens = { out, q, k, v, n, d, heads, scratch };

  bmk_parallel (attend_slices, &tokens, SLICES, 1);
}

void
bmk_rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads)
{
  bmk_table.rotate (x, cos, sin, d, heads);
}
