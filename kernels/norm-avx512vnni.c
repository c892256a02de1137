/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx512vnni.h"

static float
sum (const float *x, size_t n)
{
  __m512 acc = _mm512_setzero_ps ();

  for (size_t i = 0; i < n; i += 16)
    acc = _mm512_add_ps (acc, _mm512_maskz_loadu_ps (bmk_mask_avx512 (n - i), x + i));
  return bmk_fold_avx512 (acc);
}

static float
sum_squares (const float *x, float mean, size_t n)
{
  __m512 acc = _mm512_setzero_ps ();

  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = bmk_mask_avx512 (n - i);
    const __m512 v = _mm512_maskz_sub_ps (mask, _mm512_maskz_loadu_ps (mask, x + i), _mm512_set1_ps (mean));
    acc = _mm512_add_ps (acc, _mm512_mul_ps (v, v));
  }
  return bmk_fold_avx512 (acc);
}

static void
layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t d)
{
  const float mean = sum (x, d) / (float) d;
  const __m512 r = _mm512_set1_ps (bmk_inverse_deviation (sum_squares (x, mean, d), d, epsilon));

  for (size_t i = 0; i < d; i += 16) {
    const __mmask16 mask = bmk_mask_avx512 (d - i);
    __m512 v = _mm512_sub_ps (_mm512_maskz_loadu_ps (mask, x + i), _mm512_set1_ps (mean));
    v = _mm512_mul_ps (_mm512_mul_ps (v, r), _mm512_maskz_loadu_ps (mask, weight + i));
    _mm512_mask_storeu_ps (y + i, mask, _mm512_add_ps (v, _mm512_maskz_loadu_ps (mask, bias + i)));
  }
}

#define GELU_STEP(c) p = _mm512_add_ps (_mm512_mul_ps (p, t), _mm512_set1_ps (c))

static inline __m512
gelu16 (__m512 x)
{
  const __m512 one = _mm512_set1_ps (1.0f), a = _mm512_abs_ps (x);
  const __m512 t = _mm512_div_ps (one, _mm512_add_ps (one, _mm512_mul_ps (a, _mm512_set1_ps (BMK_GELU_T))));
  __m512 p = _mm512_set1_ps (BMK_GELU_C8);

  GELU_STEP (BMK_GELU_C7);
  GELU_STEP (BMK_GELU_C6);
  GELU_STEP (BMK_GELU_C5);
  GELU_STEP (BMK_GELU_C4);
  GELU_STEP (BMK_GELU_C3);
  GELU_STEP (BMK_GELU_C2);
  GELU_STEP (BMK_GELU_C1);
  GELU_STEP (BMK_GELU_C0);
  p = _mm512_mul_ps (p, bmk_exp_avx512 (_mm512_mul_ps (_mm512_mul_ps (a, a), _mm512_set1_ps (-0.5f))));
  return _mm512_sub_ps (_mm512_max_ps (x, _mm512_setzero_ps ()), _mm512_mul_ps (a, p));
}

static void
gelu (float *x, size_t n)
{
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = bmk_mask_avx512 (n - i);
    _mm512_mask_storeu_ps (x + i, mask, gelu16 (_mm512_maskz_loadu_ps (mask, x + i)));
  }
}

void
bmk_norm_fill_avx512vnni (BmkTable *t)
{
  t->layer_norm = layer_norm;
  t->gelu = gelu;
}
