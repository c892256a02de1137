/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The KV cache held against a list that forgets nothing. */

#include <malloc.h>
#include <string.h>

#include "kvcache.h"

#define D 32
#define HEADS 2
#define LAYERS 2
#define SINKS 3
#define ROWS 4
#define DEPTH 10
#define MAX_ENTRIES 4000

/* Every entry ever kept; an entry is told from any other by the number its keys and values are made from. */
typedef struct {
  guint32 kept[MAX_ENTRIES];
  gsize n;
} Naive;

static guint32 counter;
static float sink_k[LAYERS * SINKS * D], sink_v[LAYERS * SINKS * D];

static float
noise (guint32 x)
{
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return (float) (x >> 8) * 0x1p-23f - 1.0f;
}

static void
make_entry (float *x, guint32 entry, guint32 layer, guint32 value)
{
  for (guint32 i = 0; i < D; i++)
    x[i] = noise (((entry * LAYERS + layer) * 2 + value) * D + i);
}

static void
make_sinks (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (sink_k); i++) {
    sink_k[i] = noise (0x40000000u + i);
    sink_v[i] = noise (0x60000000u + i);
  }
}

static void
open_cache (BitmarKvCache *cache, gsize window, gsize capacity)
{
  BitmarKvConfig config = { .layers = LAYERS, .width = D, .sinks = SINKS, .window = window, .capacity = capacity,
    .rows = ROWS, .depth = DEPTH, .sink_k = sink_k, .sink_v = sink_v };

  make_sinks ();
  g_assert_true (bitmar_kvcache_init (cache, &config));
}

static void
push (BitmarKvCache *cache, Naive *naive, gsize n)
{
  float *rows = g_new (float, n * 2 * D);

  for (gsize layer = 0; layer < LAYERS; layer++) {
    for (gsize i = 0; i < n; i++) {
      make_entry (rows + 2 * D * i, counter + i, layer, 0);
      make_entry (rows + 2 * D * i + D, counter + i, layer, 1);
    }
    bitmar_kvcache_append (cache, layer, rows, rows + D, 2 * D, n);
  }
  bitmar_kvcache_advance (cache, n, 1);
  for (gsize i = 0; i < n; i++)
    naive->kept[naive->n++] = counter++;
  g_free (rows);
}

static void
write_tail (BitmarKvCache *cache, gsize row, gsize depth, guint32 entry)
{
  for (gsize layer = 0; layer < LAYERS; layer++) {
    make_entry (bitmar_kvcache_tail_k (cache, layer, row, depth), entry, layer, 0);
    make_entry (bitmar_kvcache_tail_v (cache, layer, row, depth), entry, layer, 1);
  }
}

/* Sinks, then the last `window` of kept and tail: the same entries in the same order, and the same attention. */
static void
compare (BitmarKvCache *cache, const Naive *naive, const guint8 *rows, const guint32 *tail, gsize n)
{
  static float k[MAX_ENTRIES * D], v[MAX_ENTRIES * D], scratch[MAX_ENTRIES * HEADS];
  gsize all = naive->n + n, first = all > cache->config.window ? all - cache->config.window : 0;

  for (gsize layer = 0; layer < LAYERS; layer++) {
    BmkSpan spans[3 + DEPTH], flat[2];
    gsize used = bitmar_kvcache_spans (cache, layer, rows, n, spans), at = 0;
    float q[D], q_sink[D], want[D], got[D];

    for (gsize i = first; i < all; i++) {
      guint32 entry = i < naive->n ? naive->kept[i] : tail[i - naive->n];
      make_entry (k + (i - first) * D, entry, layer, 0);
      make_entry (v + (i - first) * D, entry, layer, 1);
    }
    g_assert_true (spans[0].sink && spans[0].n == SINKS && spans[0].k == sink_k + layer * SINKS * D);
    for (gsize s = 1; s < used; s++) {
      g_assert_false (spans[s].sink);
      g_assert_cmpmem (spans[s].k, spans[s].n * D * 4, k + at * D, spans[s].n * D * 4);
      g_assert_cmpmem (spans[s].v, spans[s].n * D * 4, v + at * D, spans[s].n * D * 4);
      at += spans[s].n;
    }
    g_assert_cmpuint (at, ==, all - first);
    g_assert_cmpuint (SINKS + at, <=, bitmar_kvcache_max_entries (&cache->config));
    make_entry (q, 0x1000000, layer, 0);
    make_entry (q_sink, 0x1000000, layer, 1);
    flat[0] = spans[0];
    flat[1] = (BmkSpan) { k, v, at, false };
    bmk_attend (want, q, q_sink, flat, at ? 2 : 1, D, HEADS, scratch);
    bmk_attend (got, q, q_sink, spans, used, D, HEADS, scratch);
    g_assert_cmpmem (want, sizeof want, got, sizeof got);
  }
}

static void
test_wrap (void)
{
  for (gsize window = 1; window <= 24; window++) {
    BitmarKvCache cache;
    Naive naive = { .n = 0 };

    open_cache (&cache, window, window);
    compare (&cache, &naive, NULL, NULL, 0);
    for (gsize i = 0; i < 4 * window + 3; i++) {
      push (&cache, &naive, 1 + i % 7);
      compare (&cache, &naive, NULL, NULL, 0);
    }
    bitmar_kvcache_clear (&cache);
  }
}

/* Beams that part and meet again, over every ring offset: their tails by indirection, the window over ring and tail. */
static void
beams_over (gsize window, gsize frame)
{
  BitmarKvCache cache;
  Naive naive = { .n = 0 };

  open_cache (&cache, window, window);
  for (gsize round = 0; round < 2 * window + 2; round++) {
    guint8 rows[ROWS][DEPTH] = { { 0 } };
    guint32 tail[ROWS][DEPTH];

    push (&cache, &naive, frame);
    for (gsize depth = 0; depth < DEPTH; depth++) {
      guint8 old_rows[ROWS][DEPTH];
      guint32 old_tail[ROWS][DEPTH];

      memcpy (old_rows, rows, sizeof rows);
      memcpy (old_tail, tail, sizeof tail);
      for (guint8 b = 0; b < ROWS; b++) {
        gsize parent = (guint32) (noise (counter * 5 + b) * 100 + 100) % ROWS;
        memcpy (rows[b], old_rows[parent], DEPTH);
        memcpy (tail[b], old_tail[parent], sizeof tail[b]);
        rows[b][depth] = b;
        tail[b][depth] = counter++;
        write_tail (&cache, b, depth, tail[b][depth]);
      }
      for (gsize b = 0; b < ROWS; b++)
        compare (&cache, &naive, rows[b], tail[b], depth + 1);
    }
    bitmar_kvcache_keep (&cache, rows[round % ROWS], 1 + round % DEPTH);
    for (gsize i = 0; i < 1 + round % DEPTH; i++)
      naive.kept[naive.n++] = tail[round % ROWS][i];
  }
  bitmar_kvcache_clear (&cache);
}

static void
test_beams (void)
{
  beams_over (5, 2);                   /* tails longer than the window */
  beams_over (13, 5);
  beams_over (17, 20);                 /* frames longer than the window */
  beams_over (29, 5);
}

static void
test_chunks (void)
{
  static const gsize chunks[] = { 1, 2, 3, 5, 8, 11, 30 };

  for (gsize c = 0; c < G_N_ELEMENTS (chunks); c++) {
    BitmarKvCache whole, parts;
    Naive naive = { .n = 0 }, same = { .n = 0 };
    guint32 start;

    open_cache (&whole, 12, 12);
    open_cache (&parts, 12, 12);
    for (gsize round = 0; round < 15; round++) {
      start = counter;
      push (&whole, &naive, 30);
      counter = start;
      for (gsize done = 0; done < 30; done += chunks[c])
        push (&parts, &same, MIN (chunks[c], 30 - done));
      compare (&parts, &naive, NULL, NULL, 0);
      compare (&whole, &same, NULL, NULL, 0);
    }
    bitmar_kvcache_clear (&whole);
    bitmar_kvcache_clear (&parts);
  }
}

/* history = 0: a ring that holds one frame, emptied before each. */
static void
test_reset (void)
{
  BitmarKvCache cache;

  open_cache (&cache, 100, 7);
  for (gsize round = 0; round < 5; round++) {
    Naive naive = { .n = 0 };
    guint8 rows[DEPTH] = { 0 };
    guint32 tail[DEPTH];

    bitmar_kvcache_reset (&cache);
    g_assert_cmpuint (cache.position, ==, SINKS);
    push (&cache, &naive, 7);
    g_assert_cmpuint (cache.position, ==, SINKS + 1);
    for (gsize depth = 0; depth < DEPTH; depth++) {
      write_tail (&cache, 0, depth, tail[depth] = counter++);
      compare (&cache, &naive, rows, tail, depth + 1);
    }
  }
  bitmar_kvcache_clear (&cache);
}

static void
test_million (void)
{
  BitmarKvCache cache;
  static float k[LAYERS * SINKS * D], v[LAYERS * SINKS * D];
  guint8 rows[DEPTH] = { 0 };
  gsize before;

  open_cache (&cache, 64, 64);
  memcpy (k, sink_k, sizeof k);
  memcpy (v, sink_v, sizeof v);
  before = mallinfo2 ().uordblks;
  for (gsize n = 0; n < 1000000; n += DEPTH) {
    for (gsize depth = 0; depth < DEPTH; depth++)
      memset (bitmar_kvcache_tail_k (&cache, 0, 0, depth), (int) n, D * sizeof (float));
    bitmar_kvcache_keep (&cache, rows, DEPTH);
  }
  g_assert_cmpuint (mallinfo2 ().uordblks, ==, before);
  g_assert_cmpuint (cache.position, ==, SINKS + 1000000);
  g_assert_cmpmem (k, sizeof k, sink_k, sizeof sink_k);
  g_assert_cmpmem (v, sizeof v, sink_v, sizeof sink_v);
  bitmar_kvcache_clear (&cache);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/kvcache/wrap", test_wrap);
  g_test_add_func ("/kvcache/beams", test_beams);
  g_test_add_func ("/kvcache/chunks", test_chunks);
  g_test_add_func ("/kvcache/reset", test_reset);
  g_test_add_func ("/kvcache/million", test_million);
  return g_test_run ();
}
