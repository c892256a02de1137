/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image.h"

#include <string.h>

#define MAX_SIDE 16384

typedef struct {
  guint8 plane, offset, step;
} Channel;

typedef struct {
  guint8 channels;                     /* 1 or 3 */
  gboolean yuv;
  guint8 shift_x, shift_y;             /* of the second and third channel */
  Channel channel[3];                  /* R G B, or Y U V */
} Layout;

static const Layout layouts[] = {
  [BITMAR_FORMAT_GRAY8] = { 1, FALSE, 0, 0, { { 0, 0, 1 } } },
  [BITMAR_FORMAT_RGB] = { 3, FALSE, 0, 0, { { 0, 0, 3 }, { 0, 1, 3 }, { 0, 2, 3 } } },
  [BITMAR_FORMAT_BGR] = { 3, FALSE, 0, 0, { { 0, 2, 3 }, { 0, 1, 3 }, { 0, 0, 3 } } },
  [BITMAR_FORMAT_RGBX] = { 3, FALSE, 0, 0, { { 0, 0, 4 }, { 0, 1, 4 }, { 0, 2, 4 } } },
  [BITMAR_FORMAT_BGRX] = { 3, FALSE, 0, 0, { { 0, 2, 4 }, { 0, 1, 4 }, { 0, 0, 4 } } },
  [BITMAR_FORMAT_XRGB] = { 3, FALSE, 0, 0, { { 0, 1, 4 }, { 0, 2, 4 }, { 0, 3, 4 } } },
  [BITMAR_FORMAT_XBGR] = { 3, FALSE, 0, 0, { { 0, 3, 4 }, { 0, 2, 4 }, { 0, 1, 4 } } },
  [BITMAR_FORMAT_I420] = { 3, TRUE, 1, 1, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
  [BITMAR_FORMAT_YV12] = { 3, TRUE, 1, 1, { { 0, 0, 1 }, { 2, 0, 1 }, { 1, 0, 1 } } },
  [BITMAR_FORMAT_NV12] = { 3, TRUE, 1, 1, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
  [BITMAR_FORMAT_NV21] = { 3, TRUE, 1, 1, { { 0, 0, 1 }, { 1, 1, 2 }, { 1, 0, 2 } } },
  [BITMAR_FORMAT_YUY2] = { 3, TRUE, 1, 0, { { 0, 0, 2 }, { 0, 1, 4 }, { 0, 3, 4 } } },
  [BITMAR_FORMAT_UYVY] = { 3, TRUE, 1, 0, { { 0, 1, 2 }, { 0, 0, 4 }, { 0, 2, 4 } } },
  [BITMAR_FORMAT_Y42B] = { 3, TRUE, 1, 0, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
  [BITMAR_FORMAT_Y444] = { 3, TRUE, 0, 0, { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1 } } },
};

void
bitmar_scaler_init (BitmarScaler *scaler, gsize size)
{
  memset (scaler, 0, sizeof *scaler);
  scaler->size = size;
}

static void
plane_plan_clear (BitmarPlanePlan *p)
{
  g_free (p->memory);
  memset (p, 0, sizeof *p);
}

void
bitmar_scaler_clear (BitmarScaler *scaler)
{
  plane_plan_clear (&scaler->full);
  plane_plan_clear (&scaler->chroma);
}

static gboolean
plane_plan (BitmarPlanePlan *p, gsize width, gsize height, gsize size, GError **error)
{
  gsize bytes;

  if (p->plan && p->width == width && p->height == height)
    return TRUE;
  plane_plan_clear (p);
  bytes = bmk_resample_size (width, height, size, size);
  p->memory = bytes ? g_try_malloc (bytes + BMK_ALIGN) : NULL;
  if (!p->memory) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "no memory to scale a %zux%zu picture", width, height);
    return FALSE;
  }
  p->plan = bmk_resample_init ((void *) (((guintptr) p->memory + BMK_ALIGN - 1) / BMK_ALIGN * BMK_ALIGN), width,
      height, size, size);
  p->width = width;
  p->height = height;
  return TRUE;
}

static gsize
channel_width (const Layout *layout, const BitmarImage *image, gsize c)
{
  return c && layout->shift_x ? ((gsize) image->width + 1) / 2 : image->width;
}

static gsize
channel_height (const Layout *layout, const BitmarImage *image, gsize c)
{
  return c && layout->shift_y ? ((gsize) image->height + 1) / 2 : image->height;
}

static gboolean
refuse (GError **error, const char *what, guint n)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_IMAGE, "%s (%u)", what, n);
  return FALSE;
}

static gboolean
check_size (const BitmarImage *image, GError **error)
{
  if ((gsize) image->format >= G_N_ELEMENTS (layouts))
    return refuse (error, "unknown picture format", image->format);
  if (image->width < 1 || image->width > MAX_SIDE)
    return refuse (error, "picture width out of range", image->width);
  if (image->height < 1 || image->height > MAX_SIDE)
    return refuse (error, "picture height out of range", image->height);
  return TRUE;
}

static gboolean
check (const BitmarImage *image, GError **error)
{
  const Layout *layout;

  if (!check_size (image, error))
    return FALSE;
  layout = &layouts[image->format];
  if (layout->yuv && (gsize) image->matrix > BITMAR_MATRIX_BT2020)
    return refuse (error, "unknown colour matrix", image->matrix);
  for (gsize c = 0; c < layout->channels; c++) {
    const Channel *channel = &layout->channel[c];
    gint64 row = (gint64) channel_width (layout, image, c) * channel->step;

    if (!image->planes[channel->plane])
      return refuse (error, "missing picture plane", channel->plane);
    if (ABS ((gint64) image->strides[channel->plane]) < row)
      return refuse (error, "stride shorter than a row of plane", channel->plane);
  }
  return TRUE;
}

/* ---- Pictures that hold their pixels ------------------------------------------------------------- */

static guint
n_planes (const Layout *layout)
{
  guint8 last = 0;

  for (gsize c = 0; c < layout->channels; c++)
    last = MAX (last, layout->channel[c].plane);
  return last + 1u;
}

static void
plane_size (const Layout *layout, const BitmarImage *image, guint plane, gsize *row, gsize *rows)
{
  *row = *rows = 0;
  for (gsize c = 0; c < layout->channels; c++)
    if (layout->channel[c].plane == plane) {
      *row = MAX (*row, channel_width (layout, image, c) * layout->channel[c].step);
      *rows = channel_height (layout, image, c);
    }
}

/* Where the rows of a plane end if they follow each other, and whether those that do not are within the bytes. */
static gboolean
place (BitmarImage *image, guint plane, gsize *at, const gsize *offsets, const gint *strides, GError **error)
{
  gsize row, rows, size = g_bytes_get_size (image->pixels), offset;
  gint64 first, last;

  plane_size (&layouts[image->format], image, plane, &row, &rows);
  offset = offsets ? offsets[plane] : *at;
  image->strides[plane] = strides ? strides[plane] : (gint) row;
  first = last = (gint64) MIN (offset, G_MAXINT64 / 2);
  if (image->strides[plane] < 0)
    first += (gint64) image->strides[plane] * ((gint64) rows - 1);
  else
    last += (gint64) image->strides[plane] * ((gint64) rows - 1);
  *at = (gsize) last + row;
  if (first < 0 || *at > size) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_IMAGE, "plane %u of a %ux%u picture takes bytes %" G_GINT64_FORMAT " to %" G_GSIZE_FORMAT
        ", but there are %" G_GSIZE_FORMAT, plane, image->width, image->height, first, *at, size);
    return FALSE;
  }
  image->planes[plane] = (const guint8 *) g_bytes_get_data (image->pixels, NULL) + offset;
  return TRUE;
}

static gboolean
place_all (BitmarImage *image, const gsize *offsets, gsize n_offsets, const gint *strides, gsize n_strides, GError **error)
{
  guint n;
  gsize at = 0;

  if (!check_size (image, error))
    return FALSE;
  n = n_planes (&layouts[image->format]);
  if ((n_offsets && n_offsets != n) || (n_strides && n_strides != n))
    return refuse (error, "as many offsets and strides are needed as the format has planes", n);
  for (guint plane = 0; plane < n; plane++)
    if (!place (image, plane, &at, n_offsets ? offsets : NULL, n_strides ? strides : NULL, error))
      return FALSE;
  return check (image, error);
}

BitmarImage *
bitmar_image_new (BitmarFormat format, guint width, guint height, GBytes *pixels, const gsize *offsets, gsize n_offsets,
    const gint *strides, gsize n_strides, GError **error)
{
  BitmarImage image = { .format = format, .width = width, .height = height, .pixels = pixels };

  if (!place_all (&image, offsets, n_offsets, strides, n_strides, error))
    return NULL;
  g_bytes_ref (pixels);
  return g_memdup2 (&image, sizeof image);
}

/* Rows that follow each other, plane behind plane. */
static GBytes *
copy_pixels (const BitmarImage *image)
{
  const Layout *layout = &layouts[image->format];
  GByteArray *all = g_byte_array_new ();

  for (guint plane = 0; plane < n_planes (layout); plane++) {
    gsize row, rows;

    plane_size (layout, image, plane, &row, &rows);
    for (gsize y = 0; y < rows; y++)
      g_byte_array_append (all, image->planes[plane] + (gssize) y * image->strides[plane], (guint) row);
  }
  return g_byte_array_free_to_bytes (all);
}

/* What is no picture stays none. */
BitmarImage *
bitmar_image_copy (const BitmarImage *image)
{
  BitmarImage *copy;
  GBytes *pixels;

  if (image->pixels || !check (image, NULL)) {
    copy = g_memdup2 (image, sizeof *image);
    if (copy->pixels)
      g_bytes_ref (copy->pixels);
    return copy;
  }
  pixels = copy_pixels (image);
  copy = bitmar_image_new (image->format, image->width, image->height, pixels, NULL, 0, NULL, 0, NULL);
  g_bytes_unref (pixels);
  copy->matrix = image->matrix;
  copy->full_range = image->full_range;
  return copy;
}

void
bitmar_image_free (BitmarImage *image)
{
  g_clear_pointer (&image->pixels, g_bytes_unref);
  g_free (image);
}

/* ---- Scaling ------------------------------------------------------------------------------------- */

static void
to_rgb (const BitmarImage *image, guint8 *rgb, gsize pixels)
{
  static const double luma[][2] = { { 0.299, 0.114 }, { 0.2126, 0.0722 }, { 0.2627, 0.0593 } };
  BmkColorMatrix matrix;

  bmk_color_matrix_init (&matrix, luma[image->matrix][0], luma[image->matrix][1], image->full_range);
  bmk_yuv_to_rgb (rgb, pixels, &matrix);
}

static void
gray_to_rgb (guint8 *rgb, gsize pixels)
{
  for (gsize i = 0; i < pixels; i++)
    rgb[3 * i + 1] = rgb[3 * i + 2] = rgb[3 * i];
}

gboolean
bitmar_scaler_run (BitmarScaler *scaler, const BitmarImage *image, guint8 *rgb, GError **error)
{
  const Layout *layout;
  gsize pixels = scaler->size * scaler->size;

  if (!check (image, error))
    return FALSE;
  layout = &layouts[image->format];
  for (gsize c = 0; c < layout->channels; c++) {
    const Channel *channel = &layout->channel[c];
    gboolean sub = c && (layout->shift_x || layout->shift_y);
    BitmarPlanePlan *p = sub ? &scaler->chroma : &scaler->full;

    if (!plane_plan (p, channel_width (layout, image, c), channel_height (layout, image, c), scaler->size, error))
      return FALSE;
    bmk_resample (p->plan, rgb + c, 3, image->planes[channel->plane] + channel->offset, channel->step,
        image->strides[channel->plane]);
  }
  if (layout->yuv)
    to_rgb (image, rgb, pixels);
  else if (layout->channels == 1)
    gray_to_rgb (rgb, pixels);
  return TRUE;
}
