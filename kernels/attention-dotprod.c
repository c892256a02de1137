/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Four tokens' dot products share the query's loads; the values of 64 elements are summed token by token in registers. */
#include "math-neon.h"

#define INLINE static inline __attribute__ ((always_inline))

/* k: `count` rows d apart, at most 4; the canonical dot products with q: [hd] */
INLINE void
dots (float *p, const float *q, const float *k, size_t d, size_t hd, float scale, const int count)
{
  Lanes acc[4];

  for (int t = 0; t < count; t++)
    acc[t] = bmk_zero_neon ();
  for (size_t j = 0; j < hd; j += 16) {
    const Lanes x = bmk_load_neon (q + j);
#pragma GCC unroll 4
    for (int t = 0; t < count; t++)
      for (int l = 0; l < 4; l++)
        acc[t].v[l] = vaddq_f32 (acc[t].v[l], vmulq_f32 (x.v[l], vld1q_f32 (k + (size_t) t * d + j + 4 * (size_t) l)));
  }
  for (int t = 0; t < count; t++)
    p[t] = bmk_fold_neon (acc[t]) * scale;
}

static void
score (float *p, const float *q, const float *k, size_t n, size_t d, size_t hd)
{
  const float scale = 1.0f / sqrtf ((float) hd);
  size_t i = 0;

  for (; i + 4 <= n; i += 4)
    dots (p + i, q, k + i * d, d, hd, scale, 4);
  for (; i < n; i++)
    dots (p + i, q, k + i * d, d, hd, scale, 1);
}

static void
softmax (float *p, size_t n)
{
  const float32x4_t max = vdupq_n_f32 (bmk_max_neon (p, n));
  Lanes acc = bmk_zero_neon ();
  float r;
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    for (size_t l = 0; l < 4; l++) {
      float32x4_t e = bmk_exp_neon (vsubq_f32 (vld1q_f32 (p + i + 4 * l), max));
      vst1q_f32 (p + i + 4 * l, e);
      acc.v[l] = vaddq_f32 (acc.v[l], e);
    }
  if (i < n) {
    Lanes v = bmk_tail_neon (p + i, n - i);
    float e[16];
    for (int l = 0; l < 4; l++)
      vst1q_f32 (e + 4 * l, bmk_exp_neon (vsubq_f32 (v.v[l], max)));
    memcpy (p + i, e, (n - i) * sizeof *p);
    v = bmk_tail_neon (e, n - i);
    for (int l = 0; l < 4; l++)
      acc.v[l] = vaddq_f32 (acc.v[l], v.v[l]);
  }
  r = 1.0f / bmk_fold_neon (acc);
  for (i = 0; i < n; i++)
    p[i] = p[i] * r;
}

/* 16 * groups elements from `at`, each group with its head's probabilities. p: [heads][n] */
INLINE void
blend (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, const int groups)
{
  float32x4_t acc[16];
  const float *weights[4];

  for (int g = 0; g < groups; g++)
    weights[g] = p + (at + 16 * (size_t) g) / hd * n;
  for (int i = 0; i < 4 * groups; i++)
    acc[i] = vdupq_n_f32 (0.0f);
  EACH_SPAN (spans, span) {
    const float *v = span->n ? span->v + at : NULL;
    for (size_t i = 0; i < span->n; i++, v += d)
#pragma GCC unroll 4
      for (int g = 0; g < groups; g++) {
        const float32x4_t w = vdupq_n_f32 (*weights[g]++);
#pragma GCC unroll 4
        for (int l = 4 * g; l < 4 * g + 4; l++)
          acc[l] = vaddq_f32 (acc[l], vmulq_f32 (w, vld1q_f32 (v + 4 * l)));
      }
  }
  for (int i = 0; i < 4 * groups; i++)
    vst1q_f32 (out + at + 4 * (size_t) i, acc[i]);
}

static void
values (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, size_t to)
{
  if (to - at == 64)
    blend (out, p, spans, n, d, hd, at, 4);
  else
    for (; at < to; at += 16)
      blend (out, p, spans, n, d, hd, at, 1);
}

/* half is a multiple of 8 */
static void
rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads)
{
  const size_t hd = d / heads, half = hd / 2;

  for (size_t at = 0; at < d; at += hd)
    for (size_t i = 0; i < half; i += 4) {
      float *x0 = x + at + i, *x1 = x0 + half;
      float32x4_t a = vld1q_f32 (x0), b = vld1q_f32 (x1), c = vld1q_f32 (cos + i), s = vld1q_f32 (sin + i);
      vst1q_f32 (x0, vsubq_f32 (vmulq_f32 (a, c), vmulq_f32 (b, s)));
      vst1q_f32 (x1, vaddq_f32 (vmulq_f32 (a, s), vmulq_f32 (b, c)));
    }
}

void
bmk_attention_fill_dotprod (BmkTable *t)
{
  t->score = score;
  t->softmax = softmax;
  t->values = values;
  t->rotate = rotate;
}
