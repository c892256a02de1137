/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elementwise work, ORC's on all tiers but scalar: the same bits as the formula, any length, any alignment, subnormal numbers. */
#include <math.h>

#include "bitmar-kernels.h"
#include "test-util.h"

static float
normal (float x)
{
  return fabsf (x) < 0x1p-126f ? copysignf (0.0f, x) : x;
}

static float
some_float (void)
{
  switch (rng () % 6) {
    case 0:
      return rng_float () * 1e-38f;     /* often subnormal */
    case 1:
      return rng_float () * 1e-44f;     /* always */
    case 2:
      return rng () % 2 ? 0.0f : -0.0f;
    case 3:
      return rng_float () * 1e30f;
    default:
      return rng_float ();
  }
}

static void
check (size_t n, size_t offset)
{
  Guarded x = guarded_new (n * sizeof (float), 4 * offset), start = guarded_new (n * sizeof (float), 0);
  const float *from = (const float *) x.data, *old = (const float *) start.data, keep = 0.7f, take = 0.3f;

  for (size_t i = 0; i < n; i++) {
    ((float *) x.data)[i] = some_float ();
    ((float *) start.data)[i] = some_float ();
  }
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    for (int kind = 0; kind < 2 && bmk_set_tier ((BmkTier) tier); kind++) {
      Guarded y = guarded_new (n * sizeof (float), 4 * (offset + 1));
      memcpy (y.data, start.data, y.size);
      if (kind)
        bmk_blend ((float *) y.data, from, keep, take, n);
      else
        bmk_add ((float *) y.data, from, n);
      for (size_t i = 0; i < n; i++) {
        volatile float a = normal (old[i]), b = normal (from[i]), want;
        if (kind) {
          a = a * keep;
          b = b * take;
        }
        a = normal (a);
        b = normal (b);
        want = a + b;
        want = normal (want);
        CHECK (((float *) y.data)[i] == want, "%s, %s, n %zu: [%zu] is %a, not %a", bmk_tier_name ((BmkTier) tier),
            kind ? "blend" : "add", n, i, (double) ((float *) y.data)[i], (double) want);
      }
      guarded_check_free (&y, "elementwise");
    }
  guarded_check_free (&x, "elementwise (x)");
  guarded_check_free (&start, "elementwise (y)");
}

int
main (void)
{
  for (size_t n = 0; n < 70; n++)
    check (n, n % 7);
  check (4096, 0);
  check (1000003, 1);
  return 0;
}
