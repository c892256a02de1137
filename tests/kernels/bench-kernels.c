/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GMAC/s of every tier on the model's shapes, beside what a loop of nothing but vpdpbusd reaches in the same run.
 * Thread CPU time, best of many: other work on the machine disturbs it little. */
#include <time.h>

#include "bitmar-kernels.h"
#include "test-util.h"

#if defined (__x86_64__)
#include <immintrin.h>
#endif

#define SAMPLES 40
#define SAMPLE_SECONDS 1e-3

typedef void (*Work) (void *data);

static double
seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Seconds of one call. */
static double
best_time (Work work, void *data)
{
  double best = 1e9, start;
  size_t calls = 1;

  for (;; calls *= 2) {
    start = seconds ();
    for (size_t i = 0; i < calls; i++)
      work (data);
    if (seconds () - start > SAMPLE_SECONDS)
      break;
  }
  for (int s = 0; s < SAMPLES; s++) {
    double took;
    start = seconds ();
    for (size_t i = 0; i < calls; i++)
      work (data);
    took = (seconds () - start) / (double) calls;
    best = took < best ? took : best;
  }
  return best;
}

#if defined (__x86_64__)
#define PEAK_STEPS 2000

/* 16 chains: twice the latency times two ports. */
__attribute__ ((target ("avx512f,avx512vnni"))) static void
peak (void *unused)
{
  (void) unused;
  for (int i = 0; i < PEAK_STEPS; i++)
    __asm__ volatile (
        "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm1\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm3\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm5\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm7\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm9\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm11\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm12\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm13\n\t"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm14\n\tvpdpbusd %%zmm30, %%zmm31, %%zmm15"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "xmm30", "xmm31");
}

static double
peak_gmacs (void)
{
  return bmk_set_tier (BMK_TIER_AVX512VNNI) ? PEAK_STEPS * 16 * 64 / best_time (peak, NULL) * 1e-9 : 0.0;
}
#else
static double
peak_gmacs (void)
{
  return 0.0;
}
#endif

typedef struct {
  bool ternary;
  size_t m;
  BmkLinear w;
  int8_t *q;
  BmkRow *rows;
  float *x, *y;
} Layer;

static void *
aligned_random (size_t size)
{
  uint8_t *p = aligned_alloc (64, (size + 63) / 64 * 64);

  CHECK (p, "out of memory");
  for (size_t i = 0; i < size; i++)
    p[i] = (uint8_t) (rng () & 0x2a);
  return p;
}

/* Normal floats: subnormal ones would measure the processor's assists. */
static float *
normal_floats (size_t n)
{
  float *x = aligned_random (n * 4);

  for (size_t i = 0; i < n; i++)
    x[i] = rng_float () + 1.5f;
  return x;
}

static Layer
layer_new (bool ternary, size_t n, size_t k, size_t m)
{
  Layer l = { ternary, m, { n, k, NULL, normal_floats (n) }, aligned_random (m * k), aligned_random (m * sizeof (BmkRow)),
      aligned_random (m * k * 4), aligned_random (m * n * 4) };
  int8_t *rows = aligned_random (n * k);
  void *packed = aligned_random (ternary ? bmk_ternary_packed_size (n, k) : bmk_int8_packed_size (n, k));

  for (size_t i = 0; i < m * k; i++)
    l.x[i] = rng_float ();
  CHECK (ternary ? bmk_ternary_pack (packed, (const uint8_t *) rows, n, k) : bmk_int8_pack (packed, rows, n, k), "pack");
  l.w.data = packed;
  free (rows);
  return l;
}

static void
layer_free (Layer *l)
{
  free ((void *) l->w.data);
  free ((void *) l->w.scale);
  free (l->q);
  free (l->x);
  free (l->rows);
  free (l->y);
}

static void
layer_run (void *data)
{
  Layer *l = data;

  if (l->ternary)
    bmk_ternary_linear (&(BmkOutput) { .y = l->y, .ldy = l->w.n }, &l->w, l->q, l->rows, l->m);
  else
    bmk_int8_linear (&(BmkOutput) { .y = l->y, .ldy = l->w.n }, &l->w, l->q, l->rows, l->m);
}

static void
layer_quantize_run (void *data)
{
  Layer *l = data;

  bmk_quantize (l->q, l->rows, l->x, l->w.k, l->m, l->w.k);
  layer_run (l);
}

static void
bench_linear (bool ternary, size_t n, size_t k, size_t m, double peak_value)
{
  printf ("%-7s %5zu x %4zu  M %2zu ", ternary ? "ternary" : "int8", n, k, m);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    double macs = (double) n * (double) k * (double) m * 1e-9;
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    Layer l = layer_new (ternary, n, k, m);
    printf (" | %s %6.1f", bmk_tier_name ((BmkTier) tier), macs / best_time (layer_run, &l));
    if (tier == BMK_TIER_AVX512VNNI) {
      double codes = macs / best_time (layer_run, &l), floats = macs / best_time (layer_quantize_run, &l);
      printf (" = %2.0f%% of peak, from f32 %6.1f = %2.0f%%", 100 * codes / peak_value, floats, 100 * floats / peak_value);
    }
    layer_free (&l);
  }
  putchar ('\n');
}

/* A decoder's weights in turn, more than a second-level cache holds. */
#define SWEEP_LAYERS 32

static void
sweep_run (void *data)
{
  Layer *layers = data;

  for (int i = 0; i <= SWEEP_LAYERS; i++)
    layer_run (&layers[i]);
}

static void
bench_sweep (size_t m, double peak_value)
{
  double macs = (double) m * (SWEEP_LAYERS * 1024.0 * 256 + 4096.0 * 256) * 1e-9;

  printf ("%d ternary 1024 x 256 and an int8 4096 x 256 in turn, M %zu ", SWEEP_LAYERS, m);
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    Layer layers[SWEEP_LAYERS + 1];
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    for (int i = 0; i <= SWEEP_LAYERS; i++)
      layers[i] = layer_new (i < SWEEP_LAYERS, i < SWEEP_LAYERS ? 1024 : 4096, 256, m);
    printf (" | %s %6.1f", bmk_tier_name ((BmkTier) tier), macs / best_time (sweep_run, layers));
    for (int i = 0; i <= SWEEP_LAYERS; i++)
      layer_free (&layers[i]);
  }
  printf (" (peak %.1f)\n", peak_value);
}

typedef struct {
  float *out, *q, *scratch;
  BmkSpan spans[2];
  size_t d, heads;
} Attention;

static void
attention_run (void *data)
{
  Attention *a = data;

  bmk_attend (a->out, a->q, a->q, a->spans, 2, a->d, a->heads, a->scratch);
}

static void
bench_attend (size_t n, size_t d, size_t heads)
{
  float *f = aligned_random ((2 * n + 4) * d * 4);
  Attention a = { aligned_random (d * 4), aligned_random (d * 4), aligned_random (n * heads * 4),
    { { f, f + n * d, 4, true }, { f + 4 * d, f + (n + 4) * d, n - 4, false } }, d, heads };

  for (size_t i = 0; i < (2 * n + 4) * d; i++)
    f[i] = rng_float ();
  memcpy (a.q, f, d * 4);
  printf ("attend  %zu tokens, %zu wide, %zu heads ", n, d, heads);
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (bmk_set_tier ((BmkTier) tier))
      printf (" | %s %6.2f us", bmk_tier_name ((BmkTier) tier), 1e6 * best_time (attention_run, &a));
  putchar ('\n');
  free (f);
  free (a.out);
  free (a.q);
  free (a.scratch);
}

static void
log_sum_exp_run (void *data)
{
  volatile float result = bmk_log_sum_exp (data, 4096);
  (void) result;
}

static void
bench_log_sum_exp (void)
{
  float *x = aligned_random (4096 * 4);

  for (size_t i = 0; i < 4096; i++)
    x[i] = rng_float () * 10.0f;
  printf ("log_sum_exp of 4096 ");
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (bmk_set_tier ((BmkTier) tier))
      printf (" | %s %6.2f us", bmk_tier_name ((BmkTier) tier), 1e6 * best_time (log_sum_exp_run, x));
  putchar ('\n');
  free (x);
}

int
main (void)
{
  static const size_t shapes[][2] = { { 768, 256 }, { 256, 256 }, { 1024, 256 }, { 256, 1024 }, { 512, 1280 }, { 256, 512 } };
  static const size_t tokens[] = { 1, 2, 3, 4, 6, 16, 81 };
  double peak_value = peak_gmacs ();

  printf ("vpdpbusd alone: %.1f GMAC/s\n", peak_value);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t j = 0; j < sizeof tokens / sizeof *tokens; j++)
      bench_linear (true, shapes[i][0], shapes[i][1], tokens[j], peak_value);
  for (size_t j = 0; j < 4; j++)
    bench_linear (false, 4096, 256, tokens[j], peak_value);
  for (size_t j = 0; j < 4; j++)
    bench_sweep (tokens[j], peak_value);
  bench_attend (104, 256, 4);
  bench_attend (320, 256, 8);
  bench_log_sum_exp ();
  printf ("vpdpbusd alone, again: %.1f GMAC/s\n", peak_gmacs ());
  return 0;
}
