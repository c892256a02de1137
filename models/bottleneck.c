/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bottleneck.h"

#include <math.h>
#include <string.h>

#include "vision.h"

/* Codes come pooled. */
static gboolean
pools (const BitmarModel *model)
{
  return model->vision.pool > 1 && !model->vision.backbone->has_codes;
}

gboolean
bitmar_bottleneck_init (BitmarBottleneck *b, const BitmarModel *model)
{
  gsize p = model->vision.tokens, channels = model->vision.channels, hidden = model->bottleneck[0].n;

  memset (b, 0, sizeof *b);
  b->model = model;
  b->q = g_try_new (int8_t, p * channels);
  b->hidden_q = g_try_new (int8_t, p * hidden);
  b->rows = g_try_new (BmkRow, p);
  b->hidden_rows = g_try_new (BmkRow, p);
  b->hidden = g_try_new (float, p * hidden);
  b->v = g_try_new (float, p * model->width);
  if (pools (model))
    b->pooled = g_try_new (float, p * channels);
  if (model->vision.early) {
    b->early_q = g_try_new (int8_t, p * model->vision.early);
    b->early = g_try_new (float, p * model->vision.early);
  }
  if ((!model->vision.early || (b->early_q && b->early)) && b->q && b->rows && b->hidden_q && b->hidden_rows && b->hidden && b->v
      && (b->pooled || !pools (model)))
    return TRUE;
  bitmar_bottleneck_clear (b);
  return FALSE;
}

void
bitmar_bottleneck_clear (BitmarBottleneck *b)
{
  g_clear_pointer (&b->q, g_free);
  g_clear_pointer (&b->rows, g_free);
  g_clear_pointer (&b->hidden_q, g_free);
  g_clear_pointer (&b->hidden_rows, g_free);
  g_clear_pointer (&b->pooled, g_free);
  g_clear_pointer (&b->early, g_free);
  g_clear_pointer (&b->early_q, g_free);
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

/* The tokens' codes; b->rows describes them. */
static const int8_t *
codes_of (BitmarBottleneck *b, const guint8 *features)
{
  gsize p = b->model->vision.tokens, k = b->model->vision.channels;

  if (b->model->vision.backbone->has_codes) {
    bmk_describe (b->rows, (const int8_t *) features, p, k);
    return (const int8_t *) features;
  }
  if (b->pooled) {
    pool (b, features);
    bmk_quantize (b->q, b->rows, b->pooled, k, p, k);
  } else {
    bmk_requantize_u8 (b->q, b->rows, features, p, k);
  }
  return b->q;
}

/* h = relu (what bottleneck.0 made + bottleneck.early); its codes. codes: u8 [P, early] around 128 */
static void
add_early (BitmarBottleneck *b, const guint8 *codes)
{
  const BmkLinear *linear = &b->model->bottleneck_early;
  gsize p = b->model->vision.tokens, k = b->model->vision.early, n = linear->n;

  for (gsize i = 0; i < p * k; i++)
    b->early[i] = (float) (codes[i] - 128);
  bmk_quantize (b->early_q, b->rows, b->early, k, p, k);
  bmk_ternary_linear (&(BmkOutput) { .y = b->hidden, .ldy = n, .add = true }, linear, b->early_q, b->rows, p);
  for (gsize i = 0; i < p * n; i++)
    b->hidden[i] = MAX (b->hidden[i], 0.0f);
  bmk_quantize (b->hidden_q, b->hidden_rows, b->hidden, n, p, n);
}

void
bitmar_bottleneck_run (BitmarBottleneck *b, const guint8 *features, int8_t *v_codes, BmkRow *v_rows)
{
  const BitmarModel *model = b->model;
  const int8_t *codes = codes_of (b, features);
  const BmkLinear *first = &model->bottleneck[0], *second = &model->bottleneck[1];
  gsize p = model->vision.tokens, d = model->width;
  gboolean early = model->vision.early > 0;
  const BmkOutput hidden = { .y = b->hidden, .ldy = first->n, .activation = early ? BMK_LINEAR : BMK_RELU,
    .q = early ? NULL : b->hidden_q, .rows = early ? NULL : b->hidden_rows };
  const BmkOutput out = { .y = b->v, .ldy = d, .add = true, .q = v_codes, .rows = v_rows };

  bmk_ternary_linear (&hidden, first, codes, b->rows, p);
  if (early)
    add_early (b, features + bitmar_vision_late_size (model));
  memcpy (b->v, model->position, p * d * sizeof (float));
  bmk_ternary_linear (&out, second, b->hidden_q, b->hidden_rows, p);
}
