/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "alert-score.h"

#include <math.h>

BitmarAlertScale
bitmar_alert_scale (const BitmarModel *model, const float *t)
{
  gsize c = model->memory_width;
  const float *s = model->background.covariance;
  double variance = 0;

  if (!s)
    return (BitmarAlertScale) { .mean = 0, .deviation = 1 };
  for (gsize i = 0; i < c; i++)
    variance += (double) t[i] * bmk_dot (s + i * c, t, c);
  /* A covariance that a file invents may make it negative. */
  return (BitmarAlertScale) { .mean = bmk_dot (model->background.mean, t, c),
    .deviation = MAX ((float) sqrt (MAX (variance, 0)), BITMAR_ALERT_MIN_DEVIATION) };
}

float
bitmar_alert_score (const BitmarModel *model, const BitmarAlertScale *scale, float cosine)
{
  float z = (cosine - scale->mean) / scale->deviation;
  float x = model->background.slope * z + model->background.bias;

  return isnan (x) ? 0 : 1 / (1 + bmk_exp (-x));
}
