/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* models/MODEL.md, "Scores of alerts":  z = (t.e - mean) / deviation,  score = 1 / (1 + exp (-(slope z + bias))) */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

/* Of files without a background, whose sentences have a mean of 0 and a deviation of 1: a cosine of 0.7 scores 0.5. */
#define BITMAR_ALERT_SLOPE 10.4f
#define BITMAR_ALERT_BIAS -7.28f
#define BITMAR_ALERT_MIN_DEVIATION 1e-3f

typedef struct {
  float mean, deviation;   /* of the sentence's cosine over the background */
} BitmarAlertScale;

/* t: [C], unit */
BitmarAlertScale bitmar_alert_scale (const BitmarModel *model, const float *t);
/* 0..1, rising with the cosine; 0 for what is not a number. */
float bitmar_alert_score (const BitmarModel *model, const BitmarAlertScale *scale, float cosine);

G_END_DECLS
