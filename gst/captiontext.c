/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "captiontext.h"

#include "json.h"

static const char *
plain_character (gunichar c)
{
  switch (c) {
    case '<':
      return "\u2039";
    case '>':
      return "\u203a";
    case '&':
      return "+";
    default:
      return NULL;
  }
}

char *
bitmar_caption_text (const char *text, gboolean markup)
{
  char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new (NULL);
  char *escaped;

  for (const char *at = valid; *at; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);
    const char *plain = markup ? NULL : plain_character (c);

    if (plain)
      g_string_append (out, plain);
    else if (g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
      g_string_append_c (out, ' ');
    else
      g_string_append_unichar (out, c);
  }
  g_free (valid);
  if (!markup)
    return g_string_free (out, FALSE);
  escaped = g_markup_escape_text (out->str, out->len);
  g_string_free (out, TRUE);
  return escaped;
}

static void
add_utc (GString *json, GstClockTime utc)
{
  GDateTime *seconds = GST_CLOCK_TIME_IS_VALID (utc) ? g_date_time_new_from_unix_utc (utc / GST_SECOND) : NULL;
  char *text = NULL;

  if (seconds) {
    char *date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");

    text = g_strdup_printf ("%s.%03uZ", date, (guint) (utc % GST_SECOND / GST_MSECOND));
    g_free (date);
    g_date_time_unref (seconds);
  }
  bitmar_json_add_string (json, "utc", text);
  g_free (text);
}

char *
bitmar_caption_json (const GstBitmarCaptionInfo *caption, gboolean repeat)
{
  GString *json = g_string_new ("{");

  bitmar_json_add_int (json, "version", BITMAR_JSON_VERSION);
  bitmar_json_add_string (json, "stream", caption->stream);
  bitmar_json_add_uint64 (json, "id", caption->id);
  add_utc (json, caption->time.utc);
  bitmar_json_add_uint64 (json, "pts", caption->time.pts);
  bitmar_json_add_uint64 (json, "running_time", caption->time.running_time);
  bitmar_json_add_string (json, "text", caption->text);
  bitmar_json_add_double (json, "confidence", caption->confidence);
  bitmar_json_add_bool (json, "fallback", caption->fallback);
  bitmar_json_add_double (json, "novelty", caption->novelty);
  bitmar_json_add_int (json, "slot", caption->slot);
  bitmar_json_add_bool (json, "repeat", repeat);
  bitmar_json_add_string (json, "model", caption->model);
  g_string_append (json, "}\n");
  return g_string_free (json, FALSE);
}
