/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture in any format -> RGB u8 [size, size, 3], what the backbone reads.
 *
 *   each channel's plane -> antialiased squeeze to size x size, written interleaved -> colour matrix (YUV only)
 *
 * Chroma is resampled from its own resolution straight to the target: never up to luma's first. Plans are kept
 * while the picture's size stays the same. */
#pragma once

#include "bitmar.h"
#include "bitmar-kernels.h"

G_BEGIN_DECLS

typedef struct {
  gsize width, height;                 /* of the source plane; 0: no plan */
  void *memory;
  BmkResample *plan;
} BitmarPlanePlan;

typedef struct {
  gsize size;
  BitmarPlanePlan full, chroma;
} BitmarScaler;

void bitmar_scaler_init (BitmarScaler *scaler, gsize size);
void bitmar_scaler_clear (BitmarScaler *scaler);
/* rgb: [size, size, 3] */
gboolean bitmar_scaler_run (BitmarScaler *scaler, const BitmarImage *image, guint8 *rgb, GError **error);

G_END_DECLS
