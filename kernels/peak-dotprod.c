/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kernels-internal.h"

static uint64_t
peak_dot (size_t steps)
{
  for (size_t i = 0; i < steps; i++)
    __asm__ volatile (
        "sdot v0.4s, v30.16b, v31.16b\n\t"
        "sdot v1.4s, v30.16b, v31.16b\n\t"
        "sdot v2.4s, v30.16b, v31.16b\n\t"
        "sdot v3.4s, v30.16b, v31.16b\n\t"
        "sdot v4.4s, v30.16b, v31.16b\n\t"
        "sdot v5.4s, v30.16b, v31.16b\n\t"
        "sdot v6.4s, v30.16b, v31.16b\n\t"
        "sdot v7.4s, v30.16b, v31.16b\n\t"
        "sdot v8.4s, v30.16b, v31.16b\n\t"
        "sdot v9.4s, v30.16b, v31.16b\n\t"
        "sdot v10.4s, v30.16b, v31.16b\n\t"
        "sdot v11.4s, v30.16b, v31.16b\n\t"
        "sdot v12.4s, v30.16b, v31.16b\n\t"
        "sdot v13.4s, v30.16b, v31.16b\n\t"
        "sdot v14.4s, v30.16b, v31.16b\n\t"
        "sdot v15.4s, v30.16b, v31.16b\n\t"
        ::: "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v30", "v31");
  return (uint64_t) steps * 16 * 16;
}

void
bmk_peak_fill_dotprod (BmkTable *t)
{
  t->peak_dot = peak_dot;
}
