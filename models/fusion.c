/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fusion.h"

#include <string.h>

gboolean
bitmar_fusion_init (BitmarFusion *f, const BitmarModel *model)
{
  gsize d = model->width, p = model->vision.tokens;

  memset (f, 0, sizeof *f);
  f->model = model;
  f->x = g_try_new (float, d);
  f->q = g_try_new (float, d);
  f->a = g_try_new (float, d);
  f->kv = g_try_new (float, p * 2 * d);
  f->k = g_try_new (float, p * d);
  f->v = g_try_new (float, p * d);
  f->scores = g_try_new (float, model->fusion.heads * p);
  if (bitmar_scratch_init (&f->scratch, 1, d, model->fusion.feed_forward)
      && f->x && f->q && f->a && f->kv && f->k && f->v && f->scores)
    return TRUE;
  bitmar_fusion_clear (f);
  return FALSE;
}

void
bitmar_fusion_clear (BitmarFusion *f)
{
  bitmar_scratch_clear (&f->scratch);
  g_clear_pointer (&f->x, g_free);
  g_clear_pointer (&f->q, g_free);
  g_clear_pointer (&f->a, g_free);
  g_clear_pointer (&f->kv, g_free);
  g_clear_pointer (&f->k, g_free);
  g_clear_pointer (&f->v, g_free);
  g_clear_pointer (&f->scores, g_free);
}

static void
run_layer (BitmarFusion *f, const BitmarFusionLayer *layer, const int8_t *v_codes, const BmkRow *v_rows)
{
  gsize d = f->model->width, p = f->model->vision.tokens;
  BmkSpan span = { .k = f->k, .v = f->v, .n = p };

  bmk_ternary_linear (&(BmkOutput) { .y = f->kv, .ldy = 2 * d }, &layer->kv, v_codes, v_rows, p);
  for (gsize i = 0; i < p; i++) {
    memcpy (f->k + i * d, f->kv + i * 2 * d, d * sizeof (float));
    memcpy (f->v + i * d, f->kv + i * 2 * d + d, d * sizeof (float));
  }
  bitmar_project (&f->scratch, f->q, &layer->q, f->x, 1);
  bmk_attend (f->a, f->q, f->q, &span, 1, d, f->model->fusion.heads, f->scores);
  bitmar_project_residual (&f->scratch, f->x, &layer->out, f->a, 1);
  bitmar_feed_forward (&f->scratch, f->x, &layer->up, &layer->down, 1, false);
}

void
bitmar_fusion_run (BitmarFusion *f, const float *first, const int8_t *v_codes, const BmkRow *v_rows, float *key,
    float *content)
{
  const BitmarModel *model = f->model;
  gsize c = model->memory_width;

  memcpy (f->x, first, model->width * sizeof (float));
  for (gsize i = 0; i < model->fusion.n_layers; i++)
    run_layer (f, &model->fusion.layers[i], v_codes, v_rows);
  if (key) {
    bitmar_project (&f->scratch, key, &model->fusion.key, f->x, 1);
    bitmar_unit_length (key, c);
  }
  bitmar_project (&f->scratch, content, &model->fusion.content, f->x, 1);
}
