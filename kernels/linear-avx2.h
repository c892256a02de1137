/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the 256-bit tiers' linear layers share: panels of 32 rows, and what becomes of their sums. */
#pragma once

#include "linear-pack.h"
#include "math-avx2.h"

#define LANES 8
#define PANEL 32

/* acc: [32] sums of one token and one panel, whose first row is `row` */
static inline void
finish (const BmkOutput *out, const BmkLinear *w, size_t token, size_t row, const int32_t *acc, float inv)
{
  const size_t left = w->n - row;
  float *y = out->y + token * out->ldy + row;

  for (size_t f = 0; f < PANEL && f < left; f += LANES) {
    const __m256i mask = bmk_mask_avx2 (left - f < LANES ? (ptrdiff_t) (left - f) : LANES);
    __m256 v = _mm256_cvtepi32_ps (_mm256_load_si256 ((const __m256i *) (acc + f)));
    v = _mm256_mul_ps (_mm256_mul_ps (v, _mm256_maskload_ps (w->scale + row + f, mask)), _mm256_set1_ps (inv));
    if (out->bias)
      v = _mm256_add_ps (v, _mm256_maskload_ps (out->bias + row + f, mask));
    if (out->activation != BMK_LINEAR)
      v = _mm256_max_ps (v, _mm256_setzero_ps ());
    if (out->activation == BMK_RELU_SQUARED)
      v = _mm256_mul_ps (v, v);
    if (out->add)
      v = _mm256_add_ps (_mm256_maskload_ps (y + f, mask), v);
    _mm256_maskstore_ps (y + f, mask, v);
  }
}
