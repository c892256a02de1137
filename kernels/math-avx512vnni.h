/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The canonical order in one 16-lane register, and exp, as in lanes-scalar.h and exp-scalar.h. */
#pragma once

#include <immintrin.h>

#include "kernels-internal.h"

static inline float
bmk_fold_avx512 (__m512 v)
{
  __m256 s = _mm256_add_ps (_mm512_castps512_ps256 (v), _mm512_extractf32x8_ps (v, 1));
  __m128 h = _mm_add_ps (_mm256_castps256_ps128 (s), _mm256_extractf128_ps (s, 1));

  h = _mm_add_ps (h, _mm_movehl_ps (h, h));
  return _mm_cvtss_f32 (_mm_add_ss (h, _mm_movehdup_ps (h)));
}

/* The first n lanes. */
static inline __mmask16
bmk_mask_avx512 (size_t n)
{
  return n >= 16 ? 0xffff : (__mmask16) ((1u << n) - 1);
}

static inline __m512
bmk_exp_avx512 (__m512 x)
{
  const __m512 magic = _mm512_set1_ps (BMK_EXP_MAGIC);
  __m512 t, n, r, p;
  __m512i bits;
  __mmask16 keep;

  x = _mm512_min_ps (x, _mm512_set1_ps (BMK_EXP_HIGH));
  keep = _mm512_cmp_ps_mask (x, _mm512_set1_ps (BMK_EXP_LOW), _CMP_GE_OQ);
  t = _mm512_add_ps (_mm512_mul_ps (x, _mm512_set1_ps (BMK_EXP_LOG2E)), magic);
  n = _mm512_sub_ps (t, magic);
  r = _mm512_sub_ps (x, _mm512_mul_ps (n, _mm512_set1_ps (BMK_EXP_LN2_HIGH)));
  r = _mm512_sub_ps (r, _mm512_mul_ps (n, _mm512_set1_ps (BMK_EXP_LN2_LOW)));
  p = _mm512_add_ps (_mm512_mul_ps (_mm512_set1_ps (BMK_EXP_C5), r), _mm512_set1_ps (BMK_EXP_C4));
  p = _mm512_add_ps (_mm512_mul_ps (p, r), _mm512_set1_ps (BMK_EXP_C3));
  p = _mm512_add_ps (_mm512_mul_ps (p, r), _mm512_set1_ps (BMK_EXP_C2));
  p = _mm512_add_ps (_mm512_mul_ps (p, r), _mm512_set1_ps (BMK_EXP_C1));
  p = _mm512_add_ps (_mm512_mul_ps (p, r), _mm512_set1_ps (BMK_EXP_C0));
  p = _mm512_add_ps (_mm512_mul_ps (p, _mm512_mul_ps (r, r)), r);
  p = _mm512_add_ps (p, _mm512_set1_ps (1.0f));
  bits = _mm512_add_epi32 (_mm512_slli_epi32 (_mm512_castps_si512 (t), 23), _mm512_set1_epi32 (0x3f800000));
  return _mm512_maskz_mul_ps (keep, p, _mm512_castsi512_ps (bits));
}

static inline float
bmk_max_avx512 (const float *x, size_t n)
{
  __m512 top = _mm512_set1_ps (x[0]);

  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    top = _mm512_mask_max_ps (top, mask, _mm512_maskz_loadu_ps (mask, x + i), top);
  }
  return _mm512_reduce_max_ps (top);
}
