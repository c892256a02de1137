/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* maddubs saturates, so both uses of it are bounded:
 * ternary codes are 0..2, a pair is at most 2 * 2 * 127 = 508, and 64 pairs (256 k) still fit an int16;
 * int8 weights go in as |w| against q with w's sign, a pair is at most 2 * 127 * 127 = 32258. */
#include "linear-avx2.h"

#define TILE 2                  /* tokens; a third would spill */
#define WIDEN_EVERY 256

#define UNIT(u) __m256i a##u##0 = zero, a##u##1 = zero, a##u##2 = zero, a##u##3 = zero
/* In this order, one field at a time: gcc would unpack all four at once and spill sums for it. */
#define ADD16(acc, x) __asm__ volatile ("vpaddw %1, %0, %0" : "+x" (acc) : "x" (x))
#define TERNARY_FIELD(f) do { \
  const __m256i x_ = _mm256_and_si256 (f ? _mm256_srli_epi16 (v, 2 * (f)) : v, three); \
  ADD16 (a0##f, _mm256_maddubs_epi16 (x_, b0)); \
  if (m > 1) \
    ADD16 (a1##f, _mm256_maddubs_epi16 (x_, b1)); \
} while (0)

static inline void
widen (int32_t *acc, __m256i pairs)
{
  static const _Alignas (32) int16_t ones[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
  __m256i *a = (__m256i *) acc, one;

  /* from memory each time: a register that holds it through the loop would cost a sum */
  __asm__ volatile ("vmovdqa %1, %0" : "=x" (one) : "m" (ones));
  _mm256_store_si256 (a, _mm256_add_epi32 (_mm256_load_si256 (a), _mm256_madd_epi16 (pairs, one)));
}

#define TERNARY_WIDEN(u) do { \
  widen (acc[u], a##u##0); \
  widen (acc[u] + 8, a##u##1); \
  widen (acc[u] + 16, a##u##2); \
  widen (acc[u] + 24, a##u##3); \
} while (0)

/* acc: [m][32] += one panel over at most WIDEN_EVERY inputs; q: m rows ldq apart */
static inline __attribute__ ((always_inline)) void
ternary_step (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t ldq, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 (), three = _mm256_set1_epi8 (3);
  UNIT (0);
  UNIT (1);

  for (size_t j = 0; j < k; j += 4, w += 32, q += 4) {
    __m256i v = _mm256_load_si256 ((const __m256i *) w);
    const __m256i b0 = _mm256_set1_epi32 (bmk_load4 (q)), b1 = m > 1 ? _mm256_set1_epi32 (bmk_load4 (q + ldq)) : b0;
    TERNARY_FIELD (0);
    TERNARY_FIELD (1);
    TERNARY_FIELD (2);
    TERNARY_FIELD (3);
  }
  TERNARY_WIDEN (0);
  if (m > 1)
    TERNARY_WIDEN (1);
}

static inline __attribute__ ((always_inline)) void
ternary_panel (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, const int m)
{
  for (size_t j = 0; j < k; j += WIDEN_EVERY)
    ternary_step (acc, w + j * 8, q + j, k, k - j < WIDEN_EVERY ? k - j : WIDEN_EVERY, m);
}

#define INT8_DOT(u, f) \
  a##u##f = _mm256_add_epi32 (a##u##f, \
      _mm256_madd_epi16 (_mm256_maddubs_epi16 (magnitude, _mm256_sign_epi8 (b##u, v)), ones))

#define INT8_STEP(f) do { \
  __m256i v = _mm256_load_si256 ((const __m256i *) (w + 32 * (f))); \
  __m256i magnitude = _mm256_abs_epi8 (v); \
  INT8_DOT (0, f); \
  if (m > 1) \
    INT8_DOT (1, f); \
} while (0)

#define INT8_STORE(u) do { \
  _mm256_store_si256 ((__m256i *) acc[u], a##u##0); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 8), a##u##1); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 16), a##u##2); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 24), a##u##3); \
} while (0)

static inline __attribute__ ((always_inline)) void
int8_panel (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 (), ones = _mm256_set1_epi16 (1);
  UNIT (0);
  UNIT (1);

  for (size_t j = 0; j < k; j += 4, w += 128, q += 4) {
    __m256i b0 = _mm256_set1_epi32 (bmk_load4 (q));
    __m256i b1 = m > 1 ? _mm256_set1_epi32 (bmk_load4 (q + k)) : zero;
    INT8_STEP (0);
    INT8_STEP (1);
    INT8_STEP (2);
    INT8_STEP (3);
  }
  INT8_STORE (0);
  if (m > 1)
    INT8_STORE (1);
}

static void
ternary_tile (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, size_t m)
{
  if (m == 1)
    ternary_panel (acc, w, q, k, 1);
  else
    ternary_panel (acc, w, q, k, 2);
}

static void
int8_tile (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, size_t m)
{
  if (m == 1)
    int8_panel (acc, w, q, k, 1);
  else
    int8_panel (acc, w, q, k, 2);
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  _Alignas (32) int32_t acc[TILE][PANEL];

  for (size_t i = 0, count; i < m; i += count) {
    count = m - i < TILE ? m - i : TILE;
    for (size_t row = 0; row < w->n; row += PANEL) {
      for (size_t t = 0; t < count; t++)
        for (size_t f = 0; f < PANEL; f++)
          acc[t][f] = -rows[i + t].sum;
      ternary_tile (acc, (const uint8_t *) w->data + row / 4 * w->k, q + i * w->k, w->k, count);
      for (size_t t = 0; t < count; t++)
        finish (out, w, i + t, row, acc[t], rows[i + t].inv);
    }
  }
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  _Alignas (32) int32_t acc[TILE][PANEL];

  for (size_t row = 0; row < w->n; row += PANEL)
    for (size_t i = 0, count; i < m; i += count) {
      count = m - i < TILE ? m - i : TILE;
      int8_tile (acc, (const uint8_t *) w->data + row * w->k, q + i * w->k, w->k, count);
      for (size_t t = 0; t < count; t++)
        finish (out, w, i + t, row, acc[t], rows[i + t].inv);
    }
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, true);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  bmk_panel_pack_ternary (dst, codes, n, k, k, LANES);
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
bmk_linear_fill_avx2 (BmkTable *t)
{
  t->ternary_packed_size = ternary_packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = ternary_linear;
  t->int8_packed_size = int8_packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
