/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx512vnni.h"

static float
dot (const float *a, const float *b, size_t n)
{
  __m512 acc = _mm512_setzero_ps ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    acc = _mm512_add_ps (acc, _mm512_mul_ps (_mm512_loadu_ps (a + i), _mm512_loadu_ps (b + i)));
  if (i < n) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    acc = _mm512_add_ps (acc, _mm512_mul_ps (_mm512_maskz_loadu_ps (mask, a + i), _mm512_maskz_loadu_ps (mask, b + i)));
  }
  return bmk_fold_avx512 (acc);
}

static float
sum (const float *x, size_t n)
{
  __m512 acc = _mm512_setzero_ps ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    acc = _mm512_add_ps (acc, _mm512_loadu_ps (x + i));
  if (i < n)
    acc = _mm512_add_ps (acc, _mm512_maskz_loadu_ps (bmk_mask_avx512 (n - i), x + i));
  return bmk_fold_avx512 (acc);
}

static float
sum_exp (const float *x, size_t n, float *max)
{
  const float top = bmk_max_avx512 (x, n);
  __m512 acc = _mm512_setzero_ps ();

  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    __m512 e = bmk_exp_avx512 (_mm512_sub_ps (_mm512_maskz_loadu_ps (mask, x + i), _mm512_set1_ps (top)));
    acc = _mm512_mask_add_ps (acc, mask, acc, e);
  }
  *max = top;
  return bmk_fold_avx512 (acc);
}

static size_t
above (uint8_t *at, const float *x, size_t n, float cut)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    unsigned bits = _mm512_mask_cmp_ps_mask (mask, _mm512_maskz_loadu_ps (mask, x + i), _mm512_set1_ps (cut), _CMP_GT_OQ);
    for (; bits; bits &= bits - 1)
      at[count++] = (uint8_t) (i + (size_t) __builtin_ctz (bits));
  }
  return count;
}

void
bmk_elementwise_fill_avx512vnni (BmkTable *t)
{
  t->dot = dot;
  t->sum = sum;
  t->sum_exp = sum_exp;
  t->above = above;
}
