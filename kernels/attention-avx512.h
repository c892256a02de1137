/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sixteen rows of sixteen floats -> sixteen columns. */
#pragma once

#include "math-avx512vnni.h"

/* Pairs of rows, then fours: r[4 i + j] has of columns 4 b + j, in its block b of 4, rows 4 i .. 4 i + 3. */
static inline __attribute__ ((always_inline)) void
bmk_transpose_fours (__m512 r[16])
{
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512d a = _mm512_castps_pd (_mm512_unpacklo_ps (r[i], r[i + 1])), b = _mm512_castps_pd (_mm512_unpackhi_ps (r[i], r[i + 1]));
    const __m512d c = _mm512_castps_pd (_mm512_unpacklo_ps (r[i + 2], r[i + 3]));
    const __m512d e = _mm512_castps_pd (_mm512_unpackhi_ps (r[i + 2], r[i + 3]));
    r[i] = _mm512_castpd_ps (_mm512_unpacklo_pd (a, c));
    r[i + 1] = _mm512_castpd_ps (_mm512_unpackhi_pd (a, c));
    r[i + 2] = _mm512_castpd_ps (_mm512_unpacklo_pd (b, e));
    r[i + 3] = _mm512_castpd_ps (_mm512_unpackhi_pd (b, e));
  }
}

static inline __attribute__ ((always_inline)) void
bmk_transpose_16 (__m512 r[16], float *to)
{
  bmk_transpose_fours (r);
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    /* blocks 0 2 of rows 0..3 and 4..7, and 1 3; likewise of rows 8..15 */
    const __m512 a = _mm512_shuffle_f32x4 (r[j], r[4 + j], 0x88), b = _mm512_shuffle_f32x4 (r[j], r[4 + j], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4 (r[8 + j], r[12 + j], 0x88), e = _mm512_shuffle_f32x4 (r[8 + j], r[12 + j], 0xdd);
    _mm512_storeu_ps (to + 16 * j, _mm512_shuffle_f32x4 (a, c, 0x88));
    _mm512_storeu_ps (to + 16 * (4 + j), _mm512_shuffle_f32x4 (b, e, 0x88));
    _mm512_storeu_ps (to + 16 * (8 + j), _mm512_shuffle_f32x4 (a, c, 0xdd));
    _mm512_storeu_ps (to + 16 * (12 + j), _mm512_shuffle_f32x4 (b, e, 0xdd));
  }
}
