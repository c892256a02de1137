/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* maddubs would saturate (2 * 255 * 127 > 32767), so activations and weights meet as pairs of 16-bit numbers: pmaddwd is
 * exact. Pixels are widened once for all outputs and then broadcast by pairs. */
#include "conv-avx2.h"

#define TILE 6                  /* pixels: 12 sums, 2 vectors of weights, a broadcast, its products */
#define WIDE 16384              /* inputs of pixels widened at a time: 32 KB, the first cache */
#define PART 2048               /* inputs of a pixel at a time */
#define BLOCK 96                /* pixels that meet all weights before the next ones, at most */

/* ---- Pointwise ---- */

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * cin * sizeof (int16_t);
}

/* rows: [cout][width]; cin is a multiple of 4, columns from width on are 0. dst: [16 outputs][cin / 2][16][2] */
static void
pack_rows (int16_t *dst, const int8_t *rows, size_t cout, size_t cin, size_t width)
{
  for (size_t o = 0; o < cout; o += 16)
    for (size_t k = 0; k < cin; k += 2)
      for (size_t i = 0; i < 32; i++) {
        const size_t row = o + i / 2, col = k + i % 2;
        *dst++ = row < cout && col < width ? rows[row * width + col] : 0;
      }
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, cin, cin);
}

static void
widen (uint16_t *wide, const uint8_t *x, size_t n)
{
  size_t i = 0;

  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256 ((__m256i *) (wide + i), _mm256_cvtepu8_epi16 (_mm_loadu_si128 ((const __m128i *) (x + i))));
  for (; i < n; i++)
    wide[i] = x[i];
}

/* k inputs of n pixels, and zeros for those that the last tile lacks. */
static void
widen_pixels (uint16_t *wide, size_t pitch, const uint8_t *x, size_t ldx, size_t k, size_t n)
{
  for (size_t i = 0; i < n; i++)
    widen (wide + i * pitch, x + i * ldx, k);
  memset (wide + n * pitch, 0, (bmk_align_up (n, TILE) - n) * pitch * sizeof *wide);
}

/* sums: [TILE][2 vectors], += k inputs of TILE pixels, ldx apart, by 16 outputs. Twelve sums, 2 vectors of weights, a broadcast and
 * its products are all registers there are: no compiler keeps to that by itself. */
static void
tile (__m256i *sums, const uint16_t *x, size_t ldx, const __m256i *w, size_t k)
{
  __m256i a0 = sums[0], b0 = sums[1], a1 = sums[2], b1 = sums[3], a2 = sums[4], b2 = sums[5];
  __m256i a3 = sums[6], b3 = sums[7], a4 = sums[8], b4 = sums[9], a5 = sums[10], b5 = sums[11];

#define PIXEL(at, i) \
  "vpbroadcastd " at ", %%ymm14\n\tvpmaddwd %%ymm12, %%ymm14, %%ymm15\n\tvpaddd %%ymm15, %[a" i "], %[a" i "]\n\t" \
  "vpmaddwd %%ymm13, %%ymm14, %%ymm14\n\tvpaddd %%ymm14, %[b" i "], %[b" i "]\n\t"
  for (const uint16_t *x3 = x + 3 * ldx, *end = x + k; x < end; x += 2, x3 += 2, w += 2)
    __asm__ volatile ("vmovdqa (%[w]), %%ymm12\n\tvmovdqa 32(%[w]), %%ymm13\n\t"
        PIXEL ("(%[x])", "0") PIXEL ("(%[x], %[ld], 2)", "1") PIXEL ("(%[x], %[ld], 4)", "2")
        PIXEL ("(%[x3])", "3") PIXEL ("(%[x3], %[ld], 2)", "4") PIXEL ("(%[x3], %[ld], 4)", "5")
        : [a0] "+x" (a0), [b0] "+x" (b0), [a1] "+x" (a1), [b1] "+x" (b1), [a2] "+x" (a2), [b2] "+x" (b2),
        [a3] "+x" (a3), [b3] "+x" (b3), [a4] "+x" (a4), [b4] "+x" (b4), [a5] "+x" (a5), [b5] "+x" (b5)
        : [x] "r" (x), [x3] "r" (x3), [ld] "r" (ldx), [w] "r" (w) : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  const __m256i all[2 * TILE] = { a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5 };
  memcpy (sums, all, sizeof all);
}

/* Inputs that are widened one pixel after the other: an odd multiple of a cache line, lest pixels share its sets. */
static size_t
pitch_of (size_t cin)
{
  return bmk_align_up (cin, 32) | 32;
}

/* n pixels by 16 outputs from o on. wide: those pixels' inputs, PART of them at a time if there are more */
static void
pixels (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, const __m256i *w, const Requant *q, uint16_t *wide, size_t n)
{
  const size_t pitch = pitch_of (c->cin < PART ? c->cin : PART);
  __m256i sums[2 * TILE];

  for (size_t i = 0; i < TILE; i++) {
    sums[2 * i] = _mm256_loadu_si256 ((const __m256i *) q->bias);
    sums[2 * i + 1] = _mm256_loadu_si256 ((const __m256i *) (q->bias + 8));
  }
  for (size_t k = 0, some; k < c->cin; k += some) {
    some = c->cin - k < PART ? c->cin - k : PART;
    if (c->cin > PART)
      widen_pixels (wide, pitch, x + k, c->cin, some, n);
    tile (sums, wide, pitch, w + k, some);
  }
  for (size_t i = 0; i < n; i++)
    requant_store (y + i * c->cout, r ? r + i * c->cout : NULL, q, sums[2 * i], sums[2 * i + 1]);
}

static void
pointwise_block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, uint16_t *wide, size_t p)
{
  const size_t pitch = pitch_of (c->cin);
  const __m256i *w = c->data;

  if (c->cin <= PART)
    widen_pixels (wide, pitch, x, c->cin, c->cin, p);
  for (size_t o = 0; o < c->cout; o += 16, w += c->cin) {
    Requant q;
    requant_init (&q, c, o);
    for (size_t i = 0; i < p; i += TILE) {
      const size_t at = i * c->cout + o;
      pixels (y + at, x + i * c->cin, r ? r + at : NULL, c, w, &q, c->cin <= PART ? wide + i * pitch : wide,
          p - i < TILE ? p - i : TILE);
    }
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  _Alignas (64) uint16_t wide[WIDE];
  const size_t fit = WIDE / pitch_of (c->cin < PART ? c->cin : PART) / TILE * TILE, block = fit < BLOCK ? fit : BLOCK;

  for (size_t i = 0; i < p; i += block)
    pointwise_block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, wide, p - i < block ? p - i : block);
}

/* ---- Depthwise: blocks of 16 channels, taps in pairs ---- */

INLINE __m256i
dot (__m256i acc, __m256i a, __m256i w)
{
  return _mm256_add_epi32 (acc, _mm256_madd_epi16 (a, w));
}

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
