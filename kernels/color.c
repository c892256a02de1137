/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static int32_t
fixed (double x)
{
  return (int32_t) lrint (x * 65536);
}

void
bmk_color_matrix_init (BmkColorMatrix *m, double kr, double kb, bool full_range)
{
  double luma = full_range ? 1 : 255.0 / 219, chroma = full_range ? 1 : 255.0 / 224, kg = 1 - kr - kb;
  double red = 2 * (1 - kr) * chroma, blue = 2 * (1 - kb) * chroma;

  *m = (BmkColorMatrix) {
    .m = { fixed (luma), 0, fixed (red),
      fixed (luma), fixed (-blue * kb / kg), fixed (-red * kr / kg),
      fixed (luma), fixed (blue), 0 },
    .offset = { full_range ? 0 : 16, 128, 128 }
  };
}

void
bmk_yuv_to_rgb (uint8_t *pixels, size_t n, const BmkColorMatrix *m)
{
  bmk_table.yuv_to_rgb (pixels, n, m);
}
