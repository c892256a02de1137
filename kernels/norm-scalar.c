/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exp-scalar.h"
#include "lanes-scalar.h"

static float
sum_squares (const float *x, float mean, size_t n)
{
  float lane[16] = { 0 };

  for (size_t i = 0; i < n; i++) {
    float v = x[i] - mean;
    lane[i % 16] += v * v;
  }
  return bmk_fold_lanes (lane);
}

static void
layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t d)
{
  const float mean = bmk_sum_scalar (x, d) / (float) d;
  const float r = bmk_inverse_deviation (sum_squares (x, mean, d), d, epsilon);

  for (size_t i = 0; i < d; i++)
    y[i] = ((x[i] - mean) * r) * weight[i] + bias[i];
}

static void
gelu (float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    x[i] = bmk_gelu_scalar (x[i]);
}

void
bmk_norm_fill_scalar (BmkTable *t)
{
  t->layer_norm = layer_norm;
  t->gelu = gelu;
}
