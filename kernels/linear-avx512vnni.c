/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Weights are the unsigned operand of vpdpbusd, activations the signed one: row-major, broadcast four at a time. */
#include <immintrin.h>

#include "linear-avx512.h"

#define MAX_TILE 6              /* 6 x 4 accumulators, 4 operands, 3 masks, 1 broadcast: all 32 registers */
#define BLOCK 96                /* tokens that meet all weights before the next ones */
#define UNPACK_NEAR_K 512       /* inputs up to which a panel, kept masked, stays in the first cache; … */
#define UNPACK_FAR 20           /* … beyond that it pays from so many tokens on */
#define UNPACK_K 1536           /* inputs up to which the panel is kept: 96 KB of stack, within the second cache */

/* A unit is one token against one panel. */
#define UNIT(u, token) \
  __m512i a##u##0 = start_of (job->rows[token].sum, 0, ternary), a##u##1 = start_of (job->rows[token].sum, 1, ternary); \
  __m512i a##u##2 = start_of (job->rows[token].sum, 2, ternary), a##u##3 = start_of (job->rows[token].sum, 3, ternary)

/* Bytes ahead: what the next-line prefetcher of the first cache does not cover. Int8 weights pass four times as fast. */
#define AHEAD 1024
#define AHEAD_INT8 4096

/* How four vectors of a panel come into x0..x3. */
typedef enum {
  TERNARY,                      /* masked out of one */
  UNPACK,                       /* the same, and kept for the panel's next tokens: stores are free */
  UNPACKED,                     /* ternary, as they were kept */
  INT8
} Source;

#define MASKED(source) ((source) == TERNARY || (source) == UNPACK)
#define STEP(source) (MASKED (source) ? 64 : 256)

#define LOAD_PANEL(w) do { \
  if (MASKED (source)) { \
    _mm_prefetch ((w) + AHEAD, _MM_HINT_T0); \
  } else if (source == INT8) { \
    _mm_prefetch ((w) + AHEAD_INT8, _MM_HINT_T0); \
    _mm_prefetch ((w) + AHEAD_INT8 + 64, _MM_HINT_T0); \
    _mm_prefetch ((w) + AHEAD_INT8 + 128, _MM_HINT_T0); \
    _mm_prefetch ((w) + AHEAD_INT8 + 192, _MM_HINT_T0); \
  } \
  x0 = _mm512_load_si512 (w); \
  x1 = MASKED (source) ? _mm512_and_si512 (x0, mask1) : _mm512_load_si512 ((w) + 64); \
  x2 = MASKED (source) ? _mm512_and_si512 (x0, mask2) : _mm512_load_si512 ((w) + 128); \
  x3 = MASKED (source) ? _mm512_and_si512 (x0, mask3) : _mm512_load_si512 ((w) + 192); \
} while (0)

/* gcc 12 copies the intrinsic's accumulator from register to register, and spills others for it. */
#define VPDPBUSD(acc, x, b) __asm__ ("vpdpbusd %2, %1, %0" : "+v" (acc) : "v" (x), "v" (b))

#define DOT(u, b) do { \
  __m512i b_ = (b); \
  VPDPBUSD (a##u##0, x0, b_); \
  VPDPBUSD (a##u##1, x1, b_); \
  VPDPBUSD (a##u##2, x2, b_); \
  VPDPBUSD (a##u##3, x3, b_); \
} while (0)

/* Else the compiler loads the next step's operands into registers that are not there. */
#define STEP_DONE __asm__ volatile ("" ::: "memory")

#define BROADCAST(q) _mm512_set1_epi32 (bmk_load4 (q))
/* Into the sums that finish() takes: stores are free beside the dot products, branches here would not be. */
#define KEEP(u, sums, i) do { \
  _mm512_store_si512 ((sums)->a[0][i], a##u##0); \
  _mm512_store_si512 ((sums)->a[1][i], a##u##1); \
  _mm512_store_si512 ((sums)->a[2][i], a##u##2); \
  _mm512_store_si512 ((sums)->a[3][i], a##u##3); \
} while (0)
#define MASKS \
  const bool ternary = source != INT8; \
  const __m512i mask1 = _mm512_set1_epi8 ((char) 0xfc), mask2 = _mm512_set1_epi8 ((char) 0xf0); \
  const __m512i mask3 = _mm512_set1_epi8 ((char) 0xc0); \
  __m512i x0, x1, x2, x3

/* m tokens from `token` against the panel w -> sums from `at` on. kept: [k / 4][4 vectors], of UNPACK */
INLINE void
tile (const Job *job, const uint8_t *w, size_t token, Sums *sums, size_t at, uint8_t *kept, const int m,
    const Source source)
{
  const size_t k = job->w->k;
  const int8_t *q = job->q + token * k, *q3 = q + 3 * k, *end = q + k;
  const int steps = m < MAX_TILE ? 4 : 1;      /* six tokens leave no register for what unrolling brings */
  MASKS;
  UNIT (0, token);
  UNIT (1, token + (m > 1 ? 1 : 0));
  UNIT (2, token + (m > 2 ? 2 : 0));
  UNIT (3, token + (m > 3 ? 3 : 0));
  UNIT (4, token + (m > 4 ? 4 : 0));
  UNIT (5, token + (m > 5 ? 5 : 0));

  for (; q < end; q += 4 * steps, q3 += 4 * steps, w += steps * STEP (source)) {
#pragma GCC unroll 4
    for (int j = 0; j < steps; j++) {
      LOAD_PANEL (w + j * STEP (source));
      if (source == UNPACK) {
        _mm512_store_si512 (kept, x0);
        _mm512_store_si512 (kept + 64, x1);
        _mm512_store_si512 (kept + 128, x2);
        _mm512_store_si512 (kept + 192, x3);
        kept += 256;
      }
      DOT (0, BROADCAST (q + 4 * j));
      if (m > 1)
        DOT (1, BROADCAST (q + k + 4 * j));
      if (m > 2)
        DOT (2, BROADCAST (q + 2 * k + 4 * j));
      if (m > 3)
        DOT (3, BROADCAST (q3 + 4 * j));
      if (m > 4)
        DOT (4, BROADCAST (q3 + k + 4 * j));
      if (m > 5)
        DOT (5, BROADCAST (q3 + 2 * k + 4 * j));
      STEP_DONE;
    }
  }
  KEEP (0, sums, at);
  if (m > 1)
    KEEP (1, sums, at + 1);
  if (m > 2)
    KEEP (2, sums, at + 2);
  if (m > 3)
    KEEP (3, sums, at + 3);
  if (m > 4)
    KEEP (4, sums, at + 4);
  if (m > 5)
    KEEP (5, sums, at + 5);
}

/* One token, four panels: enough sums in flight to hide the latency. */
INLINE void
tile_1x4 (const Job *job, const uint8_t *w0, size_t token, size_t row, const Source source)
{
  const size_t k = job->w->k, panel = job->panel_size;
  const uint8_t *w1 = w0 + panel, *w2 = w1 + panel, *w3 = w2 + panel;
  const int8_t *q = job->q + token * k;
  _Alignas (64) Sums sums;
  MASKS;
  UNIT (0, token);
  UNIT (1, token);
  UNIT (2, token);
  UNIT (3, token);

  for (const int8_t *end = q + k; q < end; q += 16) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      __m512i b = BROADCAST (q + 4 * j);
      LOAD_PANEL (w0 + j * STEP (source));
      DOT (0, b);
      LOAD_PANEL (w1 + j * STEP (source));
      DOT (1, b);
      LOAD_PANEL (w2 + j * STEP (source));
      DOT (2, b);
      LOAD_PANEL (w3 + j * STEP (source));
      DOT (3, b);
      STEP_DONE;
    }
    w0 += 4 * STEP (source);
    w1 += 4 * STEP (source);
    w2 += 4 * STEP (source);
    w3 += 4 * STEP (source);
  }
  KEEP (0, &sums, 0);
  KEEP (1, &sums, 1);
  KEEP (2, &sums, 2);
  KEEP (3, &sums, 3);
  for (size_t i = 0; i < 4; i++)
    finish (job, &sums, i, token, 1, row + i * PANEL, ternary);
}

/* The same with the two panels that four may leave: half as many sums still do. */
INLINE void
tile_1x2 (const Job *job, const uint8_t *w0, size_t token, size_t row, const Source source)
{
  const size_t k = job->w->k;
  const uint8_t *w1 = w0 + job->panel_size;
  const int8_t *q = job->q + token * k;
  _Alignas (64) Sums sums;
  MASKS;
  UNIT (0, token);
  UNIT (1, token);

  for (const int8_t *end = q + k; q < end; q += 16) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      __m512i b = BROADCAST (q + 4 * j);
      LOAD_PANEL (w0 + j * STEP (source));
      DOT (0, b);
      LOAD_PANEL (w1 + j * STEP (source));
      DOT (1, b);
      STEP_DONE;
    }
    w0 += 4 * STEP (source);
    w1 += 4 * STEP (source);
  }
  KEEP (0, &sums, 0);
  KEEP (1, &sums, 1);
  finish (job, &sums, 0, token, 1, row, ternary);
  finish (job, &sums, 1, token, 1, row + PANEL, ternary);
}

/* Two tokens, two panels. */
INLINE void
tile_2x2 (const Job *job, const uint8_t *w0, size_t token, size_t row, const Source source)
{
  const size_t k = job->w->k;
  const uint8_t *w1 = w0 + job->panel_size;
  const int8_t *q = job->q + token * k;
  _Alignas (64) Sums sums;
  MASKS;
  UNIT (0, token);
  UNIT (1, token + 1);
  UNIT (2, token);
  UNIT (3, token + 1);

  for (const int8_t *end = q + k; q < end; q += 16) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      __m512i b0 = BROADCAST (q + 4 * j), b1 = BROADCAST (q + k + 4 * j);
      LOAD_PANEL (w0 + j * STEP (source));
      DOT (0, b0);
      DOT (1, b1);
      LOAD_PANEL (w1 + j * STEP (source));
      DOT (2, b0);
      DOT (3, b1);
      STEP_DONE;
    }
    w0 += 4 * STEP (source);
    w1 += 4 * STEP (source);
  }
  KEEP (0, &sums, 0);
  KEEP (1, &sums, 1);
  KEEP (2, &sums, 2);
  KEEP (3, &sums, 3);
  finish (job, &sums, 0, token, 2, row, ternary);
  finish (job, &sums, 2, token, 2, row + PANEL, ternary);
}

/* 7 and 8 tokens do better as 4 + 3 and 4 + 4. */
static inline size_t
tile_tokens (size_t left)
{
  return left >= 9 ? MAX_TILE : left > MAX_TILE ? 4 : left;
}

INLINE void
tiles (const Job *job, const uint8_t *w, size_t token, Sums *sums, size_t at, uint8_t *kept, size_t m, const Source source)
{
  switch (m) {
    case 1:
      tile (job, w, token, sums, at, kept, 1, source);
      break;
    case 2:
      tile (job, w, token, sums, at, kept, 2, source);
      break;
    case 3:
      tile (job, w, token, sums, at, kept, 3, source);
      break;
    case 4:
      tile (job, w, token, sums, at, kept, 4, source);
      break;
    case 5:
      tile (job, w, token, sums, at, kept, 5, source);
      break;
    default:
      tile (job, w, token, sums, at, kept, 6, source);
      break;
  }
}

/* One panel, m tokens: as many tiles as the sums hold, then their epilogue. With `kept` only the first masks. */
INLINE void
panel_tiles (const Job *job, const uint8_t *w, size_t m, size_t row, uint8_t *kept, const Source source)
{
  _Alignas (64) Sums sums;
  size_t first = 0, at = 0;

  for (size_t i = 0, count; i < m; i += count, at += count) {
    count = tile_tokens (m - i);
    if (at + count > SUM_TOKENS) {
      finish (job, &sums, 0, first, at, row, source != INT8);
      first = i;
      at = 0;
    }
    if (!kept)
      tiles (job, w, i, &sums, at, NULL, count, source);
    else if (i == 0)
      tiles (job, w, i, &sums, at, kept, count, UNPACK);
    else
      tiles (job, kept, i, &sums, at, NULL, count, UNPACKED);
  }
  finish (job, &sums, 0, first, at, row, source != INT8);
}

INLINE void
block (const Job *job, size_t m, const Source source)
{
  const size_t n = bmk_align_up (job->w->n, PANEL);
  _Alignas (64) uint8_t kept[source == TERNARY ? UNPACK_K * PANEL : 64];
  const bool keep = source == TERNARY && job->w->k <= UNPACK_K && m > (job->w->k <= UNPACK_NEAR_K ? MAX_TILE : UNPACK_FAR);
  const uint8_t *w = job->w->data;
  size_t row = 0;

  if (m == 1) {
    for (; row + 4 * PANEL <= n; row += 4 * PANEL, w += 4 * job->panel_size)
      tile_1x4 (job, w, 0, row, source);
    for (; row + 2 * PANEL <= n; row += 2 * PANEL, w += 2 * job->panel_size)
      tile_1x2 (job, w, 0, row, source);
  } else if (m == 2)
    for (; row + 2 * PANEL <= n; row += 2 * PANEL, w += 2 * job->panel_size)
      tile_2x2 (job, w, 0, row, source);
  for (; row < n; row += PANEL, w += job->panel_size)
    panel_tiles (job, w, m, row, keep ? kept : NULL, source);
}

INLINE void
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, const Source source)
{
  __m512 top[BLOCK];

  for (size_t i = 0; i < m; i += BLOCK) {
    const size_t count = m - i < BLOCK ? m - i : BLOCK;
    const Job job = { out, w, q + i * w->k, rows + i, out->q ? top : NULL, i,
      padded (w->k) * (source == INT8 ? PANEL : PANEL / 4) };
    for (size_t t = 0; out->q && t < count; t++)
      top[t] = _mm512_setzero_ps ();
    block (&job, count, source);
    if (out->q)
      requantize_tokens (&job, count);
  }
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, TERNARY);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, INT8);
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, padded (k), LANES, true);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  bmk_panel_pack_ternary (dst, codes, n, k, padded (k), LANES);
}

static size_t
int8_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, padded (k), LANES, false);
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  bmk_panel_pack_int8 (dst, rows, n, k, padded (k), LANES, 0x80);
}

void
bmk_linear_fill_avx512vnni (BmkTable *t)
{
  t->ternary_packed_size = ternary_packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = ternary_linear;
  t->int8_packed_size = int8_packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
