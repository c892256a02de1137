/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the NEON tiers share: blocks of tokens, the masks of ternary weights, and how sums become outputs.
 *
 * A byte holds the codes of four rows for one k. The lower three fields are t + 1, the top one is t in two's complement, so
 * that a masked byte is a signed number whatever the mask: the products' operands are signed here. As on x86, four sums meet
 * the byte with nothing, one, two and three fields masked away, and their differences are the rows' sums times 1, 4, 16, 64;
 * the +1 of three of them is taken off with the sum of the codes. */
#pragma once

#include "math-neon.h"

#define INLINE static inline __attribute__ ((always_inline))

#define MASK1 ((int8_t) 0xfc)
#define MASK2 ((int8_t) 0xf0)
#define MASK3 ((int8_t) 0xc0)

/* Some tokens of a layer. */
typedef struct {
  BmkOutput out;
  const BmkLinear *w;
  const int8_t *q;              /* [m][k] */
  const BmkRow *rows;           /* [m] */
  size_t m;
  float32x4_t *top;             /* [m] max |y|, where codes are wanted, else NULL */
} Block;

#define BLOCK 64

/* All of a layer's tokens, at most `tokens` (of BLOCK) at a time, whose outputs become codes while they are near. */
INLINE void
run_blocks (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, size_t tokens,
    void (*run) (const Block *b))
{
  float32x4_t top[BLOCK];
  float most[BLOCK];

  for (size_t i = 0, n; i < m; i += n) {
    n = m - i < tokens ? m - i : tokens;
    Block b = { *out, w, q + i * w->k, rows + i, n, out->q ? top : NULL };
    b.out.y += i * out->ldy;
    for (size_t t = 0; b.top && t < n; t++)
      top[t] = vdupq_n_f32 (0.0f);
    run (&b);
    for (size_t t = 0; b.top && t < n; t++)
      most[t] = vmaxvq_f32 (top[t]);
    if (b.top)
      bmk_table.quantize (out->q + i * w->n, out->rows + i, b.out.y, out->ldy, n, w->n, most);
  }
}

/* ---- Weights ---- */

/* The code byte of four rows as it is stored. */
static inline uint8_t
signed_top (uint8_t codes)
{
  return (uint8_t) (codes - 0x40);      /* t + 1 in the upper two bits becomes t; nothing is carried beyond them */
}

/* What many tokens meet is masked once: four vectors of every one. */
static inline void
mask_panel (int8_t *dst, const int8_t *w, size_t size)
{
  for (size_t i = 0; i < size; i += 16, dst += 64) {
    const int8x16_t x = vld1q_s8 (w + i);
    vst1q_s8 (dst, x);
    vst1q_s8 (dst + 16, vandq_s8 (x, vdupq_n_s8 (MASK1)));
    vst1q_s8 (dst + 32, vandq_s8 (x, vdupq_n_s8 (MASK2)));
    vst1q_s8 (dst + 48, vandq_s8 (x, vdupq_n_s8 (MASK3)));
  }
}

/* The rows' sums out of the nested ones. sum: of the codes, which every +1 has added */
INLINE void
separate (int32x4_t *a, int32x4_t sum)
{
  a[0] = vsubq_s32 (vsubq_s32 (a[0], a[1]), sum);
  a[1] = vsubq_s32 (vshrq_n_s32 (vsubq_s32 (a[1], a[2]), 2), sum);
  a[2] = vsubq_s32 (vshrq_n_s32 (vsubq_s32 (a[2], a[3]), 4), sum);
  a[3] = vshrq_n_s32 (a[3], 6);
}

/* ---- Outputs ---- */

static inline float
activated (float v, BmkActivation activation)
{
  float r = v > 0.0f ? v : 0.0f;

  return activation == BMK_LINEAR ? v : activation == BMK_RELU ? r : r * r;
}

/* The outputs of the last rows, which do not fill a panel. */
static __attribute__ ((noinline)) void
finish_some (const Block *b, size_t token, size_t row, const int32_t *sums)
{
  const BmkOutput *out = &b->out;
  float *y = out->y + token * out->ldy, top = 0.0f;

  for (size_t n = b->w->n; row < n; row++, sums++) {
    float v = ((float) *sums * b->w->scale[row]) * b->rows[token].inv;
    v = activated (out->bias ? v + out->bias[row] : v, out->activation);
    y[row] = out->add ? y[row] + v : v;
    top = fabsf (y[row]) > top ? fabsf (y[row]) : top;
  }
  if (b->top)
    b->top[token] = vmaxq_f32 (b->top[token], vdupq_n_f32 (top));
}

/* sums: of one token and 4 * n rows from `row` on, at most 16 */
INLINE void
finish (const Block *b, size_t token, size_t row, const int32x4_t *sums, const size_t n)
{
  const BmkOutput *out = &b->out;
  float *y = out->y + token * out->ldy + row;
  const float inv = b->rows[token].inv;
  float32x4_t v[4];

  if (b->w->n - row < 4 * n) {
    int32_t some[16];
    for (size_t i = 0; i < n; i++)
      vst1q_s32 (some + 4 * i, sums[i]);
    finish_some (b, token, row, some);
    return;
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < n; i++)
    v[i] = vmulq_n_f32 (vmulq_f32 (vcvtq_f32_s32 (sums[i]), vld1q_f32 (b->w->scale + row + 4 * i)), inv);
  if (out->bias)
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
      v[i] = vaddq_f32 (v[i], vld1q_f32 (out->bias + row + 4 * i));
  if (out->activation != BMK_LINEAR)
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
      v[i] = vmaxnmq_f32 (v[i], vdupq_n_f32 (0.0f));
  if (out->activation == BMK_RELU_SQUARED)
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
      v[i] = vmulq_f32 (v[i], v[i]);
  if (out->add)
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
      v[i] = vaddq_f32 (vld1q_f32 (y + 4 * i), v[i]);
#pragma GCC unroll 4
  for (size_t i = 0; i < n; i++)
    vst1q_f32 (y + 4 * i, v[i]);
  if (b->top)
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
      b->top[token] = vmaxq_f32 (b->top[token], vabsq_f32 (v[i]));
}
