/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-avx2.h"

static inline int32_t
fold_epi32 (__m256i v)
{
  __m128i h = _mm_add_epi32 (_mm256_castsi256_si128 (v), _mm256_extracti128_si256 (v, 1));

  h = _mm_add_epi32 (h, _mm_unpackhi_epi64 (h, h));
  return _mm_cvtsi128_si32 (_mm_add_epi32 (h, _mm_shuffle_epi32 (h, 1)));
}

static void
describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  const __m256i ones = _mm256_set1_epi16 (1);

  for (size_t i = 0; i < m; i++, q += k) {
    __m256i squares8 = _mm256_setzero_si256 (), sums8 = squares8;
    int32_t squares = 0, sum = 0;
    size_t j = 0;
    for (; j + 16 <= k; j += 16) {
      __m256i v = _mm256_cvtepi8_epi16 (_mm_loadu_si128 ((const __m128i *) (q + j)));
      squares8 = _mm256_add_epi32 (squares8, _mm256_madd_epi16 (v, v));
      sums8 = _mm256_add_epi32 (sums8, _mm256_madd_epi16 (v, ones));
    }
    for (; j < k; j++) {
      sum += q[j];
      squares += q[j] * q[j];
    }
    rows[i] = bmk_row_of (sum + fold_epi32 (sums8), squares + fold_epi32 (squares8), k);
  }
}

static float
max_abs (const float *x, size_t k)
{
  const __m256 magnitude = _mm256_castsi256_ps (_mm256_set1_epi32 (0x7fffffff));
  __m256 top = _mm256_setzero_ps (), top1 = top, top2 = top, top3 = top;
  __m128 h;
  float a;
  size_t j = 0;

  for (; j + 32 <= k; j += 32) {
    top = _mm256_max_ps (_mm256_and_ps (_mm256_loadu_ps (x + j), magnitude), top);
    top1 = _mm256_max_ps (_mm256_and_ps (_mm256_loadu_ps (x + j + 8), magnitude), top1);
    top2 = _mm256_max_ps (_mm256_and_ps (_mm256_loadu_ps (x + j + 16), magnitude), top2);
    top3 = _mm256_max_ps (_mm256_and_ps (_mm256_loadu_ps (x + j + 24), magnitude), top3);
  }
  for (; j + 8 <= k; j += 8)
    top = _mm256_max_ps (_mm256_and_ps (_mm256_loadu_ps (x + j), magnitude), top);
  top = _mm256_max_ps (_mm256_max_ps (top, top1), _mm256_max_ps (top2, top3));
  h = _mm_max_ps (_mm256_castps256_ps128 (top), _mm256_extractf128_ps (top, 1));
  h = _mm_max_ps (h, _mm_movehl_ps (h, h));
  a = _mm_cvtss_f32 (_mm_max_ss (h, _mm_movehdup_ps (h)));
  for (; j < k; j++)
    a = fabsf (x[j]) > a ? fabsf (x[j]) : a;
  return a;
}

static inline __m256i
codes_of (__m256 x, __m256 scale)
{
  return _mm256_cvtps_epi32 (_mm256_mul_ps (x, scale));
}

/* What a row's codes add up to, 8 partial sums of each. */
typedef struct {
  __m256i squares, sum;
} Moments;

/* 16 codes as 16-bit numbers, in any order */
static inline void
add_words (Moments *to, __m256i words)
{
  to->squares = _mm256_add_epi32 (to->squares, _mm256_madd_epi16 (words, words));
  to->sum = _mm256_add_epi32 (to->sum, _mm256_madd_epi16 (words, _mm256_set1_epi16 (1)));
}

static inline void
store_codes (int8_t *q, Moments *moments, __m256i low, __m256i high)
{
  __m256i words = _mm256_permute4x64_epi64 (_mm256_packs_epi32 (low, high), 0xd8);
  __m128i bytes = _mm_packs_epi16 (_mm256_castsi256_si128 (words), _mm256_extracti128_si256 (words, 1));

  add_words (moments, words);
  _mm_storeu_si128 ((__m128i *) q, bytes);
}

static inline void
store_32_codes (int8_t *q, Moments *moments, __m256i a, __m256i b, __m256i c, __m256i d)
{
  const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i ab = _mm256_packs_epi32 (a, b), cd = _mm256_packs_epi32 (c, d);

  add_words (moments, ab);
  add_words (moments, cd);
  _mm256_storeu_si256 ((__m256i *) q, _mm256_permutevar8x32_epi32 (_mm256_packs_epi16 (ab, cd), order));
}

/* One code, behind the last vector. */
static inline void
store_code (int8_t *q, int32_t *sum, int32_t *squares, __m256i code)
{
  *q = (int8_t) _mm256_cvtsi256_si32 (code);
  *sum += *q;
  *squares += *q * *q;
}

static inline BmkRow
row_of (const Moments *moments, int32_t sum, int32_t squares, size_t k)
{
  return bmk_row_of (sum + fold_epi32 (moments->sum), squares + fold_epi32 (moments->squares), k);
}

static BmkRow
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const __m256 scale = _mm256_set1_ps (bmk_code_scale (a));
  Moments moments = { _mm256_setzero_si256 (), _mm256_setzero_si256 () };
  int32_t sum = 0, squares = 0;
  size_t j = 0;

  for (; j + 32 <= k; j += 32)
    store_32_codes (q + j, &moments, codes_of (_mm256_loadu_ps (x + j), scale), codes_of (_mm256_loadu_ps (x + j + 8), scale),
        codes_of (_mm256_loadu_ps (x + j + 16), scale), codes_of (_mm256_loadu_ps (x + j + 24), scale));
  for (; j + 16 <= k; j += 16)
    store_codes (q + j, &moments, codes_of (_mm256_loadu_ps (x + j), scale), codes_of (_mm256_loadu_ps (x + j + 8), scale));
  for (; j < k; j++)
    store_code (q + j, &sum, &squares, codes_of (_mm256_set1_ps (x[j]), scale));
  return row_of (&moments, sum, squares, k);
}

static void
quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top)
{
  for (size_t i = 0; i < m; i++) {
    const float *row = x + i * ldx, a = top ? top[i] : max_abs (row, k);
    if (isinf (bmk_code_scale (a))) {
      bmk_quantize_tiny (q + i * k, row, k);
      describe (rows + i, q + i * k, 1, k);
    } else {
      rows[i] = quantize_row (q + i * k, row, a, k);
    }
  }
}

static uint8_t
max_u8 (const uint8_t *x, size_t k)
{
  __m256i top = _mm256_setzero_si256 ();
  uint8_t lane[32], a = 0;
  size_t j = 0;

  for (; j + 32 <= k; j += 32)
    top = _mm256_max_epu8 (top, _mm256_loadu_si256 ((const __m256i *) (x + j)));
  _mm256_storeu_si256 ((__m256i *) lane, top);
  for (size_t i = 0; i < 32; i++)
    a = lane[i] > a ? lane[i] : a;
  for (; j < k; j++)
    a = x[j] > a ? x[j] : a;
  return a;
}

static inline __m256
load_u8 (const uint8_t *x)
{
  return _mm256_cvtepi32_ps (_mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *) x)));
}

static BmkRow
requantize_row (int8_t *q, const uint8_t *x, size_t k)
{
  const __m256 scale = _mm256_set1_ps (bmk_code_scale (max_u8 (x, k)));
  Moments moments = { _mm256_setzero_si256 (), _mm256_setzero_si256 () };
  int32_t sum = 0, squares = 0;
  size_t j = 0;

  for (; j + 16 <= k; j += 16)
    store_codes (q + j, &moments, codes_of (load_u8 (x + j), scale), codes_of (load_u8 (x + j + 8), scale));
  for (; j < k; j++)
    store_code (q + j, &sum, &squares, codes_of (_mm256_set1_ps ((float) x[j]), scale));
  return row_of (&moments, sum, squares, k);
}

static void
requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++)
    rows[i] = requantize_row (q + i * k, x + i * k, k);
}

void
bmk_quantize_fill_avx2 (BmkTable *t)
{
  t->quantize = quantize;
  t->max_abs = max_abs;
  t->requantize_u8 = requantize_u8;
  t->describe = describe;
}
