/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kvcache.h"

#include <string.h>

gboolean
bitmar_kvcache_init (BitmarKvCache *cache, const BitmarKvConfig *config)
{
  gsize ring = config->layers * config->capacity * config->width;
  gsize tail = config->layers * config->rows * config->depth * config->width;

  memset (cache, 0, sizeof *cache);
  cache->config = *config;
  cache->ring_k = g_try_new0 (float, ring);
  cache->ring_v = g_try_new0 (float, ring);
  cache->tail_k = g_try_new0 (float, tail);
  cache->tail_v = g_try_new0 (float, tail);
  if (!cache->ring_k || !cache->ring_v || !cache->tail_k || !cache->tail_v) {
    bitmar_kvcache_clear (cache);
    return FALSE;
  }
  bitmar_kvcache_reset (cache);
  return TRUE;
}

void
bitmar_kvcache_clear (BitmarKvCache *cache)
{
  g_clear_pointer (&cache->ring_k, g_free);
  g_clear_pointer (&cache->ring_v, g_free);
  g_clear_pointer (&cache->tail_k, g_free);
  g_clear_pointer (&cache->tail_v, g_free);
}

void
bitmar_kvcache_reset (BitmarKvCache *cache)
{
  cache->start = cache->count = 0;
  cache->position = cache->config.sinks;
}

static gsize
ring_index (const BitmarKvCache *cache, gsize layer, gsize entry)
{
  gsize slot = (cache->start + entry) % cache->config.capacity;
  return (layer * cache->config.capacity + slot) * cache->config.width;
}

static gsize
tail_index (const BitmarKvCache *cache, gsize layer, gsize row, gsize depth)
{
  return ((layer * cache->config.rows + row) * cache->config.depth + depth) * cache->config.width;
}

void
bitmar_kvcache_append (BitmarKvCache *cache, gsize layer, const float *k, const float *v, gsize stride, gsize n)
{
  gsize size = cache->config.width * sizeof (float);
  gsize skip = n > cache->config.capacity ? n - cache->config.capacity : 0;

  for (gsize i = skip; i < n; i++) {
    gsize at = ring_index (cache, layer, cache->count + i);
    memcpy (cache->ring_k + at, k + i * stride, size);
    memcpy (cache->ring_v + at, v + i * stride, size);
  }
}

void
bitmar_kvcache_advance (BitmarKvCache *cache, gsize n, gsize positions)
{
  gsize capacity = cache->config.capacity;
  gsize end = cache->start + cache->count + n;

  cache->count = MIN (cache->count + n, capacity);
  cache->start = (end - cache->count) % capacity;
  cache->position += positions;
}

float *
bitmar_kvcache_tail_k (BitmarKvCache *cache, gsize layer, gsize row, gsize depth)
{
  return cache->tail_k + tail_index (cache, layer, row, depth);
}

float *
bitmar_kvcache_tail_v (BitmarKvCache *cache, gsize layer, gsize row, gsize depth)
{
  return cache->tail_v + tail_index (cache, layer, row, depth);
}

void
bitmar_kvcache_keep (BitmarKvCache *cache, const guint8 *rows, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    for (gsize layer = 0; layer < cache->config.layers; layer++)
      bitmar_kvcache_append (cache, layer, bitmar_kvcache_tail_k (cache, layer, rows[i], i),
          bitmar_kvcache_tail_v (cache, layer, rows[i], i), 0, 1);
    bitmar_kvcache_advance (cache, 1, 1);
  }
}

static gsize
put_span (BmkSpan *span, const float *k, const float *v, gsize n, bool sink)
{
  *span = (BmkSpan) { .k = k, .v = v, .n = n, .sink = sink };
  return n > 0;
}

/* Entries skip..count-1 of the ring, in at most two pieces. */
static gsize
ring_spans (const BitmarKvCache *cache, gsize layer, gsize skip, BmkSpan *spans)
{
  gsize n = cache->count - skip, at, slot, piece, used;

  if (n == 0)
    return 0;
  at = ring_index (cache, layer, skip);
  slot = (cache->start + skip) % cache->config.capacity;
  piece = MIN (n, cache->config.capacity - slot);
  used = put_span (spans, cache->ring_k + at, cache->ring_v + at, piece, false);
  at = layer * cache->config.capacity * cache->config.width;
  used += put_span (spans + used, cache->ring_k + at, cache->ring_v + at, n - piece, false);
  return used;
}

/* Entries skip..n-1 of the tail; depths that lie in the same row make one span. */
static gsize
tail_spans (const BitmarKvCache *cache, gsize layer, const guint8 *rows, gsize skip, gsize n, BmkSpan *spans)
{
  gsize used = 0;

  for (gsize i = skip; i < n; i++) {
    if (i > skip && rows[i] == rows[i - 1]) {
      spans[used - 1].n++;
    } else {
      gsize at = tail_index (cache, layer, rows[i], i);
      used += put_span (spans + used, cache->tail_k + at, cache->tail_v + at, 1, false);
    }
  }
  return used;
}

gsize
bitmar_kvcache_spans (const BitmarKvCache *cache, gsize layer, const guint8 *rows, gsize n, BmkSpan *spans)
{
  const BitmarKvConfig *c = &cache->config;
  gsize total = cache->count + n;
  gsize skip = total > c->window ? total - c->window : 0;
  gsize ring_skip = MIN (skip, cache->count);
  gsize at = layer * c->sinks * c->width;
  gsize used = 0;

  if (c->sinks > 0)
    used = put_span (spans, c->sink_k + at, c->sink_v + at, c->sinks, true);
  used += ring_spans (cache, layer, ring_skip, spans + used);
  used += tail_spans (cache, layer, rows, skip - ring_skip, n, spans + used);
  return used;
}

/* The same number for every beam: sinks and ring do not depend on the rows. */
gsize
bitmar_kvcache_shared_spans (const BitmarKvCache *cache, gsize n)
{
  const BitmarKvConfig *c = &cache->config;
  gsize total = cache->count + n, skip = MIN (total > c->window ? total - c->window : 0, cache->count);
  gsize slot = (cache->start + skip) % c->capacity, left = cache->count - skip;

  return (c->sinks > 0) + (left > 0) + (left > c->capacity - slot);
}

gsize
bitmar_kvcache_max_entries (const BitmarKvConfig *config)
{
  return config->sinks + MIN (config->window, config->capacity + config->depth);
}
