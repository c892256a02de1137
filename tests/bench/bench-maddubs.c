/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The AVX2 tier against a plain AVX2 kernel for the same ternary layers: rows of 2-bit codes as they are on disk, one row at a time,
 * unpacked by shifts and ands, maddubs, widened at every step, summed across at the end of a row. f32 in, f32 out for both, in
 * turns; the 2nd percentile of many samples each, CPU time of the thread: a virtual machine's clock jumps now and then, so that a
 * bare minimum would flatter whichever was measured just then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bitmar-kernels.h"

#if defined (__x86_64__)
#include <immintrin.h>

#define ROUNDS 12
#define SECONDS 0.02
#define SAMPLE_PRODUCTS ((size_t) 10 << 20)     /* a sample is long enough for the clock */
#define MOST_SAMPLES 8192

typedef struct {
  size_t n, k, m;
  uint8_t *codes;               /* [n][k / 4], as the plain kernel wants them: four fields of 32 inputs each 128 */
  void *packed;
  float *scale, *x, *y, *plain;
  int8_t *q;
  BmkRow *rows;
} Layer;

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
  void *p = aligned_alloc (64, (size + 63) / 64 * 64);

  if (!p)
    exit (1);
  memset (p, 0, (size + 63) / 64 * 64);
  return p;
}

__attribute__ ((target ("avx2"))) static int32_t
plain_dot (const uint8_t *codes, const int8_t *q, size_t k)
{
  const __m256i three = _mm256_set1_epi8 (3), ones = _mm256_set1_epi16 (1);
  __m256i acc = _mm256_setzero_si256 ();
  __m128i h;

  for (size_t j = 0; j < k; j += 128, codes += 32)
    for (int f = 0; f < 4; f++) {
      __m256i w = _mm256_and_si256 (_mm256_srli_epi16 (_mm256_loadu_si256 ((const __m256i *) codes), 2 * f), three);
      __m256i pairs = _mm256_maddubs_epi16 (w, _mm256_loadu_si256 ((const __m256i *) (q + j + 32 * (size_t) f)));
      acc = _mm256_add_epi32 (acc, _mm256_madd_epi16 (pairs, ones));
    }
  h = _mm_add_epi32 (_mm256_castsi256_si128 (acc), _mm256_extracti128_si256 (acc, 1));
  h = _mm_add_epi32 (h, _mm_unpackhi_epi64 (h, h));
  return _mm_cvtsi128_si32 (_mm_add_epi32 (h, _mm_shuffle_epi32 (h, 1)));
}

static void
run_plain (Layer *l)
{
  bmk_quantize (l->q, l->rows, l->x, l->k, l->m, l->k);
  for (size_t i = 0; i < l->m; i++)
    for (size_t j = 0; j < l->n; j++) {
      int32_t acc = plain_dot (l->codes + j * (l->k / 4), l->q + i * l->k, l->k) - l->rows[i].sum;
      l->plain[i * l->n + j] = ((float) acc * l->scale[j]) * l->rows[i].inv;
    }
}

static void
run_ours (Layer *l)
{
  const BmkLinear w = { l->n, l->k, l->packed, l->scale };

  bmk_quantize (l->q, l->rows, l->x, l->k, l->m, l->k);
  bmk_ternary_linear (&(BmkOutput) { .y = l->y, .ldy = l->n }, &w, l->q, l->rows, l->m);
}

typedef struct {
  double took[MOST_SAMPLES];
  size_t n;
} Samples;

static void
sample (Samples *s, void (*run) (Layer *), Layer *l)
{
  const size_t calls = 1 + SAMPLE_PRODUCTS / (l->n * l->k * l->m);
  const double end = now () + SECONDS;

  while (s->n < MOST_SAMPLES && now () < end) {
    const double start = now ();
    for (size_t i = 0; i < calls; i++)
      run (l);
    s->took[s->n++] = (now () - start) / (double) calls;
  }
}

static int
by_time (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
low_percentile (Samples *s)
{
  qsort (s->took, s->n, sizeof *s->took, by_time);
  return s->took[s->n / 50];
}

static void
layer_new (Layer *l, size_t n, size_t k, size_t m)
{
  uint8_t *rows = allocate (n * k / 4);

  *l = (Layer) { n, k, m, allocate (n * k / 4), allocate (bmk_ternary_packed_size (n, k)), allocate (n * sizeof (float)),
    allocate (m * k * sizeof (float)), allocate (m * n * sizeof (float)), allocate (m * n * sizeof (float)),
    allocate (m * k), allocate (m * sizeof (BmkRow)) };
  for (size_t i = 0; i < n * k; i++) {
    const unsigned code = (unsigned) (rand () % 3);
    const size_t j = i % k;
    rows[i / 4] |= (uint8_t) (code << i % 4 * 2);
    l->codes[i / k * (k / 4) + j / 128 * 32 + j % 32] |= (uint8_t) (code << j % 128 / 32 * 2);
  }
  for (size_t i = 0; i < n; i++)
    l->scale[i] = 0.01f;
  for (size_t i = 0; i < m * k; i++)
    l->x[i] = (float) rand () / (float) RAND_MAX - 0.5f;
  if (!bmk_ternary_pack (l->packed, rows, n, k))
    exit (1);
  free (rows);
}

static void
layer_free (Layer *l)
{
  free (l->codes);
  free (l->packed);
  free (l->scale);
  free (l->x);
  free (l->y);
  free (l->plain);
  free (l->q);
  free (l->rows);
}

static void
compare (size_t n, size_t k, size_t m)
{
  static Samples samples[2];
  const double macs = (double) n * (double) k * (double) m * 1e-9;
  double ours, plain;
  Layer l;

  layer_new (&l, n, k, m);
  samples[0].n = samples[1].n = 0;
  for (int round = 0; round < ROUNDS; round++) {
    sample (samples, run_ours, &l);
    sample (samples + 1, run_plain, &l);
  }
  ours = low_percentile (samples);
  plain = low_percentile (samples + 1);
  if (memcmp (l.y, l.plain, m * n * sizeof *l.y) != 0) {
    fputs ("bench-maddubs: the two kernels disagree\n", stderr);
    exit (1);
  }
  printf ("%5zu x %-5zu M %-4zu ours %6.1f GMAC/s, plain maddubs %6.1f: %.2f times\n", n, k, m, macs / ours, macs / plain, plain / ours);
  layer_free (&l);
}

int
main (void)
{
  static const size_t shapes[][2] = { { 384, 384 }, { 1536, 384 }, { 384, 1536 }, { 512, 512 }, { 2048, 512 }, { 8192, 256 } };

  if (!bmk_set_tier (BMK_TIER_AVX2)) {
    puts ("no AVX2 here");
    return 0;
  }
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (size_t m = 1; m <= 256; m *= 16)
      compare (shapes[i][0], shapes[i][1], m);
  return 0;
}
#else
int
main (void)
{
  puts ("no AVX2 here");
  return 0;
}
#endif
