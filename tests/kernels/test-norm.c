/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* LayerNorm and GELU: near double arithmetic, and equal bits from tier to tier. */
#include <float.h>
#include <math.h>

#include "bitmar-kernels.h"
#include "test-util.h"

#define EPSILON 1e-6f

static float *
floats (size_t n, float range, float centre)
{
  float *x = malloc (n * sizeof *x + 1);

  CHECK (x, "out of memory");
  for (size_t i = 0; i < n; i++)
    x[i] = centre + rng_float () * range;
  return x;
}

static void
check_accuracy (const float *y, const float *x, const float *weight, const float *bias, size_t d, double centre)
{
  double mean = 0, variance = 0;

  for (size_t i = 0; i < d; i++)
    mean += x[i];
  mean /= (double) d;
  for (size_t i = 0; i < d; i++)
    variance += (x[i] - mean) * (x[i] - mean);
  variance /= (double) d;
  for (size_t i = 0; i < d; i++) {
    double unit = (x[i] - mean) / sqrt (variance + (double) EPSILON), want = unit * weight[i] + bias[i];
    /* what the mean's rounding does to a difference */
    double slack = 4e-7 * (2 + fabs (centre) / sqrt (variance + (double) EPSILON)) * (1 + fabs (unit));
    CHECK (fabs (y[i] - want) <= slack * 2, "d %zu: [%zu] is %g, not %g", d, i, (double) y[i], want);
  }
}

static void
check_norm (size_t m, size_t d, float range, float centre, size_t offset, bool in_place)
{
  float *x = floats (m * d, range, centre), *weight = floats (d, 1.0f, 0.5f), *bias = floats (d, 1.0f, 0.0f), *first = NULL;

  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded gx = guarded_new (m * d * 4, 4 * offset), gy = guarded_new (m * d * 4, 4 * (offset + 1));
    Guarded gw = guarded_new (d * 4, 4 * offset), gb = guarded_new (d * 4, 4 * offset);
    if (bmk_set_tier ((BmkTier) tier)) {
      float *y = (float *) (in_place ? gx.data : gy.data);
      memcpy (gx.data, x, gx.size);
      memcpy (gw.data, weight, gw.size);
      memcpy (gb.data, bias, gb.size);
      bmk_layer_norm (y, (const float *) gx.data, (const float *) gw.data, (const float *) gb.data, EPSILON, m, d);
      if (!first) {
        first = malloc (m * d * 4);
        CHECK (first, "out of memory");
        memcpy (first, y, m * d * 4);
        for (size_t i = 0; i < m; i++)
          check_accuracy (y + i * d, x + i * d, weight, bias, d, (double) centre);
      }
      CHECK (memcmp (first, y, m * d * 4) == 0, "%s: another norm, d %zu", bmk_tier_name ((BmkTier) tier), d);
    }
    guarded_check_free (&gx, "bmk_layer_norm (x)");
    guarded_check_free (&gy, "bmk_layer_norm (y)");
    guarded_check_free (&gw, "bmk_layer_norm (weight)");
    guarded_check_free (&gb, "bmk_layer_norm (bias)");
  }
  free (x);
  free (weight);
  free (bias);
  free (first);
}

static void
test_norm (void)
{
  for (size_t d = 1; d < 70; d++)
    check_norm (1 + d % 3, d, 2.0f, 0.0f, d % 16, d % 2);
  check_norm (5, 384, 1.0f, 0.3f, 0, false);
  check_norm (3, 768, 50.0f, -7.0f, 1, true);
  check_norm (2, 1000, 1.0f, 100.0f, 3, false);
  check_norm (2, 64, 0.0f, 5.0f, 0, false);        /* no variance: the bias alone */
  check_norm (2, 40, 1e-20f, 0.0f, 0, false);
}

/* Bits of a tier's gelu against the scalar one's, and those against the definition. */
static void
check_gelu (const float *x, size_t n, size_t offset, double *worst)
{
  float *first = malloc (n * 4 + 1);

  CHECK (first, "out of memory");
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded y = guarded_new (n * 4, 4 * offset);
    if (bmk_set_tier ((BmkTier) tier)) {
      memcpy (y.data, x, n * 4);
      bmk_gelu ((float *) y.data, n);
      if (tier == 0)
        memcpy (first, y.data, n * 4);
      CHECK (memcmp (first, y.data, n * 4) == 0, "%s: another gelu, n %zu", bmk_tier_name ((BmkTier) tier), n);
    }
    guarded_check_free (&y, "bmk_gelu");
  }
  for (size_t i = 0; i < n; i++) {
    double want = 0.5 * x[i] * erfc (-(double) x[i] / sqrt (2.0)), error = fabs (first[i] - want) / fmax (fabs ((double) x[i]), 1e-30);
    CHECK (error <= 2e-7, "gelu (%a) is %a, not %a", (double) x[i], (double) first[i], want);
    *worst = fmax (*worst, error);
  }
  free (first);
}

static void
test_gelu (void)
{
  static const float special[] = { 0.0f, -0.0f, 1e-30f, -1e-30f, FLT_MIN, -FLT_MIN, 1e-42f, -1e-42f, 13.2f, -13.2f, 13.3f, -13.3f,
    88.0f, -88.0f, 1e10f, -1e10f, 1.9e19f, -1.9e19f, FLT_MAX, -FLT_MAX };
  double worst = 0;
  float *x;

  for (size_t n = 0; n < 40; n++) {
    x = floats (n, 4.0f, 0.0f);
    check_gelu (x, n, n % 16, &worst);
    free (x);
  }
  for (int range = -6; range < 6; range++) {
    x = floats (20000, ldexpf (1.0f, range), 0.0f);
    check_gelu (x, 20000, 0, &worst);
    free (x);
  }
  check_gelu (special, sizeof special / sizeof *special, 1, &worst);
  printf ("gelu: off by at most %.2e |x|\n", worst);
}

int
main (void)
{
  test_norm ();
  test_gelu ();
  return 0;
}
