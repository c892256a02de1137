/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text that wants to be more than text, as a caption (through fallback-text, which goes every caption's way), as the name of a stream and
 * in rules of alerts: what comes out of the elements is parsed, and must hold that text and nothing else. */

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* \xff is no UTF-8, but no property takes that; the look-alikes are those of docs/elements.md. */
static const struct {
  const char *text, *plain;
} hostile[] = {
  { "a man\n\n00:00:00.000 --> 99:00:00.000\nI was never said", "a man  00:00:00.000 --\u203a 99:00:00.000 I was never said" },
  { "\r\n\r\n7\r\n00:00:00,000 --> 00:00:09,000\r\n<i>me</i>", "    7  00:00:00,000 --\u203a 00:00:09,000  \u2039i\u203ame\u2039/i\u203a" },
  { "<span size='999999'>& &amp; &lt;b></span><script>", "\u2039span size='999999'\u203a+ +amp; +lt;b\u203a\u2039/span\u203a\u2039script\u203a" },
  { "\",\"text\":\"no\"}\n{\"version\":1,\"text\":\"\\", "\",\"text\":\"no\"} {\"version\":1,\"text\":\"\\" },
  { "\x1b]0;owned\x07\x1b[2J\x7f\xc2\x9b" "31m", " ]0;owned  [2J  31m" },
  { "NOTE\u2028STYLE\u2029\xe2\x80\xae" "REGION", "NOTE STYLE \xe2\x80\xae" "REGION" },
  { "%s%n%x ${HOME} `id` $(id) \\n", "%s%n%x ${HOME} `id` $(id) \\n" },
};

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
play (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 100 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
}

/* All that comes out of `output` (behind the captioner c), which ends in a file of ours. */
static char *
leaves (const char *text, const char *mode, const char *output)
{
  g_autofree char *path = in_folder ("out"), *line = g_strdup_printf ("videotestsrc num-buffers=30 pattern=snow ! "
      "video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! bitmarencode ! bitmarmemory name=m ! bitmarcaption name=c text-mode=%s "
      "min-confidence=1 repeat=always change-threshold=0 ! fakesink %s ! filesink location=\"%s\"", mode, output, path);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error), *c, *m;
  char *out;

  g_assert_no_error (error);
  c = gst_bin_get_by_name (GST_BIN (pipeline), "c");
  m = gst_bin_get_by_name (GST_BIN (pipeline), "m");
  g_object_set (c, "fallback-text", text, NULL);
  g_object_set (m, "stream-id", text, NULL);
  play (pipeline);
  gst_object_unref (c);
  gst_object_unref (m);
  gst_object_unref (pipeline);
  g_assert_true (g_file_get_contents (path, &out, NULL, &error));
  return out;
}

static gboolean
has (const char *element)
{
  GstElementFactory *factory = gst_element_factory_find (element);

  if (factory)
    gst_object_unref (factory);
  else
    g_test_skip (element);
  return factory != NULL;
}

static gboolean
has_control (const char *text)
{
  for (const char *at = text; *at; at = g_utf8_next_char (at))
    if (g_unichar_iscntrl (g_utf8_get_char (at)))
      return TRUE;
  return FALSE;
}

/* ---- Subtitles ----------------------------------------------------------------------------------------- */

/* Blocks between empty lines: `before` lines, one of times, one of text. */
static void
check_cues (const char *out, guint before, const char *plain)
{
  g_auto (GStrv) blocks = g_strsplit (out, "\n\n", -1);
  g_autofree char *wanted = g_strstrip (g_strdup (plain));
  guint cues = 0;

  for (guint i = 0; blocks[i]; i++) {
    g_auto (GStrv) lines = g_strsplit (g_strstrip (blocks[i]), "\n", -1);
    guint n = g_strv_length (lines);

    if (n == 0 || !*lines[0] || g_str_has_prefix (lines[0], "WEBVTT"))
      continue;
    g_assert_cmpuint (n, ==, before + 2);
    g_assert_nonnull (strstr (lines[before], " --> "));
    g_strchomp (lines[before + 1]);
    g_assert_cmpstr (g_strchug (lines[before + 1]), ==, wanted);
    cues++;
  }
  g_assert_cmpuint (cues, >=, 1);
}

static void
test_webvtt (void)
{
  for (guint i = 0; has ("webvttenc") && i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *out = leaves (hostile[i].text, "cue", "c.text_src ! webvttenc");

    check_cues (out, 0, hostile[i].plain);
  }
}

static void
test_srt (void)
{
  for (guint i = 0; has ("srtenc") && i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *out = leaves (hostile[i].text, "cue", "c.text_src ! srtenc"), *unix_lines = NULL;
    g_auto (GStrv) parts = g_strsplit (out, "\r", -1);

    unix_lines = g_strjoinv ("", parts);
    check_cues (unix_lines, 1, hostile[i].plain);
  }
}

/* ---- Markup -------------------------------------------------------------------------------------------- */

static void
on_element (GMarkupParseContext *context, const char *name, const char **names, const char **values, gpointer data, GError **error)
{
  g_assert_cmpstr (name, ==, "caption");
}

static void
on_text (GMarkupParseContext *context, const char *text, gsize n, gpointer data, GError **error)
{
  g_string_append_len (data, text, n);
}

static void
test_markup (void)
{
  static const GMarkupParser parser = { on_element, NULL, on_text, NULL, NULL };

  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *out = leaves (hostile[i].text, "live", "c.text_src ! text/x-raw,format=pango-markup"), *whole = NULL;
    g_autoptr (GString) text = g_string_new (NULL);
    GMarkupParseContext *context = g_markup_parse_context_new (&parser, 0, text, NULL);
    GError *error = NULL;

    whole = g_strdup_printf ("<caption>%s</caption>", out);
    g_markup_parse_context_parse (context, whole, -1, &error);
    g_assert_no_error (error);
    g_assert_true (g_markup_parse_context_end_parse (context, &error));
    g_assert_false (has_control (text->str));
    g_markup_parse_context_free (context);
  }
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void
test_json (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *out = leaves (hostile[i].text, "live", "c.json_src");
    g_auto (GStrv) lines = g_strsplit (out, "\n", -1);
    guint n = g_strv_length (lines);

    g_assert_cmpuint (n, >=, 2);
    for (guint j = 0; j + 1 < n; j++) {
      g_autoptr (JsonParser) parser = json_parser_new ();
      GError *error = NULL;
      JsonObject *object;

      json_parser_load_from_data (parser, lines[j], -1, &error);
      g_assert_no_error (error);
      object = json_node_get_object (json_parser_get_root (parser));
      g_assert_cmpstr (json_object_get_string_member (object, "text"), ==, hostile[i].text);
      g_assert_cmpstr (json_object_get_string_member (object, "stream"), ==, hostile[i].text);
      g_assert_cmpuint (json_object_get_size (object), ==, 13);
    }
    g_assert_cmpstr (lines[n - 1], ==, "");
  }
}

/* ---- Logs ---------------------------------------------------------------------------------------------- */

static gint lines_of_ours, bad_lines;

static void
on_log (GstDebugCategory *category, GstDebugLevel level, const char *file, const char *function, gint line, GObject *object,
    GstDebugMessage *message, gpointer data)
{
  if (!g_str_has_prefix (gst_debug_category_get_name (category), "bitmar"))
    return;
  g_atomic_int_inc (&lines_of_ours);
  if (has_control (gst_debug_message_get (message)))
    g_atomic_int_inc (&bad_lines);
}

static void
test_log (void)
{
  gst_debug_add_log_function (on_log, NULL, NULL);
  gst_debug_set_active (TRUE);
  gst_debug_set_threshold_from_string ("bitmar*:9", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++)
    g_free (leaves (hostile[i].text, "live", "c.json_src"));
  gst_debug_set_active (FALSE);
  gst_debug_remove_log_function (on_log);
  g_assert_cmpint (lines_of_ours, >, 0);
  g_assert_cmpint (bad_lines, ==, 0);
}

/* Rules with what no rule may have, or an end too early: what is said of them is one line. */
static void
test_rules (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    g_autofree char *rule = g_strdup_printf ("a: \"%s\nfake log line\" frob %s", hostile[i].text, hostile[i].text);
    g_autofree char *name = g_strdup_printf ("%s: x", hostile[i].text);
    const char *const all[] = { rule, name, hostile[i].text };

    for (guint j = 0; j < G_N_ELEMENTS (all); j++) {
      GstElement *memory = gst_element_factory_make ("bitmarmemory", NULL);
      GstBus *bus = gst_bus_new ();
      GstMessage *message;
      GError *error;
      char *debug, *detail;

      gst_element_set_bus (memory, bus);
      g_object_set (memory, "alerts", all[j], NULL);
      gst_element_set_state (memory, GST_STATE_PAUSED);
      message = gst_bus_timed_pop_filtered (bus, 100 * GST_SECOND, GST_MESSAGE_ERROR);
      g_assert_nonnull (message);
      gst_message_parse_error (message, &error, &debug);
      g_assert_false (has_control (error->message));
      /* GStreamer's own line of where it was comes before. */
      detail = strchr (debug, '\n');
      g_assert_nonnull (detail);
      g_test_message ("%s", detail + 1);
      g_assert_false (has_control (detail + 1));
      g_error_free (error);
      g_free (debug);
      gst_message_unref (message);
      gst_element_set_state (memory, GST_STATE_NULL);
      gst_object_unref (memory);
      gst_object_unref (bus);
    }
  }
}

int
main (int argc, char **argv)
{
  g_autofree char *out = NULL;
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("bitmar-injection-XXXXXX", NULL);
  g_test_add_func ("/injection/webvtt", test_webvtt);
  g_test_add_func ("/injection/srt", test_srt);
  g_test_add_func ("/injection/markup", test_markup);
  g_test_add_func ("/injection/json", test_json);
  g_test_add_func ("/injection/log", test_log);
  g_test_add_func ("/injection/rules", test_rules);
  status = g_test_run ();
  out = in_folder ("out");
  g_unlink (out);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
