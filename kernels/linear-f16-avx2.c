/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tiles of six rows and a quarter of a panel: 12 sums, two weight vectors, one input broadcast. */
#include "math-avx2.h"

#define INLINE static inline __attribute__ ((always_inline))

static void
spread_panel (float *to, const uint16_t *from, size_t n)
{
  for (size_t i = 0; i < n; i += 8)
    _mm256_store_ps (to + i, _mm256_cvtph_ps (_mm_loadu_si128 ((const __m128i *) (from + i))));
}

#define ROW_START(r) \
  __m256 a##r = _mm256_setzero_ps (), b##r = a##r; \
  if ((r) < count && !start) { \
    a##r = _mm256_load_ps (sums + (r) * 64); \
    b##r = _mm256_load_ps (sums + (r) * 64 + 8); \
  }

#define ROW_STEP(r) \
  if ((r) < count) { \
    const __m256 x_ = _mm256_broadcast_ss (x##r + i); \
    a##r = _mm256_fmadd_ps (x_, w0, a##r); \
    b##r = _mm256_fmadd_ps (x_, w1, b##r); \
  }

#define ROW_END(r) \
  if ((r) < count) { \
    _mm256_store_ps (sums + (r) * 64, a##r); \
    _mm256_store_ps (sums + (r) * 64 + 8, b##r); \
  }

/* count: rows, at most 6, known to the compiler */
INLINE void
sum_tile (float *sums, const float *w, const float *x0, size_t ldx, size_t k, bool start, const int count)
{
  const float *x1 = x0 + (count > 1 ? ldx : 0), *x2 = x1 + (count > 2 ? ldx : 0), *x3 = x2 + (count > 3 ? ldx : 0);
  const float *x4 = x3 + (count > 4 ? ldx : 0), *x5 = x4 + (count > 5 ? ldx : 0);
  ROW_START (0);
  ROW_START (1);
  ROW_START (2);
  ROW_START (3);
  ROW_START (4);
  ROW_START (5);

  for (size_t i = 0; i < k; i++, w += 64) {
    const __m256 w0 = _mm256_load_ps (w), w1 = _mm256_load_ps (w + 8);
    ROW_STEP (0);
    ROW_STEP (1);
    ROW_STEP (2);
    ROW_STEP (3);
    ROW_STEP (4);
    ROW_STEP (5);
  }
  ROW_END (0);
  ROW_END (1);
  ROW_END (2);
  ROW_END (3);
  ROW_END (4);
  ROW_END (5);
}

static void
sum_rows (float *sums, const float *w, const float *x, size_t ldx, size_t m, size_t k, bool start)
{
  for (; m > 0; sums += 6 * 64, x += 6 * ldx, m -= m < 6 ? m : 6)
    for (size_t at = 0; at < 64; at += 16)
      switch (m < 6 ? m : 6) {
#define CASE(n) \
        case n: \
          sum_tile (sums + at, w + at, x, ldx, k, start, n); \
          break
        CASE (1);
        CASE (2);
        CASE (3);
        CASE (4);
        CASE (5);
        CASE (6);
#undef CASE
        default:
          return;
      }
}

static void
finish_row (const BmkOutput *out, float *y, const float *sums, const float *scale, const float *bias, size_t n)
{
  for (size_t i = 0; i < n; i += 8) {
    const __m256i mask = bmk_mask_avx2 ((ptrdiff_t) (n - i));
    __m256 v = _mm256_mul_ps (_mm256_load_ps (sums + i), _mm256_maskload_ps (scale + i, mask));
    if (bias)
      v = _mm256_add_ps (v, _mm256_maskload_ps (bias + i, mask));
    if (out->activation != BMK_LINEAR)
      v = _mm256_max_ps (v, _mm256_setzero_ps ());
    if (out->activation == BMK_RELU_SQUARED)
      v = _mm256_mul_ps (v, v);
    if (out->add)
      v = _mm256_add_ps (_mm256_maskload_ps (y + i, mask), v);
    _mm256_maskstore_ps (y + i, mask, v);
  }
}

#include "linear-f16.h"

void
bmk_linear_f16_fill_avx2 (BmkTable *t)
{
  t->f16_linear = f16_linear;
}
