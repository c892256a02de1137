/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

void
bmk_quantize (int8_t *q, float *inv, const float *x, size_t ldx, size_t m, size_t k)
{
  bmk_table.quantize (q, inv, x, ldx, m, k);
}

void
bmk_requantize_u8 (int8_t *q, float *inv, const uint8_t *x, size_t m, size_t k)
{
  bmk_table.requantize_u8 (q, inv, x, m, k);
}

void
bmk_inverse_rms (float *inv, const int8_t *q, size_t m, size_t k)
{
  bmk_table.inverse_rms (inv, q, m, k);
}
