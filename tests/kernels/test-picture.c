/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resampling against checksums of Pillow's antialiased BILINEAR resize (horizontal pass first) and against a formula in
 * floating point; colour against values known from the standards. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"
#include "guarded.h"

static int failures;
static uint32_t seed;

#define CHECK(condition, ...) \
  do { \
    if (!(condition)) { \
      failures++; \
      fprintf (stderr, "%s:%d: ", __FILE__, __LINE__); \
      fprintf (stderr, __VA_ARGS__); \
      fprintf (stderr, " (%s)\n", bmk_tier_name (bmk_tier ())); \
    } \
  } while (0)

static uint8_t
draw (void)
{
  seed = seed * 1664525u + 1013904223u;
  return (uint8_t) (seed >> 24);
}

static uint8_t *
picture_new (size_t n)
{
  uint8_t *p = guarded_new (n);
  seed = 1;
  for (size_t i = 0; i < n; i++)
    p[i] = draw ();
  return p;
}

static uint32_t
fnv (const uint8_t *p, size_t n)
{
  uint32_t h = 0x811c9dc5u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 16777619u;
  return h;
}

/* ---- Resampling ---- */

typedef struct {
  size_t w, h, out_w, out_h;
} Size;

/* Runs the planes of an interleaved picture of `channels`, into the same number of interleaved samples. */
static void
resample (uint8_t *dst, const uint8_t *src, const Size *s, size_t channels)
{
  size_t size = bmk_resample_size (s->w, s->h, s->out_w, s->out_h);
  uint8_t *memory = guarded_new (size);

  CHECK (size % BMK_ALIGN == 0, "%zu bytes", size);
  BmkResample *plan = bmk_resample_init (memory, s->w, s->h, s->out_w, s->out_h);
  for (size_t c = 0; c < channels; c++)
    bmk_resample (plan, dst + c, channels, src + c, channels, (ptrdiff_t) (s->w * channels));
  CHECK (guarded_intact (memory), "wrote before the plan");
  guarded_free (memory, size);
}

static void
test_goldens (void)
{
  static const struct { Size s; uint32_t sum; } goldens[] = {
    { { 1, 1, 7, 5 }, 0x119b744c }, { { 64, 48, 26, 26 }, 0x1ececd92 }, { { 97, 61, 33, 29 }, 0xb610140b },
    { { 30, 20, 77, 51 }, 0x7961176b }, { { 320, 180, 65, 65 }, 0x307efc89 }, { { 26, 40, 26, 13 }, 0x948d7c51 },
    { { 40, 26, 13, 26 }, 0xff2041e9 }, { { 255, 9, 8, 200 }, 0x5d45079a }, { { 500, 3, 5, 2 }, 0x199ae3aa },
    { { 9, 9, 9, 9 }, 0xd4f4ee32 },
  };
  for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
    const Size *s = &goldens[i].s;
    size_t n = s->out_w * s->out_h * 3;
    uint8_t *src = picture_new (s->w * s->h * 3), *dst = guarded_new (n);
    resample (dst, src, s, 3);
    CHECK (fnv (dst, n) == goldens[i].sum, "%zux%zu -> %zux%zu is not Pillow's", s->w, s->h, s->out_w, s->out_h);
    guarded_free (src, s->w * s->h * 3);
    guarded_free (dst, n);
  }
}

/* Weights of output o of an axis, in doubles. */
static void
weights (double *w, size_t in, size_t out, size_t o)
{
  double scale = (double) in / (double) out, support = scale > 1 ? scale : 1, sum = 0;
  for (size_t i = 0; i < in; i++) {
    double x = fabs (((double) i + 0.5 - ((double) o + 0.5) * scale) / support);
    sum += w[i] = x < 1 ? 1 - x : 0;
  }
  for (size_t i = 0; i < in; i++)
    w[i] /= sum;
}

static double
ideal (const uint8_t *src, const Size *s, size_t x, size_t y)
{
  double wx[128], wy[128], sum = 0;
  weights (wx, s->w, s->out_w, x);
  weights (wy, s->h, s->out_h, y);
  for (size_t i = 0; i < s->h; i++)
    for (size_t j = 0; j < s->w; j++)
      sum += wy[i] * wx[j] * src[i * s->w + j];
  return sum;
}

/* Two roundings to u8, of which the first is averaged: within one and a bit. */
static void
test_formula (void)
{
  static const Size sizes[] = { { 40, 30, 13, 11 }, { 13, 11, 40, 30 }, { 128, 3, 5, 7 }, { 2, 2, 1, 1 }, { 1, 9, 8, 2 } };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const Size *s = &sizes[i];
    uint8_t *src = picture_new (s->w * s->h), *dst = guarded_new (s->out_w * s->out_h);
    resample (dst, src, s, 1);
    for (size_t k = 0; k < s->out_w * s->out_h; k++)
      CHECK (fabs (dst[k] - ideal (src, s, k % s->out_w, k / s->out_w)) < 1.02, "%zux%zu at %zu", s->w, s->h, k);
    guarded_free (src, s->w * s->h);
    guarded_free (dst, s->out_w * s->out_h);
  }
}

/* Steps of the source and of the destination, and rows from the bottom up: the same plane, laid out differently. */
static void
test_layouts (void)
{
  const Size s = { 53, 37, 19, 23 };
  uint8_t *plane = picture_new (s.w * s.h), expected[19 * 23], dst[19 * 23 * 5], *memory;
  memory = aligned_alloc (BMK_ALIGN, bmk_resample_size (s.w, s.h, s.out_w, s.out_h) / BMK_ALIGN * BMK_ALIGN + BMK_ALIGN);
  BmkResample *plan = bmk_resample_init (memory, s.w, s.h, s.out_w, s.out_h);

  bmk_resample (plan, expected, 1, plane, 1, (ptrdiff_t) s.w);
  for (size_t step = 1; step <= 5; step++)
    for (int flip = 0; flip < 2; flip++) {
      size_t stride = s.w * step + 7;
      uint8_t *src = picture_new (stride * s.h);
      for (size_t i = 0; i < s.w * s.h; i++) {
        size_t row = flip ? s.h - 1 - i / s.w : i / s.w;
        src[row * stride + i % s.w * step] = plane[i];
      }
      memset (dst, 0xa5, sizeof dst);
      bmk_resample (plan, dst, step, flip ? src + (s.h - 1) * stride : src, step,
          flip ? -(ptrdiff_t) stride : (ptrdiff_t) stride);
      for (size_t i = 0; i < sizeof dst; i++) {
        bool inside = i % step == 0 && i / step < sizeof expected;
        CHECK (dst[i] == (inside ? expected[i / step] : 0xa5), "step %zu flip %d at %zu", step, flip, i);
      }
      guarded_free (src, stride * s.h);
    }
  free (memory);
  guarded_free (plane, s.w * s.h);
}

static void
test_flat (void)
{
  static const Size sizes[] = { { 1280, 7, 260, 260 }, { 3, 700, 260, 5 }, { 16384, 1, 1, 1 }, { 1, 16384, 1, 3 } };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int v = 0; v < 256; v += 51) {
      const Size *s = &sizes[i];
      uint8_t *src = malloc (s->w * s->h), *dst = malloc (s->out_w * s->out_h);
      memset (src, v, s->w * s->h);
      resample (dst, src, s, 1);
      for (size_t k = 0; k < s->out_w * s->out_h; k++)
        CHECK (dst[k] == v, "a flat picture stays flat: %d, not %d", dst[k], v);
      free (src);
      free (dst);
    }
}

static void
test_sizes (void)
{
  CHECK (!bmk_resample_size (0, 1, 1, 1) && !bmk_resample_size (1, 0, 1, 1), "an empty source");
  CHECK (!bmk_resample_size (1, 1, 0, 1) && !bmk_resample_size (1, 1, 1, 0), "an empty result");
  CHECK (!bmk_resample_size (16385, 1, 1, 1) && !bmk_resample_size (1, 1, 1, 16385), "too large");
  CHECK (bmk_resample_size (16384, 16384, 1, 1) > 0, "the largest");
}

/* ---- Colour ---- */

typedef struct {
  double kr, kb;
  bool full;
  uint8_t yuv[3], rgb[3];
} Known;

static void
test_known_colors (void)
{
  static const Known known[] = {
    { 0.299, 0.114, false, { 16, 128, 128 }, { 0, 0, 0 } }, { 0.299, 0.114, false, { 235, 128, 128 }, { 255, 255, 255 } },
    { 0.299, 0.114, false, { 81, 90, 240 }, { 254, 0, 0 } }, { 0.299, 0.114, false, { 145, 54, 34 }, { 0, 255, 1 } },
    { 0.299, 0.114, false, { 41, 240, 110 }, { 0, 0, 255 } },
    { 0.2126, 0.0722, false, { 63, 102, 240 }, { 255, 1, 0 } }, { 0.2126, 0.0722, false, { 173, 42, 26 }, { 0, 255, 1 } },
    { 0.2126, 0.0722, false, { 32, 240, 118 }, { 1, 0, 255 } },
    { 0.2126, 0.0722, false, { 126, 128, 128 }, { 128, 128, 128 } },
    { 0.299, 0.114, true, { 0, 128, 128 }, { 0, 0, 0 } }, { 0.299, 0.114, true, { 255, 128, 128 }, { 255, 255, 255 } },
    { 0.299, 0.114, true, { 76, 85, 255 }, { 254, 0, 0 } }, { 0.2126, 0.0722, true, { 54, 99, 255 }, { 254, 0, 1 } },
    { 0.2126, 0.0722, true, { 200, 128, 128 }, { 200, 200, 200 } },
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const Known *k = &known[i];
    BmkColorMatrix m;
    uint8_t p[32 * 3];
    bmk_color_matrix_init (&m, k->kr, k->kb, k->full);
    for (size_t j = 0; j < 32 * 3; j++)
      p[j] = k->yuv[j % 3];
    bmk_yuv_to_rgb (p, 32, &m);
    for (size_t j = 0; j < 32 * 3; j++)
      CHECK (abs (p[j] - k->rgb[j % 3]) <= 1, "colour %zu, sample %zu: %d, not %d", i, j, p[j], k->rgb[j % 3]);
  }
}

/* The definition, for every run length, up to the end of a page. */
static void
test_color_formula (void)
{
  BmkColorMatrix m;
  bmk_color_matrix_init (&m, 0.2627, 0.0593, false);
  for (size_t n = 0; n < 70; n++) {
    uint8_t *p = picture_new (n * 3), *q = picture_new (n * 3);
    bmk_yuv_to_rgb (p, n, &m);
    CHECK (guarded_intact (p), "wrote outside %zu pixels", n);
    for (size_t i = 0; i < n * 3; i++) {
      const uint8_t *yuv = q + i / 3 * 3;
      double v = 0.5;
      for (size_t k = 0; k < 3; k++)
        v += m.m[i % 3 * 3 + k] / 65536.0 * (yuv[k] - m.offset[k]);
      v = floor (v < 0 ? 0 : v > 255 ? 255 : v);
      CHECK (p[i] == v, "%zu pixels at %zu: %d, not %g", n, i, p[i], v);
    }
    guarded_free (p, n * 3);
    guarded_free (q, n * 3);
  }
}

int
main (void)
{
  bmk_init ();
  test_sizes ();
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    if (!bmk_set_tier ((BmkTier) tier))
      continue;
    test_goldens ();
    test_formula ();
    test_layouts ();
    test_flat ();
    test_known_colors ();
    test_color_formula ();
  }
  printf ("%d failures\n", failures);
  return failures != 0;
}
