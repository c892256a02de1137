/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The dispatch table and what every tier shares. Public functions check their arguments and call through the table;
 * tier functions trust theirs. A tier overwrites what it does better and leaves the rest to the narrower one. */
#pragma once

#include <math.h>
#include <string.h>

#include "bitmar-kernels.h"

struct BmkAxis;

typedef struct {
  const BmkSpan *list[2];
  size_t n[2];
} BmkSpans;

/* The spans of both lists, in order. */
#define EACH_SPAN(spans, span) \
  for (int list_ = 0; list_ < 2; list_++) \
    for (const BmkSpan *span = (spans)->list[list_], *end_ = span + (spans)->n[list_]; span < end_; span++)

typedef struct {
  /* top: [m] max |x| of each row where it is known, else NULL */
  void (*quantize) (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k, const float *top);
  float (*max_abs) (const float *x, size_t k);
  void (*requantize_u8) (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k);
  void (*describe) (BmkRow *rows, const int8_t *q, size_t m, size_t k);

  size_t (*ternary_packed_size) (size_t n, size_t k);
  void (*ternary_pack) (void *dst, const uint8_t *codes, size_t n, size_t k);
  void (*ternary_linear) (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m);
  size_t (*int8_packed_size) (size_t n, size_t k);
  void (*int8_pack) (void *dst, const int8_t *rows, size_t n, size_t k);
  void (*int8_linear) (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m);

  /* As bmk_f16_linear, but out->q is not its business. */
  void (*f16_linear) (const BmkOutput *out, const BmkLinear *w, const float *x, size_t ldx, size_t m);
  /* One row. */
  void (*layer_norm) (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t d);
  void (*gelu) (float *x, size_t n);

  /* One head, n tokens: p[n] = (q . k) / sqrt(hd). q: [hd], k: n rows d apart */
  void (*score) (float *p, const float *q, const float *k, size_t n, size_t d, size_t hd);
  void (*softmax) (float *p, size_t n);
  /* Elements at..to-1 of out: sum p v over the spans of both lists, in order. p: [heads][n]; at, to: multiples of 16, at
   * most 64 apart, of 64 unless to is the end. */
  void (*values) (float *out, const float *p, const BmkSpans *spans, size_t n, size_t d, size_t hd, size_t at, size_t to);
  /* The same for several queries of one head over one run of n tokens. q: rows d apart, as k; p: [queries][n]; kt: hd floats for each of
   * n tokens and up to 15 more, to lay the keys out in. */
  void (*head_scores) (float *p, const float *q, const float *k, size_t queries, size_t n, size_t d, size_t hd, float *kt);
  /* out: rows d apart, as v */
  void (*head_values) (float *out, const float *p, const float *v, size_t queries, size_t n, size_t d, size_t hd);
  void (*rotate) (float *x, const float *cos, const float *sin, size_t d, size_t heads);
  float (*dot) (const float *a, const float *b, size_t n);
  float (*sum) (const float *x, size_t n);
  float (*sum_exp) (const float *x, size_t n, float *max);      /* sum exp(x - max) */
  /* The indices of what is greater than cut, ascending -> how many. n <= 256, at: [n] */
  size_t (*above) (uint8_t *at, const float *x, size_t n, float cut);
  void (*add) (float *y, const float *x, size_t n);
  void (*blend) (float *y, const float *x, float keep, float take, size_t n);

  size_t (*pointwise_packed_size) (size_t cout, size_t cin);
  void (*pointwise_pack) (void *dst, const int8_t *rows, size_t cout, size_t cin);
  void (*pointwise) (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p);
  size_t (*depthwise_packed_size) (size_t channels, int kernel);
  void (*depthwise_pack) (void *dst, const int8_t *taps, size_t channels, int kernel);
  void (*depthwise) (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w);
  size_t (*stem_packed_size) (size_t cout);
  void (*stem_pack) (void *dst, const int8_t *rows, size_t cout);
  void (*stem) (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w);

  /* x: a row that may be read 16 samples past its end. rows: [count][n], y and the last row likewise. */
  void (*resample_row) (uint8_t *y, const uint16_t *x, const struct BmkAxis *a);
  void (*resample_column) (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low,
      size_t count);
  void (*yuv_to_rgb) (uint8_t *pixels, size_t n, const BmkColorMatrix *m);

  uint64_t (*peak_dot) (size_t steps);          /* NULL: the tier has no such instruction */
  uint64_t (*peak_tile) (size_t steps);
  uint64_t (*read) (const void *data, size_t size);
} BmkTable;

extern BmkTable bmk_table;

/* Each puts its functions into the table; a tier's parts are filled after those of the tiers below it. */
#define BMK_FILL(part, tier) void bmk_##part##_fill_##tier (BmkTable *t)
BMK_FILL (quantize, scalar);
BMK_FILL (linear, scalar);
BMK_FILL (linear_f16, scalar);
BMK_FILL (norm, scalar);
BMK_FILL (attention, scalar);
BMK_FILL (elementwise, scalar);
BMK_FILL (conv, scalar);
BMK_FILL (resample, scalar);
BMK_FILL (color, scalar);
BMK_FILL (peak, scalar);
BMK_FILL (elementwise, orc);
BMK_FILL (quantize, avx2);
BMK_FILL (linear, avx2);
BMK_FILL (linear_f16, avx2);
BMK_FILL (norm, avx2);
BMK_FILL (attention, avx2);
BMK_FILL (elementwise, avx2);
BMK_FILL (conv, avx2);
BMK_FILL (resample, avx2);
BMK_FILL (color, avx2);
BMK_FILL (peak, avx2);
BMK_FILL (linear, avxvnni);
BMK_FILL (conv, avxvnni);
BMK_FILL (peak, avxvnni);
BMK_FILL (quantize, avx512vnni);
BMK_FILL (linear, avx512vnni);
BMK_FILL (linear_f16, avx512vnni);
BMK_FILL (norm, avx512vnni);
BMK_FILL (attention, avx512vnni);
BMK_FILL (elementwise, avx512vnni);
BMK_FILL (conv, avx512vnni);
BMK_FILL (peak, avx512vnni);
BMK_FILL (linear, amx);
BMK_FILL (conv, amx);
BMK_FILL (peak, amx);
BMK_FILL (quantize, dotprod);
BMK_FILL (linear, dotprod);
BMK_FILL (linear_f16, dotprod);
BMK_FILL (norm, dotprod);
BMK_FILL (attention, dotprod);
BMK_FILL (elementwise, dotprod);
BMK_FILL (conv, dotprod);
BMK_FILL (resample, dotprod);
BMK_FILL (color, dotprod);
BMK_FILL (peak, dotprod);
BMK_FILL (linear, i8mm);
BMK_FILL (conv, i8mm);
BMK_FILL (peak, i8mm);
#undef BMK_FILL

static inline size_t
bmk_align_up (size_t n, size_t to)
{
  return (n + to - 1) / to * to;
}

/* Half weights are packed the same in every tier: panels of outputs, [panel][k][BMK_F16_PANEL], the last one filled up with zeros. */
#define BMK_F16_PANEL 64

/* of a row whose squared differences from the mean sum up to `squares` */
static inline float
bmk_inverse_deviation (float squares, size_t d, float epsilon)
{
  return 1.0f / sqrtf (squares / (float) d + epsilon);
}

/* To nearest, ties to even, for |x| < 2^22: the addition does the rounding. */
static inline float
bmk_rint (float x)
{
  return (x + 12582912.0f) - 12582912.0f;
}

/* Four codes, as vpdpbusd and maddubs want them broadcast. */
static inline int32_t
bmk_load4 (const int8_t *q)
{
  int32_t v;
  memcpy (&v, q, sizeof v);
  return v;
}

static inline float
bmk_inverse_rms_of (int32_t sum_squares, size_t k)
{
  return sum_squares ? 1.0f / sqrtf ((float) sum_squares / (float) k) : 0.0f;
}

static inline BmkRow
bmk_row_of (int32_t sum, int32_t sum_squares, size_t k)
{
  return (BmkRow) { bmk_inverse_rms_of (sum_squares, k), sum };
}

/* max |x| -> the factor of the codes; infinite when a is so small that only signs are left. */
static inline float
bmk_code_scale (float a)
{
  return a > 0.0f ? 127.0f / a : 0.0f;
}

/* Where 127 / max|x| overflows: rint and clamp of an infinity are the sign, and 0 stays 0. */
static inline void
bmk_quantize_tiny (int8_t *q, const float *x, size_t k)
{
  for (size_t j = 0; j < k; j++)
    q[j] = (int8_t) (x[j] > 0.0f ? 127 : x[j] < 0.0f ? -127 : 0);
}

/* exp: x = n ln 2 + r, |r| <= ln 2 / 2; the same steps in every tier. */
#define BMK_EXP_HIGH 88.0f
#define BMK_EXP_LOW (-87.3f)
#define BMK_EXP_LOG2E 1.44269504088896341f
#define BMK_EXP_MAGIC 12582912.0f       /* 1.5 * 2^23: adding it leaves rint in the low bits */
#define BMK_EXP_LN2_HIGH 0.693359375f
#define BMK_EXP_LN2_LOW (-2.12194440e-4f)
/* exp(r) = 1 + r + r^2 (C0 + C1 r + ... + C5 r^5), fitted for the least relative error (5e-11 before rounding) */
#define BMK_EXP_C0 0.5f
#define BMK_EXP_C1 0.1666666567325592f
#define BMK_EXP_C2 0.041666291654109955f
#define BMK_EXP_C3 0.008333498612046242f
#define BMK_EXP_C4 0.0013944868696853518f
#define BMK_EXP_C5 0.00019790140504483134f

/* gelu (x) = max (x, 0) - a * q (a), a = |x|, q (a) = erfc (a / sqrt 2) / 2 = exp (-a^2 / 2) * (C0 + C1 t + ... + C8 t^8), t = 1 / (1 + T a).
 * Fitted for the least relative error of q on 0..13.3, where exp ends (7e-8); neither side of 0 is a difference of large numbers. */
#define BMK_GELU_T 0.4f
#define BMK_GELU_C0 (-1.2983945453015622e-05f)
#define BMK_GELU_C1 0.15992498397827148f
#define BMK_GELU_C2 0.15560714900493622f
#define BMK_GELU_C3 0.1592538058757782f
#define BMK_GELU_C4 (-0.014700230211019516f)
#define BMK_GELU_C5 0.25486716628074646f
#define BMK_GELU_C6 (-0.377590149641037f)
#define BMK_GELU_C7 0.20274674892425537f
#define BMK_GELU_C8 (-0.04009652137756348f)
