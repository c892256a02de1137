/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_BITMAR_ONVIF (gst_bitmar_onvif_get_type ())
G_DECLARE_FINAL_TYPE (GstBitmarOnvif, gst_bitmar_onvif, GST, BITMAR_ONVIF, GstElement)
GST_ELEMENT_REGISTER_DECLARE (bitmaronvif)

G_END_DECLS
