/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sixteen tokens' dot products are folded together; the values of 64 elements are summed token by token in registers. */
#include "attention-avx512.h"

#define INLINE static inline __attribute__ ((always_inline))

#define DOT_STEP(t) a##t = _mm512_add_ps (a##t, _mm512_mul_ps (q_, _mm512_loadu_ps (k + (t) * d + j)))

/* Lanes j and j + 8 of a, then of b. */
static inline __m512
fold8 (__m512 a, __m512 b)
{
  return _mm512_add_ps (_mm512_shuffle_f32x4 (a, b, 0x44), _mm512_shuffle_f32x4 (a, b, 0xee));
}

/* Four tokens -> one 4-lane block each, lanes j and j + 4 added. */
static inline __m512
fold4 (__m512 a, __m512 b, __m512 c, __m512 d)
{
  __m512 s = fold8 (a, b), t = fold8 (c, d);

  return _mm512_add_ps (_mm512_shuffle_f32x4 (s, t, 0x88), _mm512_shuffle_f32x4 (s, t, 0xdd));
}

static inline __m512
fold2 (__m512 a, __m512 b)
{
  return _mm512_add_ps (_mm512_shuffle_ps (a, b, 0x44), _mm512_shuffle_ps (a, b, 0xee));
}

static inline __m512
fold1 (__m512 a, __m512 b)
{
  return _mm512_add_ps (_mm512_shuffle_ps (a, b, 0x88), _mm512_shuffle_ps (a, b, 0xdd));
}

/* k: 16 rows d apart; the canonical dot products with q: [hd] */
static inline __m512
dot16 (const float *q, const float *k, size_t d, size_t hd)
{
  __m512 a0 = _mm512_setzero_ps (), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  __m512 a8 = a0, a9 = a0, a10 = a0, a11 = a0, a12 = a0, a13 = a0, a14 = a0, a15 = a0;

  for (size_t j = 0; j < hd; j += 16) {
    __m512 q_ = _mm512_loadu_ps (q + j);
    DOT_STEP (0);
    DOT_STEP (1);
    DOT_STEP (2);
    DOT_STEP (3);
    DOT_STEP (4);
    DOT_STEP (5);
    DOT_STEP (6);
    DOT_STEP (7);
    DOT_STEP (8);
    DOT_STEP (9);
    DOT_STEP (10);
    DOT_STEP (11);
    DOT_STEP (12);
    DOT_STEP (13);
    DOT_STEP (14);
    DOT_STEP (15);
  }
  /* this order brings the tokens out in theirs */
  a0 = fold4 (a0, a4, a8, a12);
  a1 = fold4 (a1, a5, a9, a13);
  a2 = fold4 (a2, a6, a10, a14);
  a3 = fold4 (a3, a7, a11, a15);
  return fold1 (fold2 (a0, a1), fold2 (a2, a3));
}

static inline float
dot1 (const float *q, const float *k, size_t hd)
{
  __m512 acc = _mm512_setzero_ps ();

  for (size_t j = 0; j < hd; j += 16)
    acc = _mm512_add_ps (acc, _mm512_mul_ps (_mm512_loadu_ps (q + j), _mm512_loadu_ps (k + j)));
  return bmk_fold_avx512 (acc);
}

/* One head, one span: p[n] = (q . k) * scale */
static void
score (float *p, const float *q, const float *k, size_t n, size_t d, size_t hd)
{
  const float scale = 1.0f / sqrtf ((float) hd);
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps (p + i, _mm512_mul_ps (dot16 (q, k + i * d, d, hd), _mm512_set1_ps (scale)));
  for (; i < n; i++)
    p[i] = dot1 (q, k + i * d, hd) * scale;
}

static void
softmax (float *p, size_t n)
{
  const __m512 max = _mm512_set1_ps (bmk_max_avx512 (p, n));
  __m512 acc = _mm512_setzero_ps (), r;

  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    __m512 e = bmk_exp_avx512 (_mm512_sub_ps (_mm512_maskz_loadu_ps (mask, p + i), max));
    _mm512_mask_storeu_ps (p + i, mask, e);
    acc = _mm512_mask_add_ps (acc, mask, acc, e);
  }
  r = _mm512_set1_ps (1.0f / bmk_fold_avx512 (acc));
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = bmk_mask_avx512 (n - i);
    _mm512_mask_storeu_ps (p + i, mask, _mm512_mul_ps (_mm512_maskz_loadu_ps (mask, p + i), r));
  }
}

#define VALUE_STEP(r) \
  a##r = _mm512_add_ps (a##r, _mm512_mul_ps (_mm512_set1_ps (*p##r++), _mm512_loadu_ps (v + (r) * 16)))

/* 64 elements from `at`: four vectors, each with its head's probabilities. p: [heads][n] */
static void
blend64 (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t at, size_t hd)
{
  __m512 a0 = _mm512_setzero_ps (), a1 = a0, a2 = a0, a3 = a0;
  const float *p0 = p + at / hd * n, *p1 = p + (at + 16) / hd * n;
  const float *p2 = p + (at + 32) / hd * n, *p3 = p + (at + 48) / hd * n;

  EACH_SPAN (spans, span) {
    const float *v = span->n ? span->v + at : NULL;
    for (size_t i = 0; i < span->n; i++, v += d) {
      VALUE_STEP (0);
      VALUE_STEP (1);
      VALUE_STEP (2);
      VALUE_STEP (3);
    }
  }
  _mm512_storeu_ps (out + at, a0);
  _mm512_storeu_ps (out + at + 16, a1);
  _mm512_storeu_ps (out + at + 32, a2);
  _mm512_storeu_ps (out + at + 48, a3);
}

static void
blend16 (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t at, size_t hd)
{
  __m512 a0 = _mm512_setzero_ps ();
  const float *p0 = p + at / hd * n;

  EACH_SPAN (spans, span) {
    const float *v = span->n ? span->v + at : NULL;
    for (size_t i = 0; i < span->n; i++, v += d)
      VALUE_STEP (0);
  }
  _mm512_storeu_ps (out + at, a0);
}

static void
values (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, size_t to)
{
  if (to - at == 64)
    blend64 (out, p, spans, n, d, at, hd);
  else
    for (; at < to; at += 16)
      blend16 (out, p, spans, n, d, at, hd);
}

/* ---- Several queries over the same tokens ---- */

/* Panels of 16 keys, [panel][hd][16], so that a register's lanes are keys and nothing is added across lanes. */
static void
lay_out_keys (float *kt, const float *k, size_t n, size_t d, size_t hd)
{
  for (size_t first = 0; first < n; first += 16, kt += 16 * hd)
    for (size_t j = 0; j < hd; j += 16) {
      __m512 r[16];
#pragma GCC unroll 16
      for (size_t i = 0; i < 16; i++)
        r[i] = first + i < n ? _mm512_loadu_ps (k + (first + i) * d + j) : _mm512_setzero_ps ();
      bmk_transpose_16 (r, kt + 16 * j);
    }
}

/* The canonical order's 16 lanes are 16 registers here, which are added as lanes are. lane: [16][pairs] */
INLINE __m512
fold_registers (__m512 *lane, const int pairs)
{
#pragma GCC unroll 4
  for (int half = 8; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int j = 0; j < half; j++)
      lane[j * pairs] = _mm512_add_ps (lane[j * pairs], lane[(j + half) * pairs]);
  return lane[0];
}

/* nq queries and nk panels, known to the compiler. n: keys that are left */
INLINE void
score_tile (float *p, size_t ldp, const float *q, size_t d, const float *kt, size_t hd, size_t n, const int nq, const int nk)
{
  const __m512 scale = _mm512_set1_ps (1.0f / sqrtf ((float) hd));
  __m512 lane[16 * 8];

  for (size_t j = 0; j < 16; j++) {
    __m512 acc[8];
#pragma GCC unroll 8
    for (int i = 0; i < nq * nk; i++)
      acc[i] = _mm512_setzero_ps ();
    for (size_t e = j; e < hd; e += 16) {
      const __m512 k0 = _mm512_loadu_ps (kt + 16 * e), k1 = nk > 1 ? _mm512_loadu_ps (kt + 16 * (hd + e)) : k0;
#pragma GCC unroll 4
      for (int i = 0; i < nq; i++) {
        const __m512 x = _mm512_set1_ps (q[(size_t) i * d + e]);
        acc[i * nk] = _mm512_add_ps (acc[i * nk], _mm512_mul_ps (x, k0));
        if (nk > 1)
          acc[i * nk + 1] = _mm512_add_ps (acc[i * nk + 1], _mm512_mul_ps (x, k1));
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < nq * nk; i++)
      lane[j * (size_t) (nq * nk) + (size_t) i] = acc[i];
  }
#pragma GCC unroll 8
  for (int i = 0; i < nq * nk; i++) {
    const size_t at = (size_t) (i % nk) * 16;
    _mm512_mask_storeu_ps (p + (size_t) (i / nk) * ldp + at, at < n ? bmk_mask_avx512 (n - at) : 0,
        _mm512_mul_ps (fold_registers (lane + i, nq * nk), scale));
  }
}

INLINE void
score_queries (float *p, const float *q, const float *kt, size_t n, size_t d, size_t hd, const int nq)
{
  size_t at = 0;

  for (; at + 16 < n; at += 32)
    score_tile (p + at, n, q, d, kt + at * hd, hd, n - at, nq, 2);
  if (at < n)
    score_tile (p + at, n, q, d, kt + at * hd, hd, n - at, nq, 1);
}

static void
head_scores (float *p, const float *q, const float *k, size_t queries, size_t n, size_t d, size_t hd, float *kt)
{
  size_t i = 0;

  lay_out_keys (kt, k, n, d, hd);
  for (; i + 4 <= queries; i += 4)
    score_queries (p + i * n, q + i * d, kt, n, d, hd, 4);
  for (; i < queries; i++)
    score_queries (p + i * n, q + i * d, kt, n, d, hd, 1);
}

/* nq queries and 64 elements */
INLINE void
blend_tile (float *out, const float *p, const float *v, size_t n, size_t d, const int nq)
{
  __m512 acc[4][4];

#pragma GCC unroll 16
  for (int i = 0; i < 4 * nq; i++)
    acc[i / 4][i % 4] = _mm512_setzero_ps ();
  for (size_t t = 0; t < n; t++, v += d) {
    const __m512 v0 = _mm512_loadu_ps (v), v1 = _mm512_loadu_ps (v + 16), v2 = _mm512_loadu_ps (v + 32);
    const __m512 v3 = _mm512_loadu_ps (v + 48);
#pragma GCC unroll 4
    for (int i = 0; i < nq; i++) {
      const __m512 w = _mm512_set1_ps (p[(size_t) i * n + t]);
      acc[i][0] = _mm512_add_ps (acc[i][0], _mm512_mul_ps (w, v0));
      acc[i][1] = _mm512_add_ps (acc[i][1], _mm512_mul_ps (w, v1));
      acc[i][2] = _mm512_add_ps (acc[i][2], _mm512_mul_ps (w, v2));
      acc[i][3] = _mm512_add_ps (acc[i][3], _mm512_mul_ps (w, v3));
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4 * nq; i++)
    _mm512_storeu_ps (out + (size_t) (i / 4) * d + 16 * (i % 4), acc[i / 4][i % 4]);
}

static void
head_values (float *out, const float *p, const float *v, size_t queries, size_t n, size_t d, size_t hd)
{
  const BmkSpan span = { NULL, v, n, false };
  const BmkSpans spans = { { &span, NULL }, { 1, 0 } };
  size_t at = 0;

  for (; at + 64 <= hd; at += 64) {
    size_t i = 0;
    for (; i + 4 <= queries; i += 4)
      blend_tile (out + i * d + at, p + i * n, v + at, n, d, 4);
    for (; i < queries; i++)
      blend_tile (out + i * d + at, p + i * n, v + at, n, d, 1);
  }
  for (; at < hd; at += 16)
    for (size_t i = 0; i < queries; i++)
      blend16 (out + i * d, p + i * n, &spans, n, d, at, hd);
}

void
bmk_attention_fill_avx512vnni (BmkTable *t)
{
  t->score = score;
  t->softmax = softmax;
  t->values = values;
  t->head_scores = head_scores;
  t->head_values = head_values;
}
