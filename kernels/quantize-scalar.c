/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static void
describe (BmkRow *rows, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k) {
    int32_t sum = 0, squares = 0;
    for (size_t j = 0; j < k; j++) {
      sum += q[j];
      squares += q[j] * q[j];
    }
    rows[i] = bmk_row_of (sum, squares, k);
  }
}

static float
max_abs (const float *x, size_t k)
{
  float a = 0.0f;

  for (size_t j = 0; j < k; j++)
    a = fabsf (x[j]) > a ? fabsf (x[j]) : a;
  return a;
}

/* Two roundings take a product past 127 by too little for rint to notice: no clamp. */
static void
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const float scale = bmk_code_scale (a);

  if (isinf (scale))
    bmk_quantize_tiny (q, x, k);
  else
    for (size_t j = 0; j < k; j++)
      q[j] = (int8_t) bmk_rint (x[j] * scale);
}

static void
quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top)
{
  for (size_t i = 0; i < m; i++)
    quantize_row (q + i * k, x + i * ldx, top ? top[i] : max_abs (x + i * ldx, k), k);
  describe (rows, q, m, k);
}

static void
requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const uint8_t *row = x + i * k;
    uint8_t a = 0;
    float scale;
    for (size_t j = 0; j < k; j++)
      a = row[j] > a ? row[j] : a;
    scale = bmk_code_scale (a);
    for (size_t j = 0; j < k; j++)
      q[i * k + j] = (int8_t) bmk_rint ((float) row[j] * scale);
  }
  describe (rows, q, m, k);
}

void
bmk_quantize_fill_scalar (BmkTable *t)
{
  t->quantize = quantize;
  t->max_abs = max_abs;
  t->requantize_u8 = requantize_u8;
  t->describe = describe;
}
