/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/rtp/rtp.h>

G_BEGIN_DECLS

#define GST_TYPE_RTP_BITMAR_ONVIF_PAY (gst_rtp_bitmar_onvif_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstRtpBitmarOnvifPay, gst_rtp_bitmar_onvif_pay, GST, RTP_BITMAR_ONVIF_PAY, GstRTPBasePayload)
GST_ELEMENT_REGISTER_DECLARE (rtpbitmaronvifpay)

G_END_DECLS
