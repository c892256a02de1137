/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */


#include "gstbitmarcaption.h"
#include "gstbitmarcaptionbin.h"
#include "gstbitmarencode.h"
#include "gstbitmarmemory.h"

/* Opens no file and starts no thread: it runs in every application's plugin scan. */
static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (bitmarencode, plugin) && GST_ELEMENT_REGISTER (bitmarmemory, plugin)
      && GST_ELEMENT_REGISTER (bitmarcaption, plugin) && GST_ELEMENT_REGISTER (bitmarcaptionbin, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, bitmar,
    "Captions of video by a 1.58-bit vision-language model with episodic memory", plugin_init, VERSION, "LGPL", PACKAGE,
    "Unknown package origin")
