/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pointwise convolutions by tiles: 16 pixels times up to 64 outputs, 64 inputs at a time. The panels are those of the 512-bit
 * tier with the inputs padded to 64 by weights of 0, so that what a tile loads behind a pixel's channels adds nothing. The
 * last pixels are copied, since behind them there may be nothing to load. */
#include "conv-avx512.h"
#include "tiles-amx.h"

#define ROWS 16                 /* pixels */
#define CHUNK 64                /* inputs of a step */
#define BLOCK 320               /* pixels that meet all weights before the next ones */

/* [vector][pixel][output of 16] */
typedef struct {
  int32_t a[4][ROWS][16];
} Sums;

static size_t
padded (size_t cin)
{
  return bmk_align_up (cin, CHUNK);
}

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return bmk_align_up (cout, 16) * padded (cin);
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  pack_rows (dst, rows, cout, padded (cin), cin);
}

static size_t
stem_packed_size (size_t cout)
{
  return pointwise_packed_size (cout, BMK_STEM_PATCH);
}

static void
stem_pack (void *dst, const int8_t *rows, size_t cout)
{
  pack_rows (dst, rows, cout, padded (BMK_STEM_PATCH), 27);
}

/* n pixels' channels from `at` on, zeros behind them. dst: [ROWS][CHUNK] */
static __attribute__ ((noinline)) void
copy_chunk (uint8_t *dst, const uint8_t *x, size_t cin, size_t at, size_t n)
{
  const __mmask64 mask = cin - at < CHUNK ? ((uint64_t) 1 << (cin - at)) - 1 : ~(uint64_t) 0;

  for (size_t i = 0; i < ROWS; i++)
    _mm512_store_si512 (dst + i * CHUNK,
        i < n ? _mm512_maskz_loadu_epi8 (mask, x + i * cin + at) : _mm512_setzero_si512 ());
}

#define FIRST(v) TILE_LOAD (v, s->bias + 16 * (v), 0)
#define STEP(v, b) do { \
  TILE_LOAD (b, w + 64 * (v), 64 * nv); \
  _tile_dpbusd (v, 4, b); \
} while (0)

/* 16 pixels, or the n last ones, and one panel of nv vectors. */
INLINE void
multiply (Sums *sums, const uint8_t *x, const Panel *s, size_t n, const bool last, const int nv)
{
  _Alignas (64) uint8_t copy[ROWS * CHUNK];
  const int8_t *w = s->w;

  FIRST (0);
  if (nv > 1)
    FIRST (1);
  if (nv > 2)
    FIRST (2);
  if (nv > 3)
    FIRST (3);
  for (size_t k = 0; k < s->cin; k += CHUNK, w += CHUNK * 16 * nv) {
    if (last) {
      copy_chunk (copy, x, s->cin, k, n);
      TILE_LOAD (4, copy, CHUNK);
    } else {
      TILE_LOAD (4, x + k, s->cin);
    }
    STEP (0, 5);
    if (nv > 1)
      STEP (1, 6);
    if (nv > 2)
      STEP (2, 7);
    if (nv > 3)
      STEP (3, 5);
  }
  _tile_stored (0, sums->a[0], 64);
  if (nv > 1)
    _tile_stored (1, sums->a[1], 64);
  if (nv > 2)
    _tile_stored (2, sums->a[2], 64);
  if (nv > 3)
    _tile_stored (3, sums->a[3], 64);
}

INLINE void
finish (uint8_t *y, const uint8_t *r, const Sums *sums, const Panel *s, size_t n, const int nv)
{
  for (size_t i = 0; i < n; i++) {
    __m512i acc[4];
    UNROLL
    for (int v = 0; v < nv; v++)
      acc[v] = _mm512_load_si512 (sums->a[v][i]);
    tile_store (y + i * s->cout, r ? r + i * s->cout : NULL, s, acc, nv);
  }
}

/* The sums of 16 pixels are finished while the tile unit works on the next. */
INLINE void
panel (uint8_t *y, const uint8_t *x, const uint8_t *r, const Panel *s, size_t p, size_t there, const int nv)
{
  _Alignas (64) Sums sums[2];
  size_t done = 0;              /* pixels multiplied before this tile */

  for (size_t n; done < p; done += n) {
    n = p - done < ROWS ? p - done : ROWS;
    if (n < ROWS || (done + n - 1) * s->cin + padded (s->cin) > there * s->cin)
      multiply (&sums[done / ROWS % 2], x + done * s->cin, s, n, true, nv);
    else
      multiply (&sums[done / ROWS % 2], x + done * s->cin, s, n, false, nv);
    if (done >= ROWS)
      finish (y + (done - ROWS) * s->cout, r ? r + (done - ROWS) * s->cout : NULL, &sums[(done / ROWS + 1) % 2], s, ROWS, nv);
  }
  done = (p - 1) / ROWS * ROWS;
  finish (y + done * s->cout, r ? r + done * s->cout : NULL, &sums[done / ROWS % 2], s, p - done, nv);
}

#define PANEL(nv) \
  static void \
  panel_##nv (uint8_t *y, const uint8_t *x, const uint8_t *r, const Panel *s, size_t p, size_t there) \
  { \
    if (r) \
      panel (y, x, r, s, p, there, nv); \
    else \
      panel (y, x, NULL, s, p, there, nv); \
  }

PANEL (1)
PANEL (2)
PANEL (3)
PANEL (4)

/* there: the pixels that may be read, p of which are due */
static void
block (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p, size_t there)
{
  static void (*const run[]) (uint8_t *, const uint8_t *, const uint8_t *, const Panel *, size_t, size_t) =
      { NULL, panel_1, panel_2, panel_3, panel_4 };
  _Alignas (64) int32_t bias[64] = { 0 };
  _Alignas (64) float mult[64] = { 0 };
  Panel s = { .w = c->data, .bias = bias, .cin = c->cin, .cout = c->cout };

  s.q = (Requant) { _mm512_set1_epi16 ((short) c->zero), _mm512_set1_ps (c->rmult), mult };
  for (size_t o = 0, n; o < c->cout; o += n * 16) {
    n = panel_width ((c->cout - o + 15) / 16);
    size_t outs = c->cout - o < n * 16 ? c->cout - o : n * 16;
    memcpy (bias, c->bias + o, outs * sizeof *bias);
    memcpy (mult, c->mult + o, outs * sizeof *mult);
    s.half = outs % 16;
    run[n] (y + o, x, r ? r + o : NULL, &s, p, there);
    s.w += n * 16 * padded (c->cin);
  }
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  TileConfig config = { 0 };

  tile_rows (&config, 0, 7, ROWS);
  _tile_loadconfig (&config);
  for (size_t i = 0, n; i < p; i += n) {
    n = p - i < BLOCK ? p - i : BLOCK;
    block (y + i * c->cout, x + i * c->cin, r ? r + i * c->cout : NULL, c, n, p - i);
  }
  _tile_release ();
}

void
bmk_conv_fill_amx (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
}
