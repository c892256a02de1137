/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vision.h"

typedef struct {
  gsize x, wide, deep;
} Sizes;

static Sizes
buffer_sizes (const BitmarModel *model)
{
  gsize edge = bmk_conv_out (model->vision.size, model->vision.stem.stride);
  Sizes s = { .x = edge * edge * model->vision.stem.cout, .wide = 1, .deep = 1 };

  for (gsize i = 0; i < model->vision.n_blocks; i++) {
    const BitmarBlock *b = &model->vision.blocks[i];

    if (b->has_expand)
      s.wide = MAX (s.wide, edge * edge * b->expand.cout);
    edge = bmk_conv_out (edge, b->dw.stride);
    s.deep = MAX (s.deep, edge * edge * b->dw.cout);
    s.x = MAX (s.x, edge * edge * b->project.cout);
  }
  return s;
}

gboolean
bitmar_vision_init (BitmarVision *vision, const BitmarModel *model)
{
  Sizes s = buffer_sizes (model);

  vision->model = model;
  vision->x = g_try_malloc (s.x);
  vision->wide = g_try_malloc (s.wide);
  vision->deep = g_try_malloc (s.deep);
  if (vision->x && vision->wide && vision->deep)
    return TRUE;
  bitmar_vision_clear (vision);
  return FALSE;
}

void
bitmar_vision_clear (BitmarVision *vision)
{
  g_clear_pointer (&vision->x, g_free);
  g_clear_pointer (&vision->wide, g_free);
  g_clear_pointer (&vision->deep, g_free);
}

gsize
bitmar_vision_run_blocks (BitmarVision *vision, const guint8 *rgb, guint n_blocks)
{
  const BitmarModel *model = vision->model;
  gsize edge = model->vision.size;

  bmk_stem (vision->x, rgb, &model->vision.stem, edge, edge);
  edge = bmk_conv_out (edge, model->vision.stem.stride);
  for (guint i = 0; i < n_blocks; i++) {
    const BitmarBlock *b = &model->vision.blocks[i];
    const guint8 *wide = vision->x;

    if (b->has_expand) {
      bmk_pointwise (vision->wide, vision->x, NULL, &b->expand, edge * edge);
      wide = vision->wide;
    }
    bmk_depthwise (vision->deep, wide, &b->dw, edge, edge);
    edge = bmk_conv_out (edge, b->dw.stride);
    bmk_pointwise (vision->x, vision->deep, b->has_residual ? vision->x : NULL, &b->project, edge * edge);
  }
  return edge;
}

void
bitmar_vision_run (BitmarVision *vision, const guint8 *rgb, guint8 *features)
{
  const BitmarModel *model = vision->model;
  gsize edge = bitmar_vision_run_blocks (vision, rgb, model->vision.n_blocks);

  bmk_pointwise (features, vision->x, NULL, &model->vision.head, edge * edge);
}
