/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DINOv2, a pre-norm vision transformer in f32, d = channels wide. Its linears' weights are halves, int8 or ternary, each layer as its
 * file has it.
 *
 *   rgb [size, size, 3]
 *     patches, normalised           -> [g * g, 3 * patch * patch]
 *     [cls; registers; patch(...)] + position                -> x [T, d], T = 1 + R + g * g
 *     per layer    norm1 -> q, k, v; every token over all; x += out
 *                  norm2 -> up, gelu; x += down
 *     norm         the patches' tokens alone                  -> [g * g, d]
 *     mean of pool x pool neighbours, codes                   -> features int8 [P, d] */
#pragma once

#include "vision.h"

G_BEGIN_DECLS

typedef enum { BITMAR_DENSE_F16, BITMAR_DENSE_INT8, BITMAR_DENSE_TERNARY } BitmarDenseKind;

/* A linear layer whose input keeps its scale, unlike a bitlinear's. */
typedef struct {
  BitmarDenseKind kind;
  BmkLinear w;
  const float *bias;           /* [n] */
} BitmarDense;

typedef struct {
  const float *weight, *bias;  /* [d] */
} BitmarNorm;

typedef struct {
  BitmarNorm norm1, norm2;
  BitmarDense q, k, v, out, up, down;
} BitmarDinov2Layer;

typedef struct {
  guint patch_size, grid, n_layers, heads, feed_forward, registers;
  float epsilon;
  float level[3][256];         /* of each channel: what a byte becomes */
  const float *cls;            /* [d] */
  const float *register_tokens;        /* [R, d], NULL when R is 0 */
  const float *position;       /* [1 + g * g, d] */
  BitmarDense patch;
  BitmarDinov2Layer *layers;   /* [n_layers] */
  BitmarNorm norm;
} BitmarDinov2;

typedef struct {
  const BitmarModel *model;
  const BitmarDinov2 *net;
  float *x, *normed;           /* [T, d] */
  float *q, *k, *v, *attention;        /* [T, d] */
  float *hidden;               /* [T, feed_forward] or the patches [g * g, 3 * patch * patch] */
  float *pooled;               /* [P, d] */
  float *scores;               /* attention's */
  int8_t *codes;               /* [T, widest input] */
  BmkRow *rows;                /* [T] */
} BitmarDinov2Workspace;

extern const BitmarBackbone bitmar_dinov2;

gboolean bitmar_dinov2_read (BitmarLoader *l);
/* The patches' tokens [g * g, d] before they are pooled; they stay in the workspace. */
const float *bitmar_dinov2_run_tokens (BitmarDinov2Workspace *workspace, const guint8 *rgb);

G_END_DECLS
