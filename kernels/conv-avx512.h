/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the 512-bit tiers' convolutions share: panels of weights and what becomes of their sums. */
#pragma once

#include <immintrin.h>

#include "conv-internal.h"

#define INLINE static inline __attribute__ ((always_inline))
#ifdef __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 24")
#endif

/* ---- Requantisation ---- */

typedef struct {
  __m512i zero;                 /* 16 bit */
  __m512 rmult;
  const float *mult;
} Requant;

INLINE __m512i
scaled (__m512i acc, __m512 mult)
{
  __m512 f = _mm512_mul_ps (_mm512_cvtepi32_ps (acc), mult);
  return _mm512_cvtps_epi32 (_mm512_min_ps (f, _mm512_set1_ps (BMK_CONV_LIMIT)));
}

INLINE __m512i
scaled_residual (__m512i acc, __m512 mult, __m128i r, __m512 rmult)
{
  __m512 f = _mm512_mul_ps (_mm512_cvtepi32_ps (acc), mult);
  __m512i d = _mm512_sub_epi32 (_mm512_cvtepu8_epi32 (r), _mm512_set1_epi32 (128));
  f = _mm512_add_ps (f, _mm512_mul_ps (_mm512_cvtepi32_ps (d), rmult));
  return _mm512_cvtps_epi32 (_mm512_min_ps (f, _mm512_set1_ps (BMK_CONV_LIMIT)));
}

/* Four vectors of codes before saturation -> 64 bytes; 128-bit lane L holds the elements 4L.. of each, in order. */
INLINE __m512i
packed (__m512i a, __m512i b, __m512i c, __m512i d, __m512i zero)
{
  __m512i ab = _mm512_adds_epi16 (_mm512_packs_epi32 (a, b), zero);
  __m512i cd = _mm512_adds_epi16 (_mm512_packs_epi32 (c, d), zero);
  return _mm512_packus_epi16 (ab, cd);
}

/* ---- Panels ---- */

/* Vectors in the panel that starts where `left` vectors are still to come: fours, but no lone vector at the end. */
static inline size_t
panel_width (size_t left)
{
  return left == 5 ? 3 : left > 4 ? 4 : left;
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. Up to four vectors of a panel lie side by side. */
static inline void
pack_rows (int8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  size_t left = (cout + 15) / 16;
  for (size_t o = 0, n; left; left -= n, o += n * 16) {
    n = panel_width (left);
    for (size_t k = 0; k < cin; k += 4)
      for (size_t i = 0; i < n * 64; i++) {
        size_t row = o + i / 4, col = k + i % 4;
        *dst++ = row < cout && col < width ? rows[row * width + col] : 0;
      }
  }
}

typedef struct {
  const int8_t *w;
  const int32_t *bias;          /* [64] */
  Requant q;
  size_t cin, cout;
  bool half;                    /* the last vector has 8 outputs only */
} Panel;

/* Stores exactly the panel's bytes: a wider masked store would stall the next pixel's residual when y is r. */
INLINE void
panel_store (uint8_t *y, __m512i v, const int nv, bool half)
{
  const int full = half ? nv - 1 : nv;
  __m256i low = _mm512_castsi512_si256 (v), high = _mm512_extracti64x4_epi64 (v, 1);
  __m128i last = nv == 4 ? _mm256_extracti128_si256 (high, 1) : nv == 3 ? _mm256_castsi256_si128 (high)
      : nv == 2 ? _mm256_extracti128_si256 (low, 1) : _mm256_castsi256_si128 (low);
  if (full == 4)
    _mm512_storeu_si512 (y, v);
  else if (full >= 2)
    _mm256_storeu_si256 ((__m256i *) y, low);
  else if (full == 1)
    _mm_storeu_si128 ((__m128i *) y, _mm256_castsi256_si128 (low));
  if (full == 3)
    _mm_storeu_si128 ((__m128i *) (y + 32), _mm256_castsi256_si128 (high));
  if (half)
    _mm_storel_epi64 ((__m128i *) (y + 16 * full), last);
}

INLINE __m128i
residual_load (const uint8_t *r, bool half)
{
  return half ? _mm_loadl_epi64 ((const __m128i *) r) : _mm_loadu_si128 ((const __m128i *) r);
}

INLINE void
tile_store (uint8_t *y, const uint8_t *r, const Panel *s, const __m512i *acc, const int nv)
{
  const __m512i order = _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i v[4];
  for (int i = 0; i < 4; i++)
    v[i] = _mm512_setzero_si512 ();
  UNROLL
  for (int i = 0; i < nv; i++) {
    __m512 mult = _mm512_loadu_ps (s->q.mult + 16 * i);
    if (r)
      v[i] = scaled_residual (acc[i], mult, residual_load (r + 16 * i, s->half && i == nv - 1), s->q.rmult);
    else
      v[i] = scaled (acc[i], mult);
  }
  __m512i bytes = packed (v[0], v[1], v[2], v[3], s->q.zero);
  panel_store (y, _mm512_permutexvar_epi32 (order, bytes), nv, s->half);
}
