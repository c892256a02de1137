/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Float layers with half weights: every tier against the formula of models/MODEL.md, written out naively here. */
#include <math.h>

#include "bitmar-kernels.h"
#include "test-util.h"

typedef struct {
  size_t n, k, m, ldx, ldy, offset;
  BmkActivation activation;
  bool add, bias, codes, tiny;
} Case;

typedef struct {
  uint16_t *rows;
  float *x, *scale, *bias, *y;
} Data;

/* Written from the definition, in double. */
static double
half_value (uint16_t h)
{
  int exponent = h >> 10 & 31, fraction = h & 1023;
  double v = exponent ? ldexp (1024 + fraction, exponent - 25) : ldexp (fraction, -24);

  return h & 0x8000 ? -v : v;
}

static uint16_t
random_half (bool tiny)
{
  uint16_t h = (uint16_t) (rng () & 0xffff);

  return tiny ? h & 0x87ff : (h & 0x7c00) == 0x7c00 ? h & 0xbfff : h;
}

static float *
floats (size_t n, float range)
{
  float *x = malloc (n * sizeof *x + 1);

  CHECK (x, "out of memory");
  for (size_t i = 0; i < n; i++)
    x[i] = rng_float () * range;
  return x;
}

static Data
data_new (const Case *c)
{
  Data d = { malloc (c->n * c->k * 2), floats (c->m * c->ldx, c->tiny ? 1e-3f : 3.0f), floats (c->n, 1.0f), floats (c->n, 100.0f),
    floats (c->m * c->ldy, 1.0f) };

  CHECK (d.rows, "out of memory");
  for (size_t i = 0; i < c->n * c->k; i++)
    d.rows[i] = random_half (c->tiny);
  return d;
}

static void
data_free (Data *d)
{
  free (d->rows);
  free (d->x);
  free (d->scale);
  free (d->bias);
  free (d->y);
}

static float
naive (const Data *d, const Case *c, size_t i, size_t j)
{
  volatile float v = 0.0f, old = d->y[i * c->ldy + j];

  for (size_t l = 0; l < c->k; l++)
    v = fmaf (d->x[i * c->ldx + l], (float) half_value (d->rows[j * c->k + l]), v);
  v = v * d->scale[j];
  if (c->bias)
    v = v + d->bias[j];
  if (c->activation != BMK_LINEAR)
    v = v > 0.0f ? v : 0.0f;
  if (c->activation == BMK_RELU_SQUARED)
    v = v * v;
  return c->add ? old + v : v;
}

static Guarded
copy (const void *data, size_t size, size_t offset)
{
  Guarded g = guarded_new (size, offset);

  memcpy (g.data, data, size);
  return g;
}

static void
check_codes (const Guarded *codes, const Guarded *rows, const float *y, const Case *c)
{
  int8_t *want = malloc (c->m * c->n);
  BmkRow *want_rows = malloc (c->m * sizeof *want_rows);

  CHECK (want && want_rows, "out of memory");
  bmk_quantize (want, want_rows, y, c->ldy, c->m, c->n);
  CHECK (memcmp (codes->data, want, codes->size) == 0 && memcmp (rows->data, want_rows, rows->size) == 0, "codes");
  free (want);
  free (want_rows);
}

/* From misaligned copies; y stays between guards, and so do the columns beyond n. */
static Guarded
run (const Data *d, const Case *c)
{
  const size_t size = bmk_f16_packed_size (c->n, c->k), o = c->offset;
  Guarded packed = guarded_new (size, 0), rows = copy (d->rows, c->n * c->k * 2, o), x = copy (d->x, c->m * c->ldx * 4, 4 * o);
  Guarded scale = copy (d->scale, c->n * 4, 4 * o), bias = copy (d->bias, c->n * 4, 4 * o), y = copy (d->y, c->m * c->ldy * 4, 4 * o);
  Guarded q = guarded_new (c->m * c->n, o), q_rows = guarded_new (c->m * sizeof (BmkRow), 4 * o);
  const BmkLinear w = { c->n, c->k, packed.data, (const float *) scale.data };
  const BmkOutput out = { (float *) y.data, c->ldy, c->bias ? (const float *) bias.data : NULL, c->activation, c->add,
    c->codes ? (int8_t *) q.data : NULL, (BmkRow *) q_rows.data };

  CHECK (size > 0 && bmk_f16_pack (packed.data, rows.data, c->n, c->k), "%zu x %zu refused", c->n, c->k);
  bmk_f16_linear (&out, &w, (const float *) x.data, c->ldx, c->m);
  if (c->codes)
    check_codes (&q, &q_rows, (const float *) y.data, c);
  guarded_check_free (&packed, "pack");
  guarded_check_free (&rows, "pack (rows)");
  guarded_check_free (&x, "linear (x)");
  guarded_check_free (&scale, "linear (scale)");
  guarded_check_free (&bias, "linear (bias)");
  guarded_check_free (&q, "linear (codes)");
  guarded_check_free (&q_rows, "linear (rows)");
  return y;
}

static void
check (Case c)
{
  Data d = data_new (&c);
  float *want = malloc (c.m * c.ldy * sizeof *want + 1);

  CHECK (want, "out of memory");
  memcpy (want, d.y, c.m * c.ldy * sizeof *want);
  for (size_t i = 0; i < c.m * c.n; i++)
    want[i / c.n * c.ldy + i % c.n] = naive (&d, &c, i / c.n, i % c.n);
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    for (unsigned threads = 1; threads < 4 && bmk_set_tier ((BmkTier) tier); threads += 2) {
      Guarded y;
      CHECK (bmk_set_threads (threads), "%u threads", threads);
      y = run (&d, &c);
      for (size_t i = 0; i < c.m * c.ldy; i++)
        CHECK (memcmp (y.data + 4 * i, want + i, 4) == 0, "%s n %zu k %zu m %zu: y[%zu][%zu] is %a, not %a",
            bmk_tier_name ((BmkTier) tier), c.n, c.k, c.m, i / c.ldy, i % c.ldy, (double) ((float *) y.data)[i], (double) want[i]);
      guarded_check_free (&y, "linear (y)");
    }
  bmk_set_threads (1);
  free (want);
  data_free (&d);
}

static void
test_shapes (void)
{
  static const size_t n[] = { 1, 7, 16, 17, 63, 64, 65, 100, 129, 192 };
  static const size_t k[] = { 1, 3, 16, 127, 128, 129, 257, 588 };

  for (size_t i = 0; i < sizeof n / sizeof *n; i++)
    for (size_t j = 0; j < sizeof k / sizeof *k; j++) {
      size_t kind = i + j;
      check ((Case) { .n = n[i], .k = k[j], .m = 1 + (i * 3 + j) % 14, .ldx = k[j] + kind % 3, .ldy = n[i] + kind % 4,
          .offset = 1 + kind % 15, .activation = (BmkActivation) (kind % 3), .add = kind % 2, .bias = kind / 2 % 2,
          .codes = kind % 5 == 0, .tiny = kind % 7 == 3 });
    }
}

static void
test_tokens (void)
{
  for (size_t m = 0; m < 20; m++)
    check ((Case) { .n = 70, .k = 40, .m = m, .ldx = 40, .ldy = 70, .offset = m % 4, .bias = true, .add = m % 2 });
  /* more rows than a block has, and enough for several threads */
  check ((Case) { .n = 200, .k = 136, .m = 131, .ldx = 136, .ldy = 200, .bias = true, .codes = true });
  check ((Case) { .n = 65, .k = 300, .m = 257, .ldx = 301, .ldy = 67, .add = true });
}

static void
test_refusals (void)
{
  uint16_t rows[12] = { 0 }, *packed = aligned_alloc (BMK_ALIGN, 3 * 64 * 2);
  static const size_t bad[][2] = { { 0, 16 }, { 4, 0 }, { 4, 65537 }, { SIZE_MAX, 16 }, { 4, SIZE_MAX }, { SIZE_MAX / 2, 65536 } };
  static const uint16_t never[] = { 0x7c00, 0xfc00, 0x7c01, 0x7e00, 0xffff };

  CHECK (packed, "out of memory");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK (bmk_f16_packed_size (bad[i][0], bad[i][1]) == 0 && !bmk_f16_pack (packed, rows, bad[i][0], bad[i][1]), "%zu x %zu",
        bad[i][0], bad[i][1]);
  for (size_t at = 0; at < 12; at++) {
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
      rows[at] = never[i];
      CHECK (!bmk_f16_pack (packed, rows, 4, 3), "%x at %zu taken", never[i], at);
    }
    rows[at] = at % 2 ? 0x7bff : 0xfbff;
    CHECK (bmk_f16_pack (packed, rows, 4, 3), "the largest half refused");
  }
  free (packed);
}

int
main (void)
{
  test_shapes ();
  test_tokens ();
  test_refusals ();
  return 0;
}
