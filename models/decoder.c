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
  gsize rows = BITMAR_BATCH_ROWS;

  memset (t, 0, sizeof *t);
  t->model = model;
  t->beams = beams;
  t->q = g_try_new (int8_t, 2 * c);
  t->context = g_try_new (float, 2 * c);
  t->cond = g_try_new0 (float, model->decoder.n_layers * d);
  t->kv = g_try_new (float, model->vision.tokens * 2 * d);
  t->x = g_try_new (float, rows * d);
  t->a = g_try_new (float, rows * d);
  t->far = g_try_new (float, rows * d);
  t->qkv = g_try_new (float, rows * 3 * d);
  t->best = g_try_new (BmkBest, rows * BITMAR_MAX_CANDIDATES);
  t->scores = g_try_new (float, beams * heads * bitmar_kvcache_max_entries (config));
  t->cosines = g_try_new (float, d / heads);
  t->sines = g_try_new (float, d / heads);
  t->path = g_try_new (guint8, config->depth);
  t->spans = g_try_new (BmkSpan, beams * (3 + config->depth));
  if (bitmar_kvcache_init (&t->cache, config)
      && bitmar_scratch_init (&t->scratch, rows, d, model->decoder.feed_forward)
      && bitmar_rope_init (&t->rope, d / heads, model->rope_base) && t->q && t->context && t->cond && t->kv && t->x && t->best
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

gboolean
bitmar_decoder_init_alone (BitmarDecoder *decoder, const BitmarModel *model, gsize depth)
{
  BitmarKvConfig config = cache_config (model, 1, depth);

  config.capacity = MIN (config.window, model->vision.tokens);
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
  g_clear_pointer (&t->best, g_free);
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

/* One beam's query, key and value, rotated and in their places. qkv: [3d], far: [d] */
static void
place (BitmarDecoder *t, gsize layer, gsize row, gsize depth, float *qkv, float *far)
{
  gsize d = t->model->width, heads = t->model->decoder.heads, half = t->rope.half;
  float *k = bitmar_kvcache_tail_k (&t->cache, layer, row, depth);

  memcpy (far, qkv, d * sizeof (float));
  bmk_rotate (qkv, t->cosines, t->sines, d, heads);
  bmk_rotate (far, t->cosines + half, t->sines + half, d, heads);
  memcpy (k, qkv + d, d * sizeof (float));
  bmk_rotate (k, t->cosines, t->sines, d, heads);
  memcpy (bitmar_kvcache_tail_v (&t->cache, layer, row, depth), qkv + 2 * d, d * sizeof (float));
}

/* The beams of one stream share its sinks and its ring. x's rows from `first` on are theirs. */
static void
attend (BitmarDecoder *work, const BitmarDecoderPart *part, gsize layer, gsize first)
{
  BitmarDecoder *t = part->decoder;
  gsize d = t->model->width, depth = part->depth, stride = 3 + t->cache.config.depth;
  gsize shared = bitmar_kvcache_shared_spans (&t->cache, depth + 1);
  BmkQuery queries[BITMAR_BATCH_ROWS];

  for (gsize b = 0; b < part->n; b++) {
    BmkSpan *spans = t->spans + b * stride;
    float *q = work->qkv + (first + b) * 3 * d, *far = work->far + (first + b) * d;
    gsize n;

    place (t, layer, b, depth, q, far);
    memcpy (t->path, part->beams[b].rows, depth);
    t->path[depth] = (guint8) b;
    n = bitmar_kvcache_spans (&t->cache, layer, t->path, depth + 1, spans);
    queries[b] = (BmkQuery) { work->a + (first + b) * d, q, far, spans + shared, n - shared };
  }
  bmk_attend_many (queries, part->n, t->spans, shared, d, t->model->decoder.heads, t->scores);
}

/* x: [rows, d] of the workspace, in place. cond: whether the streams' conditioning is added first. */
static void
run_layer (BitmarDecoder *work, gsize i, const BitmarDecoderPart *parts, gsize n_parts, gsize rows, gboolean cond)
{
  const BitmarModel *model = work->model;
  const BitmarDecoderLayer *layer = &model->decoder.layers[i];
  gsize d = model->width, at = 0;

  for (gsize p = 0; p < n_parts; p++)
    for (gsize b = 0; cond && b < parts[p].n; b++)
      bmk_add (work->x + at++ * d, parts[p].decoder->cond + i * d, d);
  bitmar_project (&work->scratch, work->qkv, &layer->qkv, work->x, rows);
  at = 0;
  for (gsize p = 0; p < n_parts; at += parts[p++].n)
    attend (work, &parts[p], i, at);
  bitmar_project_residual (&work->scratch, work->x, &layer->out, work->a, rows);
  bitmar_feed_forward (&work->scratch, work->x, &layer->up, &layer->down, rows, i + 1 == model->decoder.n_layers);
}

/* Rows of all parts that want the best tokens, as many as the greediest of them wants; the others' are not looked at. */
static void
score_best (BitmarDecoder *work, const BitmarDecoderPart *parts, gsize n_parts, gsize rows)
{
  float log_sum[BITMAR_BATCH_ROWS];
  gsize count = 0, at = 0;

  for (gsize p = 0; p < n_parts; p++)
    if (parts[p].scores && !parts[p].scores->logits)
      count = MAX (count, parts[p].scores->count);
  if (count == 0)
    return;
  bmk_int8_best (work->best, log_sum, count, &work->model->head, work->scratch.q, work->scratch.rows, rows);
  for (gsize p = 0; p < n_parts; at += parts[p++].n) {
    const BitmarScores *scores = parts[p].scores;

    for (gsize b = 0; scores && !scores->logits && b < parts[p].n; b++) {
      memcpy (scores->best + b * scores->count, work->best + (at + b) * count, scores->count * sizeof (BmkBest));
      scores->log_sum[b] = log_sum[at + b];
    }
  }
}

static void
score_logits (BitmarDecoder *work, const BitmarDecoderPart *parts, gsize n_parts)
{
  const BmkLinear *head = &work->model->head;
  gsize at = 0;

  for (gsize p = 0; p < n_parts; at += parts[p++].n)
    if (parts[p].scores && parts[p].scores->logits)
      bmk_int8_linear (&(BmkOutput) { .y = parts[p].scores->logits, .ldy = head->n }, head,
          work->scratch.q + at * head->k, work->scratch.rows + at, parts[p].n);
}

void
bitmar_decoder_step_many (BitmarDecoder *work, const BitmarDecoderPart *parts, gsize n_parts)
{
  const BitmarModel *model = work->model;
  gsize d = model->width, rows = 0;

  for (gsize p = 0; p < n_parts; p++) {
    set_position (parts[p].decoder, parts[p].decoder->cache.position + parts[p].depth);
    for (gsize b = 0; b < parts[p].n; b++)
      bitmar_model_embedding (model, parts[p].beams[b].token, work->x + rows++ * d);
  }
  for (gsize i = 0; i < model->decoder.n_layers; i++)
    run_layer (work, i, parts, n_parts, rows, TRUE);
  score_best (work, parts, n_parts, rows);
  score_logits (work, parts, n_parts);
}

void
bitmar_decoder_step (BitmarDecoder *t, const BitmarDecoderBeam *beams, gsize n, gsize depth, const BitmarScores *scores)
{
  bitmar_decoder_step_many (t, &(BitmarDecoderPart) { t, beams, n, depth, scores }, 1);
}

/* ---- Sinks --------------------------------------------------------------------------------------- */

static void
run_sinks (BitmarDecoder *t, const guint8 *rows)
{
  gsize d = t->model->width;
  BitmarDecoderBeam beam = { .rows = rows };
  BitmarDecoderPart part = { .decoder = t, .beams = &beam, .n = 1 };

  for (gsize depth = 0; depth < t->model->decoder.sinks; depth++) {
    part.depth = depth;
    set_position (t, depth);
    memcpy (t->x, t->model->sinks + depth * d, d * sizeof (float));
    for (gsize i = 0; i < t->model->decoder.n_layers; i++)
      run_layer (t, i, &part, 1, 1, FALSE);
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
