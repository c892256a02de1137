/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* maddubs would saturate (2 * 255 * 127 > 32767), so activations and weights meet as pairs of 16-bit numbers: pmaddwd is
 * exact. */
#include "conv-avx2.h"

#define TILE 4                  /* pixels */
#define BLOCK 96                /* pixels; a multiple of TILE */

/* ---- Pointwise ---- */

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * cin * sizeof (int16_t);
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. dst: [16 outputs][cin / 4][inputs 0 2, then 1 3]
 * [16 outputs][2]. */
static void
pack_rows (int16_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  for (size_t o = 0; o < cout; o += 16)
    for (size_t k = 0; k < cin; k += 2)
      for (size_t i = 0; i < 32; i++) {
        size_t row = o + i / 2, col = k / 4 * 4 + k / 2 % 2 + i % 2 * 2;
        *dst++ = row < cout && col < width ? rows[row * width + col] : 0;
      }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

INLINE __m256i
dot (__m256i acc, __m256i a, __m256i w)
{
  return _mm256_add_epi32 (acc, _mm256_madd_epi16 (a, w));
}

/* TILE pixels by 16 outputs, of which the first n pixels are real. */
INLINE void
tile (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const __m256i *w, const Requant *q, size_t n)
{
  __m256i low[TILE], high[TILE];
  const uint8_t *in[TILE];
  UNROLL
  for (size_t i = 0; i < TILE; i++) {
    in[i] = x + (i < n ? i : n - 1) * c->cin;
    low[i] = _mm256_loadu_si256 ((const __m256i *) q->bias);
    high[i] = _mm256_loadu_si256 ((const __m256i *) (q->bias + 8));
  }
  for (size_t k = 0; k < c->cin; k += 4, w += 4) {
    UNROLL
    for (size_t i = 0; i < TILE; i++) {
      int32_t four;
      memcpy (&four, in[i] + k, 4);
      __m256i a = _mm256_set1_epi32 (four);
      __m256i even = _mm256_and_si256 (a, _mm256_set1_epi32 (0x00ff00ff)), odd = _mm256_srli_epi16 (a, 8);
      low[i] = dot (dot (low[i], even, w[0]), odd, w[2]);
      high[i] = dot (dot (high[i], even, w[1]), odd, w[3]);
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
  const __m256i *w = c->data;
  for (size_t o = 0; o < c->cout; o += 16, w += c->cin) {
    Requant q;
    requant_init (&q, c, o);
    for (size_t i = 0; i < p; i += TILE) {
      size_t at = i * c->cout + o;
      tile (y + at, x + i * c->cin, r ? r + at : NULL, c, w, &q, p - i < TILE ? p - i : TILE);
    }
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0; i < p; i += BLOCK)
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, p - i < BLOCK ? p - i : BLOCK);
}

/* ---- Depthwise: blocks of 16 channels, taps in pairs ---- */

#define PAIRS(kernel) (((kernel) * (kernel) + 1) / 2)

static size_t
depthwise_packed_size (size_t channels, int kernel)
{
  return bmk_align_up (channels, 16) * 2 * (size_t) PAIRS (kernel) * sizeof (int16_t);
}

/* dst: [block][pair][16 channels][2]. */
static void
depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  int16_t *out = dst;
  size_t n = (size_t) (kernel * kernel);
  for (size_t block = 0; block < channels; block += 16)
    for (size_t t = 0; t < n; t += 2)
      for (size_t i = 0; i < 32; i++) {
        size_t ch = block + i / 2, tap = t + i % 2;
        *out++ = ch < channels && tap < n ? taps[tap * channels + ch] : 0;
      }
}

/* The rows of the input that a row of windows meets, NULL where there is none. */
typedef struct {
  const uint8_t *row[5];
  size_t width, channels;
} Window;

INLINE __m128i
tap_load (const Window *s, ptrdiff_t left, const int tap, const int kernel, const bool border, bool half)
{
  if (tap >= kernel * kernel)
    return _mm_setzero_si128 ();
  const uint8_t *row = s->row[tap / kernel];
  ptrdiff_t col = left + tap % kernel;
  if (border && (!row || col < 0 || col >= (ptrdiff_t) s->width))
    return _mm_setzero_si128 ();
  return load16 (row + col * (ptrdiff_t) s->channels, half);
}

INLINE void
window (uint8_t *y, const Window *s, const __m256i *w, const Requant *q, ptrdiff_t left, const int kernel,
    const bool border)
{
  __m256i low = _mm256_loadu_si256 ((const __m256i *) q->bias);
  __m256i high = _mm256_loadu_si256 ((const __m256i *) (q->bias + 8));
  UNROLL
  for (int t = 0; t < PAIRS (kernel); t++) {
    __m128i a = tap_load (s, left, 2 * t, kernel, border, q->half);
    __m128i b = tap_load (s, left, 2 * t + 1, kernel, border, q->half);
    low = dot (low, _mm256_cvtepu8_epi16 (_mm_unpacklo_epi8 (a, b)), w[2 * t]);
    high = dot (high, _mm256_cvtepu8_epi16 (_mm_unpackhi_epi8 (a, b)), w[2 * t + 1]);
  }
  requant_store (y, NULL, q, low, high);
}

INLINE void
window_row (uint8_t *y, const Window *s, const BmkConv *c, const __m256i *w, const Requant *q, bool edge, const int kernel)
{
  size_t out = bmk_conv_out (s->width, c->stride);
  ptrdiff_t left = -bmk_conv_pad (s->width, kernel, c->stride);
  for (size_t j = 0; j < out; j++, left += c->stride, y += s->channels) {
    if (edge || left < 0 || left + kernel > (ptrdiff_t) s->width)
      window (y, s, w, q, left, kernel, true);
    else
      window (y, s, w, q, left, kernel, false);
  }
}

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  size_t ho = bmk_conv_out (h, c->stride), wo = bmk_conv_out (w, c->stride);
  ptrdiff_t pad = bmk_conv_pad (h, c->kernel, c->stride);
  const __m256i *weights = c->data;
  Window s = { .width = w, .channels = c->cout };

  for (size_t o = 0; o < c->cout; o += 16, weights += 2 * PAIRS (c->kernel)) {
    Requant q;
    requant_init (&q, c, o);
    for (size_t i = 0; i < ho; i++) {
      bool edge = false;
      for (int k = 0; k < c->kernel; k++) {
        size_t at = i * (size_t) c->stride + (size_t) k - (size_t) pad; /* wraps above the picture */
        s.row[k] = at < h ? x + at * w * c->cout + o : NULL;
        edge |= at >= h;
      }
      uint8_t *out = y + i * wo * c->cout + o;
      if (c->kernel == 3)
        window_row (out, &s, c, weights, &q, edge, 3);
      else
        window_row (out, &s, c, weights, &q, edge, 5);
    }
  }
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

void
bmk_conv_fill_avx2 (BmkTable *t)
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
