/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of the NEON tiers. Pointwise: panels of 16 outputs, a vector being four of them by four inputs; pixels are
 * broadcast four bytes at a time, by element of a vector. The tier says how signed weights meet unsigned pixels: with MIXED it
 * has an instruction; without, the pixels are taken minus 128, and 128 times the weights' sum, kept in front of each panel, starts
 * the sums. */
#pragma once

#include <arm_neon.h>

#include "conv-internal.h"

#define INLINE static inline __attribute__ ((always_inline))
#define PANEL 16
#define TILE 4                  /* pixels */

/* What TF calls requantisation, of four outputs; r: their residuals minus 128, or NULL */
INLINE int32x4_t
requantized (int32x4_t acc, float32x4_t mult, const int32x4_t *r, float rmult, int zero)
{
  float32x4_t f = vmulq_f32 (vcvtq_f32_s32 (acc), mult);

  if (r)
    f = vaddq_f32 (f, vmulq_f32 (vcvtq_f32_s32 (*r), vdupq_n_f32 (rmult)));
  f = vminq_f32 (vmaxq_f32 (f, vdupq_n_f32 (-BMK_CONV_LIMIT)), vdupq_n_f32 (BMK_CONV_LIMIT));
  return vaddq_s32 (vcvtnq_s32_f32 (f), vdupq_n_s32 (zero));
}

INLINE uint8x8_t
saturated (int32x4_t a, int32x4_t b)
{
  return vqmovun_s16 (vcombine_s16 (vqmovn_s32 (a), vqmovn_s32 (b)));
}

/* The sums of one pixel and `count` (8 or 16) outputs from o on. */
static inline void
finish (uint8_t *y, const uint8_t *r, const BmkConv *c, size_t o, const int32x4_t *acc, size_t count)
{
  for (size_t i = 0; i < count; i += 8) {
    const float32x4_t m0 = vld1q_f32 (c->mult + o + i), m1 = vld1q_f32 (c->mult + o + i + 4);
    if (r) {
      const int16x8_t d = vreinterpretq_s16_u16 (vsubl_u8 (vld1_u8 (r + i), vdup_n_u8 (128)));
      const int32x4_t r0 = vmovl_s16 (vget_low_s16 (d)), r1 = vmovl_s16 (vget_high_s16 (d));
      vst1_u8 (y + i, saturated (requantized (acc[i / 4], m0, &r0, c->rmult, c->zero),
              requantized (acc[i / 4 + 1], m1, &r1, c->rmult, c->zero)));
    } else {
      vst1_u8 (y + i, saturated (requantized (acc[i / 4], m0, NULL, 0.0f, c->zero),
              requantized (acc[i / 4 + 1], m1, NULL, 0.0f, c->zero)));
    }
  }
}

/* ---- Pointwise ---- */

#define CORRECTIONS (PANEL * sizeof (int32_t))

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, PANEL) / PANEL * (CORRECTIONS + PANEL * cin);
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. dst: per panel the corrections, then
 * [cin / 4][16 outputs][4 inputs] */
static void
pack_rows (uint8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  memset (dst, 0, pointwise_packed_size (cout, cin));
  for (size_t o = 0; o < cout; o++) {
    uint8_t *panel = dst + o / PANEL * (CORRECTIONS + PANEL * cin);
    int32_t sum = 0;
    for (size_t k = 0; k < width; k++) {
      panel[CORRECTIONS + k / 4 * 4 * PANEL + o % PANEL * 4 + k % 4] = (uint8_t) rows[o * width + k];
      sum += rows[o * width + k];
    }
    sum *= 128;
    memcpy (panel + o % PANEL * sizeof sum, &sum, sizeof sum);
  }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

#ifdef MIXED
#define PIXELS(x) (x)
#define DOT(acc, w, x) vusdotq_s32 (acc, x, w)
typedef uint8x16_t Pixels;
#else
#define PIXELS(x) vreinterpretq_s8_u8 (veorq_u8 (x, vdupq_n_u8 (0x80)))
#define DOT(acc, w, x) vdotq_s32 (acc, x, w)
typedef int8x16_t Pixels;
#endif

/* Four inputs of a pixel, as often as there are outputs in a vector. */
INLINE Pixels
broadcast (const uint8_t *x)
{
  uint32_t four;

  memcpy (&four, x, sizeof four);
  return PIXELS (vreinterpretq_u8_u32 (vdupq_n_u32 (four)));
}

/* np pixels and one panel */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const uint8_t *panel, const int32_t *start, size_t o,
    size_t count, const int np)
{
  int32x4_t acc[TILE][4];
  const int8_t *w = (const int8_t *) panel + CORRECTIONS;

#pragma GCC unroll 4
  for (int i = 0; i < np; i++)
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
      acc[i][v] = vld1q_s32 (start + 4 * v);
  for (size_t k = 0; k < c->cin; k += 4, w += 4 * PANEL) {
    const int8x16_t w0 = vld1q_s8 (w), w1 = vld1q_s8 (w + 16), w2 = vld1q_s8 (w + 32), w3 = vld1q_s8 (w + 48);
#pragma GCC unroll 4
    for (int i = 0; i < np; i++) {
      const Pixels four = broadcast (x + (size_t) i * c->cin + k);
      acc[i][0] = DOT (acc[i][0], w0, four);
      acc[i][1] = DOT (acc[i][1], w1, four);
      acc[i][2] = DOT (acc[i][2], w2, four);
      acc[i][3] = DOT (acc[i][3], w3, four);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < np; i++)
    finish (y + (size_t) i * c->cout, r ? r + (size_t) i * c->cout : NULL, c, o, acc[i], count);
}

/* Pixels that meet all weights before the next ones. */
#define BLOCK 256

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  const uint8_t *panel = c->data;

  for (size_t o = 0; o < c->cout; o += PANEL, panel += CORRECTIONS + PANEL * c->cin) {
    const size_t count = c->cout - o < PANEL ? c->cout - o : PANEL;
    int32_t start[PANEL] = { 0 };
    size_t i = 0;
#ifndef MIXED
    memcpy (start, panel, sizeof start);
#endif
    for (size_t v = 0; v < count; v++)
      start[v] = (int32_t) ((uint32_t) start[v] + (uint32_t) c->bias[o + v]);
    for (; i + TILE <= p; i += TILE)
      tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, panel, start, o, count, TILE);
    for (; i < p; i++)
      tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, panel, start, o, count, 1);
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0, n; i < p; i += n) {
    n = p - i < BLOCK ? p - i : BLOCK;
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, n);
  }
}

/* ---- Stem ---- */

static size_t
stem_packed_size (size_t cout)
{
  return pointwise_packed_size (cout, BMK_STEM_PATCH);
}

static void
stem_pack (void *dst, const int8_t *rows, size_t cout)
{
  pack_rows (dst, rows, cout, BMK_STEM_PATCH, 27);
}
