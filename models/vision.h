/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 0, the backbone: a picture's bytes -> features. Which one it is, is said by the model's file (vision-efficientnet.h,
 * vision-dinov2.h); whoever runs it has no need to know.
 *
 *   rgb [size, size, 3] -> features, one byte each:
 *     u8 [P * pool * pool, channels]        a backbone in integers
 *     int8 [P, channels]                    one in floats, pooled: its bitlinear codes (has_codes)
 *   and behind them, where the model looks at an early block too, u8 [P, early] around 128 */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

typedef struct _BitmarLoader BitmarLoader;

struct _BitmarBackbone {
  const char *name;            /* what bitmar.vision.backbone says */
  gboolean has_codes;
  /* The keys and tensors that are its own, into model->vision.network; size, channels, tokens and pool are there already. */
  gboolean (*read) (BitmarLoader *l);
  void (*free_network) (gpointer network);
  /* The memory that one stream's run takes; NULL: there is not enough. */
  gpointer (*workspace_new) (const BitmarModel *model);
  void (*workspace_free) (gpointer workspace);
  void (*run) (gpointer workspace, const guint8 *rgb, guint8 *features);
};

/* name: not NUL-terminated. NULL: there is none of that name. */
const BitmarBackbone *bitmar_backbone_find (const char *name, gsize length);

typedef struct {
  const BitmarModel *model;
  gpointer workspace;          /* the backbone's */
} BitmarVision;

gboolean bitmar_vision_init (BitmarVision *vision, const BitmarModel *model);
void bitmar_vision_clear (BitmarVision *vision);
/* Bytes, without and with those of the early block. */
gsize bitmar_vision_late_size (const BitmarModel *model);
gsize bitmar_vision_features_size (const BitmarModel *model);
void bitmar_vision_run (BitmarVision *vision, const guint8 *rgb, guint8 *features);

G_END_DECLS
