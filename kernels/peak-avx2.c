/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <immintrin.h>

#include "kernels-internal.h"

/* Seven sums of pairs, 32 products and their addition each. */
static uint64_t
peak_dot (size_t steps)
{
  for (size_t i = 0; i < steps; i++)
    __asm__ volatile (
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm7\n\tvpaddw %%ymm7, %%ymm0, %%ymm0\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm8\n\tvpaddw %%ymm8, %%ymm1, %%ymm1\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm9\n\tvpaddw %%ymm9, %%ymm2, %%ymm2\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm10\n\tvpaddw %%ymm10, %%ymm3, %%ymm3\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm11\n\tvpaddw %%ymm11, %%ymm4, %%ymm4\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm12\n\tvpaddw %%ymm12, %%ymm5, %%ymm5\n\t"
        "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\n\tvpaddw %%ymm13, %%ymm6, %%ymm6\n\t"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return (uint64_t) steps * 7 * 32;
}

static uint64_t
read_all (const void *data, size_t size)
{
  const __m256i *x = data;
  __m256i a = _mm256_setzero_si256 (), b = a, c = a, d = a;

  for (size_t i = 0; i < size / 32; i += 4) {
    a = _mm256_xor_si256 (a, _mm256_loadu_si256 (x + i));
    b = _mm256_xor_si256 (b, _mm256_loadu_si256 (x + i + 1));
    c = _mm256_xor_si256 (c, _mm256_loadu_si256 (x + i + 2));
    d = _mm256_xor_si256 (d, _mm256_loadu_si256 (x + i + 3));
  }
  a = _mm256_xor_si256 (_mm256_xor_si256 (a, b), _mm256_xor_si256 (c, d));
  return (uint64_t) (_mm256_extract_epi64 (a, 0) ^ _mm256_extract_epi64 (a, 1) ^ _mm256_extract_epi64 (a, 2)
      ^ _mm256_extract_epi64 (a, 3));
}

void
bmk_peak_fill_avx2 (BmkTable *t)
{
  t->peak_dot = peak_dot;
  t->read = read_all;
}
