/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 2, the text encoder: a prompt's token ids, CLS first.
 *
 *   x = embedding(ids) [L, d]
 *   per layer    q, k, v = qkv(x); q, k rotated at 0..L-1; every token meets every token
 *                x += out(attention); x += down(relu(up(x))^2)
 *   T[0] [d]     what fusion asks with
 *   l2norm(head(T[0])) [C]    the sentence's embedding
 *
 * Fusion treats every row of T by itself and reads the first alone, so only that row leaves the last layer. */
#pragma once

#include "layer.h"
#include "model-private.h"

G_BEGIN_DECLS

typedef struct {
  const BitmarModel *model;
  BitmarScratch scratch;
  BitmarRope rope;
  float *x, *a;        /* [L, d] */
  float *qkv;          /* [L, 3d] */
  float *k, *v;        /* [L, d] */
  float *scores;       /* [heads, L] */
  float *cosines, *sines;      /* [hd / 2] */
} BitmarText;

/* context: the most tokens it will be given, at most the model's. */
gboolean bitmar_text_init (BitmarText *text, const BitmarModel *model, gsize context);
void bitmar_text_clear (BitmarText *text);
/* ids: [n], n > 0; first: T[0], [d] */
void bitmar_text_run (BitmarText *text, const gint32 *ids, gsize n, float *first);
/* embedding: [C] */
void bitmar_text_embed (BitmarText *text, const float *first, float *embedding);

G_END_DECLS
