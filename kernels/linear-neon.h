/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the NEON tiers share: how sums become outputs, and the masks of ternary weights.
 *
 * A byte holds the codes of four rows for one k. The lower three fields are t + 1, the top one is t in two's complement, so
 * that a masked byte is a signed number whatever the mask: the products' operands are signed here. As on x86, four sums meet
 * the byte with nothing, one, two and three fields masked away, and their differences are the rows' sums times 1, 4, 16, 64;
 * the +1 of three of them is taken off with the sum of the codes. */
#pragma once

#include "math-neon.h"

#define INLINE static inline __attribute__ ((always_inline))

static inline float
activated (float v, BmkActivation activation)
{
  float r = v > 0.0f ? v : 0.0f;

  return activation == BMK_LINEAR ? v : activation == BMK_RELU ? r : r * r;
}

/* sums: [count], of one token from row `row` on. The loop becomes vectors; nothing in it is contracted. */
static inline void
finish (const BmkOutput *out, const BmkLinear *w, size_t token, size_t row, const int32_t *sums, size_t count, float inv)
{
  float *y = out->y + token * out->ldy + row;
  const float *scale = w->scale + row;
  float v[16];

  for (size_t i = 0; i < count; i++)
    v[i] = ((float) sums[i] * scale[i]) * inv;
  for (size_t i = 0; out->bias && i < count; i++)
    v[i] = v[i] + out->bias[row + i];
  for (size_t i = 0; i < count; i++)
    v[i] = activated (v[i], out->activation);
  for (size_t i = 0; i < count; i++)
    y[i] = out->add ? y[i] + v[i] : v[i];
}

/* The code byte of four rows as it is stored. */
static inline uint8_t
signed_top (uint8_t codes)
{
  return (uint8_t) (codes - 0x40);      /* t + 1 in the upper two bits becomes t; nothing is carried beyond them */
}

/* The rows' sums out of the nested ones. sum: of the codes, which every +1 has added */
INLINE void
separate (int32x4_t *a, int32_t sum)
{
  const int32x4_t s = vdupq_n_s32 (sum);

  a[0] = vsubq_s32 (vsubq_s32 (a[0], a[1]), s);
  a[1] = vsubq_s32 (vshrq_n_s32 (vsubq_s32 (a[1], a[2]), 2), s);
  a[2] = vsubq_s32 (vshrq_n_s32 (vsubq_s32 (a[2], a[3]), 4), s);
  a[3] = vshrq_n_s32 (a[3], 6);
}
