/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMMLA multiplies two rows by two tokens, eight inputs each. Panels of 8 rows: per 8 k one vector (ternary), whose bit field f
 * holds rows 2 f and 2 f + 1, or four (int8). A lone token meets itself: no slower than SDOT. */
#include "linear-neon.h"

#define PANEL 8
#define TILE 8                  /* tokens: 16 sums of 2 x 2 */

#define STEP(pair) do { \
  a##pair##0 = vmmlaq_s32 (a##pair##0, x0, q##pair); \
  a##pair##1 = vmmlaq_s32 (a##pair##1, x1, q##pair); \
  a##pair##2 = vmmlaq_s32 (a##pair##2, x2, q##pair); \
  a##pair##3 = vmmlaq_s32 (a##pair##3, x3, q##pair); \
} while (0)
#define SUMS(pair) int32x4_t a##pair##0 = zero, a##pair##1 = zero, a##pair##2 = zero, a##pair##3 = zero
/* Each sum is row 0 token 0, row 0 token 1, row 1 token 0, row 1 token 1: pairs of rows are brought together per token. */
#define KEEP(pair) do { \
  int32x4_t even[4] = { vuzp1q_s32 (a##pair##0, a##pair##0), vuzp1q_s32 (a##pair##1, a##pair##1), \
    vuzp1q_s32 (a##pair##2, a##pair##2), vuzp1q_s32 (a##pair##3, a##pair##3) }; \
  int32x4_t odd[4] = { vuzp2q_s32 (a##pair##0, a##pair##0), vuzp2q_s32 (a##pair##1, a##pair##1), \
    vuzp2q_s32 (a##pair##2, a##pair##2), vuzp2q_s32 (a##pair##3, a##pair##3) }; \
  if (ternary) { \
    separate (even, rows[2 * (pair) < m ? 2 * (pair) : 0].sum); \
    separate (odd, rows[2 * (pair) + 1 < m ? 2 * (pair) + 1 : 0].sum); \
  } \
  for (int f = 0; f < 4; f++) { \
    vst1_s32 (sums[2 * (pair)] + 2 * f, vget_low_s32 (even[f])); \
    vst1_s32 (sums[2 * (pair) + 1] + 2 * f, vget_low_s32 (odd[f])); \
  } \
} while (0)

/* Eight inputs of tokens t and t + 1; one that is not there is the first again. */
INLINE int8x16_t
load_pair (const int8_t *q, size_t k, size_t t, size_t m)
{
  return vcombine_s8 (vld1_s8 (q + (t < m ? t : 0) * k), vld1_s8 (q + (t + 1 < m ? t + 1 : 0) * k));
}

/* m tokens, of which there are `pairs` pairs, against the panel w. */
INLINE void
tile (int32_t (*sums)[PANEL], const int8_t *w, const int8_t *q, const BmkRow *rows, size_t k, size_t m, const int pairs,
    const bool ternary)
{
  const int8x16_t mask1 = vdupq_n_s8 ((int8_t) 0xfc), mask2 = vdupq_n_s8 ((int8_t) 0xf0);
  const int8x16_t mask3 = vdupq_n_s8 ((int8_t) 0xc0);
  const int32x4_t zero = vdupq_n_s32 (0);
  SUMS (0);
  SUMS (1);
  SUMS (2);
  SUMS (3);

  for (size_t j = 0; j < k; j += 8, q += 8, w += ternary ? 16 : 64) {
    const int8x16_t x0 = vld1q_s8 (w), x1 = ternary ? vandq_s8 (x0, mask1) : vld1q_s8 (w + 16);
    const int8x16_t x2 = ternary ? vandq_s8 (x0, mask2) : vld1q_s8 (w + 32);
    const int8x16_t x3 = ternary ? vandq_s8 (x0, mask3) : vld1q_s8 (w + 48);
    const int8x16_t q0 = load_pair (q, k, 0, m), q1 = pairs > 1 ? load_pair (q, k, 2, m) : q0;
    const int8x16_t q2 = pairs > 2 ? load_pair (q, k, 4, m) : q0, q3 = pairs > 3 ? load_pair (q, k, 6, m) : q0;
    STEP (0);
    if (pairs > 1)
      STEP (1);
    if (pairs > 2)
      STEP (2);
    if (pairs > 3)
      STEP (3);
  }
  KEEP (0);
  if (pairs > 1)
    KEEP (1);
  if (pairs > 2)
    KEEP (2);
  if (pairs > 3)
    KEEP (3);
}

INLINE void
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, const bool ternary)
{
  const int8_t *data = w->data;
  const size_t k = w->k;
  int32_t sums[TILE][PANEL];

  for (size_t row = 0; row < w->n; row += PANEL, data += PANEL * k / (ternary ? 4 : 1))
    for (size_t i = 0, count; i < m; i += count) {
      const size_t left = w->n - row;
      count = m - i < TILE ? m - i : TILE;
      if (count <= 2)
        tile (sums, data, q + i * k, rows + i, k, count, 1, ternary);
      else if (count <= 4)
        tile (sums, data, q + i * k, rows + i, k, count, 2, ternary);
      else if (count <= 6)
        tile (sums, data, q + i * k, rows + i, k, count, 3, ternary);
      else
        tile (sums, data, q + i * k, rows + i, k, count, 4, ternary);
      for (size_t t = 0; t < count; t++)
        finish (out, w, i + t, row, sums[t], left < PANEL ? left : PANEL, rows[i + t].inv);
    }
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, true);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, false);
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_align_up (n, PANEL) * (k / 4);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  uint8_t *bytes = dst;

  memset (dst, 0, ternary_packed_size (n, k));
  for (size_t row = 0; row < n; row++)
    for (size_t j = 0; j < k; j++) {
      const unsigned code = codes[row * (k / 4) + j / 4] >> j % 4 * 2 & 3, field = row % PANEL / 2;
      bytes[row / PANEL * PANEL * (k / 4) + j / 8 * 16 + row % 2 * 8 + j % 8] |= (uint8_t) (code << 2 * field);
    }
  for (size_t i = 0; i < ternary_packed_size (n, k); i++)
    bytes[i] = signed_top (bytes[i]);
}

static size_t
int8_packed_size (size_t n, size_t k)
{
  return bmk_align_up (n, PANEL) * k;
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  int8_t *to = dst;

  memset (dst, 0, int8_packed_size (n, k));
  for (size_t row = 0; row < n; row++)
    for (size_t j = 0; j < k; j++)
      to[row / PANEL * PANEL * k + j / 8 * 64 + row % PANEL / 2 * 16 + row % 2 * 8 + j % 8] = rows[row * k + j];
}

void
bmk_linear_fill_i8mm (BmkTable *t)
{
  t->ternary_packed_size = ternary_packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = ternary_linear;
  t->int8_packed_size = int8_packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
