/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The episodic memory: K slots of (key, value), both f32 [width]. Vectors in, vectors out; it knows no
 * model and no GStreamer. Not thread-safe: one owner at a time. Allocates once, in bmm_new. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BmmMemory BmmMemory;

typedef struct {
  size_t slots;        /* K, 1..65536 */
  size_t width;        /* C, a multiple of 16, at most 4096 */
  float rate;          /* alpha of a merge, 0..1 */
  float sharpness;     /* beta > 0; beta * (2 + |theta|) must not overflow */
  float threshold;     /* theta, finite (model files: -4..4); above 1 even a perfect match recalls in part */
  float merge;         /* cosine from which a write merges into the nearest slot, -1 (always)..1 (hardly ever) */
  size_t note;         /* numbers that a slot can note, 0..1024 */
  uint32_t note_limit; /* each of them is below */
} BmmConfig;

typedef struct {
  float novelty;       /* 1 - max(0, best cosine); 1 when empty */
  float similarity;    /* best cosine, 0 when empty */
  ptrdiff_t nearest;   /* slot of the best cosine, -1 when empty */
} BmmRecall;

typedef struct {
  uint64_t first_ns;   /* time given with the first write into the slot */
  uint64_t last_ns;    /* … with the last */
  uint32_t writes;     /* writes merged into it, the first too; stays at UINT32_MAX */
  uint32_t reads;      /* times it was the nearest; stays at UINT32_MAX */
} BmmSlotInfo;

/* NULL when a field is out of range or memory is short. */
BmmMemory *bmm_new (const BmmConfig *config);
void bmm_free (BmmMemory *memory);
void bmm_clear (BmmMemory *memory);
size_t bmm_used (const BmmMemory *memory);
size_t bmm_size (const BmmMemory *memory);      /* bytes held */

/* recalled: [width], zero when empty. key: [width], unit length. Formulas: models/MODEL.md, stage 4. */
BmmRecall bmm_read (BmmMemory *memory, const float *key, float *recalled);
/* Returns the slot written. time_ns is kept in the slot (stream or wall-clock time: the caller's choice). */
size_t bmm_write (BmmMemory *memory, const float *key, const float *value, uint64_t time_ns);
/* Both, the slots compared once. */
size_t bmm_observe (BmmMemory *memory, const float *key, const float *value, uint64_t time_ns, float *recalled, BmmRecall *recall);
/* Puts a value and a note of n numbers in place of the slot's, where the slot still is what `key` was written to: false when it is empty or out of
 * range, or its key is no nearer than `merge`, or the note is too long or one of its numbers too large. For what is known of an episode only
 * after it was written, such as what was said of it. */
bool bmm_tell (BmmMemory *memory, size_t slot, const float *key, const float *value, const uint32_t *note, size_t n);
/* The slot's note, its numbers in *note (memory's, until it is next changed). 0: none, or no such slot. A slot begins without. */
size_t bmm_note (const BmmMemory *memory, size_t slot, const uint32_t **note);
/* Empties the slots whose first and last write both lie in from_ns <= t < to_ns; later slots move into the holes. What
 * was merged into a slot that was written at other times too stays in it, but for its note. Returns how many it emptied. */
size_t bmm_forget (BmmMemory *memory, uint64_t from_ns, uint64_t to_ns);
/* False when the slot is empty or out of range. */
bool bmm_slot_info (const BmmMemory *memory, size_t slot, BmmSlotInfo *info);

#ifdef __cplusplus
}
#endif
