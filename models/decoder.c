/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "decoder.h"

#include <string.h>

static BitmarKvConfig
cache_config (const BitmarModel *model, gsize beams, gsize depth)
{
  gsize window = model->decoder.window, frame = model->vision.tokens;

  return (BitmarKvConfig) { .layers = model->decoder.n_layers, .width = model->width, .sinks = model->decoder.sinks,
    .window = window, .capacity = model->decoder.history ? window : MIN (window, frame), .rows = beams,
    .depth = depth, .sink_k = model->sink_k, .sink_v = model->sink_v };
}

static gboolean
init (BitmarDecoder *t, const BitmarModel *model, const BitmarKvConfig *config)
{
  gsize d = model->width, c = model->memory_width, beams = config->rows, heads = model->decoder.heads;

  memset (t, 0, sizeof *t);
  t->model = model;
  t->beams = beams;
  t->q = g_try_new (int8_t, 2 * c);
  t->context = g_try_new (float, 2 * c);
  t->cond = g_try_new0 (float, model->decoder.n_layers * d);
  t->kv = g_try_new (float, model->vision.tokens * 2 * d);
  t->x = g_try_new (float, beams * d);
  t->a = g_try_new (float, beams * d);
  t->far = g_try_new (float, beams * d);
  t->qkv = g_try_new (float, beams * 3 * d);
  t->scores = g_try_new (float, heads * bitmar_kvcache_max_entries (config));
  t->cosines = g_try_new (float, d / heads);
  t->sines = g_try_new (float, d / heads);
  t->path = g_try_new (guint8, config->depth);
  t->spans = g_try_new (BmkSpan, 3 + config->depth);
  if (bitmar_kvcache_init (&t->cache, config)
      && bitmar_scratch_init (&t->scratch, beams, d, model->decoder.feed_forward)
      && bitmar_rope_init (&t->rope, d / heads, model->rope_base) && t->q && t->context && t->cond && t->kv && t->x
      && t->a && t->far && t->qkv && t->scores && t->cosines && t->sines && t->path
      && t->spans)
    return TRUE;
  bitmar_decoder_clear (t);
  return FALSE;
}

gboolean
bitmar_decoder_init (BitmarDecoder *decoder, const BitmarModel *model, gsize beams, gsize depth)
{
  BitmarKvConfig config = cache_config (model, beams, depth);

  return init (decoder, model, &config);
}

void
bitmar_decoder_clear (BitmarDecoder *t)
{
  bitmar_kvcache_clear (&t->cache);
  bitmar_scratch_clear (&t->scratch);
  bitmar_rope_clear (&t->rope);
  g_clear_pointer (&t->q, g_free);
  g_clear_pointer (&t->context, g_free);
  g_clear_pointer (&t->cond, g_free);
  g_clear_pointer (&t->kv, g_free);
  g_clear_pointer (&t->x, g_free);
  g_clear_pointer (&t->a, g_free);
  g_clear_pointer (&t->far, g_free);
  g_clear_pointer (&t->qkv, g_free);
  g_clear_pointer (&t->scores, g_free);
  g_clear_pointer (&t->cosines, g_free);
  g_clear_pointer (&t->sines, g_free);
  g_clear_pointer (&t->path, g_free);
  g_clear_pointer (&t->spans, g_free);
}

/* ---- Frame --------------------------------------------------------------------------------------- */

static void
condition (BitmarDecoder *t, const float *content, const float *recalled)
{
  const BitmarModel *model = t->model;
  gsize c = model->memory_width;
  BmkRow row;

  memcpy (t->context, content, c * sizeof (float));
  memcpy (t->context + c, recalled, c * sizeof (float));
  bmk_quantize (t->q, &row, t->context, 2 * c, 1, 2 * c);
  for (gsize i = 0; i < model->decoder.n_layers; i++)
    bmk_ternary_linear (&(BmkOutput) { .y = t->cond + i * model->width, .ldy = model->width },
        &model->decoder.layers[i].cond, t->q, &row, 1);
}

void
bitmar_decoder_frame (BitmarDecoder *t, const int8_t *v_codes, const BmkRow *v_rows, const float *content,
    const float *recalled)
{
  const BitmarModel *model = t->model;
  gsize d = model->width, p = model->vision.tokens;

  if (model->decoder.history == 0)
    bitmar_kvcache_reset (&t->cache);
  condition (t, content, recalled);
  bitmar_rope_at (&t->rope, t->cache.position, t->cosines, t->sines);
  for (gsize i = 0; i < model->decoder.n_layers; i++) {
    bmk_ternary_linear (&(BmkOutput) { .y = t->kv, .ldy = 2 * d }, &model->decoder.layers[i].frame_kv, v_codes, v_rows,
        p);
    for (gsize j = 0; j < p; j++)
      bmk_rotate (t->kv + j * 2 * d, t->cosines, t->sines, d, model->decoder.heads);
    bitmar_kvcache_append (&t->cache, i, t->kv, t->kv + d, 2 * d, p);
  }
  bitmar_kvcache_advance (&t->cache, p, 1);
}

/* ---- Step ---------------------------------------------------------------------------------------- */

static void
set_position (BitmarDecoder *t, guint64 position)
{
  guint64 last = (guint64) t->model->decoder.sinks + t->model->decoder.window - 1;
  gsize half = t->rope.half;

  bitmar_rope_at (&t->rope, position, t->cosines, t->sines);
  bitmar_rope_at (&t->rope, MIN (position, last), t->cosines + half, t->sines + half);
}

static void
attend (BitmarDecoder *t, gsize layer, const guint8 *rows, gsize row, gsize depth)
{
  gsize d = t->model->width, heads = t->model->decoder.heads, half = t->rope.half, n;
  float *q = t->qkv + row * 3 * d, *far = t->far + row * d;
  float *k = bitmar_kvcache_tail_k (&t->cache, layer, row, depth);

  memcpy (far, q, d * sizeof (float));
  bmk_rotate (q, t->cosines, t->sines, d, heads);
  bmk_rotate (far, t->cosines + half, t->sines + half, d, heads);
  memcpy (k, q + d, d * sizeof (float));
  bmk_rotate (k, t->cosines, t->sines, d, heads);
  memcpy (bitmar_kvcache_tail_v (&t->cache, layer, row, depth), q + 2 * d, d * sizeof (float));
  memcpy (t->path, rows, depth);
  t->path[depth] = (guint8) row;
  n = bitmar_kvcache_spans (&t->cache, layer, t->path, depth + 1, t->spans);
  bmk_attend (t->a + row * d, q, far, t->spans, n, d, heads, t->scores);
}

/* x: [n, d] of the decoder, in place. */
static void
run_layer (BitmarDecoder *t, gsize i, const BitmarDecoderBeam *beams, gsize n, gsize depth)
{
  const BitmarDecoderLayer *layer = &t->model->decoder.layers[i];

  bitmar_project (&t->scratch, t->qkv, &layer->qkv, t->x, n);
  for (gsize b = 0; b < n; b++)
    attend (t, i, beams[b].rows, b, depth);
  bitmar_project_residual (&t->scratch, t->x, &layer->out, t->a, n);
  bitmar_feed_forward (&t->scratch, t->x, &layer->up, &layer->down, n, i + 1 == t->model->decoder.n_layers);
}

static void
add_rows (float *x, const float *row, gsize n, gsize d)
{
  for (gsize b = 0; b < n; b++)
    for (gsize i = 0; i < d; i++)
      x[b * d + i] += row[i];
}

/* q, rows: what the last layer left. */
static void
score (const BitmarModel *model, const int8_t *q, const BmkRow *rows, gsize n, const BitmarScores *scores)
{
  if (scores->logits)
    bmk_int8_linear (&(BmkOutput) { .y = scores->logits, .ldy = model->head.n }, &model->head, q, rows, n);
  else
    bmk_int8_best (scores->best, scores->log_sum, scores->count, &model->head, q, rows, n);
}

void
bitmar_decoder_step (BitmarDecoder *t, const BitmarDecoderBeam *beams, gsize n, gsize depth,
    const BitmarScores *scores)
{
  const BitmarModel *model = t->model;
  gsize d = model->width;

  set_position (t, t->cache.position + depth);
  for (gsize b = 0; b < n; b++)
    bitmar_model_embedding (model, beams[b].token, t->x + b * d);
  for (gsize i = 0; i < model->decoder.n_layers; i++) {
    add_rows (t->x, t->cond + i * d, n, d);
    run_layer (t, i, beams, n, depth);
  }
  if (scores)
    score (model, t->scratch.q, t->scratch.rows, n, scores);
}

/* ---- Sinks --------------------------------------------------------------------------------------- */

static void
run_sinks (BitmarDecoder *t, const guint8 *rows)
{
  gsize d = t->model->width;
  BitmarDecoderBeam beam = { .rows = rows };

  for (gsize depth = 0; depth < t->model->decoder.sinks; depth++) {
    set_position (t, depth);
    memcpy (t->x, t->model->sinks + depth * d, d * sizeof (float));
    for (gsize i = 0; i < t->model->decoder.n_layers; i++)
      run_layer (t, i, &beam, 1, depth);
  }
}

/* A stream of its own, without sinks or frame, whose tokens are the sinks: row 0 of its tail is the answer. */
gboolean
bitmar_decoder_sinks (const BitmarModel *model, float *keys, float *values)
{
  gsize s = model->decoder.sinks, n = s * model->width;     /* of one layer */
  BitmarKvConfig config = cache_config (model, 1, s);
  guint8 *rows = g_try_new0 (guint8, s + 1);
  BitmarDecoder t;

  config.sinks = 0;
  config.capacity = 1;
  config.window = s + 1;
  if (!rows || !init (&t, model, &config)) {
    g_free (rows);
    return FALSE;
  }
  run_sinks (&t, rows);
  for (gsize i = 0; i < model->decoder.n_layers && s > 0; i++) {
    memcpy (keys + i * n, bitmar_kvcache_tail_k (&t.cache, i, 0, 0), n * sizeof (float));
    memcpy (values + i * n, bitmar_kvcache_tail_v (&t.cache, i, 0, 0), n * sizeof (float));
  }
  bitmar_decoder_clear (&t);
  g_free (rows);
  return TRUE;
}
