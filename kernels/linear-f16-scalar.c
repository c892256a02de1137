/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static float
from_half (uint16_t h)
{
  const uint32_t sign = (uint32_t) (h & 0x8000) << 16, magnitude = h & 0x7fff;
  uint32_t bits = magnitude << 13;
  float x;

  /* the exponents' biases differ by 112: a factor, exact for subnormal halves too */
  memcpy (&x, &bits, sizeof x);
  x *= 0x1p112f;
  memcpy (&bits, &x, sizeof x);
  bits |= sign;
  memcpy (&x, &bits, sizeof x);
  return x;
}

static float
activated (float v, BmkActivation activation)
{
  float r = v > 0.0f ? v : 0.0f;

  return activation == BMK_LINEAR ? v : activation == BMK_RELU ? r : r * r;
}

/* One row and one panel. w: [k][PANEL] */
static void
sum_row (float *sums, const uint16_t *w, const float *x, size_t k)
{
  memset (sums, 0, BMK_F16_PANEL * sizeof *sums);
  for (size_t i = 0; i < k; i++, w += BMK_F16_PANEL)
    for (size_t j = 0; j < BMK_F16_PANEL; j++)
      sums[j] = fmaf (x[i], from_half (w[j]), sums[j]);
}

static void
f16_linear (const BmkOutput *out, const BmkLinear *w, const float *x, size_t ldx, size_t m)
{
  float sums[BMK_F16_PANEL];

  for (size_t i = 0; i < m; i++)
    for (size_t first = 0; first < w->n; first += BMK_F16_PANEL) {
      sum_row (sums, (const uint16_t *) w->data + first * w->k, x + i * ldx, w->k);
      for (size_t j = first; j < w->n && j < first + BMK_F16_PANEL; j++) {
        float *y = out->y + i * out->ldy + j, v = sums[j - first] * w->scale[j];
        v = activated (out->bias ? v + out->bias[j] : v, out->activation);
        *y = out->add ? *y + v : v;
      }
    }
}

void
bmk_linear_f16_fill_scalar (BmkTable *t)
{
  t->f16_linear = f16_linear;
}
