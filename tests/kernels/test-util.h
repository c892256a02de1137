/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A check that says where it failed, random numbers, and buffers with guard bytes around them. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition, ...) do { \
  if (!(condition)) { \
    fprintf (stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
    fprintf (stderr, __VA_ARGS__); \
    fputc ('\n', stderr); \
    exit (1); \
  } \
} while (0)

static uint64_t rng_state = 0x9e3779b97f4a7c15u;

static inline uint32_t
rng (void)
{
  rng_state ^= rng_state >> 12;
  rng_state ^= rng_state << 25;
  rng_state ^= rng_state >> 27;
  return (uint32_t) ((rng_state * 0x2545f4914f6cdd1du) >> 32);
}

/* -1..1 */
static inline float
rng_float (void)
{
  return (float) ((double) rng () / 2147483648.0 - 1.0);
}

#define GUARD 128
#define GUARD_BYTE 0xa5

typedef struct {
  uint8_t *base, *data;
  size_t size;
} Guarded;

/* data lies `offset` bytes past a 64-byte boundary. */
static inline Guarded
guarded_new (size_t size, size_t offset)
{
  Guarded g = { NULL, NULL, size };

  g.base = aligned_alloc (64, (size + offset + 2 * GUARD + 63) / 64 * 64);
  CHECK (g.base, "out of memory");
  memset (g.base, GUARD_BYTE, size + offset + 2 * GUARD);
  g.data = g.base + GUARD + offset;
  return g;
}

static inline void
guarded_check_free (Guarded *g, const char *what)
{
  for (size_t i = 0; i < GUARD; i++)
    CHECK (g->data[-1 - (ptrdiff_t) i] == GUARD_BYTE && g->data[g->size + i] == GUARD_BYTE,
        "%s wrote outside its buffer at -%zu or +%zu", what, i + 1, i);
  free (g->base);
}
