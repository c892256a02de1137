/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arm_neon.h>

#include "resample-internal.h"

static inline int32x4_t
rounded (int32x4_t high, int32x4_t low)
{
  int32x4_t sum = vaddq_s32 (vshlq_n_s32 (high, BMK_RESAMPLE_SPLIT), low);

  return vshrq_n_s32 (vaddq_s32 (sum, vdupq_n_s32 (BMK_RESAMPLE_HALF)), BMK_RESAMPLE_BITS);
}

/* One output of eight taps at a time; padding has coefficients of 0. */
static inline int32_t
weighted (const uint16_t *x, const int16_t *high, const int16_t *low, size_t taps)
{
  int32x4_t h = vdupq_n_s32 (0), l = h;

  for (size_t i = 0; i < taps; i += 8) {
    const int16x8_t v = vreinterpretq_s16_u16 (vld1q_u16 (x + i));
    const int16x8_t vh = vld1q_s16 (high + i), vl = vld1q_s16 (low + i);
    h = vmlal_high_s16 (vmlal_s16 (h, vget_low_s16 (v), vget_low_s16 (vh)), v, vh);
    l = vmlal_high_s16 (vmlal_s16 (l, vget_low_s16 (v), vget_low_s16 (vl)), v, vl);
  }
  return vaddvq_s32 (vaddq_s32 (vshlq_n_s32 (h, BMK_RESAMPLE_SPLIT), l));
}

static void
resample_row (uint8_t *y, const uint16_t *x, const BmkAxis *a)
{
  for (size_t o = 0; o < a->out; o++) {
    const size_t taps = bmk_align_up ((size_t) a->count[o], 8);
    y[o] = bmk_resample_round (weighted (x + a->first[o], a->high + o * a->taps, a->low + o * a->taps, taps));
  }
}

/* 16 columns */
static inline void
columns (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low, size_t count)
{
  int32x4_t h[4], l[4];

  for (int i = 0; i < 4; i++)
    h[i] = l[i] = vdupq_n_s32 (0);
  for (size_t i = 0; i < count; i++) {
    const uint8x16_t v = vld1q_u8 (rows + i * n);
    const int16x8_t a = vreinterpretq_s16_u16 (vmovl_u8 (vget_low_u8 (v)));
    const int16x8_t b = vreinterpretq_s16_u16 (vmovl_high_u8 (v));
    h[0] = vmlal_n_s16 (h[0], vget_low_s16 (a), high[i]);
    h[1] = vmlal_high_n_s16 (h[1], a, high[i]);
    h[2] = vmlal_n_s16 (h[2], vget_low_s16 (b), high[i]);
    h[3] = vmlal_high_n_s16 (h[3], b, high[i]);
    l[0] = vmlal_n_s16 (l[0], vget_low_s16 (a), low[i]);
    l[1] = vmlal_high_n_s16 (l[1], a, low[i]);
    l[2] = vmlal_n_s16 (l[2], vget_low_s16 (b), low[i]);
    l[3] = vmlal_high_n_s16 (l[3], b, low[i]);
  }
  const int16x8_t first = vcombine_s16 (vqmovn_s32 (rounded (h[0], l[0])), vqmovn_s32 (rounded (h[1], l[1])));
  const int16x8_t second = vcombine_s16 (vqmovn_s32 (rounded (h[2], l[2])), vqmovn_s32 (rounded (h[3], l[3])));
  vst1q_u8 (y, vcombine_u8 (vqmovun_s16 (first), vqmovun_s16 (second)));
}

static void
resample_column (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low, size_t count)
{
  for (size_t o = 0; o < n; o += 16)
    columns (y + o, rows + o, n, high, low, count);
}

void
bmk_resample_fill_dotprod (BmkTable *t)
{
  t->resample_row = resample_row;
  t->resample_column = resample_column;
}
