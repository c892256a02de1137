/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "picture.h"

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

static gboolean
is_plain_memory (GstBuffer *buffer)
{
  for (guint i = 0; i < gst_buffer_n_memory (buffer); i++)
    if (!gst_memory_is_type (gst_buffer_peek_memory (buffer, i), GST_ALLOCATOR_SYSMEM))
      return FALSE;
  return TRUE;
}

static gboolean
grows (GstBufferPool *pool)
{
  GstStructure *config = gst_buffer_pool_get_config (pool);
  guint most = 1;

  gst_buffer_pool_config_get_params (config, NULL, NULL, NULL, &most);
  gst_structure_free (config);
  return most == 0;
}

GstBuffer *
bitmar_picture_keep (GstBuffer *buffer, const GstVideoInfo *from, GstVideoInfo *info)
{
  if (!is_plain_memory (buffer) || (buffer->pool && !grows (buffer->pool)))
    return bitmar_picture_copy (buffer, from, info);
  *info = *from;
  return gst_buffer_ref (buffer);
}
