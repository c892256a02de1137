/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watch-value.h"

#include <math.h>
#include <string.h>

#include <gst/gst.h>

#define DAY (G_GUINT64_CONSTANT (86400) * GST_SECOND)

/* A decimal number of 0 or more, and what follows it. */
static gboolean
read_number (const char *text, gdouble *number, const char **unit)
{
  char *end;

  *number = g_ascii_strtod (text, &end);
  if (!g_ascii_isdigit (text[0]) || strspn (text, "0123456789.") != (gsize) (end - text))
    return FALSE;
  while (*end == ' ')
    end++;
  *unit = end;
  return isfinite (*number);
}

typedef struct {
  const char *name;
  gdouble size;
} Unit;

static gboolean
read_with_unit (const char *text, const Unit *units, gsize n, gdouble *value)
{
  const char *unit;
  gdouble number;

  if (!read_number (text, &number, &unit))
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    if (!g_str_equal (unit, units[i].name) || !(number * units[i].size < 9e18))
      continue;
    *value = number * units[i].size;
    return TRUE;
  }
  return FALSE;
}

gboolean
watch_value_duration (const char *text, guint64 *ns)
{
  static const Unit units[] = { { "ms", GST_MSECOND }, { "s", GST_SECOND }, { "min", 60 * GST_SECOND }, { "h", 3600 * GST_SECOND },
    { "d", DAY }, { "w", 7 * DAY } };
  gdouble value;

  if (!read_with_unit (text, units, G_N_ELEMENTS (units), &value))
    return FALSE;
  *ns = (guint64) value;
  return TRUE;
}

gboolean
watch_value_bytes (const char *text, guint64 *bytes)
{
  static const Unit units[] = { { "kB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 } };
  gdouble value;

  if (!read_with_unit (text, units, G_N_ELEMENTS (units), &value))
    return FALSE;
  *bytes = (guint64) value;
  return TRUE;
}

gboolean
watch_value_number (const char *text, gdouble *number)
{
  const char *rest;

  return read_number (text, number, &rest) && *rest == 0;
}
