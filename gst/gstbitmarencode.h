/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "gstbitmarfilter.h"

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_ENCODE (gst_bitmar_encode_get_type ())
G_DECLARE_FINAL_TYPE (GstBitmarEncode, gst_bitmar_encode, GST, BITMAR_ENCODE, GstBitmarFilter)

GST_ELEMENT_REGISTER_DECLARE (bitmarencode)

G_END_DECLS
