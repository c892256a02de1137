/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the convolutions of all tiers share. */
#pragma once

#include "kernels-internal.h"

/* Codes saturate at 0 and 255, so nothing beyond +-512 differs, and the conversion to an integer cannot overflow. */
#define BMK_CONV_LIMIT 512.0f

/* The stem runs as a pointwise convolution over patches of 27 bytes and one of padding. */
#define BMK_STEM_PATCH 28
#define BMK_STEM_PAD 128

/* TF-SAME: padding before the first sample; the odd one of the total is behind the last. */
static inline ptrdiff_t
bmk_conv_pad (size_t n, int kernel, int stride)
{
  ptrdiff_t out = (ptrdiff_t) bmk_conv_out (n, stride);
  ptrdiff_t total = (out - 1) * stride + kernel - (ptrdiff_t) n;
  return total > 0 ? total / 2 : 0;
}

/* The stem through the table's pointwise convolution; the packed rows have BMK_STEM_PATCH inputs, the last of weight 0. */
void bmk_stem_patch (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w);
