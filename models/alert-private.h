/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar.h"

G_BEGIN_DECLS

/* What bitmar_alerts_observe() does with scores [rules]. */
void bitmar_alerts_observe_scores (BitmarAlerts *alerts, const float *scores, guint64 time_ns,
    BitmarAlertFunc func, gpointer user_data);
/* scores: [rules] of a key [C]. */
void bitmar_alerts_score (BitmarAlerts *alerts, const float *key, float *scores);

G_END_DECLS
