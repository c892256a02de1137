/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <immintrin.h>

#include "kernels-internal.h"

/* Sixteen sums: more than twice the latency times the ports. */
static uint64_t
peak_dot (size_t steps)
{
  for (size_t i = 0; i < steps; i++)
    __asm__ volatile (
        "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm1\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm3\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm5\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm7\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm9\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm11\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm12\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm13\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm14\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm15\n\t"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm30", "xmm31");
  return (uint64_t) steps * 16 * 64;
}

static uint64_t
read_all (const void *data, size_t size)
{
  const uint8_t *x = data;
  __m512i a = _mm512_setzero_si512 (), b = a, c = a, d = a;

  for (size_t i = 0; i < size; i += 256) {
    a = _mm512_xor_si512 (a, _mm512_loadu_si512 (x + i));
    b = _mm512_xor_si512 (b, _mm512_loadu_si512 (x + i + 64));
    c = _mm512_xor_si512 (c, _mm512_loadu_si512 (x + i + 128));
    d = _mm512_xor_si512 (d, _mm512_loadu_si512 (x + i + 192));
  }
  return (uint64_t) _mm512_reduce_or_epi64 (_mm512_xor_si512 (_mm512_xor_si512 (a, b), _mm512_xor_si512 (c, d)));
}

void
bmk_peak_fill_avx512vnni (BmkTable *t)
{
  t->peak_dot = peak_dot;
  t->read = read_all;
}
