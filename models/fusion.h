/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 3, fusion: text asks, the frame answers.
 *
 *   x = T[0] [d]
 *   per layer    k, v = kv(V) [P, d] each, no rotation
 *                x += out(attention of q(x) over k, v); x += down(relu(up(x))^2)
 *   key          l2norm(key(x)) [C], the episode's address
 *   content      content(x) [C], what is remembered under it
 *
 * The key is always asked for with the empty prompt, so that episodes stay comparable. */
#pragma once

#include "layer.h"
#include "model-private.h"

G_BEGIN_DECLS

typedef struct {
  const BitmarModel *model;
  BitmarScratch scratch;
  float *x, *q, *a;    /* [d] */
  float *kv;           /* [P, 2d] */
  float *k, *v;        /* [P, d] */
  float *scores;       /* [heads, P] */
} BitmarFusion;

gboolean bitmar_fusion_init (BitmarFusion *fusion, const BitmarModel *model);
void bitmar_fusion_clear (BitmarFusion *fusion);
/* first: [d]; v_codes: [P, d]; v_rows: [P]; key: [C] or NULL; content: [C] */
void bitmar_fusion_run (BitmarFusion *fusion, const float *first, const int8_t *v_codes, const BmkRow *v_rows,
    float *key, float *content);

G_END_DECLS
