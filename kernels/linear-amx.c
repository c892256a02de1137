/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The panels of the 512-bit tier, met by tiles: 16 tokens, four fields of 64 inputs by 16 rows at a time. The first field
 * needs no masking: its tile is loaded from the packed weights as they are. The other three are masked into a kilobyte each.
 * A tile's load waits until what it reads has left the store buffer, so the masking runs some steps ahead; since panels lie
 * end to end, a layer's weights are one stream of steps. Then nothing but the tile unit counts: 16 cycles a field. */
#include "linear-avx512.h"
#include "tiles-amx.h"

#define ROWS 16                 /* tokens: rows of a tile */
#define CHUNK 64                /* inputs of a step */
#define FIELD (16 * 64)         /* bytes of a tile */
#define AHEAD 2                 /* steps from masking to use; one or four are a third slower */
#define RING 4                  /* steps kept: a power of two above AHEAD */
#define LEAST 3                 /* tokens: below, vpdpbusd is as fast */

typedef struct {
  const Job *job;
  size_t m, chunks;             /* tokens, steps of 64 inputs */
  const int8_t *last;           /* [ROWS][CHUNK]: the last step's codes, zeros behind k */
  const Sums *starts;
} Group;

static void (*narrow_ternary) (const BmkOutput *, const BmkLinear *, const int8_t *, const BmkRow *, size_t);
static void (*narrow_int8) (const BmkOutput *, const BmkLinear *, const int8_t *, const BmkRow *, size_t);

/* A quarter of the fields 1..3 of a step. dst: [3][FIELD] */
INLINE void
mask_quarter (uint8_t *dst, const uint8_t *w, const size_t quarter)
{
  const __m512i mask1 = _mm512_set1_epi8 ((char) 0xfc), mask2 = _mm512_set1_epi8 ((char) 0xf0);
  const __m512i mask3 = _mm512_set1_epi8 ((char) 0xc0);

#pragma GCC unroll 4
  for (size_t i = quarter * FIELD / 4; i < (quarter + 1) * FIELD / 4; i += 64) {
    const __m512i x = _mm512_load_si512 (w + i);
    _mm_prefetch (w + i + 2 * FIELD, _MM_HINT_T0);
    _mm512_store_si512 (dst + i, _mm512_and_si512 (x, mask1));
    _mm512_store_si512 (dst + FIELD + i, _mm512_and_si512 (x, mask2));
    _mm512_store_si512 (dst + 2 * FIELD + i, _mm512_and_si512 (x, mask3));
  }
}

INLINE void
load_codes (const Group *g, size_t chunk)
{
  if (chunk + 1 == g->chunks)
    TILE_LOAD (4, g->last, CHUNK);
  else
    TILE_LOAD (4, g->job->q + chunk * CHUNK, g->job->w->k);
}

INLINE void
start_sums (const Group *g)
{
  TILE_LOAD (0, g->starts->a[0], 64);
  TILE_LOAD (1, g->starts->a[1], 64);
  TILE_LOAD (2, g->starts->a[2], 64);
  TILE_LOAD (3, g->starts->a[3], 64);
}

INLINE void
store_sums (Sums *sums)
{
  _tile_stored (0, sums->a[0], 64);
  _tile_stored (1, sums->a[1], 64);
  _tile_stored (2, sums->a[2], 64);
  _tile_stored (3, sums->a[3], 64);
}

/* ---- Layers ---- */

static void
fill_starts (Sums *starts, const BmkRow *rows, size_t m, const bool ternary)
{
  for (size_t i = 0; i < m; i++) {
    _mm512_store_si512 (starts->a[0][i], start_of (rows[i].sum, 0, ternary));
    _mm512_store_si512 (starts->a[1][i], start_of (rows[i].sum, 1, ternary));
    _mm512_store_si512 (starts->a[2][i], start_of (rows[i].sum, 2, ternary));
    _mm512_store_si512 (starts->a[3][i], start_of (rows[i].sum, 3, ternary));
  }
}

/* A panel's sums are finished while the tile unit works on the next. */
static void
ternary_panels (const Group *g)
{
  _Alignas (64) uint8_t ring[RING][3 * FIELD];
  _Alignas (64) Sums sums[2];
  const uint8_t *w = g->job->w->data;
  const size_t panels = (g->job->w->n + PANEL - 1) / PANEL, steps = panels * g->chunks;
  size_t step = 0;

  for (size_t i = 0; i < 4 * AHEAD; i++)
    mask_quarter (ring[i / 4], w + (i / 4 < steps ? i / 4 : 0) * FIELD, i % 4);
  for (size_t panel = 0; panel < panels; panel++) {
    start_sums (g);
    for (size_t c = 0; c < g->chunks; c++, step++) {
      const uint8_t *fields = ring[step % RING], *next_w = w + (step + AHEAD < steps ? step + AHEAD : step) * FIELD;
      uint8_t *next = ring[(step + AHEAD) % RING];
      load_codes (g, c);
      TILE_LOAD (5, w + step * FIELD, 64);
      _tile_dpbsud (0, 4, 5);
      mask_quarter (next, next_w, 0);
      TILE_LOAD (6, fields, 64);
      _tile_dpbsud (1, 4, 6);
      mask_quarter (next, next_w, 1);
      TILE_LOAD (7, fields + FIELD, 64);
      _tile_dpbsud (2, 4, 7);
      mask_quarter (next, next_w, 2);
      TILE_LOAD (5, fields + 2 * FIELD, 64);
      _tile_dpbsud (3, 4, 5);
      mask_quarter (next, next_w, 3);
    }
    store_sums (&sums[panel % 2]);
    if (panel > 0)
      finish (g->job, &sums[(panel + 1) % 2], 0, 0, g->m, (panel - 1) * PANEL, true);
  }
  finish (g->job, &sums[(panels + 1) % 2], 0, 0, g->m, (panels - 1) * PANEL, true);
}

static void
int8_panels (const Group *g)
{
  _Alignas (64) Sums sums[2];
  const uint8_t *w = g->job->w->data;
  const size_t panels = (g->job->w->n + PANEL - 1) / PANEL;

  for (size_t panel = 0; panel < panels; panel++) {
    start_sums (g);
    for (size_t c = 0; c < g->chunks; c++, w += 4 * FIELD) {
      for (size_t i = 0; i < 4 * FIELD; i += 64)
        _mm_prefetch (w + 8 * FIELD + i, _MM_HINT_T0);
      load_codes (g, c);
      TILE_LOAD (5, w, 256);
      _tile_dpbsud (0, 4, 5);
      TILE_LOAD (6, w + 64, 256);
      _tile_dpbsud (1, 4, 6);
      TILE_LOAD (7, w + 128, 256);
      _tile_dpbsud (2, 4, 7);
      TILE_LOAD (5, w + 192, 256);
      _tile_dpbsud (3, 4, 5);
    }
    store_sums (&sums[panel % 2]);
    if (panel > 0)
      finish (g->job, &sums[(panel + 1) % 2], 0, 0, g->m, (panel - 1) * PANEL, false);
  }
  finish (g->job, &sums[(panels + 1) % 2], 0, 0, g->m, (panels - 1) * PANEL, false);
}

static void
configure (size_t m)
{
  TileConfig config = { 0 };

  tile_rows (&config, 0, 4, m);
  tile_rows (&config, 5, 7, ROWS);
  _tile_loadconfig (&config);
}

static void
copy_last (int8_t *to, const int8_t *q, size_t m, size_t k)
{
  const size_t from = (k - 1) / CHUNK * CHUNK;
  const __mmask64 mask = ~(uint64_t) 0 >> (64 - (k - from));

  for (size_t i = 0; i < m; i++)
    _mm512_store_si512 (to + i * CHUNK, _mm512_maskz_loadu_epi8 (mask, q + i * k + from));
}

static void
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, bool ternary)
{
  _Alignas (64) int8_t last[ROWS * CHUNK];
  _Alignas (64) Sums starts;
  __m512 top[ROWS];

  for (size_t i = 0, count; i < m; i += count) {
    count = m - i < ROWS ? m - i : ROWS;
    const Job job = { out, w, q + i * w->k, rows + i, out->q ? top : NULL, i, padded (w->k) * (ternary ? 16 : 64) };
    const Group g = { &job, count, (w->k + CHUNK - 1) / CHUNK, last, &starts };
    for (size_t t = 0; out->q && t < count; t++)
      top[t] = _mm512_setzero_ps ();
    copy_last (last, job.q, count, w->k);
    fill_starts (&starts, job.rows, count, ternary);
    if (i == 0 || count < ROWS)
      configure (count);
    (ternary ? ternary_panels : int8_panels) (&g);
    if (out->q)
      requantize_tokens (&job, count);
  }
  _tile_release ();
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  if (m < LEAST)
    narrow_ternary (out, w, q, rows, m);
  else
    linear (out, w, q, rows, m, true);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  if (m < LEAST)
    narrow_int8 (out, w, q, rows, m);
  else
    linear (out, w, q, rows, m, false);
}

void
bmk_linear_fill_amx (BmkTable *t)
{
  narrow_ternary = t->ternary_linear;
  narrow_int8 = t->int8_linear;
  t->ternary_linear = ternary_linear;
  t->int8_linear = int8_linear;
}
