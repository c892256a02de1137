/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tiles of four rows and a quarter of a panel: 16 sums, four weight vectors, four inputs broadcast. With six rows gcc 12 spills. */
#include "math-neon.h"

#define ROWS 4
#define INLINE static inline __attribute__ ((always_inline))

static void
spread_panel (float *to, const uint16_t *from, size_t n)
{
  for (size_t i = 0; i < n; i += 4)
    vst1q_f32 (to + i, vcvt_f32_f16 (vreinterpret_f16_u16 (vld1_u16 (from + i))));
}

/* count: rows, at most 4, known to the compiler */
INLINE void
sum_tile (float *sums, const float *w, const float *x, size_t ldx, size_t k, bool start, const int count)
{
  float32x4_t acc[4][4];

#pragma GCC unroll 4
  for (int r = 0; r < count; r++)
#pragma GCC unroll 4
    for (int l = 0; l < 4; l++)
      acc[r][l] = start ? vdupq_n_f32 (0.0f) : vld1q_f32 (sums + r * 64 + l * 4);
  for (size_t i = 0; i < k; i++, w += 64) {
    const float32x4_t w0 = vld1q_f32 (w), w1 = vld1q_f32 (w + 4), w2 = vld1q_f32 (w + 8), w3 = vld1q_f32 (w + 12);
#pragma GCC unroll 4
    for (int r = 0; r < count; r++) {
      const float32x4_t x_ = vld1q_dup_f32 (x + (size_t) r * ldx + i);
      acc[r][0] = vfmaq_f32 (acc[r][0], x_, w0);
      acc[r][1] = vfmaq_f32 (acc[r][1], x_, w1);
      acc[r][2] = vfmaq_f32 (acc[r][2], x_, w2);
      acc[r][3] = vfmaq_f32 (acc[r][3], x_, w3);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < count; r++)
#pragma GCC unroll 4
    for (int l = 0; l < 4; l++)
      vst1q_f32 (sums + r * 64 + l * 4, acc[r][l]);
}

static void
sum_rows (float *sums, const float *w, const float *x, size_t ldx, size_t m, size_t k, bool start)
{
  for (; m > 0; sums += ROWS * 64, x += ROWS * ldx, m -= m < ROWS ? m : ROWS)
    for (size_t at = 0; at < 64; at += 16)
      switch (m < ROWS ? m : ROWS) {
#define CASE(n) \
        case n: \
          sum_tile (sums + at, w + at, x, ldx, k, start, n); \
          break
        CASE (1);
        CASE (2);
        CASE (3);
        CASE (4);
#undef CASE
        default:
          return;
      }
}

static void
finish_row (const BmkOutput *out, float *y, const float *sums, const float *scale, const float *bias, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    float v = sums[i] * scale[i], r;
    v = bias ? v + bias[i] : v;
    r = v > 0.0f ? v : 0.0f;
    v = out->activation == BMK_LINEAR ? v : out->activation == BMK_RELU ? r : r * r;
    y[i] = out->add ? y[i] + v : v;
  }
}

#include "linear-f16.h"

void
bmk_linear_f16_fill_dotprod (BmkTable *t)
{
  t->f16_linear = f16_linear;
}
