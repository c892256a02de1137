/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of the NEON tiers: how sums become codes, and the depthwise ones. The tier says how signed weights meet unsigned
 * pixels: with MIXED it has an instruction; without, the pixels are taken minus 128, and 128 times the weights' sum, kept with the
 * weights, starts the sums. */
#pragma once

#include <arm_neon.h>

#include "conv-internal.h"

#define INLINE static inline __attribute__ ((always_inline))
#ifdef __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 10")
#endif

#ifdef MIXED
#define PIXELS(x) (x)
#define VDOT(acc, w, x) vusdotq_s32 (acc, x, w)
#define CORRECTION 0
typedef uint8x16_t Pixels;
#else
#define PIXELS(x) vreinterpretq_s8_u8 (veorq_u8 (x, vdupq_n_u8 (0x80)))
#define VDOT(acc, w, x) vdotq_s32 (acc, x, w)
#define CORRECTION 128
typedef int8x16_t Pixels;
#endif

/* The conversions saturate at either end; what is no number is the upper limit in every tier. */
INLINE int16x4_t
rounded (float32x4_t f)
{
  return vqmovn_s32 (vcvtnq_s32_f32 (vminnmq_f32 (f, vdupq_n_f32 (BMK_CONV_LIMIT))));
}

/* Eight codes of a pixel. m0, m1: their factors; r: their residuals, or NULL */
INLINE uint8x8_t
codes (int32x4_t a, int32x4_t b, float32x4_t m0, float32x4_t m1, const uint8_t *r, float rmult, int16x8_t zero)
{
  float32x4_t low = vmulq_f32 (vcvtq_f32_s32 (a), m0), high = vmulq_f32 (vcvtq_f32_s32 (b), m1);

  if (r) {
    const int16x8_t d = vreinterpretq_s16_u16 (vsubl_u8 (vld1_u8 (r), vdup_n_u8 (128)));
    low = vaddq_f32 (low, vmulq_n_f32 (vcvtq_f32_s32 (vmovl_s16 (vget_low_s16 (d))), rmult));
    high = vaddq_f32 (high, vmulq_n_f32 (vcvtq_f32_s32 (vmovl_high_s16 (d)), rmult));
  }
  return vqmovun_s16 (vqaddq_s16 (vcombine_s16 (rounded (low), rounded (high)), zero));
}

/* ---- Depthwise ----
 *
 * Eight channels at a time. The samples of four rows of a column are brought together, so that one dot product serves four taps
 * of four channels; of kernels of 5 the fifth row follows by itself. A column once brought together serves as many outputs as
 * the kernel is wide. Packed, per 8 channels: corrections [8], then [rows in fours][column of the kernel][8][4]. */

#define OUTPUTS 32              /* in a row, whose columns are kept */
#define COLUMNS (2 * (OUTPUTS - 1) + 5)
#define GROUPS(kernel) ((kernel) == 3 ? 1 : 2)
#define HEAD (8 * sizeof (int32_t))

static size_t
depthwise_packed_size (size_t channels, int kernel)
{
  return channels / 8 * (HEAD + (size_t) (GROUPS (kernel) * kernel) * 32);
}

static void
depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  const size_t edge = (size_t) kernel, size = depthwise_packed_size (8, kernel);

  memset (dst, 0, depthwise_packed_size (channels, kernel));
  for (size_t o = 0; o < channels; o++) {
    uint8_t *block = (uint8_t *) dst + o / 8 * size;
    int32_t sum = 0;
    for (size_t t = 0; t < edge * edge; t++) {
      const size_t y = t / edge, x = t % edge;
      block[HEAD + (y / 4 * edge + x) * 32 + o % 8 * 4 + y % 4] = (uint8_t) taps[t * channels + o];
      sum += taps[t * channels + o];
    }
    sum *= CORRECTION;
    memcpy (block + o % 8 * sizeof sum, &sum, sizeof sum);
  }
}

/* The rows that an output row meets, of which those outside are nothing but one zero sample. */
typedef struct {
  const uint8_t *row[5];
  size_t step[5];
} Rows;

/* Eight channels of one sample each from up to four rows -> two vectors of four channels. */
INLINE void
gather (Pixels *to, uint8x8_t a, uint8x8_t b, uint8x8_t c, uint8x8_t d)
{
  const uint8x8_t zero = vdup_n_u8 (0);
  const uint8x16_t ab = vzip1q_u8 (vcombine_u8 (a, zero), vcombine_u8 (b, zero));
  const uint8x16_t cd = vzip1q_u8 (vcombine_u8 (c, zero), vcombine_u8 (d, zero));
  const uint16x8_t x = vreinterpretq_u16_u8 (ab), y = vreinterpretq_u16_u8 (cd);

  to[0] = PIXELS (vreinterpretq_u8_u16 (vzip1q_u16 (x, y)));
  to[1] = PIXELS (vreinterpretq_u8_u16 (vzip2q_u16 (x, y)));
}

/* Columns from..from+n-1, which may lie outside. */
INLINE void
columns (Pixels (*to)[4], const Rows *r, ptrdiff_t from, size_t n, size_t w, const int kernel)
{
  const uint8x8_t zero = vdup_n_u8 (0);

  for (size_t i = 0; i < n; i++) {
    const size_t x = (size_t) (from + (ptrdiff_t) i);
    if (x >= w) {
      gather (to[i], zero, zero, zero, zero);
      gather (to[i] + 2, zero, zero, zero, zero);
      continue;
    }
    gather (to[i], vld1_u8 (r->row[0] + x * r->step[0]), vld1_u8 (r->row[1] + x * r->step[1]),
        vld1_u8 (r->row[2] + x * r->step[2]), kernel == 3 ? zero : vld1_u8 (r->row[3] + x * r->step[3]));
    if (kernel == 5)
      gather (to[i] + 2, vld1_u8 (r->row[4] + x * r->step[4]), zero, zero, zero);
  }
}

/* Signed sums must not wrap in C, not even those of vectors. */
INLINE int32x4_t
wrapped_sum (int32x4_t a, int32x4_t b)
{
  return vreinterpretq_s32_u32 (vaddq_u32 (vreinterpretq_u32_s32 (a), vreinterpretq_u32_s32 (b)));
}

/* n outputs side by side, whose columns begin with x. */
INLINE void
outputs (uint8_t *y, Pixels (*x)[4], const uint8_t *block, const BmkConv *c, size_t o, const size_t n, const int kernel,
    const size_t stride)
{
  const int8_t *w = (const int8_t *) block + HEAD;
  const float32x4_t m0 = vld1q_f32 (c->mult + o), m1 = vld1q_f32 (c->mult + o + 4);
  const int32_t *head = (const int32_t *) block, *bias = c->bias + o;
  const int32x4_t low = wrapped_sum (vld1q_s32 (head), vld1q_s32 (bias));
  const int32x4_t high = wrapped_sum (vld1q_s32 (head + 4), vld1q_s32 (bias + 4));
  const int16x8_t zero = vdupq_n_s16 ((int16_t) c->zero);
  const size_t steps = (size_t) (GROUPS (kernel) * kernel), cout = c->cout;
  int32x4_t acc[4][2];

  UNROLL
  for (size_t i = 0; i < n; i++) {
    acc[i][0] = low;
    acc[i][1] = high;
  }
  UNROLL
  for (size_t t = 0; t < steps; t++) {
    const int8x16_t w0 = vld1q_s8 (w + 32 * t), w1 = vld1q_s8 (w + 32 * t + 16);
    const size_t kx = t % (size_t) kernel, g = t / (size_t) kernel;
    UNROLL
    for (size_t i = 0; i < n; i++) {
      acc[i][0] = VDOT (acc[i][0], w0, x[i * stride + kx][2 * g]);
      acc[i][1] = VDOT (acc[i][1], w1, x[i * stride + kx][2 * g + 1]);
    }
  }
  UNROLL
  for (size_t i = 0; i < n; i++)
    vst1_u8 (y + i * cout, codes (acc[i][0], acc[i][1], m0, m1, NULL, 0.0f, zero));
}

/* A row of outputs, 8 channels from o on. */
INLINE void
depthwise_row (uint8_t *y, const Rows *r, const uint8_t *block, const BmkConv *c, size_t o, size_t w, const int kernel,
    const size_t stride)
{
  const size_t wo = bmk_conv_out (w, (int) stride);
  const ptrdiff_t pad = bmk_conv_pad (w, kernel, (int) stride);
  Pixels x[COLUMNS][4];

  for (size_t j = 0, n; j < wo; j += n) {
    size_t i = 0;
    n = wo - j < OUTPUTS ? wo - j : OUTPUTS;
    columns (x, r, (ptrdiff_t) (j * stride) - pad, (n - 1) * stride + (size_t) kernel, w, kernel);
    for (; i + 4 <= n; i += 4)
      outputs (y + (j + i) * c->cout + o, x + i * stride, block, c, o, 4, kernel, stride);
    for (; i < n; i++)
      outputs (y + (j + i) * c->cout + o, x + i * stride, block, c, o, 1, kernel, stride);
  }
}

INLINE void
depthwise_rows (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w, const int kernel, const size_t stride)
{
  static const uint8_t nothing[8];
  const size_t ho = bmk_conv_out (h, (int) stride), wo = bmk_conv_out (w, (int) stride), size = depthwise_packed_size (8, kernel);
  const ptrdiff_t pad = bmk_conv_pad (h, kernel, (int) stride);

  for (size_t i = 0; i < ho; i++)
    for (size_t o = 0; o < c->cout; o += 8) {
      const uint8_t *block = (const uint8_t *) c->data + o / 8 * size;
      Rows r;
      for (size_t k = 0; k < (size_t) kernel; k++) {
        const size_t at = i * stride + k - (size_t) pad;
        r.row[k] = at < h ? x + at * w * c->cout + o : nothing;
        r.step[k] = at < h ? c->cout : 0;
      }
      depthwise_row (y + i * wo * c->cout, &r, block, c, o, w, kernel, stride);
    }
}

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  if (c->kernel == 3 && c->stride == 1)
    depthwise_rows (y, x, c, h, w, 3, 1);
  else if (c->kernel == 3)
    depthwise_rows (y, x, c, h, w, 3, 2);
  else if (c->stride == 1)
    depthwise_rows (y, x, c, h, w, 5, 1);
  else
    depthwise_rows (y, x, c, h, w, 5, 2);
}
