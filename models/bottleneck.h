/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 1, the bottleneck: a two-layer ternary MLP on every frame token.
 *
 *   features [P, channels]        codes already, or u8 (then with pool = 2 the mean of 2 x 2 neighbours first)
 *     bottleneck.0                -> h [P, hidden]
 *     + bottleneck.early          of the early block's codes [P, early], around 128, where the model has it
 *     relu
 *     bottleneck.1, + pos         -> v [P, d]
 *     codes                       -> V: int8 [P, d] and their inverse root mean square [P]
 *
 * V has only bitlinear readers, so its codes are all that is kept of it. */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

typedef struct {
  const BitmarModel *model;
  int8_t *q;           /* [P, widest input] */
  BmkRow *rows;        /* [P] */
  int8_t *hidden_q;    /* [P, hidden] */
  BmkRow *hidden_rows; /* [P] */
  int8_t *early_q;     /* [P, early], NULL when the model has none */
  float *early;        /* [P, early] */
  float *pooled;       /* [P, channels], NULL when there is nothing to pool */
  float *hidden;       /* [P, hidden] */
  float *v;            /* [P, d] */
} BitmarBottleneck;

gboolean bitmar_bottleneck_init (BitmarBottleneck *bottleneck, const BitmarModel *model);
void bitmar_bottleneck_clear (BitmarBottleneck *bottleneck);
/* features: what bitmar_vision_run() made; v_codes: [P, d]; v_rows: [P] */
void bitmar_bottleneck_run (BitmarBottleneck *bottleneck, const guint8 *features, int8_t *v_codes, BmkRow *v_rows);

G_END_DECLS
