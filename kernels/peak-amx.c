/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tiles-amx.h"

/* Four sums of 16 rows, 64 inputs and 16 outputs. The operands are noise: the unit slows down under real data. */
static uint64_t
peak_tile (size_t steps)
{
  TileConfig config = { 0 };
  _Alignas (64) uint8_t noise[16 * 64];
  uint32_t state = 1;

  for (size_t i = 0; i < sizeof noise; i++) {
    state = state * 1664525 + 1013904223;
    noise[i] = (uint8_t) (state >> 24);
  }
  tile_rows (&config, 0, 7, 16);
  _tile_loadconfig (&config);
  TILE_LOAD (4, noise, 64);
  TILE_LOAD (5, noise, 64);
  _tile_zero (0);
  _tile_zero (1);
  _tile_zero (2);
  _tile_zero (3);
  for (size_t i = 0; i < steps; i++) {
    _tile_dpbsud (0, 4, 5);
    _tile_dpbsud (1, 4, 5);
    _tile_dpbsud (2, 4, 5);
    _tile_dpbsud (3, 4, 5);
  }
  _tile_release ();
  return (uint64_t) steps * 4 * 16 * 64 * 16;
}

void
bmk_peak_fill_amx (BmkTable *t)
{
  t->peak_tile = peak_tile;
}
