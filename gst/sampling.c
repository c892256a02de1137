/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sampling.h"

#include <string.h>

gboolean
bitmar_grid_due (BitmarGrid *grid, GstClockTime running_time, gint rate_n, gint rate_d)
{
  GstClockTime interval;

  if (rate_n <= 0)
    return TRUE;
  interval = gst_util_uint64_scale_int (GST_SECOND, rate_d, rate_n);
  if (grid->started && running_time < grid->due && grid->due - running_time <= interval)
    return FALSE;
  if (!grid->started || running_time < grid->due || running_time - grid->due >= interval)
    grid->due = running_time;
  grid->started = TRUE;
  grid->due += interval;
  return TRUE;
}

static gdouble
cosine (const float *a, const float *b, gsize n)
{
  gdouble sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (gdouble) a[i] * b[i];
  return sum;
}

gboolean
bitmar_change_due (const BitmarChange *change, const BitmarChangeRule *rule, const float *key, gsize n,
    GstClockTime running_time)
{
  GstClockTime elapsed;

  if (!change->key || change->n != n || running_time < change->time)
    return TRUE;
  elapsed = running_time - change->time;
  if (elapsed < rule->min_interval)
    return FALSE;
  if (rule->max_interval > 0 && elapsed >= rule->max_interval)
    return TRUE;
  return rule->threshold <= 0 || 1 - cosine (change->key, key, n) >= rule->threshold;
}

void
bitmar_change_mark (BitmarChange *change, const float *key, gsize n, GstClockTime running_time)
{
  if (change->n != n || !change->key) {
    g_free (change->key);
    change->key = g_new (float, n);
    change->n = n;
  }
  memcpy (change->key, key, n * sizeof (float));
  change->time = running_time;
}

void
bitmar_change_reset (BitmarChange *change)
{
  g_clear_pointer (&change->key, g_free);
  change->n = 0;
}
