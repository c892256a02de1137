/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

void
bmk_attend (float *out, const float *q, const float *q_sink, const BmkSpan *spans, size_t n_spans, size_t d,
    size_t heads, float *scratch)
{
  bmk_table.attend (out, q, q_sink, spans, n_spans, d, heads, scratch);
}

void
bmk_rotate (float *x, const float *cos, const float *sin, size_t d, size_t heads)
{
  bmk_table.rotate (x, cos, sin, d, heads);
}
