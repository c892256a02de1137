/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The canonical float order of models/MODEL.md. Lanes start at +0, so a missing element is as good as +0. */
#pragma once

#include "kernels-internal.h"

/* lane: [16], overwritten */
static inline float
bmk_fold_lanes (float *lane)
{
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; j++)
      lane[j] = lane[j] + lane[j + half];
  return lane[0];
}

static inline float
bmk_dot_scalar (const float *a, const float *b, size_t n)
{
  float lane[16] = { 0 };
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++)
      lane[j] += a[i + j] * b[i + j];
  for (int j = 0; i < n; i++, j++)
    lane[j] += a[i] * b[i];
  return bmk_fold_lanes (lane);
}

static inline float
bmk_sum_scalar (const float *x, size_t n)
{
  float lane[16] = { 0 };
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++)
      lane[j] += x[i + j];
  for (int j = 0; i < n; i++, j++)
    lane[j] += x[i];
  return bmk_fold_lanes (lane);
}
