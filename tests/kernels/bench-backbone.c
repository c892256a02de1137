/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The whole backbone with random weights: milliseconds per frame and, per kind of layer, GMAC/s and the share of the peak
 * that a loop of the widest dot product reaches in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bitmar-kernels.h"

enum { STEM, EXPAND, DW3, DW5, PROJECT, HEAD, N_KINDS };
static const char *const kind_names[] = { "stem", "expand", "depthwise 3", "depthwise 5", "project", "head" };

typedef struct {
  int kind;
  size_t edge;                  /* of the input */
  bool residual;
  BmkConv c;
  void *data;
  int32_t *bias;
  float *mult;
  double macs, best;
} Layer;

typedef struct {
  Layer layers[128];
  size_t n;
  uint8_t *buffer[4];           /* image or block input, expanded, depthwise, block output */
} Net;

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void *
allocate (size_t size)
{
  void *p = aligned_alloc (BMK_ALIGN, (size + 4 * BMK_ALIGN) / BMK_ALIGN * BMK_ALIGN);
  if (!p)
    abort ();
  memset (p, 0, size);
  return p;
}

static void
pack (Layer *l)
{
  BmkConv *c = &l->c;
  size_t taps = (size_t) (c->kernel * c->kernel);
  size_t n = l->kind == STEM ? c->cout * 27 : l->kind == DW3 || l->kind == DW5 ? c->cout * taps : c->cout * c->cin;
  int8_t *rows = malloc (n);

  for (size_t i = 0; i < n; i++)
    rows[i] = (int8_t) (rand () % 255 - 127);
  if (l->kind == STEM) {
    l->data = allocate (bmk_stem_packed_size (c->cout));
    bmk_stem_pack (l->data, rows, c->cout);
  } else if (l->kind == DW3 || l->kind == DW5) {
    l->data = allocate (bmk_depthwise_packed_size (c->cout, c->kernel));
    bmk_depthwise_pack (l->data, rows, c->cout, c->kernel);
  } else {
    l->data = allocate (bmk_pointwise_packed_size (c->cout, c->cin));
    bmk_pointwise_pack (l->data, rows, c->cout, c->cin);
  }
  free (rows);
}

static size_t
add (Net *net, int kind, size_t edge, size_t cin, size_t cout, int kernel, int stride, bool residual)
{
  Layer *l = &net->layers[net->n++];
  size_t out = bmk_conv_out (edge, stride);
  bool depthwise = kind == DW3 || kind == DW5;

  *l = (Layer) { .kind = kind, .edge = edge, .residual = residual, .best = 1e9 };
  l->bias = allocate (cout * sizeof *l->bias);
  l->mult = allocate (cout * sizeof *l->mult);
  for (size_t o = 0; o < cout; o++) {
    l->bias[o] = rand () % 20000 - 10000;
    l->mult[o] = 1e-3f;
  }
  l->c = (BmkConv) { .cin = cin, .cout = cout, .kernel = kernel, .stride = stride, .bias = l->bias, .mult = l->mult,
    .rmult = residual ? 0.7f : 0, .zero = kind == PROJECT ? 128 : 0 };
  pack (l);
  l->c.data = l->data;
  l->macs = (double) (out * out * cout) * (double) (kernel * kernel) * (depthwise ? 1 : (double) cin);
  return out;
}

static void
build (Net *net)
{
  static const struct { int times, kernel, stride; size_t expand, out; } stages[] = {
    { 1, 3, 1, 0, 16 }, { 3, 3, 2, 6, 24 }, { 3, 5, 2, 6, 48 }, { 4, 3, 2, 6, 88 }, { 4, 5, 1, 6, 120 },
    { 5, 5, 2, 6, 208 }, { 1, 3, 1, 6, 352 } };
  size_t edge = add (net, STEM, 260, 3, 32, 3, 2, false), in = 32;

  for (size_t s = 0; s < sizeof stages / sizeof *stages; s++)
    for (int b = 0; b < stages[s].times; b++) {
      size_t wide = stages[s].expand ? in * stages[s].expand : in;
      int stride = b ? 1 : stages[s].stride;
      if (stages[s].expand)
        add (net, EXPAND, edge, in, wide, 1, 1, false);
      edge = add (net, stages[s].kernel == 3 ? DW3 : DW5, edge, wide, wide, stages[s].kernel, stride, false);
      add (net, PROJECT, edge, wide, stages[s].out, 1, 1, b > 0);
      in = stages[s].out;
    }
  add (net, HEAD, edge, in, 1280, 1, 1, false);
  for (int i = 0; i < 4; i++)
    net->buffer[i] = allocate (130 * 130 * 96);
  for (size_t i = 0; i < 260 * 260 * 3; i++)
    net->buffer[0][i] = (uint8_t) rand ();
}

/* Outputs go to the buffer that the network would use, so the caches see what they would see. */
static double
frame (Net *net, bool timed)
{
  uint8_t **b = net->buffer;
  double start = now ();

  for (size_t i = 0; i < net->n; i++) {
    Layer *l = &net->layers[i];
    size_t e = l->edge;
    double t = timed ? now () : 0;
    if (l->kind == STEM)
      bmk_stem (b[3], b[0], &l->c, e, e);
    else if (l->kind == DW3 || l->kind == DW5)
      bmk_depthwise (b[2], l[-1].kind == EXPAND ? b[1] : b[3], &l->c, e, e);
    else if (l->kind == PROJECT)
      bmk_pointwise (b[3], b[2], l->residual ? b[3] : NULL, &l->c, e * e);
    else
      bmk_pointwise (b[1], b[3], NULL, &l->c, e * e);
    if (timed && (t = now () - t) < l->best)
      l->best = t;
  }
  return now () - start;
}

#if defined (__x86_64__)
__attribute__ ((target ("avx512f,avx512vnni")))
static double
peak_loop (size_t n)
{
  double t = now ();
  for (size_t i = 0; i < n; i++)
    __asm__ volatile (
        "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm1\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm3\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm5\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm7\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm9\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm11\n\t"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
  return 12 * 64.0 * (double) n / (now () - t) / 1e9;
}
#else
static double
peak_loop (size_t n)
{
  (void) n;
  return 0;
}
#endif

static double
peak (void)
{
  double best = 0;
  for (int i = 0; i < 20; i++) {
    double v = peak_loop (200000);
    best = v > best ? v : best;
  }
  return best;
}

static void
report (const Net *net, double top, double best, bool layers)
{
  double total = 0, sum = 0;
  for (int k = 0; k < N_KINDS; k++) {
    double macs = 0, time = 0;
    for (size_t i = 0; i < net->n; i++) {
      const Layer *l = &net->layers[i];
      if (l->kind != k)
        continue;
      macs += l->macs;
      time += l->best;
      if (layers)
        printf ("  %-12s %3zu^2 %4zu -> %4zu s%d  %8.1f us %7.1f GMAC/s\n", kind_names[k], l->edge, l->c.cin, l->c.cout,
            l->c.stride, l->best * 1e6, l->macs / l->best / 1e9);
    }
    printf ("%-12s %8.3f ms %7.1f MMAC %7.1f GMAC/s", kind_names[k], time * 1e3, macs / 1e6, macs / time / 1e9);
    printf (top > 0 ? " %5.1f %% of peak\n" : "\n", 100 * macs / time / 1e9 / top);
    total += macs;
    sum += time;
  }
  printf ("frame        %8.3f ms (%.3f as a sum of layers) %7.1f MMAC %7.1f GMAC/s", best * 1e3, sum * 1e3, total / 1e6,
      total / best / 1e9);
  printf (top > 0 ? " %5.1f %% of peak\n" : "\n", 100 * total / best / 1e9 / top);
}

static void
bench (BmkTier tier, int frames, bool layers)
{
  static Net net;
  double best = 1e9, top;

  memset (&net, 0, sizeof net);
  if (!bmk_set_tier (tier))
    return;
  build (&net);
  top = tier == BMK_TIER_AVX512VNNI ? peak () : 0;
  printf ("-- %s", bmk_tier_name (tier));
  printf (top > 0 ? ", vpdpbusd peak %.1f GMAC/s\n" : "\n", top);
  for (int i = 0; i < frames; i++) {
    double t = frame (&net, false);
    best = t < best ? t : best;
    frame (&net, true);
  }
  report (&net, top, best, layers);
  for (size_t i = 0; i < net.n; i++) {
    free (net.layers[i].data);
    free (net.layers[i].bias);
    free (net.layers[i].mult);
  }
  for (int i = 0; i < 4; i++)
    free (net.buffer[i]);
}

int
main (int argc, char **argv)
{
  bool layers = argc > 1 && !strcmp (argv[1], "--layers");
  bmk_init ();
  bench (BMK_TIER_AVX2, 10, false);
  bench (BMK_TIER_AVX512VNNI, 60, layers);
  bench (BMK_TIER_AMX, 60, layers);
  return 0;
}
