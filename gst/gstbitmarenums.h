/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstBitmarMode:
 * @GST_BITMAR_MODE_AUTO: live when upstream says so (LATENCY query), else synchronous
 * @GST_BITMAR_MODE_LIVE: work in a thread of its own, on the newest frame; the video never waits
 * @GST_BITMAR_MODE_SYNCHRONOUS: work on every due frame while the video waits; the result is deterministic
 */
typedef enum {
  GST_BITMAR_MODE_AUTO,
  GST_BITMAR_MODE_LIVE,
  GST_BITMAR_MODE_SYNCHRONOUS
} GstBitmarMode;

/**
 * GstBitmarRepeat:
 * @GST_BITMAR_REPEAT_SUPPRESS: a caption that says the same again is not announced; the text stays up
 * @GST_BITMAR_REPEAT_HOLD: it is announced as a repeat of the caption that stays up
 * @GST_BITMAR_REPEAT_ALWAYS: it is a new caption
 */
typedef enum {
  GST_BITMAR_REPEAT_SUPPRESS,
  GST_BITMAR_REPEAT_HOLD,
  GST_BITMAR_REPEAT_ALWAYS
} GstBitmarRepeat;

/**
 * GstBitmarTextMode:
 * @GST_BITMAR_TEXT_MODE_LIVE: short buffers that abut, for overlays
 * @GST_BITMAR_TEXT_MODE_CUE: one buffer per caption, for subtitle files
 */
typedef enum {
  GST_BITMAR_TEXT_MODE_LIVE,
  GST_BITMAR_TEXT_MODE_CUE
} GstBitmarTextMode;

#define GST_TYPE_BITMAR_MODE (gst_bitmar_mode_get_type ())
GType gst_bitmar_mode_get_type (void);
#define GST_TYPE_BITMAR_REPEAT (gst_bitmar_repeat_get_type ())
GType gst_bitmar_repeat_get_type (void);
#define GST_TYPE_BITMAR_TEXT_MODE (gst_bitmar_text_mode_get_type ())
GType gst_bitmar_text_mode_get_type (void);

G_END_DECLS
