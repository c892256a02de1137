/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bottleneck.h"

#include <math.h>
#include <string.h>

gboolean
bitmar_bottleneck_init (BitmarBottleneck *b, const BitmarModel *model)
{
  gsize p = model->vision.tokens, channels = model->vision.channels, hidden = model->bottleneck[0].n;

  memset (b, 0, sizeof *b);
  b->model = model;
  b->q = g_try_new (int8_t, p * MAX (channels, hidden));
  b->inv = g_try_new (float, p);
  b->hidden = g_try_new (float, p * hidden);
  b->v = g_try_new (float, p * model->width);
  if (model->vision.pool > 1)
    b->pooled = g_try_new (float, p * channels);
  if (b->q && b->inv && b->hidden && b->v && (b->pooled || model->vision.pool == 1))
    return TRUE;
  bitmar_bottleneck_clear (b);
  return FALSE;
}

void
bitmar_bottleneck_clear (BitmarBottleneck *b)
{
  g_clear_pointer (&b->q, g_free);
  g_clear_pointer (&b->inv, g_free);
  g_clear_pointer (&b->pooled, g_free);
  g_clear_pointer (&b->hidden, g_free);
  g_clear_pointer (&b->v, g_free);
}

/* One token: the mean of its pool x pool features. corner: the first of them; edge: features in a row. */
static void
pool_token (float *out, const guint8 *corner, gsize edge, gsize pool, gsize channels)
{
  for (gsize c = 0; c < channels; c++) {
    guint sum = 0;

    for (gsize y = 0; y < pool; y++)
      for (gsize x = 0; x < pool; x++)
        sum += corner[(y * edge + x) * channels + c];
    out[c] = (float) sum / (float) (pool * pool);
  }
}

static void
pool (BitmarBottleneck *b, const guint8 *features)
{
  const BitmarModel *model = b->model;
  gsize n = model->vision.pool, channels = model->vision.channels;
  gsize grid = (gsize) lround (sqrt ((double) model->vision.tokens)), edge = grid * n;

  for (gsize y = 0; y < grid; y++)
    for (gsize x = 0; x < grid; x++)
      pool_token (b->pooled + (y * grid + x) * channels, features + (y * edge + x) * n * channels, edge, n, channels);
}

void
bitmar_bottleneck_run (BitmarBottleneck *b, const guint8 *features, int8_t *v_codes, float *v_inv)
{
  const BitmarModel *model = b->model;
  const BmkLinear *first = &model->bottleneck[0], *second = &model->bottleneck[1];
  gsize p = model->vision.tokens, d = model->width;

  if (b->pooled) {
    pool (b, features);
    bmk_quantize (b->q, b->inv, b->pooled, first->k, p, first->k);
  } else {
    bmk_requantize_u8 (b->q, b->inv, features, p, first->k);
  }
  bmk_ternary_linear (b->hidden, first->n, first, b->q, b->inv, p, BMK_RELU);
  bmk_quantize (b->q, b->inv, b->hidden, second->k, p, second->k);
  memcpy (b->v, model->position, p * d * sizeof (float));
  bmk_ternary_linear (b->v, d, second, b->q, b->inv, p, BMK_ADD);
  bmk_quantize (v_codes, v_inv, b->v, d, p, d);
}
