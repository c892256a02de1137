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
check (const BitmarImage *image, GError **error)
{
  const Layout *layout;

  if ((gsize) image->format >= G_N_ELEMENTS (layouts))
    return refuse (error, "unknown picture format", image->format);
  if (image->width < 1 || image->width > MAX_SIDE)
    return refuse (error, "picture width out of range", image->width);
  if (image->height < 1 || image->height > MAX_SIDE)
    return refuse (error, "picture height out of range", image->height);
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
