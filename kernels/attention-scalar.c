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

/* The head whose elements start at `at`; out: [hd], q, q_sink: [d]. q_sink is not read without a sink span. */
static void
attend_head (float *out, const float *q, const float *q_sink, const BmkSpan *spans, size_t n_spans, size_t d,
    size_t at, size_t hd, float *p)
{
  const float scale = 1.0f / sqrtf ((float) hd);
  size_t n = 0;

  for (size_t s = 0; s < n_spans; s++)
    for (size_t i = 0; i < spans[s].n; i++)
      p[n++] = bmk_dot_scalar ((spans[s].sink ? q_sink : q) + at, spans[s].k + i * d + at, hd) * scale;
  softmax (p, n);
  for (size_t j = 0; j < hd; j++)
    out[j] = 0.0f;
  for (size_t s = 0; s < n_spans; s++)
    for (size_t i = 0; i < spans[s].n; i++, p++)
      for (size_t j = 0; j < hd; j++)
        out[j] = out[j] + *p * spans[s].v[i * d + at + j];
}

static void
attend (float *out, const float *q, const float *q_sink, const BmkSpan *spans, size_t n_spans, size_t d,
    size_t heads, float *scratch)
{
  const size_t hd = d / heads;

  for (size_t at = 0; at < d; at += hd)
    attend_head (out + at, q, q_sink, spans, n_spans, d, at, hd, scratch);
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
  t->attend = attend;
  t->rotate = rotate;
}
