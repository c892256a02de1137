/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMMLA multiplies two rows by two tokens, eight inputs each. Panels of 8 rows: per 8 k one vector (ternary), whose bit field f
 * holds rows 2 f and 2 f + 1, or four (int8). A lone token meets itself: no slower than SDOT. */
#include "linear-neon.h"

#define PANEL 8
#define TILE 8                  /* tokens: 16 sums of 2 x 2 */
#define PAIRS_SIZE 32768        /* the codes of a block's tokens, two and two */
#define MASKED_SIZE 16384       /* a panel, masked */
#define MASK_TOKENS 24          /* fewer, and masking is not worth its stores */

/* Not the intrinsic, so that nothing moves sums about. */
#define DOT(a, x, q) __asm__ ("smmla %0.4s, %1.16b, %2.16b" : "+w" (a) : "w" (x), "w" (q))

#define STEP(p) do { \
  const int8x16_t two = paired ? vld1q_s8 (q + (p) * 2 * k) : vcombine_s8 (vld1_s8 (q), vld1_s8 (q + other)); \
  DOT (a##p##0, x0, two); \
  DOT (a##p##1, x1, two); \
  DOT (a##p##2, x2, two); \
  DOT (a##p##3, x3, two); \
} while (0)
#define SUMS(p) int32x4_t a##p##0 = zero, a##p##1 = zero, a##p##2 = zero, a##p##3 = zero
#define KEEP(p) do { \
  int32x4_t a[4] = { a##p##0, a##p##1, a##p##2, a##p##3 }; \
  finish_pair (b, at + 2 * (p), row, a, ternary); \
} while (0)

/* Each sum is row 0 token 0, row 0 token 1, row 1 token 0, row 1 token 1. */
INLINE void
finish_pair (const Block *b, size_t token, size_t row, int32x4_t *a, const bool ternary)
{
  const bool both = token + 1 < b->m;

  if (ternary) {
    const int32x2_t sum = { b->rows[token].sum, b->rows[both ? token + 1 : token].sum };
    separate (a, vcombine_s32 (sum, sum));
  }
  const int32x4_t even[2] = { vuzp1q_s32 (a[0], a[1]), vuzp1q_s32 (a[2], a[3]) };
  const int32x4_t odd[2] = { vuzp2q_s32 (a[0], a[1]), vuzp2q_s32 (a[2], a[3]) };
  finish (b, token, row, even, 2);
  if (both)
    finish (b, token + 1, row, odd, 2);
}

/* dst: [m / 2][k / 8][2][8]; a token that is not there is the one before it again. */
static void
pair_tokens (int8_t *dst, const int8_t *q, size_t k, size_t m)
{
  for (size_t t = 0; t < m; t += 2, q += 2 * k)
    for (size_t j = 0; j < k; j += 16, dst += 32) {
      const int64x2_t a = vreinterpretq_s64_s8 (vld1q_s8 (q + j));
      const int64x2_t b = t + 1 < m ? vreinterpretq_s64_s8 (vld1q_s8 (q + k + j)) : a;
      vst1q_s8 (dst, vreinterpretq_s8_s64 (vzip1q_s64 (a, b)));
      vst1q_s8 (dst + 16, vreinterpretq_s8_s64 (vzip2q_s64 (a, b)));
    }
}

/* The tokens from `at` on, of which there are `pairs` pairs. q: paired, or [1 or 2][k] */
INLINE void
tile (const Block *b, size_t at, size_t row, const int8_t *w, const int8_t *q, const int pairs, const bool ternary,
    const bool packed, const bool paired)
{
  const int8x16_t mask1 = vdupq_n_s8 (MASK1), mask2 = vdupq_n_s8 (MASK2), mask3 = vdupq_n_s8 (MASK3);
  const int32x4_t zero = vdupq_n_s32 (0);
  const size_t k = b->w->k, other = b->m > 1 ? k : 0;
  const int8_t *end = w + (packed ? 2 : 8) * k;
  SUMS (0);
  SUMS (1);
  SUMS (2);
  SUMS (3);

  for (q += at * k; w < end; q += paired ? 16 : 8, w += packed ? 16 : 64) {
    const int8x16_t x0 = vld1q_s8 (w), x1 = packed ? vandq_s8 (x0, mask1) : vld1q_s8 (w + 16);
    const int8x16_t x2 = packed ? vandq_s8 (x0, mask2) : vld1q_s8 (w + 32);
    const int8x16_t x3 = packed ? vandq_s8 (x0, mask3) : vld1q_s8 (w + 48);
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
panel (const Block *b, size_t row, const int8_t *w, const int8_t *q, const bool ternary, const bool packed, const bool paired)
{
  size_t i = 0;

  for (; paired && i + TILE <= b->m + 1; i += TILE)
    tile (b, i, row, w, q, 4, ternary, packed, true);
  if (paired && i + 4 < b->m)
    tile (b, i, row, w, q, 3, ternary, packed, true);
  else if (paired && i + 2 < b->m)
    tile (b, i, row, w, q, 2, ternary, packed, true);
  else if (i < b->m)
    tile (b, i, row, w, q, 1, ternary, packed, paired);
}

INLINE void
block (const Block *b, const int8_t *q, const bool ternary, const bool paired)
{
  const size_t k = b->w->k, size = PANEL * k / (ternary ? 4 : 1);
  const int8_t *data = b->w->data;
  _Alignas (BMK_ALIGN) int8_t masked[MASKED_SIZE];

  for (size_t row = 0; row < b->w->n; row += PANEL, data += size)
    if (ternary && b->m >= MASK_TOKENS && PANEL * k <= MASKED_SIZE) {
      mask_panel (masked, data, size);
      panel (b, row, masked, q, true, false, paired);
    } else {
      panel (b, row, data, q, ternary, ternary, paired);
    }
}

INLINE void
paired_block (const Block *b, const bool ternary)
{
  _Alignas (BMK_ALIGN) int8_t pairs[PAIRS_SIZE];

  if (b->w->k <= PAIRS_SIZE / 2) {
    pair_tokens (pairs, b->q, b->w->k, b->m);
    block (b, pairs, ternary, true);
  } else {
    block (b, b->q, ternary, false);
  }
}

static void
ternary_block (const Block *b)
{
  paired_block (b, true);
}

static void
int8_block (const Block *b)
{
  paired_block (b, false);
}

/* As many tokens as fit: whole tiles, or at least whole pairs. One pair of very long rows is not copied. */
static size_t
block_tokens (size_t k)
{
  const size_t fit = PAIRS_SIZE / k;

  if (fit >= BLOCK)
    return BLOCK;
  return fit >= TILE ? fit / TILE * TILE : fit >= 2 ? fit / 2 * 2 : 2;
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  run_blocks (out, w, q, rows, m, block_tokens (w->k), ternary_block);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  run_blocks (out, w, q, rows, m, block_tokens (w->k), int8_block);
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
