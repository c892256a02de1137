/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The panel layout of the x86 tiers. A vector has `lanes` int32 lanes, a panel is 4 * lanes rows; one lane is four
 * consecutive k of one row, so that the activations are broadcast four at a time and nothing is ever added across lanes.
 * Ternary: per 4 k one vector, whose bit field f (2 bits of every byte) is row f * lanes + lane.
 * Int8: per 4 k four vectors, vector f being rows f * lanes + lane. Rows beyond n are zero bytes. */
#pragma once

#include "kernels-internal.h"

static inline size_t
bmk_panel_packed_size (size_t n, size_t k, size_t lanes, bool ternary)
{
  return bmk_align_up (n, 4 * lanes) * (ternary ? k / 4 : k);
}

/* The four lane bytes of a row's codes 4j..4j+3, put at bit field f. */
static inline void
bmk_or_codes (uint8_t *lane, uint8_t codes, unsigned f)
{
  for (unsigned b = 0; b < 4; b++)
    lane[b] |= (uint8_t) (((codes >> 2 * b) & 3) << 2 * f);
}

/* wide: the inputs of a packed row, k or more; those past k are zero bytes. */
static inline void
bmk_panel_pack_ternary (uint8_t *dst, const uint8_t *codes, size_t n, size_t k, size_t wide, size_t lanes)
{
  memset (dst, 0, bmk_panel_packed_size (n, wide, lanes, true));
  for (size_t row = 0; row < n; row++) {
    const size_t in_panel = row % (4 * lanes);
    uint8_t *lane = dst + (row - in_panel) * (wide / 4) + in_panel % lanes * 4;
    for (size_t j = 0; j < k / 4; j++)
      bmk_or_codes (lane + j * lanes * 4, codes[row * (k / 4) + j], (unsigned) (in_panel / lanes));
  }
}

/* flip: xor-ed to every weight */
static inline void
bmk_panel_pack_int8 (uint8_t *dst, const int8_t *rows, size_t n, size_t k, size_t wide, size_t lanes, uint8_t flip)
{
  memset (dst, 0, bmk_panel_packed_size (n, wide, lanes, false));
  for (size_t row = 0; row < n; row++) {
    const size_t in_panel = row % (4 * lanes);
    uint8_t *lane = dst + (row - in_panel) * wide + in_panel * 4;
    for (size_t j = 0; j < k; j++)
      lane[j / 4 * lanes * 16 + j % 4] = (uint8_t) rows[row * k + j] ^ flip;
  }
}
