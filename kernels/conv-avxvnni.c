/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pointwise: two vectors of weights are 16 outputs by 4 inputs, pixels are broadcast four bytes at a time. */
#include "conv-avx2.h"

#define TILE 6                  /* pixels: 12 sums, 2 vectors of weights, a broadcast */
#define BLOCK 96                /* a multiple of TILE */

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * cin;
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. dst: [16 outputs][cin / 4][16][4] */
static void
pack_rows (int8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  for (size_t o = 0; o < cout; o += 16)
    for (size_t k = 0; k < cin; k += 4)
      for (size_t i = 0; i < 64; i++) {
        size_t row = o + i / 4, col = k + i % 4;
        *dst++ = row < cout && col < width ? rows[row * width + col] : 0;
      }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

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

INLINE __m256i
dot (__m256i acc, __m256i a, __m256i w)
{
  __asm__ ("%{vex%} vpdpbusd %2, %1, %0" : "+x" (acc) : "x" (a), "x" (w));
  return acc;
}

/* TILE pixels by 16 outputs, of which the first n pixels are real. */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, const Requant *q, size_t n)
{
  __m256i low[TILE], high[TILE];
  const uint8_t *in[TILE];

  UNROLL
  for (size_t i = 0; i < TILE; i++) {
    in[i] = x + (i < n ? i : n - 1) * c->cin;
    low[i] = _mm256_loadu_si256 ((const __m256i *) q->bias);
    high[i] = _mm256_loadu_si256 ((const __m256i *) (q->bias + 8));
  }
  for (size_t k = 0; k < c->cin; k += 4, w += 64) {
    const __m256i w0 = _mm256_load_si256 ((const __m256i *) w), w1 = _mm256_load_si256 ((const __m256i *) w + 1);
    UNROLL
    for (size_t i = 0; i < TILE; i++) {
      int32_t four;
      memcpy (&four, in[i] + k, 4);
      const __m256i a = _mm256_set1_epi32 (four);
      low[i] = dot (low[i], a, w0);
      high[i] = dot (high[i], a, w1);
    }
  }
  UNROLL
  for (size_t i = 0; i < TILE; i++)
    if (i < n)
      requant_store (y + i * c->cout, r ? r + i * c->cout : NULL, q, low[i], high[i]);
}

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  const int8_t *w = c->data;

  for (size_t o = 0; o < c->cout; o += 16, w += 16 * c->cin) {
    Requant q;
    requant_init (&q, c, o);
    for (size_t i = 0; i < p; i += TILE)
      tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, &q, p - i < TILE ? p - i : TILE);
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0; i < p; i += BLOCK)
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, p - i < BLOCK ? p - i : BLOCK);
}

void
bmk_conv_fill_avxvnni (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
}
