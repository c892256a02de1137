/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 0, the backbone: EfficientNet-Lite in integers, every value a u8 code, channels last.
 *
 *   rgb [size, size, 3]
 *     stem         3x3 / 2                          -> x
 *     per block    [expand 1x1] x -> wide           (x itself where there is none)
 *                  depthwise    wide -> deep
 *                  project 1x1  deep [+ x] -> x
 *     head 1x1     x -> features [grid * grid, channels]
 *
 * Three buffers, each as large as its largest user. A projection may write over x: it reads it only as its residual. */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

typedef struct {
  const BitmarModel *model;
  guint8 *x, *wide, *deep;
} BitmarVision;

gboolean bitmar_vision_init (BitmarVision *vision, const BitmarModel *model);
void bitmar_vision_clear (BitmarVision *vision);
/* rgb: [size, size, 3]; features: [tokens * pool * pool, channels] */
/* The stem and the first `n_blocks` (at least 1, at most the model's) alone. Returns the grid's edge; the codes [edge * edge, the last block's
 * channels] are in vision->x. */
gsize bitmar_vision_run_blocks (BitmarVision *vision, const guint8 *rgb, guint n_blocks);
void bitmar_vision_run (BitmarVision *vision, const guint8 *rgb, guint8 *features);

G_END_DECLS
