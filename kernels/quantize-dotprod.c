/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Codes are summed up as they are made. */
#include "math-neon.h"

typedef struct {
  int32x4_t sum, squares;
} Sums;

static inline void
add_codes (Sums *s, int8x16_t q)
{
  s->sum = vdotq_s32 (s->sum, q, vdupq_n_s8 (1));
  s->squares = vdotq_s32 (s->squares, q, q);
}

/* The codes from `at` on are those that no vector held. */
static inline BmkRow
row_of (Sums s, const int8_t *q, size_t at, size_t k)
{
  int32_t sum = vaddvq_s32 (s.sum), squares = vaddvq_s32 (s.squares);

  for (; at < k; at++) {
    sum += q[at];
    squares += q[at] * q[at];
  }
  return bmk_row_of (sum, squares, k);
}

static void
describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k) {
    Sums s = { vdupq_n_s32 (0), vdupq_n_s32 (0) };
    size_t j = 0;
    for (; j + 16 <= k; j += 16)
      add_codes (&s, vld1q_s8 (q + j));
    rows[i] = row_of (s, q, j, k);
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
codes_of_8 (float32x4_t a, float32x4_t b, float scale)
{
  const int32x4_t low = vcvtnq_s32_f32 (vmulq_n_f32 (a, scale)), high = vcvtnq_s32_f32 (vmulq_n_f32 (b, scale));

  return vcombine_s16 (vmovn_s32 (low), vmovn_s32 (high));
}

static void
quantize_row (int8_t *q, BmkRow *row, const float *x, float a, size_t k)
{
  const float scale = bmk_code_scale (a);
  Sums s = { vdupq_n_s32 (0), vdupq_n_s32 (0) };
  size_t j = 0;

  if (isinf (scale)) {
    bmk_quantize_tiny (q, x, k);
    describe (row, q, 1, k);
    return;
  }
  for (; j + 16 <= k; j += 16) {
    const int16x8_t low = codes_of_8 (vld1q_f32 (x + j), vld1q_f32 (x + j + 4), scale);
    const int16x8_t high = codes_of_8 (vld1q_f32 (x + j + 8), vld1q_f32 (x + j + 12), scale);
    const int8x16_t v = vcombine_s8 (vmovn_s16 (low), vmovn_s16 (high));
    vst1q_s8 (q + j, v);
    add_codes (&s, v);
  }
  for (size_t i = j; i < k; i++)
    q[i] = (int8_t) bmk_rint (x[i] * scale);
  *row = row_of (s, q, j, k);
}

static void
quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top)
{
  for (size_t i = 0; i < m; i++)
    quantize_row (q + i * k, rows + i, x + i * ldx, top ? top[i] : max_abs (x + i * ldx, k), k);
}

static uint8_t
max_u8 (const uint8_t *x, size_t k)
{
  uint8x16_t top = vdupq_n_u8 (0);
  uint8_t a;
  size_t j = 0;

  for (; j + 16 <= k; j += 16)
    top = vmaxq_u8 (top, vld1q_u8 (x + j));
  a = vmaxvq_u8 (top);
  for (; j < k; j++)
    a = x[j] > a ? x[j] : a;
  return a;
}

static inline int8x8_t
codes_of_u8 (uint8x8_t x, float scale)
{
  const uint16x8_t wide = vmovl_u8 (x);
  const float32x4_t low = vcvtq_f32_u32 (vmovl_u16 (vget_low_u16 (wide)));
  const float32x4_t high = vcvtq_f32_u32 (vmovl_high_u16 (wide));

  return vmovn_s16 (codes_of_8 (low, high, scale));
}

static void
requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k, x += k) {
    const float scale = bmk_code_scale (max_u8 (x, k));
    Sums s = { vdupq_n_s32 (0), vdupq_n_s32 (0) };
    size_t j = 0;
    for (; j + 16 <= k; j += 16) {
      const int8x16_t v = vcombine_s8 (codes_of_u8 (vld1_u8 (x + j), scale), codes_of_u8 (vld1_u8 (x + j + 8), scale));
      vst1q_s8 (q + j, v);
      add_codes (&s, v);
    }
    for (size_t l = j; l < k; l++)
      q[l] = (int8_t) bmk_rint ((float) x[l] * scale);
    rows[i] = row_of (s, q, j, k);
  }
}

void
bmk_quantize_fill_dotprod (BmkTable *t)
{
  t->quantize = quantize;
  t->max_abs = max_abs;
  t->requantize_u8 = requantize_u8;
  t->describe = describe;
}
