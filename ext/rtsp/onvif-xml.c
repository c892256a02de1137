/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "onvif-xml.h"

#include <math.h>

#define NS G_GINT64_CONSTANT (1000000000)

/* ---- Text -------------------------------------------------------------------------------------------- */

/* XML 1.0, production 2; what GLib calls valid has no surrogates and nothing above 0x10ffff. */
static gboolean
is_allowed (gunichar c)
{
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

static void
append_char (GString *xml, gunichar c)
{
  switch (c) {
    case '<':
      g_string_append (xml, "&lt;");
      break;
    case '>':
      g_string_append (xml, "&gt;");
      break;
    case '&':
      g_string_append (xml, "&amp;");
      break;
    case '"':
      g_string_append (xml, "&quot;");
      break;
    case '\t':
    case '\n':
    case '\r':
      /* A parser would make a space of it as it is. */
      g_string_append_printf (xml, "&#%u;", c);
      break;
    default:
      g_string_append_unichar (xml, c);
      break;
  }
}

static void
append_value (GString *xml, const char *value)
{
  char *valid = g_utf8_make_valid (value, -1);

  for (const char *at = valid; *at; at = g_utf8_next_char (at))
    if (is_allowed (g_utf8_get_char (at)))
      append_char (xml, g_utf8_get_char (at));
  g_free (valid);
}

/* ---- Items ------------------------------------------------------------------------------------------- */

static void
add_text (GString *xml, const char *name, const char *value)
{
  g_string_append_printf (xml, "<tt:SimpleItem Name=\"%s\" Value=\"", name);
  append_value (xml, value);
  g_string_append (xml, "\"/>");
}

static void
add_number (GString *xml, const char *name, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  /* What is no number is not there. */
  if (isfinite (value))
    add_text (xml, name, g_ascii_formatd (digits, sizeof digits, fabs (value) < 1e15 ? "%.4f" : "%.17g", value));
}

static void
add_bool (GString *xml, const char *name, gboolean value)
{
  add_text (xml, name, value ? "true" : "false");
}

/* ---- Events ------------------------------------------------------------------------------------------ */

static void
begin_event (GString *xml, const char *topic, const char *utc, BitmarOnvifOperation operation)
{
  g_string_append_printf (xml, "<tt:Event><wsnt:NotificationMessage>"
      "<wsnt:Topic Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">%s</wsnt:Topic>"
      "<wsnt:Message><tt:Message UtcTime=\"", topic);
  append_value (xml, utc);
  g_string_append_printf (xml, "\" PropertyOperation=\"%s\"><tt:Source>",
      operation == BITMAR_ONVIF_INITIALIZED ? "Initialized" : "Changed");
}

static void
end_event (GString *xml)
{
  g_string_append (xml, "</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage></tt:Event>");
}

void
bitmar_onvif_begin (GString *xml)
{
  g_string_append (xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<tt:MetadataStream xmlns:tt=\"http://www.onvif.org/ver10/schema\" xmlns:wsnt=\"http://docs.oasis-open.org/wsn/b-2\" "
      "xmlns:tns1=\"http://www.onvif.org/ver10/topics\" xmlns:bitmar=\"urn:bitmar:metadata:1\">");
}

void
bitmar_onvif_end (GString *xml)
{
  g_string_append (xml, "</tt:MetadataStream>\n");
}

void
bitmar_onvif_add_caption (GString *xml, const BitmarOnvifCaption *caption, BitmarOnvifOperation operation)
{
  char id[24];

  begin_event (xml, "tns1:VideoAnalytics/bitmar:Caption", caption->utc, operation);
  add_text (xml, "VideoSource", caption->source ? caption->source : "");
  g_string_append (xml, "</tt:Source><tt:Data>");
  g_snprintf (id, sizeof id, "%" G_GUINT64_FORMAT, caption->id);
  add_text (xml, "Id", id);
  add_text (xml, "Text", caption->text);
  add_number (xml, "Confidence", caption->confidence);
  add_number (xml, "Novelty", caption->novelty);
  add_bool (xml, "Fallback", caption->fallback);
  if (caption->model)
    add_text (xml, "Model", caption->model);
  end_event (xml);
}

void
bitmar_onvif_add_alert (GString *xml, const BitmarOnvifAlert *alert, BitmarOnvifOperation operation)
{
  begin_event (xml, "tns1:RuleEngine/bitmar:Alert", alert->utc, operation);
  add_text (xml, "VideoSource", alert->source ? alert->source : "");
  add_text (xml, "Rule", alert->name);
  g_string_append (xml, "</tt:Source><tt:Data>");
  add_bool (xml, "State", alert->active);
  add_text (xml, "Sentence", alert->sentence);
  add_number (xml, "Score", alert->score);
  add_number (xml, "Peak", alert->peak);
  end_event (xml);
}

char *
bitmar_onvif_time (gint64 ns)
{
  GDateTime *seconds = g_date_time_new_from_unix_utc (ns / NS);
  char *date = seconds ? g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S") : g_strdup ("1970-01-01T00:00:00");
  char *text = g_strdup_printf ("%s.%03uZ", date, seconds ? (guint) (ns % NS / 1000000) : 0);

  g_clear_pointer (&seconds, g_date_time_unref);
  g_free (date);
  return text;
}

void
bitmar_onvif_caption_clear (BitmarOnvifCaption *caption)
{
  g_free (caption->utc);
  g_free (caption->source);
  g_free (caption->text);
  g_free (caption->model);
  *caption = (BitmarOnvifCaption) { 0 };
}

void
bitmar_onvif_alert_free (BitmarOnvifAlert *alert)
{
  g_free (alert->utc);
  g_free (alert->source);
  g_free (alert->name);
  g_free (alert->sentence);
  g_free (alert);
}
