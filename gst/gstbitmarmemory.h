/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "gstbitmarfilter.h"

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_MEMORY (gst_bitmar_memory_get_type ())
G_DECLARE_FINAL_TYPE (GstBitmarMemory, gst_bitmar_memory, GST, BITMAR_MEMORY, GstBitmarFilter)

GST_ELEMENT_REGISTER_DECLARE (bitmarmemory)

G_END_DECLS
