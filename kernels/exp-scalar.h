/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "kernels-internal.h"

static inline float
bmk_exp_scalar (float x)
{
  float t, n, r, p, scale;
  uint32_t bits;

  x = x < BMK_EXP_HIGH ? x : BMK_EXP_HIGH;
  if (!(x >= BMK_EXP_LOW))
    return 0.0f;
  t = x * BMK_EXP_LOG2E + BMK_EXP_MAGIC;
  n = t - BMK_EXP_MAGIC;
  r = x - n * BMK_EXP_LN2_HIGH;
  r = r - n * BMK_EXP_LN2_LOW;
  p = BMK_EXP_C5 * r + BMK_EXP_C4;
  p = p * r + BMK_EXP_C3;
  p = p * r + BMK_EXP_C2;
  p = p * r + BMK_EXP_C1;
  p = p * r + BMK_EXP_C0;
  p = p * (r * r) + r;
  p = p + 1.0f;
  memcpy (&bits, &t, sizeof bits);
  bits = (bits << 23) + 0x3f800000u;
  memcpy (&scale, &bits, sizeof scale);
  return p * scale;
}

static inline float
bmk_gelu_scalar (float x)
{
  const float a = fabsf (x), t = 1.0f / (1.0f + a * BMK_GELU_T);
  float p = BMK_GELU_C8;

  p = p * t + BMK_GELU_C7;
  p = p * t + BMK_GELU_C6;
  p = p * t + BMK_GELU_C5;
  p = p * t + BMK_GELU_C4;
  p = p * t + BMK_GELU_C3;
  p = p * t + BMK_GELU_C2;
  p = p * t + BMK_GELU_C1;
  p = p * t + BMK_GELU_C0;
  p = p * bmk_exp_scalar ((a * a) * -0.5f);
  return (x > 0.0f ? x : 0.0f) - a * p;
}
