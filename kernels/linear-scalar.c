/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Both kinds of weights are kept as int8 rows [n][k]. */
#include "kernels-internal.h"

static size_t
packed_size (size_t n, size_t k)
{
  return n * k;
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  int8_t *t = dst;

  for (size_t i = 0; i < n * k; i++)
    t[i] = (int8_t) (((codes[i / 4] >> (i % 4 * 2)) & 3) - 1);
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  memcpy (dst, rows, n * k);
}

static int32_t
dot_codes (const int8_t *q, const int8_t *w, size_t k)
{
  int32_t acc = 0;

  for (size_t i = 0; i < k; i++)
    acc += q[i] * w[i];
  return acc;
}

static float
activated (float v, BmkActivation activation)
{
  float r = v > 0.0f ? v : 0.0f;

  return activation == BMK_LINEAR ? v : activation == BMK_RELU ? r : r * r;
}

static void
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  const int8_t *t = w->data;

  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < w->n; j++) {
      float *y = out->y + i * out->ldy + j;
      float v = ((float) dot_codes (q + i * w->k, t + j * w->k, w->k) * w->scale[j]) * rows[i].inv;
      v = activated (out->bias ? v + out->bias[j] : v, out->activation);
      *y = out->add ? *y + v : v;
    }
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}

void
bmk_linear_fill_scalar (BmkTable *t)
{
  t->ternary_packed_size = packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = linear;
  t->int8_packed_size = packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = linear;
}
