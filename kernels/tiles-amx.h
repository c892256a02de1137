/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AMX: eight tiles of 16 rows by 64 bytes. A (rows of activations, 64 inputs each) times B (16 groups of four inputs by 16
 * outputs, as the vectors of linear-pack.h lie) is added to C (int32, rows by 16 outputs): 16 cycles, whatever the rows. */
#pragma once

#include <immintrin.h>

#include "kernels-internal.h"

typedef struct {
  uint8_t palette, start, reserved[14];
  uint16_t row_size[16];
  uint8_t rows[16];
} TileConfig;

/* Tiles first..last have that many rows of 64 bytes. */
static inline void
tile_rows (TileConfig *config, int first, int last, size_t rows)
{
  config->palette = 1;
  for (int i = first; i <= last; i++) {
    config->rows[i] = (uint8_t) rows;
    config->row_size[i] = 64;
  }
}

/* The intrinsics do not tell the compiler that a tile is loaded from memory. */
#define TILE_LOAD(tile, from, stride) do { \
  __asm__ volatile ("" ::: "memory"); \
  _tile_loadd (tile, from, stride); \
} while (0)
