/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the transformer stages share.
 *
 *   linear         x [m, k] f32 -> int8 codes per row -> ternary linear -> y [m, n]
 *   feed-forward   x += down(relu(up(x))^2)
 *   rotation       phases are a uint32 fraction of a turn, so that positions wrap exactly
 *   unit length    x / |x| */
#pragma once

#include <glib.h>

#include "bitmar-kernels.h"

G_BEGIN_DECLS

/* Codes of one layer's input and the hidden rows of a feed-forward, for up to `rows` rows. */
typedef struct {
  int8_t *q;           /* [rows, widest input] */
  BmkRow *rows;        /* [rows] */
  float *hidden;       /* [rows, feed_forward] */
  int8_t *hidden_q;    /* [rows, the wider of both] */
  BmkRow *hidden_rows; /* [rows] */
} BitmarScratch;

/* width: the widest input and output of any but a feed-forward's hidden rows. FALSE when memory is short. */
gboolean bitmar_scratch_init (BitmarScratch *scratch, gsize rows, gsize width, gsize feed_forward);
void bitmar_scratch_clear (BitmarScratch *scratch);

/* x: [m][w->k] -> out. The scratch's codes are then x's. */
void bitmar_linear (const BitmarScratch *scratch, const BmkOutput *out, const BmkLinear *w, const float *x, gsize m);
/* y: [m][w->n] = W x */
void bitmar_project (const BitmarScratch *scratch, float *y, const BmkLinear *w, const float *x, gsize m);
/* x += W a, whose codes are then in the scratch. a: [m][w->k], x: [m][w->n] */
void bitmar_project_residual (const BitmarScratch *scratch, float *x, const BmkLinear *w, const float *a, gsize m);
/* x: [m][d] in place. x's codes are in the scratch before; `codes`: and again after. */
void bitmar_feed_forward (const BitmarScratch *scratch, float *x, const BmkLinear *up, const BmkLinear *down, gsize m,
    bool codes);

typedef struct {
  gsize half;          /* head width / 2 */
  guint32 *step;       /* [half] */
} BitmarRope;

gboolean bitmar_rope_init (BitmarRope *rope, gsize head_width, float base);
void bitmar_rope_clear (BitmarRope *rope);
/* cos, sin: [half] */
void bitmar_rope_at (const BitmarRope *rope, guint64 position, float *cos, float *sin);

/* A zero vector stays zero. */
void bitmar_unit_length (float *x, gsize n);

G_END_DECLS
