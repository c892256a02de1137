/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buffers whose last byte is the last before a page without access, and that start behind bytes that must not change. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD 64
#define GUARD_BYTE 0xa5

static inline size_t
mapped_size (size_t n)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  return (n + GUARD + page - 1) / page * page;
}

static inline uint8_t *
guarded_new (size_t n)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE), size = mapped_size (n);
  uint8_t *p = mmap (NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect (p + size, page, PROT_NONE))
    abort ();
  memset (p, GUARD_BYTE, size);
  return p + size - n;
}

static inline bool
guarded_intact (const uint8_t *p)
{
  for (int i = 1; i <= GUARD; i++)
    if (p[-i] != GUARD_BYTE)
      return false;
  return true;
}

static inline void
guarded_free (uint8_t *p, size_t n)
{
  munmap (p + n - mapped_size (n), mapped_size (n) + (size_t) sysconf (_SC_PAGESIZE));
}
