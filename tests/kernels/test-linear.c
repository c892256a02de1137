/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Low-bit linear layers: every tier against the formula of models/MODEL.md, written out naively here. */
#include "bitmar-kernels.h"
#include "test-util.h"

typedef struct {
  bool ternary;
  size_t n, k, m, ldy, offset;
  BmkActivation activation;
  bool add, bias, codes;
} Case;

/* Row-major int8 weights; the ternary ones as -1..1. */
typedef struct {
  int8_t *rows, *q;
  BmkRow *tokens;
  float *scale, *bias, *y;
} Data;

static void
data_tokens (Data *d, const Case *c)
{
  for (size_t i = 0; i < c->m; i++) {
    d->tokens[i] = (BmkRow) { rng () % 8 ? rng_float () + 1.0f : 0.0f, 0 };
    for (size_t j = 0; j < c->k; j++)
      d->tokens[i].sum += d->q[i * c->k + j];
  }
}

static Data
data_new (const Case *c)
{
  Data d = { malloc (c->n * c->k), malloc (c->m * c->k + 1), malloc (c->m * sizeof (BmkRow) + 1),
    malloc (c->n * sizeof (float)), malloc (c->n * sizeof (float)), malloc (c->m * c->ldy * sizeof (float) + 1) };

  CHECK (d.rows && d.q && d.tokens && d.scale && d.bias && d.y, "out of memory");
  for (size_t i = 0; i < c->n * c->k; i++)
    d.rows[i] = (int8_t) (c->ternary ? (int) (rng () % 3) - 1 : (int) (rng () % 255) - 127);
  for (size_t i = 0; i < c->m * c->k; i++)
    d.q[i] = (int8_t) ((int) (rng () % 255) - 127);
  for (size_t i = 0; i < c->n; i++)
    d.scale[i] = rng_float ();
  for (size_t i = 0; i < c->n; i++)
    d.bias[i] = 100.0f * rng_float ();
  data_tokens (&d, c);
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
  free (d->tokens);
  free (d->bias);
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
  v = v * d->tokens[i].inv;
  if (c->bias)
    v = v + d->bias[j];
  if (c->activation != BMK_LINEAR)
    v = v > 0.0f ? v : 0.0f;
  if (c->activation == BMK_RELU_SQUARED)
    v = v * v;
  return c->add ? old + v : v;
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

/* The rows of y quantised: what another call would have made of them. */
static void
check_codes (const Guarded *q, const Guarded *rows, const float *y, const Case *c)
{
  int8_t *want = malloc (c->m * c->n + 1);
  BmkRow *want_rows = malloc (c->m * sizeof *want_rows + 1);

  CHECK (want && want_rows, "out of memory");
  bmk_quantize (want, want_rows, y, c->ldy, c->m, c->n);
  CHECK (memcmp (q->data, want, q->size) == 0, "%s n %zu k %zu m %zu: codes", bmk_tier_name (bmk_tier ()), c->n, c->k, c->m);
  CHECK (memcmp (rows->data, want_rows, rows->size) == 0, "%s n %zu k %zu m %zu: rows of codes",
      bmk_tier_name (bmk_tier ()), c->n, c->k, c->m);
  free (want);
  free (want_rows);
}

/* Runs the layer from misaligned copies; y stays between guards, and so do the columns beyond n. */
static void
run (float *y, const Data *d, const Case *c)
{
  Guarded packed = pack (d, c);
  Guarded gy = guarded_new (c->m * c->ldy * sizeof (float), c->offset * 4);
  Guarded gq = guarded_new (c->m * c->k, c->offset);
  Guarded gs = guarded_new (c->n * sizeof (float), c->offset * 4), gb = guarded_new (c->n * sizeof (float), c->offset * 4);
  Guarded codes = guarded_new (c->m * c->n, c->offset), rows = guarded_new (c->m * sizeof (BmkRow), c->offset * 4);
  BmkLinear w = { c->n, c->k, packed.data, (const float *) gs.data };
  BmkOutput out = { (float *) gy.data, c->ldy, c->bias ? (const float *) gb.data : NULL, c->activation, c->add,
    c->codes ? (int8_t *) codes.data : NULL, (BmkRow *) rows.data };

  memcpy (gy.data, d->y, gy.size);
  memcpy (gq.data, d->q, gq.size);
  memcpy (gs.data, d->scale, gs.size);
  memcpy (gb.data, d->bias, gb.size);
  (c->ternary ? bmk_ternary_linear : bmk_int8_linear) (&out, &w, (const int8_t *) gq.data, d->tokens, c->m);
  memcpy (y, gy.data, gy.size);
  if (c->codes)
    check_codes (&codes, &rows, y, c);
  guarded_check_free (&gy, "linear");
  guarded_check_free (&packed, "pack");
  guarded_check_free (&gq, "linear (q)");
  guarded_check_free (&gs, "linear (scale)");
  guarded_check_free (&gb, "linear (bias)");
  guarded_check_free (&codes, "linear (codes)");
  guarded_check_free (&rows, "linear (rows)");
}

static void
check_data (const Data *d, const Case *c)
{
  float *y = malloc (c->m * c->ldy * sizeof *y + 1), *want = malloc (c->m * c->n * sizeof *y + 1);

  CHECK (y && want, "out of memory");
  for (size_t i = 0; i < c->m * c->n; i++)
    want[i] = naive (d, c, i / c->n, i % c->n);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    run (y, d, c);
    for (size_t i = 0; i < c->m; i++)
      for (size_t j = 0; j < c->ldy; j++) {
        float expected = j < c->n ? want[i * c->n + j] : d->y[i * c->ldy + j];
        CHECK (memcmp (&y[i * c->ldy + j], &expected, 4) == 0,
            "%s %s n %zu k %zu m %zu activation %d: y[%zu][%zu] is %g, not %g", bmk_tier_name ((BmkTier) tier),
            c->ternary ? "ternary" : "int8", c->n, c->k, c->m, c->activation, i, j, (double) y[i * c->ldy + j],
            (double) expected);
      }
  }
  free (y);
  free (want);
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
      size_t m = 1 + (i * 3 + j) % 7, kind = i + j;
      check ((Case) { .n = n[i], .k = k[j], .m = m, .ldy = n[i] + kind % 3, .offset = 1 + kind % 15,
          .activation = (BmkActivation) (kind % 3), .add = kind % 2, .bias = kind / 2 % 2, .codes = kind / 3 % 2 });
    }
}

static void
test_tokens (void)
{
  for (size_t m = 0; m <= 34; m++)
    for (int kind = 0; kind < 4; kind++)
      check ((Case) { .n = 70 + m * 17, .k = kind % 2 ? 96 : 128, .m = m, .ldy = 70 + m * 17, .offset = m % 5,
          .activation = (BmkActivation) (kind % 3), .add = kind == 3, .codes = m % 2 });
  check ((Case) { .n = 65, .k = 80, .m = 81, .ldy = 65, .offset = 3, .add = true, .codes = true });
  check ((Case) { .n = 33, .k = 32, .m = 97, .ldy = 40, .bias = true });
  check ((Case) { .n = 5, .k = 16, .m = 200, .ldy = 5, .activation = BMK_RELU, .codes = true });
  check ((Case) { .n = 130, .k = 1040, .m = 130, .ldy = 130, .activation = BMK_RELU_SQUARED, .codes = true });
  check ((Case) { .n = 64, .k = 576, .m = 257, .ldy = 64 });
  /* more inputs than some tiers copy */
  check ((Case) { .n = 40, .k = 2064, .m = 18, .ldy = 40, .codes = true });
  check ((Case) { .n = 24, .k = 8192, .m = 7, .ldy = 24, .add = true });
}

/* The largest sums a layer may make: each tier's int16 and int32 steps must hold them. */
static void
test_extremes (void)
{
  static const int8_t codes[][2] = { { 127, 1 }, { 127, -1 }, { -127, 1 }, { -127, -1 } };

  for (int ternary = 0; ternary < 2; ternary++)
    for (int pattern = 0; pattern < 4; pattern++) {
      Case c = { .ternary = ternary, .n = 66, .k = 65536, .m = pattern == 0 ? 9 : 3, .ldy = 66 };
      Data d = data_new (&c);
      memset (d.q, codes[pattern][0], c.m * c.k);
      memset (d.rows, codes[pattern][1] * (ternary ? 1 : 127), c.n * c.k);
      data_tokens (&d, &c);
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

/* ---- The best of a layer's outputs ---- */

static int
by_value (const void *a, const void *b)
{
  const BmkBest *x = a, *y = b;

  if (x->value != y->value)
    return x->value > y->value ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/* few: outputs that take three values, so that most are equal */
static void
check_best (size_t n, size_t k, size_t m, size_t count, bool few)
{
  Case c = { .n = n, .k = k, .m = m, .ldy = n };
  Data d = data_new (&c);
  float *y = malloc (m * n * sizeof *y), first[64];
  BmkBest *all = malloc (n * sizeof *all);

  CHECK (y && all, "out of memory");
  for (size_t i = 0; few && i < n * k; i++)
    d.rows[i] = i % k ? 0 : (int8_t) ((int) (rng () % 3) - 1);
  for (size_t i = 0; few && i < n; i++)
    d.scale[i] = 1.0f;
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded best = guarded_new (m * count * sizeof (BmkBest), 4), sum = guarded_new (m * sizeof (float), 4);
    BmkBest *got = (BmkBest *) best.data;
    float *log_sum = (float *) sum.data;
    if (bmk_set_tier ((BmkTier) tier)) {
      Guarded packed = pack (&d, &c);
      BmkLinear w = { n, k, packed.data, d.scale };
      run (y, &d, &c);
      bmk_int8_best (got, log_sum, count, &w, d.q, d.tokens, m);
      for (size_t i = 0; i < m; i++) {
        float want = bmk_log_sum_exp (y + i * n, n);
        for (size_t j = 0; j < n; j++)
          all[j] = (BmkBest) { y[i * n + j], (uint32_t) j };
        qsort (all, n, sizeof *all, by_value);
        CHECK (memcmp (all, got + i * count, count * sizeof *all) == 0, "%s: the best of %zu", bmk_tier_name ((BmkTier) tier), n);
        CHECK (log_sum[i] - want < 1e-4f * (1 + (want > 0 ? want : -want)) && want - log_sum[i] < 1e-4f * (1 + (want > 0 ? want : -want)),
            "log sum exp %g, not %g", (double) log_sum[i], (double) want);
        CHECK (tier == 0 || memcmp (&first[i], &log_sum[i], 4) == 0, "%s: another log sum", bmk_tier_name ((BmkTier) tier));
        first[i] = log_sum[i];
      }
      guarded_check_free (&packed, "bmk_int8_best (weights)");
    }
    guarded_check_free (&best, "bmk_int8_best");
    guarded_check_free (&sum, "bmk_int8_best (log_sum)");
  }
  free (y);
  free (all);
  data_free (&d);
}

static void
test_best (void)
{
  for (int few = 0; few < 2; few++) {
    check_best (1, 16, 1, 1, few);
    check_best (20, 16, 3, 20, few);
    check_best (255, 32, 2, 9, few);
    check_best (256, 32, 2, 64, few);
    check_best (1000, 80, 19, 10, few);
    check_best (4096, 64, 3, 10, few);
  }
}

int
main (void)
{
  test_best ();
  test_shapes ();
  test_tokens ();
  test_extremes ();
  test_refusals ();
  return 0;
}
