/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static void
inverse_rms (float *inv, const int8_t *q, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++, q += k) {
    int32_t squares = 0;
    for (size_t j = 0; j < k; j++)
      squares += q[j] * q[j];
    inv[i] = bmk_inverse_rms_of (squares, k);
  }
}

/* x: [k], a = max |x|. Two roundings take a product past 127 by too little for rint to notice: no clamp. */
static void
quantize_row (int8_t *q, const float *x, float a, size_t k)
{
  const float scale = 127.0f / a;

  if (a == 0.0f)
    memset (q, 0, k);
  else if (isinf (scale))
    bmk_quantize_tiny (q, x, k);
  else
    for (size_t j = 0; j < k; j++)
      q[j] = (int8_t) bmk_rint (x[j] * scale);
}

static void
quantize (int8_t *q, float *inv, const float *x, size_t ldx, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const float *row = x + i * ldx;
    float a = 0.0f;
    for (size_t j = 0; j < k; j++)
      a = fabsf (row[j]) > a ? fabsf (row[j]) : a;
    quantize_row (q + i * k, row, a, k);
  }
  inverse_rms (inv, q, m, k);
}

static void
requantize_u8 (int8_t *q, float *inv, const uint8_t *x, size_t m, size_t k)
{
  for (size_t i = 0; i < m; i++) {
    const uint8_t *row = x + i * k;
    uint8_t a = 0;
    float scale;
    for (size_t j = 0; j < k; j++)
      a = row[j] > a ? row[j] : a;
    scale = a ? 127.0f / (float) a : 0.0f;
    for (size_t j = 0; j < k; j++)
      q[i * k + j] = (int8_t) bmk_rint ((float) row[j] * scale);
  }
  inverse_rms (inv, q, m, k);
}

void
bmk_quantize_fill_scalar (BmkTable *t)
{
  t->quantize = quantize;
  t->requantize_u8 = requantize_u8;
  t->inverse_rms = inverse_rms;
}
