/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A caption in the forms it leaves in, whatever was said: one line of JSON that another's parser reads as what was put in, Pango markup
 * that is markup, and plain text that no subtitle format trips over. */
#include <json-glib/json-glib.h>
#include <math.h>

#include "captiontext.h"
#include "fuzz.h"
#include "json.h"

static void
add_seed (FuzzAdd add, void *to, const void *numbers, gsize n, const char *text)
{
  GByteArray *a = g_byte_array_new ();

  g_byte_array_append (a, numbers, n);
  g_byte_array_append (a, (const guint8 *) text, strlen (text) + 1);
  g_byte_array_append (a, (const guint8 *) "yard", 5);
  g_byte_array_append (a, (const guint8 *) "c4a3", 5);
  add (a->data, a->len, to);
  g_byte_array_unref (a);
}

void
fuzz_seeds (FuzzAdd add, void *to)
{
  static const char *const texts[] = {
    "a man rides a bicycle on a city street", "\"quoted\" \\ and / \b\f\n\r\t\001\177", "<b>&amp;</b> --> & < >", "\342\200\250\342\200\251\302\205\303\274\360\237\230\200",
    "\377\300\200 broken \355\240\200 \364\220\200\200", "", "]]>{}[]:,",
  };
  guint8 zeros[64] = { 0 }, ones[64], odd[64];

  memset (ones, 0xff, sizeof ones);
  for (guint i = 0; i < sizeof odd; i++)
    odd[i] = (guint8) (i * 37 + 11);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    add_seed (add, to, zeros, sizeof zeros, texts[i]);
    add_seed (add, to, ones, sizeof ones, texts[i]);
    add_seed (add, to, odd, sizeof odd, texts[i]);
  }
}

static JsonObject *
parse (JsonParser *parser, const char *json)
{
  gsize n = strlen (json);

  FUZZ_CHECK (g_utf8_validate (json, n, NULL));
  FUZZ_CHECK (n > 0 && strchr (json, '\n') == json + n - 1);
  FUZZ_CHECK (json_parser_load_from_data (parser, json, n, NULL));
  FUZZ_CHECK (JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)));
  return json_node_get_object (json_parser_get_root (parser));
}

static void
check_string (JsonObject *object, const char *name, const char *value)
{
  char *valid = value ? g_utf8_make_valid (value, -1) : NULL;

  FUZZ_CHECK (json_object_has_member (object, name));
  if (valid)
    FUZZ_CHECK (strcmp (json_object_get_string_member (object, name), valid) == 0);
  else
    FUZZ_CHECK (json_object_get_null_member (object, name));
  g_free (valid);
}

static void
check_double (JsonObject *object, const char *name, double value)
{
  double read;

  if (!isfinite (value)) {
    FUZZ_CHECK (json_object_get_null_member (object, name));
    return;
  }
  read = json_object_get_double_member (object, name);
  FUZZ_CHECK (fabs (read - value) <= 0.0001 + 1e-12 * fabs (value));
}

static void
check_caption (const GstBitmarCaptionInfo *info, gboolean repeat)
{
  char *json = bitmar_caption_json (info, repeat);
  JsonParser *parser = json_parser_new ();
  JsonObject *object = parse (parser, json);

  FUZZ_CHECK (json_object_get_size (object) == 13);
  FUZZ_CHECK (json_object_get_int_member (object, "version") == BITMAR_JSON_VERSION);
  FUZZ_CHECK (json_object_get_int_member (object, "slot") == info->slot);
  FUZZ_CHECK (info->id > G_MAXINT64 || json_object_get_int_member (object, "id") == (gint64) info->id);
  FUZZ_CHECK (json_object_get_boolean_member (object, "repeat") == repeat);
  FUZZ_CHECK (json_object_get_boolean_member (object, "fallback") == info->fallback);
  check_string (object, "text", info->text);
  check_string (object, "stream", info->stream);
  check_string (object, "model", info->model);
  check_double (object, "confidence", info->confidence);
  check_double (object, "novelty", info->novelty);
  g_object_unref (parser);
  g_free (json);
}

/* Any name, too. */
static void
check_member (const char *name, const char *value)
{
  GString *json = g_string_new ("{");
  JsonParser *parser = json_parser_new ();
  char *valid = g_utf8_make_valid (name, -1);

  bitmar_json_add_string (json, name, value);
  g_string_append (json, "}\n");
  check_string (parse (parser, json->str), valid, value);
  g_free (valid);
  g_object_unref (parser);
  g_string_free (json, TRUE);
}

static void
append_text (GMarkupParseContext *context, const char *text, gsize n, gpointer to, GError **error)
{
  g_string_append_len (to, text, n);
}

static void
check_line (const char *line)
{
  FUZZ_CHECK (g_utf8_validate (line, -1, NULL));
  for (const char *at = line; *at; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    FUZZ_CHECK (!g_unichar_iscntrl (c) && c != 0x2028 && c != 0x2029);
  }
}

static void
check_text (const char *text)
{
  static const GMarkupParser functions = { .text = append_text };
  char *plain = bitmar_caption_text (text, FALSE), *markup = bitmar_caption_text (text, TRUE), *whole;
  GString *read = g_string_new (NULL);
  GMarkupParseContext *context = g_markup_parse_context_new (&functions, 0, read, NULL);

  check_line (plain);
  check_line (markup);
  FUZZ_CHECK (!strpbrk (plain, "<>&"));
  whole = g_strdup_printf ("<span>%s</span>", markup);
  FUZZ_CHECK (g_markup_parse_context_parse (context, whole, -1, NULL) && g_markup_parse_context_end_parse (context, NULL));
  FUZZ_CHECK (g_utf8_strlen (read->str, -1) == g_utf8_strlen (plain, -1));
  g_markup_parse_context_free (context);
  g_string_free (read, TRUE);
  g_free (whole);
  g_free (plain);
  g_free (markup);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  FuzzInput in = { data, size };
  GstBitmarCaptionInfo info = { 0 };
  guint8 flags = fuzz_byte (&in);

  fuzz_take (&in, &info.time, sizeof info.time);
  fuzz_take (&in, &info.id, sizeof info.id);
  fuzz_take (&in, &info.confidence, sizeof info.confidence);
  fuzz_take (&in, &info.novelty, sizeof info.novelty);
  fuzz_take (&in, &info.slot, sizeof info.slot);
  info.fallback = flags & 1;
  info.text = fuzz_string (&in);
  info.stream = flags & 2 ? fuzz_string (&in) : NULL;
  info.model = flags & 4 ? fuzz_string (&in) : NULL;
  check_caption (&info, (flags & 8) != 0);
  check_member (info.text, info.stream);
  check_text (info.text);
  g_free (info.text);
  g_free (info.stream);
  g_free (info.model);
  return 0;
}
