/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The episodic memory as an object: one stream's, over the vectors of memory/. */
#include <string.h>

#include "bitmar-episodic-memory.h"
#include "episode-private.h"
#include "model-private.h"
#include "object-private.h"
#include "snapshot.h"
#include "whole-file.h"

struct _BitmarMemory {
  GObject parent;

  BitmarModel *model;
  BmmMemory *slots;
  guint n_slots;
  gfloat merge;
};

BITMAR_DEFINE_TYPE (BitmarMemory, bitmar_memory)

static void
bitmar_memory_init (BitmarMemory *self)
{
}

static void
bitmar_memory_finalize (GObject *object)
{
  BitmarMemory *self = BITMAR_MEMORY (object);

  bmm_free (self->slots);
  g_clear_object (&self->model);
  G_OBJECT_CLASS (bitmar_memory_parent_class)->finalize (object);
}

static void
bitmar_memory_class_init (BitmarMemoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_memory_finalize;
}

BitmarMemory *
bitmar_memory_new (BitmarModel *model, guint slots, gfloat merge_threshold, GError **error)
{
  BmmConfig config = {
    .slots = slots ? slots : model->memory.slots,
    .width = model->memory_width,
    .rate = model->memory.rate,
    .sharpness = model->memory.sharpness,
    .threshold = model->memory.threshold,
    .merge = merge_threshold < -1 ? model->memory.merge : merge_threshold,
    .note = BITMAR_SAID_TOKENS,
    .note_limit = model->vocabulary,
  };
  BitmarMemory *self;
  BmmMemory *memory;

  if (config.slots > 65536 || !(config.merge <= 1)) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "a memory of %u slots that merge from a cosine of %g",
        slots, merge_threshold);
    return NULL;
  }
  memory = bmm_new (&config);
  if (!memory) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "a memory of %u slots does not fit", (guint) config.slots);
    return NULL;
  }
  self = bitmar_memory_make ();
  self->model = g_object_ref (model);
  self->slots = memory;
  self->n_slots = config.slots;
  self->merge = config.merge;
  return self;
}

/* What was said of the place last is noted with its slot. */
static void
recognise (BitmarMemory *memory, gsize slot, BitmarSaid *known)
{
  const uint32_t *note;

  known->n = (guint32) bmm_note (memory->slots, slot, &note);
  for (guint32 i = 0; i < known->n; i++)
    known->ids[i] = (gint32) note[i];
}

gboolean
bitmar_memory_observe (BitmarMemory *memory, BitmarEpisode *episode, guint64 time_ns, GError **error)
{
  BmmRecall recall;

  if (episode->model != memory->model && strcmp (episode->model->id, memory->model->id)) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "the episode belongs to another model");
    return FALSE;
  }
  episode->slot = bmm_observe (memory->slots, episode->key, episode->content, time_ns, episode->recalled, &recall);
  episode->novelty = recall.novelty;
  episode->known.n = 0;
  /* Merged, the slot has its note still. */
  if (recall.nearest >= 0 && recall.similarity >= memory->merge)
    recognise (memory, (gsize) recall.nearest, &episode->known);
  return TRUE;
}

gboolean
bitmar_memory_tell (BitmarMemory *memory, BitmarEpisode *episode)
{
  const BitmarSaid *said = &episode->caption;
  uint32_t note[BITMAR_SAID_TOKENS];

  if (strcmp (episode->model->id, memory->model->id) != 0 || !episode->has_said || episode->slot < 0)
    return FALSE;
  for (guint32 i = 0; i < said->n; i++)
    note[i] = (uint32_t) said->ids[i];
  return bmm_tell (memory->slots, (size_t) episode->slot, episode->key, episode->said, note, said->n);
}

void
bitmar_memory_clear (BitmarMemory *memory)
{
  bmm_clear (memory->slots);
}

guint
bitmar_memory_get_used (BitmarMemory *memory)
{
  return bmm_used (memory->slots);
}

guint
bitmar_memory_get_slots (BitmarMemory *memory)
{
  return memory->n_slots;
}

guint
bitmar_memory_forget (BitmarMemory *memory, guint64 from_ns, guint64 to_ns)
{
  return bmm_forget (memory->slots, from_ns, to_ns);
}

/* ---- Snapshots ------------------------------------------------------------------------------------------ */

/* 512 slots of width 128 are 670 KB: 1.7 ms at best, nearly all of it the checksum;
 * 6 ms on average at nice 19 beside two trainings. */
GBytes *
bitmar_memory_to_bytes (BitmarMemory *memory, GError **error)
{
  GBytes *bytes = bmm_snapshot_to_bytes (memory->slots, memory->model->id);

  if (!bytes)
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "not enough memory for a snapshot");
  return bytes;
}

gboolean
bitmar_memory_write_bytes (GBytes *bytes, const char *path, GError **error)
{
  return bitmar_whole_file_replace (path, bytes, error);
}

gboolean
bitmar_memory_save (BitmarMemory *memory, const char *path, GError **error)
{
  GBytes *bytes = bitmar_memory_to_bytes (memory, error);
  gboolean saved;

  if (!bytes) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  saved = bitmar_memory_write_bytes (bytes, path, error);
  g_bytes_unref (bytes);
  return saved;
}

static gboolean
fail (const char *path, GError *why, GError **error)
{
  static const BitmarError codes[] = {
    [BMM_SNAPSHOT_FORMAT] = BITMAR_ERROR_FORMAT,
    [BMM_SNAPSHOT_VERSION] = BITMAR_ERROR_FORMAT,
    [BMM_SNAPSHOT_CORRUPT] = BITMAR_ERROR_CORRUPT,
    [BMM_SNAPSHOT_MISMATCH] = BITMAR_ERROR_MISMATCH,
    [BMM_SNAPSHOT_SHAPE] = BITMAR_ERROR_SHAPE,
  };

  g_set_error (error, BITMAR_ERROR, codes[why->code], "%s: %s", path, why->message);
  g_error_free (why);
  return FALSE;
}

/* A file too large for the memory is only looked at: its head says why, or it isn't as long as it says. */
static gboolean
restore (BitmarMemory *memory, const guint8 *data, gsize size, gboolean whole, GError **why)
{
  if (whole)
    return bmm_snapshot_restore (memory->slots, memory->model->id, data, size, why);
  if (bmm_snapshot_check_head (memory->slots, memory->model->id, data, size, why))
    g_set_error (why, BMM_SNAPSHOT_ERROR, BMM_SNAPSHOT_CORRUPT, "the snapshot is longer than it says");
  return FALSE;
}

gboolean
bitmar_memory_load (BitmarMemory *memory, const char *path, GError **error)
{
  gsize size, limit = bmm_snapshot_max_size (memory->slots);
  guint8 *data = bitmar_whole_file_read (path, limit, &size, error);
  GError *why = NULL;
  gboolean restored;

  if (!data)
    return FALSE;
  restored = restore (memory, data, MIN (size, limit), size <= limit, &why);
  g_free (data);
  return restored || fail (path, why, error);
}
