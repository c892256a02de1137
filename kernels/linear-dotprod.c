/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Panels of 16 rows: a vector is four rows by four inputs, as in linear-pack.h; activations are row-major and meet it four at a
 * time, by element of a vector of 16. Per 4 k one vector (ternary) or four (int8). */
#include "linear-neon.h"
#include "linear-pack.h"

#define LANES 4
#define PANEL 16
#define TILE 4                  /* tokens: 16 sums, 4 operands, 4 vectors of activations */
#define MASKED_SIZE 32768       /* a panel, masked */
#define MASK_TOKENS 16          /* fewer, and masking is not worth its stores */

/* Not the intrinsic: with that, gcc 12 moves sums about. */
#define DOT(a, x, q, e) __asm__ ("sdot %0.4s, %1.16b, %2.4b[" #e "]" : "+w" (a) : "w" (x), "w" (q))

/* Four inputs, element e of the codes q. */
#define STEP(e) do { \
  const int8x16_t x0 = vld1q_s8 (w + (e) * step); \
  const int8x16_t x1 = packed ? vandq_s8 (x0, mask1) : vld1q_s8 (w + (e) * step + 16); \
  const int8x16_t x2 = packed ? vandq_s8 (x0, mask2) : vld1q_s8 (w + (e) * step + 32); \
  const int8x16_t x3 = packed ? vandq_s8 (x0, mask3) : vld1q_s8 (w + (e) * step + 48); \
  TOKEN (0, e); \
  if (m > 1) \
    TOKEN (1, e); \
  if (m > 2) \
    TOKEN (2, e); \
  if (m > 3) \
    TOKEN (3, e); \
  /* else gcc loads the next step's operands into registers that are not there */ \
  if (!packed) \
    __asm__ volatile (""); \
} while (0)
#define TOKEN(t, e) do { \
  DOT (a##t##0, x0, q##t, e); \
  DOT (a##t##1, x1, q##t, e); \
  DOT (a##t##2, x2, q##t, e); \
  DOT (a##t##3, x3, q##t, e); \
} while (0)
#define SUMS(t) int32x4_t a##t##0 = zero, a##t##1 = zero, a##t##2 = zero, a##t##3 = zero
#define KEEP(t) do { \
  int32x4_t a[4] = { a##t##0, a##t##1, a##t##2, a##t##3 }; \
  if (ternary) \
    separate (a, vdupq_n_s32 (b->rows[at + (t)].sum)); \
  finish (b, at + (t), row, a, 4); \
} while (0)

/* m tokens from `at` on against a panel whose ternary weights are packed or masked already. */
INLINE void
tile (const Block *b, size_t at, size_t row, const int8_t *w, const int m, const bool ternary, const bool packed)
{
  const int8x16_t mask1 = vdupq_n_s8 (MASK1), mask2 = vdupq_n_s8 (MASK2), mask3 = vdupq_n_s8 (MASK3);
  const int32x4_t zero = vdupq_n_s32 (0);
  const size_t k = b->w->k, step = packed ? 16 : 64;
  const int8_t *q = b->q + at * k;
  SUMS (0);
  SUMS (1);
  SUMS (2);
  SUMS (3);

  for (const int8_t *end = q + k; q < end; q += 16, w += 4 * step) {
    const int8x16_t q0 = vld1q_s8 (q), q1 = m > 1 ? vld1q_s8 (q + k) : q0;
    const int8x16_t q2 = m > 2 ? vld1q_s8 (q + 2 * k) : q0, q3 = m > 3 ? vld1q_s8 (q + 3 * k) : q0;
    STEP (0);
    STEP (1);
    STEP (2);
    STEP (3);
  }
  KEEP (0);
  if (m > 1)
    KEEP (1);
  if (m > 2)
    KEEP (2);
  if (m > 3)
    KEEP (3);
}

INLINE void
panel (const Block *b, size_t row, const int8_t *w, const bool ternary, const bool packed)
{
  size_t i = 0;

  for (; i + TILE <= b->m; i += TILE)
    tile (b, i, row, w, 4, ternary, packed);
  if (b->m - i == 3)
    tile (b, i, row, w, 3, ternary, packed);
  else if (b->m - i == 2)
    tile (b, i, row, w, 2, ternary, packed);
  else if (b->m - i == 1)
    tile (b, i, row, w, 1, ternary, packed);
}

static void
ternary_block (const Block *b)
{
  const size_t k = b->w->k;
  const int8_t *data = b->w->data;
  _Alignas (BMK_ALIGN) int8_t masked[MASKED_SIZE];

  for (size_t row = 0; row < b->w->n; row += PANEL, data += PANEL * k / 4)
    if (b->m >= MASK_TOKENS && PANEL * k <= MASKED_SIZE) {
      mask_panel (masked, data, PANEL * k / 4);
      panel (b, row, masked, true, false);
    } else {
      panel (b, row, data, true, true);
    }
}

static void
int8_block (const Block *b)
{
  const int8_t *data = b->w->data;

  for (size_t row = 0; row < b->w->n; row += PANEL, data += PANEL * b->w->k)
    panel (b, row, data, false, false);
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  run_blocks (out, w, q, rows, m, BLOCK, ternary_block);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  run_blocks (out, w, q, rows, m, BLOCK, int8_block);
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, true);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  uint8_t *bytes = dst;

  bmk_panel_pack_ternary (dst, codes, n, k, k, LANES);
  for (size_t i = 0; i < ternary_packed_size (n, k); i++)
    bytes[i] = signed_top (bytes[i]);
}

static size_t
int8_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, false);
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  bmk_panel_pack_int8 (dst, rows, n, k, k, LANES, 0);
}

void
bmk_linear_fill_dotprod (BmkTable *t)
{
  t->ternary_packed_size = ternary_packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = ternary_linear;
  t->int8_packed_size = int8_packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
