/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the 512-bit tiers share: the layout of a panel and what becomes of its sums.
 *
 * A panel is 64 rows; per 4 k one vector (ternary) or four (int8), as in linear-pack.h. The inputs are padded to 64 with
 * zero bytes, the width of an AMX tile; no vector kernel reads that far.
 *
 * Ternary: a byte holds the codes c0..c3 of four rows for one k, and one activation meets all four. Instead of taking
 * the fields apart, four accumulators meet the byte with nothing, c0, c0..c1 and c0..c2 masked away (three ands for
 * four products, no shift); their differences are the rows' sums times 1, 4, 16 and 64.
 * Int8: weights are stored plus 128.
 * What the offsets (+1, +128) contribute is a multiple of sum(q), with which the accumulators start, negated. */
#pragma once

#include "linear-pack.h"
#include "math-avx512vnni.h"

#define LANES 16
#define PANEL 64

#define INLINE static inline __attribute__ ((always_inline))

typedef struct {
  const BmkOutput *out;
  const BmkLinear *w;
  const int8_t *q;              /* [m][k] */
  const BmkRow *rows;           /* [m] */
  __m512 *top;                  /* [m] max |y|, where out->q wants it, else NULL */
  size_t first;                 /* token of the output that token 0 is */
  size_t panel_size;            /* bytes */
} Job;

static inline size_t
padded (size_t k)
{
  return bmk_align_up (k, 64);
}

/* 1 + 4 + 16 + 64 with what the masks take away; unsigned, for a product may wrap and yet the sum be right. */
INLINE __m512i
start_of (int32_t sum, const int field, const bool ternary)
{
  const uint32_t offset = !ternary ? 128 : field == 0 ? 85 : field == 1 ? 84 : field == 2 ? 80 : 64;

  return _mm512_set1_epi32 ((int32_t) (0u - offset * (uint32_t) sum));
}

/* Sums of some tokens and one panel, starts included: [field][token][row of 16] */
#define SUM_TOKENS 16
typedef struct {
  int32_t a[4][SUM_TOKENS][16];
} Sums;

INLINE __m512
activated (__m512 v, const BmkActivation activation)
{
  if (activation != BMK_LINEAR)
    v = _mm512_max_ps (v, _mm512_setzero_ps ());
  return activation == BMK_RELU_SQUARED ? _mm512_mul_ps (v, v) : v;
}

/* A whole panel without a bias, what it does known to the compiler. */
INLINE void
finish_panel (const Job *job, const Sums *sums, size_t at, size_t token, size_t m, size_t row, const bool ternary,
    const BmkActivation activation, const bool add, const bool top)
{
  const float *scale = job->w->scale + row;
  const __m512 scales[4] = { _mm512_loadu_ps (scale), _mm512_loadu_ps (scale + 16), _mm512_loadu_ps (scale + 32),
    _mm512_loadu_ps (scale + 48) };
  float *y = job->out->y + (job->first + token) * job->out->ldy + row;

  for (size_t i = 0; i < m; i++, y += job->out->ldy) {
    const __m512 inv = _mm512_set1_ps (job->rows[token + i].inv);
    __m512i above = _mm512_load_si512 (sums->a[3][at + i]);
    __m512 most = top ? job->top[token + i] : inv;
#pragma GCC unroll 4
    for (int f = 3; f >= 0; f--) {
      const __m512i a = _mm512_load_si512 (sums->a[f][at + i]);
      const __m512i sum = !ternary ? a : _mm512_srai_epi32 (f < 3 ? _mm512_sub_epi32 (a, above) : a, (unsigned) (2 * f));
      __m512 v = activated (_mm512_mul_ps (_mm512_mul_ps (_mm512_cvtepi32_ps (sum), scales[f]), inv), activation);
      if (add)
        v = _mm512_add_ps (_mm512_loadu_ps (y + 16 * f), v);
      _mm512_storeu_ps (y + 16 * f, v);
      if (top)
        most = _mm512_range_ps (most, v, 0x0b);
      above = a;
    }
    if (top)
      job->top[token + i] = most;
  }
}

/* Any panel, any epilogue. */
static inline void
finish_slowly (const Job *job, const Sums *sums, size_t first, size_t token, size_t m, size_t row, bool ternary)
{
  const BmkOutput *out = job->out;
  const size_t left = job->w->n - row;

  for (size_t i = 0; i < m; i++)
    for (int f = 0; f < 4 && 16 * (size_t) f < left; f++) {
      const size_t at = row + 16 * (size_t) f;
      const __mmask16 mask = bmk_mask_avx512 (job->w->n - at);
      float *y = out->y + (job->first + token + i) * out->ldy + at;
      __m512i sum = _mm512_load_si512 (sums->a[f][first + i]);
      __m512 v;
      if (ternary)
        sum = _mm512_srai_epi32 (f < 3 ? _mm512_sub_epi32 (sum, _mm512_load_si512 (sums->a[f + 1][first + i])) : sum,
            (unsigned) (2 * f));
      v = _mm512_mul_ps (_mm512_cvtepi32_ps (sum), _mm512_maskz_loadu_ps (mask, job->w->scale + at));
      v = _mm512_mul_ps (v, _mm512_set1_ps (job->rows[token + i].inv));
      if (out->bias)
        v = _mm512_add_ps (v, _mm512_maskz_loadu_ps (mask, out->bias + at));
      v = activated (v, out->activation);
      if (out->add)
        v = _mm512_add_ps (_mm512_maskz_loadu_ps (mask, y), v);
      _mm512_mask_storeu_ps (y, mask, v);
      if (job->top)
        job->top[token + i] = _mm512_mask_range_ps (job->top[token + i], mask, job->top[token + i], v, 0x0b);
    }
}

/* The m sums from `at` on are those of tokens token..token+m-1 and the panel from `row` -> outputs, in the order of
 * bitmar-kernels.h. */
INLINE void
finish (const Job *job, const Sums *sums, size_t at, size_t token, size_t m, size_t row, const bool ternary)
{
  const BmkOutput *out = job->out;

  if (out->bias || job->w->n - row < PANEL) {
    finish_slowly (job, sums, at, token, m, row, ternary);
    return;
  }
  switch ((unsigned) out->activation * 4 + (unsigned) out->add * 2 + (job->top != NULL)) {
#define CASE(activation, add, top) \
    case (activation) * 4 + (add) * 2 + (top): \
      finish_panel (job, sums, at, token, m, row, ternary, activation, add, top); \
      return
#define CASES(activation) \
    CASE (activation, 0, 0); \
    CASE (activation, 0, 1); \
    CASE (activation, 1, 0); \
    CASE (activation, 1, 1)
    CASES (BMK_LINEAR);
    CASES (BMK_RELU);
    CASES (BMK_RELU_SQUARED);
#undef CASES
#undef CASE
    default:
      return;
  }
}

/* Tokens first..first+m-1 are complete: the next layer's input. */
static inline void
requantize_tokens (const Job *job, size_t m)
{
  const BmkOutput *out = job->out;

  for (size_t i = 0; i < m; i++) {
    const float top = _mm512_reduce_max_ps (job->top[i]);
    bmk_table.quantize (out->q + (job->first + i) * job->w->n, out->rows + job->first + i,
        out->y + (job->first + i) * out->ldy, out->ldy, 1, job->w->n, &top);
  }
}
