/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the 256-bit tiers' linear layers share: panels of 32 rows, and what becomes of their sums. */
#pragma once

#include "linear-pack.h"
#include "math-avx2.h"

#define LANES 8
#define PANEL 32
#define BLOCK 64                /* tokens that meet all weights before the next ones */

#define INLINE static inline __attribute__ ((always_inline))

typedef struct {
  const BmkOutput *out;
  const BmkLinear *w;
  const int8_t *q;              /* [m][k] */
  const BmkRow *rows;           /* [m] */
  __m256 *top;                  /* [m] max |y|, where out->q wants it, else NULL */
  size_t first;                 /* token of the output that token 0 is */
  size_t panel_size;            /* bytes */
} Job;

typedef int32_t Sums[PANEL];    /* of one token and one panel, rows in order */

INLINE __m256
absolute (__m256 v)
{
  return _mm256_and_ps (v, _mm256_castsi256_ps (_mm256_set1_epi32 (0x7fffffff)));
}

INLINE __m256
activated (__m256 v, const BmkActivation activation)
{
  if (activation != BMK_LINEAR)
    v = _mm256_max_ps (v, _mm256_setzero_ps ());
  return activation == BMK_RELU_SQUARED ? _mm256_mul_ps (v, v) : v;
}

/* A whole panel without a bias, what it does known to the compiler. */
INLINE void
finish_panel (const Job *job, Sums *sums, size_t token, size_t m, size_t row, const BmkActivation activation,
    const bool add, const bool top)
{
  const float *scale = job->w->scale + row;
  const __m256 scales[4] = { _mm256_loadu_ps (scale), _mm256_loadu_ps (scale + 8), _mm256_loadu_ps (scale + 16),
    _mm256_loadu_ps (scale + 24) };
  float *y = job->out->y + (job->first + token) * job->out->ldy + row;

  for (size_t i = 0; i < m; i++, y += job->out->ldy) {
    const __m256 inv = _mm256_set1_ps (job->rows[token + i].inv);
    __m256 most = top ? job->top[token + i] : inv;
#pragma GCC unroll 4
    for (int f = 0; f < 4; f++) {
      const __m256i sum = _mm256_load_si256 ((const __m256i *) sums[i] + f);
      __m256 v = activated (_mm256_mul_ps (_mm256_mul_ps (_mm256_cvtepi32_ps (sum), scales[f]), inv), activation);
      if (add)
        v = _mm256_add_ps (_mm256_loadu_ps (y + 8 * f), v);
      _mm256_storeu_ps (y + 8 * f, v);
      if (top)
        most = _mm256_max_ps (absolute (v), most);
    }
    if (top)
      job->top[token + i] = most;
  }
}

/* Any panel, any epilogue. */
static inline void
finish_slowly (const Job *job, Sums *sums, size_t token, size_t m, size_t row)
{
  const BmkOutput *out = job->out;
  const size_t left = job->w->n - row;

  for (size_t i = 0; i < m; i++)
    for (size_t f = 0; f < PANEL && f < left; f += LANES) {
      const __m256i mask = bmk_mask_avx2 (left - f < LANES ? (ptrdiff_t) (left - f) : LANES);
      float *y = out->y + (job->first + token + i) * out->ldy + row + f;
      __m256 v = _mm256_cvtepi32_ps (_mm256_load_si256 ((const __m256i *) (sums[i] + f)));
      v = _mm256_mul_ps (v, _mm256_maskload_ps (job->w->scale + row + f, mask));
      v = _mm256_mul_ps (v, _mm256_set1_ps (job->rows[token + i].inv));
      if (out->bias)
        v = _mm256_add_ps (v, _mm256_maskload_ps (out->bias + row + f, mask));
      v = activated (v, out->activation);
      if (out->add)
        v = _mm256_add_ps (_mm256_maskload_ps (y, mask), v);
      _mm256_maskstore_ps (y, mask, v);
      if (job->top)
        job->top[token + i] = _mm256_max_ps (_mm256_and_ps (absolute (v), _mm256_castsi256_ps (mask)), job->top[token + i]);
    }
}

/* The sums of tokens token..token+m-1 and the panel from `row` -> outputs, in the order of bitmar-kernels.h. */
static inline void
finish (const Job *job, Sums *sums, size_t token, size_t m, size_t row)
{
  const BmkOutput *out = job->out;

  if (out->bias || job->w->n - row < PANEL) {
    finish_slowly (job, sums, token, m, row);
    return;
  }
  switch ((unsigned) out->activation * 4 + (unsigned) out->add * 2 + (job->top != NULL)) {
#define CASE(activation, add, top) \
    case (activation) * 4 + (add) * 2 + (top): \
      finish_panel (job, sums, token, m, row, activation, add, top); \
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

static inline float
reduce_max (__m256 v)
{
  __m128 h = _mm_max_ps (_mm256_castps256_ps128 (v), _mm256_extractf128_ps (v, 1));

  h = _mm_max_ps (h, _mm_movehl_ps (h, h));
  return _mm_cvtss_f32 (_mm_max_ss (h, _mm_movehdup_ps (h)));
}

/* Tokens first..first+m-1 are complete: the next layer's input. */
static inline void
requantize_tokens (const Job *job, size_t m)
{
  const BmkOutput *out = job->out;

  for (size_t i = 0; i < m; i++) {
    const float top = reduce_max (job->top[i]);
    bmk_table.quantize (out->q + (job->first + i) * job->w->n, out->rows + job->first + i,
        out->y + (job->first + i) * out->ldy, out->ldy, 1, job->w->n, &top);
  }
}

/* Calls `block` for up to BLOCK tokens at a time. panel_size: bytes */
INLINE void
each_block (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, size_t panel_size,
    void (*block) (const Job *job, size_t m))
{
  __m256 top[BLOCK];

  for (size_t i = 0; i < m; i += BLOCK) {
    const size_t count = m - i < BLOCK ? m - i : BLOCK;
    const Job job = { out, w, q + i * w->k, rows + i, out->q ? top : NULL, i, panel_size };
    for (size_t t = 0; out->q && t < count; t++)
      top[t] = _mm256_setzero_ps ();
    block (&job, count);
    if (out->q)
      requantize_tokens (&job, count);
  }
}
