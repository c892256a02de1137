/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pointwise: panels of 16 outputs, the last of 8 where they don't divide. A vector is four outputs by four inputs; the pixels meet
 * it four inputs at a time, by element of a vector of 16. Packed, per panel: corrections, then [cin / 4][outputs][4]. */
#include "conv-neon.h"

#define PANEL 16

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return cout * (cin + sizeof (int32_t));
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0 */
static void
pack_rows (uint8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  memset (dst, 0, pointwise_packed_size (cout, cin));
  for (size_t first = 0, n; first < cout; first += n, dst += n * (cin + sizeof (int32_t))) {
    n = cout - first < PANEL ? cout - first : PANEL;
    for (size_t o = 0; o < n; o++) {
      const int8_t *row = rows + (first + o) * width;
      int32_t sum = 0;
      for (size_t k = 0; k < width; k++) {
        dst[n * sizeof sum + k / 4 * 4 * n + o * 4 + k % 4] = (uint8_t) row[k];
        sum += row[k];
      }
      sum *= CORRECTION;
      memcpy (dst + o * sizeof sum, &sum, sizeof sum);
    }
  }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

/* Not the intrinsic: with that, gcc 12 moves sums about. */
#define DOT(a, w, x, e) __asm__ ("sdot %0.4s, %1.16b, %2.4b[" #e "]" : "+w" (a) : "w" (w), "w" (x))

/* Four inputs, element e of the pixels. */
#define STEP(e) do { \
  UNROLL \
  for (size_t v = 0; v < n; v++) { \
    const int8x16_t weights = vld1q_s8 (w + 16 * v); \
    UNROLL \
    for (size_t i = 0; i < np; i++) \
      DOT (acc[i][v], weights, four[i], e); \
  } \
  w += 16 * n; \
  /* else gcc loads the next step's weights into registers that are not there */ \
  __asm__ volatile (""); \
} while (0)
#define LOAD(expression) do { \
  UNROLL \
  for (size_t i = 0; i < np; i++) { \
    const uint8_t *at = x + i * c->cin; \
    four[i] = PIXELS (expression); \
  } \
} while (0)

INLINE uint8x16_t
load_four (const uint8_t *x)
{
  uint32_t v;

  memcpy (&v, x, sizeof v);
  return vreinterpretq_u8_u32 (vdupq_n_u32 (v));
}

/* np pixels and a panel of 4 * n outputs. start: [4 * n], what the sums start with */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, const int32_t *start, size_t o,
    const size_t np, const size_t n)
{
  int32x4_t acc[8][4];
  Pixels four[8];
  const int16x8_t zero = vdupq_n_s16 ((int16_t) c->zero);
  const float rmult = c->rmult;
  size_t k = 0;

  UNROLL
  for (size_t i = 0; i < np; i++)
    UNROLL
    for (size_t v = 0; v < n; v++)
      acc[i][v] = vld1q_s32 (start + 4 * v);
  for (; k + 16 <= c->cin; k += 16, x += 16) {
    LOAD (vld1q_u8 (at));
    STEP (0);
    STEP (1);
    STEP (2);
    STEP (3);
  }
  if (k + 8 <= c->cin) {
    LOAD (vcombine_u8 (vld1_u8 (at), vdup_n_u8 (0)));
    STEP (0);
    STEP (1);
    k += 8;
    x += 8;
  }
  if (k < c->cin) {
    LOAD (load_four (at));
    STEP (0);
  }
  UNROLL
  for (size_t i = 0; i < np; i++)
    UNROLL
    for (size_t v = 0; v < n; v += 2) {
      const size_t at = i * c->cout + 4 * v;
      const float *mult = c->mult + o + 4 * v;
      vst1_u8 (y + at, codes (acc[i][v], acc[i][v + 1], vld1q_f32 (mult), vld1q_f32 (mult + 4), r ? r + at : NULL, rmult,
              zero));
    }
}

/* Pixels that meet all weights before the next ones. */
#define BLOCK 256

INLINE void
panel (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, const int32_t *start, size_t o,
    size_t p, const size_t np, const size_t n)
{
  size_t i = 0;

  for (; i + np <= p; i += np)
    tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, start, o, np, n);
  for (; i < p; i++)
    tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, start, o, 1, n);
}

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  const uint8_t *data = c->data;

  for (size_t o = 0, n; o < c->cout; o += n, data += n * (c->cin + sizeof (int32_t))) {
    int32_t start[PANEL];
    n = c->cout - o < PANEL ? c->cout - o : PANEL;
    memcpy (start, data, n * sizeof *start);
    for (size_t i = 0; i < n; i++)
      start[i] = (int32_t) ((uint32_t) start[i] + (uint32_t) c->bias[o + i]);
    if (n == PANEL)
      panel (y, x, r, c, (const int8_t *) data + n * sizeof *start, start, o, p, 4, 4);
    else
      panel (y, x, r, c, (const int8_t *) data + n * sizeof *start, start, o, p, 8, 2);
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

void
bmk_conv_fill_dotprod (BmkTable *t)
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
