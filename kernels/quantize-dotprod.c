/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-neon.h"

static void
describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k) {
    int32x4_t sums = vdupq_n_s32 (0), squares = sums;
    int32_t sum, square;
    size_t j = 0;
    for (; j + 16 <= k; j += 16) {
      const int8x16_t v = vld1q_s8 (q + j);
      sums = vdotq_s32 (sums, v, vdupq_n_s8 (1));
      squares = vdotq_s32 (squares, v, v);
    }
    sum = vaddvq_s32 (sums);
    square = vaddvq_s32 (squares);
    for (; j < k; j++) {
      sum += q[j];
      square += q[j] * q[j];
    }
    rows[i] = bmk_row_of (sum, square, k);
  }
}

static float
max_abs (const float *x, size_t k)
{
  float32x4_t a = vdupq_n_f32 (0.0f), b = a;
  float most;
  size_t j = 0;

  for (; j + 8 <= k; j += 8) {
    a = vmaxq_f32 (a, vabsq_f32 (vld1q_f32 (x + j)));
    b = vmaxq_f32 (b, vabsq_f32 (vld1q_f32 (x + j + 4)));
  }
  most = vmaxvq_f32 (vmaxq_f32 (a, b));
  for (; j < k; j++)
    most = fabsf (x[j]) > most ? fabsf (x[j]) : most;
  return most;
}

static inline int16x8_t
codes_of_8 (float32x4_t a, float32x4_t b, float32x4_t scale)
{
  return vcombine_s16 (vmovn_s32 (vcvtnq_s32_f32 (vmulq_f32 (a, scale))), vmovn_s32 (vcvtnq_s32_f32 (vmulq_f32 (b, scale))));
}

static void
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const float scale = bmk_code_scale (a);
  const float32x4_t scale4 = vdupq_n_f32 (scale);
  size_t j = 0;

  if (isinf (scale)) {
    bmk_quantize_tiny (q, x, k);
    return;
  }
  for (; j + 16 <= k; j += 16) {
    int16x8_t low = codes_of_8 (vld1q_f32 (x + j), vld1q_f32 (x + j + 4), scale4);
    int16x8_t high = codes_of_8 (vld1q_f32 (x + j + 8), vld1q_f32 (x + j + 12), scale4);
    vst1q_s8 (q + j, vcombine_s8 (vmovn_s16 (low), vmovn_s16 (high)));
  }
  for (; j < k; j++)
    q[j] = (int8_t) bmk_rint (x[j] * scale);
}

static void
quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top)
{
  for (size_t i = 0; i < m; i++)
    quantize_row (q + i * k, x + i * ldx, top ? top[i] : max_abs (x + i * ldx, k), k);
  describe (rows, q, m, k);
}

static void
requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const uint8_t *row = x + i * k;
    uint8x16_t top = vdupq_n_u8 (0);
    uint8_t a;
    float scale;
    size_t j = 0;
    for (; j + 16 <= k; j += 16)
      top = vmaxq_u8 (top, vld1q_u8 (row + j));
    a = vmaxvq_u8 (top);
    for (; j < k; j++)
      a = row[j] > a ? row[j] : a;
    scale = bmk_code_scale (a);
    for (j = 0; j + 8 <= k; j += 8) {
      uint16x8_t wide = vmovl_u8 (vld1_u8 (row + j));
      float32x4_t low = vcvtq_f32_u32 (vmovl_u16 (vget_low_u16 (wide)));
      float32x4_t high = vcvtq_f32_u32 (vmovl_u16 (vget_high_u16 (wide)));
      vst1_s8 (q + i * k + j, vmovn_s16 (codes_of_8 (low, high, vdupq_n_f32 (scale))));
    }
    for (; j < k; j++)
      q[i * k + j] = (int8_t) bmk_rint ((float) row[j] * scale);
  }
  describe (rows, q, m, k);
}

void
bmk_quantize_fill_dotprod (BmkTable *t)
{
  t->quantize = quantize;
  t->requantize_u8 = requantize_u8;
  t->describe = describe;
}
