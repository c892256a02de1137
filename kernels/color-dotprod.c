/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arm_neon.h>

#include "kernels-internal.h"

/* One channel of four pixels. row: [3] of the matrix */
static inline int32x4_t
channel (const int32_t *row, int32x4_t y, int32x4_t u, int32x4_t v)
{
  int32x4_t sum = vmulq_n_s32 (y, row[0]);

  sum = vmlaq_n_s32 (vmlaq_n_s32 (sum, u, row[1]), v, row[2]);
  return vshrq_n_s32 (vaddq_s32 (sum, vdupq_n_s32 (0x8000)), 16);
}

static inline int16x8_t
minus (uint8x8_t x, int32_t offset)
{
  return vsubq_s16 (vreinterpretq_s16_u16 (vmovl_u8 (x)), vdupq_n_s16 ((int16_t) offset));
}

static void
yuv_to_rgb (uint8_t *pixels, size_t n, const BmkColorMatrix *m)
{
  size_t i = 0;

  for (; i + 8 <= n; i += 8) {
    uint8x8x3_t v = vld3_u8 (pixels + 3 * i);
    const int16x8_t y = minus (v.val[0], m->offset[0]), cb = minus (v.val[1], m->offset[1]);
    const int16x8_t cr = minus (v.val[2], m->offset[2]);
    for (int c = 0; c < 3; c++) {
      const int32_t *row = m->m + 3 * c;
      int32x4_t low = channel (row, vmovl_s16 (vget_low_s16 (y)), vmovl_s16 (vget_low_s16 (cb)), vmovl_s16 (vget_low_s16 (cr)));
      int32x4_t high = channel (row, vmovl_high_s16 (y), vmovl_high_s16 (cb), vmovl_high_s16 (cr));
      v.val[c] = vqmovun_s16 (vcombine_s16 (vqmovn_s32 (low), vqmovn_s32 (high)));
    }
    vst3_u8 (pixels + 3 * i, v);
  }
  for (; i < n; i++) {
    uint8_t *p = pixels + 3 * i;
    int32_t y = p[0] - m->offset[0], cb = p[1] - m->offset[1], cr = p[2] - m->offset[2];
    for (int c = 0; c < 3; c++) {
      int32_t x = (m->m[3 * c] * y + m->m[3 * c + 1] * cb + m->m[3 * c + 2] * cr + 0x8000) >> 16;
      p[c] = (uint8_t) (x < 0 ? 0 : x > 255 ? 255 : x);
    }
  }
}

void
bmk_color_fill_dotprod (BmkTable *t)
{
  t->yuv_to_rgb = yuv_to_rgb;
}
