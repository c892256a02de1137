/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-error.h"

G_BEGIN_DECLS

/**
 * BitmarModel:
 *
 * A model file in memory.
 *
 * It is read-only once loaded: any number of encoders, memories, captioners, alerts and logs in any threads share one. Each of them
 * holds a reference, so that the caller's own may go as soon as they are made.
 */
#define BITMAR_TYPE_MODEL (bitmar_model_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarModel, bitmar_model, BITMAR, MODEL, GObject)

/**
 * bitmar_model_load: (constructor)
 * @path: (type filename): a GGUF file
 *
 * Loads a model, or shares it: a file (device, inode, size, time of modification) that is loaded in this process is loaded once.
 *
 * Blocks for the load, tens of milliseconds for the bundled model. Thread-safe.
 *
 * Errors: `OPEN`, `FORMAT`, `ARCHITECTURE`, `CORRUPT`, `SHAPE`, `NO_MEMORY`; `PARAMETER` when the environment's `BITMAR_CPU` or
 * `BITMAR_THREADS` has no meaning.
 *
 * Returns: (transfer full): the model
 */
BITMAR_API BitmarModel *bitmar_model_load (const char *path, GError **error);

/**
 * bitmar_model_default_path:
 *
 * The model used when none is named: `BITMAR_MODEL` of the environment, else the installed one. The file may be missing.
 *
 * Returns: (transfer none) (type filename): a path
 */
BITMAR_API const char *bitmar_model_default_path (void);

/**
 * bitmar_model_get_id:
 * @model: a model
 *
 * What tells models apart: episodes, snapshots and event logs are bound to it.
 *
 * Returns: (transfer none): the SHA-256 of the file, 64 hexadecimal digits
 */
BITMAR_API const char *bitmar_model_get_id (BitmarModel *model);

/**
 * bitmar_model_get_name:
 * @model: a model
 *
 * The name that the file gives itself.
 *
 * Returns: (transfer none): UTF-8
 */
BITMAR_API const char *bitmar_model_get_name (BitmarModel *model);

/**
 * bitmar_model_dup_metadata:
 * @model: a model
 * @key: a key such as `general.license`
 *
 * A metadata key of the file as text; numbers and arrays, too.
 *
 * Returns: (transfer full) (nullable): the value, %NULL when there is no such key
 */
BITMAR_API char *bitmar_model_dup_metadata (BitmarModel *model, const char *key);

/**
 * bitmar_model_list_metadata:
 * @model: a model
 *
 * All metadata keys, in the order of the file.
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys
 */
BITMAR_API char **bitmar_model_list_metadata (BitmarModel *model);

/**
 * bitmar_model_get_memory_width:
 * @model: a model
 *
 * How many numbers a key, a content and the embedding of a sentence have: C, a multiple of 16, 128 in the bundled model.
 *
 * Returns: the width
 */
BITMAR_API guint bitmar_model_get_memory_width (BitmarModel *model);

/**
 * bitmar_model_get_memory_slots:
 * @model: a model
 *
 * The slots of a memory when none are named.
 *
 * Returns: a number from 1 to 65536
 */
BITMAR_API guint bitmar_model_get_memory_slots (BitmarModel *model);

/**
 * bitmar_model_get_max_tokens:
 * @model: a model
 *
 * The longest caption.
 *
 * Returns: tokens
 */
BITMAR_API guint bitmar_model_get_max_tokens (BitmarModel *model);

/**
 * bitmar_model_get_beam_size:
 * @model: a model
 *
 * The beams of a search when none are named.
 *
 * Returns: a number from 1 to 8
 */
BITMAR_API guint bitmar_model_get_beam_size (BitmarModel *model);

/**
 * bitmar_model_get_parameters:
 * @model: a model
 *
 * How many weights the model has.
 *
 * Returns: a number
 */
BITMAR_API guint64 bitmar_model_get_parameters (BitmarModel *model);

/**
 * bitmar_model_get_size:
 * @model: a model
 *
 * What the loaded model takes, once for all that share it.
 *
 * Returns: resident bytes
 */
BITMAR_API gsize bitmar_model_get_size (BitmarModel *model);

/**
 * bitmar_model_has_background:
 * @model: a model
 *
 * Whether the file has a background of episodes. Without one alerts score by the cosine on a fixed scale, and thresholds
 * do not carry over.
 *
 * Returns: whether it has
 */
BITMAR_API gboolean bitmar_model_has_background (BitmarModel *model);

/**
 * bitmar_model_embed_text:
 * @model: a model
 * @text: a sentence, UTF-8; the empty one is allowed
 * @n: (out) (optional): how many numbers, the memory width
 *
 * A sentence as a unit vector, whose dot product with an episode's key says how much the picture is of it.
 *
 * Takes less than a millisecond with the bundled model. Thread-safe. Errors: `ENCODING`, `TOO_LONG`, `NO_MEMORY`.
 *
 * Returns: (transfer full) (array length=n): the vector; free it with g_free()
 */
BITMAR_API float *bitmar_model_embed_text (BitmarModel *model, const char *text, gsize *n, GError **error);

G_END_DECLS
