/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A coefficient of 22 fractional bits is `high` * 2^11 + `low`, so that two 16-bit dot products give the exact sum. */
#pragma once

#include "kernels-internal.h"

#define BMK_RESAMPLE_BITS 22
#define BMK_RESAMPLE_SPLIT 11
#define BMK_RESAMPLE_HALF (1 << (BMK_RESAMPLE_BITS - 1))

/* An axis' coefficients are padded with zeros to 8 taps, or a multiple of 16. */
typedef struct BmkAxis {
  size_t in, out, taps;
  int32_t *first;               /* [out] */
  int32_t *count;               /* [out] */
  int16_t *high, *low;          /* [out][taps] */
} BmkAxis;

static inline uint8_t
bmk_resample_round (int64_t sum)
{
  sum = (sum + BMK_RESAMPLE_HALF) >> BMK_RESAMPLE_BITS;
  return (uint8_t) (sum < 0 ? 0 : sum > 255 ? 255 : sum);
}
