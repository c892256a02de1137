/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <immintrin.h>

#include "resample-internal.h"

#define INLINE static inline __attribute__ ((always_inline))

INLINE __m256i
rounded (__m256i high, __m256i low)
{
  __m256i sum = _mm256_add_epi32 (_mm256_slli_epi32 (high, BMK_RESAMPLE_SPLIT), low);
  return _mm256_srai_epi32 (_mm256_add_epi32 (sum, _mm256_set1_epi32 (BMK_RESAMPLE_HALF)), BMK_RESAMPLE_BITS);
}

/* The sum of one output, spread over 8 elements. taps: 16, or 0 for any number, of which only the used are read. */
INLINE __m256i
spread (const uint16_t *x, const BmkAxis *a, size_t o, const size_t taps)
{
  const size_t n = taps ? taps : (size_t) a->count[o];
  const int16_t *high = a->high + o * a->taps, *low = a->low + o * a->taps;
  __m256i sum_high = _mm256_setzero_si256 (), sum_low = _mm256_setzero_si256 ();
  x += a->first[o];
  for (size_t i = 0; i < n; i += 16) {
    __m256i v = _mm256_loadu_si256 ((const __m256i *) (x + i));
    sum_high = _mm256_add_epi32 (sum_high, _mm256_madd_epi16 (v, _mm256_loadu_si256 ((const __m256i *) (high + i))));
    sum_low = _mm256_add_epi32 (sum_low, _mm256_madd_epi16 (v, _mm256_loadu_si256 ((const __m256i *) (low + i))));
  }
  return _mm256_add_epi32 (_mm256_slli_epi32 (sum_high, BMK_RESAMPLE_SPLIT), sum_low);
}

INLINE __m256i
load_pair (const void *a, const void *b)
{
  return _mm256_inserti128_si256 (_mm256_castsi128_si256 (_mm_loadu_si128 (a)), _mm_loadu_si128 (b), 1);
}

/* The sums of outputs o and o + 4 of 8 taps, in four elements each. */
INLINE __m256i
spread_pair (const uint16_t *x, const BmkAxis *a, size_t o)
{
  __m256i v = load_pair (x + a->first[o], x + a->first[o + 4]);
  __m256i high = _mm256_madd_epi16 (v, load_pair (a->high + o * 8, a->high + o * 8 + 32));
  __m256i low = _mm256_madd_epi16 (v, load_pair (a->low + o * 8, a->low + o * 8 + 32));
  return _mm256_add_epi32 (_mm256_slli_epi32 (high, BMK_RESAMPLE_SPLIT), low);
}

INLINE __m256i
reduce (__m256i a, __m256i b, __m256i c, __m256i d)
{
  return _mm256_hadd_epi32 (_mm256_hadd_epi32 (a, b), _mm256_hadd_epi32 (c, d));
}

INLINE __m256i
eight (const uint16_t *x, const BmkAxis *a, size_t o, const size_t taps)
{
  if (taps == 8)
    return reduce (spread_pair (x, a, o), spread_pair (x, a, o + 1), spread_pair (x, a, o + 2),
        spread_pair (x, a, o + 3));
  __m256i p = reduce (spread (x, a, o, taps), spread (x, a, o + 1, taps), spread (x, a, o + 2, taps),
      spread (x, a, o + 3, taps));
  o += 4;
  __m256i q = reduce (spread (x, a, o, taps), spread (x, a, o + 1, taps), spread (x, a, o + 2, taps),
      spread (x, a, o + 3, taps));
  return _mm256_add_epi32 (_mm256_permute2x128_si256 (p, q, 0x20), _mm256_permute2x128_si256 (p, q, 0x31));
}

/* Fewer than 8 outputs: the scalar tier's sum. */
static uint8_t
one (const uint16_t *x, const BmkAxis *a, size_t o)
{
  int64_t sum = 0;
  const int16_t *high = a->high + o * a->taps, *low = a->low + o * a->taps;
  x += a->first[o];
  for (size_t i = 0; i < (size_t) a->count[o]; i++)
    sum += x[i] * (high[i] * (1 << BMK_RESAMPLE_SPLIT) + low[i]);
  return bmk_resample_round (sum);
}

/* Returns the outputs done: the last few do not fill a vector. */
INLINE size_t
eights (uint8_t *y, const uint16_t *x, const BmkAxis *a, const size_t taps)
{
  size_t o = 0;
  for (; o + 8 <= a->out; o += 8) {
    __m256i sum = rounded (_mm256_setzero_si256 (), eight (x, a, o, taps));
    __m128i words = _mm_packs_epi32 (_mm256_castsi256_si128 (sum), _mm256_extracti128_si256 (sum, 1));
    _mm_storel_epi64 ((__m128i *) (y + o), _mm_packus_epi16 (words, words));
  }
  return o;
}

static void
resample_row (uint8_t *y, const uint16_t *x, const BmkAxis *a)
{
  size_t o = a->taps == 8 ? eights (y, x, a, 8) : a->taps == 16 ? eights (y, x, a, 16) : eights (y, x, a, 0);
  for (; o < a->out; o++)
    y[o] = one (x, a, o);
}

INLINE __m256i
pair (int16_t a, int16_t b)
{
  return _mm256_set1_epi32 ((int32_t) ((uint16_t) a | (uint32_t) (uint16_t) b << 16));
}

/* 16 columns. Two rows at a time, interleaved; an odd last row meets itself with a coefficient of 0. */
INLINE void
columns (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low, size_t count)
{
  __m256i sum[4] = { _mm256_setzero_si256 (), _mm256_setzero_si256 (), _mm256_setzero_si256 (),
    _mm256_setzero_si256 () };
  for (size_t i = 0; i < count; i += 2) {
    __m128i r0 = _mm_loadu_si128 ((const __m128i *) (rows + i * n));
    __m128i r1 = _mm_loadu_si128 ((const __m128i *) (rows + (i + 1 < count ? i + 1 : i) * n));
    __m256i v0 = _mm256_cvtepu8_epi16 (_mm_unpacklo_epi8 (r0, r1));
    __m256i v1 = _mm256_cvtepu8_epi16 (_mm_unpackhi_epi8 (r0, r1));
    __m256i h = pair (high[i], high[i + 1]), l = pair (low[i], low[i + 1]);
    sum[0] = _mm256_add_epi32 (sum[0], _mm256_madd_epi16 (v0, h));
    sum[1] = _mm256_add_epi32 (sum[1], _mm256_madd_epi16 (v0, l));
    sum[2] = _mm256_add_epi32 (sum[2], _mm256_madd_epi16 (v1, h));
    sum[3] = _mm256_add_epi32 (sum[3], _mm256_madd_epi16 (v1, l));
  }
  __m256i words = _mm256_packs_epi32 (rounded (sum[0], sum[1]), rounded (sum[2], sum[3]));
  words = _mm256_permute4x64_epi64 (words, 0xd8);
  _mm_storeu_si128 ((__m128i *) y, _mm_packus_epi16 (_mm256_castsi256_si128 (words),
          _mm256_extracti128_si256 (words, 1)));
}

static void
resample_column (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low, size_t count)
{
  for (size_t o = 0; o < n; o += 16)
    columns (y + o, rows + o, n, high, low, count);
}

void
bmk_resample_fill_avx2 (BmkTable *t)
{
  t->resample_row = resample_row;
  t->resample_column = resample_column;
}
