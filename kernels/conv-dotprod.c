/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "conv-neon.h"

/* ---- Depthwise: eight channels at a time, 16-bit products; the taps stay as they come, [kernel * kernel][channels] ---- */

/* The window whose first sample would be (top, left); taps outside the picture add nothing. */
static void
window (int32x4_t *acc, const uint8_t *x, const BmkConv *c, size_t o, ptrdiff_t top, ptrdiff_t left, size_t h, size_t w)
{
  const int8_t *taps = (const int8_t *) c->data + o;
  int32x4_t low = vld1q_s32 (c->bias + o), high = vld1q_s32 (c->bias + o + 4);

  for (ptrdiff_t ky = 0; ky < c->kernel; ky++)
    for (ptrdiff_t kx = 0; kx < c->kernel; kx++, taps += c->cout) {
      const ptrdiff_t i = top + ky, j = left + kx;
      if (i < 0 || j < 0 || i >= (ptrdiff_t) h || j >= (ptrdiff_t) w)
        continue;
      const int16x8_t v = vreinterpretq_s16_u16 (vmovl_u8 (vld1_u8 (x + ((size_t) i * w + (size_t) j) * c->cout + o)));
      const int16x8_t t = vmovl_s8 (vld1_s8 (taps));
      low = vmlal_s16 (low, vget_low_s16 (v), vget_low_s16 (t));
      high = vmlal_s16 (high, vget_high_s16 (v), vget_high_s16 (t));
    }
  acc[0] = low;
  acc[1] = high;
}

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  const size_t ho = bmk_conv_out (h, c->stride), wo = bmk_conv_out (w, c->stride);
  const ptrdiff_t pad_y = bmk_conv_pad (h, c->kernel, c->stride), pad_x = bmk_conv_pad (w, c->kernel, c->stride);

  for (size_t i = 0; i < ho; i++)
    for (size_t j = 0; j < wo; j++)
      for (size_t o = 0; o < c->cout; o += 8) {
        int32x4_t acc[2];
        window (acc, x, c, o, (ptrdiff_t) i * c->stride - pad_y, (ptrdiff_t) j * c->stride - pad_x, h, w);
        finish (y + (i * wo + j) * c->cout + o, NULL, c, o, acc, 8);
      }
}

void
bmk_conv_fill_dotprod (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->depthwise = depthwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
  t->stem = bmk_stem_patch;
}
