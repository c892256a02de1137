/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exp-scalar.h"
#include "lanes-scalar.h"

/* p: [n] scores in, probabilities out */
static void
softmax (float *p, size_t n)
{
  float max = p[0], r;

  for (size_t i = 1; i < n; i++)
    max = p[i] > max ? p[i] : max;
  for (size_t i = 0; i < n; i++)
    p[i] = bmk_exp_scalar (p[i] - max);
  r = 1.0f / bmk_sum_scalar (p, n);
  for (size_t i = 0; i < n; i++)
    p[i] = p[i] * r;
}

static void
score (float *p, const float *q, const float *k, size_t n, size_t d, size_t hd)
{
  const float scale = 1.0f / sqrtf ((float) hd);

  for (size_t i = 0; i < n; i++)
    p[i] = bmk_dot_scalar (q, k + i * d, hd) * scale;
}

static void
values (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, size_t to)
{
  for (size_t j = at; j < to; j++) {
    const float *weight = p + j / hd * n;
    float sum = 0.0f;
    for (int list = 0; list < 2; list++)
      for (size_t s = 0; s < spans->n[list]; s++)
        for (size_t i = 0; i < spans->list[list][s].n; i++)
          sum = sum + *weight++ * spans->list[list][s].v[i * d + j];
    out[j] = sum;
  }
}

/* Both for any tier that has nothing better for several queries than its own for one. A block of keys at a time: 16 KB of a head of 64 */
#define KEYS 64

static void
head_scores (float *p, const float *q, const float *k, size_t queries, size_t n, size_t d, size_t hd, float *kt)
{
  (void) kt;
  for (size_t first = 0, keys; first < n; first += keys) {
    keys = n - first < KEYS ? n - first : KEYS;
    for (size_t i = 0; i < queries; i++)
      bmk_table.score (p + i * n + first, q + i * d, k + first * d, keys, d, hd);
  }
}

static void
head_values (float *out, const float *p, const float *v, size_t queries, size_t n, size_t d, size_t hd)
{
  const BmkSpan span = { NULL, v, n, false };
  const BmkSpans spans = { { &span, NULL }, { 1, 0 } };

  for (size_t at = 0; at < hd; at += 64)
    for (size_t i = 0; i < queries; i++)
      bmk_table.values (out + i * d, p + i * n, &spans, n, d, hd, at, at + 64 < hd ? at + 64 : hd);
}

static void
rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads)
{
  const size_t hd = d / heads, half = hd / 2;

  for (size_t at = 0; at < d; at += hd)
    for (size_t i = 0; i < half; i++) {
      float a = x[at + i], b = x[at + half + i];
      x[at + i] = a * cos[i] - b * sin[i];
      x[at + half + i] = a * sin[i] + b * cos[i];
    }
}

void
bmk_attention_fill_scalar (BmkTable *t)
{
  t->score = score;
  t->softmax = softmax;
  t->values = values;
  t->head_scores = head_scores;
  t->head_values = head_values;
  t->rotate = rotate;
}
