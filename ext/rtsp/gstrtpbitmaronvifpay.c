/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-rtpbitmaronvifpay
 * @title: rtpbitmaronvifpay
 * @see_also: bitmaronvif
 *
 * Puts ONVIF metadata documents into RTP packets (vnd.onvif.metadata, 90 kHz). A document that is longer than the `mtu` is
 * spread over several packets; the marker bit is set on a document's last one.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 … ! bitmarcaption name=c ! fakesink  c.json_src ! bitmaronvif ! rtpbitmaronvifpay ! udpsink host=127.0.0.1 port=5004
 * ]|
 */

#include "gstrtpbitmaronvifpay.h"

GST_DEBUG_CATEGORY_STATIC (rtp_bitmar_onvif_pay_debug);
#define GST_CAT_DEFAULT rtp_bitmar_onvif_pay_debug

struct _GstRtpBitmarOnvifPay {
  GstRTPBasePayload parent;
};

G_DEFINE_FINAL_TYPE (GstRtpBitmarOnvifPay, gst_rtp_bitmar_onvif_pay, GST_TYPE_RTP_BASE_PAYLOAD)
GST_ELEMENT_REGISTER_DEFINE (rtpbitmaronvifpay, "rtpbitmaronvifpay", GST_RANK_NONE, GST_TYPE_RTP_BITMAR_ONVIF_PAY)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-onvif-metadata, parsed = (boolean) true"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp, media = (string) \"application\", payload = (int) [ 96, 127 ], clock-rate = (int) 90000, "
        "encoding-name = (string) \"VND.ONVIF.METADATA\""));

static gboolean
set_caps (GstRTPBasePayload *pay, GstCaps *caps)
{
  gst_rtp_base_payload_set_options (pay, "application", TRUE, "VND.ONVIF.METADATA", 90000);
  return gst_rtp_base_payload_set_outcaps (pay, NULL);
}

/* A packet with `size` bytes of the document from `at` on; nothing is copied. */
static GstBuffer *
make_packet (GstRTPBasePayload *pay, GstBuffer *document, gsize at, gsize size, gboolean last)
{
  GstBuffer *packet = gst_rtp_base_payload_allocate_output_buffer (pay, 0, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  gst_rtp_buffer_map (packet, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_marker (&rtp, last);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_PTS (packet) = GST_BUFFER_PTS (document);
  GST_BUFFER_DTS (packet) = GST_BUFFER_DTS (document);
  return gst_buffer_append (packet, gst_buffer_copy_region (document, GST_BUFFER_COPY_MEMORY, at, size));
}

static GstFlowReturn
handle_buffer (GstRTPBasePayload *pay, GstBuffer *document)
{
  gsize size = gst_buffer_get_size (document);
  gsize room = gst_rtp_buffer_calc_payload_len (GST_RTP_BASE_PAYLOAD_MTU (pay), 0, 0);
  GstBufferList *packets;

  if (size == 0) {
    gst_buffer_unref (document);
    return GST_FLOW_OK;
  }
  packets = gst_buffer_list_new_sized ((size + room - 1) / room);
  for (gsize at = 0; at < size; at += room)
    gst_buffer_list_add (packets, make_packet (pay, document, at, MIN (room, size - at), at + room >= size));
  gst_buffer_unref (document);
  return gst_rtp_base_payload_push_list (pay, packets);
}

static void
gst_rtp_bitmar_onvif_pay_init (GstRtpBitmarOnvifPay *self)
{
}

static void
gst_rtp_bitmar_onvif_pay_class_init (GstRtpBitmarOnvifPayClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBasePayloadClass *pay_class = GST_RTP_BASE_PAYLOAD_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (rtp_bitmar_onvif_pay_debug, "rtpbitmaronvifpay", 0, "ONVIF metadata in RTP");
  pay_class->set_caps = set_caps;
  pay_class->handle_buffer = handle_buffer;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "RTP payloader for ONVIF metadata", "Codec/Payloader/Network/RTP",
      "Puts ONVIF metadata documents into RTP packets", "The BitMar for GStreamer authors");
}
