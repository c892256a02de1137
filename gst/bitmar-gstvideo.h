/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For applications that use libbitmar on GStreamer's video frames without our elements. Header only. */
#pragma once

#include <bitmar.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* The formats the engine reads, for caps. */
#define BITMAR_VIDEO_FORMATS "{ NV12, NV21, I420, YV12, YUY2, UYVY, Y42B, Y444, RGB, BGR, RGBx, BGRx, xRGB, xBGR, " \
    "RGBA, BGRA, ARGB, ABGR, GRAY8 }"
#define BITMAR_VIDEO_CAPS "video/x-raw, format = (string) " BITMAR_VIDEO_FORMATS ", width = (int) [ 1, 16384 ], " \
    "height = (int) [ 1, 16384 ], framerate = (fraction) [ 0/1, MAX ]"

static inline gboolean
bitmar_format_from_video (GstVideoFormat from, BitmarFormat *to)
{
  static const struct {
    GstVideoFormat from;
    BitmarFormat to;
  } formats[] = {
    { GST_VIDEO_FORMAT_GRAY8, BITMAR_FORMAT_GRAY8 },
    { GST_VIDEO_FORMAT_RGB, BITMAR_FORMAT_RGB },
    { GST_VIDEO_FORMAT_BGR, BITMAR_FORMAT_BGR },
    { GST_VIDEO_FORMAT_RGBx, BITMAR_FORMAT_RGBX },
    { GST_VIDEO_FORMAT_RGBA, BITMAR_FORMAT_RGBX },
    { GST_VIDEO_FORMAT_BGRx, BITMAR_FORMAT_BGRX },
    { GST_VIDEO_FORMAT_BGRA, BITMAR_FORMAT_BGRX },
    { GST_VIDEO_FORMAT_xRGB, BITMAR_FORMAT_XRGB },
    { GST_VIDEO_FORMAT_ARGB, BITMAR_FORMAT_XRGB },
    { GST_VIDEO_FORMAT_xBGR, BITMAR_FORMAT_XBGR },
    { GST_VIDEO_FORMAT_ABGR, BITMAR_FORMAT_XBGR },
    { GST_VIDEO_FORMAT_I420, BITMAR_FORMAT_I420 },
    { GST_VIDEO_FORMAT_YV12, BITMAR_FORMAT_YV12 },
    { GST_VIDEO_FORMAT_NV12, BITMAR_FORMAT_NV12 },
    { GST_VIDEO_FORMAT_NV21, BITMAR_FORMAT_NV21 },
    { GST_VIDEO_FORMAT_YUY2, BITMAR_FORMAT_YUY2 },
    { GST_VIDEO_FORMAT_UYVY, BITMAR_FORMAT_UYVY },
    { GST_VIDEO_FORMAT_Y42B, BITMAR_FORMAT_Y42B },
    { GST_VIDEO_FORMAT_Y444, BITMAR_FORMAT_Y444 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].from == from) {
      *to = formats[i].to;
      return TRUE;
    }
  return FALSE;
}

static inline BitmarMatrix
bitmar_matrix_from_video (GstVideoColorMatrix matrix)
{
  switch (matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      return BITMAR_MATRIX_BT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return BITMAR_MATRIX_BT2020;
    default:
      return BITMAR_MATRIX_BT601;
  }
}

/**
 * bitmar_image_from_video_frame:
 * @image: (out): the frame's planes, borrowed until it is unmapped
 * @frame: mapped for reading
 *
 * Returns: FALSE for a format the engine does not read
 */
static inline gboolean
bitmar_image_from_video_frame (BitmarImage *image, const GstVideoFrame *frame)
{
  const GstVideoInfo *info = &frame->info;
  BitmarFormat format;

  if (!bitmar_format_from_video (GST_VIDEO_INFO_FORMAT (info), &format))
    return FALSE;
  *image = (BitmarImage) { .format = format, .width = GST_VIDEO_INFO_WIDTH (info), .height = GST_VIDEO_INFO_HEIGHT (info),
    .matrix = bitmar_matrix_from_video (info->colorimetry.matrix),
    .full_range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 };
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
    image->planes[p] = (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, p);
    image->strides[p] = GST_VIDEO_FRAME_PLANE_STRIDE (frame, p);
  }
  return TRUE;
}

G_END_DECLS
