/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* EfficientNet-Lite in integers, every value a u8 code, channels last.
 *
 *   rgb [size, size, 3]
 *     stem         3x3 / 2                          -> x
 *     per block    [expand 1x1] x -> wide           (x itself where there is none)
 *                  depthwise    wide -> deep
 *                  project 1x1  deep [+ x] -> x
 *     head 1x1     x -> features [grid * grid, channels]
 *
 * Where the model looks at an early block too, its codes go behind the features: a token's are those of the f x f places that it covers,
 * (0, 0) (0, 1) … (f-1, f-1), 128 (nothing) where the grids don't meet. They hold colours and small things that the head has forgotten.
 *
 * Three buffers, each as large as its largest user. A projection may write over x: it reads it only as its residual. */
#pragma once

#include "vision.h"

G_BEGIN_DECLS

typedef struct {
  gboolean has_expand, has_residual;
  BmkConv expand, dw, project;
} BitmarBlock;

typedef struct {
  guint n_blocks;
  BmkConv stem, head;
  BitmarBlock *blocks;         /* [n_blocks] */
  guint early_blocks;          /* how many lie before the early codes, 0: there are none */
} BitmarEfficientNet;

typedef struct {
  const BitmarModel *model;
  const BitmarEfficientNet *net;
  gsize size;
  guint8 *x, *wide, *deep;
} BitmarEfficientNetWorkspace;

extern const BitmarBackbone bitmar_efficientnet;

gboolean bitmar_efficientnet_read (BitmarLoader *l);
/* The stem and the first `n_blocks` (at least 1, at most the network's) alone. Returns the grid's edge; the codes [edge * edge, the last
 * block's channels] are in workspace->x. */
gsize bitmar_efficientnet_run_blocks (BitmarEfficientNetWorkspace *workspace, const guint8 *rgb, guint n_blocks);

G_END_DECLS
