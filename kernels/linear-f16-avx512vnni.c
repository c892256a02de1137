/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tiles of six rows and a panel: 24 sums, a piece's four weight vectors, one input broadcast. */
#include "math-avx512vnni.h"

#define INLINE static inline __attribute__ ((always_inline))

static void
spread_panel (float *to, const uint16_t *from, size_t n)
{
  for (size_t i = 0; i < n; i += 16)
    _mm512_store_ps (to + i, _mm512_cvtph_ps (_mm256_loadu_si256 ((const __m256i *) (from + i))));
}

#define ROW_START(r) \
  __m512 a##r = _mm512_setzero_ps (), b##r = a##r, c##r = a##r, d##r = a##r; \
  if ((r) < count && !start) { \
    a##r = _mm512_load_ps (sums + (r) * 64); \
    b##r = _mm512_load_ps (sums + (r) * 64 + 16); \
    c##r = _mm512_load_ps (sums + (r) * 64 + 32); \
    d##r = _mm512_load_ps (sums + (r) * 64 + 48); \
  }

#define ROW_STEP(r) \
  if ((r) < count) { \
    const __m512 x_ = _mm512_set1_ps (x##r[i]); \
    a##r = _mm512_fmadd_ps (x_, w0, a##r); \
    b##r = _mm512_fmadd_ps (x_, w1, b##r); \
    c##r = _mm512_fmadd_ps (x_, w2, c##r); \
    d##r = _mm512_fmadd_ps (x_, w3, d##r); \
  }

#define ROW_END(r) \
  if ((r) < count) { \
    _mm512_store_ps (sums + (r) * 64, a##r); \
    _mm512_store_ps (sums + (r) * 64 + 16, b##r); \
    _mm512_store_ps (sums + (r) * 64 + 32, c##r); \
    _mm512_store_ps (sums + (r) * 64 + 48, d##r); \
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
    const __m512 w0 = _mm512_load_ps (w), w1 = _mm512_load_ps (w + 16), w2 = _mm512_load_ps (w + 32);
    const __m512 w3 = _mm512_load_ps (w + 48);
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
  for (; m >= 6; m -= 6, sums += 6 * 64, x += 6 * ldx)
    sum_tile (sums, w, x, ldx, k, start, 6);
  switch (m) {
#define CASE(n) \
    case n: \
      sum_tile (sums, w, x, ldx, k, start, n); \
      return
    CASE (1);
    CASE (2);
    CASE (3);
    CASE (4);
    CASE (5);
#undef CASE
    default:
      return;
  }
}

static void
finish_row (const BmkOutput *out, float *y, const float *sums, const float *scale, const float *bias, size_t n)
{
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = bmk_mask_avx512 (n - i);
    __m512 v = _mm512_mul_ps (_mm512_load_ps (sums + i), _mm512_maskz_loadu_ps (mask, scale + i));
    if (bias)
      v = _mm512_add_ps (v, _mm512_maskz_loadu_ps (mask, bias + i));
    if (out->activation != BMK_LINEAR)
      v = _mm512_max_ps (v, _mm512_setzero_ps ());
    if (out->activation == BMK_RELU_SQUARED)
      v = _mm512_mul_ps (v, v);
    if (out->add)
      v = _mm512_add_ps (_mm512_maskz_loadu_ps (mask, y + i), v);
    _mm512_mask_storeu_ps (y + i, mask, v);
  }
}

#include "linear-f16.h"

void
bmk_linear_f16_fill_avx512vnni (BmkTable *t)
{
  t->f16_linear = f16_linear;
}
