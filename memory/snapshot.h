/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A memory as bytes and back. The format: docs/memory.md. */
#pragma once

#include <glib.h>

#include "bitmar-episodic-memory.h"

G_BEGIN_DECLS

#define BMM_SNAPSHOT_MODEL_SIZE 64     /* hex digits of a model's id */
#define BMM_SNAPSHOT_HEAD 96           /* bytes before the slots */

#define BMM_SNAPSHOT_ERROR (bmm_snapshot_error_quark ())
GQuark bmm_snapshot_error_quark (void);

typedef enum {
  BMM_SNAPSHOT_FORMAT,         /* not a snapshot */
  BMM_SNAPSHOT_VERSION,        /* of a newer or older version */
  BMM_SNAPSHOT_CORRUPT,        /* damaged, cut off, or holds what no memory does */
  BMM_SNAPSHOT_MISMATCH,       /* of another model */
  BMM_SNAPSHOT_SHAPE           /* of another width or other notes, or more than the memory has room for */
} BmmSnapshotError;

/* model: BMM_SNAPSHOT_MODEL_SIZE digits. NULL: not enough memory. (transfer full) */
GBytes *bmm_snapshot_to_bytes (const BmmMemory *memory, const char *model);
/* False: the memory is as it was. True: it goes on as the saved one would, given the same configuration. */
bool bmm_snapshot_restore (BmmMemory *memory, const char *model, const void *data, size_t size, GError **error);

/* Bytes of the largest snapshot that can be restored into the memory. */
size_t bmm_snapshot_max_size (const BmmMemory *memory);
/* What the first BMM_SNAPSHOT_HEAD bytes alone tell against a restore. */
bool bmm_snapshot_check_head (const BmmMemory *memory, const char *model, const void *data, size_t size,
    GError **error);

G_END_DECLS
