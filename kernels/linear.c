/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shapes and codes are checked here, once, when packing. */
#include "kernels-internal.h"

/* Keeps every int32 sum exact and every size far from overflow. */
#define MAX_K 65536
#define MAX_N ((size_t) 1 << 24)

static bool
shape_is_allowed (size_t n, size_t k)
{
  return n > 0 && n <= MAX_N && k > 0 && k <= MAX_K && k % 16 == 0;
}

static bool
codes_are_legal (const uint8_t *codes, size_t size)
{
  unsigned bad = 0;

  for (size_t i = 0; i < size; i++)
    bad |= codes[i] & (codes[i] >> 1) & 0x55;
  return bad == 0;
}

size_t
bmk_ternary_packed_size (size_t n, size_t k)
{
  return shape_is_allowed (n, k) ? bmk_table.ternary_packed_size (n, k) : 0;
}

bool
bmk_ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  if (!shape_is_allowed (n, k) || !codes_are_legal (codes, n * (k / 4)))
    return false;
  bmk_table.ternary_pack (dst, codes, n, k);
  return true;
}

void
bmk_ternary_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  bmk_table.ternary_linear (y, ldy, w, q, inv, m, epilogue);
}

size_t
bmk_int8_packed_size (size_t n, size_t k)
{
  return shape_is_allowed (n, k) ? bmk_table.int8_packed_size (n, k) : 0;
}

/* -128 is outside the contract: the AVX2 tier could not be exact with it. */
static bool
rows_are_legal (const int8_t *rows, size_t size)
{
  unsigned bad = 0;

  for (size_t i = 0; i < size; i++)
    bad |= rows[i] == INT8_MIN;
  return bad == 0;
}

bool
bmk_int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  if (!shape_is_allowed (n, k) || !rows_are_legal (rows, n * k))
    return false;
  bmk_table.int8_pack (dst, rows, n, k);
  return true;
}

void
bmk_int8_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  bmk_table.int8_linear (y, ldy, w, q, inv, m, epilogue);
}
