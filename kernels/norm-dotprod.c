/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exp-scalar.h"
#include "math-neon.h"

static float
sum (const float *x, size_t n)
{
  Lanes acc = bmk_zero_neon ();

  for (size_t i = 0; i < n; i += 16) {
    const Lanes v = n - i < 16 ? bmk_tail_neon (x + i, n - i) : bmk_load_neon (x + i);
    for (int l = 0; l < 4; l++)
      acc.v[l] = vaddq_f32 (acc.v[l], v.v[l]);
  }
  return bmk_fold_neon (acc);
}

/* the tail's missing lanes hold the mean, whose difference is nothing */
static Lanes
load_or_mean (const float *x, size_t n, float mean)
{
  float lanes[16];

  if (n >= 16)
    return bmk_load_neon (x);
  for (size_t j = 0; j < 16; j++)
    lanes[j] = j < n ? x[j] : mean;
  return bmk_load_neon (lanes);
}

static float
sum_squares (const float *x, float mean, size_t n)
{
  Lanes acc = bmk_zero_neon ();

  for (size_t i = 0; i < n; i += 16) {
    const Lanes v = load_or_mean (x + i, n - i, mean);
    for (int l = 0; l < 4; l++) {
      const float32x4_t diff = vsubq_f32 (v.v[l], vdupq_n_f32 (mean));
      acc.v[l] = vaddq_f32 (acc.v[l], vmulq_f32 (diff, diff));
    }
  }
  return bmk_fold_neon (acc);
}

static void
layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t d)
{
  const float mean = sum (x, d) / (float) d;
  const float r = bmk_inverse_deviation (sum_squares (x, mean, d), d, epsilon);
  size_t i = 0;

  for (; i + 4 <= d; i += 4) {
    float32x4_t v = vmulq_n_f32 (vsubq_f32 (vld1q_f32 (x + i), vdupq_n_f32 (mean)), r);
    vst1q_f32 (y + i, vaddq_f32 (vmulq_f32 (v, vld1q_f32 (weight + i)), vld1q_f32 (bias + i)));
  }
  for (; i < d; i++)
    y[i] = ((x[i] - mean) * r) * weight[i] + bias[i];
}

#define GELU_STEP(c) p = vaddq_f32 (vmulq_f32 (p, t), vdupq_n_f32 (c))

static inline float32x4_t
gelu4 (float32x4_t x)
{
  const float32x4_t one = vdupq_n_f32 (1.0f), a = vabsq_f32 (x);
  const float32x4_t t = vdivq_f32 (one, vaddq_f32 (one, vmulq_n_f32 (a, BMK_GELU_T)));
  float32x4_t p = vdupq_n_f32 (BMK_GELU_C8);

  GELU_STEP (BMK_GELU_C7);
  GELU_STEP (BMK_GELU_C6);
  GELU_STEP (BMK_GELU_C5);
  GELU_STEP (BMK_GELU_C4);
  GELU_STEP (BMK_GELU_C3);
  GELU_STEP (BMK_GELU_C2);
  GELU_STEP (BMK_GELU_C1);
  GELU_STEP (BMK_GELU_C0);
  p = vmulq_f32 (p, bmk_exp_neon (vmulq_n_f32 (vmulq_f32 (a, a), -0.5f)));
  return vsubq_f32 (vmaxq_f32 (x, vdupq_n_f32 (0.0f)), vmulq_f32 (a, p));
}

static void
gelu (float *x, size_t n)
{
  size_t i = 0;

  for (; i + 4 <= n; i += 4)
    vst1q_f32 (x + i, gelu4 (vld1q_f32 (x + i)));
  for (; i < n; i++)
    x[i] = bmk_gelu_scalar (x[i]);
}

void
bmk_norm_fill_dotprod (BmkTable *t)
{
  t->layer_norm = layer_norm;
  t->gelu = gelu;
}
