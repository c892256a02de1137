/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Panels of 16 rows: a vector is four rows by four inputs, as in linear-pack.h; activations are row-major and meet it four at a
 * time, by element of a vector of 16. Per 4 k one vector (ternary) or four (int8). */
#include "linear-neon.h"
#include "linear-pack.h"

#define LANES 4
#define PANEL 16
#define TILE 4                  /* tokens: 16 sums, 4 operands, 4 vectors of activations */

/* Four inputs, element e of the codes q. */
#define STEP(e) do { \
  const int8x16_t x0 = vld1q_s8 (w + (e) * step); \
  const int8x16_t x1 = ternary ? vandq_s8 (x0, mask1) : vld1q_s8 (w + (e) * step + 16); \
  const int8x16_t x2 = ternary ? vandq_s8 (x0, mask2) : vld1q_s8 (w + (e) * step + 32); \
  const int8x16_t x3 = ternary ? vandq_s8 (x0, mask3) : vld1q_s8 (w + (e) * step + 48); \
  TOKEN (0, e); \
  if (m > 1) \
    TOKEN (1, e); \
  if (m > 2) \
    TOKEN (2, e); \
  if (m > 3) \
    TOKEN (3, e); \
  /* else gcc loads the next step's operands into registers that are not there */ \
  __asm__ volatile ("" ::: "memory"); \
} while (0)
#define TOKEN(t, e) do { \
  a##t##0 = vdotq_laneq_s32 (a##t##0, x0, q##t, e); \
  a##t##1 = vdotq_laneq_s32 (a##t##1, x1, q##t, e); \
  a##t##2 = vdotq_laneq_s32 (a##t##2, x2, q##t, e); \
  a##t##3 = vdotq_laneq_s32 (a##t##3, x3, q##t, e); \
} while (0)
#define SUMS(t) int32x4_t a##t##0 = zero, a##t##1 = zero, a##t##2 = zero, a##t##3 = zero
#define KEEP(t) do { \
  int32x4_t a[4] = { a##t##0, a##t##1, a##t##2, a##t##3 }; \
  if (ternary) \
    separate (a, rows[t].sum); \
  for (int f = 0; f < 4; f++) \
    vst1q_s32 (sums[t] + 4 * f, a[f]); \
} while (0)

/* m tokens against the panel w. q: [m][k] */
INLINE void
tile (int32_t (*sums)[PANEL], const int8_t *w, const int8_t *q, const BmkRow *rows, size_t k, const int m, const bool ternary)
{
  const int8x16_t mask1 = vdupq_n_s8 ((int8_t) 0xfc), mask2 = vdupq_n_s8 ((int8_t) 0xf0);
  const int8x16_t mask3 = vdupq_n_s8 ((int8_t) 0xc0);
  const int32x4_t zero = vdupq_n_s32 (0);
  const size_t step = ternary ? 16 : 64;
  SUMS (0);
  SUMS (1);
  SUMS (2);
  SUMS (3);

  for (size_t j = 0; j < k; j += 16, q += 16, w += 4 * step) {
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
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, const bool ternary)
{
  const int8_t *data = w->data;
  const size_t k = w->k;
  int32_t sums[TILE][PANEL];

  for (size_t row = 0; row < w->n; row += PANEL, data += PANEL * k / (ternary ? 4 : 1))
    for (size_t i = 0, count; i < m; i += count) {
      const size_t left = w->n - row;
      count = m - i < TILE ? m - i : TILE;
      switch (count) {
        case 1:
          tile (sums, data, q + i * k, rows + i, k, 1, ternary);
          break;
        case 2:
          tile (sums, data, q + i * k, rows + i, k, 2, ternary);
          break;
        case 3:
          tile (sums, data, q + i * k, rows + i, k, 3, ternary);
          break;
        default:
          tile (sums, data, q + i * k, rows + i, k, 4, ternary);
          break;
      }
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
