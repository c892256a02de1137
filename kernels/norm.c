/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

void
bmk_layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t m, size_t d)
{
  for (size_t i = 0; i < m; i++)
    bmk_table.layer_norm (y + i * d, x + i * d, weight, bias, epsilon, d);
}

void
bmk_gelu (float *x, size_t n)
{
  bmk_table.gelu (x, n);
}
