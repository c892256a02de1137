/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A measured quantity in microseconds: percentiles of the newest values, the maximum of all. Not thread-safe. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BITMAR_SERIES_LENGTH 512

typedef struct {
  guint32 values[BITMAR_SERIES_LENGTH];
  guint n, next;
  guint32 max;
} BitmarSeries;

void bitmar_series_add (BitmarSeries *series, gint64 us);
/* percent 0..100 by nearest rank; 0 when there is no value. */
guint bitmar_series_percentile (const BitmarSeries *series, guint percent);

G_END_DECLS
