/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "json.h"

#include <math.h>

static void
append_string (GString *json, const char *value)
{
  char *valid = g_utf8_make_valid (value, -1);

  g_string_append_c (json, '"');
  for (const char *at = valid; *at; at++) {
    guchar c = *at;

    if (c == '"' || c == '\\')
      g_string_append_printf (json, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      g_string_append_printf (json, "\\u%04x", c);
    else
      g_string_append_c (json, c);
  }
  g_string_append_c (json, '"');
  g_free (valid);
}

static void
name_member (GString *json, const char *name)
{
  if (json->len > 0 && json->str[json->len - 1] != '{')
    g_string_append_c (json, ',');
  append_string (json, name);
  g_string_append_c (json, ':');
}

void
bitmar_json_add_string (GString *json, const char *name, const char *value)
{
  if (!value) {
    bitmar_json_add_null (json, name);
    return;
  }
  name_member (json, name);
  append_string (json, value);
}

void
bitmar_json_add_uint64 (GString *json, const char *name, guint64 value)
{
  name_member (json, name);
  g_string_append_printf (json, "%" G_GUINT64_FORMAT, value);
}

void
bitmar_json_add_int (GString *json, const char *name, gint value)
{
  name_member (json, name);
  g_string_append_printf (json, "%d", value);
}

void
bitmar_json_add_double (GString *json, const char *name, gdouble value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value)) {
    bitmar_json_add_null (json, name);
    return;
  }
  name_member (json, name);
  /* Written out, a large one would be cut off by the buffer. */
  g_string_append (json, g_ascii_formatd (digits, sizeof digits, fabs (value) < 1e15 ? "%.4f" : "%.17g", value));
}

void
bitmar_json_add_bool (GString *json, const char *name, gboolean value)
{
  name_member (json, name);
  g_string_append (json, value ? "true" : "false");
}

void
bitmar_json_add_null (GString *json, const char *name)
{
  name_member (json, name);
  g_string_append (json, "null");
}
