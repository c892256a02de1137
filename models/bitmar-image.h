/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-error.h"

G_BEGIN_DECLS

/**
 * BitmarFormat:
 * @BITMAR_FORMAT_GRAY8: one byte a pixel
 * @BITMAR_FORMAT_RGB: three bytes a pixel
 * @BITMAR_FORMAT_BGR: three bytes a pixel
 * @BITMAR_FORMAT_RGBX: four bytes a pixel, as RGBA is; the fourth is not read
 * @BITMAR_FORMAT_BGRX: four bytes a pixel, the fourth is not read
 * @BITMAR_FORMAT_XRGB: four bytes a pixel, the first is not read
 * @BITMAR_FORMAT_XBGR: four bytes a pixel, the first is not read
 * @BITMAR_FORMAT_I420: planes Y, U, V; chroma halved both ways
 * @BITMAR_FORMAT_YV12: planes Y, V, U; chroma halved both ways
 * @BITMAR_FORMAT_NV12: planes Y, UV; chroma halved both ways
 * @BITMAR_FORMAT_NV21: planes Y, VU; chroma halved both ways
 * @BITMAR_FORMAT_YUY2: one plane of Y U Y V
 * @BITMAR_FORMAT_UYVY: one plane of U Y V Y
 * @BITMAR_FORMAT_Y42B: planes Y, U, V; chroma halved across
 * @BITMAR_FORMAT_Y444: planes Y, U, V
 *
 * How pixels lie in memory. Halved sizes are rounded up.
 */
typedef enum {
  BITMAR_FORMAT_GRAY8,
  BITMAR_FORMAT_RGB,
  BITMAR_FORMAT_BGR,
  BITMAR_FORMAT_RGBX,
  BITMAR_FORMAT_BGRX,
  BITMAR_FORMAT_XRGB,
  BITMAR_FORMAT_XBGR,
  BITMAR_FORMAT_I420,
  BITMAR_FORMAT_YV12,
  BITMAR_FORMAT_NV12,
  BITMAR_FORMAT_NV21,
  BITMAR_FORMAT_YUY2,
  BITMAR_FORMAT_UYVY,
  BITMAR_FORMAT_Y42B,
  BITMAR_FORMAT_Y444
} BitmarFormat;

/**
 * BitmarMatrix:
 * @BITMAR_MATRIX_BT601: standard definition
 * @BITMAR_MATRIX_BT709: high definition
 * @BITMAR_MATRIX_BT2020: ultra high definition
 *
 * How YUV becomes RGB.
 */
typedef enum {
  BITMAR_MATRIX_BT601,
  BITMAR_MATRIX_BT709,
  BITMAR_MATRIX_BT2020
} BitmarMatrix;

/**
 * BitmarImage:
 * @format: how the pixels lie
 * @width: pixels, 1 to 16384
 * @height: pixels, 1 to 16384
 * @planes: the first byte of the first row of each plane the format has
 * @strides: bytes from a row to the next, which may be negative
 * @matrix: YUV formats only
 * @full_range: YUV formats only: 0 to 255 instead of 16 to 235
 *
 * A picture.
 *
 * In C it is a struct on the stack that points at the caller's pixels for the length of a call; what is not set is zero:
 *
 * ```c
 * BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = 640, .height = 480, .planes = { pixels }, .strides = { 640 * 3 } };
 * ```
 *
 * Other languages, and who keeps pictures, use [ctor@Bitmar.Image.new].
 */
typedef struct {
  BitmarFormat format;
  guint width, height;
  const guint8 *planes[3];
  gint strides[3];
  BitmarMatrix matrix;
  gboolean full_range;

  /*< private >*/
  GBytes *pixels;              /* NULL: the caller's */
  gpointer reserved[3];
} BitmarImage;

#define BITMAR_TYPE_IMAGE (bitmar_image_get_type ())
BITMAR_API GType bitmar_image_get_type (void);

/**
 * bitmar_image_new:
 * @format: how the pixels lie
 * @width: pixels, 1 to 16384
 * @height: pixels, 1 to 16384
 * @pixels: all planes
 * @offsets: (nullable) (array length=n_offsets): where each plane's first row begins, in bytes; none: the planes follow each other
 * @n_offsets: 0, or as many as there are planes
 * @strides: (nullable) (array length=n_strides): bytes from a row to the next; none: the rows follow each other
 * @n_strides: 0, or as many as there are planes
 *
 * A picture that holds a reference to its pixels. They are not copied.
 *
 * Matrix and range of YUV are fields of what is returned (BT.601, 16 to 235). Error: `IMAGE`: a size out of range, or rows outside of @pixels.
 *
 * Returns: (transfer full): a picture
 */
BITMAR_API BitmarImage *bitmar_image_new (BitmarFormat format, guint width, guint height, GBytes *pixels, const gsize *offsets,
    gsize n_offsets, const gint *strides, gsize n_strides, GError **error);

/**
 * bitmar_image_copy:
 * @image: a picture
 *
 * A picture of its own. Pixels that @image only points at are copied, those that it holds are shared.
 *
 * Returns: (transfer full): a picture
 */
BITMAR_API BitmarImage *bitmar_image_copy (const BitmarImage *image);

/**
 * bitmar_image_free:
 * @image: a picture of [ctor@Bitmar.Image.new] or [method@Bitmar.Image.copy]
 *
 * Frees it and lets go of its pixels.
 */
BITMAR_API void bitmar_image_free (BitmarImage *image);

G_END_DECLS
