/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-episode.h"
#include "bitmar-image.h"

G_BEGIN_DECLS

/**
 * BitmarEncoder:
 *
 * Looks at pictures: each becomes an episode.
 *
 * One for each stream or thread; used by one thread at a time. It holds its workspace, a few megabytes, and a reference to the model.
 */
#define BITMAR_TYPE_ENCODER (bitmar_encoder_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEncoder, bitmar_encoder, BITMAR, ENCODER, GObject)

/**
 * bitmar_encoder_new:
 * @model: a model
 *
 * An encoder. Error: `NO_MEMORY`.
 *
 * Returns: (transfer full): an encoder
 */
BITMAR_API BitmarEncoder *bitmar_encoder_new (BitmarModel *model, GError **error);

/**
 * bitmar_encoder_encode:
 * @encoder: an encoder
 * @image: a picture
 * @episode: an episode of the same model, to be filled
 *
 * Looks at a picture. What memory recalled and what was said of the episode before is gone.
 *
 * Takes milliseconds. A change of the picture's size plans the resampling anew, which allocates. Errors: `IMAGE`, `MISMATCH`, `NO_MEMORY`; then the
 * episode is as it was.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_encoder_encode (BitmarEncoder *encoder, const BitmarImage *image, BitmarEpisode *episode,
    GError **error);

G_END_DECLS
