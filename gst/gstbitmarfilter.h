/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the three elements share: an always sink and source pad that video passes untouched, the model, the frame's time,
 * and whether the stream is live. Abstract. */
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "bitmar.h"
#include "gstbitmarenums.h"
#include "gstbitmarmeta.h"
#include "loader.h"

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_FILTER (gst_bitmar_filter_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstBitmarFilter, gst_bitmar_filter, GST, BITMAR_FILTER, GstElement)

struct _GstBitmarFilterClass {
  GstElementClass parent_class;

  /* Whether to warn on the bus of frames without timestamps: one of the three is enough. */
  gboolean warns_of_missing_time;
  /* READY to PAUSED, before any data; and back, after the last. */
  void (*start) (GstBitmarFilter *self);
  void (*stop) (GstBitmarFilter *self);
  /* In the loader's thread: make what needs the model. */
  gboolean (*load) (GstBitmarFilter *self, BitmarModel *model, GError **error);
  /* Any thread: whoever waits or works for this element returns soon (a flush or the way down). */
  void (*interrupt) (GstBitmarFilter *self);
  /* The rest is in the streaming thread. The caps' size may be unknown (0 by 0) where the template allows any caps. */
  void (*set_caps) (GstBitmarFilter *self, const GstVideoInfo *info);
  /* May make the buffer writable and hang metas on it, no more. */
  GstFlowReturn (*frame) (GstBitmarFilter *self, GstBuffer **buffer, const GstBitmarTime *time);
  /* After the push; may soften the result. */
  GstFlowReturn (*pushed) (GstBitmarFilter *self, GstFlowReturn flow);
  /* A serialised event, or FLUSH_START/FLUSH_STOP, before it goes on. */
  void (*event) (GstBitmarFilter *self, GstEvent **event);
  /* Any thread: an event from downstream. TRUE: it was for this element and goes no further. */
  gboolean (*upstream_event) (GstBitmarFilter *self, GstEvent *event);
  /* Any thread: a query of the sink pad. TRUE: it is answered. */
  gboolean (*query) (GstBitmarFilter *self, GstQuery *query);
};

/* The streaming thread's; the segment is that of the event() being handled, too. */
const GstSegment *gst_bitmar_filter_get_segment (GstBitmarFilter *self);
gboolean gst_bitmar_filter_is_live (GstBitmarFilter *self);
GstPad *gst_bitmar_filter_get_sink_pad (GstBitmarFilter *self);
GstPad *gst_bitmar_filter_get_src_pad (GstBitmarFilter *self);

/* Any thread while not stopped. NULL with *flow set: FLUSHING or ERROR (the message is posted), OK when not there yet
 * and not waited for. */
BitmarModel *gst_bitmar_filter_get_model (GstBitmarFilter *self, gboolean wait, GstFlowReturn *flow);
gboolean gst_bitmar_filter_is_interrupted (GstBitmarFilter *self);
/* Posts the error and lets the next frame() end with GST_FLOW_ERROR. Takes the error. */
void gst_bitmar_filter_fail (GstBitmarFilter *self, GError *error);

G_END_DECLS
