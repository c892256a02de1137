/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Large layers on several threads: the same bits for any number of them, with several callers, while the number changes. */
#include <pthread.h>

#include "bitmar-kernels.h"
#include "test-util.h"

#define N 1300                  /* not a multiple of any tier's panel */
#define K 96
#define M 70
#define PIXELS 2003
#define CIN 72
#define COUT 88

/* One layer's inputs and what it must give. */
typedef struct {
  BmkLinear w;
  int8_t *q, *codes, *want_codes;
  BmkRow *rows, *out_rows, *want_rows;
  float *y, *want;
  BmkConv conv;
  uint8_t *x, *pixels, *want_pixels;
} Data;

static void *
allocate (size_t size)
{
  void *p = aligned_alloc (BMK_ALIGN, (size + BMK_ALIGN) / BMK_ALIGN * BMK_ALIGN);

  CHECK (p, "out of memory");
  memset (p, 0, size);
  return p;
}

static void
fill_linear (Data *d)
{
  int8_t *weights = allocate (N * K);
  float *scale = allocate (N * sizeof *scale);
  void *packed = allocate (bmk_int8_packed_size (N, K));

  for (size_t i = 0; i < N * K; i++)
    weights[i] = (int8_t) ((int) (rng () % 255) - 127);
  for (size_t i = 0; i < N; i++)
    scale[i] = rng_float ();
  CHECK (bmk_int8_pack (packed, weights, N, K), "pack");
  d->w = (BmkLinear) { N, K, packed, scale };
  d->q = allocate (M * K);
  d->rows = allocate (M * sizeof *d->rows);
  for (size_t i = 0; i < M * K; i++)
    d->q[i] = (int8_t) ((int) (rng () % 255) - 127);
  bmk_describe (d->rows, d->q, M, K);
  free (weights);
}

static void
fill_conv (Data *d)
{
  int8_t *weights = allocate (COUT * CIN);
  int32_t *bias = allocate (COUT * sizeof *bias);
  float *mult = allocate (COUT * sizeof *mult);
  void *packed = allocate (bmk_pointwise_packed_size (COUT, CIN));

  for (size_t i = 0; i < COUT * CIN; i++)
    weights[i] = (int8_t) ((int) (rng () % 255) - 127);
  for (size_t i = 0; i < COUT; i++)
    mult[i] = 1e-3f;
  CHECK (bmk_pointwise_pack (packed, weights, COUT, CIN), "pack");
  d->conv = (BmkConv) { CIN, COUT, 1, 1, packed, bias, mult, 0.5f, 128 };
  d->x = allocate (PIXELS * CIN);
  for (size_t i = 0; i < PIXELS * CIN; i++)
    d->x[i] = (uint8_t) rng ();
  free (weights);
}

static void
run (Data *d)
{
  const BmkOutput out = { .y = d->y, .ldy = N, .activation = BMK_RELU, .q = d->codes, .rows = d->out_rows };

  memset (d->y, 0xff, M * N * sizeof *d->y);
  bmk_int8_linear (&out, &d->w, d->q, d->rows, M);
  for (size_t i = 0; i < PIXELS * COUT; i++)
    d->pixels[i] = (uint8_t) (i * 7);
  bmk_pointwise (d->pixels, d->x, d->pixels, &d->conv, PIXELS);
}

static void
check (const Data *d, const char *what, unsigned n)
{
  const char *tier = bmk_tier_name (bmk_tier ());

  CHECK (memcmp (d->y, d->want, M * N * sizeof *d->y) == 0, "%s, %s, %u threads: outputs", tier, what, n);
  CHECK (memcmp (d->codes, d->want_codes, M * N) == 0, "%s, %s, %u threads: codes", tier, what, n);
  CHECK (memcmp (d->out_rows, d->want_rows, M * sizeof *d->rows) == 0, "%s, %s, %u threads: rows", tier, what, n);
  CHECK (memcmp (d->pixels, d->want_pixels, PIXELS * COUT) == 0, "%s, %s, %u threads: pixels", tier, what, n);
}

static void
outputs_new (Data *d)
{
  d->y = allocate (M * N * sizeof *d->y);
  d->codes = allocate (M * N);
  d->out_rows = allocate (M * sizeof *d->rows);
  d->pixels = allocate (PIXELS * COUT);
}

static void
outputs_free (Data *d)
{
  free (d->y);
  free (d->codes);
  free (d->out_rows);
  free (d->pixels);
}

static void *
call_often (void *data)
{
  Data d = *(const Data *) data;

  outputs_new (&d);
  for (int i = 0; i < 4; i++) {
    run (&d);
    check (&d, "several callers", bmk_threads ());
  }
  outputs_free (&d);
  return NULL;
}

static void
check_tier (void)
{
  Data d = { 0 };
  pthread_t callers[3];

  fill_linear (&d);
  fill_conv (&d);
  outputs_new (&d);
  CHECK (bmk_set_threads (1) && bmk_threads () == 1, "one thread");
  run (&d);
  d.want = d.y;
  d.want_codes = d.codes;
  d.want_rows = d.out_rows;
  d.want_pixels = d.pixels;
  outputs_new (&d);
  for (unsigned n = 1; n <= 5; n++) {
    CHECK (bmk_set_threads (n) && bmk_threads () == n, "%u threads", n);
    run (&d);
    check (&d, "one caller", n);
  }
  for (int i = 0; i < 3; i++)
    CHECK (pthread_create (&callers[i], NULL, call_often, &d) == 0, "thread");
  for (unsigned n = 1; n <= 4; n++)
    CHECK (bmk_set_threads (n), "%u threads while others call", n);
  for (int i = 0; i < 3; i++)
    pthread_join (callers[i], NULL);
  outputs_free (&d);
  d.y = d.want;
  d.codes = d.want_codes;
  d.out_rows = d.want_rows;
  d.pixels = d.want_pixels;
  outputs_free (&d);
  free ((void *) d.w.data);
  free ((void *) d.w.scale);
  free ((void *) d.conv.data);
  free ((void *) d.conv.bias);
  free ((void *) d.conv.mult);
  free (d.q);
  free (d.rows);
  free (d.x);
}

int
main (void)
{
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (bmk_set_tier ((BmkTier) tier))
      check_tier ();
  CHECK (!bmk_set_threads (0) && !bmk_set_threads (BMK_MAX_THREADS + 1), "0 and 65 threads taken");
  CHECK (bmk_set_threads (2) && !bmk_set_threads (0) && bmk_threads () == 2, "a refused number changes nothing");
  CHECK (bmk_set_threads (1), "back to one");
  return 0;
}
