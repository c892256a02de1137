/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* maddubs saturates, so every use of it is bounded: ternary codes are 0..2, a pair is at most 2 * 2 * 127 = 508, and 64 pairs
 * (256 k) still fit an int16; masked where it lies, a code at bits 2..3 counts four times, and 16 pairs (64 k) fit;
 * int8 weights go in as |w| against q with w's sign, a pair is at most 2 * 127 * 127 = 32258. */
#include "linear-avx2.h"

#define WIDEN_EVERY 256
#define WIDEN_HIGH_EVERY 64     /* the fields that count four times */
#define UNPACK_FROM 4           /* tokens from which a panel is taken apart once for all of them */

#define BROADCAST(q) _mm256_set1_epi32 (bmk_load4 (q))
/* In this order, one field at a time: gcc would take all four apart at once and spill sums for it. */
#define ADD16(acc, x) __asm__ volatile ("vpaddw %1, %0, %0" : "+x" (acc) : "x" (x))

/* sums += the two numbers of each lane */
INLINE void
widen (int32_t *sums, __m256i pairs)
{
  static const _Alignas (32) int16_t ones[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
  __m256i *s = (__m256i *) sums, one;

  /* this and the sums come from memory each time: registers that hold them through the loop would be missing there */
  __asm__ volatile ("vmovdqa %1, %0" : "=x" (one) : "m" (ones) : "memory");
  _mm256_store_si256 (s, _mm256_add_epi32 (_mm256_load_si256 (s), _mm256_madd_epi16 (pairs, one)));
}

/* ---- Few tokens: fields 1 and 3 are masked where they lie, fields 2 and 3 shifted down together ---- */

/* A unit is one token against one panel; two of them share either. */
#define MASK(u, f, v, mask, b) do { \
  const __m256i x_ = _mm256_and_si256 (v, mask); \
  ADD16 (a##u##f, _mm256_maddubs_epi16 (x_, b)); \
} while (0)
#define UNIT(u, w, b) do { \
  __m256i v_ = _mm256_load_si256 ((const __m256i *) (w)); \
  MASK (u, 0, v_, low, b); \
  MASK (u, 1, v_, high, b); \
  v_ = _mm256_srli_epi16 (v_, 4); \
  MASK (u, 2, v_, low, b); \
  MASK (u, 3, v_, high, b); \
} while (0)
#define TWO_UNITS(w) do { \
  __m256i v_ = _mm256_load_si256 ((const __m256i *) (w)); \
  MASK2 (0, low); \
  MASK2 (1, high); \
  v_ = _mm256_srli_epi16 (v_, 4); \
  MASK2 (2, low); \
  MASK2 (3, high); \
} while (0)
#define MASK2(f, mask) do { \
  const __m256i x_ = _mm256_and_si256 (v_, mask); \
  ADD16 (a0##f, _mm256_maddubs_epi16 (x_, b0)); \
  ADD16 (a1##f, _mm256_maddubs_epi16 (x_, b1)); \
} while (0)

/* What shares the loop with the first unit. */
typedef enum { NOTHING, TOKEN, OTHER_PANEL } Second;

/* At most WIDEN_EVERY inputs. q1, w1: how far the second token and panel are from the first */
INLINE void
masked_chunk (Sums *sums, const uint8_t *w, size_t w1, const int8_t *q, size_t q1, size_t k, const Second second)
{
  const __m256i zero = _mm256_setzero_si256 (), low = _mm256_set1_epi8 (3), high = _mm256_set1_epi8 (12);
  __m256i a00 = zero, a02 = zero, a10 = zero, a12 = zero;

  for (size_t j = 0, end; j < k; j = end) {
    __m256i a01 = zero, a03 = zero, a11 = zero, a13 = zero;
    end = k - j < WIDEN_HIGH_EVERY ? k : j + WIDEN_HIGH_EVERY;
    for (size_t i = j; i < end; i += 4, w += 32, q += 4) {
      const __m256i b0 = BROADCAST (q), b1 = second == TOKEN ? BROADCAST (q + q1) : b0;
      if (second == TOKEN)
        TWO_UNITS (w);
      else
        UNIT (0, w, b0);
      if (second == OTHER_PANEL)
        UNIT (1, w + w1, b0);
    }
    widen (sums[0] + 8, a01);
    widen (sums[0] + 24, a03);
    if (second) {
      widen (sums[1] + 8, a11);
      widen (sums[1] + 24, a13);
    }
  }
  widen (sums[0], a00);
  widen (sums[0] + 16, a02);
  if (second) {
    widen (sums[1], a10);
    widen (sums[1] + 16, a12);
  }
}

/* The sums of a unit as they are counted, and what the offset +1 of its weights makes of them. */
static inline void
settle (int32_t *sums, int32_t offset)
{
  for (int f = 0; f < 4; f++) {
    __m256i *s = (__m256i *) sums + f;
    const __m256i v = _mm256_load_si256 (s);
    _mm256_store_si256 (s, _mm256_sub_epi32 (f % 2 ? _mm256_srai_epi32 (v, 2) : v, _mm256_set1_epi32 (offset)));
  }
}

INLINE void
masked (const Job *job, const uint8_t *w, size_t token, size_t row, const Second second)
{
  const size_t k = job->w->k, tokens = second == TOKEN ? 2 : 1;
  const int8_t *q = job->q + token * k;
  _Alignas (32) Sums sums[2];

  memset (sums, 0, sizeof sums);
  for (size_t j = 0; j < k; j += WIDEN_EVERY)
    masked_chunk (sums, w + j * 8, job->panel_size, q + j, k, k - j < WIDEN_EVERY ? k - j : WIDEN_EVERY, second);
  settle (sums[0], job->rows[token].sum);
  if (second)
    settle (sums[1], job->rows[token + tokens - 1].sum);
  finish (job, sums, token, tokens, row);
  if (second == OTHER_PANEL)
    finish (job, sums + 1, token, 1, row + PANEL);
}

static void
few_tokens (const Job *job, size_t m)
{
  const size_t n = bmk_align_up (job->w->n, PANEL);
  const uint8_t *w = job->w->data;
  size_t row = 0;

  for (; m == 1 && row + 2 * PANEL <= n; row += 2 * PANEL, w += 2 * job->panel_size)
    masked (job, w, 0, row, OTHER_PANEL);
  for (; row < n; row += PANEL, w += job->panel_size) {
    size_t i = 0;
    for (; i + 2 <= m; i += 2)
      masked (job, w, i, row, TOKEN);
    if (i < m)
      masked (job, w, i, row, NOTHING);
  }
}

/* ---- Many: a panel's vectors are taken apart once, WIDEN_EVERY inputs at a time ---- */

/* kept: [k / 4][4 fields] */
static void
unpack (uint8_t *kept, const uint8_t *w, size_t k)
{
  const __m256i three = _mm256_set1_epi8 (3);
  __m256i *to = (__m256i *) kept;

  for (size_t j = 0; j < k; j += 4, w += 32, to += 4) {
    const __m256i v = _mm256_load_si256 ((const __m256i *) w);
    _mm256_store_si256 (to, _mm256_and_si256 (v, three));
    _mm256_store_si256 (to + 1, _mm256_and_si256 (_mm256_srli_epi16 (v, 2), three));
    _mm256_store_si256 (to + 2, _mm256_and_si256 (_mm256_srli_epi16 (v, 4), three));
    _mm256_store_si256 (to + 3, _mm256_and_si256 (_mm256_srli_epi16 (v, 6), three));
  }
}

#define FIELD(f) do { \
  const __m256i x_ = _mm256_load_si256 ((const __m256i *) kept + (f)); \
  ADD16 (a0##f, _mm256_maddubs_epi16 (x_, b0)); \
  if (m > 1) \
    ADD16 (a1##f, _mm256_maddubs_epi16 (x_, b1)); \
} while (0)

/* sums of m tokens, 1 or 2, ldq apart, += one panel over k inputs */
INLINE void
unpacked_tile (Sums *sums, const uint8_t *kept, const int8_t *q, size_t ldq, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 ();
  __m256i a00 = zero, a01 = zero, a02 = zero, a03 = zero, a10 = zero, a11 = zero, a12 = zero, a13 = zero;

  for (size_t j = 0; j < k; j += 4, kept += 128, q += 4) {
    const __m256i b0 = BROADCAST (q), b1 = m > 1 ? BROADCAST (q + ldq) : b0;
    FIELD (0);
    FIELD (1);
    FIELD (2);
    FIELD (3);
  }
  widen (sums[0], a00);
  widen (sums[0] + 8, a01);
  widen (sums[0] + 16, a02);
  widen (sums[0] + 24, a03);
  if (m > 1) {
    widen (sums[1], a10);
    widen (sums[1] + 8, a11);
    widen (sums[1] + 16, a12);
    widen (sums[1] + 24, a13);
  }
}

static void
many_tokens (const Job *job, size_t m)
{
  _Alignas (32) uint8_t kept[WIDEN_EVERY * PANEL];
  _Alignas (32) Sums sums[BLOCK];
  const size_t k = job->w->k;
  const uint8_t *w = job->w->data;

  for (size_t row = 0; row < job->w->n; row += PANEL, w += job->panel_size) {
    for (size_t i = 0; i < m; i++)
      for (size_t r = 0; r < PANEL; r++)
        sums[i][r] = -job->rows[i].sum;
    for (size_t j = 0; j < k; j += WIDEN_EVERY) {
      const size_t some = k - j < WIDEN_EVERY ? k - j : WIDEN_EVERY;
      const int8_t *q = job->q + j;
      size_t i = 0;
      unpack (kept, w + j * 8, some);
      for (; i + 2 <= m; i += 2)
        unpacked_tile (sums + i, kept, q + i * k, k, some, 2);
      if (i < m)
        unpacked_tile (sums + i, kept, q + i * k, k, some, 1);
    }
    finish (job, sums, 0, m, row);
  }
}

static void
ternary_block (const Job *job, size_t m)
{
  if (m < UNPACK_FROM)
    few_tokens (job, m);
  else
    many_tokens (job, m);
}

/* ---- Int8 ---- */

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
#define STORE(u) do { \
  _mm256_store_si256 ((__m256i *) sums[u], a##u##0); \
  _mm256_store_si256 ((__m256i *) (sums[u] + 8), a##u##1); \
  _mm256_store_si256 ((__m256i *) (sums[u] + 16), a##u##2); \
  _mm256_store_si256 ((__m256i *) (sums[u] + 24), a##u##3); \
} while (0)

INLINE void
int8_tile (Sums *sums, const uint8_t *w, const int8_t *q, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 (), ones = _mm256_set1_epi16 (1);
  __m256i a00 = zero, a01 = zero, a02 = zero, a03 = zero, a10 = zero, a11 = zero, a12 = zero, a13 = zero;

  for (size_t j = 0; j < k; j += 4, w += 128, q += 4) {
    const __m256i b0 = BROADCAST (q), b1 = m > 1 ? BROADCAST (q + k) : zero;
    INT8_STEP (0);
    INT8_STEP (1);
    INT8_STEP (2);
    INT8_STEP (3);
  }
  STORE (0);
  if (m > 1)
    STORE (1);
}

static void
int8_block (const Job *job, size_t m)
{
  const size_t k = job->w->k;
  const uint8_t *w = job->w->data;
  _Alignas (32) Sums sums[BLOCK];

  for (size_t row = 0; row < job->w->n; row += PANEL, w += job->panel_size) {
    size_t i = 0;
    for (; i + 2 <= m; i += 2)
      int8_tile (sums + i, w, job->q + i * k, k, 2);
    if (i < m)
      int8_tile (sums + i, w, job->q + i * k, k, 1);
    finish (job, sums, 0, m, row);
  }
}

/* ---- */

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  each_block (out, w, q, rows, m, w->k * (PANEL / 4), ternary_block);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  each_block (out, w, q, rows, m, w->k * PANEL, int8_block);
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
