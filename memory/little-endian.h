/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What snapshots and episodes are written with and read by; nothing need be aligned. What puts returns where the next value goes. */
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

static inline guint32
get_u32 (const guint8 *from)
{
  guint32 x;

  memcpy (&x, from, sizeof x);
  return GUINT32_FROM_LE (x);
}

static inline guint64
get_u64 (const guint8 *from)
{
  guint64 x;

  memcpy (&x, from, sizeof x);
  return GUINT64_FROM_LE (x);
}

static inline float
get_float (const guint8 *from)
{
  guint32 bits = get_u32 (from);
  float x;

  memcpy (&x, &bits, sizeof x);
  return x;
}

static inline void
get_floats (const guint8 *from, float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = get_float (from + i * sizeof *x);
}

/* The sum of the squares of n floats: no number unless each of them is one. */
static inline double
get_square (const guint8 *from, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++) {
    double x = get_float (from + i * sizeof (float));

    square += x * x;
  }
  return square;
}

/* Rounding leaves a key that was blended and made a unit again within 1e-6 of it. False of what is no number, too. */
static inline gboolean
get_is_unit (const guint8 *from, gsize n)
{
  double square = get_square (from, n);

  return square >= 1 - 1e-3 && square <= 1 + 1e-3;
}
