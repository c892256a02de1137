/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

void
bmk_quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k)
{
  bmk_table.quantize (q, rows, x, ldx, m, k, NULL);
}

void
bmk_quantize_scaled (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const float a = bmk_table.max_abs (x + i * ldx, k);
    bmk_table.quantize (q + i * k, rows + i, x + i * ldx, ldx, 1, k, &a);
    rows[i].inv = a / 127.0f;
  }
}

void
bmk_requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k)
{
  bmk_table.requantize_u8 (q, rows, x, m, k);
}

void
bmk_describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  bmk_table.describe (rows, q, m, k);
}
