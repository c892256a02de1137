/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx512vnni.h"

typedef struct {
  __m512i squares, sum;
} Moments;

/* 64 codes; a code's magnitude is at most 127, so it fits either operand. */
static inline void
add_codes (Moments *to, __m512i q)
{
  __m512i magnitude = _mm512_abs_epi8 (q);

  to->squares = _mm512_dpbusd_epi32 (to->squares, magnitude, magnitude);
  to->sum = _mm512_dpbusd_epi32 (to->sum, _mm512_set1_epi8 (1), q);
}

/* Both sums are folded side by side. */
static inline BmkRow
row_of (Moments a, Moments b, size_t k)
{
  __m512i x = _mm512_add_epi32 (a.squares, b.squares), y = _mm512_add_epi32 (a.sum, b.sum);
  __m512i z = _mm512_add_epi32 (_mm512_shuffle_i64x2 (x, y, 0x44), _mm512_shuffle_i64x2 (x, y, 0xee));
  __m256i s = _mm256_add_epi32 (_mm256_unpacklo_epi64 (_mm512_castsi512_si256 (z), _mm512_extracti64x4_epi64 (z, 1)),
      _mm256_unpackhi_epi64 (_mm512_castsi512_si256 (z), _mm512_extracti64x4_epi64 (z, 1)));
  __m128i v = _mm_add_epi32 (_mm256_castsi256_si128 (s), _mm256_extracti128_si256 (s, 1));

  v = _mm_add_epi32 (v, _mm_srli_epi64 (v, 32));
  return bmk_row_of (_mm_extract_epi32 (v, 2), _mm_cvtsi128_si32 (v), k);
}

static const Moments no_moments;

static void
describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k) {
    Moments a = no_moments, b = no_moments;
    size_t j = 0;
    for (; j + 128 <= k; j += 128) {
      add_codes (&a, _mm512_loadu_si512 (q + j));
      add_codes (&b, _mm512_loadu_si512 (q + j + 64));
    }
    for (; j + 64 <= k; j += 64)
      add_codes (&a, _mm512_loadu_si512 (q + j));
    if (j < k)
      add_codes (&a, _mm512_maskz_loadu_epi8 (((__mmask64) 1 << (k - j)) - 1, q + j));
    rows[i] = row_of (a, b, k);
  }
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

static BmkRow
quantize_row (int8_t *q, const float *x, __m512 scale, size_t k)
{
  Moments a = no_moments, b = no_moments;
  size_t j = 0;

  for (; j + 128 <= k; j += 128) {
    __m512i low = codes_of_64 (x + j, scale), high = codes_of_64 (x + j + 64, scale);
    _mm512_storeu_si512 (q + j, low);
    _mm512_storeu_si512 (q + j + 64, high);
    add_codes (&a, low);
    add_codes (&b, high);
  }
  for (; j + 64 <= k; j += 64) {
    __m512i codes = codes_of_64 (x + j, scale);
    _mm512_storeu_si512 (q + j, codes);
    add_codes (&a, codes);
  }
  for (; j < k; j += 16) {
    __mmask16 mask = bmk_mask_avx512 (k - j);
    __m128i codes = _mm512_cvtepi32_epi8 (codes_of (_mm512_maskz_loadu_ps (mask, x + j), scale));
    _mm_mask_storeu_epi8 (q + j, mask, codes);
    add_codes (&a, _mm512_zextsi128_si512 (codes));
  }
  return row_of (a, b, k);
}

static void
quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top)
{
  for (size_t i = 0; i < m; i++) {
    const float scale = bmk_code_scale (top ? top[i] : max_abs (x + i * ldx, k));
    if (isinf (scale)) {
      bmk_quantize_tiny (q + i * k, x + i * ldx, k);
      describe (rows + i, q + i * k, 1, k);
    } else {
      rows[i] = quantize_row (q + i * k, x + i * ldx, _mm512_set1_ps (scale), k);
    }
  }
}

void
bmk_quantize_fill_avx512vnni (BmkTable *t)
{
  t->quantize = quantize;
  t->max_abs = max_abs;
  t->describe = describe;
}
