/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "layer.h"

#include <math.h>
#include <string.h>

gboolean
bitmar_scratch_init (BitmarScratch *scratch, gsize rows, gsize width, gsize feed_forward)
{
  scratch->q = g_try_new (int8_t, rows * MAX (width, feed_forward));
  scratch->inv = g_try_new (float, rows);
  scratch->hidden = g_try_new (float, rows * MAX (feed_forward, 1));
  if (scratch->q && scratch->inv && scratch->hidden)
    return TRUE;
  bitmar_scratch_clear (scratch);
  return FALSE;
}

void
bitmar_scratch_clear (BitmarScratch *scratch)
{
  g_clear_pointer (&scratch->q, g_free);
  g_clear_pointer (&scratch->inv, g_free);
  g_clear_pointer (&scratch->hidden, g_free);
}

void
bitmar_linear (const BitmarScratch *scratch, float *y, gsize ldy, const BmkLinear *w, const float *x, gsize m,
    BmkEpilogue epilogue)
{
  bmk_quantize (scratch->q, scratch->inv, x, w->k, m, w->k);
  bmk_ternary_linear (y, ldy, w, scratch->q, scratch->inv, m, epilogue);
}

void
bitmar_feed_forward (const BitmarScratch *scratch, float *x, const BmkLinear *up, const BmkLinear *down, gsize m)
{
  bitmar_linear (scratch, scratch->hidden, up->n, up, x, m, BMK_RELU_SQUARED);
  bitmar_linear (scratch, x, down->n, down, scratch->hidden, m, BMK_ADD);
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
