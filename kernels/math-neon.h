/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The canonical order in four 4-lane registers, and exp, as in lanes-scalar.h and exp-scalar.h. */
#pragma once

#include <arm_neon.h>

#include "kernels-internal.h"

typedef struct {
  float32x4_t v[4];
} Lanes;

static inline Lanes
bmk_zero_neon (void)
{
  const float32x4_t z = vdupq_n_f32 (0.0f);

  return (Lanes) { { z, z, z, z } };
}

static inline float
bmk_fold_neon (Lanes a)
{
  float32x4_t s = vaddq_f32 (vaddq_f32 (a.v[0], a.v[2]), vaddq_f32 (a.v[1], a.v[3]));
  float32x2_t h = vadd_f32 (vget_low_f32 (s), vget_high_f32 (s));

  return vget_lane_f32 (h, 0) + vget_lane_f32 (h, 1);
}

/* x: the last n < 16 of a row, whose missing lanes are +0. */
static inline Lanes
bmk_tail_neon (const float *x, size_t n)
{
  float lanes[16] = { 0 };

  memcpy (lanes, x, n * sizeof *x);
  return (Lanes) { { vld1q_f32 (lanes), vld1q_f32 (lanes + 4), vld1q_f32 (lanes + 8), vld1q_f32 (lanes + 12) } };
}

static inline Lanes
bmk_load_neon (const float *x)
{
  return (Lanes) { { vld1q_f32 (x), vld1q_f32 (x + 4), vld1q_f32 (x + 8), vld1q_f32 (x + 12) } };
}

static inline float32x4_t
bmk_exp_neon (float32x4_t x)
{
  const float32x4_t magic = vdupq_n_f32 (BMK_EXP_MAGIC);
  float32x4_t t, n, r, p;
  uint32x4_t keep, bits;

  /* min as the scalar tier's comparison makes it: what is not below is the limit */
  x = vbslq_f32 (vcltq_f32 (x, vdupq_n_f32 (BMK_EXP_HIGH)), x, vdupq_n_f32 (BMK_EXP_HIGH));
  keep = vcgeq_f32 (x, vdupq_n_f32 (BMK_EXP_LOW));
  t = vaddq_f32 (vmulq_f32 (x, vdupq_n_f32 (BMK_EXP_LOG2E)), magic);
  n = vsubq_f32 (t, magic);
  r = vsubq_f32 (x, vmulq_f32 (n, vdupq_n_f32 (BMK_EXP_LN2_HIGH)));
  r = vsubq_f32 (r, vmulq_f32 (n, vdupq_n_f32 (BMK_EXP_LN2_LOW)));
  p = vaddq_f32 (vmulq_f32 (vdupq_n_f32 (BMK_EXP_C5), r), vdupq_n_f32 (BMK_EXP_C4));
  p = vaddq_f32 (vmulq_f32 (p, r), vdupq_n_f32 (BMK_EXP_C3));
  p = vaddq_f32 (vmulq_f32 (p, r), vdupq_n_f32 (BMK_EXP_C2));
  p = vaddq_f32 (vmulq_f32 (p, r), vdupq_n_f32 (BMK_EXP_C1));
  p = vaddq_f32 (vmulq_f32 (p, r), vdupq_n_f32 (BMK_EXP_C0));
  p = vaddq_f32 (vmulq_f32 (p, vmulq_f32 (r, r)), r);
  p = vaddq_f32 (p, vdupq_n_f32 (1.0f));
  bits = vaddq_u32 (vshlq_n_u32 (vreinterpretq_u32_f32 (t), 23), vdupq_n_u32 (0x3f800000));
  p = vmulq_f32 (p, vreinterpretq_f32_u32 (bits));
  return vreinterpretq_f32_u32 (vandq_u32 (vreinterpretq_u32_f32 (p), keep));
}

static inline float
bmk_max_neon (const float *x, size_t n)
{
  float32x4_t top = vdupq_n_f32 (x[0]);
  float most;
  size_t i = 0;

  for (; i + 4 <= n; i += 4)
    top = vmaxq_f32 (top, vld1q_f32 (x + i));
  most = vmaxvq_f32 (top);
  for (; i < n; i++)
    most = x[i] > most ? x[i] : most;
  return most;
}
