/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx512vnni.h"

/* Squares of 64 codes; a code's magnitude is at most 127, so it fits either operand. */
static inline __m512i
add_squares (__m512i acc, __m512i q)
{
  __m512i magnitude = _mm512_abs_epi8 (q);

  return _mm512_dpbusd_epi32 (acc, magnitude, magnitude);
}

static float
inverse_rms_row (const int8_t *q, size_t k)
{
  __m512i acc = _mm512_setzero_si512 ();
  size_t j = 0;

  for (; j + 64 <= k; j += 64)
    acc = add_squares (acc, _mm512_loadu_si512 (q + j));
  if (j < k)
    acc = add_squares (acc, _mm512_maskz_loadu_epi8 (((__mmask64) 1 << (k - j)) - 1, q + j));
  return bmk_inverse_rms_of (_mm512_reduce_add_epi32 (acc), k);
}

static void
inverse_rms (float *inv, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++)
    inv[i] = inverse_rms_row (q + i * k, k);
}

static float
max_abs (const float *x, size_t k)
{
  __m512 top = _mm512_setzero_ps ();
  size_t j = 0;

  for (; j + 16 <= k; j += 16)
    top = _mm512_max_ps (_mm512_abs_ps (_mm512_loadu_ps (x + j)), top);
  if (j < k)
    top = _mm512_max_ps (_mm512_abs_ps (_mm512_maskz_loadu_ps (bmk_mask_avx512 (k - j), x + j)), top);
  return _mm512_reduce_max_ps (top);
}

static inline __m128i
codes_of (__m512 x, __m512 scale)
{
  __m512 v = _mm512_min_ps (_mm512_mul_ps (x, scale), _mm512_set1_ps (127.0f));

  return _mm512_cvtepi32_epi8 (_mm512_cvtps_epi32 (_mm512_max_ps (v, _mm512_set1_ps (-127.0f))));
}

static void
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const __m512 scale = _mm512_set1_ps (127.0f / a);
  size_t j = 0;

  for (; j + 16 <= k; j += 16)
    _mm_storeu_si128 ((__m128i *) (q + j), codes_of (_mm512_loadu_ps (x + j), scale));
  if (j < k) {
    __mmask16 mask = bmk_mask_avx512 (k - j);
    _mm_mask_storeu_epi8 (q + j, mask, codes_of (_mm512_maskz_loadu_ps (mask, x + j), scale));
  }
}

static void
quantize (int8_t *q, float *inv, const float *x, size_t ldx, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const float *row = x + i * ldx;
    float a = max_abs (row, k);
    if (a > 0.0f)
      quantize_row (q + i * k, row, a, k);
    else
      memset (q + i * k, 0, k);
    inv[i] = inverse_rms_row (q + i * k, k);
  }
}

void
bmk_quantize_fill_avx512vnni (BmkTable *t)
{
  t->quantize = quantize;
  t->inverse_rms = inverse_rms;
}
