/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "common.h"

#include <math.h>

char *
test_model_path (void)
{
  return g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny.gguf", NULL);
}

GstBuffer *
test_frame (const char *caps_string, guint look, guint n)
{
  GstCaps *caps = gst_caps_from_string (caps_string);
  GstVideoInfo info;
  GstBuffer *buffer;
  GstMapInfo map;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++) {
    gsize stride = GST_VIDEO_INFO_PLANE_STRIDE (&info, 0);

    map.data[i] = (guint8) (128 + 120 * sin ((double) (i % stride) * (1 + look % 3) * 0.05
            + (double) (i / stride) * (1 + look / 3) * 0.13 + look));
  }
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = n * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

GstElement *
test_parse (const char *line)
{
  GError *error = NULL;
  GstElement *bin = gst_parse_bin_from_description (line, TRUE, &error);
  GstBus *bus = gst_bus_new ();

  fail_unless (error == NULL, "%s", error ? error->message : "");
  gst_element_set_bus (bin, bus);
  gst_object_unref (bus);
  return bin;
}

GstHarness *
test_harness_of (GstElement *bin, const char *caps)
{
  GstHarness *h = gst_harness_new_with_element (bin, "sink", "src");

  gst_object_unref (bin);
  gst_harness_set_live (h, FALSE);
  if (caps)
    gst_harness_set_src_caps_str (h, caps);
  return h;
}

GstHarness *
test_harness (const char *line, const char *caps)
{
  return test_harness_of (test_parse (line), caps);
}

GstElement *
test_child (GstHarness *h, const char *name)
{
  GstElement *child = gst_bin_get_by_name (GST_BIN (h->element), name);

  fail_unless (child != NULL);
  return child;
}

void
test_set (GstHarness *h, const char *child, const char *property, const char *value)
{
  GstElement *element = test_child (h, child);

  gst_util_set_object_arg (G_OBJECT (element), property, value);
  gst_object_unref (element);
}

GstBuffer *
test_pass (GstHarness *h, GstBuffer *frame)
{
  GstBuffer *out;

  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  out = gst_harness_try_pull (h);
  fail_unless (out != NULL);
  return out;
}

static GstMessage *
next_message (GstHarness *h, GstMessageType type, const char *name, GstClockTime timeout)
{
  GstBus *bus = gst_element_get_bus (h->element);
  GstMessage *message;

  while ((message = gst_bus_timed_pop_filtered (bus, timeout, type | GST_MESSAGE_ERROR)) != NULL) {
    gboolean wanted = (GST_MESSAGE_TYPE (message) & type) && (!name || gst_message_has_name (message, name));

    if (!wanted && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && !(type & GST_MESSAGE_ERROR)) {
      GError *error;
      char *debug;
      gst_message_parse_error (message, &error, &debug);
      fail ("unexpected error: %s (%s)", error->message, debug);
    }
    if (wanted)
      break;
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return message;
}

GstMessage *
test_wait_message (GstHarness *h, GstMessageType type, const char *name)
{
  return next_message (h, type, name, 20 * GST_SECOND);
}

GstMessage *
test_pop_message (GstHarness *h, GstMessageType type, const char *name)
{
  return next_message (h, type, name, 0);
}

void
test_wait_loaded (GstHarness *h, guint elements)
{
  while (elements > 0) {
    GstMessage *message = test_wait_message (h, GST_MESSAGE_PROGRESS, NULL);
    GstProgressType type;

    fail_unless (message != NULL);
    gst_message_parse_progress (message, &type, NULL, NULL);
    elements -= type == GST_PROGRESS_TYPE_COMPLETE;
    gst_message_unref (message);
  }
}

const GstStructure *
test_meta (GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, name);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

void
test_flush (GstHarness *h)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

void
test_free (GstHarness *h)
{
  GstElement *element = gst_object_ref (h->element);
  GstBus *bus = gst_element_get_bus (element);

  gst_harness_teardown (h);
  gst_element_set_state (element, GST_STATE_NULL);
  /* Messages may hold the last reference to elements, which must not go with the bus's lock held. */
  gst_bus_set_flushing (bus, TRUE);
  gst_object_unref (bus);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
}

/* ---- Promises ------------------------------------------------------------------------------------ */

#define EXIT_SKIPPED 77

static void
add_promise (Suite *suite, const TestPromise *promise)
{
  TCase *tc = tcase_create (promise->name);

  tcase_set_timeout (tc, 120);
  suite_add_tcase (suite, tc);
  _tcase_add_test (tc, promise->test, promise->name, 0, 0, promise->from, MAX (promise->to, 1));
}

/* "VARIABLE" must be set, of "VARIABLE/path" the file must exist, too. */
static gboolean
is_there (const char *needs)
{
  char **parts = g_strsplit (needs, "/", 2);
  const char *value = g_getenv (parts[0]);
  char *path = g_build_filename (value ? value : "", parts[1], NULL);
  gboolean there = value && (!parts[1] || g_file_test (path, G_FILE_TEST_EXISTS));

  g_free (path);
  g_strfreev (parts);
  return there;
}

int
test_main (int argc, char **argv, const char *name, const TestPromise *promises, guint n)
{
  Suite *suite = suite_create (name);
  guint added = 0, skipped = 0;

  gst_check_init (&argc, &argv);
  for (guint i = 0; i < n; i++) {
    if (argc > 1 && !g_str_equal (argv[1], promises[i].name))
      continue;
    if (promises[i].needs && !is_there (promises[i].needs)) {
      g_print ("skipped, there is no %s: %s\n", promises[i].needs, promises[i].name);
      skipped++;
      continue;
    }
    add_promise (suite, &promises[i]);
    added++;
  }
  if (added == 0)
    return skipped > 0 ? EXIT_SKIPPED : EXIT_FAILURE;
  return gst_check_run_suite (suite, name, __FILE__) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
