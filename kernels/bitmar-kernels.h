/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The low-bit kernels: plain C11, no allocation, no I/O, no global state but one dispatch table (and
 * the thread pool, when asked for).
 *
 * Every function is a pure function of its arguments and may be called from any thread. The caller owns
 * every buffer. All tiers give the same bits for the same input: integer sums are exact, floats follow
 * the canonical order of models/MODEL.md, and fused multiply-adds are where that page says so and nowhere else. Sizes are in
 * elements unless a name ends in _size (bytes). "Packed" weights are in the layout of the active tier:
 * pack after bmk_init() (or bmk_set_tier) and never change the tier while packed weights are in use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tiers ------------------------------------------------------------------------------------ */

/* Narrow to wide. What one machine lacks is passed over: there is no machine with all of them. */
typedef enum {
  BMK_TIER_SCALAR = 0, /* plain C: what every other tier is held against */
  BMK_TIER_AVX2,
  BMK_TIER_AVXVNNI,    /* AVX2 with the 256-bit dot products of AVX-VNNI */
  BMK_TIER_AVX512VNNI,
  BMK_TIER_AMX,        /* AVX512-VNNI with the int8 tiles of AMX; Linux is asked for their state */
  BMK_TIER_DOTPROD,    /* ARMv8.2 NEON with SDOT, UDOT */
  BMK_TIER_I8MM,       /* the same with SMMLA, USMMLA, USDOT */
  BMK_N_TIERS
} BmkTier;

/* Chooses the widest tier that the CPU has, capped by the environment variable BITMAR_CPU (a name of bmk_tier_name()), and makes
 * the threads that BITMAR_THREADS asks for. False: one of the two is not a value, and has no effect. Idempotent, thread-safe. */
bool bmk_init (void);
/* For tests and benchmarks: false when this CPU or build lacks the tier. Not thread-safe. */
bool bmk_set_tier (BmkTier tier);
BmkTier bmk_tier (void);
/* "scalar", "avx2", "avxvnni", "avx512vnni", "amx", "dotprod", "i8mm"; NULL for what is none. */
const char *bmk_tier_name (BmkTier tier);

#define BMK_MAX_THREADS 64

/* How many threads a large layer (64 rows and 4 million multiplications or more) is shared among, the calling one included; 1,
 * the default, makes none. They are the process's: of several callers at a time one has their help. Results are the same for
 * any number. May be called at any time, also while others use kernels. False: not 1..64, nothing changes; or fewer could be made. */
bool bmk_set_threads (unsigned n);
unsigned bmk_threads (void);

/* Alignment, in bytes, of packed weights. Everything else may be unaligned. */
#define BMK_ALIGN 64

/* ---- Low-bit linear layers -------------------------------------------------------------------- */

/* What a linear layer reads of a row besides its codes. */
typedef struct {
  float inv;           /* 1 / sqrt(sum q^2 / k), 0 for an all-zero row */
  int32_t sum;         /* sum q: what the offsets of unsigned weights add up to */
} BmkRow;

/* Rows of x -> int8 codes: q = clamp(rint(x * (127 / max|x|))).
 * x: [m][ldx] f32, k used, finite; q: [m][k]; rows: [m]. */
void bmk_quantize (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k);
/* The same codes for layers without a norm: rows[].inv = max|x| / 127, with which a linear layer gives x its scale back. */
void bmk_quantize_scaled (int8_t *q, BmkRow *rows, const float *x, size_t ldx, size_t m, size_t k);
/* The same for unsigned codes (the backbone's output, ReLU6, zero point 0). x: [m][k] u8. */
void bmk_requantize_u8 (int8_t *q, BmkRow *rows, const uint8_t *x, size_t m, size_t k);
/* The rows of codes that are there already. */
void bmk_describe (BmkRow *rows, const int8_t *q, size_t m, size_t k);

typedef enum {
  BMK_LINEAR = 0,      /* v            */
  BMK_RELU,            /* max(v, 0)    */
  BMK_RELU_SQUARED     /* max(v, 0)^2  */
} BmkActivation;

/* Where a linear layer's result goes, and what becomes of it on the way. Zeroed but for y and ldy it is stored as it is. */
typedef struct {
  float *y;            /* [m][ldy]: y = activation(v + bias), or y += that; always written */
  size_t ldy;
  const float *bias;   /* [n], NULL: none */
  BmkActivation activation;
  bool add;            /* the residual is in y */
  int8_t *q;           /* [m][n], NULL: none; the rows of y quantised, which the next layer reads */
  BmkRow *rows;        /* [m], with q */
} BmkOutput;

/* A linear layer's weights, packed. `data` and `scale` belong to the caller and must outlive it. */
typedef struct {
  size_t n, k;         /* outputs, inputs; k is a multiple of 16 (half floats: any), both > 0, k <= 65536 */
  const void *data;    /* packed, BMK_ALIGN-aligned */
  const float *scale;  /* [n] */
} BmkLinear;

/* Ternary: codes are row-major 2-bit, [n][k/4], lowest bits first, t + 1. Returns the bytes bmk_ternary_pack
 * writes, 0 when n or k is not allowed. */
size_t bmk_ternary_packed_size (size_t n, size_t k);
/* False when the shape is not allowed or a code is 3; dst is then undefined. */
bool bmk_ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k);
/* v[m][n] = ((float) (q . t[n]) * scale[n]) * rows[m].inv. q: [m][k] codes in -127..127, rows: [m]. Any m.
 * out->q must not overlap q, nor out->rows rows. */
void bmk_ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m);

/* Int8 weights -127..127 (the vocabulary head): the same with w in place of t. rows: [n][k]. */
size_t bmk_int8_packed_size (size_t n, size_t k);
bool bmk_int8_pack (void *dst, const int8_t *rows, size_t n, size_t k);
void bmk_int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m);

/* Half-float weights, float inputs: v[m][n] = (sum_k x[k] w[n, k], one fused multiply-add a step, k in order) * scale[n]. Any k up
 * to 65536. rows: [n][k] half floats, little-endian, any alignment; false too when one is not finite. x: [m][ldx]; out->y must not overlap it. */
size_t bmk_f16_packed_size (size_t n, size_t k);
bool bmk_f16_pack (void *dst, const void *rows, size_t n, size_t k);
void bmk_f16_linear (const BmkOutput *out, const BmkLinear *w, const float *x, size_t ldx, size_t m);

#define BMK_MAX_BEST 64

typedef struct {
  float value;
  uint32_t index;
} BmkBest;

/* The `count` greatest outputs of an int8 layer for each row, and log sum exp over all n, without storing the outputs.
 * best: [m][count], greatest first, of equals the lower index first; count is 1..min(n, BMK_MAX_BEST). log_sum: [m]. The
 * sum is taken over runs of 256 outputs, which are then added in order, each rescaled to the greatest so far. */
void bmk_int8_best (BmkBest *best, float *log_sum, size_t count, const BmkLinear *w, const int8_t *q, const BmkRow *rows,
    size_t m);

/* ---- Attention and elementwise, canonical order ----------------------------------------------- */

/* A run of n cached tokens. Keys and values are [n][d] f32, heads side by side. */
typedef struct {
  const float *k, *v;
  size_t n;
  bool sink;           /* this span meets q_sink, not q */
} BmkSpan;

/* One query token over the spans, in order: out[d] = softmax(q.k / sqrt(hd)) v per head, hd = d / heads, a
 * multiple of 16. q, q_sink: [d] f32, rotated. scratch: [total n] floats times `heads`. At least one token. */
void bmk_attend (float *out, const float *q, const float *q_sink, const BmkSpan *spans, size_t n_spans,
    size_t d, size_t heads, float *scratch);

/* A query over the spans that it shares with others, and then over its own. */
typedef struct {
  float *out;          /* [d] */
  const float *q, *q_sink;     /* [d], rotated */
  const BmkSpan *own;
  size_t n_own;        /* spans; may be 0 */
} BmkQuery;

/* The same for several queries: each result is that of bmk_attend(), but what they share comes into the cache once.
 * scratch: [total n] floats times `heads`, of all queries. */
void bmk_attend_many (const BmkQuery *queries, size_t n, const BmkSpan *shared, size_t n_shared, size_t d, size_t heads,
    float *scratch);

/* n tokens over themselves, each result that of bmk_attend() over one span. out, q, k, v: [n][d]; out must not overlap the
 * others. scratch: bmk_attend_all_scratch() floats. */
size_t bmk_attend_all_scratch (size_t n, size_t d, size_t heads);
void bmk_attend_all (float *out, const float *q, const float *k, const float *v, size_t n, size_t d, size_t heads, float *scratch);

/* x: [d] in place, heads side by side; cos, sin: [hd / 2]. Pairs (i, i + hd/2). */
void bmk_rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads);
/* Canonical dot product and sum. */
float bmk_dot (const float *a, const float *b, size_t n);
float bmk_sum (const float *x, size_t n);
/* y += x, and y = keep y + take x; both take subnormal numbers, which no trained model has, as zero. */
void bmk_add (float *y, const float *x, size_t n);
void bmk_blend (float *y, const float *x, float keep, float take, size_t n);
/* Rows of d: y = ((x - mean) * (1 / sqrt(variance + epsilon))) * weight + bias; variance = mean of (x - mean)^2. y may be x. */
void bmk_layer_norm (float *y, const float *x, const float *weight, const float *bias, float epsilon, size_t m, size_t d);
/* x = x/2 (1 + erf(x / sqrt 2)) in place, by a polynomial all tiers share: off by less than 2e-7 |x|. */
void bmk_gelu (float *x, size_t n);
/* The polynomial exp all tiers share: relative error < 2e-7 on [-87, 88], 0 below -87.3, clamped above 88. */
float bmk_exp (float x);
/* max + log(sum exp(x - max)); n > 0. */
float bmk_log_sum_exp (const float *x, size_t n);

/* ---- Convolutions of the backbone: u8 activations, s8 or ternary weights, int32 sums ------------ */

typedef struct {
  size_t cin, cout;    /* depthwise: equal; multiples of 8 (stem: cin is 3) */
  int kernel, stride;  /* 1 x 1: both 1; stem 3, 2; depthwise 3 or 5, 1 or 2 */
  const void *data;    /* packed weights, BMK_ALIGN-aligned */
  const int32_t *bias; /* [cout] */
  const float *mult;   /* [cout] */
  float rmult;         /* of the residual, 0 without one */
  int zero;            /* output zero point: 128 for a projection, else 0 */
} BmkConv;

/* Output edge length under TF-SAME padding: ceil(n / stride). */
size_t bmk_conv_out (size_t n, int stride);

/* Pointwise. rows: [cout][cin] s8. x: [p][cin] u8, r: [p][cout] u8 or NULL, y: [p][cout] u8 (y may be r). */
size_t bmk_pointwise_packed_size (size_t cout, size_t cin);
bool bmk_pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin);
void bmk_pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p);

/* Depthwise. taps: [kernel*kernel][c] s8. x: [h][w][c], y: [ho][wo][c]; padding is the byte 0. */
size_t bmk_depthwise_packed_size (size_t channels, int kernel);
bool bmk_depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel);
void bmk_depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w);

/* Stem. rows: [cout][3*3*3] (ky, kx, channel). x: [h][w][3], y: [ho][wo][cout]; padding is the byte 128. */
size_t bmk_stem_packed_size (size_t cout);
bool bmk_stem_pack (void *dst, const int8_t *rows, size_t cout);
void bmk_stem (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w);

/* ---- Pictures ----------------------------------------------------------------------------------- */

/* Antialiased triangle-filter resampling of one 8-bit plane, two passes (horizontal first), 22-bit
 * fixed-point coefficients, rounded and clamped to u8 after each pass: support max(1, in/out) source
 * pixels either side of the centre (o + 0.5) * in/out, weights normalised in double before rounding. */
typedef struct BmkResample BmkResample;

/* Bytes for the plan and the scratch that resampling in -> out takes; 0 when a side is 0 or above 16384. */
size_t bmk_resample_size (size_t in_w, size_t in_h, size_t out_w, size_t out_h);
/* Lays the plan out in `memory` (bmk_resample_size bytes, BMK_ALIGN-aligned); never fails when size was not 0. */
BmkResample *bmk_resample_init (void *memory, size_t in_w, size_t in_h, size_t out_w, size_t out_h);
/* src: first sample of the plane, `src_step` bytes from sample to sample (1 planar, 2 UV of NV12, 3 or 4 packed), rows
 * `src_stride` bytes apart (may be negative). dst: out_w * out_h samples, `dst_step` bytes apart, rows packed.
 * Uses the plan's scratch: one thread per plan. */
void bmk_resample (BmkResample *plan, uint8_t *dst, size_t dst_step, const uint8_t *src, size_t src_step,
    ptrdiff_t src_stride);

/* 3x3 colour matrix in 16.16 fixed point: rgb = clamp((m * (yuv - offset) + 0x8000) >> 16). */
typedef struct {
  int32_t m[9];
  int32_t offset[3];
} BmkColorMatrix;

/* kr, kb: luma coefficients (BT.601 0.299 0.114, BT.709 0.2126 0.0722, BT.2020 0.2627 0.0593). */
void bmk_color_matrix_init (BmkColorMatrix *m, double kr, double kb, bool full_range);
/* In place, n pixels of 3 interleaved bytes Y U V -> R G B. */
void bmk_yuv_to_rgb (uint8_t *pixels, size_t n, const BmkColorMatrix *m);

/* ---- The machine's limits, which benchmarks are shares of ---------------------------------------- */

typedef enum {
  BMK_PEAK_DOT,        /* the tier's int8 dot product: maddubs and add, vpdpbusd, SDOT */
  BMK_PEAK_TILE        /* its int8 matrix product: AMX tiles, SMMLA */
} BmkPeak;

/* Nothing but that instruction, on registers, in independent sums, `steps` times over. -> the multiplications done, 0 when the
 * tier has no such instruction. The caller takes the time. */
uint64_t bmk_peak (BmkPeak unit, size_t steps);
/* Reads size bytes, rounded down to a multiple of 512, with the tier's loads. -> something that depends on all of them. */
uint64_t bmk_read (const void *data, size_t size);

#ifdef __cplusplus
}
#endif
