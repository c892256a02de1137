/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vision-dinov2.h"

#include <string.h>

static gsize
count_tokens (const BitmarDinov2 *net)
{
  return 1 + net->registers + (gsize) net->grid * net->grid;
}

static gsize
patch_width (const BitmarDinov2 *net)
{
  return 3 * (gsize) net->patch_size * net->patch_size;
}

/* ---- Memory ---------------------------------------------------------------------------------------- */

static void
workspace_free (gpointer data)
{
  BitmarDinov2Workspace *w = data;

  g_free (w->x);
  g_free (w->normed);
  g_free (w->q);
  g_free (w->k);
  g_free (w->v);
  g_free (w->attention);
  g_free (w->hidden);
  g_free (w->pooled);
  g_free (w->scores);
  g_free (w->codes);
  g_free (w->rows);
  g_free (w);
}

static gpointer
workspace_new (const BitmarModel *model)
{
  const BitmarDinov2 *net = model->vision.network;
  BitmarDinov2Workspace *w = g_new0 (BitmarDinov2Workspace, 1);
  gsize t = count_tokens (net), d = model->vision.channels, widest = MAX (net->feed_forward, patch_width (net));

  w->model = model;
  w->net = net;
  w->x = g_try_new (float, t * d);
  w->normed = g_try_new (float, t * d);
  w->q = g_try_new (float, t * d);
  w->k = g_try_new (float, t * d);
  w->v = g_try_new (float, t * d);
  w->attention = g_try_new (float, t * d);
  w->hidden = g_try_new (float, t * widest);
  w->pooled = g_try_new (float, model->vision.tokens * d);
  w->scores = g_try_new (float, bmk_attend_all_scratch (t, d, net->heads));
  w->codes = g_try_new (int8_t, t * MAX (widest, d));
  w->rows = g_try_new (BmkRow, t);
  if (w->x && w->normed && w->q && w->k && w->v && w->attention && w->hidden && w->pooled && w->scores && w->codes && w->rows)
    return w;
  workspace_free (w);
  return NULL;
}

/* ---- Layers ---------------------------------------------------------------------------------------- */

/* The input of the layers that follow: those with integer weights read its codes. x: [m, k] */
static void
prepare (BitmarDinov2Workspace *w, const BitmarDense *reader, const float *x, gsize m)
{
  if (reader->kind != BITMAR_DENSE_F16)
    bmk_quantize_scaled (w->codes, w->rows, x, reader->w.k, m, reader->w.k);
}

/* y = or, with add, y += the layer of x, which has been prepared. y: [m, n] */
static void
apply (BitmarDinov2Workspace *w, const BitmarDense *layer, float *y, const float *x, gsize m, bool add)
{
  const BmkOutput out = { .y = y, .ldy = layer->w.n, .bias = layer->bias, .add = add };

  switch (layer->kind) {
    case BITMAR_DENSE_F16:
      bmk_f16_linear (&out, &layer->w, x, layer->w.k, m);
      break;
    case BITMAR_DENSE_INT8:
      bmk_int8_linear (&out, &layer->w, w->codes, w->rows, m);
      break;
    case BITMAR_DENSE_TERNARY:
      bmk_ternary_linear (&out, &layer->w, w->codes, w->rows, m);
      break;
  }
}

static void
normalise (BitmarDinov2Workspace *w, const BitmarNorm *norm)
{
  bmk_layer_norm (w->normed, w->x, norm->weight, norm->bias, w->net->epsilon, count_tokens (w->net), w->model->vision.channels);
}

static void
attend (BitmarDinov2Workspace *w, const BitmarDinov2Layer *layer)
{
  gsize t = count_tokens (w->net);

  normalise (w, &layer->norm1);
  prepare (w, &layer->q, w->normed, t);
  apply (w, &layer->q, w->q, w->normed, t, false);
  apply (w, &layer->k, w->k, w->normed, t, false);
  apply (w, &layer->v, w->v, w->normed, t, false);
  bmk_attend_all (w->attention, w->q, w->k, w->v, t, w->model->vision.channels, w->net->heads, w->scores);
  prepare (w, &layer->out, w->attention, t);
  apply (w, &layer->out, w->x, w->attention, t, true);
}

static void
feed_forward (BitmarDinov2Workspace *w, const BitmarDinov2Layer *layer)
{
  gsize t = count_tokens (w->net);

  normalise (w, &layer->norm2);
  prepare (w, &layer->up, w->normed, t);
  apply (w, &layer->up, w->hidden, w->normed, t, false);
  bmk_gelu (w->hidden, t * w->net->feed_forward);
  prepare (w, &layer->down, w->hidden, t);
  apply (w, &layer->down, w->x, w->hidden, t, true);
}

/* ---- A picture ------------------------------------------------------------------------------------- */

/* A patch's pixels one row after the other: [g * g, patch, patch * 3] */
static void
cut_patches (const BitmarDinov2 *net, const guint8 *rgb, float *patches)
{
  gsize n = net->patch_size, g = net->grid, stride = g * n * 3;

  for (gsize y = 0; y < g; y++)
    for (gsize x = 0; x < g; x++)
      for (gsize row = 0; row < n; row++) {
        const guint8 *from = rgb + (y * n + row) * stride + x * n * 3;
        for (gsize i = 0; i < n; i++, from += 3, patches += 3)
          for (gsize c = 0; c < 3; c++)
            patches[c] = net->level[c][from[c]];
      }
}

/* The tokens that the first layer reads. */
static void
embed (BitmarDinov2Workspace *w, const guint8 *rgb)
{
  const BitmarDinov2 *net = w->net;
  gsize d = w->model->vision.channels, patches = (gsize) net->grid * net->grid;
  float *first = w->x + (1 + net->registers) * d;

  for (gsize i = 0; i < d; i++)
    w->x[i] = net->cls[i] + net->position[i];
  if (net->registers)
    memcpy (w->x + d, net->register_tokens, net->registers * d * sizeof (float));
  memcpy (first, net->position + d, patches * d * sizeof (float));
  cut_patches (net, rgb, w->hidden);
  prepare (w, &net->patch, w->hidden, patches);
  apply (w, &net->patch, first, w->hidden, patches, true);
}

const float *
bitmar_dinov2_run_tokens (BitmarDinov2Workspace *w, const guint8 *rgb)
{
  embed (w, rgb);
  for (guint i = 0; i < w->net->n_layers; i++) {
    attend (w, &w->net->layers[i]);
    feed_forward (w, &w->net->layers[i]);
  }
  normalise (w, &w->net->norm);
  return w->normed + (1 + w->net->registers) * w->model->vision.channels;
}

/* The mean of n x n tokens, added up in raster order. corner: the first; stride: floats from row to row */
static void
pool_token (float *out, const float *corner, gsize stride, gsize n, gsize d)
{
  const float share = 1.0f / (float) (n * n);

  memcpy (out, corner, d * sizeof (float));
  for (gsize i = 1; i < n * n; i++)
    for (gsize c = 0; c < d; c++)
      out[c] += corner[i / n * stride + i % n * d + c];
  for (gsize c = 0; c < d; c++)
    out[c] *= share;
}

static void
run (gpointer workspace, const guint8 *rgb, guint8 *features)
{
  BitmarDinov2Workspace *w = workspace;
  gsize n = w->model->vision.pool, d = w->model->vision.channels, edge = w->net->grid / n;
  const float *tokens = bitmar_dinov2_run_tokens (w, rgb);

  for (gsize y = 0; y < edge; y++)
    for (gsize x = 0; x < edge; x++)
      pool_token (w->pooled + (y * edge + x) * d, tokens + (y * w->net->grid + x) * n * d, w->net->grid * d, n, d);
  bmk_quantize ((int8_t *) features, w->rows, w->pooled, d, edge * edge, d);
}

static void
free_network (gpointer network)
{
  BitmarDinov2 *net = network;

  g_free (net->layers);
  g_free (net);
}

const BitmarBackbone bitmar_dinov2 = { .name = "dinov2", .has_codes = TRUE, .read = bitmar_dinov2_read,
  .free_network = free_network, .workspace_new = workspace_new, .workspace_free = workspace_free, .run = run };
