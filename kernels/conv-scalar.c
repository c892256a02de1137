/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The truth the other tiers are held against. Sums run in uint32_t: they wrap, as they do in the vector units. */
#include "conv-internal.h"

static uint8_t
finish (uint32_t acc, const BmkConv *c, size_t o, const uint8_t *r)
{
  float f = (float) (int32_t) acc * c->mult[o];
  if (r)
    f += (float) (*r - 128) * c->rmult;
  f = f < BMK_CONV_LIMIT ? f : BMK_CONV_LIMIT;
  f = f > -BMK_CONV_LIMIT ? f : -BMK_CONV_LIMIT;
  int code = (int) bmk_rint (f) + c->zero;
  return (uint8_t) (code < 0 ? 0 : code > 255 ? 255 : code);
}

static size_t
pointwise_packed_size (size_t cout, size_t cin)
{
  return cout * cin;
}

static void
pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  memcpy (dst, rows, cout * cin);
}

static void
pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  for (size_t i = 0; i < p; i++) {
    for (size_t o = 0; o < c->cout; o++) {
      const int8_t *w = (const int8_t *) c->data + o * c->cin;
      const uint8_t *in = x + i * c->cin;
      uint32_t acc = (uint32_t) c->bias[o];
      for (size_t k = 0; k < c->cin; k++)
        acc += (uint32_t) (in[k] * w[k]);
      size_t at = i * c->cout + o;
      y[at] = finish (acc, c, o, r ? r + at : NULL);
    }
  }
}

static size_t
depthwise_packed_size (size_t channels, int kernel)
{
  return channels * (size_t) (kernel * kernel);
}

static void
depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  memcpy (dst, taps, depthwise_packed_size (channels, kernel));
}

/* One output pixel whose window starts at (top, left), which may lie outside. */
static void
depthwise_pixel (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w, ptrdiff_t top, ptrdiff_t left)
{
  const int8_t *taps = c->data;
  for (size_t o = 0; o < c->cout; o++) {
    uint32_t acc = (uint32_t) c->bias[o];
    for (int t = 0; t < c->kernel * c->kernel; t++) {
      ptrdiff_t i = top + t / c->kernel, j = left + t % c->kernel;
      if (i >= 0 && j >= 0 && i < (ptrdiff_t) h && j < (ptrdiff_t) w)
        acc += (uint32_t) (x[((size_t) i * w + (size_t) j) * c->cout + o] * taps[(size_t) t * c->cout + o]);
    }
    y[o] = finish (acc, c, o, NULL);
  }
}

static void
depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  size_t ho = bmk_conv_out (h, c->stride), wo = bmk_conv_out (w, c->stride);
  ptrdiff_t pad_y = bmk_conv_pad (h, c->kernel, c->stride), pad_x = bmk_conv_pad (w, c->kernel, c->stride);
  for (size_t i = 0; i < ho; i++)
    for (size_t j = 0; j < wo; j++)
      depthwise_pixel (y + (i * wo + j) * c->cout, x, c, h, w, (ptrdiff_t) i * c->stride - pad_y,
          (ptrdiff_t) j * c->stride - pad_x);
}

static size_t
stem_packed_size (size_t cout)
{
  return cout * 27;
}

static void
stem_pack (void *dst, const int8_t *rows, size_t cout)
{
  memcpy (dst, rows, cout * 27);
}

static void
stem_pixel (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w, ptrdiff_t top, ptrdiff_t left)
{
  for (size_t o = 0; o < c->cout; o++) {
    const int8_t *row = (const int8_t *) c->data + o * 27;
    uint32_t acc = (uint32_t) c->bias[o];
    for (int t = 0; t < 27; t++) {
      ptrdiff_t i = top + t / 9, j = left + t % 9 / 3;
      bool inside = i >= 0 && j >= 0 && i < (ptrdiff_t) h && j < (ptrdiff_t) w;
      int v = inside ? x[((size_t) i * w + (size_t) j) * 3 + (size_t) (t % 3)] : BMK_STEM_PAD;
      acc += (uint32_t) (v * row[t]);
    }
    y[o] = finish (acc, c, o, NULL);
  }
}

static void
stem (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  size_t ho = bmk_conv_out (h, 2), wo = bmk_conv_out (w, 2);
  ptrdiff_t pad_y = bmk_conv_pad (h, 3, 2), pad_x = bmk_conv_pad (w, 3, 2);
  for (size_t i = 0; i < ho; i++)
    for (size_t j = 0; j < wo; j++)
      stem_pixel (y + (i * wo + j) * c->cout, x, c, h, w, (ptrdiff_t) i * 2 - pad_y, (ptrdiff_t) j * 2 - pad_x);
}

void
bmk_conv_fill_scalar (BmkTable *t)
{
  t->pointwise_packed_size = pointwise_packed_size;
  t->pointwise_pack = pointwise_pack;
  t->pointwise = pointwise;
  t->depthwise_packed_size = depthwise_packed_size;
  t->depthwise_pack = depthwise_pack;
  t->depthwise = depthwise;
  t->stem_packed_size = stem_packed_size;
  t->stem_pack = stem_pack;
  t->stem = stem;
}
