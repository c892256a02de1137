/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "resample-internal.h"

static int32_t
coefficient (const int16_t *high, const int16_t *low, size_t i)
{
  return high[i] * (1 << BMK_RESAMPLE_SPLIT) + low[i];
}

static void
resample_row (uint8_t *y, const uint16_t *x, const BmkAxis *a)
{
  for (size_t o = 0; o < a->out; o++) {
    int64_t sum = 0;
    for (size_t i = 0; i < (size_t) a->count[o]; i++)
      sum += x[(size_t) a->first[o] + i] * coefficient (a->high + o * a->taps, a->low + o * a->taps, i);
    y[o] = bmk_resample_round (sum);
  }
}

static void
resample_column (uint8_t *y, const uint8_t *rows, size_t n, const int16_t *high, const int16_t *low, size_t count)
{
  for (size_t o = 0; o < n; o++) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
      sum += rows[i * n + o] * coefficient (high, low, i);
    y[o] = bmk_resample_round (sum);
  }
}

void
bmk_resample_fill_scalar (BmkTable *t)
{
  t->resample_row = resample_row;
  t->resample_column = resample_column;
}
