/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors and warnings: what each says, that none is posted with a lock held, and that the element works afterwards. */

#include <glib/gstdio.h>
#include <string.h>

#include "common.h"

/* ---- No lock held -------------------------------------------------------------------------------- */

/* What an application may do from the handler of a message, in another thread, while the one that posted it waits. */
static gpointer
use_element (gpointer data)
{
  GstElement *element = data;
  GstQuery *query = gst_query_new_latency ();
  guint n;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    g_object_get_property (G_OBJECT (element), specs[i]->name, &value);
    if (specs[i]->flags & G_PARAM_WRITABLE && specs[i]->flags & GST_PARAM_MUTABLE_PLAYING)
      g_object_set_property (G_OBJECT (element), specs[i]->name, &value);
    g_value_unset (&value);
  }
  gst_element_query (element, query);
  if (g_signal_lookup ("clear", G_OBJECT_TYPE (element)))
    g_signal_emit_by_name (element, "clear");
  g_free (specs);
  gst_query_unref (query);
  return NULL;
}

typedef struct {
  GMutex lock;
  GCond cond;
  gboolean done;
  GstElement *element;
} Visit;

static gint visited;
static GPrivate is_visitor;

static gpointer
visit_main (gpointer data)
{
  Visit *visit = data;

  g_private_set (&is_visitor, visit);
  use_element (visit->element);
  g_mutex_lock (&visit->lock);
  visit->done = TRUE;
  g_cond_signal (&visit->cond);
  g_mutex_unlock (&visit->lock);
  return NULL;
}

static GstBusSyncReply
visit_sender (GstBus *bus, GstMessage *message, gpointer user_data)
{
  gint64 until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  Visit visit = { .element = (GstElement *) GST_MESSAGE_SRC (message) };
  GThread *thread;

  if (!g_str_has_prefix (G_OBJECT_TYPE_NAME (GST_MESSAGE_SRC (message)), "GstBitmar")
      || GST_MESSAGE_TYPE (message) == GST_MESSAGE_STATE_CHANGED || g_private_get (&is_visitor))
    return GST_BUS_PASS;
  g_mutex_init (&visit.lock);
  g_cond_init (&visit.cond);
  thread = g_thread_new ("visit", visit_main, &visit);
  g_mutex_lock (&visit.lock);
  while (!visit.done)
    fail_unless (g_cond_wait_until (&visit.cond, &visit.lock, until), "%s is posted with a lock held",
        GST_MESSAGE_TYPE_NAME (message));
  g_mutex_unlock (&visit.lock);
  g_thread_join (thread);
  g_atomic_int_inc (&visited);
  return GST_BUS_PASS;
}

static GstHarness *
visited_harness (const char *line)
{
  GstElement *bin = test_parse (line);
  GstBus *bus = gst_element_get_bus (bin);

  visited = 0;
  gst_bus_set_sync_handler (bus, visit_sender, NULL, NULL);
  gst_object_unref (bus);
  return test_harness_of (bin, NULL);
}

static GError *
first_error (GstHarness *h, char **debug)
{
  GstMessage *message;
  GError *error;
  GstBus *bus = gst_element_get_bus (h->element);

  gst_harness_set_src_caps_str (h, CAPS_RGB);
  for (guint i = 0; i < 3; i++)
    gst_harness_push (h, test_frame (CAPS_RGB, i, 10 * i));
  message = gst_bus_timed_pop_filtered (bus, 5 * GST_SECOND, GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "no error within 5 s");
  gst_message_parse_error (message, &error, debug);
  gst_message_unref (message);
  gst_object_unref (bus);
  return error;
}

static void
expect_error (const char *line, GQuark domain, gint code, const char *in_debug)
{
  GstHarness *h = visited_harness (line);
  char *debug;
  GError *error = first_error (h, &debug);

  fail_unless (error->domain == domain && error->code == code, "%s: %s (%s)", line, error->message, debug);
  fail_unless (strlen (error->message) > 0);
  fail_unless (debug && strstr (debug, in_debug), "%s", debug);
  fail_unless (visited > 0);
  g_error_free (error);
  g_free (debug);
  test_free (h);
}

static char *
test_file (const char *name)
{
  return g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
}

/* Captions, alerts, progress, latency and an error: whoever listens may use the element. */
GST_START_TEST (test_locks)
{
  GstHarness *h = visited_harness (CHAIN "min-confidence=0 change-threshold=0 repeat=hold");
  GstBuffer *frame;

  test_set (h, "m", "alerts", "any: a man above 0.0001 below 0.0001");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  test_wait_loaded (h, 3);
  visited = 0;
  for (guint i = 0; i < 5; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 10 * i)));
  fail_unless (visited >= 5);
  visited = 0;
  frame = gst_buffer_new_allocate (NULL, 100, NULL);           /* a warning */
  GST_BUFFER_PTS (frame) = 60 * FRAME;
  gst_buffer_unref (test_pass (h, frame));
  fail_unless (visited >= 1);
  visited = 0;
  test_set (h, "c", "latency", "5000000");
  test_set (h, "c", "max-tokens", "256");                      /* refused */
  fail_unless (visited >= 2);
  test_free (h);
}
GST_END_TEST

/* ---- Each error ---------------------------------------------------------------------------------- */

GST_START_TEST (test_mismatch)
{
  char *other = test_file ("tiny-early.gguf");
  char *line = g_strdup_printf ("bitmarencode model-path=\"%s\" ! bitmarcaption", other);
  char *memory = g_strdup_printf ("bitmarencode model-path=\"%s\" ! bitmarmemory", other);

  expect_error (line, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, "another model");
  expect_error (memory, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, "another model");
  g_free (line);
  g_free (memory);
  g_free (other);
}
GST_END_TEST

/* A sound GGUF file of another architecture: the name is as long, and the file carries no checksum that could say "damaged" first. */
GST_START_TEST (test_architecture)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-check-llama.gguf", NULL), *line;
  GString *file = g_string_new ("GGUF");
  static const char key[] = "general.architecture", value[] = "llama";
  const guint32 version = GUINT32_TO_LE (3), string_type = GUINT32_TO_LE (8);
  const guint64 counts[2] = { 0, GUINT64_TO_LE (1) }, key_size = GUINT64_TO_LE (sizeof key - 1), size = GUINT64_TO_LE (sizeof value - 1);

  g_string_append_len (file, (const char *) &version, 4);
  g_string_append_len (file, (const char *) counts, 16);
  g_string_append_len (file, (const char *) &key_size, 8);
  g_string_append (file, key);
  g_string_append_len (file, (const char *) &string_type, 4);
  g_string_append_len (file, (const char *) &size, 8);
  g_string_append (file, value);
  g_string_append_len (file, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
  fail_unless (g_file_set_contents (path, file->str, file->len, NULL));
  line = g_strdup_printf ("bitmarencode ! bitmarcaption model-path=\"%s\"", path);
  expect_error (line, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, "llama");
  g_unlink (path);
  g_string_free (file, TRUE);
  g_free (line);
  g_free (path);
}
GST_END_TEST

GST_START_TEST (test_environment)
{
  g_setenv ("BITMAR_CPU", "z80", TRUE);
  expect_error (CHAIN, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, "z80");
}
GST_END_TEST

GST_START_TEST (test_settings)
{
  expect_error (CHAIN "max-tokens=256", GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, "max-tokens");
  expect_error ("bitmarencode ! bitmarmemory alerts=\"x y z\" ! bitmarcaption", GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, "expected");
}
GST_END_TEST

GST_START_TEST (test_warning_text)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 100, NULL);
  GstMessage *message;
  GError *error;
  char *debug;

  GST_BUFFER_PTS (frame) = 0;
  gst_buffer_unref (test_pass (h, frame));
  message = test_pop_message (h, GST_MESSAGE_WARNING, NULL);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, &debug);
  fail_unless (g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE), "%s", error->message);
  fail_unless (debug && strstr (debug, "smaller"), "%s", debug);
  gst_message_unref (message);
  g_error_free (error);
  g_free (debug);
  test_free (h);
}
GST_END_TEST

/* Without the plugin pango there is no textoverlay. */
GST_START_TEST (test_no_overlay)
{
  GstRegistry *registry = gst_registry_get ();
  GstPluginFeature *feature = gst_registry_lookup_feature (registry, "textoverlay");
  GstElement *bin;
  GstMessage *message;
  GstBus *bus = gst_bus_new ();
  GError *error;

  if (feature)
    gst_registry_remove_feature (registry, feature);
  gst_clear_object (&feature);
  bin = gst_object_ref_sink (gst_element_factory_make ("bitmarcaptionbin", NULL));
  gst_element_set_bus (bin, bus);
  fail_unless_equals_int (gst_element_set_state (bin, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN), "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (bin, GST_STATE_NULL);
  gst_element_set_bus (bin, NULL);
  gst_object_unref (bus);
  gst_object_unref (bin);
}
GST_END_TEST

/* ---- Afterwards ---------------------------------------------------------------------------------- */

/* Each element, with no file at first and with half of one then, works once the file is whole. */
GST_START_TEST (test_retry)
{
  static const char *const names[] = { "e", "m", "c" };
  char *good = test_model_path (), *path = g_build_filename (g_get_tmp_dir (), "bitmar-check-again.gguf", NULL), *data;
  GstHarness *h = test_harness (CHAIN "min-confidence=0", NULL);
  GstBuffer *out;
  char *debug;
  gsize size;

  g_unlink (path);
  fail_unless (g_file_get_contents (good, &data, &size, NULL));
  gst_element_set_state (h->element, GST_STATE_READY);
  test_set (h, names[__i__], "model-path", path);
  for (guint round = 0; round < 2; round++) {
    GstBus *bus = gst_element_get_bus (h->element);

    gst_element_set_state (h->element, GST_STATE_PLAYING);
    g_error_free (first_error (h, &debug));
    g_free (debug);
    fail_unless (gst_element_set_state (h->element, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    gst_object_unref (bus);
    fail_unless (g_file_set_contents (path, data, round ? size : size / 2, NULL));
  }
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  fail_unless (test_meta (out, "BitmarCaptionMeta") != NULL);
  gst_buffer_unref (out);
  test_free (h);
  g_unlink (path);
  g_free (data);
  g_free (path);
  g_free (good);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "no message is posted with a lock held", .test = test_locks },
  { .name = "elements with different models in one chain are an error", .test = test_mismatch },
  { .name = "a model of another architecture is an error that names it", .test = test_architecture },
  { .name = "an instruction set that is none is an error", .test = test_environment },
  { .name = "a refused setting is an error that names it", .test = test_settings },
  { .name = "a warning has a domain, a code and a debug text", .test = test_warning_text },
  { .name = "without textoverlay bitmarcaptionbin says which plugin is missing", .test = test_no_overlay },
  { .name = "a missing and a truncated model are errors within 5 s, and a retry works, in each element", .test = test_retry, .to = 3 },
};

TEST_MAIN ("faults")
