/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exp-scalar.h"
#include "kernels-internal.h"

float
bmk_dot (const float *a, const float *b, size_t n)
{
  return bmk_table.dot (a, b, n);
}

float
bmk_sum (const float *x, size_t n)
{
  return bmk_table.sum (x, n);
}

void
bmk_add (float *y, const float *x, size_t n)
{
  bmk_table.add (y, x, n);
}

void
bmk_blend (float *y, const float *x, float keep, float take, size_t n)
{
  bmk_table.blend (y, x, keep, take, n);
}

float
bmk_exp (float x)
{
  return bmk_exp_scalar (x);
}

/* The logarithm in double: whichever variant libm picks for this CPU, the float is the same. */
float
bmk_log_sum_exp (const float *x, size_t n)
{
  float max;
  float sum = bmk_table.sum_exp (x, n, &max);

  return max + (float) log ((double) sum);
}
