/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every tier of the convolutions against the scalar one, and that against a formula written anew here. Buffers end at a
 * page that must not be touched and start behind bytes that must not change. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"
#include "guarded.h"

typedef enum { POINTWISE, DEPTHWISE, STEM } Kind;
typedef enum { RANDOM, HIGHEST, LOWEST, HUGE_BIAS, LARGE_SCALE, N_MODES } Mode;

typedef struct {
  Kind kind;
  size_t cin, cout, h, w;
  int kernel, stride;
  bool residual;
} Shape;

typedef struct {
  Shape s;
  BmkConv c;
  size_t n_in, n_out, n_weights;
  uint8_t *x, *r, *y, *expected;
  int8_t *weights;
  int32_t *bias;
  float *mult;
} Case;

static int failures;
static uint32_t seed = 1;

static uint32_t
draw (void)
{
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

#define CHECK(condition, ...) \
  do { \
    if (!(condition)) { \
      failures++; \
      fprintf (stderr, "%s:%d: ", __FILE__, __LINE__); \
      fprintf (stderr, __VA_ARGS__); \
      fputc ('\n', stderr); \
    } \
  } while (0)

/* ---- The formula, anew ---- */

static uint8_t
code (int64_t sum, const Case *t, size_t o, const uint8_t *r)
{
  volatile float f = (float) (int32_t) (uint32_t) (uint64_t) (sum + t->bias[o]);
  f = f * t->mult[o];
  if (r) {
    volatile float d = (float) ((int) *r - 128);
    d = d * t->c.rmult;
    f = f + d;
  }
  double v = nearbyint ((double) f) + t->c.zero;
  return (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v);
}

static int
sample (const Case *t, long i, long j, size_t ch)
{
  const Shape *s = &t->s;
  if (i < 0 || j < 0 || i >= (long) s->h || j >= (long) s->w)
    return s->kind == STEM ? 128 : 0;
  return t->x[((size_t) i * s->w + (size_t) j) * s->cin + ch];
}

static long
padding (size_t n, int kernel, int stride)
{
  long out = ((long) n + stride - 1) / stride, total = (out - 1) * stride + kernel - (long) n;
  return total < 0 ? 0 : total / 2;
}

static uint8_t
formula (const Case *t, size_t i, size_t j, size_t o)
{
  const Shape *s = &t->s;
  long top = (long) i * s->stride - padding (s->h, s->kernel, s->stride);
  long left = (long) j * s->stride - padding (s->w, s->kernel, s->stride);
  size_t wo = bmk_conv_out (s->w, s->stride);
  int64_t sum = 0;

  for (int ky = 0; ky < s->kernel; ky++)
    for (int kx = 0; kx < s->kernel; kx++) {
      size_t tap = (size_t) (ky * s->kernel + kx), taps = (size_t) (s->kernel * s->kernel);
      if (s->kind == DEPTHWISE)
        sum += sample (t, top + ky, left + kx, o) * t->weights[tap * s->cout + o];
      else
        for (size_t k = 0; k < s->cin; k++)
          sum += sample (t, top + ky, left + kx, k) * t->weights[(o * taps + tap) * s->cin + k];
    }
  return code (sum, t, o, s->residual ? t->r + (i * wo + j) * s->cout + o : NULL);
}

/* ---- Cases ---- */

static void
fill (Case *t, Mode mode)
{
  for (size_t i = 0; i < t->n_in; i++)
    t->x[i] = mode == HIGHEST || mode == LOWEST ? 255 : (uint8_t) draw ();
  for (size_t i = 0; i < t->n_out; i++)
    t->r[i] = (uint8_t) draw ();
  for (size_t i = 0; i < t->n_weights; i++)
    t->weights[i] = (int8_t) (mode == HIGHEST ? 127 : mode == LOWEST ? -127 : (int) (draw () % 255) - 127);
  for (size_t o = 0; o < t->s.cout; o++) {
    t->bias[o] = mode == HUGE_BIAS ? (draw () % 2 ? 2147483647 : -2147483647 - 1) : (int32_t) (draw () % 40001) - 20000;
    t->mult[o] = mode == LARGE_SCALE ? 3e30f : mode == RANDOM ? 1e-4f * (float) (1 + draw () % 64)
        : mode == HUGE_BIAS ? 7.0f : 1e-5f;
  }
  t->c.rmult = t->s.residual ? 0.5f : 0;        /* halves: ties are met */
}

static void
case_init (Case *t, const Shape *s, Mode mode)
{
  size_t taps = (size_t) (s->kernel * s->kernel);
  memset (t, 0, sizeof *t);
  t->s = *s;
  t->n_in = s->h * s->w * s->cin;
  t->n_out = bmk_conv_out (s->h, s->stride) * bmk_conv_out (s->w, s->stride) * s->cout;
  t->n_weights = s->kind == DEPTHWISE ? taps * s->cout : taps * s->cin * s->cout;
  t->x = guarded_new (t->n_in);
  t->r = guarded_new (t->n_out);
  t->y = guarded_new (t->n_out);
  t->expected = guarded_new (t->n_out);
  t->weights = (int8_t *) guarded_new (t->n_weights);
  t->bias = (int32_t *) guarded_new (s->cout * 4);
  t->mult = (float *) guarded_new (s->cout * 4);
  t->c = (BmkConv) { .cin = s->cin, .cout = s->cout, .kernel = s->kernel, .stride = s->stride, .bias = t->bias,
    .mult = t->mult, .zero = s->kind == POINTWISE && (s->residual || s->cout < s->cin) ? 128 : 0 };
  fill (t, mode);
}

static void
case_clear (Case *t)
{
  guarded_free (t->x, t->n_in);
  guarded_free (t->r, t->n_out);
  guarded_free (t->y, t->n_out);
  guarded_free (t->expected, t->n_out);
  guarded_free ((uint8_t *) t->weights, t->n_weights);
  guarded_free ((uint8_t *) t->bias, t->s.cout * 4);
  guarded_free ((uint8_t *) t->mult, t->s.cout * 4);
}

static size_t
packed_size (const Shape *s)
{
  return s->kind == POINTWISE ? bmk_pointwise_packed_size (s->cout, s->cin)
      : s->kind == DEPTHWISE ? bmk_depthwise_packed_size (s->cout, s->kernel) : bmk_stem_packed_size (s->cout);
}

static bool
pack (void *dst, const Case *t)
{
  const Shape *s = &t->s;
  return s->kind == POINTWISE ? bmk_pointwise_pack (dst, t->weights, s->cout, s->cin)
      : s->kind == DEPTHWISE ? bmk_depthwise_pack (dst, t->weights, s->cout, s->kernel)
      : bmk_stem_pack (dst, t->weights, s->cout);
}

/* Packs and runs on the active tier. The packed weights are aligned, so their guards are bytes on both sides. */
static void
run (Case *t, uint8_t *y, const uint8_t *r)
{
  const Shape *s = &t->s;
  size_t size = packed_size (s), room = (size + 2 * BMK_ALIGN + BMK_ALIGN - 1) / BMK_ALIGN * BMK_ALIGN;
  uint8_t *memory = aligned_alloc (BMK_ALIGN, room);

  memset (memory, GUARD_BYTE, room);
  CHECK (size && pack (memory + BMK_ALIGN, t), "packing is refused");
  CHECK (guarded_intact (memory + BMK_ALIGN) && memory[BMK_ALIGN + size] == GUARD_BYTE, "packing leaves its place");
  t->c.data = memory + BMK_ALIGN;
  if (s->kind == POINTWISE)
    bmk_pointwise (y, t->x, r, &t->c, s->h * s->w);
  else if (s->kind == DEPTHWISE)
    bmk_depthwise (y, t->x, &t->c, s->h, s->w);
  else
    bmk_stem (y, t->x, &t->c, s->h, s->w);
  free (memory);
}

static void
complain (const Case *t, Mode mode, const char *what)
{
  const Shape *s = &t->s;
  CHECK (false, "%s, tier %s: kind %d %zux%zu %zu -> %zu kernel %d stride %d residual %d mode %d", what,
      bmk_tier_name (bmk_tier ()), s->kind, s->h, s->w, s->cin, s->cout, s->kernel, s->stride, s->residual, mode);
}

static void
check_formula (const Case *t, Mode mode)
{
  size_t ho = bmk_conv_out (t->s.h, t->s.stride), wo = bmk_conv_out (t->s.w, t->s.stride);
  const uint8_t *y = t->expected;
  for (size_t i = 0; i < ho; i++)
    for (size_t j = 0; j < wo; j++)
      for (size_t o = 0; o < t->s.cout; o++)
        if (*y++ != formula (t, i, j, o)) {
          complain (t, mode, "not the formula");
          return;
        }
}

static void
check_tier (Case *t, Mode mode)
{
  memset (t->y, 0x5a, t->n_out);
  run (t, t->y, t->s.residual ? t->r : NULL);
  if (memcmp (t->y, t->expected, t->n_out))
    complain (t, mode, "not the scalar tier's codes");
  if (t->s.residual) {
    memcpy (t->y, t->r, t->n_out);
    run (t, t->y, t->y);
    if (memcmp (t->y, t->expected, t->n_out))
      complain (t, mode, "not the same in place");
  }
  if (!guarded_intact (t->y) || !guarded_intact (t->x) || !guarded_intact (t->r))
    complain (t, mode, "wrote outside");
}

static void
check_mode (const Shape *s, Mode mode)
{
  Case t;
  case_init (&t, s, mode);
  bmk_set_tier (BMK_TIER_SCALAR);
  run (&t, t.expected, s->residual ? t.r : NULL);
  check_formula (&t, mode);
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    if (bmk_set_tier ((BmkTier) tier))
      check_tier (&t, mode);
  case_clear (&t);
}

static void
check (Shape s)
{
  for (int mode = 0; mode < N_MODES; mode++)
    check_mode (&s, (Mode) mode);
}

/* ---- Tests ---- */

static void
test_pointwise (void)
{
  static const size_t shapes[][2] = { { 32, 16 }, { 16, 96 }, { 96, 24 }, { 24, 144 }, { 144, 24 }, { 144, 48 }, { 48, 288 },
    { 288, 88 }, { 88, 528 }, { 528, 120 }, { 120, 720 }, { 720, 208 }, { 208, 1248 }, { 1248, 352 }, { 352, 1280 },
    { 8, 8 }, { 8, 24 }, { 40, 40 }, { 88, 56 }, { 24, 72 }, { 96, 80 }, { 1248, 8 } };

  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int residual = 0; residual < 2; residual++)
      check_mode (&(Shape) { POINTWISE, shapes[i][0], shapes[i][1], 1, 17, 1, 1, residual }, RANDOM);
  for (size_t p = 1; p <= 50; p++)
    check_mode (&(Shape) { POINTWISE, 24, 8 * (p % 18 + 1), 1, p, 1, 1, p % 3 == 0 }, RANDOM);
  check_mode (&(Shape) { POINTWISE, 16, 24, 1, 289, 1, 1, true }, RANDOM);
  check ((Shape) { POINTWISE, 88, 120, 1, 13, 1, 1, false });
  check ((Shape) { POINTWISE, 1248, 88, 1, 7, 1, 1, true });
  check ((Shape) { POINTWISE, 65536, 8, 1, 2, 1, 1, true });
}

static void
test_depthwise (void)
{
  static const size_t edges[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 17 };
  static const size_t channels[] = { 8, 24, 32, 40, 88, 96, 144, 1248 };
  const size_t n = sizeof edges / sizeof *edges;

  for (int kernel = 3; kernel <= 5; kernel += 2)
    for (int stride = 1; stride <= 2; stride++) {
      for (size_t i = 0; i < n * n; i++) {
        size_t c = channels[i % 7];
        check_mode (&(Shape) { DEPTHWISE, c, c, edges[i / n], edges[i % n], kernel, stride, false }, RANDOM);
      }
      for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        check ((Shape) { DEPTHWISE, channels[i], channels[i], 5, 6, kernel, stride, false });
      check_mode (&(Shape) { DEPTHWISE, 96, 96, 33, 65, kernel, stride, false }, RANDOM);
    }
}

static void
test_stem (void)
{
  static const size_t edges[] = { 1, 2, 3, 4, 5, 8, 9, 17, 40 };
  const size_t n = sizeof edges / sizeof *edges;
  for (size_t i = 0; i < n * n; i++)
    check_mode (&(Shape) { STEM, 3, i % 2 ? 32 : 24, edges[i / n], edges[i % n], 3, 2, false }, RANDOM);
  check ((Shape) { STEM, 3, 32, 9, 26, 3, 2, false });
  check ((Shape) { STEM, 3, 8, 21, 20, 3, 2, false });
}

static void
test_refused (void)
{
  static int8_t rows[64];
  static _Alignas (BMK_ALIGN) int8_t dst[64];
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    CHECK (!bmk_pointwise_packed_size (0, 8) && !bmk_pointwise_packed_size (8, 0), "empty");
    CHECK (!bmk_pointwise_packed_size (12, 8) && !bmk_pointwise_packed_size (8, 4), "not a multiple of 8");
    CHECK (!bmk_pointwise_packed_size (65544, 8) && !bmk_pointwise_packed_size (8, 65544), "too many channels");
    CHECK (!bmk_pointwise_pack (dst, rows, 8, 4) && !bmk_pointwise_pack (dst, rows, 0, 8), "packed all the same");
    CHECK (!bmk_depthwise_packed_size (8, 1) && !bmk_depthwise_packed_size (8, 7), "kernel");
    CHECK (!bmk_depthwise_packed_size (20, 3) && !bmk_depthwise_packed_size (0, 3), "channels");
    CHECK (!bmk_depthwise_pack (dst, rows, 8, 4) && !bmk_depthwise_pack (dst, rows, 4, 3), "packed all the same");
    CHECK (!bmk_stem_packed_size (0) && !bmk_stem_packed_size (30), "stem");
    CHECK (!bmk_stem_pack (dst, rows, 4), "packed all the same");
  }
}

static void
test_sizes (void)
{
  CHECK (bmk_conv_out (260, 2) == 130 && bmk_conv_out (65, 2) == 33 && bmk_conv_out (33, 2) == 17, "stride 2");
  CHECK (bmk_conv_out (17, 2) == 9 && bmk_conv_out (1, 2) == 1 && bmk_conv_out (17, 1) == 17, "stride 2, 1");
}

int
main (void)
{
  bmk_init ();
  test_sizes ();
  test_refused ();
  test_pointwise ();
  test_depthwise ();
  test_stem ();
  printf ("%d failures\n", failures);
  return failures != 0;
}
