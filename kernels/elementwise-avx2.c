/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx2.h"

static float
dot (const float *a, const float *b, size_t n)
{
  __m256 low = _mm256_setzero_ps (), high = _mm256_setzero_ps ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16) {
    low = _mm256_add_ps (low, _mm256_mul_ps (_mm256_loadu_ps (a + i), _mm256_loadu_ps (b + i)));
    high = _mm256_add_ps (high, _mm256_mul_ps (_mm256_loadu_ps (a + i + 8), _mm256_loadu_ps (b + i + 8)));
  }
  if (i < n) {
    __m256i first = bmk_mask_avx2 ((ptrdiff_t) (n - i)), second = bmk_mask_avx2 ((ptrdiff_t) (n - i) - 8);
    low = _mm256_add_ps (low, _mm256_mul_ps (_mm256_maskload_ps (a + i, first), _mm256_maskload_ps (b + i, first)));
    high = _mm256_add_ps (high,
        _mm256_mul_ps (_mm256_maskload_ps (a + i + 8, second), _mm256_maskload_ps (b + i + 8, second)));
  }
  return bmk_fold_avx2 (low, high);
}

static float
sum (const float *x, size_t n)
{
  __m256 low = _mm256_setzero_ps (), high = _mm256_setzero_ps ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16) {
    low = _mm256_add_ps (low, _mm256_loadu_ps (x + i));
    high = _mm256_add_ps (high, _mm256_loadu_ps (x + i + 8));
  }
  if (i < n) {
    low = _mm256_add_ps (low, _mm256_maskload_ps (x + i, bmk_mask_avx2 ((ptrdiff_t) (n - i))));
    high = _mm256_add_ps (high, _mm256_maskload_ps (x + i + 8, bmk_mask_avx2 ((ptrdiff_t) (n - i) - 8)));
  }
  return bmk_fold_avx2 (low, high);
}

/* exp(x - max) of 8 elements, 0 where there are fewer. */
static inline __m256
tail_exp (const float *x, ptrdiff_t n, __m256 max)
{
  __m256i mask = bmk_mask_avx2 (n);
  __m256 e = bmk_exp_avx2 (_mm256_sub_ps (_mm256_maskload_ps (x, mask), max));

  return _mm256_and_ps (e, _mm256_castsi256_ps (mask));
}

static float
sum_exp (const float *x, size_t n, float *max)
{
  __m256 low = _mm256_setzero_ps (), high = _mm256_setzero_ps (), top;
  size_t i = 0;

  *max = bmk_max_avx2 (x, n);
  top = _mm256_set1_ps (*max);
  for (; i + 16 <= n; i += 16) {
    low = _mm256_add_ps (low, bmk_exp_avx2 (_mm256_sub_ps (_mm256_loadu_ps (x + i), top)));
    high = _mm256_add_ps (high, bmk_exp_avx2 (_mm256_sub_ps (_mm256_loadu_ps (x + i + 8), top)));
  }
  if (i < n) {
    low = _mm256_add_ps (low, tail_exp (x + i, (ptrdiff_t) (n - i), top));
    high = _mm256_add_ps (high, tail_exp (x + i + 8, (ptrdiff_t) (n - i) - 8, top));
  }
  return bmk_fold_avx2 (low, high);
}

static size_t
above (uint8_t *at, const float *x, size_t n, float cut)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i += 8) {
    __m256i inside = bmk_mask_avx2 ((ptrdiff_t) (n - i < 8 ? n - i : 8));
    __m256 greater = _mm256_cmp_ps (_mm256_maskload_ps (x + i, inside), _mm256_set1_ps (cut), _CMP_GT_OQ);
    unsigned bits = (unsigned) _mm256_movemask_ps (_mm256_and_ps (greater, _mm256_castsi256_ps (inside)));
    for (; bits; bits &= bits - 1)
      at[count++] = (uint8_t) (i + (size_t) __builtin_ctz (bits));
  }
  return count;
}

void
bmk_elementwise_fill_avx2 (BmkTable *t)
{
  t->dot = dot;
  t->sum = sum;
  t->sum_exp = sum_exp;
  t->above = above;
}
