/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar bench: what it measures, and how. Times are the thread's own CPU time, that of the best fiftieth of many short
 * runs: other work on the machine adds to most, and a virtual machine's clock, set right now and then, takes from a few. */
#pragma once

#include <glib.h>

#include "bitmar-kernels.h"

G_BEGIN_DECLS

typedef void (*BenchFunc) (gpointer data);

/* Seconds of one call, which 49 of 50 runs that fit into `budget` seconds do not beat; a few at least are made. */
double bench_best (BenchFunc run, gpointer data, double budget);
double bench_now (void);
/* BMK_ALIGN-aligned and zeroed; free() it. Ends the program when memory is short. */
gpointer bench_alloc (gsize size);

typedef struct {
  double dot_gmacs, tile_gmacs;        /* 0: the tier has none */
  double read_near, read_far;          /* GB/s from the second cache (256 KB) and from what holds 64 MB */
} BenchPeak;

void bench_peak (BenchPeak *peak, double budget);

typedef struct {
  gboolean ternary;
  gsize n, k, m;
  gboolean far;                        /* layer after layer, 64 MB of weights */
  double gmacs, weights;               /* GMAC/s; GB/s of weights read */
} BenchLinear;

/* f32 rows in, f32 rows out: quantisation and epilogue count. */
void bench_linear (BenchLinear *linear, double budget);

typedef struct {
  const char *name;                    /* stem, expand, depthwise3, depthwise5, project, head, backbone */
  double ms, gmacs;
} BenchConv;

#define BENCH_CONVS 7
/* An EfficientNet-Lite2 with random weights, layer by layer; the last entry is a whole frame in one go. */
void bench_backbone (BenchConv *convs, double budget);

G_END_DECLS
