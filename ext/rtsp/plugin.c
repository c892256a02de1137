/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstbitmaronvif.h"
#include "gstrtpbitmaronvifpay.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (bitmaronvif, plugin) && GST_ELEMENT_REGISTER (rtpbitmaronvifpay, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, bitmaronvif, "Captions and alerts as ONVIF metadata", plugin_init, VERSION, "LGPL",
    PACKAGE, "Unknown package origin")
