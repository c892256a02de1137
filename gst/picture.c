/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "picture.h"

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

static BitmarMatrix
matrix_of (GstVideoColorMatrix matrix)
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

gboolean
bitmar_picture_from_frame (const GstVideoFrame *frame, BitmarImage *image)
{
  const GstVideoInfo *info = &frame->info;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (formats[i].from != GST_VIDEO_INFO_FORMAT (info))
      continue;
    *image = (BitmarImage) { .format = formats[i].to, .width = GST_VIDEO_INFO_WIDTH (info),
      .height = GST_VIDEO_INFO_HEIGHT (info), .matrix = matrix_of (info->colorimetry.matrix),
      .full_range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 };
    for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
      image->planes[p] = GST_VIDEO_FRAME_PLANE_DATA (frame, p);
      image->strides[p] = GST_VIDEO_FRAME_PLANE_STRIDE (frame, p);
    }
    return TRUE;
  }
  return FALSE;
}

GstBuffer *
bitmar_picture_copy (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info)
{
  GstVideoFrame source, target;
  GstBuffer *copy = NULL;

  if (!gst_video_frame_map (&source, from, buffer, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return NULL;
  gst_video_info_set_format (info, GST_VIDEO_INFO_FORMAT (from), GST_VIDEO_INFO_WIDTH (from),
      GST_VIDEO_INFO_HEIGHT (from));
  info->colorimetry = from->colorimetry;
  copy = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  if (copy && gst_video_frame_map (&target, info, copy, GST_MAP_WRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    gst_video_frame_copy (&target, &source);
    gst_video_frame_unmap (&target);
  } else {
    gst_clear_buffer (&copy);
  }
  gst_video_frame_unmap (&source);
  return copy;
}
