/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pointwise: two vectors of weights are 16 outputs by 4 inputs, pixels are broadcast four bytes at a time.
 * Depthwise: the rows that a row of windows meets are interleaved, so that four bytes are one channel's rows 0..3. */
#include "conv-avx2.h"

#define TILE 6                  /* pixels: 12 sums, 2 vectors of weights, a broadcast */
#define BLOCK 96                /* a multiple of TILE */

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * cin;
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. dst: [16 outputs][cin / 4][16][4] */
static void
pack_rows (int8_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  for (size_t o = 0; o < cout; o += 16)
    for (size_t k = 0; k < cin; k += 4)
      for (size_t i = 0; i < 64; i++) {
        size_t row = o + i / 4, col = k + i % 4;
        *dst++ = row < cout && col < width ? rows[row * width + col] : 0;
      }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

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

INLINE __m256i
dot (__m256i acc, __m256i a, __m256i w)
{
  __asm__ ("%{vex%} vpdpbusd %2, %1, %0" : "+x" (acc) : "x" (a), "x" (w));
  return acc;
}

/* TILE pixels by 16 outputs, of which the first n pixels are real. */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const int8_t *w, const Requant *q, size_t n)
{
  __m256i low[TILE], high[TILE];
  const uint8_t *in[TILE];

  UNROLL
  for (size_t i = 0; i < TILE; i++) {
    in[i] = x + (i < n ? i : n - 1) * c->cin;
    low[i] = _mm256_loadu_si256 ((const __m256i *) q->bias);
    high[i] = _mm256_loadu_si256 ((const __m256i *) (q->bias + 8));
  }
  for (size_t k = 0; k < c->cin; k += 4, w += 64) {
    const __m256i w0 = _mm256_load_si256 ((const __m256i *) w), w1 = _mm256_load_si256 ((const __m256i *) w + 1);
    UNROLL
    for (size_t i = 0; i < TILE; i++) {
      int32_t four;
      memcpy (&four, in[i] + k, 4);
      const __m256i a = _mm256_set1_epi32 (four);
      low[i] = dot (low[i], a, w0);
      high[i] = dot (high[i], a, w1);
    }
  }
  UNROLL
  for (size_t i = 0; i < TILE; i++)
    if (i < n)
      requant_store (y + i * c->cout, r ? r + i * c->cout : NULL, q, low[i], high[i]);
}

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  const int8_t *w = c->data;

  for (size_t o = 0; o < c->cout; o += 16, w += 16 * c->cin) {
    Requant q;
    requant_init (&q, c, o);
    for (size_t i = 0; i < p; i += TILE)
      tile (y + i * c->cout + o, x + i * c->cin, r ? r + i * c->cout + o : NULL, c, w, &q, p - i < TILE ? p - i : TILE);
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0; i < p; i += BLOCK)
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, p - i < BLOCK ? p - i : BLOCK);
}

/* ---- Depthwise ----
 * Blocks of 32 channels; a last one that would be narrower overlaps the one before it. Vector i of 8 channels has the channels
 * 4 i .. 4 i + 3 of each 128-bit lane's 16: packing the codes puts them back in order. A fifth row is spread as it lies: element
 * e of vector i has its channel in byte e. */

#define DW_WIDTH 32
#define DW_OUTS 64              /* outputs of a row at a time */
#define DW_VECTORS(kernel) ((kernel) == 5 ? 8 : 4)

typedef struct {
  const int8_t *w;              /* [column][vector][8][4] */
  _Alignas (32) int32_t bias[4][8];
  _Alignas (32) float mult[4][8];
  __m256i zero;
  size_t channels, width;       /* of this block */
} Block;

static size_t
depthwise_blocks (size_t channels)
{
  return (channels + DW_WIDTH - 1) / DW_WIDTH;
}

static size_t
depthwise_first (size_t block, size_t channels)
{
  return channels < DW_WIDTH || (block + 1) * DW_WIDTH <= channels ? block * DW_WIDTH : channels - DW_WIDTH;
}

/* The channel of the block that element e of vector i is. */
static size_t
depthwise_channel (size_t i, size_t e)
{
  return e / 4 * 16 + i * 4 + e % 4;
}

static size_t
depthwise_packed_size (size_t channels, int kernel)
{
  return depthwise_blocks (channels) * (size_t) (kernel * DW_VECTORS (kernel) * 32);
}

static int8_t
depthwise_weight (const int8_t *taps, size_t channels, int kernel, size_t channel, int x, int y)
{
  return y < kernel && channel < channels ? taps[(size_t) (y * kernel + x) * channels + channel] : 0;
}

static void
depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  int8_t *out = dst;

  for (size_t block = 0; block < depthwise_blocks (channels); block++)
    for (int x = 0; x < kernel; x++)
      for (size_t i = 0; i < (size_t) DW_VECTORS (kernel); i++)
        for (size_t at = 0; at < 32; at++) {
          const size_t channel = depthwise_first (block, channels) + depthwise_channel (i % 4, at / 4);
          const bool fifth = i >= 4, used = !fifth || at % 4 == at / 4 % 4;
          *out++ = used ? depthwise_weight (taps, channels, kernel, channel, x, fifth ? 4 : (int) (at % 4)) : 0;
        }
}

/* The rows of the input that a row of windows meets; a missing one stays at a block of zeros. */
typedef struct {
  const uint8_t *at[5];
  size_t step[5];
} Rows;

/* width: of the block, DW_WIDTH but for pictures of fewer channels */
INLINE __m256i
depthwise_load (const uint8_t *x, size_t width, const bool whole)
{
  _Alignas (32) uint8_t some[DW_WIDTH] = { 0 };

  if (whole)
    return _mm256_loadu_si256 ((const __m256i *) x);
  memcpy (some, x, width);
  return _mm256_load_si256 ((const __m256i *) some);
}

/* columns: [count][vectors], from column `first` of the rows on */
INLINE void
interleave (__m256i *columns, const Rows *rows, size_t first, size_t count, size_t width, const int kernel, const bool whole)
{
  const uint8_t *x[5];

  for (int k = 0; k < 5; k++)
    x[k] = rows->at[k < kernel ? k : 0] + first * rows->step[k < kernel ? k : 0];
  for (; count; count--, columns += DW_VECTORS (kernel)) {
    const __m256i r0 = depthwise_load (x[0], width, whole), r1 = depthwise_load (x[1], width, whole);
    const __m256i r2 = depthwise_load (x[2], width, whole), r3 = kernel == 5 ? depthwise_load (x[3], width, whole) : r2;
    const __m256i l01 = _mm256_unpacklo_epi8 (r0, r1), h01 = _mm256_unpackhi_epi8 (r0, r1);
    const __m256i l23 = _mm256_unpacklo_epi8 (r2, r3), h23 = _mm256_unpackhi_epi8 (r2, r3);
    _mm256_store_si256 (columns, _mm256_unpacklo_epi16 (l01, l23));
    _mm256_store_si256 (columns + 1, _mm256_unpackhi_epi16 (l01, l23));
    _mm256_store_si256 (columns + 2, _mm256_unpacklo_epi16 (h01, h23));
    _mm256_store_si256 (columns + 3, _mm256_unpackhi_epi16 (h01, h23));
    if (kernel == 5) {
      const __m256i r4 = depthwise_load (x[4], width, whole);
      _mm256_store_si256 (columns + 4, _mm256_shuffle_epi32 (r4, 0x00));
      _mm256_store_si256 (columns + 5, _mm256_shuffle_epi32 (r4, 0x55));
      _mm256_store_si256 (columns + 6, _mm256_shuffle_epi32 (r4, 0xaa));
      _mm256_store_si256 (columns + 7, _mm256_shuffle_epi32 (r4, 0xff));
    }
    UNROLL
    for (int k = 0; k < kernel; k++)
      x[k] += rows->step[k];
  }
}

/* Columns first..first+count-1 of the rows; those outside the picture, w wide, are zeros. */
INLINE void
all_columns (__m256i *columns, const Rows *rows, ptrdiff_t first, size_t count, size_t width, size_t w, const int kernel)
{
  const size_t vectors = DW_VECTORS (kernel), before = first < 0 ? (size_t) -first : 0, from = (size_t) first + before;
  const size_t inside = w - from < count - before ? w - from : count - before, after = count - before - inside;

  memset (columns, 0, before * vectors * sizeof *columns);
  if (width == DW_WIDTH)
    interleave (columns + before * vectors, rows, from, inside, width, kernel, true);
  else
    interleave (columns + before * vectors, rows, from, inside, width, kernel, false);
  memset (columns + (before + inside) * vectors, 0, after * vectors * sizeof *columns);
}

typedef struct {
  __m256i bias;
  __m256 mult, limit;
} Scale;

INLINE __m256i
scaled (__m256i acc, const Scale *s)
{
  return _mm256_cvtps_epi32 (_mm256_min_ps (_mm256_mul_ps (_mm256_cvtepi32_ps (acc), s->mult), s->limit));
}

#define DW_ADD(at, w) do { \
  const __m256i x_ = columns[at]; \
  if (t < kernel) \
    acc0 = dot (acc0, x_, (w)[t]); \
  if (two && t >= stride) \
    acc1 = dot (acc1, x_, (w)[t - stride]); \
} while (0)

/* One vector of one or two neighbouring outputs -> codes before saturation, 4 vectors apart; each column is loaded once. */
INLINE void
window (__m256i *codes, const __m256i *columns, const __m256i *w, const Scale *s, const int kernel, const int stride,
    const bool two)
{
  __m256i acc0 = s->bias, acc1 = s->bias;

  UNROLL
  for (int t = 0; t < 7; t++)
    if (t < kernel + (two ? stride : 0)) {
      DW_ADD (t * DW_VECTORS (kernel), w);
      if (kernel == 5)
        DW_ADD (t * DW_VECTORS (kernel) + 4, w + 5);
    }
  _mm256_store_si256 (codes, scaled (acc0, s));
  if (two)
    _mm256_store_si256 (codes + 4, scaled (acc1, s));
}

/* Vector i of `count` outputs. The weights stay in registers. */
INLINE void
windows (__m256i *codes, const __m256i *columns, const Block *b, size_t i, size_t count, const int kernel, const int stride)
{
  const Scale s = { _mm256_load_si256 ((const __m256i *) b->bias[i]), _mm256_load_ps (b->mult[i]), _mm256_set1_ps (BMK_CONV_LIMIT) };
  const int vectors = DW_VECTORS (kernel), weights = kernel == 5 ? 10 : 3;
  __m256i w[10];
  size_t j = 0;

  UNROLL
  for (int t = 0; t < weights; t++)
    w[t] = _mm256_load_si256 ((const __m256i *) b->w + t % kernel * vectors + t / kernel * 4 + (int) i);
  codes += i;
  columns += i;
  for (; j + 2 <= count; j += 2, columns += 2 * stride * vectors, codes += 8)
    window (codes, columns, w, &s, kernel, stride, true);
  if (j < count)
    window (codes, columns, w, &s, kernel, stride, false);
}

static void
depthwise_store (uint8_t *y, const __m256i *codes, const Block *b, size_t count)
{
  for (size_t j = 0; j < count; j++, y += b->channels, codes += 4) {
    const __m256i low = _mm256_adds_epi16 (_mm256_packs_epi32 (codes[0], codes[1]), b->zero);
    const __m256i high = _mm256_adds_epi16 (_mm256_packs_epi32 (codes[2], codes[3]), b->zero);
    const __m256i bytes = _mm256_packus_epi16 (low, high);
    if (b->width == DW_WIDTH)
      _mm256_storeu_si256 ((__m256i *) y, bytes);
    else
      memcpy (y, &bytes, b->width);
  }
}

/* Out of line: with everything in one function no compiler keeps the weights in registers. */
#define DW_RUN(kernel, stride) \
  static __attribute__ ((noinline)) void \
  windows_##kernel##_##stride (__m256i *codes, const __m256i *columns, const Block *b, size_t i, size_t count) \
  { \
    windows (codes, columns, b, i, count, kernel, stride); \
  } \
  static void \
  row_##kernel##_##stride (uint8_t *y, const Rows *rows, const Block *b, size_t w, size_t out, ptrdiff_t pad) \
  { \
    __m256i columns[((DW_OUTS - 1) * stride + kernel) * DW_VECTORS (kernel)], codes[DW_OUTS * 4]; \
    for (size_t j = 0, count; j < out; j += count, y += count * b->channels) { \
      count = out - j < DW_OUTS ? out - j : DW_OUTS; \
      all_columns (columns, rows, (ptrdiff_t) j * stride - pad, (count - 1) * stride + kernel, b->width, w, kernel); \
      for (size_t i = 0; i < 4; i++) \
        windows_##kernel##_##stride (codes, columns, b, i, count); \
      depthwise_store (y, codes, b, count); \
    } \
  }

DW_RUN (3, 1)
DW_RUN (3, 2)
DW_RUN (5, 1)
DW_RUN (5, 2)

static void
block_init (Block *b, const BmkConv *c, size_t o)
{
  b->width = c->cout - o < DW_WIDTH ? c->cout - o : DW_WIDTH;
  for (size_t i = 0; i < 4; i++)
    for (size_t e = 0; e < 8; e++) {
      const size_t channel = depthwise_channel (i, e);
      b->bias[i][e] = channel < b->width ? c->bias[o + channel] : 0;
      b->mult[i][e] = channel < b->width ? c->mult[o + channel] : 0.0f;
    }
}

/* The input rows of the windows of output row i. */
static void
rows_init (Rows *rows, const uint8_t *x, const BmkConv *c, size_t i, size_t h, size_t w)
{
  static const uint8_t zeros[DW_WIDTH];
  const size_t pad = (size_t) bmk_conv_pad (h, c->kernel, c->stride);

  for (int k = 0; k < c->kernel; k++) {
    const size_t at = i * (size_t) c->stride + (size_t) k - pad;        /* wraps above the picture */
    rows->at[k] = at < h ? x + at * w * c->cout : zeros;
    rows->step[k] = at < h ? c->cout : 0;
  }
}

typedef void (*Row) (uint8_t *y, const Rows *rows, const Block *b, size_t w, size_t out, ptrdiff_t pad);

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  static const Row run[2][2] = { { row_3_1, row_3_2 }, { row_5_1, row_5_2 } };
  const size_t ho = bmk_conv_out (h, c->stride), wo = bmk_conv_out (w, c->stride);
  const ptrdiff_t pad = bmk_conv_pad (w, c->kernel, c->stride);
  Block b = { .w = c->data, .zero = _mm256_set1_epi16 ((short) c->zero), .channels = c->cout };
  Rows rows;

  for (size_t block = 0; block < depthwise_blocks (c->cout); block++) {
    const size_t o = depthwise_first (block, c->cout);
    block_init (&b, c, o);
    for (size_t i = 0; i < ho; i++) {
      rows_init (&rows, x + o, c, i, h, w);
      run[c->kernel == 5][c->stride == 2] (y + i * wo * c->cout + o, &rows, &b, w, wo, pad);
    }
    b.w += c->kernel * DW_VECTORS (c->kernel) * 32;
  }
}

void
bmk_conv_fill_avxvnni (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->depthwise_packed_size = depthwise_packed_size;
  t->depthwise_pack = depthwise_pack;
  t->depthwise = depthwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
}
