/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pointwise: one vector of weights is 16 outputs by 4 inputs, activations are broadcast four bytes at a time. Panels of up
 * to 4 such vectors meet a tile of pixels; 24 sums stay in registers. No horizontal sums anywhere. */
#include "conv-avx512.h"

#define BLOCK 300               /* pixels that meet all weights before the next ones */

/* gcc 12 keeps the sums of an intrinsic in 16 registers and spills the rest. */
INLINE __m512i
dot (__m512i acc, __m512i a, __m512i w)
{
  __asm__ ("vpdpbusd %2, %1, %0" : "+v" (acc) : "v" (a), "v" (w));
  return acc;
}

INLINE __m512i
dot_memory (__m512i acc, __m512i a, const int8_t *w)
{
  __asm__ ("vpdpbusd %2, %1, %0" : "+v" (acc) : "v" (a), "m" (*(const __m512i *) w));
  return acc;
}

/* ---- Pointwise ---- */

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * cin;
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

/* np pixels by nv vectors, of which the first n pixels are real. */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const Panel *s, size_t n, const int np, const int nv)
{
  __m512i acc[24];
  const uint8_t *in[24];
  UNROLL
  for (int i = 0; i < np; i++) {
    in[i] = x + ((size_t) i < n ? (size_t) i : n - 1) * s->cin;
    UNROLL
    for (int j = 0; j < nv; j++)
      acc[i * nv + j] = _mm512_loadu_si512 (s->bias + 16 * j);
  }
  const int8_t *w = s->w;
  for (size_t k = 0; k < s->cin; k += 4, w += 64 * nv) {
    __m512i weights[4];
    UNROLL
    for (int j = 0; j < nv; j++)
      weights[j] = _mm512_load_si512 (w + 64 * j);
    UNROLL
    for (int i = 0; i < np; i++) {
      int32_t four;
      memcpy (&four, in[i] + k, 4);
      __m512i a = _mm512_set1_epi32 (four);
      UNROLL
      for (int j = 0; j < nv; j++)
        acc[i * nv + j] = dot (acc[i * nv + j], a, weights[j]);
    }
  }
  UNROLL
  for (int i = 0; i < np; i++)
    if ((size_t) i < n)
      tile_store (y + (size_t) i * s->cout, r ? r + (size_t) i * s->cout : NULL, s, acc + i * nv, nv);
}

#define TILES(nv, np) \
  static void \
  panel_##nv (uint8_t *y, const uint8_t *x, const uint8_t *r, const Panel *s, size_t p) \
  { \
    for (size_t i = 0, n; i < p; i += n) { \
      n = p - i < np ? p - i : np; \
      const uint8_t *ri = r ? r + i * s->cout : NULL; \
      if (n <= np / 2) \
        tile (y + i * s->cout, x + i * s->cin, ri, s, n, np / 2, nv); \
      else \
        tile (y + i * s->cout, x + i * s->cin, ri, s, n, np, nv); \
    } \
  }

TILES (1, 16)
TILES (2, 12)
TILES (3, 8)
TILES (4, 6)

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  static void (*const run[]) (uint8_t *, const uint8_t *, const uint8_t *, const Panel *, size_t) =
      { NULL, panel_1, panel_2, panel_3, panel_4 };
  int32_t bias[64];
  float mult[64];
  Panel s = { .w = c->data, .bias = bias, .cin = c->cin, .cout = c->cout };

  s.q = (Requant) { _mm512_set1_epi16 ((short) c->zero), _mm512_set1_ps (c->rmult), mult };
  memset (bias, 0, sizeof bias);
  memset (mult, 0, sizeof mult);
  for (size_t o = 0, n; o < c->cout; o += n * 16) {
    n = panel_width ((c->cout - o + 15) / 16);
    size_t outs = c->cout - o < n * 16 ? c->cout - o : n * 16;
    memcpy (bias, c->bias + o, outs * sizeof *bias);
    memcpy (mult, c->mult + o, outs * sizeof *mult);
    s.half = outs % 16;
    run[n] (y + o, x, r ? r + o : NULL, &s, p);
    s.w += n * 64 * (c->cin / 4);
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  size_t blocks = (p + BLOCK - 1) / BLOCK, block = p ? bmk_align_up ((p + blocks - 1) / blocks, 12) : 1;
  for (size_t i = 0; i < p; i += block)
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, p - i < block ? p - i : block);
}

/* ---- Stem ---- */

static size_t
stem_packed_size (size_t cout)
{
  return pointwise_packed_size (cout, BMK_STEM_PATCH);
}

static void
stem_pack (void *dst, const int8_t *rows, size_t cout)
{
  pack_rows (dst, rows, cout, BMK_STEM_PATCH, 27);
}

/* ---- Depthwise ----
 * Blocks of 64 channels of one row of outputs, 32 channels of two rows or 16 of four; a last 8 waste the rest. A column of
 * a window is interleaved so that a 32-bit element holds one channel's rows 0..3, and is used by every output whose window
 * meets it. Vector i has the elements 4 i .. 4 i + 3 of each 128-bit lane's 16 channels: packing the codes puts them back
 * in order. A fifth row is spread as it lies: element e of vector i has its channel in byte e. */

#define DW_GROUPS(kernel) ((kernel) == 5 ? 2 : 1)

static size_t
dw_width (size_t left)
{
  return left >= 64 ? 64 : left >= 32 ? 32 : left >= 16 ? 16 : 8;
}

static size_t
depthwise_packed_size (size_t channels, int kernel)
{
  size_t blocks = channels / 64 + (channels / 32 & 1) + (channels / 16 & 1) + (channels / 8 & 1);
  return blocks * 256 * (size_t) (kernel * DW_GROUPS (kernel));
}

/* Channel within the block of the 32-bit element `at` of 64. */
static size_t
dw_channel (size_t at, size_t width)
{
  return (at / 4 % 4 * 16 + at / 16 * 4 + at % 4) % width;
}

/* dst: [block][column][group][4 vectors][16 elements][4 bytes]. */
static void
depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  int8_t *out = dst;
  memset (dst, 0, depthwise_packed_size (channels, kernel));
  for (size_t block = 0, width; block < channels; block += width) {
    width = dw_width (channels - block);
    for (int i = 0; i < kernel * DW_GROUPS (kernel); i++, out += 256) {
      const int kx = i / DW_GROUPS (kernel), group = i % DW_GROUPS (kernel);
      for (size_t at = 0; at < 64; at++)
        for (int t = 0; t < 4; t++) {
          int ky = group ? 4 : t;
          if (ky < kernel && (!group || (size_t) t == at % 4))
            out[at * 4 + (size_t) t] = taps[(size_t) (ky * kernel + kx) * channels + block + dw_channel (at, width)];
        }
    }
  }
}

/* Rows of the input that a row of windows meets; a missing one stays at a block of zeros. */
typedef struct {
  const uint8_t *at[5];
  size_t step[5];
} Rows;

typedef struct {
  const int8_t *w;
  __m512i bias[4];
  __m512 mult[4];
  __m512i zero;
  size_t channels, width, out;
  ptrdiff_t pad;
  size_t rows;                  /* of outputs: at most `parts` */
} Block;

/* Lane L of vector i <-> lane i of vector L. */
INLINE void
transpose_lanes (__m512i *v)
{
  __m512i a = _mm512_shuffle_i32x4 (v[0], v[1], 0x44), b = _mm512_shuffle_i32x4 (v[0], v[1], 0xee);
  __m512i c = _mm512_shuffle_i32x4 (v[2], v[3], 0x44), d = _mm512_shuffle_i32x4 (v[2], v[3], 0xee);
  v[0] = _mm512_shuffle_i32x4 (a, c, 0x88);
  v[1] = _mm512_shuffle_i32x4 (a, c, 0xdd);
  v[2] = _mm512_shuffle_i32x4 (b, d, 0x88);
  v[3] = _mm512_shuffle_i32x4 (b, d, 0xdd);
}

INLINE const uint8_t *
dw_at (const Rows *rows, int row, size_t col)
{
  return rows->at[row] + col * rows->step[row];
}

/* parts: rows of outputs side by side; 0 for one row of 8 channels. */
INLINE __m512i
dw_load (const Rows *rows, int row, size_t col, const int parts)
{
  if (parts == 0)
    return _mm512_castsi128_si512 (_mm_loadl_epi64 ((const __m128i *) dw_at (rows, row, col)));
  if (parts == 1)
    return _mm512_loadu_si512 (dw_at (rows, row, col));
  if (parts == 2)
    return _mm512_inserti64x4 (_mm512_castsi256_si512 (_mm256_loadu_si256 ((const __m256i *) dw_at (rows, row, col))),
        _mm256_loadu_si256 ((const __m256i *) dw_at (rows + 1, row, col)), 1);
  __m512i v = _mm512_castsi128_si512 (_mm_loadu_si128 ((const __m128i *) dw_at (rows, row, col)));
  v = _mm512_inserti32x4 (v, _mm_loadu_si128 ((const __m128i *) dw_at (rows + 1, row, col)), 1);
  v = _mm512_inserti32x4 (v, _mm_loadu_si128 ((const __m128i *) dw_at (rows + 2, row, col)), 2);
  return _mm512_inserti32x4 (v, _mm_loadu_si128 ((const __m128i *) dw_at (rows + 3, row, col)), 3);
}

/* Adds a column, interleaved as v, to the windows that meet it; output o has the sums acc[o % live]. */
INLINE void
dw_add (__m512i (*acc)[4], const Block *s, const __m512i *v, const int newest, const int first, const int kernel,
    const int stride, const int group)
{
  const int live = (kernel + stride - 1) / stride;
  UNROLL
  for (int t = first; t < kernel; t += stride) {
    __m512i *a = acc[(newest - t / stride + live) % live];
    UNROLL
    for (int i = 0; i < 4; i++)
      a[i] = dot_memory (a[i], v[i], s->w + ((t * DW_GROUPS (kernel) + group) * 4 + i) * 64);
  }
}

INLINE void
dw_column (__m512i (*acc)[4], const Rows *rows, const Block *s, size_t col, const int newest, const int first,
    const int kernel, const int stride, const int parts)
{
  __m512i r0 = dw_load (rows, 0, col, parts), r1 = dw_load (rows, 1, col, parts);
  __m512i r2 = dw_load (rows, 2, col, parts), r3 = kernel == 5 ? dw_load (rows, 3, col, parts) : r2;
  __m512i l01 = _mm512_unpacklo_epi8 (r0, r1), h01 = _mm512_unpackhi_epi8 (r0, r1);
  __m512i l23 = _mm512_unpacklo_epi8 (r2, r3), h23 = _mm512_unpackhi_epi8 (r2, r3);
  __m512i v[4] = { _mm512_unpacklo_epi16 (l01, l23), _mm512_unpackhi_epi16 (l01, l23),
    _mm512_unpacklo_epi16 (h01, h23), _mm512_unpackhi_epi16 (h01, h23) };

  dw_add (acc, s, v, newest, first, kernel, stride, 0);
  if (kernel == 5) {
    __m512i r4 = dw_load (rows, 4, col, parts);
    __m512i u[4] = { _mm512_shuffle_epi32 (r4, 0x00), _mm512_shuffle_epi32 (r4, 0x55),
      _mm512_shuffle_epi32 (r4, 0xaa), _mm512_shuffle_epi32 (r4, 0xff) };
    dw_add (acc, s, u, newest, first, kernel, stride, 1);
  }
}

INLINE void
dw_store (uint8_t *y, const Block *s, const __m512i *a, const int parts)
{
  __m512i v = packed (scaled (a[0], s->mult[0]), scaled (a[1], s->mult[1]), scaled (a[2], s->mult[2]),
      scaled (a[3], s->mult[3]), s->zero);
  const size_t row = s->out * s->channels;
  if (parts == 0) {
    _mm_storel_epi64 ((__m128i *) y, _mm512_castsi512_si128 (v));
    return;
  }
  if (parts == 1) {
    _mm512_storeu_si512 (y, v);
    return;
  }
  __m256i low = _mm512_castsi512_si256 (v), high = _mm512_extracti64x4_epi64 (v, 1);
  if (parts == 2) {
    _mm256_storeu_si256 ((__m256i *) y, low);
    if (s->rows > 1)
      _mm256_storeu_si256 ((__m256i *) (y + row), high);
    return;
  }
  _mm_storeu_si128 ((__m128i *) y, _mm256_castsi256_si128 (low));
  if (s->rows > 1)
    _mm_storeu_si128 ((__m128i *) (y + row), _mm256_extracti128_si256 (low, 1));
  if (s->rows > 2)
    _mm_storeu_si128 ((__m128i *) (y + 2 * row), _mm256_castsi256_si128 (high));
  if (s->rows > 3)
    _mm_storeu_si128 ((__m128i *) (y + 3 * row), _mm256_extracti128_si256 (high, 1));
}

/* Each step brings `stride` columns, begins an output and ends the one begun live - 1 steps before. */
INLINE void
dw_row (uint8_t *y, const Rows *rows, const Block *s, const int kernel, const int stride, const int parts)
{
  const int live = (kernel + stride - 1) / stride;
  const size_t steps = s->out + (size_t) live - 1;
  __m512i acc[5][4];

  UNROLL
  for (int i = 0; i < live; i++)
    UNROLL
    for (int j = 0; j < 4; j++)
      acc[i][j] = s->bias[j];
  for (size_t base = 0; base < steps; base += (size_t) live)
    UNROLL
    for (int newest = 0; newest < live; newest++) {
      const size_t step = base + (size_t) newest;
      if (step >= steps)
        return;
      UNROLL
      for (int t = 0; t < stride; t++) {
        size_t col = step * (size_t) stride + (size_t) t - (size_t) s->pad;     /* wraps when left of the picture */
        if (col < s->width)
          dw_column (acc, rows, s, col, newest, t, kernel, stride, parts);
      }
      __m512i *oldest = acc[(newest + 1) % live];
      if (step + 1 >= (size_t) live)
        dw_store (y + (step + 1 - (size_t) live) * s->channels, s, oldest, parts);
      UNROLL
      for (int j = 0; j < 4; j++)
        oldest[j] = s->bias[j];
    }
}

#define DW_ROWS(kernel, stride) \
  static void \
  dw_rows_##kernel##_##stride (uint8_t *y, const Rows *rows, const Block *s, size_t parts) \
  { \
    if (parts == 0) \
      dw_row (y, rows, s, kernel, stride, 0); \
    else if (parts == 1) \
      dw_row (y, rows, s, kernel, stride, 1); \
    else if (parts == 2) \
      dw_row (y, rows, s, kernel, stride, 2); \
    else \
      dw_row (y, rows, s, kernel, stride, 4); \
  }

DW_ROWS (3, 1)
DW_ROWS (3, 2)
DW_ROWS (5, 1)
DW_ROWS (5, 2)

static void
dw_block_init (Block *s, const BmkConv *c, size_t o, size_t width)
{
  int32_t bias[64];
  float mult[64];
  __m512i v[4];
  for (size_t i = 0; i < 64; i += width) {
    memcpy (bias + i, c->bias + o, width * sizeof *bias);
    memcpy (mult + i, c->mult + o, width * sizeof *mult);
  }
  for (int i = 0; i < 4; i++) {
    s->bias[i] = _mm512_loadu_si512 (bias + 16 * i);
    v[i] = _mm512_loadu_si512 (mult + 16 * i);
  }
  transpose_lanes (s->bias);
  transpose_lanes (v);
  for (int i = 0; i < 4; i++)
    s->mult[i] = _mm512_castsi512_ps (v[i]);
}

/* The input rows of the windows of output row i; all zeros when there is no such row. */
static void
dw_rows_init (Rows *rows, const uint8_t *x, const BmkConv *c, size_t i, size_t h, size_t w)
{
  static const uint8_t zeros[64];
  size_t pad = (size_t) bmk_conv_pad (h, c->kernel, c->stride);
  for (int k = 0; k < c->kernel; k++) {
    size_t at = i * (size_t) c->stride + (size_t) k - pad;      /* wraps above the picture */
    rows->at[k] = at < h ? x + at * w * c->cout : zeros;
    rows->step[k] = at < h ? c->cout : 0;
  }
}

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  void (*const run) (uint8_t *, const Rows *, const Block *, size_t) = c->kernel == 3
      ? (c->stride == 1 ? dw_rows_3_1 : dw_rows_3_2) : (c->stride == 1 ? dw_rows_5_1 : dw_rows_5_2);
  size_t ho = bmk_conv_out (h, c->stride), wo = bmk_conv_out (w, c->stride);
  Block s = { .w = c->data, .zero = _mm512_set1_epi16 ((short) c->zero), .channels = c->cout, .width = w, .out = wo,
    .pad = bmk_conv_pad (w, c->kernel, c->stride) };
  Rows rows[4];

  for (size_t o = 0, width; o < c->cout; o += width) {
    width = dw_width (c->cout - o);
    const size_t parts = width < 16 ? 0 : 64 / width, step = parts ? parts : 1;
    dw_block_init (&s, c, o, width);
    for (size_t i = 0; i < ho; i += step) {
      s.rows = ho - i < step ? ho - i : step;
      for (size_t part = 0; part < step; part++)
        dw_rows_init (rows + part, x + o, c, part < s.rows ? i + part : SIZE_MAX / 4, h, w);
      run (y + i * wo * c->cout + o, rows, &s, parts);
    }
    s.w += 256 * c->kernel * DW_GROUPS (c->kernel);
  }
}

void
bmk_conv_fill_avx512vnni (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->depthwise_packed_size = depthwise_packed_size;
  t->depthwise_pack = depthwise_pack;
  t->depthwise = depthwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
  t->stem = bmk_stem_patch;
}
