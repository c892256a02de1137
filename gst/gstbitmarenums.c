/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstbitmarenums.h"

static GType
register_enum (gsize *once, const char *name, const GEnumValue *values)
{
  if (g_once_init_enter (once)) {
    GType type = g_enum_register_static (name, values);

    gst_type_mark_as_plugin_api (type, 0);
    g_once_init_leave (once, type);
  }
  return *once;
}

GType
gst_bitmar_mode_get_type (void)
{
  static gsize once = 0;
  static const GEnumValue values[] = {
    { GST_BITMAR_MODE_AUTO, "Live when upstream is live, else synchronous", "auto" },
    { GST_BITMAR_MODE_LIVE, "Newest frame first, in a thread of its own; video never waits", "live" },
    { GST_BITMAR_MODE_SYNCHRONOUS, "Every due frame, while video waits; deterministic", "synchronous" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarMode", values);
}

GType
gst_bitmar_repeat_get_type (void)
{
  static gsize once = 0;
  static const GEnumValue values[] = {
    { GST_BITMAR_REPEAT_SUPPRESS, "Not announced again; the text stays up", "suppress" },
    { GST_BITMAR_REPEAT_HOLD, "Announced as a repeat; the text stays up", "hold" },
    { GST_BITMAR_REPEAT_ALWAYS, "A new caption", "always" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarRepeat", values);
}

GType
gst_bitmar_text_mode_get_type (void)
{
  static gsize once = 0;
  static const GEnumValue values[] = {
    { GST_BITMAR_TEXT_MODE_LIVE, "Short buffers that abut, for overlays", "live" },
    { GST_BITMAR_TEXT_MODE_CUE, "One buffer per caption, for subtitle files", "cue" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarTextMode", values);
}
