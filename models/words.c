/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "words.h"

#include <string.h>

#include "layer.h"
#include "sampler.h"
#include "vision.h"

gboolean
bitmar_words_has (const BitmarModel *model)
{
  return model->words.hidden.n > 0;
}

gboolean
bitmar_words_init (BitmarWords *w, const BitmarModel *model)
{
  gsize channels = model->vision.channels;

  memset (w, 0, sizeof *w);
  w->model = model;
  w->total = g_try_new (gint32, channels);
  w->sum = g_try_new (float, channels);
  w->q = g_try_new (int8_t, channels);
  w->hidden = g_try_new (float, model->words.hidden.n);
  if (w->total && w->sum && w->q && w->hidden)
    return TRUE;
  bitmar_words_clear (w);
  return FALSE;
}

void
bitmar_words_clear (BitmarWords *w)
{
  g_clear_pointer (&w->total, g_free);
  g_clear_pointer (&w->sum, g_free);
  g_clear_pointer (&w->q, g_free);
  g_clear_pointer (&w->hidden, g_free);
}

static void
add_unsigned (gint32 *total, const guint8 *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    total[i] += x[i];
}

static void
add_codes (gint32 *total, const int8_t *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    total[i] += x[i];
}

void
bitmar_words_hint (BitmarWords *w, const guint8 *features, int8_t *hint)
{
  const BitmarModel *model = w->model;
  gsize channels = model->vision.channels, tokens = bitmar_vision_late_size (model) / channels;     /* before they are pooled */
  const BmkOutput out = { .y = w->hidden, .ldy = model->words.hidden.n, .bias = model->words.hidden_bias, .activation = BMK_RELU, .q = hint,
    .rows = &(BmkRow) { 0 } };
  BmkRow row;

  memset (w->total, 0, channels * sizeof *w->total);
  for (gsize i = 0; i < tokens; i++)
    if (model->vision.backbone->has_codes)
      add_codes (w->total, (const int8_t *) features + i * channels, channels);
    else
      add_unsigned (w->total, features + i * channels, channels);
  for (gsize i = 0; i < channels; i++)
    w->sum[i] = ((float) w->total[i] - model->words.mean[i]) * model->words.scale[i];
  bmk_quantize (w->q, &row, w->sum, channels, 1, channels);
  bmk_ternary_linear (&out, &model->words.hidden, w->q, &row, 1);
}

/* Log-odds [V] to weights, in place. */
static void
weigh (const BitmarModel *model, float *x)
{
  gsize n = model->vocabulary;

  for (gsize i = 0; i < n; i++)
    x[i] = model->words.idf[i] / (1 + bmk_exp (-x[i]));
  bitmar_unit_length (x, n);
  for (gsize i = 0; i < n; i++)
    x[i] *= model->words.idf[i];
}

void
bitmar_words_expect (const BitmarModel *model, const int8_t *hint, float *expected, const gint32 *asked, gsize n_asked, float *steered)
{
  gsize n = model->vocabulary;
  const BmkOutput out = { .y = expected, .ldy = n, .bias = model->words.out_bias };
  BmkRow row;

  bmk_describe (&row, hint, 1, model->words.out.k);
  bmk_ternary_linear (&out, &model->words.out, hint, &row, 1);
  if (steered) {
    memcpy (steered, expected, n * sizeof *steered);
    for (gsize i = 0; i < n_asked; i++)
      if (!bitmar_has_token (asked, i, asked[i]))
        steered[asked[i]] += BITMAR_ASKED;
    weigh (model, steered);
  }
  weigh (model, expected);
}
