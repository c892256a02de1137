/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-model.h"

G_BEGIN_DECLS

/**
 * BitmarEpisode:
 *
 * What one frame became: the frame's tokens, a key that memories and searches compare, a content that captions are written
 * from, and what a memory recalled.
 *
 * One may be made once and filled anew by each frame. Used by one thread at a time.
 */
#define BITMAR_TYPE_EPISODE (bitmar_episode_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarEpisode, bitmar_episode, BITMAR, EPISODE, GObject)

/**
 * bitmar_episode_new:
 * @model: a model
 *
 * An empty episode, for [method@Bitmar.Encoder.encode] to fill. Error: `NO_MEMORY`.
 *
 * Returns: (transfer full): an episode
 */
BITMAR_API BitmarEpisode *bitmar_episode_new (BitmarModel *model, GError **error);

/**
 * bitmar_episode_get_key:
 * @episode: an episode
 * @n: (out) (optional): how many numbers, the memory width
 *
 * What the picture is compared by: its dot product with another episode's key, or with [method@Bitmar.Model.embed_text], is their cosine.
 *
 * Returns: (transfer none) (array length=n): a unit vector, the episode's own; zeros before anything was encoded
 */
BITMAR_API const float *bitmar_episode_get_key (BitmarEpisode *episode, gsize *n);

/**
 * bitmar_episode_get_content:
 * @episode: an episode
 * @n: (out) (optional): how many numbers, the memory width
 *
 * What captions are conditioned on.
 *
 * Returns: (transfer none) (array length=n): a vector, the episode's own
 */
BITMAR_API const float *bitmar_episode_get_content (BitmarEpisode *episode, gsize *n);

/**
 * bitmar_episode_get_recalled:
 * @episode: an episode
 * @n: (out) (optional): how many numbers, the memory width
 *
 * What memory recalled for it.
 *
 * Returns: (transfer none) (array length=n): a vector, the episode's own; zeros until [method@Bitmar.Memory.observe]
 */
BITMAR_API const float *bitmar_episode_get_recalled (BitmarEpisode *episode, gsize *n);

/**
 * bitmar_episode_get_novelty:
 * @episode: an episode
 *
 * How new it was to the memory that observed it.
 *
 * Returns: 0 (seen before) to 1 (new); 1 until [method@Bitmar.Memory.observe]
 */
BITMAR_API gfloat bitmar_episode_get_novelty (BitmarEpisode *episode);

/**
 * bitmar_episode_get_slot:
 * @episode: an episode
 *
 * The slot of the memory that it was written to.
 *
 * Returns: a number from 0; -1 until [method@Bitmar.Memory.observe]
 */
BITMAR_API gint bitmar_episode_get_slot (BitmarEpisode *episode);

/**
 * bitmar_episode_set_caption:
 * @episode: an episode
 * @text: its caption, UTF-8
 *
 * What was said of it, for [method@Bitmar.Memory.tell]. Takes as long as setting a prompt, allocates, and is not part of the episode's bytes.
 *
 * Errors: `ENCODING`, `TOO_LONG`, `NO_MEMORY`; `FORMAT`: the episode was made of damaged bytes.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_episode_set_caption (BitmarEpisode *episode, const char *text, GError **error);

/**
 * bitmar_episode_to_bytes:
 * @episode: an episode
 *
 * The episode as little-endian bytes that are bound to the model's id, to be handed on within a program. Nothing checks them for damage
 * on a disk. Error: `NO_MEMORY`.
 *
 * Returns: (transfer full): the bytes, 23 kB with the bundled model
 */
BITMAR_API GBytes *bitmar_episode_to_bytes (BitmarEpisode *episode, GError **error);

/**
 * bitmar_episode_set_bytes:
 * @episode: an episode
 * @bytes: of [method@Bitmar.Episode.to_bytes]
 *
 * Overwrites the episode, or leaves it as it was.
 *
 * Errors: `FORMAT`: a wrong length or beginning, or what neither encoder nor memory make, such as a key that is not of unit length; `MISMATCH`: of another model.
 * The bytes are kept; what only a captioner needs of them is read when one does, and what is damaged there is found then.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_episode_set_bytes (BitmarEpisode *episode, GBytes *bytes, GError **error);

/**
 * bitmar_episode_assign:
 * @episode: an episode
 * @from: another of the same model
 *
 * Overwrites the episode with all that the other has, its caption too. Does not allocate. Error: `MISMATCH`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_episode_assign (BitmarEpisode *episode, BitmarEpisode *from, GError **error);

G_END_DECLS
