/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "layer.h"

#include <math.h>
#include <string.h>

gboolean
bitmar_scratch_init (BitmarScratch *scratch, gsize rows, gsize width, gsize feed_forward)
{
  scratch->q = g_try_new (int8_t, rows * width);
  scratch->rows = g_try_new (BmkRow, rows);
  scratch->hidden = g_try_new (float, rows * MAX (feed_forward, 1));
  scratch->hidden_q = g_try_new (int8_t, rows * MAX (feed_forward, width));
  scratch->hidden_rows = g_try_new (BmkRow, rows);
  if (scratch->q && scratch->rows && scratch->hidden && scratch->hidden_q && scratch->hidden_rows)
    return TRUE;
  bitmar_scratch_clear (scratch);
  return FALSE;
}

void
bitmar_scratch_clear (BitmarScratch *scratch)
{
  g_clear_pointer (&scratch->q, g_free);
  g_clear_pointer (&scratch->rows, g_free);
  g_clear_pointer (&scratch->hidden, g_free);
  g_clear_pointer (&scratch->hidden_q, g_free);
  g_clear_pointer (&scratch->hidden_rows, g_free);
}

void
bitmar_linear (const BitmarScratch *scratch, const BmkOutput *out, const BmkLinear *w, const float *x, gsize m)
{
  bmk_quantize (scratch->q, scratch->rows, x, w->k, m, w->k);
  bmk_ternary_linear (out, w, scratch->q, scratch->rows, m);
}

void
bitmar_project (const BitmarScratch *scratch, float *y, const BmkLinear *w, const float *x, gsize m)
{
  bitmar_linear (scratch, &(BmkOutput) { .y = y, .ldy = w->n }, w, x, m);
}

/* The layer reads hidden_q, so that its output's codes may go where the others lie. */
void
bitmar_project_residual (const BitmarScratch *scratch, float *x, const BmkLinear *w, const float *a, gsize m)
{
  const BmkOutput out = { .y = x, .ldy = w->n, .add = true, .q = scratch->q, .rows = scratch->rows };

  bmk_quantize (scratch->hidden_q, scratch->hidden_rows, a, w->k, m, w->k);
  bmk_ternary_linear (&out, w, scratch->hidden_q, scratch->hidden_rows, m);
}

void
bitmar_feed_forward (const BitmarScratch *scratch, float *x, const BmkLinear *up, const BmkLinear *down, gsize m,
    bool codes)
{
  const BmkOutput hidden = { .y = scratch->hidden, .ldy = up->n, .activation = BMK_RELU_SQUARED,
    .q = scratch->hidden_q, .rows = scratch->hidden_rows };
  const BmkOutput out = { .y = x, .ldy = down->n, .add = true, .q = codes ? scratch->q : NULL,
    .rows = scratch->rows };

  bmk_ternary_linear (&hidden, up, scratch->q, scratch->rows, m);
  bmk_ternary_linear (&out, down, scratch->hidden_q, scratch->hidden_rows, m);
}

gboolean
bitmar_rope_init (BitmarRope *rope, gsize head_width, float base)
{
  rope->half = head_width / 2;
  rope->step = g_try_new (guint32, rope->half);
  if (!rope->step)
    return FALSE;
  for (gsize i = 0; i < rope->half; i++)
    rope->step[i] = (guint32) rint (0x1p32 * pow (base, -2.0 * (double) i / (double) head_width) / (2 * G_PI));
  return TRUE;
}

void
bitmar_rope_clear (BitmarRope *rope)
{
  g_clear_pointer (&rope->step, g_free);
}

void
bitmar_rope_at (const BitmarRope *rope, guint64 position, float *cosines, float *sines)
{
  for (gsize i = 0; i < rope->half; i++) {
    guint32 phase = (guint32) position * rope->step[i];
    double angle = (double) phase * (2 * G_PI / 0x1p32);

    cosines[i] = (float) cos (angle);
    sines[i] = (float) sin (angle);
  }
}

void
bitmar_unit_length (float *x, gsize n)
{
  float length = sqrtf (bmk_dot (x, x, n));

  for (gsize i = 0; length > 0 && i < n; i++)
    x[i] /= length;
}
