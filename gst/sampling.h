/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which frames are looked at, and which of those are captioned: decided by time, never by counting frames. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A grid of due times at a fixed rate; the first frame is due. All zero is a fresh one. */
typedef struct {
  gboolean started;
  GstClockTime due;
} BitmarGrid;

/* rate = rate_n / rate_d frames a second; rate_n = 0: every frame. A time that jumps back starts the grid anew. */
gboolean bitmar_grid_due (BitmarGrid *grid, GstClockTime running_time, gint rate_n, gint rate_d);

/* When an encoded frame is worth a caption. All zero is a fresh one. */
typedef struct {
  float *key;                  /* [n]: of the last captioned frame, NULL before the first */
  gsize n;
  GstClockTime time;           /* its running time */
  guint retries;               /* how often its change may still be looked at again */
} BitmarChange;

typedef enum {
  BITMAR_DUE_NOT,
  BITMAR_DUE_CHANGE,
  BITMAR_DUE_AGAIN,            /* the caption of the last change was doubted: somebody half in the picture, as a rule */
  BITMAR_DUE_HEARTBEAT
} BitmarDue;

typedef struct {
  GstClockTime min_interval, max_interval;     /* max_interval = 0: no heartbeat */
  gdouble threshold;                           /* 0: every frame is worth one */
} BitmarChangeRule;

/* doubted: nothing was said of the last captioned frame. */
BitmarDue bitmar_change_due (const BitmarChange *change, const BitmarChangeRule *rule, const float *key, gsize n,
    GstClockTime running_time, gboolean doubted);
/* due: why the frame is captioned. */
void bitmar_change_mark (BitmarChange *change, const float *key, gsize n, GstClockTime running_time, BitmarDue due);
void bitmar_change_reset (BitmarChange *change);

G_END_DECLS
