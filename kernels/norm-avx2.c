/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx2.h"

static float
sum (const float *x, size_t n)
{
  __m256 low = _mm256_setzero_ps (), high = low;

  for (size_t i = 0; i < n; i += 16) {
    const ptrdiff_t left = (ptrdiff_t) (n - i);
    low = _mm256_add_ps (low, _mm256_maskload_ps (x + i, bmk_mask_avx2 (left)));
    if (left > 8)
      high = _mm256_add_ps (high, _mm256_maskload_ps (x + i + 8, bmk_mask_avx2 (left - 8)));
  }
  return bmk_fold_avx2 (low, high);
}

static inline __m256
square (const float *x, __m256 mean, ptrdiff_t left)
{
  const __m256i mask = bmk_mask_avx2 (left);
  const __m256 v = _mm256_and_ps (_mm256_sub_ps (_mm256_maskload_ps (x, mask), mean), _mm256_castsi256_ps (mask));

  return _mm256_mul_ps (v, v);
}

static float
sum_squares (const float *x, float mean, size_t n)
{
  const __m256 mean8 = _mm256_set1_ps (mean);
  __m256 low = _mm256_setzero_ps (), high = low;

  for (size_t i = 0; i < n; i += 16) {
    const ptrdiff_t left = (ptrdiff_t) (n - i);
    low = _mm256_add_ps (low, square (x + i, mean8, left));
    if (left > 8)
      high = _mm256_add_ps (high, square (x + i + 8, mean8, left - 8));
  }
  return bmk_fold_avx2 (low, high);
}

static void
layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t d)
{
  const float mean = sum (x, d) / (float) d;
  const __m256 r = _mm256_set1_ps (bmk_inverse_deviation (sum_squares (x, mean, d), d, epsilon));

  for (size_t i = 0; i < d; i += 8) {
    const __m256i mask = bmk_mask_avx2 ((ptrdiff_t) (d - i));
    __m256 v = _mm256_sub_ps (_mm256_maskload_ps (x + i, mask), _mm256_set1_ps (mean));
    v = _mm256_mul_ps (_mm256_mul_ps (v, r), _mm256_maskload_ps (weight + i, mask));
    _mm256_maskstore_ps (y + i, mask, _mm256_add_ps (v, _mm256_maskload_ps (bias + i, mask)));
  }
}

#define GELU_STEP(c) p = _mm256_add_ps (_mm256_mul_ps (p, t), _mm256_set1_ps (c))

static inline __m256
gelu8 (__m256 x)
{
  const __m256 one = _mm256_set1_ps (1.0f), a = _mm256_and_ps (x, _mm256_castsi256_ps (_mm256_set1_epi32 (0x7fffffff)));
  const __m256 t = _mm256_div_ps (one, _mm256_add_ps (one, _mm256_mul_ps (a, _mm256_set1_ps (BMK_GELU_T))));
  __m256 p = _mm256_set1_ps (BMK_GELU_C8);

  GELU_STEP (BMK_GELU_C7);
  GELU_STEP (BMK_GELU_C6);
  GELU_STEP (BMK_GELU_C5);
  GELU_STEP (BMK_GELU_C4);
  GELU_STEP (BMK_GELU_C3);
  GELU_STEP (BMK_GELU_C2);
  GELU_STEP (BMK_GELU_C1);
  GELU_STEP (BMK_GELU_C0);
  p = _mm256_mul_ps (p, bmk_exp_avx2 (_mm256_mul_ps (_mm256_mul_ps (a, a), _mm256_set1_ps (-0.5f))));
  return _mm256_sub_ps (_mm256_max_ps (x, _mm256_setzero_ps ()), _mm256_mul_ps (a, p));
}

static void
gelu (float *x, size_t n)
{
  size_t i = 0;

  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps (x + i, gelu8 (_mm256_loadu_ps (x + i)));
  if (i < n) {
    const __m256i mask = bmk_mask_avx2 ((ptrdiff_t) (n - i));
    _mm256_maskstore_ps (x + i, mask, gelu8 (_mm256_maskload_ps (x + i, mask)));
  }
}

void
bmk_norm_fill_avx2 (BmkTable *t)
{
  t->layer_norm = layer_norm;
  t->gelu = gelu;
}
