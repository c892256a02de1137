/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decoder's KV cache, all layers, f32, keys stored rotated and never rotated again.
 *
 *   sinks  [layers, S, d]                the model's, constant, before everything else
 *   ring   [layers, capacity, d]         entries all beams share: frame tokens, kept captions; oldest leave first
 *   tail   [layers, rows, depth, d]      the caption being written, one row per beam
 *
 * A beam names, for every depth, the row its entry was written to. So beams that part share what they have in common,
 * and reordering beams copies nothing. The window is the last W entries of ring and tail together. */
#pragma once

#include <glib.h>

#include "bitmar-kernels.h"

G_BEGIN_DECLS

typedef struct {
  gsize layers, width;                 /* width: d */
  gsize sinks, window;
  gsize capacity;                      /* ring entries, 1..window */
  gsize rows, depth;                   /* of the tail */
  const float *sink_k, *sink_v;        /* [layers, sinks, d] */
} BitmarKvConfig;

typedef struct {
  BitmarKvConfig config;
  float *ring_k, *ring_v;
  float *tail_k, *tail_v;
  gsize start, count;                  /* of the ring */
  guint64 position;                    /* of the next frame or token */
} BitmarKvCache;

/* FALSE when memory is short. */
gboolean bitmar_kvcache_init (BitmarKvCache *cache, const BitmarKvConfig *config);
void bitmar_kvcache_clear (BitmarKvCache *cache);
/* Empties ring and tail: a fresh stream at position S. */
void bitmar_kvcache_reset (BitmarKvCache *cache);

/* Writes n entries behind the ring's last for one layer; k, v: [n] rows, `stride` floats apart. They count once
 * bitmar_kvcache_advance() was called, after the last layer. */
void bitmar_kvcache_append (BitmarKvCache *cache, gsize layer, const float *k, const float *v, gsize stride, gsize n);
void bitmar_kvcache_advance (BitmarKvCache *cache, gsize n, gsize positions);

/* Where row `row` keeps its entry at `depth`: [d]. */
float *bitmar_kvcache_tail_k (BitmarKvCache *cache, gsize layer, gsize row, gsize depth);
float *bitmar_kvcache_tail_v (BitmarKvCache *cache, gsize layer, gsize row, gsize depth);
/* The n tail entries named by rows[n] become ring entries, one position each. */
void bitmar_kvcache_keep (BitmarKvCache *cache, const guint8 *rows, gsize n);

/* What a query behind n tail entries meets. spans: room for 3 + n. Returns how many were written. */
gsize bitmar_kvcache_spans (const BitmarKvCache *cache, gsize layer, const guint8 *rows, gsize n, BmkSpan *spans);
/* How many of them, the first ones, are the same for all beams. */
gsize bitmar_kvcache_shared_spans (const BitmarKvCache *cache, gsize n);
/* The most entries, sinks included, that a query can meet. */
gsize bitmar_kvcache_max_entries (const BitmarKvConfig *config);

G_END_DECLS
