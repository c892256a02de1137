/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files that compose the stages share. */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

/* Always FALSE. */
gboolean bitmar_engine_no_memory (GError **error, const char *what);
/* T[0] of a text, [d], and its sentence embedding when asked for, [C]. "" is CLS alone. */
gboolean bitmar_engine_encode_text (const BitmarModel *model, const char *string, float *first, float *embedding, GError **error);
/* Whether the episode is of the model, or of another load of the same file: MISMATCH */
gboolean bitmar_engine_same_model (const BitmarModel *model, BitmarEpisode *episode, GError **error);

G_END_DECLS
