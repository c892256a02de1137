/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What bitmarcaption and bitmarmemory say, read. Times are handed over apart, since they may have to be guessed. */
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

#include "onvif-xml.h"

G_BEGIN_DECLS

gboolean bitmar_onvif_is_caption (JsonObject *object);
/* Said again, not new. */
gboolean bitmar_onvif_is_repeat (JsonObject *object);
/* All but caption->utc. *utc: ns since 1970, -1: not known; *running_time: NONE where it is not known. */
void bitmar_onvif_read_caption (JsonObject *object, BitmarOnvifCaption *caption, gint64 *utc, guint64 *running_time);
/* The same of an element message bitmar-alert. (transfer full) NULL: it is none. */
BitmarOnvifAlert *bitmar_onvif_read_alert (const GstStructure *structure, gint64 *utc, guint64 *running_time);

G_END_DECLS
