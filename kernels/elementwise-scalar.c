/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exp-scalar.h"
#include "lanes-scalar.h"

static float
dot (const float *a, const float *b, size_t n)
{
  return bmk_dot_scalar (a, b, n);
}

static float
sum (const float *x, size_t n)
{
  return bmk_sum_scalar (x, n);
}

static float
sum_exp (const float *x, size_t n, float *max)
{
  float lane[16] = { 0 };
  float top = x[0];

  for (size_t i = 1; i < n; i++)
    top = x[i] > top ? x[i] : top;
  for (size_t i = 0; i < n; i++)
    lane[i % 16] += bmk_exp_scalar (x[i] - top);
  *max = top;
  return bmk_fold_lanes (lane);
}

static size_t
above (uint8_t *at, const float *x, size_t n, float cut)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    if (x[i] > cut)
      at[count++] = (uint8_t) i;
  return count;
}

/* As ORC does: a subnormal number is a zero of its sign. */
static float
normal (float x)
{
  return fabsf (x) < 0x1p-126f ? copysignf (0.0f, x) : x;
}

static void
add (float *y, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = normal (normal (y[i]) + normal (x[i]));
}

static void
blend (float *y, const float *x, float keep, float take, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    float a = normal (normal (y[i]) * normal (keep)), b = normal (normal (x[i]) * normal (take));
    y[i] = normal (a + b);
  }
}

void
bmk_elementwise_fill_scalar (BmkTable *t)
{
  t->dot = dot;
  t->sum = sum;
  t->sum_exp = sum_exp;
  t->above = above;
  t->add = add;
  t->blend = blend;
}
