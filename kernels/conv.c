/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The convolutions' public functions, and the stem as patches for the tiers with a fast pointwise convolution. */
#include "conv-internal.h"
#include "threads.h"

#define MAX_CHANNELS 65536      /* 255 * 127 * 65536 still fits an int32 */
#define PATCHES 96              /* a multiple of every tier's tile of pixels */

size_t
bmk_conv_out (size_t n, int stride)
{
  return (n + (size_t) stride - 1) / (size_t) stride;
}

static bool
channels_ok (size_t n)
{
  return n > 0 && n <= MAX_CHANNELS && n % 8 == 0;
}

size_t
bmk_pointwise_packed_size (size_t cout, size_t cin)
{
  return channels_ok (cout) && channels_ok (cin) ? bmk_table.pointwise_packed_size (cout, cin) : 0;
}

bool
bmk_pointwise_pack (void *dst, const int8_t *rows, size_t cout, size_t cin)
{
  if (!channels_ok (cout) || !channels_ok (cin))
    return false;
  bmk_table.pointwise_pack (dst, rows, cout, cin);
  return true;
}

#define THREAD_PRODUCTS ((size_t) 4 << 20)
#define THREAD_PIXELS 320       /* the tiers' blocks */

typedef struct {
  uint8_t *y;
  const uint8_t *x, *r;
  const BmkConv *c;
} Pointwise;

static void
run_pixels (void *data, size_t from, size_t to)
{
  const Pointwise *job = data;
  const BmkConv *c = job->c;

  bmk_table.pointwise (job->y + from * c->cout, job->x + from * c->cin, job->r ? job->r + from * c->cout : NULL, c, to - from);
}

void
bmk_pointwise (uint8_t *y, const uint8_t *x, const uint8_t *r, const BmkConv *c, size_t p)
{
  Pointwise job = { y, x, r, c };
  const size_t share = p / bmk_threads () / THREAD_PIXELS * THREAD_PIXELS;

  if (bmk_threads () == 1 || p * c->cin * c->cout < THREAD_PRODUCTS)
    bmk_table.pointwise (y, x, r, c, p);
  else
    bmk_parallel (run_pixels, &job, p, share > THREAD_PIXELS ? share : THREAD_PIXELS);
}

static bool
depthwise_ok (size_t channels, int kernel)
{
  return channels_ok (channels) && (kernel == 3 || kernel == 5);
}

size_t
bmk_depthwise_packed_size (size_t channels, int kernel)
{
  return depthwise_ok (channels, kernel) ? bmk_table.depthwise_packed_size (channels, kernel) : 0;
}

bool
bmk_depthwise_pack (void *dst, const int8_t *taps, size_t channels, int kernel)
{
  if (!depthwise_ok (channels, kernel))
    return false;
  bmk_table.depthwise_pack (dst, taps, channels, kernel);
  return true;
}

void
bmk_depthwise (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  if (h && w)
    bmk_table.depthwise (y, x, c, h, w);
}

size_t
bmk_stem_packed_size (size_t cout)
{
  return channels_ok (cout) ? bmk_table.stem_packed_size (cout) : 0;
}

bool
bmk_stem_pack (void *dst, const int8_t *rows, size_t cout)
{
  if (!channels_ok (cout))
    return false;
  bmk_table.stem_pack (dst, rows, cout);
  return true;
}

void
bmk_stem (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  if (h && w)
    bmk_table.stem (y, x, c, h, w);
}

/* ---- The stem as patches ---- */

/* The three samples of one row of a window; those outside are padding. Up to 16 bytes are written. */
static void
patch_row (uint8_t *dst, const uint8_t *row, ptrdiff_t left, size_t w)
{
  if (row && left >= 0 && left + 6 <= (ptrdiff_t) w) {
    memcpy (dst, row + left * 3, 16);
    return;
  }
  if (row && left >= 0 && left + 3 <= (ptrdiff_t) w) {
    memcpy (dst, row + left * 3, 9);
    return;
  }
  memset (dst, BMK_STEM_PAD, 9);
  for (ptrdiff_t j = 0; row && j < 3; j++)
    if (left + j >= 0 && left + j < (ptrdiff_t) w)
      memcpy (dst + j * 3, row + (left + j) * 3, 3);
}

void
bmk_stem_patch (uint8_t *y, const uint8_t *x, const BmkConv *c, size_t h, size_t w)
{
  uint8_t patches[PATCHES * BMK_STEM_PATCH + 16];
  size_t ho = bmk_conv_out (h, 2), wo = bmk_conv_out (w, 2), n = 0;
  ptrdiff_t pad_y = bmk_conv_pad (h, 3, 2), pad_x = bmk_conv_pad (w, 3, 2);
  BmkConv patch = *c;

  patch.cin = BMK_STEM_PATCH;
  memset (patches, 0, sizeof patches);
  for (size_t i = 0; i < ho; i++) {
    const uint8_t *rows[3];
    for (ptrdiff_t k = 0; k < 3; k++) {
      ptrdiff_t at = (ptrdiff_t) i * 2 - pad_y + k;
      rows[k] = at >= 0 && at < (ptrdiff_t) h ? x + (size_t) at * w * 3 : NULL;
    }
    for (size_t j = 0; j < wo; j++) {
      for (size_t k = 0; k < 3; k++)
        patch_row (patches + n * BMK_STEM_PATCH + k * 9, rows[k], (ptrdiff_t) j * 2 - pad_x, w);
      if (++n == PATCHES || (i + 1 == ho && j + 1 == wo)) {
        bmk_table.pointwise (y, patches, NULL, &patch, n);
        y += n * c->cout;
        n = 0;
      }
    }
  }
}
