/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Activation codes: every tier against the formula in models/MODEL.md. */
#include <math.h>

#include "bitmar-kernels.h"
#include "test-util.h"

static void
naive_row (int8_t *q, BmkRow *row, const float *x, size_t k)
{
  float a = 0.0f;
  volatile float scale, v, squares;
  int64_t sum = 0, plain = 0;

  for (size_t j = 0; j < k; j++)
    a = fmaxf (a, fabsf (x[j]));
  for (size_t j = 0; j < k; j++) {
    scale = 127.0f / a;
    v = x[j] * scale;
    q[j] = a > 0.0f && x[j] != 0.0f ? (int8_t) fmaxf (-127.0f, fminf (127.0f, rintf (v))) : 0;
    sum += q[j] * q[j];
    plain += q[j];
  }
  squares = (float) sum / (float) k;
  squares = sqrtf (squares);
  *row = (BmkRow) { sum ? 1.0f / squares : 0.0f, (int32_t) plain };
}

static void
fill_row (float *x, size_t k, size_t kind)
{
  for (size_t j = 0; j < k; j++)
    switch (kind % 6) {
      case 0:
        x[j] = rng_float () * 10.0f;
        break;
      case 1:
        x[j] = 0.0f;
        break;
      case 2:                  /* exact ties: multiples of a half */
        x[j] = j == 0 ? 127.0f : (float) ((int) (rng () % 509) - 254) * 0.5f;
        break;
      case 3:
        x[j] = rng_float () * 1e-30f;
        break;
      case 4:                  /* 127 / max|x| overflows */
        x[j] = j % 3 ? rng_float () * 1e-38f : 0.0f;
        break;
      default:
        x[j] = j % 2 ? 3e38f : -3e38f;
    }
}

static void
check (size_t m, size_t k, size_t ldx, size_t offset)
{
  float *x = malloc (m * ldx * sizeof *x + 1);
  BmkRow *rows = malloc (m * sizeof *rows + 1);
  int8_t *q = malloc (m * k + 1);
  Guarded gx = guarded_new (m * ldx * sizeof *x, 4 * offset);

  CHECK (x && rows && q, "out of memory");
  for (size_t i = 0; i < m; i++) {
    fill_row (x + i * ldx, ldx, i + k);
    naive_row (q + i * k, rows + i, x + i * ldx, k);
  }
  memcpy (gx.data, x, gx.size);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded gq = guarded_new (m * k, offset), gi = guarded_new (m * sizeof *rows, 4 * offset);
    if (bmk_set_tier ((BmkTier) tier)) {
      bmk_quantize ((int8_t *) gq.data, (BmkRow *) gi.data, (const float *) gx.data, ldx, m, k);
      CHECK (memcmp (gq.data, q, gq.size) == 0, "codes: tier %d, m %zu, k %zu", tier, m, k);
      CHECK (memcmp (gi.data, rows, gi.size) == 0, "rows: tier %d, m %zu, k %zu", tier, m, k);
      memset (gi.data, 0, gi.size);
      bmk_describe ((BmkRow *) gi.data, q, m, k);
      CHECK (memcmp (gi.data, rows, gi.size) == 0, "bmk_describe: tier %d, m %zu, k %zu", tier, m, k);
    }
    guarded_check_free (&gq, "bmk_quantize (q)");
    guarded_check_free (&gi, "bmk_quantize (rows)");
  }
  guarded_check_free (&gx, "bmk_quantize (x)");
  free (x);
  free (rows);
  free (q);
}

/* The same codes, and a / 127 in place of the norm. */
static void
check_scaled (size_t m, size_t k, size_t ldx)
{
  float *x = malloc (m * ldx * sizeof *x);
  BmkRow *rows = malloc (2 * m * sizeof *rows);
  int8_t *q = malloc (2 * m * k);

  CHECK (x && rows && q, "out of memory");
  for (size_t i = 0; i < m; i++)
    fill_row (x + i * ldx, ldx, i + k);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    bmk_quantize (q, rows, x, ldx, m, k);
    bmk_quantize_scaled (q + m * k, rows + m, x, ldx, m, k);
    CHECK (memcmp (q, q + m * k, m * k) == 0, "tier %d: scaled codes differ", tier);
    for (size_t i = 0; i < m; i++) {
      volatile float a = 0.0f;
      for (size_t j = 0; j < k; j++)
        a = fmaxf (a, fabsf (x[i * ldx + j]));
      a = a / 127.0f;
      CHECK (rows[m + i].inv == a && rows[m + i].sum == rows[i].sum, "tier %d: inv is %g, not %g", tier,
          (double) rows[m + i].inv, (double) a);
    }
  }
  free (x);
  free (rows);
  free (q);
}

static void
check_u8 (size_t m, size_t k, size_t offset)
{
  Guarded gx = guarded_new (m * k, offset);
  float *x = malloc (m * k * sizeof *x);
  BmkRow *rows = malloc (m * sizeof *rows);
  int8_t *q = malloc (m * k);

  CHECK (x && rows && q, "out of memory");
  for (size_t i = 0; i < m * k; i++) {
    gx.data[i] = (uint8_t) (i / k % 4 == 3 ? 0 : rng () % (1 + (i / k * 85) % 256));
    x[i] = gx.data[i];
  }
  for (size_t i = 0; i < m; i++)
    naive_row (q + i * k, rows + i, x + i * k, k);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded gq = guarded_new (m * k, offset), gi = guarded_new (m * sizeof *rows, 0);
    if (bmk_set_tier ((BmkTier) tier)) {
      bmk_requantize_u8 ((int8_t *) gq.data, (BmkRow *) gi.data, gx.data, m, k);
      CHECK (memcmp (gq.data, q, gq.size) == 0, "u8 codes: tier %d, m %zu, k %zu", tier, m, k);
      CHECK (memcmp (gi.data, rows, gi.size) == 0, "u8 rows: tier %d, m %zu, k %zu", tier, m, k);
    }
    guarded_check_free (&gq, "bmk_requantize_u8 (q)");
    guarded_check_free (&gi, "bmk_requantize_u8 (rows)");
  }
  guarded_check_free (&gx, "bmk_requantize_u8 (x)");
  free (x);
  free (rows);
  free (q);
}

int
main (void)
{
  for (size_t k = 1; k <= 140; k++) {
    check (7, k, k + k % 4, k % 16);
    check_u8 (6, k, k % 16);
    check_scaled (7, k, k + k % 3);
  }
  check (5, 1280, 1280, 1);
  check (5, 65536, 65536, 0);
  check_u8 (81, 1280, 0);
  check_u8 (3, 65536, 1);
  return 0;
}
