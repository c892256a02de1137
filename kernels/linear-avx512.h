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

/* The rows' sums out of the nested ones. */
INLINE void
separate (__m512i *a0, __m512i *a1, __m512i *a2, __m512i *a3)
{
  *a0 = _mm512_sub_epi32 (*a0, *a1);
  *a1 = _mm512_srai_epi32 (_mm512_sub_epi32 (*a1, *a2), 2);
  *a2 = _mm512_srai_epi32 (_mm512_sub_epi32 (*a2, *a3), 4);
  *a3 = _mm512_srai_epi32 (*a3, 6);
}

/* 16 outputs from row `row`: the epilogue in the order of bitmar-kernels.h. */
INLINE void
finish16 (const Job *job, size_t token, size_t row, __m512i acc, __m512 inv, __mmask16 mask)
{
  const BmkOutput *out = job->out;
  float *y = out->y + (job->first + token) * out->ldy + row;
  __m512 v = _mm512_mul_ps (_mm512_cvtepi32_ps (acc), _mm512_maskz_loadu_ps (mask, job->w->scale + row));

  v = _mm512_mul_ps (v, inv);
  if (out->bias)
    v = _mm512_add_ps (v, _mm512_maskz_loadu_ps (mask, out->bias + row));
  if (out->activation != BMK_LINEAR)
    v = _mm512_max_ps (v, _mm512_setzero_ps ());
  if (out->activation == BMK_RELU_SQUARED)
    v = _mm512_mul_ps (v, v);
  if (out->add)
    v = _mm512_add_ps (_mm512_maskz_loadu_ps (mask, y), v);
  _mm512_mask_storeu_ps (y, mask, v);
  if (job->top)
    job->top[token] = _mm512_mask_range_ps (job->top[token], mask, job->top[token], v, 0x0b);
}

/* The sums of one token and one panel -> 64 outputs from row `row`. */
INLINE void
finish (const Job *job, size_t token, size_t row, __m512i a0, __m512i a1, __m512i a2, __m512i a3, const bool ternary)
{
  const size_t left = job->w->n - row;
  const uint64_t mask = left >= PANEL ? ~(uint64_t) 0 : ((uint64_t) 1 << left) - 1;
  const __m512 inv = _mm512_set1_ps (job->rows[token].inv);

  if (ternary)
    separate (&a0, &a1, &a2, &a3);
  finish16 (job, token, row, a0, inv, (__mmask16) mask);
  if (left > 16)
    finish16 (job, token, row + 16, a1, inv, (__mmask16) (mask >> 16));
  if (left > 32)
    finish16 (job, token, row + 32, a2, inv, (__mmask16) (mask >> 32));
  if (left > 48)
    finish16 (job, token, row + 48, a3, inv, (__mmask16) (mask >> 48));
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
