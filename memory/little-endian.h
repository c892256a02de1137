/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What snapshots and episodes are written with. Each returns where the next value goes; `to` need not be aligned. */
#pragma once

#include <glib.h>
#include <string.h>

static inline guint8 *
put_u32 (guint8 *to, guint32 x)
{
  x = GUINT32_TO_LE (x);
  memcpy (to, &x, sizeof x);
  return to + sizeof x;
}

static inline guint8 *
put_u64 (guint8 *to, guint64 x)
{
  x = GUINT64_TO_LE (x);
  memcpy (to, &x, sizeof x);
  return to + sizeof x;
}

static inline guint8 *
put_floats (guint8 *to, const float *x, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    guint32 bits;

    memcpy (&bits, x + i, sizeof bits);
    to = put_u32 (to, bits);
  }
  return to;
}
