/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tiers share: how a layer is walked through. A tier gives
 *
 *   spread_panel (float *to, const uint16_t *from, size_t n)     n halves -> floats; n a multiple of BMK_F16_PANEL
 *   sum_rows (float *sums, const float *w, const float *x, size_t ldx, size_t m, size_t k, bool start)
 *                    sums: [m][PANEL], from 0 or going on; w: [k][PANEL]; x: m rows
 *   finish_row (const BmkOutput *out, float *y, const float *sums, const float *scale, const float *bias, size_t n)
 *
 * A panel's weights become floats PIECE inputs at a time, for BLOCK rows that meet them; the rows' sums wait in between. A sum is one
 * chain of fused multiply-adds through all inputs, so that where the pieces end makes no difference. */
#pragma once

#include "kernels-internal.h"

#define PANEL BMK_F16_PANEL
#define PIECE 128
#define BLOCK 128

static void
block_times_panel (float *sums, const uint16_t *panel, const float *x, size_t ldx, size_t m, size_t k)
{
  _Alignas (BMK_ALIGN) float w[PIECE * PANEL];

  for (size_t at = 0, n; at < k; at += n) {
    n = k - at < PIECE ? k - at : PIECE;
    spread_panel (w, panel + at * PANEL, n * PANEL);
    sum_rows (sums, w, x + at, ldx, m, n, at == 0);
  }
}

static void
f16_linear (const BmkOutput *out, const BmkLinear *w, const float *x, size_t ldx, size_t m)
{
  _Alignas (BMK_ALIGN) float sums[BLOCK * PANEL];

  for (size_t first = 0; first < w->n; first += PANEL)
    for (size_t row = 0, rows; row < m; row += rows) {
      const size_t n = w->n - first < PANEL ? w->n - first : PANEL;
      rows = m - row < BLOCK ? m - row : BLOCK;
      block_times_panel (sums, (const uint16_t *) w->data + first * w->k, x + row * ldx, ldx, rows, w->k);
      for (size_t i = 0; i < rows; i++)
        finish_row (out, out->y + (row + i) * out->ldy + first, sums + i * PANEL, w->scale + first,
            out->bias ? out->bias + first : NULL, n);
    }
}
