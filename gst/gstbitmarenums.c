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
    { GST_BITMAR_MODE_AUTO, "Live when upstream is live (a camera), else synchronous (a file)", "auto" },
    { GST_BITMAR_MODE_LIVE, "Video never waits; work is done beside it, on the newest frame only when it takes long", "live" },
    { GST_BITMAR_MODE_SYNCHRONOUS, "Video waits for the work on every due frame; a file gets the same captions every time", "synchronous" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarMode", values);
}

GType
gst_bitmar_repeat_get_type (void)
{
  static gsize once = 0;
  static const GEnumValue values[] = {
    { GST_BITMAR_REPEAT_SUPPRESS, "It is not announced; the former text stays up", "suppress" },
    { GST_BITMAR_REPEAT_HOLD, "It is announced as a repeat with the same id; the former text stays up", "hold" },
    { GST_BITMAR_REPEAT_ALWAYS, "It is announced as a new caption with an id of its own", "always" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarRepeat", values);
}

GType
gst_bitmar_text_mode_get_type (void)
{
  static gsize once = 0;
  static const GEnumValue values[] = {
    { GST_BITMAR_TEXT_MODE_LIVE, "Pieces of 200 ms without a gap, for overlays", "live" },
    { GST_BITMAR_TEXT_MODE_CUE, "One buffer per caption, 10 s at most, for subtitle files and muxers", "cue" },
    { 0, NULL, NULL } };

  return register_enum (&once, "GstBitmarTextMode", values);
}
