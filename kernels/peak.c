/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

uint64_t
bmk_peak (BmkPeak unit, size_t steps)
{
  uint64_t (*run) (size_t) = unit == BMK_PEAK_TILE ? bmk_table.peak_tile : bmk_table.peak_dot;

  return run ? run (steps) : 0;
}

uint64_t
bmk_read (const void *data, size_t size)
{
  return bmk_table.read (data, size / 512 * 512);
}
