/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_CAPTION_BIN (gst_bitmar_caption_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstBitmarCaptionBin, gst_bitmar_caption_bin, GST, BITMAR_CAPTION_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE (bitmarcaptionbin)

G_END_DECLS
