/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bench.h"

#include <stdlib.h>

enum { STEM, EXPAND, DW3, DW5, PROJECT, HEAD, N_KINDS };
static const char *const kind_names[] = { "stem", "expand", "depthwise3", "depthwise5", "project", "head" };

#define IMAGE 260
#define WIDEST ((IMAGE / 2) * (IMAGE / 2) * 96)

typedef struct {
  int kind;
  gsize edge;                   /* of the input */
  gboolean residual;
  BmkConv c;
  gpointer data;
  gint32 *bias;
  float *mult;
  double macs, best;
} Layer;

typedef struct {
  Layer layers[128];
  gsize n;
  guint8 *image, *x, *wide, *deep;      /* block input and output, expanded, depthwise */
  GRand *rand;
} Net;

static void
pack (Net *net, Layer *l)
{
  const BmkConv *c = &l->c;
  gsize taps = (gsize) (c->kernel * c->kernel), size;
  gsize n = l->kind == STEM ? c->cout * 27 : l->kind == DW3 || l->kind == DW5 ? c->cout * taps : c->cout * c->cin;
  int8_t *rows = bench_alloc (n);
  gboolean packed;

  for (gsize i = 0; i < n; i++)
    rows[i] = (int8_t) g_rand_int_range (net->rand, -127, 128);
  size = l->kind == STEM ? bmk_stem_packed_size (c->cout)
      : l->kind == DW3 || l->kind == DW5 ? bmk_depthwise_packed_size (c->cout, c->kernel)
      : bmk_pointwise_packed_size (c->cout, c->cin);
  l->data = bench_alloc (size);
  packed = l->kind == STEM ? bmk_stem_pack (l->data, rows, c->cout)
      : l->kind == DW3 || l->kind == DW5 ? bmk_depthwise_pack (l->data, rows, c->cout, c->kernel)
      : bmk_pointwise_pack (l->data, rows, c->cout, c->cin);
  g_assert_true (packed);
  l->c.data = l->data;
  free (rows);
}

/* -> the edge of the output */
static gsize
add (Net *net, int kind, gsize edge, gsize cin, gsize cout, int kernel, int stride, gboolean residual)
{
  Layer *l = &net->layers[net->n++];
  gsize out = bmk_conv_out (edge, stride);
  gboolean depthwise = kind == DW3 || kind == DW5;

  *l = (Layer) { .kind = kind, .edge = edge, .residual = residual, .best = G_MAXDOUBLE };
  l->bias = bench_alloc (cout * sizeof *l->bias);
  l->mult = bench_alloc (cout * sizeof *l->mult);
  for (gsize o = 0; o < cout; o++) {
    l->bias[o] = g_rand_int_range (net->rand, -10000, 10000);
    l->mult[o] = 1e-3f;
  }
  l->c = (BmkConv) { .cin = cin, .cout = cout, .kernel = kernel, .stride = stride, .bias = l->bias, .mult = l->mult,
    .rmult = residual ? 0.7f : 0, .zero = kind == PROJECT ? 128 : 0 };
  pack (net, l);
  l->macs = (double) (out * out * cout) * (double) (kernel * kernel) * (depthwise ? 1 : (double) cin);
  return out;
}

static void
build (Net *net)
{
  static const struct { int times, kernel, stride; gsize expand, out; } stages[] = {
    { 1, 3, 1, 0, 16 }, { 3, 3, 2, 6, 24 }, { 3, 5, 2, 6, 48 }, { 4, 3, 2, 6, 88 }, { 4, 5, 1, 6, 120 },
    { 5, 5, 2, 6, 208 }, { 1, 3, 1, 6, 352 } };
  gsize edge = add (net, STEM, IMAGE, 3, 32, 3, 2, FALSE), in = 32;

  for (gsize s = 0; s < G_N_ELEMENTS (stages); s++)
    for (int b = 0; b < stages[s].times; b++) {
      gsize wide = stages[s].expand ? in * stages[s].expand : in;
      int stride = b ? 1 : stages[s].stride;
      if (stages[s].expand)
        add (net, EXPAND, edge, in, wide, 1, 1, FALSE);
      edge = add (net, stages[s].kernel == 3 ? DW3 : DW5, edge, wide, wide, stages[s].kernel, stride, FALSE);
      add (net, PROJECT, edge, wide, stages[s].out, 1, 1, b > 0);
      in = stages[s].out;
    }
  add (net, HEAD, edge, in, 1280, 1, 1, FALSE);
  net->image = bench_alloc (IMAGE * IMAGE * 3);
  net->x = bench_alloc (WIDEST);
  net->wide = bench_alloc (WIDEST);
  net->deep = bench_alloc (WIDEST);
  for (gsize i = 0; i < IMAGE * IMAGE * 3; i++)
    net->image[i] = (guint8) g_rand_int (net->rand);
}

static void
run_layer (Net *net, const Layer *l)
{
  gsize e = l->edge;

  if (l->kind == STEM)
    bmk_stem (net->x, net->image, &l->c, e, e);
  else if (l->kind == DW3 || l->kind == DW5)
    bmk_depthwise (net->deep, l[-1].kind == EXPAND ? net->wide : net->x, &l->c, e, e);
  else if (l->kind == PROJECT)
    bmk_pointwise (net->x, net->deep, l->residual ? net->x : NULL, &l->c, e * e);
  else
    bmk_pointwise (net->wide, net->x, NULL, &l->c, e * e);
}

/* Outputs go to the buffers that a network would use, so that the caches see what they would see. */
static void
run_frame (gpointer data)
{
  Net *net = data;

  for (gsize i = 0; i < net->n; i++)
    run_layer (net, &net->layers[i]);
}

static void
run_layers_timed (Net *net)
{
  for (gsize i = 0; i < net->n; i++) {
    double start = bench_now (), took;

    run_layer (net, &net->layers[i]);
    took = bench_now () - start;
    net->layers[i].best = MIN (net->layers[i].best, took);
  }
}

static void
clear (Net *net)
{
  for (gsize i = 0; i < net->n; i++) {
    free (net->layers[i].data);
    free (net->layers[i].bias);
    free (net->layers[i].mult);
  }
  free (net->image);
  free (net->x);
  free (net->wide);
  free (net->deep);
  g_rand_free (net->rand);
}

void
bench_backbone (BenchConv *convs, double budget)
{
  Net *net = g_new0 (Net, 1);
  double macs[N_KINDS] = { 0 }, seconds[N_KINDS] = { 0 }, total = 0, best, end;

  net->rand = g_rand_new_with_seed (1);
  build (net);
  best = bench_best (run_frame, net, budget);
  for (end = bench_now () + budget; bench_now () < end;)
    run_layers_timed (net);
  for (gsize i = 0; i < net->n; i++) {
    macs[net->layers[i].kind] += net->layers[i].macs;
    seconds[net->layers[i].kind] += net->layers[i].best;
    total += net->layers[i].macs;
  }
  for (gsize kind = 0; kind < N_KINDS; kind++)
    convs[kind] = (BenchConv) { kind_names[kind], seconds[kind] * 1e3, macs[kind] / seconds[kind] * 1e-9 };
  convs[N_KINDS] = (BenchConv) { "backbone", best * 1e3, total / best * 1e-9 };
  clear (net);
  g_free (net);
}
