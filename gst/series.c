/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "series.h"

#include <stdlib.h>
#include <string.h>

void
bitmar_series_add (BitmarSeries *series, gint64 us)
{
  guint32 value = CLAMP (us, 0, G_MAXUINT32);

  series->values[series->next] = value;
  series->next = (series->next + 1) % BITMAR_SERIES_LENGTH;
  series->n = MIN (series->n + 1, BITMAR_SERIES_LENGTH);
  series->max = MAX (series->max, value);
}

static int
compare (const void *a, const void *b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;

  return (x > y) - (x < y);
}

guint
bitmar_series_percentile (const BitmarSeries *series, guint percent)
{
  guint32 sorted[BITMAR_SERIES_LENGTH];

  if (series->n == 0)
    return 0;
  memcpy (sorted, series->values, series->n * sizeof *sorted);
  qsort (sorted, series->n, sizeof *sorted, compare);
  return sorted[(series->n - 1) * percent / 100];
}
