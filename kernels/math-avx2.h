/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The canonical order in two 8-lane halves, and exp, as in lanes-scalar.h and exp-scalar.h. */
#pragma once

#include <immintrin.h>

#include "kernels-internal.h"

static inline float
bmk_fold_avx2 (__m256 low, __m256 high)
{
  __m256 s = _mm256_add_ps (low, high);
  __m128 h = _mm_add_ps (_mm256_castps256_ps128 (s), _mm256_extractf128_ps (s, 1));

  h = _mm_add_ps (h, _mm_movehl_ps (h, h));
  return _mm_cvtss_f32 (_mm_add_ss (h, _mm_movehdup_ps (h)));
}

/* The first n (0..8 count, less and more are clamped) lanes set. */
static inline __m256i
bmk_mask_avx2 (ptrdiff_t n)
{
  const __m256i lane = _mm256_setr_epi32 (0, 1, 2, 3, 4, 5, 6, 7);
  int count = n < 0 ? 0 : n > 8 ? 8 : (int) n;

  return _mm256_cmpgt_epi32 (_mm256_set1_epi32 (count), lane);
}

static inline __m256
bmk_exp_avx2 (__m256 x)
{
  const __m256 magic = _mm256_set1_ps (BMK_EXP_MAGIC);
  __m256 t, n, r, p, keep;
  __m256i bits;

  x = _mm256_min_ps (x, _mm256_set1_ps (BMK_EXP_HIGH));
  keep = _mm256_cmp_ps (x, _mm256_set1_ps (BMK_EXP_LOW), _CMP_GE_OQ);
  t = _mm256_add_ps (_mm256_mul_ps (x, _mm256_set1_ps (BMK_EXP_LOG2E)), magic);
  n = _mm256_sub_ps (t, magic);
  r = _mm256_sub_ps (x, _mm256_mul_ps (n, _mm256_set1_ps (BMK_EXP_LN2_HIGH)));
  r = _mm256_sub_ps (r, _mm256_mul_ps (n, _mm256_set1_ps (BMK_EXP_LN2_LOW)));
  p = _mm256_add_ps (_mm256_mul_ps (_mm256_set1_ps (BMK_EXP_C5), r), _mm256_set1_ps (BMK_EXP_C4));
  p = _mm256_add_ps (_mm256_mul_ps (p, r), _mm256_set1_ps (BMK_EXP_C3));
  p = _mm256_add_ps (_mm256_mul_ps (p, r), _mm256_set1_ps (BMK_EXP_C2));
  p = _mm256_add_ps (_mm256_mul_ps (p, r), _mm256_set1_ps (BMK_EXP_C1));
  p = _mm256_add_ps (_mm256_mul_ps (p, r), _mm256_set1_ps (BMK_EXP_C0));
  p = _mm256_add_ps (_mm256_mul_ps (p, _mm256_mul_ps (r, r)), r);
  p = _mm256_add_ps (p, _mm256_set1_ps (1.0f));
  bits = _mm256_add_epi32 (_mm256_slli_epi32 (_mm256_castps_si256 (t), 23), _mm256_set1_epi32 (0x3f800000));
  return _mm256_and_ps (_mm256_mul_ps (p, _mm256_castsi256_ps (bits)), keep);
}

static inline float
bmk_max_avx2 (const float *x, size_t n)
{
  __m256 top = _mm256_set1_ps (x[0]);
  __m128 h;
  size_t i = 0;

  for (; i + 8 <= n; i += 8)
    top = _mm256_max_ps (_mm256_loadu_ps (x + i), top);
  if (i < n) {
    __m256i mask = bmk_mask_avx2 ((ptrdiff_t) (n - i));
    __m256 v = _mm256_blendv_ps (top, _mm256_maskload_ps (x + i, mask), _mm256_castsi256_ps (mask));
    top = _mm256_max_ps (v, top);
  }
  h = _mm_max_ps (_mm256_castps256_ps128 (top), _mm256_extractf128_ps (top, 1));
  h = _mm_max_ps (h, _mm_movehl_ps (h, h));
  return _mm_cvtss_f32 (_mm_max_ss (h, _mm_movehdup_ps (h)));
}
