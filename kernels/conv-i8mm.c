/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* USDOT multiplies unsigned pixels by signed weights: no correction. */
#define MIXED
#include "conv-neon.h"

void
bmk_conv_fill_i8mm (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
  t->stem = bmk_stem_patch;
}
