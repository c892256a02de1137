/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "gstbitmarfilter.h"

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_CAPTION (gst_bitmar_caption_get_type ())
G_DECLARE_FINAL_TYPE (GstBitmarCaption, gst_bitmar_caption, GST, BITMAR_CAPTION, GstBitmarFilter)

GST_ELEMENT_REGISTER_DECLARE (bitmarcaption)

G_END_DECLS
