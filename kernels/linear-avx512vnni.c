/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Weights are the unsigned operand of vpdpbusd, activations the signed one.
 *
 * Ternary: a byte holds the codes c0..c3 of four rows for one k, and one activation meets all four. Instead of taking
 * the fields apart, four accumulators meet the byte with nothing, c0, c0..c1 and c0..c2 masked away (three ands for
 * four products, no shift); their differences are the rows' sums times 1, 4, 16 and 64.
 * Int8: weights are stored plus 128.
 * What the offsets (+1, +128) contribute is a multiple of sum(q), with which the accumulators start, negated. */
#include <immintrin.h>

#include "linear-pack.h"

#define LANES 16
#define PANEL 64
#define MAX_TILE 6              /* 6 x 4 accumulators, 4 operands, 3 masks, 1 broadcast: all 32 registers */
#define BLOCK 96                /* tokens whose starts are kept at a time */

typedef struct {
  int32_t a[4];
} Start;

typedef struct {
  float *y;
  size_t ldy;
  const BmkLinear *w;
  const int8_t *q;
  const float *inv;
  const Start *start;
  BmkEpilogue epilogue;
} Job;

static int32_t
sum_codes (const int8_t *q, size_t k)
{
  const __m128i ones = _mm_set1_epi8 (1);
  const __m512i wide_ones = _mm512_set1_epi8 (1);
  __m512i wide = _mm512_setzero_si512 (), wide1 = wide;
  __m128i acc = _mm_setzero_si128 ();
  size_t j = 0;

  for (; j + 128 <= k; j += 128) {
    wide = _mm512_dpbusd_epi32 (wide, wide_ones, _mm512_loadu_si512 (q + j));
    wide1 = _mm512_dpbusd_epi32 (wide1, wide_ones, _mm512_loadu_si512 (q + j + 64));
  }
  wide = _mm512_add_epi32 (wide, wide1);
  for (; j + 64 <= k; j += 64)
    wide = _mm512_dpbusd_epi32 (wide, wide_ones, _mm512_loadu_si512 (q + j));
  for (; j < k; j += 16)
    acc = _mm_dpbusd_epi32 (acc, ones, _mm_loadu_si128 ((const __m128i *) (q + j)));
  return _mm512_reduce_add_epi32 (_mm512_add_epi32 (wide, _mm512_zextsi128_si512 (acc)));
}

static void
start_tokens (Start *start, const int8_t *q, size_t m, size_t k, bool ternary)
{
  for (size_t i = 0; i < m; i++) {
    int32_t s = sum_codes (q + i * k, k);
    /* 1 + 4 + 16 + 64 with what the masks take away; unsigned, for the int8 product may wrap */
    uint32_t u = 0u - (uint32_t) s;
    start[i] = ternary ? (Start) { { (int32_t) (85 * u), (int32_t) (84 * u), (int32_t) (80 * u), (int32_t) (64 * u) } }
        : (Start) { { (int32_t) (128 * u), (int32_t) (128 * u), (int32_t) (128 * u), (int32_t) (128 * u) } };
  }
}

/* One vector of 16 outputs. */
static inline void
finish16 (float *y, __m512i acc, const float *scale, __m512 inv, __mmask16 mask, BmkEpilogue epilogue)
{
  __m512 v = _mm512_mul_ps (_mm512_cvtepi32_ps (acc), _mm512_maskz_loadu_ps (mask, scale));

  v = _mm512_mul_ps (v, inv);
  if (epilogue == BMK_ADD)
    v = _mm512_add_ps (_mm512_maskz_loadu_ps (mask, y), v);
  else if (epilogue != BMK_STORE)
    v = _mm512_max_ps (v, _mm512_setzero_ps ());
  if (epilogue == BMK_RELU_SQUARED)
    v = _mm512_mul_ps (v, v);
  _mm512_mask_storeu_ps (y, mask, v);
}

/* The accumulators of one token and one panel -> 64 outputs from row `row`. */
static inline __attribute__ ((always_inline)) void
finish (const Job *job, size_t token, size_t row, __m512i a0, __m512i a1, __m512i a2, __m512i a3, const bool ternary)
{
  const size_t left = job->w->n - row;
  const uint64_t mask = left >= PANEL ? ~(uint64_t) 0 : ((uint64_t) 1 << left) - 1;
  const __m512 inv = _mm512_set1_ps (job->inv[token]);
  const float *scale = job->w->scale + row;
  float *y = job->y + token * job->ldy + row;

  if (ternary) {
    a0 = _mm512_sub_epi32 (a0, a1);
    a1 = _mm512_srai_epi32 (_mm512_sub_epi32 (a1, a2), 2);
    a2 = _mm512_srai_epi32 (_mm512_sub_epi32 (a2, a3), 4);
    a3 = _mm512_srai_epi32 (a3, 6);
  }
  finish16 (y, a0, scale, inv, (__mmask16) mask, job->epilogue);
  if (left > 16)
    finish16 (y + 16, a1, scale + 16, inv, (__mmask16) (mask >> 16), job->epilogue);
  if (left > 32)
    finish16 (y + 32, a2, scale + 32, inv, (__mmask16) (mask >> 32), job->epilogue);
  if (left > 48)
    finish16 (y + 48, a3, scale + 48, inv, (__mmask16) (mask >> 48), job->epilogue);
}

/* A unit is one token against one panel. */
#define UNIT(u, token) \
  __m512i a##u##0 = _mm512_set1_epi32 (job->start[token].a[0]), a##u##1 = _mm512_set1_epi32 (job->start[token].a[1]); \
  __m512i a##u##2 = _mm512_set1_epi32 (job->start[token].a[2]), a##u##3 = _mm512_set1_epi32 (job->start[token].a[3])

#define AHEAD 1024              /* bytes: what the next-line prefetcher of the first cache does not cover */
#define LOAD_PANEL(w) do { \
  _mm_prefetch ((w) + AHEAD, _MM_HINT_T0); \
  if (!ternary) { \
    _mm_prefetch ((w) + AHEAD + 64, _MM_HINT_T0); \
    _mm_prefetch ((w) + AHEAD + 128, _MM_HINT_T0); \
    _mm_prefetch ((w) + AHEAD + 192, _MM_HINT_T0); \
  } \
  x0 = _mm512_load_si512 (w); \
  x1 = ternary ? _mm512_and_si512 (x0, mask1) : _mm512_load_si512 ((w) + 64); \
  x2 = ternary ? _mm512_and_si512 (x0, mask2) : _mm512_load_si512 ((w) + 128); \
  x3 = ternary ? _mm512_and_si512 (x0, mask3) : _mm512_load_si512 ((w) + 192); \
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

#define BROADCAST(q) _mm512_set1_epi32 (bmk_load4 (q))
#define FINISH(u, token, row) finish (job, token, row, a##u##0, a##u##1, a##u##2, a##u##3, ternary)
#define MASKS \
  const __m512i mask1 = _mm512_set1_epi8 ((char) 0xfc), mask2 = _mm512_set1_epi8 ((char) 0xf0); \
  const __m512i mask3 = _mm512_set1_epi8 ((char) 0xc0); \
  __m512i x0, x1, x2, x3

/* m tokens from `token`, one panel from `row`. */
static inline __attribute__ ((always_inline)) void
tile (const Job *job, size_t token, size_t row, const int m, const bool ternary)
{
  const size_t k = job->w->k, step = ternary ? 64 : 256;
  const uint8_t *w = (const uint8_t *) job->w->data + row / 4 * k * (ternary ? 1 : 4);
  const int8_t *q = job->q + token * k, *q3 = q + 3 * k;
  MASKS;
  UNIT (0, token);
  UNIT (1, token + (m > 1 ? 1 : 0));
  UNIT (2, token + (m > 2 ? 2 : 0));
  UNIT (3, token + (m > 3 ? 3 : 0));
  UNIT (4, token + (m > 4 ? 4 : 0));
  UNIT (5, token + (m > 5 ? 5 : 0));

  for (size_t j = 0; j < k; j += 4, w += step, q += 4, q3 += 4) {
    LOAD_PANEL (w);
    DOT (0, BROADCAST (q));
    if (m > 1)
      DOT (1, BROADCAST (q + k));
    if (m > 2)
      DOT (2, BROADCAST (q + 2 * k));
    if (m > 3)
      DOT (3, BROADCAST (q3));
    if (m > 4)
      DOT (4, BROADCAST (q3 + k));
    if (m > 5)
      DOT (5, BROADCAST (q3 + 2 * k));
  }
  FINISH (0, token, row);
  if (m > 1)
    FINISH (1, token + 1, row);
  if (m > 2)
    FINISH (2, token + 2, row);
  if (m > 3)
    FINISH (3, token + 3, row);
  if (m > 4)
    FINISH (4, token + 4, row);
  if (m > 5)
    FINISH (5, token + 5, row);
}

/* One token, four panels: enough sums in flight to hide the latency. */
static inline __attribute__ ((always_inline)) void
tile_1x4 (const Job *job, size_t token, size_t row, const bool ternary)
{
  const size_t k = job->w->k, step = ternary ? 64 : 256, panel = k * (ternary ? 16 : 64);
  const uint8_t *w0 = (const uint8_t *) job->w->data + row / PANEL * panel;
  const uint8_t *w1 = w0 + panel, *w2 = w1 + panel, *w3 = w2 + panel;
  const int8_t *q = job->q + token * k;
  MASKS;
  UNIT (0, token);
  UNIT (1, token);
  UNIT (2, token);
  UNIT (3, token);

  for (size_t j = 0, at = 0; j < k; j += 4, at += step) {
    __m512i b = BROADCAST (q + j);
    LOAD_PANEL (w0 + at);
    DOT (0, b);
    LOAD_PANEL (w1 + at);
    DOT (1, b);
    LOAD_PANEL (w2 + at);
    DOT (2, b);
    LOAD_PANEL (w3 + at);
    DOT (3, b);
  }
  FINISH (0, token, row);
  FINISH (1, token, row + PANEL);
  FINISH (2, token, row + 2 * PANEL);
  FINISH (3, token, row + 3 * PANEL);
}

/* Two tokens, two panels. */
static inline __attribute__ ((always_inline)) void
tile_2x2 (const Job *job, size_t token, size_t row, const bool ternary)
{
  const size_t k = job->w->k, step = ternary ? 64 : 256, panel = k * (ternary ? 16 : 64);
  const uint8_t *w0 = (const uint8_t *) job->w->data + row / PANEL * panel;
  const uint8_t *w1 = w0 + panel;
  const int8_t *q = job->q + token * k;
  MASKS;
  UNIT (0, token);
  UNIT (1, token + 1);
  UNIT (2, token);
  UNIT (3, token + 1);

  for (size_t j = 0, at = 0; j < k; j += 4, at += step) {
    __m512i b0 = BROADCAST (q + j), b1 = BROADCAST (q + k + j);
    LOAD_PANEL (w0 + at);
    DOT (0, b0);
    DOT (1, b1);
    LOAD_PANEL (w1 + at);
    DOT (2, b0);
    DOT (3, b1);
  }
  FINISH (0, token, row);
  FINISH (1, token + 1, row);
  FINISH (2, token, row + PANEL);
  FINISH (3, token + 1, row + PANEL);
}

/* 7 and 8 tokens do better as 4 + 3 and 4 + 4. */
static inline size_t
tile_tokens (size_t left)
{
  return left >= 9 ? MAX_TILE : left > MAX_TILE ? 4 : left;
}

static inline __attribute__ ((always_inline)) void
panel_tiles (const Job *job, size_t m, size_t row, const bool ternary)
{
  for (size_t i = 0, count; i < m; i += count) {
    count = tile_tokens (m - i);
    switch (count) {
      case 1:
        tile (job, i, row, 1, ternary);
        break;
      case 2:
        tile (job, i, row, 2, ternary);
        break;
      case 3:
        tile (job, i, row, 3, ternary);
        break;
      case 4:
        tile (job, i, row, 4, ternary);
        break;
      case 5:
        tile (job, i, row, 5, ternary);
        break;
      default:
        tile (job, i, row, 6, ternary);
        break;
    }
  }
}

static inline __attribute__ ((always_inline)) void
block (const Job *job, size_t m, const bool ternary)
{
  const size_t n = bmk_align_up (job->w->n, PANEL);
  size_t row = 0;

  if (m == 1)
    for (; row + 4 * PANEL <= n; row += 4 * PANEL)
      tile_1x4 (job, 0, row, ternary);
  else if (m == 2)
    for (; row + 2 * PANEL <= n; row += 2 * PANEL)
      tile_2x2 (job, 0, row, ternary);
  for (; row < n; row += PANEL)
    panel_tiles (job, m, row, ternary);
}

static inline __attribute__ ((always_inline)) void
linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m, BmkEpilogue epilogue,
    const bool ternary)
{
  Start start[BLOCK];

  for (size_t i = 0; i < m; i += BLOCK) {
    const size_t count = m - i < BLOCK ? m - i : BLOCK;
    const Job job = { y + i * ldy, ldy, w, q + i * w->k, inv + i, start, epilogue };
    start_tokens (start, job.q, count, w->k, ternary);
    block (&job, count, ternary);
  }
}

static void
ternary_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  linear (y, ldy, w, q, inv, m, epilogue, true);
}

static void
int8_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  linear (y, ldy, w, q, inv, m, epilogue, false);
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, true);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  bmk_panel_pack_ternary (dst, codes, n, k, LANES);
}

static size_t
int8_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, false);
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  bmk_panel_pack_int8 (dst, rows, n, k, LANES, 0x80);
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
