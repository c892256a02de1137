/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attention, rotation, sums and exp: against double arithmetic within a tolerance, and equal bits from tier to tier. */
#include <math.h>

#include "bitmar-kernels.h"
#include "test-util.h"

#define MAX_SPANS 6

typedef struct {
  size_t d, heads, n_spans, total;
  BmkSpan spans[MAX_SPANS];
  float *q, *q_sink, *tokens;
} Attention;

static float *
random_floats (size_t n, float range)
{
  float *x = malloc ((n + 1) * sizeof *x);

  CHECK (x, "out of memory");
  for (size_t i = 0; i < n; i++)
    x[i] = rng_float () * range;
  return x;
}

/* sizes: tokens in each span; bit i of sinks: span i meets q_sink */
static Attention
attention_new (size_t d, size_t heads, const size_t *sizes, size_t n_spans, unsigned sinks, float range)
{
  Attention a = { d, heads, n_spans, 0, { { 0 } }, random_floats (d, range), random_floats (d, range), NULL };
  float *at;

  for (size_t s = 0; s < n_spans; s++)
    a.total += sizes[s];
  at = a.tokens = random_floats (2 * a.total * d, range);
  for (size_t s = 0; s < n_spans; s++) {
    bool some = sizes[s] > 0;
    a.spans[s] = (BmkSpan) { some ? at : NULL, some ? at + sizes[s] * d : NULL, sizes[s], sinks >> s & 1 };
    at += 2 * sizes[s] * d;
  }
  return a;
}

static void
attention_free (Attention *a)
{
  free (a->q);
  free (a->q_sink);
  free (a->tokens);
}

static double
naive_score (const Attention *a, const BmkSpan *span, size_t i, size_t at, size_t hd)
{
  const float *q = span->sink ? a->q_sink : a->q;
  double score = 0.0;

  for (size_t j = at; j < at + hd; j++)
    score += (double) q[j] * (double) span->k[i * a->d + j];
  return score / sqrt ((double) hd);
}

static void
naive_head (double *out, const Attention *a, size_t at, size_t hd)
{
  double top = -INFINITY, sum = 0.0;

  for (size_t s = 0; s < a->n_spans; s++)
    for (size_t i = 0; i < a->spans[s].n; i++)
      top = fmax (top, naive_score (a, &a->spans[s], i, at, hd));
  memset (out + at, 0, hd * sizeof *out);
  for (size_t s = 0; s < a->n_spans; s++)
    for (size_t i = 0; i < a->spans[s].n; i++) {
      double p = exp (naive_score (a, &a->spans[s], i, at, hd) - top);
      sum += p;
      for (size_t j = at; j < at + hd; j++)
        out[j] += p * (double) a->spans[s].v[i * a->d + j];
    }
  for (size_t j = at; j < at + hd; j++)
    out[j] /= sum;
}

static void
check_attention (const Attention *a, double tolerance)
{
  double *expected = malloc (a->d * sizeof *expected);
  float *scalar = malloc (a->d * sizeof *scalar);

  CHECK (expected && scalar, "out of memory");
  for (size_t h = 0; h < a->heads; h++)
    naive_head (expected, a, h * (a->d / a->heads), a->d / a->heads);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded out = guarded_new (a->d * sizeof (float), 4), scratch = guarded_new (a->total * a->heads * 4, 4);
    if (bmk_set_tier ((BmkTier) tier)) {
      bmk_attend ((float *) out.data, a->q, a->q_sink, a->spans, a->n_spans, a->d, a->heads, (float *) scratch.data);
      if (tier == BMK_TIER_SCALAR)
        memcpy (scalar, out.data, out.size);
      CHECK (memcmp (scalar, out.data, out.size) == 0, "tier %d, d %zu, heads %zu, n %zu", tier, a->d, a->heads, a->total);
    }
    guarded_check_free (&out, "bmk_attend");
    guarded_check_free (&scratch, "bmk_attend (scratch)");
  }
  for (size_t j = 0; j < a->d; j++)
    CHECK (fabs ((double) scalar[j] - expected[j]) <= tolerance, "d %zu, heads %zu, n %zu, [%zu]: %g, not %g", a->d,
        a->heads, a->total, j, (double) scalar[j], expected[j]);
  free (expected);
  free (scalar);
}

static void
test_attend (void)
{
  static const size_t shapes[][2] = { { 16, 1 }, { 64, 1 }, { 256, 4 }, { 256, 8 }, { 256, 16 }, { 96, 2 }, { 144, 3 },
    { 80, 5 }, { 192, 1 } };
  static const size_t lists[][MAX_SPANS] = { { 4, 81, 20, 0, 5, 1 }, { 0, 1, 0, 0, 0, 0 }, { 1, 2, 3, 4, 5, 6 },
    { 0, 0, 16, 17, 15, 32 }, { 100, 3, 0, 0, 0, 0 }, { 64, 64, 64, 64, 64, 0 } };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t j = 0; j < sizeof lists / sizeof *lists; j++)
      for (unsigned sinks = 0; sinks < 4; sinks++) {
        Attention a = attention_new (shapes[i][0], shapes[i][1], lists[j], MAX_SPANS, sinks * 5 % 8, 2.0f);
        check_attention (&a, 1e-5);
        attention_free (&a);
      }
}

/* Queries together give what each gives alone, whichever spans are shared; 1 to 20 of them, some without spans of their own. */
static void
check_many (const Attention *a, size_t n, size_t n_shared)
{
  Guarded out = guarded_new (n * a->d * sizeof (float), 4), scratch = guarded_new (n * a->total * a->heads * 4, 4);
  float *q = random_floats (2 * n * a->d, 2.0f), *want = random_floats (a->d, 1.0f), *work = random_floats (a->total * a->heads, 1.0f);
  BmkQuery queries[20];

  for (size_t i = 0; i < n; i++)
    queries[i] = (BmkQuery) { (float *) out.data + i * a->d, q + 2 * i * a->d, q + (2 * i + 1) * a->d, a->spans + n_shared,
      i % 3 == 2 && n_shared ? 0 : a->n_spans - n_shared };
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    bmk_attend_many (queries, n, a->spans, n_shared, a->d, a->heads, (float *) scratch.data);
    for (size_t i = 0; i < n; i++) {
      bmk_attend (want, queries[i].q, queries[i].q_sink, a->spans, n_shared + queries[i].n_own, a->d, a->heads, work);
      CHECK (memcmp (want, queries[i].out, a->d * sizeof *want) == 0, "%s: query %zu of %zu, %zu shared spans",
          bmk_tier_name ((BmkTier) tier), i, n, n_shared);
    }
  }
  guarded_check_free (&out, "bmk_attend_many");
  guarded_check_free (&scratch, "bmk_attend_many (scratch)");
  free (q);
  free (want);
  free (work);
}

static void
test_many (void)
{
  static const size_t sizes[] = { 4, 81, 0, 17, 1, 3 }, counts[] = { 1, 2, 3, 8, 17, 20 };

  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (size_t n_shared = 0; n_shared <= MAX_SPANS; n_shared += 2) {
      Attention a = attention_new (96, 3, sizes, MAX_SPANS, 1, 2.0f);
      check_many (&a, counts[i], n_shared);
      attention_free (&a);
    }
}

/* One token takes all the weight; and scores far beyond what exp could hold. */
static void
test_attend_peaks (void)
{
  static const size_t sizes[] = { 3, 90 };
  Attention a = attention_new (128, 2, sizes, 2, 1, 60.0f);

  check_attention (&a, 2e-2);
  attention_free (&a);
}

/* Without a sink span q_sink is not read. */
static void
test_attend_no_sink (void)
{
  static const size_t sizes[] = { 21 };
  Attention a = attention_new (64, 2, sizes, 1, 0, 1.0f);

  free (a.q_sink);
  a.q_sink = NULL;
  check_attention (&a, 1e-5);
  attention_free (&a);
}

static void
check_rotate (size_t d, size_t heads)
{
  const size_t hd = d / heads, half = hd / 2;
  float *x = random_floats (d, 3.0f), *c = random_floats (half, 1.0f), *s = random_floats (half, 1.0f);

  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Guarded y = guarded_new (d * sizeof (float), 4);
    const float *r = (const float *) y.data;
    memcpy (y.data, x, y.size);
    for (size_t i = 0; bmk_set_tier ((BmkTier) tier) && i < 1; i++)
      bmk_rotate ((float *) y.data, c, s, d, heads);
    for (size_t i = 0; bmk_set_tier ((BmkTier) tier) && i < d; i++) {
      const size_t at = i / hd * hd, j = i % hd % half;
      volatile float p = x[at + j] * (i % hd < half ? c[j] : s[j]);
      volatile float o = x[at + half + j] * (i % hd < half ? s[j] : c[j]);
      volatile float expected = i % hd < half ? p - o : p + o;
      CHECK (r[i] == expected, "tier %d, d %zu, heads %zu, [%zu]", tier, d, heads, i);
    }
    guarded_check_free (&y, "bmk_rotate");
  }
  free (x);
  free (c);
  free (s);
}

static float
naive_lanes (const float *a, const float *b, size_t n)
{
  volatile float lane[16] = { 0 };

  for (size_t i = 0; i < n; i++) {
    volatile float product = b ? a[i] * b[i] : a[i];
    lane[i % 16] = lane[i % 16] + product;
  }
  for (size_t half = 8; half; half /= 2)
    for (size_t j = 0; j < half; j++)
      lane[j] = lane[j] + lane[j + half];
  return lane[0];
}

static void
check_sums (size_t n)
{
  float *a = random_floats (n + 1, 4.0f), *b = random_floats (n + 1, 4.0f);
  float dot = naive_lanes (a + 1, b + 1, n), sum = naive_lanes (a + 1, NULL, n), scalar = 0.0f;
  double top = -INFINITY, total = 0.0;

  for (size_t i = 0; i < n; i++)
    top = fmax (top, (double) a[i + 1]);
  for (size_t i = 0; i < n; i++)
    total += exp ((double) a[i + 1] - top);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    float got_dot, got_sum, got;
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    got_dot = bmk_dot (a + 1, b + 1, n);
    got_sum = bmk_sum (a + 1, n);
    CHECK (memcmp (&got_dot, &dot, 4) == 0, "dot: tier %d, n %zu", tier, n);
    CHECK (memcmp (&got_sum, &sum, 4) == 0, "sum: tier %d, n %zu", tier, n);
    if (n == 0)
      continue;
    got = bmk_log_sum_exp (a + 1, n);
    scalar = tier == BMK_TIER_SCALAR ? got : scalar;
    CHECK (memcmp (&got, &scalar, 4) == 0, "log_sum_exp: tier %d, n %zu", tier, n);
    CHECK (fabs ((double) got - (top + log (total))) < 2e-6, "log_sum_exp: n %zu: %g", n, (double) got);
  }
  free (a);
  free (b);
}

static void
test_log_sum_exp_range (void)
{
  static const float wide[] = { -3e38f, 1e4f, 9999.0f, -1e4f, 0.0f };
  static const float minus[] = { -200.0f, -300.0f };

  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    CHECK (fabs ((double) bmk_log_sum_exp (wide, 5) - 10000.31326) < 1e-3, "tier %d", tier);
    CHECK (bmk_log_sum_exp (minus, 2) == -200.0f, "tier %d", tier);
  }
}

static void
test_exp (void)
{
  double worst = 0.0;

  for (double x = -87.0; x <= 88.0; x += 0.000173) {
    double error = fabs ((double) bmk_exp ((float) x) / exp ((double) (float) x) - 1.0);
    worst = error > worst ? error : worst;
  }
  CHECK (worst < 2e-7, "relative error %g", worst);
  CHECK (bmk_exp (0.0f) == 1.0f, "exp(0)");
  CHECK (bmk_exp (-87.31f) == 0.0f && bmk_exp (-1e30f) == 0.0f && bmk_exp (-INFINITY) == 0.0f, "0 below -87.3");
  CHECK (bmk_exp (-87.29f) > 0.0f, "not 0 above -87.3");
  CHECK (bmk_exp (1e30f) == bmk_exp (88.0f) && bmk_exp (INFINITY) == bmk_exp (88.0f), "clamped above 88");
}

/* Tokens over themselves: what a query after another makes of them, on any number of threads. */
static void
check_all (size_t n, size_t d, size_t heads)
{
  float *q = random_floats (n * d, 2.0f), *k = random_floats (n * d, 2.0f), *v = random_floats (n * d, 2.0f);
  float *want = random_floats (n * d, 1.0f), *scratch = random_floats (bmk_attend_all_scratch (n, d, heads) + heads * n, 1.0f);
  const BmkSpan span = { k, v, n, false };

  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    for (unsigned threads = 1; threads < 4 && bmk_set_tier ((BmkTier) tier); threads += 2) {
      Guarded out = guarded_new (n * d * 4, 4);
      bmk_set_threads (threads);
      for (size_t i = 0; tier == 0 && i < n; i++)
        bmk_attend (want + i * d, q + i * d, NULL, &span, 1, d, heads, scratch);
      bmk_attend_all ((float *) out.data, q, k, v, n, d, heads, scratch);
      CHECK (memcmp (out.data, want, n * d * 4) == 0, "%s: n %zu, d %zu, %zu heads", bmk_tier_name ((BmkTier) tier), n, d, heads);
      guarded_check_free (&out, "bmk_attend_all");
    }
  bmk_set_threads (1);
  free (q);
  free (k);
  free (v);
  free (want);
  free (scratch);
}

static void
test_all (void)
{
  static const size_t shapes[][2] = { { 16, 1 }, { 64, 1 }, { 96, 2 }, { 128, 2 }, { 160, 2 }, { 288, 2 } };
  static const size_t n[] = { 1, 2, 5, 16, 17, 33, 65, 70, 130 };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t j = 0; j < sizeof n / sizeof *n; j++)
      check_all (n[j], shapes[i][0], shapes[i][1]);
  check_all (257, 192, 3);
}

int
main (void)
{
  test_all ();
  test_many ();
  static const size_t heads[][2] = { { 16, 1 }, { 32, 1 }, { 256, 4 }, { 96, 2 }, { 240, 5 } };

  test_exp ();
  for (size_t n = 0; n < 150; n++)
    check_sums (n);
  check_sums (4096);
  test_log_sum_exp_range ();
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    check_rotate (heads[i][0], heads[i][1]);
  test_attend ();
  test_attend_peaks ();
  test_attend_no_sink ();
  return 0;
}
