/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Four tokens' dot products are folded together; the values of 64 elements are summed token by token in registers. */
#include "math-avx2.h"

#define DOT_STEP(t) do { \
  const float *k_ = k + (t) * d + j; \
  low##t = _mm256_add_ps (low##t, _mm256_mul_ps (q_low, _mm256_loadu_ps (k_))); \
  high##t = _mm256_add_ps (high##t, _mm256_mul_ps (q_high, _mm256_loadu_ps (k_ + 8))); \
} while (0)

/* k: 4 rows d apart; the canonical dot products with q: [hd] */
static inline __m128
dot4 (const float *q, const float *k, size_t d, size_t hd)
{
  __m256 low0 = _mm256_setzero_ps (), low1 = low0, low2 = low0, low3 = low0;
  __m256 high0 = low0, high1 = low0, high2 = low0, high3 = low0;
  __m256 a01, a23, b;

  for (size_t j = 0; j < hd; j += 16) {
    __m256 q_low = _mm256_loadu_ps (q + j), q_high = _mm256_loadu_ps (q + j + 8);
    DOT_STEP (0);
    DOT_STEP (1);
    DOT_STEP (2);
    DOT_STEP (3);
  }
  low0 = _mm256_add_ps (low0, high0);
  low1 = _mm256_add_ps (low1, high1);
  low2 = _mm256_add_ps (low2, high2);
  low3 = _mm256_add_ps (low3, high3);
  /* lanes j and j + 4, then j + 2, then j + 1; the order of the tokens comes out as 0 2 . . 1 3 . . */
  a01 = _mm256_add_ps (_mm256_permute2f128_ps (low0, low1, 0x20), _mm256_permute2f128_ps (low0, low1, 0x31));
  a23 = _mm256_add_ps (_mm256_permute2f128_ps (low2, low3, 0x20), _mm256_permute2f128_ps (low2, low3, 0x31));
  b = _mm256_add_ps (_mm256_shuffle_ps (a01, a23, 0x44), _mm256_shuffle_ps (a01, a23, 0xee));
  b = _mm256_add_ps (_mm256_shuffle_ps (b, b, 0x88), _mm256_shuffle_ps (b, b, 0xdd));
  return _mm_unpacklo_ps (_mm256_castps256_ps128 (b), _mm256_extractf128_ps (b, 1));
}

static inline float
dot1 (const float *q, const float *k, size_t hd)
{
  __m256 low = _mm256_setzero_ps (), high = low;

  for (size_t j = 0; j < hd; j += 16) {
    low = _mm256_add_ps (low, _mm256_mul_ps (_mm256_loadu_ps (q + j), _mm256_loadu_ps (k + j)));
    high = _mm256_add_ps (high, _mm256_mul_ps (_mm256_loadu_ps (q + j + 8), _mm256_loadu_ps (k + j + 8)));
  }
  return bmk_fold_avx2 (low, high);
}

/* One head, one span: p[n] = (q . k) * scale */
static void
score (float *p, const float *q, const float *k, size_t n, size_t d, size_t hd)
{
  const float scale = 1.0f / sqrtf ((float) hd);
  const __m128 scale4 = _mm_set1_ps (scale);
  size_t i = 0;

  for (; i + 4 <= n; i += 4)
    _mm_storeu_ps (p + i, _mm_mul_ps (dot4 (q, k + i * d, d, hd), scale4));
  for (; i < n; i++)
    p[i] = dot1 (q, k + i * d, hd) * scale;
}

static inline __m256
exp_tail (float *p, ptrdiff_t n, __m256 max)
{
  __m256i mask = bmk_mask_avx2 (n);
  __m256 e = bmk_exp_avx2 (_mm256_sub_ps (_mm256_maskload_ps (p, mask), max));

  _mm256_maskstore_ps (p, mask, e);
  return _mm256_and_ps (e, _mm256_castsi256_ps (mask));
}

static void
softmax (float *p, size_t n)
{
  __m256 low = _mm256_setzero_ps (), high = low, r;
  const __m256 max = _mm256_set1_ps (bmk_max_avx2 (p, n));
  size_t i = 0;

  for (; i < n; i += 16) {
    low = _mm256_add_ps (low, exp_tail (p + i, (ptrdiff_t) (n - i), max));
    if (n - i > 8)
      high = _mm256_add_ps (high, exp_tail (p + i + 8, (ptrdiff_t) (n - i) - 8, max));
  }
  r = _mm256_set1_ps (1.0f / bmk_fold_avx2 (low, high));
  for (i = 0; i < n; i += 8) {
    __m256i mask = bmk_mask_avx2 ((ptrdiff_t) (n - i));
    _mm256_maskstore_ps (p + i, mask, _mm256_mul_ps (_mm256_maskload_ps (p + i, mask), r));
  }
}

#define VALUE_STEP(r, head) \
  a##r = _mm256_add_ps (a##r, _mm256_mul_ps (w##head, _mm256_loadu_ps (v + (r) * 8)))

/* 64 elements from `at`: four groups of 16, each with its head's probabilities. p: [heads][n] */
static void
blend64 (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t at, size_t hd)
{
  __m256 a0 = _mm256_setzero_ps (), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  const float *p0 = p + at / hd * n, *p1 = p + (at + 16) / hd * n;
  const float *p2 = p + (at + 32) / hd * n, *p3 = p + (at + 48) / hd * n;

  EACH_SPAN (spans, span) {
    const float *v = span->n ? span->v + at : NULL;
    for (size_t i = 0; i < span->n; i++, v += d) {
      __m256 w0 = _mm256_set1_ps (*p0++), w1 = _mm256_set1_ps (*p1++);
      __m256 w2 = _mm256_set1_ps (*p2++), w3 = _mm256_set1_ps (*p3++);
      VALUE_STEP (0, 0);
      VALUE_STEP (1, 0);
      VALUE_STEP (2, 1);
      VALUE_STEP (3, 1);
      VALUE_STEP (4, 2);
      VALUE_STEP (5, 2);
      VALUE_STEP (6, 3);
      VALUE_STEP (7, 3);
    }
  }
  _mm256_storeu_ps (out + at, a0);
  _mm256_storeu_ps (out + at + 8, a1);
  _mm256_storeu_ps (out + at + 16, a2);
  _mm256_storeu_ps (out + at + 24, a3);
  _mm256_storeu_ps (out + at + 32, a4);
  _mm256_storeu_ps (out + at + 40, a5);
  _mm256_storeu_ps (out + at + 48, a6);
  _mm256_storeu_ps (out + at + 56, a7);
}

static void
blend16 (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t at, size_t hd)
{
  __m256 a0 = _mm256_setzero_ps (), a1 = a0;
  const float *p0 = p + at / hd * n;

  EACH_SPAN (spans, span) {
    const float *v = span->n ? span->v + at : NULL;
    for (size_t i = 0; i < span->n; i++, v += d) {
      __m256 w0 = _mm256_set1_ps (*p0++);
      VALUE_STEP (0, 0);
      VALUE_STEP (1, 0);
    }
  }
  _mm256_storeu_ps (out + at, a0);
  _mm256_storeu_ps (out + at + 8, a1);
}

static void
values (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, size_t to)
{
  if (to - at == 64)
    blend64 (out, p, spans, n, d, at, hd);
  else
    for (; at < to; at += 16)
      blend16 (out, p, spans, n, d, at, hd);
}

/* half is a multiple of 8 */
static void
rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads)
{
  const size_t hd = d / heads, half = hd / 2;

  for (size_t at = 0; at < d; at += hd)
    for (size_t i = 0; i < half; i += 8) {
      float *x0 = x + at + i, *x1 = x0 + half;
      __m256 a = _mm256_loadu_ps (x0), b = _mm256_loadu_ps (x1);
      __m256 c = _mm256_loadu_ps (cos + i), s = _mm256_loadu_ps (sin + i);
      _mm256_storeu_ps (x0, _mm256_sub_ps (_mm256_mul_ps (a, c), _mm256_mul_ps (b, s)));
      _mm256_storeu_ps (x1, _mm256_add_ps (_mm256_mul_ps (a, s), _mm256_mul_ps (b, c)));
    }
}

void
bmk_attention_fill_avx2 (BmkTable *t)
{
  t->score = score;
  t->softmax = softmax;
  t->values = values;
  t->rotate = rotate;
}
