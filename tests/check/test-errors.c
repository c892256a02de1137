/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be wrong with the model and the settings: domain and code of the error, and that a retry works. */

#include <glib/gstdio.h>
#include <string.h>

#include "common.h"

/* A harness starts what it gets and aborts when that fails, as it may where a model is refused at once. So it starts with a model
 * that is good, and `model` comes afterwards. */
static GstHarness *
harness_with (const char *element, const char *model)
{
  char *line = g_strdup_printf ("%s name=tested ! identity", element);
  GstHarness *h = test_harness (line, NULL);
  GstElement *tested = gst_bin_get_by_name (GST_BIN (h->element), "tested");

  gst_element_set_state (h->element, GST_STATE_READY);
  g_object_set (tested, "model-path", model, NULL);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_object_unref (tested);
  g_free (line);
  return h;
}

/* Plays until an ERROR and returns it with its text in *debug. */
static GError *
play_until_error (GstHarness *h, char **debug)
{
  GstMessage *message;
  GError *error;
  GstBus *bus = gst_element_get_bus (h->element);

  gst_harness_set_src_caps_str (h, CAPS_RGB);
  /* Whether the frame or the loader comes first, the frame must not pass as if all were well. */
  gst_harness_push (h, test_frame (CAPS_RGB, 1, 0));
  message = gst_bus_timed_pop_filtered (bus, 5 * GST_SECOND, GST_MESSAGE_ERROR);
  gst_object_unref (bus);
  fail_unless (message != NULL, "no error within 5 s");
  gst_message_parse_error (message, &error, debug);
  gst_message_unref (message);
  return error;
}

static void
expect (const char *element, const char *model, GQuark domain, gint code)
{
  GstHarness *h = harness_with (element, model);
  GError *error;
  char *debug;

  error = play_until_error (h, &debug);
  fail_unless (error->domain == domain && error->code == code, "%s: %s: %s (%s)", element, model, error->message, debug);
  fail_unless (strlen (error->message) > 0 && strlen (debug) > 0);
  g_error_free (error);
  g_free (debug);
  test_free (h);
}

static char *
write_file (const char *name, const char *data, gsize size)
{
  char *path = g_build_filename (g_get_tmp_dir (), name, NULL);

  fail_unless (g_file_set_contents (path, data, size, NULL));
  return path;
}

GST_START_TEST (test_models)
{
  static const char *const elements[] = { "bitmarencode", "bitmarmemory", "bitmarcaption" };
  const char *element = elements[__i__];
  char *good = test_model_path (), *data, *path;
  gsize size;

  fail_unless (g_file_get_contents (good, &data, &size, NULL));
  expect (element, "/nonexistent/model.gguf", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);

  path = write_file ("bitmar-check-text.gguf", "not a model at all, only text", 29);
  expect (element, path, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  g_free (path);
  path = write_file ("bitmar-check-cut.gguf", data, size / 2);
  expect (element, path, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE);
  g_free (path);
  data[size - 100] ^= 16;
  path = write_file ("bitmar-check-flip.gguf", data, size);
  expect (element, path, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE);
  g_free (path);
  expect (element, "/", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ);
  g_free (good);
  g_free (data);
}
GST_END_TEST

/* The file is repaired, and the same elements work. */
GST_START_TEST (test_retry)
{
  char *good = test_model_path (), *data, *path, *debug;
  GstHarness *h;
  gsize size;
  GError *error;
  GstBuffer *out;
  GstBus *bus;

  fail_unless (g_file_get_contents (good, &data, &size, NULL));
  path = write_file ("bitmar-check-retry.gguf", data, size - 1000);
  h = harness_with ("bitmarencode", path);
  error = play_until_error (h, &debug);
  g_error_free (error);
  g_free (debug);
  gst_element_set_state (h->element, GST_STATE_READY);
  bus = gst_element_get_bus (h->element);
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_object_unref (bus);
  g_free (write_file ("bitmar-check-retry.gguf", data, size));
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  fail_unless (test_meta (out, "BitmarEpisodeMeta") != NULL);
  gst_buffer_unref (out);
  test_free (h);
  g_unlink (path);
  g_free (path);
  g_free (data);
  g_free (good);
}
GST_END_TEST

static const struct {
  const char *property, *value;
} refused[] = {
  { "prompt", NULL },          /* too long */
  { "prompt", "caf\xe9" },
  { "max-tokens", "256" },
};

static char *
long_prompt (void)
{
  GString *s = g_string_new (NULL);

  for (guint i = 0; i < 500; i++)
    g_string_append (s, "zebra ");
  return g_string_free (s, FALSE);
}

static void
set_refused (GstElement *c, guint i)
{
  char *text = refused[i].value ? g_strdup (refused[i].value) : long_prompt ();

  if (g_str_equal (refused[i].property, "prompt"))
    g_object_set (c, "prompt", text, NULL);
  else
    gst_util_set_object_arg (G_OBJECT (c), refused[i].property, text);
  g_free (text);
}

GST_START_TEST (test_refused_at_start)
{
  GstElement *bin = test_parse (CHAIN), *c = gst_bin_get_by_name (GST_BIN (bin), "c");
  GstHarness *h;
  GError *error;
  char *debug;

  set_refused (c, __i__);
  gst_object_unref (c);
  h = test_harness_of (bin, NULL);
  error = play_until_error (h, &debug);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS), "%s (%s)", error->message, debug);
  g_error_free (error);
  g_free (debug);
  test_free (h);
}
GST_END_TEST

/* While it plays, the stream goes on with the former value. */
GST_START_TEST (test_refused_while_playing)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstElement *c = test_child (h, "c");
  GstMessage *message;
  GError *error;
  char *prompt;
  guint max_tokens;

  test_set (h, "c", "prompt", "a dog");
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 0, 0)));
  set_refused (c, __i__);
  message = test_pop_message (h, GST_MESSAGE_WARNING, NULL);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS));
  g_error_free (error);
  gst_message_unref (message);
  g_object_get (c, "prompt", &prompt, "max-tokens", &max_tokens, NULL);
  fail_unless_equals_string (prompt, "a dog");
  fail_unless_equals_int (max_tokens, 0);
  g_free (prompt);
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 5, 20)));
  gst_object_unref (c);
  test_free (h);
}
GST_END_TEST

/* Sampling has no beams; that is said, not ignored. */
GST_START_TEST (test_beams_and_temperature)
{
  GstHarness *h = test_harness (CHAIN "beam-size=3 temperature=1", NULL);
  GError *error;
  char *debug;

  error = play_until_error (h, &debug);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS), "%s (%s)", error->message, debug);
  g_error_free (error);
  g_free (debug);
  test_free (h);
}
GST_END_TEST

/* No caps before data is the application's mistake, and told as such. */
GST_START_TEST (test_no_caps)
{
  GstElement *e = gst_element_factory_make ("bitmarencode", NULL);
  GstPad *src = gst_pad_new ("src", GST_PAD_SRC), *sink = gst_element_get_static_pad (e, "sink");
  GstSegment segment;

  gst_object_ref_sink (e);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_set_active (src, TRUE);
  fail_unless_equals_int (gst_pad_link_full (src, sink, GST_PAD_LINK_CHECK_NOTHING), GST_PAD_LINK_OK);
  gst_element_set_state (e, GST_STATE_PLAYING);
  gst_pad_push_event (src, gst_event_new_stream_start ("x"));
  gst_pad_push_event (src, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_pad_push (src, test_frame (CAPS_RGB, 0, 0)), GST_FLOW_NOT_NEGOTIATED);
  gst_element_set_state (e, GST_STATE_NULL);
  gst_pad_unlink (src, sink);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (e);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "a missing, damaged or foreign model is an error of the right domain and code", .test = test_models, .to = 3 },
  { .name = "once the model file is repaired the same element works", .test = test_retry },
  { .name = "a setting that the model can not honour is an error at the start", .test = test_refused_at_start, .to = G_N_ELEMENTS (refused) },
  { .name = "a setting refused while playing is a warning, and the former stays", .test = test_refused_while_playing, .to = G_N_ELEMENTS (refused) },
  { .name = "beams and sampling together are refused", .test = test_beams_and_temperature },
  { .name = "data before caps is not negotiated", .test = test_no_caps },
};

TEST_MAIN ("errors")
