/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "math-neon.h"

static float
dot (const float *a, const float *b, size_t n)
{
  Lanes acc = bmk_zero_neon ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 4; j++)
      acc.v[j] = vaddq_f32 (acc.v[j], vmulq_f32 (vld1q_f32 (a + i + 4 * j), vld1q_f32 (b + i + 4 * j)));
  if (i < n) {
    Lanes x = bmk_tail_neon (a + i, n - i), y = bmk_tail_neon (b + i, n - i);
    for (int j = 0; j < 4; j++)
      acc.v[j] = vaddq_f32 (acc.v[j], vmulq_f32 (x.v[j], y.v[j]));
  }
  return bmk_fold_neon (acc);
}

static float
sum (const float *x, size_t n)
{
  Lanes acc = bmk_zero_neon ();

  for (size_t i = 0; i < n; i += 16) {
    Lanes v = n - i < 16 ? bmk_tail_neon (x + i, n - i) : bmk_load_neon (x + i);
    for (int j = 0; j < 4; j++)
      acc.v[j] = vaddq_f32 (acc.v[j], v.v[j]);
  }
  return bmk_fold_neon (acc);
}

static float
sum_exp (const float *x, size_t n, float *max)
{
  const float top = bmk_max_neon (x, n);
  Lanes acc = bmk_zero_neon ();
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 4; j++)
      acc.v[j] = vaddq_f32 (acc.v[j], bmk_exp_neon (vsubq_f32 (vld1q_f32 (x + i + 4 * j), vdupq_n_f32 (top))));
  if (i < n) {
    float e[16] = { 0 };
    Lanes v = bmk_tail_neon (x + i, n - i);
    for (int j = 0; j < 4; j++)
      vst1q_f32 (e + 4 * j, bmk_exp_neon (vsubq_f32 (v.v[j], vdupq_n_f32 (top))));
    v = bmk_tail_neon (e, n - i);
    for (int j = 0; j < 4; j++)
      acc.v[j] = vaddq_f32 (acc.v[j], v.v[j]);
  }
  *max = top;
  return bmk_fold_neon (acc);
}

static size_t
above (uint8_t *at, const float *x, size_t n, float cut)
{
  size_t count = 0, i = 0;

  for (; i + 4 <= n; i += 4)
    if (vmaxvq_u32 (vcgtq_f32 (vld1q_f32 (x + i), vdupq_n_f32 (cut))))
      for (size_t j = i; j < i + 4; j++)
        if (x[j] > cut)
          at[count++] = (uint8_t) j;
  for (; i < n; i++)
    if (x[i] > cut)
      at[count++] = (uint8_t) i;
  return count;
}

void
bmk_elementwise_fill_dotprod (BmkTable *t)
{
  t->dot = dot;
  t->sum = sum;
  t->sum_exp = sum_exp;
  t->above = above;
}
