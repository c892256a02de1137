/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vision-efficientnet.h"

#include <math.h>
#include <string.h>

typedef struct {
  gsize x, wide, deep;
} Sizes;

static Sizes
buffer_sizes (const BitmarEfficientNet *net, gsize size)
{
  gsize edge = bmk_conv_out (size, net->stem.stride);
  Sizes s = { .x = edge * edge * net->stem.cout, .wide = 1, .deep = 1 };

  for (gsize i = 0; i < net->n_blocks; i++) {
    const BitmarBlock *b = &net->blocks[i];

    if (b->has_expand)
      s.wide = MAX (s.wide, edge * edge * b->expand.cout);
    edge = bmk_conv_out (edge, b->dw.stride);
    s.deep = MAX (s.deep, edge * edge * b->dw.cout);
    s.x = MAX (s.x, edge * edge * b->project.cout);
  }
  return s;
}

static void
workspace_free (gpointer data)
{
  BitmarEfficientNetWorkspace *w = data;

  g_free (w->x);
  g_free (w->wide);
  g_free (w->deep);
  g_free (w);
}

static gpointer
workspace_new (const BitmarModel *model)
{
  const BitmarEfficientNet *net = model->vision.network;
  BitmarEfficientNetWorkspace *w = g_new0 (BitmarEfficientNetWorkspace, 1);
  Sizes s = buffer_sizes (net, model->vision.size);

  w->model = model;
  w->net = net;
  w->size = model->vision.size;
  w->x = g_try_malloc (s.x);
  w->wide = g_try_malloc (s.wide);
  w->deep = g_try_malloc (s.deep);
  if (w->x && w->wide && w->deep)
    return w;
  workspace_free (w);
  return NULL;
}

/* Blocks `first` up to `end` on a grid of edge x edge; returns what it is then. */
static gsize
run_range (BitmarEfficientNetWorkspace *w, gsize edge, guint first, guint end)
{
  for (guint i = first; i < end; i++) {
    const BitmarBlock *b = &w->net->blocks[i];
    const guint8 *wide = w->x;

    if (b->has_expand) {
      bmk_pointwise (w->wide, w->x, NULL, &b->expand, edge * edge);
      wide = w->wide;
    }
    bmk_depthwise (w->deep, wide, &b->dw, edge, edge);
    edge = bmk_conv_out (edge, b->dw.stride);
    bmk_pointwise (w->x, w->deep, b->has_residual ? w->x : NULL, &b->project, edge * edge);
  }
  return edge;
}

gsize
bitmar_efficientnet_run_blocks (BitmarEfficientNetWorkspace *w, const guint8 *rgb, guint n_blocks)
{
  bmk_stem (w->x, rgb, &w->net->stem, w->size, w->size);
  return run_range (w, bmk_conv_out (w->size, w->net->stem.stride), 0, n_blocks);
}

/* w->x [edge, edge, c] -> early [P, f, f, c] */
static void
gather_early (const BitmarEfficientNetWorkspace *w, gsize edge, guint8 *early)
{
  gsize c = w->net->blocks[w->net->early_blocks - 1].project.cout, n = w->model->vision.early;
  gsize grid = (gsize) lround (sqrt ((double) w->model->vision.tokens)), f = (edge + grid - 1) / grid;

  memset (early, 128, w->model->vision.tokens * n);
  for (gsize y = 0; y < edge; y++)
    for (gsize x = 0; x < edge; x++)
      memcpy (early + ((y / f) * grid + x / f) * n + ((y % f) * f + x % f) * c, w->x + (y * edge + x) * c, c);
}

static void
run (gpointer workspace, const guint8 *rgb, guint8 *features)
{
  BitmarEfficientNetWorkspace *w = workspace;
  guint early = w->net->early_blocks;
  gsize edge = bitmar_efficientnet_run_blocks (w, rgb, early);

  if (early)
    gather_early (w, edge, features + bitmar_vision_late_size (w->model));
  edge = run_range (w, edge, early, w->net->n_blocks);
  bmk_pointwise (features, w->x, NULL, &w->net->head, edge * edge);
}

static void
free_network (gpointer network)
{
  BitmarEfficientNet *net = network;

  g_free (net->blocks);
  g_free (net);
}

const BitmarBackbone bitmar_efficientnet = { .name = "efficientnet-lite", .read = bitmar_efficientnet_read,
  .free_network = free_network, .workspace_new = workspace_new, .workspace_free = workspace_free, .run = run };
