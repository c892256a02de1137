/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thumbnail.h"

void
bitmar_thumbnailer_clear (BitmarThumbnailer *t)
{
  g_clear_pointer (&t->converter, gst_video_converter_free);
}

/* Square pixels, whatever the frame's are. */
static void
choose_size (const GstVideoInfo *from, guint width, gint *w, gint *h)
{
  guint64 wide = gst_util_uint64_scale_int (GST_VIDEO_INFO_WIDTH (from), GST_VIDEO_INFO_PAR_N (from), GST_VIDEO_INFO_PAR_D (from));

  *w = (gint) CLAMP (wide, 1, width);
  *h = (gint) CLAMP (gst_util_uint64_scale_round (GST_VIDEO_INFO_HEIGHT (from), *w, MAX (wide, 1)), 1, 16384);
}

static gboolean
prepare (BitmarThumbnailer *t, const GstVideoInfo *from, guint width)
{
  gint w, h;

  choose_size (from, width, &w, &h);
  if (t->converter && gst_video_info_is_equal (&t->from, from) && w == GST_VIDEO_INFO_WIDTH (&t->to)
      && h == GST_VIDEO_INFO_HEIGHT (&t->to))
    return TRUE;
  bitmar_thumbnailer_clear (t);
  t->from = *from;
  gst_video_info_set_format (&t->to, GST_VIDEO_FORMAT_RGB, w, h);
  GST_VIDEO_INFO_FPS_N (&t->to) = GST_VIDEO_INFO_FPS_N (from);
  GST_VIDEO_INFO_FPS_D (&t->to) = GST_VIDEO_INFO_FPS_D (from);
  t->converter = gst_video_converter_new (&t->from, &t->to, gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR, NULL));
  return t->converter != NULL;
}

GstSample *
bitmar_thumbnailer_make (BitmarThumbnailer *t, GstVideoFrame *frame, guint width)
{
  GstVideoFrame small;
  GstSample *sample;
  GstBuffer *buffer;
  GstCaps *caps;

  if (!prepare (t, &frame->info, width))
    return NULL;
  buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&t->to), NULL);
  if (!buffer || !gst_video_frame_map (&small, &t->to, buffer, GST_MAP_WRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    gst_clear_buffer (&buffer);
    return NULL;
  }
  gst_video_converter_frame (t->converter, frame, &small);
  gst_video_frame_unmap (&small);
  caps = gst_video_info_to_caps (&t->to);
  sample = gst_sample_new (buffer, caps, NULL, NULL);
  gst_caps_unref (caps);
  gst_buffer_unref (buffer);
  return sample;
}

GBytes *
bitmar_thumbnail_to_jpeg (GstSample *thumbnail, GError **error)
{
  GstCaps *caps = gst_caps_new_empty_simple ("image/jpeg");
  GstSample *jpeg = gst_video_convert_sample (thumbnail, caps, 5 * GST_SECOND, error);
  gsize size = 0;
  gpointer data = NULL;

  gst_caps_unref (caps);
  if (!jpeg)
    return NULL;
  gst_buffer_extract_dup (gst_sample_get_buffer (jpeg), 0, -1, &data, &size);
  gst_sample_unref (jpeg);
  return g_bytes_new_take (data, size);
}
