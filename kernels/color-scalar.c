/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static void
yuv_to_rgb (uint8_t *pixels, size_t n, const BmkColorMatrix *m)
{
  for (size_t i = 0; i < n; i++, pixels += 3) {
    int32_t y = pixels[0] - m->offset[0], u = pixels[1] - m->offset[1], v = pixels[2] - m->offset[2];
    for (size_t k = 0; k < 3; k++) {
      int32_t c = (m->m[3 * k] * y + m->m[3 * k + 1] * u + m->m[3 * k + 2] * v + 0x8000) >> 16;
      pixels[k] = (uint8_t) (c < 0 ? 0 : c > 255 ? 255 : c);
    }
  }
}

void
bmk_color_fill_scalar (BmkTable *t)
{
  t->yuv_to_rgb = yuv_to_rgb;
}
