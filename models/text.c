/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "text.h"

#include <string.h>

gboolean
bitmar_text_init (BitmarText *t, const BitmarModel *model, gsize context)
{
  gsize d = model->width, heads = model->text.heads, half = d / heads / 2;

  memset (t, 0, sizeof *t);
  t->model = model;
  t->x = g_try_new (float, context * d);
  t->a = g_try_new (float, context * d);
  t->qkv = g_try_new (float, context * 3 * d);
  t->k = g_try_new (float, context * d);
  t->v = g_try_new (float, context * d);
  t->scores = g_try_new (float, heads * context);
  t->cosines = g_try_new (float, half);
  t->sines = g_try_new (float, half);
  if (bitmar_scratch_init (&t->scratch, context, d, model->text.feed_forward)
      && bitmar_rope_init (&t->rope, d / heads, model->rope_base)
      && t->x && t->a && t->qkv && t->k && t->v && t->scores && t->cosines && t->sines)
    return TRUE;
  bitmar_text_clear (t);
  return FALSE;
}

void
bitmar_text_clear (BitmarText *t)
{
  bitmar_scratch_clear (&t->scratch);
  bitmar_rope_clear (&t->rope);
  g_clear_pointer (&t->x, g_free);
  g_clear_pointer (&t->a, g_free);
  g_clear_pointer (&t->qkv, g_free);
  g_clear_pointer (&t->k, g_free);
  g_clear_pointer (&t->v, g_free);
  g_clear_pointer (&t->scores, g_free);
  g_clear_pointer (&t->cosines, g_free);
  g_clear_pointer (&t->sines, g_free);
}

/* Rotates queries in place, and keys on their way out of the qkv rows. */
static void
split (BitmarText *t, gsize n)
{
  gsize d = t->model->width, heads = t->model->text.heads;

  for (gsize i = 0; i < n; i++) {
    float *q = t->qkv + i * 3 * d;

    bitmar_rope_at (&t->rope, i, t->cosines, t->sines);
    bmk_rotate (q, t->cosines, t->sines, d, heads);
    bmk_rotate (q + d, t->cosines, t->sines, d, heads);
    memcpy (t->k + i * d, q + d, d * sizeof (float));
    memcpy (t->v + i * d, q + 2 * d, d * sizeof (float));
  }
}

/* `m` of the `n` rows leave the layer. */
static void
run_layer (BitmarText *t, const BitmarTextLayer *layer, gsize n, gsize m)
{
  gsize d = t->model->width;
  BmkSpan span = { .k = t->k, .v = t->v, .n = n };

  bitmar_project (&t->scratch, t->qkv, &layer->qkv, t->x, n);
  split (t, n);
  for (gsize i = 0; i < m; i++) {
    const float *q = t->qkv + i * 3 * d;
    bmk_attend (t->a + i * d, q, q, &span, 1, d, t->model->text.heads, t->scores);
  }
  bitmar_project_residual (&t->scratch, t->x, &layer->out, t->a, m);
  bitmar_feed_forward (&t->scratch, t->x, &layer->up, &layer->down, m, false);
}

void
bitmar_text_run (BitmarText *t, const gint32 *ids, gsize n, float *first)
{
  const BitmarModel *model = t->model;
  gsize d = model->width, layers = model->text.n_layers;

  for (gsize i = 0; i < n; i++)
    bitmar_model_embedding (model, ids[i], t->x + i * d);
  for (gsize i = 0; i < layers; i++)
    run_layer (t, &model->text.layers[i], n, i + 1 < layers ? n : 1);
  memcpy (first, t->x, d * sizeof (float));
}

void
bitmar_text_embed (BitmarText *t, const float *first, float *embedding)
{
  const BmkLinear *head = &t->model->text.head;

  bitmar_project (&t->scratch, embedding, head, first, 1);
  bitmar_unit_length (embedding, head->n);
}
