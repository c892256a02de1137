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

/* Looks at one change after the first. A change that stays doubtful is left to the heartbeat. */
#define RETRIES 2

BitmarDue
bitmar_change_due (const BitmarChange *change, const BitmarChangeRule *rule, const float *key, gsize n,
    GstClockTime running_time, gboolean doubted)
{
  GstClockTime elapsed;

  if (!change->key || change->n != n || running_time < change->time)
    return BITMAR_DUE_CHANGE;
  elapsed = running_time - change->time;
  if (elapsed < rule->min_interval)
    return BITMAR_DUE_NOT;
  if (rule->threshold <= 0 || 1 - cosine (change->key, key, n) >= rule->threshold)
    return BITMAR_DUE_CHANGE;
  if (doubted && change->retries > 0)
    return BITMAR_DUE_AGAIN;
  if (rule->max_interval > 0 && elapsed >= rule->max_interval)
    return BITMAR_DUE_HEARTBEAT;
  return BITMAR_DUE_NOT;
}

void
bitmar_change_mark (BitmarChange *change, const float *key, gsize n, GstClockTime running_time, BitmarDue due)
{
  if (change->n != n || !change->key) {
    g_free (change->key);
    change->key = g_new (float, n);
    change->n = n;
  }
  memcpy (change->key, key, n * sizeof (float));
  change->time = running_time;
  change->retries = due == BITMAR_DUE_CHANGE ? RETRIES : due == BITMAR_DUE_AGAIN ? change->retries - 1 : 0;
}

void
bitmar_change_reset (BitmarChange *change)
{
  g_clear_pointer (&change->key, g_free);
  change->n = 0;
  change->retries = 0;
}
