/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same picture in every format becomes the same RGB. */

#include <math.h>
#include <string.h>

#include "image.h"

#define SIZE 40

static const double luma[3][2] = { { 0.299, 0.114 }, { 0.2126, 0.0722 }, { 0.2627, 0.0593 } };

/* Large soft shapes, colours within what video range can hold. */
static double
soft (double x, double y, int c)
{
  return 128 + 70 * sin (2.1 * x + 1.3 * c) * cos (1.7 * y - c);
}

typedef struct {
  guint width, height;
  BitmarMatrix matrix;
  gboolean full_range;
  gboolean gray;
} Source;

/* Channel c (R G B or Y U V) at a point of the picture, 0..1 in both directions. */
static guint8
at (const Source *s, gboolean yuv, double x, double y, int c)
{
  double rgb[3], kr = luma[s->matrix][0], kb = luma[s->matrix][1], l, value;

  for (int i = 0; i < 3; i++)
    rgb[i] = soft (x, y, s->gray ? 0 : i);
  if (!yuv)
    return (guint8) (rgb[c] + 0.5);
  l = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
  if (c == 0)
    value = s->full_range ? l : 16 + l * 219 / 255;
  else
    value = 128 + (c == 1 ? (rgb[2] - l) / (2 - 2 * kb) : (rgb[0] - l) / (2 - 2 * kr)) * (s->full_range ? 1 : 224. / 255);
  return (guint8) (value + 0.5);
}

typedef struct {
  gboolean yuv;
  guint sub_x, sub_y;
  struct {
    guint plane, offset, step;
  } channel[3];
} Format;

/* Written down from the formats' definitions, apart from the code under test. */
static const Format formats[] = {
  [BITMAR_FORMAT_GRAY8] = { FALSE, 1, 1, { { 0, 0, 1 }, { 0, 0, 1 }, { 0, 0, 1 } } },
  [BITMAR_FORMAT_RGB] = { FALSE, 1, 1, { { 0, 0, 3 }, { 0, 1, 3 }, { 0, 2, 3 } } },
  [BITMAR_FORMAT_BGR] = { FALSE, 1, 1, { { 0, 2, 3 }, { 0, 1, 3 }, { 0, 0, 3 } } },
  [BITMAR_FORMAT_RGBX] = { FALSE, 1, 1, { { 0, 0, 4 }, { 0, 1, 4 }, { 0, 2, 4 } } },
  [BITMAR_FORMAT_BGRX] = { FALSE, 1, 1, { { 0, 2, 4 }, { 0, 1, 4 }, { 0, 0, 4 } } },
  [BITMAR_FORMAT_XRGB] = { FALSE, 1, 1, { { 0, 1, 4 }, { 0, 2, 4 }, { 0, 3, 4 } } },
  [BITMAR_FORMAT_XBGR] = { FALSE, 1, 1, { { 0, 3, 4 }, { 0, 2, 4 }, { 0, 1, 4 } } },
  [BITMAR_FORMAT_I420] = { TRUE, 2, 2, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
  [BITMAR_FORMAT_YV12] = { TRUE, 2, 2, { { 0, 0, 1 }, { 2, 0, 1 }, { 1, 0, 1 } } },
  [BITMAR_FORMAT_NV12] = { TRUE, 2, 2, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
  [BITMAR_FORMAT_NV21] = { TRUE, 2, 2, { { 0, 0, 1 }, { 1, 1, 2 }, { 1, 0, 2 } } },
  [BITMAR_FORMAT_YUY2] = { TRUE, 2, 1, { { 0, 0, 2 }, { 0, 1, 4 }, { 0, 3, 4 } } },
  [BITMAR_FORMAT_UYVY] = { TRUE, 2, 1, { { 0, 1, 2 }, { 0, 0, 4 }, { 0, 2, 4 } } },
  [BITMAR_FORMAT_Y42B] = { TRUE, 2, 1, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
  [BITMAR_FORMAT_Y444] = { TRUE, 1, 1, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
};

static guint
samples (guint n, guint sub)
{
  return (n + sub - 1) / sub;
}

/* Planes of exactly the bytes that count, so that a sanitizer sees every byte too many. */
static BitmarImage
make (const Source *s, BitmarFormat id, gint padding)
{
  const Format *f = &formats[id];
  BitmarImage image = { .format = id, .width = s->width, .height = s->height, .matrix = s->matrix,
    .full_range = s->full_range };
  guint rows[3] = { 0 };

  for (int c = 0; c < 3; c++) {
    guint w = samples (s->width, c ? f->sub_x : 1), plane = f->channel[c].plane;
    image.strides[plane] = MAX (image.strides[plane], (gint) (w * f->channel[c].step));
    rows[plane] = samples (s->height, c ? f->sub_y : 1);
  }
  for (int p = 0; p < 3 && rows[p]; p++) {
    image.planes[p] = g_malloc0 ((gsize) (rows[p] - 1) * (image.strides[p] + padding) + image.strides[p]);
    image.strides[p] += padding;
  }
  for (int c = 0; c < (id == BITMAR_FORMAT_GRAY8 ? 1 : 3); c++) {
    guint w = samples (s->width, c ? f->sub_x : 1), h = samples (s->height, c ? f->sub_y : 1);
    guint plane = f->channel[c].plane;

    for (guint y = 0; y < h; y++)
      for (guint x = 0; x < w; x++)
        ((guint8 *) image.planes[plane])[(gssize) y * image.strides[plane] + f->channel[c].offset
            + x * f->channel[c].step] = at (s, f->yuv, (x + 0.5) / w, (y + 0.5) / h, c);
  }
  return image;
}

static void
drop (BitmarImage *image)
{
  for (int p = 0; p < 3; p++)
    g_free ((guint8 *) image->planes[p]);
}

static void
convert (BitmarScaler *scaler, const BitmarImage *image, guint8 *rgb)
{
  GError *error = NULL;

  g_assert_true (bitmar_scaler_run (scaler, image, rgb, &error));
  g_assert_no_error (error);
}

static void
assert_near (const guint8 *a, const guint8 *b, int most, const char *what)
{
  int worst = 0;

  for (gsize i = 0; i < SIZE * SIZE * 3; i++)
    worst = MAX (worst, ABS (a[i] - b[i]));
  if (worst > most)
    g_error ("%s: differs by %d", what, worst);
}

/* Where chroma has a handful of samples, it cannot follow. */
static int
tolerance (const Format *f, guint width, guint height)
{
  if (!f->yuv)
    return 0;
  if (f->sub_x == 1 || width * height == 1)
    return 4;
  return MIN (width, height) > 8 ? 6 : 40;
}

static void
every_format (guint width, guint height)
{
  static const gint paddings[] = { 0, 5 };
  guint8 want[SIZE * SIZE * 3], got[SIZE * SIZE * 3];
  BitmarScaler scaler;

  bitmar_scaler_init (&scaler, SIZE);
  for (guint variant = 0; variant < 6; variant++) {
    for (gsize id = 0; id < G_N_ELEMENTS (formats); id++) {
      Source s = { width, height, variant % 3, variant / 3, id == BITMAR_FORMAT_GRAY8 };
      BitmarImage plain = make (&s, BITMAR_FORMAT_RGB, 0);
      char *what = g_strdup_printf ("%ux%u format %zu variant %u", width, height, id, variant);

      convert (&scaler, &plain, want);
      for (gsize p = 0; p < G_N_ELEMENTS (paddings); p++) {
        BitmarImage image = make (&s, id, paddings[p]);
        convert (&scaler, &image, got);
        assert_near (want, got, tolerance (&formats[id], width, height), what);
        drop (&image);
      }
      g_free (what);
      drop (&plain);
    }
  }
  bitmar_scaler_clear (&scaler);
}

static void
test_formats (void)
{
  every_format (96, 64);
  every_format (97, 65);
  every_format (33, 31);
  every_format (SIZE, SIZE);
  every_format (3, 5);
  every_format (2, 1);
  every_format (1, 1);
  every_format (1, 700);
}

/* A picture stored bottom up is the same picture. */
static void
test_negative_strides (void)
{
  guint8 want[SIZE * SIZE * 3], got[SIZE * SIZE * 3];
  BitmarScaler scaler;

  bitmar_scaler_init (&scaler, SIZE);
  for (gsize id = 0; id < G_N_ELEMENTS (formats); id++) {
    Source s = { 51, 37, BITMAR_MATRIX_BT709, FALSE, FALSE };
    BitmarImage image = make (&s, id, 3), flipped = image;

    convert (&scaler, &image, want);
    for (int p = 0; p < 3 && image.planes[p]; p++) {
      guint rows = samples (s.height, p ? formats[id].sub_y : 1), stride = image.strides[p];
      guint8 *copy = g_malloc0 ((gsize) rows * stride);
      for (guint y = 0; y < rows; y++)
        memcpy (copy + (gsize) (rows - 1 - y) * stride, image.planes[p] + (gsize) y * stride, stride - 3);
      flipped.planes[p] = copy + (gsize) (rows - 1) * stride;
      flipped.strides[p] = -(gint) stride;
    }
    convert (&scaler, &flipped, got);
    g_assert_cmpmem (want, sizeof want, got, sizeof got);
    for (int p = 0; p < 3 && image.planes[p]; p++)
      flipped.planes[p] += (gssize) flipped.strides[p] * (samples (s.height, p ? formats[id].sub_y : 1) - 1);
    drop (&flipped);
    drop (&image);
  }
  bitmar_scaler_clear (&scaler);
}

/* A copy that holds its pixels, rows behind rows, is the same picture; of one byte less there is none. */
static void
check_held (BitmarScaler *scaler, const BitmarImage *image)
{
  guint8 want[SIZE * SIZE * 3], got[SIZE * SIZE * 3];
  BitmarImage *copy = bitmar_image_copy (image), *shared;
  GBytes *less = g_bytes_new_from_bytes (copy->pixels, 0, g_bytes_get_size (copy->pixels) - 1);
  GError *error = NULL;

  convert (scaler, image, want);
  convert (scaler, copy, got);
  g_assert_cmpmem (want, sizeof want, got, sizeof got);
  shared = bitmar_image_copy (copy);
  g_assert_true (shared->pixels == copy->pixels);
  bitmar_image_free (copy);
  convert (scaler, shared, got);
  g_assert_cmpmem (want, sizeof want, got, sizeof got);
  g_assert_null (bitmar_image_new (image->format, image->width, image->height, less, NULL, 0, NULL, 0, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_IMAGE);
  g_error_free (error);
  g_bytes_unref (less);
  bitmar_image_free (shared);
}

static void
test_held (void)
{
  static const guint sizes[][2] = { { 64, 48 }, { 33, 31 }, { 1, 1 }, { 2, 1 }, { 1, 3 } };
  BitmarScaler scaler;

  bitmar_scaler_init (&scaler, SIZE);
  for (gsize id = 0; id < G_N_ELEMENTS (formats); id++)
    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
      Source s = { sizes[i][0], sizes[i][1], BITMAR_MATRIX_BT709, TRUE, FALSE };
      BitmarImage image = make (&s, id, 5);

      check_held (&scaler, &image);
      drop (&image);
    }
  bitmar_scaler_clear (&scaler);
}

/* Going back and forth between sizes leaves no trace. */
static void
test_size_change (void)
{
  static const guint sizes[][2] = { { 64, 48 }, { 1, 1 }, { 65, 48 }, { 64, 49 }, { 640, 3 }, { 64, 48 } };
  guint8 first[SIZE * SIZE * 3], got[SIZE * SIZE * 3], fresh[SIZE * SIZE * 3];
  BitmarScaler scaler;

  bitmar_scaler_init (&scaler, SIZE);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    Source s = { sizes[i][0], sizes[i][1], BITMAR_MATRIX_BT601, FALSE, FALSE };
    BitmarImage image = make (&s, BITMAR_FORMAT_NV12, 0);
    BitmarScaler other;

    bitmar_scaler_init (&other, SIZE);
    convert (&scaler, &image, got);
    convert (&other, &image, fresh);
    g_assert_cmpmem (got, sizeof got, fresh, sizeof fresh);
    if (i == 0)
      memcpy (first, got, sizeof got);
    bitmar_scaler_clear (&other);
    drop (&image);
  }
  g_assert_cmpmem (first, sizeof first, got, sizeof got);
  bitmar_scaler_clear (&scaler);
}

static void
refuse (BitmarScaler *scaler, BitmarImage image)
{
  guint8 rgb[SIZE * SIZE * 3];
  GError *error = NULL;

  g_assert_false (bitmar_scaler_run (scaler, &image, rgb, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_IMAGE);
  g_error_free (error);
}

#define WITH(statement) G_STMT_START { BitmarImage i = image; statement; refuse (&scaler, i); } G_STMT_END

static void
test_refusals (void)
{
  BitmarScaler scaler;

  bitmar_scaler_init (&scaler, SIZE);
  for (gsize id = 0; id < G_N_ELEMENTS (formats); id++) {
    Source s = { 21, 11, BITMAR_MATRIX_BT601, FALSE, FALSE };
    BitmarImage image = make (&s, id, 0);

    WITH (i.width = 0);
    WITH (i.height = 0);
    WITH (i.width = 16385);
    WITH (i.height = G_MAXUINT);
    WITH (i.format = (BitmarFormat) G_N_ELEMENTS (formats));
    WITH (i.format = (BitmarFormat) -1);
    if (formats[id].yuv)
      WITH (i.matrix = (BitmarMatrix) 3);
    for (int p = 0; p < 3 && image.planes[p]; p++) {
      WITH (i.planes[p] = NULL);
      WITH (i.strides[p]--);
      WITH (i.strides[p] = 1 - i.strides[p]);
      WITH (i.strides[p] = 0);
    }
    drop (&image);
  }
  bitmar_scaler_clear (&scaler);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/image/formats", test_formats);
  g_test_add_func ("/image/negative-strides", test_negative_strides);
  g_test_add_func ("/image/held", test_held);
  g_test_add_func ("/image/size-change", test_size_change);
  g_test_add_func ("/image/refusals", test_refusals);
  return g_test_run ();
}
