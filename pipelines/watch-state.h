/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `bitmar watch` finds in its folder when the model is another than the last time. */
#pragma once

#include "watch-config.h"

G_BEGIN_DECLS

/* Moves the memories and the log of another model out of the way, and says so on standard error. Returns the logs that were moved now or before, open, so
 * that retention holds for them, too. (transfer full) (element-type BitmarEventLog) */
GPtrArray *watch_state_prepare (const WatchConfig *config, BitmarModel *model, GError **error);

G_END_DECLS
