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
  __m512i acc = _mm512_setzero_si512 (), acc1 = acc;
  size_t j = 0;

  for (; j + 128 <= k; j += 128) {
    acc = add_squares (acc, _mm512_loadu_si512 (q + j));
    acc1 = add_squares (acc1, _mm512_loadu_si512 (q + j + 64));
  }
  acc = _mm512_add_epi32 (acc, acc1);
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

/* The greater magnitude of the two, sign cleared. */
#define MAX_ABS(a, b) _mm512_range_ps (a, b, 0x0b)

static float
max_abs (const float *x, size_t k)
{
  __m512 top = _mm512_setzero_ps (), top1 = top, top2 = top, top3 = top;
  size_t j = 0;

  for (; j + 64 <= k; j += 64) {
    top = MAX_ABS (top, _mm512_loadu_ps (x + j));
    top1 = MAX_ABS (top1, _mm512_loadu_ps (x + j + 16));
    top2 = MAX_ABS (top2, _mm512_loadu_ps (x + j + 32));
    top3 = MAX_ABS (top3, _mm512_loadu_ps (x + j + 48));
  }
  for (; j < k; j += 16)
    top = MAX_ABS (top, _mm512_maskz_loadu_ps (bmk_mask_avx512 (k - j), x + j));
  return _mm512_reduce_max_ps (MAX_ABS (MAX_ABS (top, top1), MAX_ABS (top2, top3)));
}

static inline __m512i
codes_of (__m512 x, __m512 scale)
{
  return _mm512_cvtps_epi32 (_mm512_mul_ps (x, scale));
}

/* The packs leave four bytes of each quarter of each vector together. */
static inline __m512i
codes_of_64 (const float *x, __m512 scale)
{
  const __m512i order = _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i a = codes_of (_mm512_loadu_ps (x), scale), b = codes_of (_mm512_loadu_ps (x + 16), scale);
  __m512i c = codes_of (_mm512_loadu_ps (x + 32), scale), d = codes_of (_mm512_loadu_ps (x + 48), scale);

  return _mm512_permutexvar_epi32 (order, _mm512_packs_epi16 (_mm512_packs_epi32 (a, b), _mm512_packs_epi32 (c, d)));
}

static void
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const __m512 scale = _mm512_set1_ps (127.0f / a);
  size_t j = 0;

  if (isinf (127.0f / a)) {
    bmk_quantize_tiny (q, x, k);
    return;
  }
  for (; j + 64 <= k; j += 64)
    _mm512_storeu_si512 (q + j, codes_of_64 (x + j, scale));
  for (; j < k; j += 16) {
    __mmask16 mask = bmk_mask_avx512 (k - j);
    _mm_mask_storeu_epi8 (q + j, mask, _mm512_cvtepi32_epi8 (codes_of (_mm512_maskz_loadu_ps (mask, x + j), scale)));
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
