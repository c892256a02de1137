/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <immintrin.h>

#include "kernels-internal.h"

/* Sample k of the four pixels at the start of each lane, as 32-bit numbers. */
static inline __m256i
samples (__m256i v, char k)
{
  const char z = (char) 0x80;
  return _mm256_shuffle_epi8 (v, _mm256_setr_epi8 (k, z, z, z, (char) (k + 3), z, z, z, (char) (k + 6), z, z, z,
          (char) (k + 9), z, z, z, k, z, z, z, (char) (k + 3), z, z, z, (char) (k + 6), z, z, z, (char) (k + 9), z, z, z));
}

static inline __m256i
row (__m256i y, __m256i u, __m256i v, const int32_t *m)
{
  __m256i sum = _mm256_add_epi32 (_mm256_mullo_epi32 (y, _mm256_set1_epi32 (m[0])),
      _mm256_mullo_epi32 (u, _mm256_set1_epi32 (m[1])));
  sum = _mm256_add_epi32 (sum, _mm256_mullo_epi32 (v, _mm256_set1_epi32 (m[2])));
  return _mm256_srai_epi32 (_mm256_add_epi32 (sum, _mm256_set1_epi32 (0x8000)), 16);
}

static void
yuv_to_rgb (uint8_t *pixels, size_t n, const BmkColorMatrix *m)
{
  const __m256i interleave = _mm256_setr_epi8 (0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1,
      0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1);
  BmkTable narrow;

  /* 8 pixels are 24 bytes; the second load and the first store reach 4 bytes further. */
  for (; n >= 10; n -= 8, pixels += 24) {
    __m256i p = _mm256_inserti128_si256 (_mm256_castsi128_si256 (_mm_loadu_si128 ((const __m128i *) pixels)),
        _mm_loadu_si128 ((const __m128i *) (pixels + 12)), 1);
    __m256i y = _mm256_sub_epi32 (samples (p, 0), _mm256_set1_epi32 (m->offset[0]));
    __m256i u = _mm256_sub_epi32 (samples (p, 1), _mm256_set1_epi32 (m->offset[1]));
    __m256i v = _mm256_sub_epi32 (samples (p, 2), _mm256_set1_epi32 (m->offset[2]));
    __m256i rg = _mm256_packs_epi32 (row (y, u, v, m->m), row (y, u, v, m->m + 3));
    __m256i b = _mm256_packs_epi32 (row (y, u, v, m->m + 6), _mm256_setzero_si256 ());
    __m256i rgb = _mm256_shuffle_epi8 (_mm256_packus_epi16 (rg, b), interleave);
    __m128i last = _mm256_extracti128_si256 (rgb, 1);
    _mm_storeu_si128 ((__m128i *) pixels, _mm256_castsi256_si128 (rgb));
    _mm_storel_epi64 ((__m128i *) (pixels + 12), last);
    int32_t end = _mm_extract_epi32 (last, 2);
    memcpy (pixels + 20, &end, sizeof end);
  }
  bmk_color_fill_scalar (&narrow);
  narrow.yuv_to_rgb (pixels, n, m);
}

void
bmk_color_fill_avx2 (BmkTable *t)
{
  t->yuv_to_rgb = yuv_to_rgb;
}
