/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of the 256-bit tiers' sums. */
#pragma once

#include <immintrin.h>

#include "conv-internal.h"

#define INLINE static inline __attribute__ ((always_inline))
#ifdef __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 16")
#endif

/* ---- Requantisation: 16 sums of 16 neighbouring outputs ---- */

typedef struct {
  int32_t bias[16];
  float mult[16];
  __m256 rmult;
  __m256i zero;                 /* 16 bit */
  bool half;                    /* 8 outputs only */
} Requant;

static void
requant_init (Requant *q, const BmkConv *c, size_t o)
{
  q->half = c->cout - o < 16;
  memset (q->bias, 0, sizeof q->bias);
  memset (q->mult, 0, sizeof q->mult);
  memcpy (q->bias, c->bias + o, (q->half ? 8 : 16) * sizeof *q->bias);
  memcpy (q->mult, c->mult + o, (q->half ? 8 : 16) * sizeof *q->mult);
  q->rmult = _mm256_set1_ps (c->rmult);
  q->zero = _mm256_set1_epi16 ((short) c->zero);
}

INLINE __m128i
load16 (const uint8_t *p, bool half)
{
  return half ? _mm_loadl_epi64 ((const __m128i *) p) : _mm_loadu_si128 ((const __m128i *) p);
}

INLINE __m256
residual (__m256 f, __m128i r, __m256 rmult)
{
  __m256i d = _mm256_sub_epi32 (_mm256_cvtepu8_epi32 (r), _mm256_set1_epi32 (128));
  return _mm256_add_ps (f, _mm256_mul_ps (_mm256_cvtepi32_ps (d), rmult));
}

INLINE void
requant_store (uint8_t *y, const uint8_t *r, const Requant *q, __m256i low, __m256i high)
{
  const __m256 limit = _mm256_set1_ps (BMK_CONV_LIMIT);
  __m256 a = _mm256_mul_ps (_mm256_cvtepi32_ps (low), _mm256_loadu_ps (q->mult));
  __m256 b = _mm256_mul_ps (_mm256_cvtepi32_ps (high), _mm256_loadu_ps (q->mult + 8));
  if (r) {
    __m128i codes = load16 (r, q->half);
    a = residual (a, codes, q->rmult);
    b = residual (b, _mm_srli_si128 (codes, 8), q->rmult);
  }
  __m256i v = _mm256_packs_epi32 (_mm256_cvtps_epi32 (_mm256_min_ps (a, limit)),
      _mm256_cvtps_epi32 (_mm256_min_ps (b, limit)));
  v = _mm256_adds_epi16 (_mm256_permute4x64_epi64 (v, 0xd8), q->zero);
  __m128i bytes = _mm_packus_epi16 (_mm256_castsi256_si128 (v), _mm256_extracti128_si256 (v, 1));
  if (q->half)
    _mm_storel_epi64 ((__m128i *) y, bytes);
  else
    _mm_storeu_si128 ((__m128i *) y, bytes);
}
