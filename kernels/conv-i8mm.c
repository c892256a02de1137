/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* USMMLA multiplies two pixels by two outputs, eight inputs each, USDOT one by one: unsigned by signed, without corrections.
 * Pointwise: panels of 16 outputs, the last of 8 where they don't divide, packed as [cin / 8][outputs][8]. The stem's 28 inputs
 * count as 32, the last four of weight 0: its patches may be read beyond. */
#define MIXED
#include "conv-neon.h"

#define PANEL 16

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return cout * bmk_align_up (cin, 8);
}

/* rows: [cout][width] */
static void
pack_rows (int8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  memset (dst, 0, pointwise_packed_size (cout, cin));
  for (size_t first = 0, n; first < cout; first += n, dst += pointwise_packed_size (n, cin)) {
    n = cout - first < PANEL ? cout - first : PANEL;
    for (size_t o = 0; o < n; o++)
      for (size_t k = 0; k < width; k++)
        dst[k / 8 * 8 * n + o * 8 + k % 8] = rows[(first + o) * width + k];
  }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

/* Not the intrinsic, so that nothing moves sums about. */
#define DOT(a, x, w) __asm__ ("usmmla %0.4s, %1.16b, %2.16b" : "+w" (a) : "w" (x), "w" (w))

/* Codes of a pixel, half h of the sums. */
INLINE void
finish (uint8_t *y, const uint8_t *r, const BmkConv *c, const int32x4_t *acc, size_t o, const size_t n, const int h)
{
  UNROLL
  for (size_t v = 0; v < n; v += 4) {
    int32x4_t s[2];
    UNROLL
    for (size_t i = 0; i < 2; i++) {
      const int64x2_t a = vreinterpretq_s64_s32 (acc[v + 2 * i]), b = vreinterpretq_s64_s32 (acc[v + 2 * i + 1]);
      s[i] = vreinterpretq_s32_s64 (h ? vzip2q_s64 (a, b) : vzip1q_s64 (a, b));
    }
    vst1_u8 (y + 2 * v, codes (s[0], s[1], vld1q_f32 (c->mult + o + 2 * v), vld1q_f32 (c->mult + o + 2 * v + 4),
            r ? r + 2 * v : NULL, c->rmult, vdupq_n_s16 ((int16_t) c->zero)));
  }
}

/* 2 * np pixels, the last of which may be `second` = 0 further and not be there, and a panel of 2 * n outputs. */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, size_t o, size_t second, const size_t np,
    const size_t n)
{
  int32x4_t acc[4][8];

  UNROLL
  for (size_t v = 0; v < n; v++) {
    const int32x2_t two = vld1_s32 (c->bias + o + 2 * v);
    UNROLL
    for (size_t i = 0; i < np; i++)
      acc[i][v] = vcombine_s32 (two, two);
  }
  for (size_t k = 0; k < c->cin; k += 8, w += 16 * n) {
    uint8x16_t two[4];
    UNROLL
    for (size_t i = 0; i < np; i++)
      two[i] = vcombine_u8 (vld1_u8 (x + 2 * i * c->cin + k), vld1_u8 (x + 2 * i * c->cin + second + k));
    UNROLL
    for (size_t v = 0; v < n; v++) {
      const int8x16_t weights = vld1q_s8 (w + 16 * v);
      UNROLL
      for (size_t i = 0; i < np; i++)
        DOT (acc[i][v], two[i], weights);
    }
  }
  UNROLL
  for (size_t i = 0; i < np; i++) {
    const size_t at = 2 * i * c->cout;
    finish (y + at, r ? r + at : NULL, c, acc[i], o, n, 0);
    if (second)
      finish (y + at + c->cout, r ? r + at + c->cout : NULL, c, acc[i], o, n, 1);
  }
}

/* Pixels that meet all weights before the next ones. */
#define BLOCK 256

INLINE void
panel (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, size_t o, size_t p, const size_t np,
    const size_t n)
{
  size_t i = 0;

  for (; i + 2 * np <= p; i += 2 * np)
    tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, o, c->cin, np, n);
  for (; i < p; i += 2)
    tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, o, i + 1 < p ? c->cin : 0, 1, n);
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0, n; i < p; i += n, y += n * c->cout, x += n * c->cin, r = r ? r + n * c->cout : NULL) {
    const int8_t *w = c->data;
    size_t o = 0;
    n = p - i < BLOCK ? p - i : BLOCK;
    for (; o + PANEL <= c->cout; o += PANEL, w += pointwise_packed_size (PANEL, c->cin))
      panel (y, x, r, c, w, o, n, 2, 8);
    if (o < c->cout)
      panel (y, x, r, c, w, o, n, 4, 4);
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

void
bmk_conv_fill_i8mm (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->depthwise_packed_size = depthwise_packed_size;
  t->depthwise_pack = depthwise_pack;
  t->depthwise = depthwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
  t->stem = bmk_stem_patch;
}
