/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Low-bit linear layers: every tier against the formula of models/MODEL.md, written out naively here. */
#include "bitmar-kernels.h"
#include "test-util.h"

typedef struct {
  bool ternary;
  size_t n, k, m, ldy, offset;
  BmkEpilogue epilogue;
} Case;

/* Row-major int8 weights; the ternary ones as -1..1. */
typedef struct {
  int8_t *rows, *q;
  float *scale, *inv, *y;
} Data;

static Data
data_new (const Case *c)
{
  Data d = { malloc (c->n * c->k), malloc (c->m * c->k), malloc (c->n * sizeof (float)), malloc (c->m * sizeof (float)),
      malloc (c->m * c->ldy * sizeof (float)) };

  CHECK (d.rows && d.q && d.scale && d.inv && d.y, "out of memory");
  for (size_t i = 0; i < c->n * c->k; i++)
    d.rows[i] = (int8_t) (c->ternary ? (int) (rng () % 3) - 1 : (int) (rng () % 255) - 127);
  for (size_t i = 0; i < c->m * c->k; i++)
    d.q[i] = (int8_t) ((int) (rng () % 255) - 127);
  for (size_t i = 0; i < c->n; i++)
    d.scale[i] = rng_float ();
  for (size_t i = 0; i < c->m; i++)
    d.inv[i] = rng () % 8 ? rng_float () + 1.0f : 0.0f;
  for (size_t i = 0; i < c->m * c->ldy; i++)
    d.y[i] = rng_float ();
  return d;
}

static void
data_free (Data *d)
{
  free (d->rows);
  free (d->q);
  free (d->scale);
  free (d->inv);
  free (d->y);
}

static float
naive (const Data *d, const Case *c, size_t i, size_t j)
{
  int64_t acc = 0;
  volatile float v, old = d->y[i * c->ldy + j];

  for (size_t l = 0; l < c->k; l++)
    acc += (int64_t) d->q[i * c->k + l] * d->rows[j * c->k + l];
  v = (float) acc * d->scale[j];
  v = v * d->inv[i];
  if (c->epilogue == BMK_ADD)
    return old + v;
  if (c->epilogue == BMK_STORE)
    return v;
  v = v > 0.0f ? v : 0.0f;
  return c->epilogue == BMK_RELU ? v : v * v;
}

static Guarded
pack (const Data *d, const Case *c)
{
  size_t size = c->ternary ? bmk_ternary_packed_size (c->n, c->k) : bmk_int8_packed_size (c->n, c->k);
  Guarded packed = guarded_new (size, 0);
  uint8_t *codes = calloc (c->n, c->k / 4);

  CHECK (size > 0 && codes, "shape %zu x %zu refused", c->n, c->k);
  for (size_t i = 0; i < c->n * c->k; i++)
    codes[i / 4] |= (uint8_t) ((c->ternary ? d->rows[i] + 1 : 0) << i % 4 * 2);
  if (c->ternary)
    CHECK (bmk_ternary_pack (packed.data, codes, c->n, c->k), "pack");
  else
    CHECK (bmk_int8_pack (packed.data, d->rows, c->n, c->k), "pack");
  free (codes);
  return packed;
}

/* Runs the layer from misaligned copies; y stays between guards, and so do the columns beyond n. */
static void
run (float *y, const Data *d, const Case *c)
{
  Guarded packed = pack (d, c);
  Guarded gy = guarded_new (c->m * c->ldy * sizeof (float), c->offset * 4);
  Guarded gq = guarded_new (c->m * c->k, c->offset);
  Guarded gs = guarded_new (c->n * sizeof (float), c->offset * 4);
  BmkLinear w = { c->n, c->k, packed.data, (const float *) gs.data };

  memcpy (gy.data, d->y, gy.size);
  memcpy (gq.data, d->q, gq.size);
  memcpy (gs.data, d->scale, gs.size);
  if (c->ternary)
    bmk_ternary_linear ((float *) gy.data, c->ldy, &w, (const int8_t *) gq.data, d->inv, c->m, c->epilogue);
  else
    bmk_int8_linear ((float *) gy.data, c->ldy, &w, (const int8_t *) gq.data, d->inv, c->m, c->epilogue);
  memcpy (y, gy.data, gy.size);
  guarded_check_free (&gy, "linear");
  guarded_check_free (&packed, "pack");
  guarded_check_free (&gq, "linear (q)");
  guarded_check_free (&gs, "linear (scale)");
}

static void
check_data (const Data *d, const Case *c)
{
  float *y = malloc (c->m * c->ldy * sizeof *y);

  CHECK (y, "out of memory");
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    run (y, d, c);
    for (size_t i = 0; i < c->m; i++)
      for (size_t j = 0; j < c->ldy; j++) {
        float expected = j < c->n ? naive (d, c, i, j) : d->y[i * c->ldy + j];
        CHECK (memcmp (&y[i * c->ldy + j], &expected, 4) == 0,
            "%s %s n %zu k %zu m %zu epilogue %d: y[%zu][%zu] is %g, not %g", bmk_tier_name ((BmkTier) tier),
            c->ternary ? "ternary" : "int8", c->n, c->k, c->m, c->epilogue, i, j, (double) y[i * c->ldy + j],
            (double) expected);
      }
  }
  free (y);
}

static void
check (Case c)
{
  for (int ternary = 0; ternary < 2; ternary++) {
    Data d;
    c.ternary = ternary;
    d = data_new (&c);
    check_data (&d, &c);
    data_free (&d);
  }
}

static void
test_shapes (void)
{
  static const size_t n[] = { 1, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129, 256, 259, 331 };
  static const size_t k[] = { 16, 48, 64, 80, 240, 256, 272, 528 };

  for (size_t i = 0; i < sizeof n / sizeof *n; i++)
    for (size_t j = 0; j < sizeof k / sizeof *k; j++) {
      size_t m = 1 + (i * 3 + j) % 7;
      check ((Case) { false, n[i], k[j], m, n[i] + (i + j) % 3, 1 + (i + j) % 15, (BmkEpilogue) ((i + j) % 4) });
    }
}

static void
test_tokens (void)
{
  for (size_t m = 0; m <= 17; m++)
    for (int e = BMK_STORE; e <= BMK_RELU_SQUARED; e++)
      check ((Case) { false, 70 + m * 17, 96, m, 70 + m * 17, m % 5, (BmkEpilogue) e });
  check ((Case) { false, 65, 80, 81, 65, 3, BMK_ADD });
  check ((Case) { false, 33, 32, 97, 40, 0, BMK_STORE });
  check ((Case) { false, 5, 16, 200, 5, 0, BMK_RELU });
}

/* The largest sums a layer may make: each tier's int16 and int32 steps must hold them. */
static void
test_extremes (void)
{
  static const int8_t codes[][2] = { { 127, 1 }, { 127, -1 }, { -127, 1 }, { -127, -1 } };

  for (int ternary = 0; ternary < 2; ternary++)
    for (int pattern = 0; pattern < 4; pattern++) {
      Case c = { ternary, 66, 65536, 3, 66, 0, BMK_STORE };
      Data d = data_new (&c);
      memset (d.q, codes[pattern][0], c.m * c.k);
      memset (d.rows, codes[pattern][1] * (ternary ? 1 : 127), c.n * c.k);
      check_data (&d, &c);
      data_free (&d);
    }
}

static void
test_refusals (void)
{
  uint8_t codes[64], *packed = aligned_alloc (BMK_ALIGN, 16384);
  int8_t rows[64] = { 0 };

  CHECK (packed, "out of memory");
  memset (codes, 0x55, sizeof codes);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    static const size_t bad[][2] = { { 0, 16 }, { 4, 0 }, { 4, 8 }, { 4, 17 }, { 4, 65552 }, { SIZE_MAX, 16 },
      { 4, SIZE_MAX - 15 }, { SIZE_MAX / 16, 65536 } };
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
      CHECK (bmk_ternary_packed_size (bad[i][0], bad[i][1]) == 0, "%zu x %zu", bad[i][0], bad[i][1]);
      CHECK (bmk_int8_packed_size (bad[i][0], bad[i][1]) == 0, "%zu x %zu", bad[i][0], bad[i][1]);
      CHECK (!bmk_ternary_pack (packed, codes, bad[i][0], bad[i][1]), "%zu x %zu", bad[i][0], bad[i][1]);
      CHECK (!bmk_int8_pack (packed, rows, bad[i][0], bad[i][1]), "%zu x %zu", bad[i][0], bad[i][1]);
    }
    for (size_t field = 0; field < 64; field++) {
      codes[field / 4] |= (uint8_t) (3 << field % 4 * 2);
      CHECK (!bmk_ternary_pack (packed, codes, 4, 16), "code 3 at %zu taken", field);
      codes[field / 4] = 0x55;
    }
    CHECK (bmk_ternary_pack (packed, codes, 4, 16), "legal codes refused");
    rows[63] = -128;
    CHECK (!bmk_int8_pack (packed, rows, 4, 16), "-128 taken");
    rows[63] = -127;
    CHECK (bmk_int8_pack (packed, rows, 4, 16), "legal rows refused");
  }
  free (packed);
}

int
main (void)
{
  test_shapes ();
  test_tokens ();
  test_extremes ();
  test_refusals ();
  return 0;
}
