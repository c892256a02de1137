/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The slots themselves, for what saves and restores them. */
#pragma once

#include "bitmar-episodic-memory.h"

#define BMM_MAX_SLOTS 65536
#define BMM_MAX_WIDTH 4096
#define BMM_MAX_NOTE 1024

struct BmmMemory {
  BmmConfig config;
  size_t used;
  uint64_t clock;              /* counts reads and writes: what age is measured in */
  float *keys, *values;        /* [slots, width] */
  float *scores;               /* [slots] */
  uint64_t *touched;           /* [slots] clock of the last write or nearest read */
  BmmSlotInfo *info;           /* [slots] */
  uint32_t *notes;             /* [slots, 1 + note]: how many numbers, and they */
};

/* Numbers a slot's note takes, with their count. */
static inline size_t
bmm_note_stride (const BmmConfig *config)
{
  return config->note + 1;
}
