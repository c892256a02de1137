/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* elementwise.orc in the table: for every tier but scalar. Compiled when the tier is chosen, not at the first call. */
#include <orc/orc.h>

#include "elementwise.orc.h"
#include "kernels-internal.h"

#define MOST ((size_t) 1 << 30) /* ORC counts in int */

static void
add (float *y, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i += MOST)
    bmk_orc_add (y + i, x + i, (int) (n - i < MOST ? n - i : MOST));
}

static void
blend (float *y, const float *x, float keep, float take, size_t n)
{
  for (size_t i = 0; i < n; i += MOST)
    bmk_orc_blend (y + i, x + i, keep, take, (int) (n - i < MOST ? n - i : MOST));
}

void
bmk_elementwise_fill_orc (BmkTable *t)
{
  /* ORC 0.4.33 hands out code memory without a lock of its own. What orcc writes for first calls, as in GStreamer's libraries, takes
   * this one around compiling, an init function does not: two programs then share an address, and one of them runs as the other. */
  orc_once_mutex_lock ();
  bmk_orc_init ();
  orc_once_mutex_unlock ();
  t->add = add;
  t->blend = blend;
}
