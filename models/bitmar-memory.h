/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-episode.h"

G_BEGIN_DECLS

/**
 * BitmarMemory:
 *
 * The episodic memory of one stream: a fixed number of slots, each with what was seen, what was said of it and when.
 *
 * Used by one thread at a time. 512 slots of width 128 take some 700 kB.
 */
#define BITMAR_TYPE_MEMORY (bitmar_memory_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarMemory, bitmar_memory, BITMAR, MEMORY, GObject)

/**
 * bitmar_memory_new:
 * @model: a model
 * @slots: up to 65536; 0: the model's number
 * @merge_threshold: the cosine from which an episode merges into the slot it resembles, -1 (always) to 1 (hardly ever); below -1: the model's
 *
 * An empty memory. Errors: `PARAMETER`, `NO_MEMORY`.
 *
 * Returns: (transfer full): a memory
 */
BITMAR_API BitmarMemory *bitmar_memory_new (BitmarModel *model, guint slots, gfloat merge_threshold, GError **error);

/**
 * bitmar_memory_observe:
 * @memory: a memory
 * @episode: an episode of the same model
 * @time_ns: when it was seen, in nanoseconds of any clock
 *
 * Sets what the memory recalls for the episode, how new it is and its slot, then writes it. Microseconds; does not allocate. Error: `MISMATCH`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_memory_observe (BitmarMemory *memory, BitmarEpisode *episode, guint64 time_ns, GError **error);

/**
 * bitmar_memory_tell:
 * @memory: a memory
 * @episode: an episode that it has observed, with a caption ([method@Bitmar.Episode.set_caption])
 *
 * What was said of the episode becomes what its slot recalls, so that it is said again when the camera comes back to the place. Quick.
 *
 * Returns: %FALSE when the slot has another episode by now, or nothing was said of this one
 */
BITMAR_API gboolean bitmar_memory_tell (BitmarMemory *memory, BitmarEpisode *episode);

/**
 * bitmar_memory_clear:
 * @memory: a memory
 *
 * Forgets all and overwrites it.
 */
BITMAR_API void bitmar_memory_clear (BitmarMemory *memory);

/**
 * bitmar_memory_get_used:
 * @memory: a memory
 *
 * How much it remembers.
 *
 * Returns: the slots in use
 */
BITMAR_API guint bitmar_memory_get_used (BitmarMemory *memory);

/**
 * bitmar_memory_get_slots:
 * @memory: a memory
 *
 * How much it can remember.
 *
 * Returns: all slots it has
 */
BITMAR_API guint bitmar_memory_get_slots (BitmarMemory *memory);

/**
 * bitmar_memory_forget:
 * @memory: a memory
 * @from_ns: the first time that is forgotten
 * @to_ns: the first that is not
 *
 * Empties the slots whose first and last write both lie in that span of the times given to [method@Bitmar.Memory.observe]. Slots
 * may move to other numbers. What was merged into a slot that was also written at other times stays in it.
 *
 * Returns: how many slots were emptied
 */
BITMAR_API guint bitmar_memory_forget (BitmarMemory *memory, guint64 from_ns, guint64 to_ns);

/**
 * bitmar_memory_to_bytes:
 * @memory: a memory
 *
 * A snapshot: the slots in use, bound to the model's id, little-endian, checksummed. Restored with the same threshold and as many slots, a memory goes
 * on exactly as the saved one would.
 *
 * Touches no disk: milliseconds for 512 slots. Error: `NO_MEMORY`.
 *
 * Returns: (transfer full): the snapshot
 */
BITMAR_API GBytes *bitmar_memory_to_bytes (BitmarMemory *memory, GError **error);

/**
 * bitmar_memory_write_bytes:
 * @bytes: a snapshot
 * @path: (type filename): a file
 *
 * Replaces the file, mode 0600, or leaves it: whoever reads it, and whatever dies meanwhile, it is the old one or the new one, whole. Where @path is a
 * link, what it names is replaced. While this runs `PATH.part` is beside it; what a killed process left of that is overwritten the next time.
 *
 * Blocks on the disk; any thread. Errors: `OPEN`: no such folder; `READ_ONLY`, `FULL`, `IO`: the old file is as it was. Only where `IO` says that the folder
 * cannot be synced it is the new one, which a power cut might still undo.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_memory_write_bytes (GBytes *bytes, const char *path, GError **error);

/**
 * bitmar_memory_save:
 * @memory: a memory
 * @path: (type filename): a file
 *
 * [method@Bitmar.Memory.to_bytes] and [func@Bitmar.Memory.write_bytes], with the errors of both.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_memory_save (BitmarMemory *memory, const char *path, GError **error);

/**
 * bitmar_memory_load:
 * @memory: a memory
 * @path: (type filename): a snapshot's file
 *
 * Replaces what the memory holds, or leaves it as it was; the file is always left.
 *
 * Errors: `OPEN`: missing or cannot be read; `FORMAT`: not a snapshot, or a newer version's; `CORRUPT`; `MISMATCH`: of another model; `SHAPE`: it
 * has more slots in use than the memory has, or another width; `NO_MEMORY`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_memory_load (BitmarMemory *memory, const char *path, GError **error);

G_END_DECLS
