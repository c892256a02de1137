/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmarcaptionbin, and whole pipelines with it. */

#include <string.h>

#include "common.h"

/* Runs a launch line to EOS. */
static void
run (const char *line)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstBus *bus;
  GstMessage *message;

  fail_unless (error == NULL, "%s", error ? error->message : "");
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "no end within a minute: %s", line);
  fail_unless_equals_string (GST_MESSAGE_TYPE_NAME (message), "eos");
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

#define SOURCE "videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! "

GST_START_TEST (test_pipelines)
{
  static const char *const lines[] = {
    SOURCE "bitmarcaptionbin ! fakesink",
    SOURCE "bitmarcaptionbin mode=live ! fakesink",
    SOURCE "bitmarcaptionbin overlay=false ! fakesink",
    SOURCE "bitmarcaptionbin ! fakesink sync=true",
    SOURCE "bitmarcaptionbin name=b ! fakesink b.text_src ! fakesink b.json_src ! fakesink",
    SOURCE "bitmarcaptionbin name=b text-mode=cue ! fakesink b.text_src ! queue ! webvttenc ! fakesink",
    SOURCE "bitmarencode ! bitmarmemory ! bitmarcaption name=c ! queue ! textoverlay name=o wait-text=true ! fakesink "
        "c.overlay_src ! o.text_sink",
    SOURCE "bitmarencode ! bitmarmemory ! bitmarcaption name=c ! queue ! textoverlay name=o wait-text=false ! fakesink "
        "c.overlay_src ! queue ! o.text_sink",
    SOURCE "tee name=t ! queue ! bitmarcaptionbin ! fakesink t. ! queue ! bitmarcaptionbin ! fakesink",
    /* a muxer that waits for text, with less room for video than a cue is long */
    SOURCE "bitmarencode ! bitmarcaption name=c text-mode=cue ! jpegenc ! queue ! matroskamux name=m ! fakesink "
        "c.text_src ! queue ! m.",
    "videotestsrc is-live=true num-buffers=40 ! video/x-raw,width=160,height=120,framerate=20/1 ! bitmarcaptionbin ! "
        "fakesink sync=true",
    /* more frames than text is kept for, and nobody who takes it */
    "videotestsrc num-buffers=1200 ! video/x-raw,format=GRAY8,width=32,height=32,framerate=50/1 ! bitmarcaptionbin overlay=false ! fakesink",
    /* nothing is ever said: no sink waits for it */
    SOURCE "bitmarcaptionbin name=b min-confidence=1 ! fakesink b.text_src ! fakesink b.json_src ! fakesink",
  };

  run (lines[__i__]);
}
GST_END_TEST
#define N_LINES 13

static guint
drawn (const char *properties)
{
  char *line = g_strdup_printf ("bitmarcaptionbin %s", properties);
  GstHarness *h = test_harness (line, "video/x-raw, format=GRAY8, width=320, height=240, framerate=10/1");
  GstBuffer *out;
  GstMapInfo map;
  guint changed = 0;

  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = gst_buffer_new_allocate (NULL, 320 * 240, NULL);

    gst_buffer_memset (frame, 0, 100, -1);
    GST_BUFFER_PTS (frame) = i * FRAME;
    GST_BUFFER_DURATION (frame) = FRAME;
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    out = gst_harness_pull (h);
    fail_unless (out != NULL);
    gst_buffer_map (out, &map, GST_MAP_READ);
    for (gsize p = 0; p < map.size; p++)
      changed += map.data[p] != 100;
    gst_buffer_unmap (out, &map);
    gst_buffer_unref (out);
  }
  test_free (h);
  g_free (line);
  return changed;
}

/* A file's every frame has its caption on it, a picture without overlay none. */
GST_START_TEST (test_overlay)
{
  fail_unless (drawn ("mode=synchronous") > 5 * 100);
  fail_unless_equals_int (drawn ("mode=synchronous overlay=false"), 0);
}
GST_END_TEST

/* Each property of the three is the bin's too, and goes where it belongs. */
GST_START_TEST (test_properties)
{
  static const char *const children[] = { "encode", "memory", "caption" };
  GstElement *bin = gst_object_ref_sink (gst_element_factory_make ("bitmarcaptionbin", NULL));
  guint n, found = 0;
  char *path;
  GstStructure *stats;

  for (guint i = 0; i < 3; i++) {
    GstElement *child = gst_bin_get_by_name (GST_BIN (bin), children[i]);
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (child), &n);

    for (guint p = 0; p < n; p++) {
      GParamSpec *own;

      if (g_type_is_a (GST_TYPE_ELEMENT, specs[p]->owner_type))
        continue;
      own = g_object_class_find_property (G_OBJECT_GET_CLASS (bin), specs[p]->name);
      fail_unless (own != NULL, "no %s", specs[p]->name);
      fail_unless (own->value_type == specs[p]->value_type);
      fail_unless (g_param_values_cmp (own, g_param_spec_get_default_value (own),
              g_param_spec_get_default_value (specs[p])) == 0, "%s", own->name);
      found++;
    }
    g_free (specs);
    gst_object_unref (child);
  }
  fail_unless (found > 25);
  g_object_set (bin, "model-path", "/x.gguf", "memory-size", 5, "beam-size", 2, NULL);
  gst_util_set_object_arg (G_OBJECT (bin), "max-rate", "7/2");
  for (guint i = 0; i < 3; i++) {
    GstElement *child = gst_bin_get_by_name (GST_BIN (bin), children[i]);

    g_object_get (child, "model-path", &path, NULL);
    fail_unless_equals_string (path, "/x.gguf");
    g_free (path);
    gst_object_unref (child);
  }
  g_object_get (bin, "memory-size", &n, NULL);
  fail_unless_equals_int (n, 5);
  g_object_get (bin, "beam-size", &n, "stats", &stats, NULL);
  fail_unless_equals_int (n, 2);
  for (guint i = 0; i < 3; i++)
    fail_unless (gst_structure_has_field_typed (stats, children[i], GST_TYPE_STRUCTURE));
  gst_structure_free (stats);
  gst_object_unref (bin);
}
GST_END_TEST

/* A file run twice says the same at the same times, though its text is pushed from a thread of its own. */
GST_START_TEST (test_deterministic)
{
  char *out[2];

  for (guint i = 0; i < 2; i++) {
    char *path = g_build_filename (g_get_tmp_dir (), i ? "bitmar-check-1.vtt" : "bitmar-check-0.vtt", NULL);
    char *line = g_strdup_printf ("videotestsrc num-buffers=100 pattern=ball ! video/x-raw,width=64,height=48,framerate=10/1 ! "
        "bitmarcaptionbin name=b text-mode=cue change-threshold=0 repeat=always ! fakesink b.text_src ! webvttenc ! "
        "filesink location=%s", path);

    run (line);
    fail_unless (g_file_get_contents (path, &out[i], NULL, NULL));
    g_free (line);
    g_free (path);
  }
  fail_unless_equals_string (out[0], out[1]);
  fail_unless (strstr (out[0], "00:00:09.000 --> 00:00:10.000") != NULL, "%s", out[0]);
  g_free (out[0]);
  g_free (out[1]);
}
GST_END_TEST

/* Seeking: captions are those of the new place. */
GST_START_TEST (test_seek)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc ! video/x-raw,width=64,height=48,framerate=10/1 ! bitmarcaptionbin "
      "name=b change-threshold=0 repeat=always ! fakesink sync=false", NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint after = 0;

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_seek (pipeline, 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 100 * GST_SECOND,
          GST_SEEK_TYPE_SET, 104 * GST_SECOND));
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS)) != NULL) {
    guint64 pts, running_time;
    gboolean eos = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;

    if (gst_message_has_name (message, "bitmar-caption")) {
      gst_structure_get (gst_message_get_structure (message), "pts", G_TYPE_UINT64, &pts, "running-time", G_TYPE_UINT64,
          &running_time, NULL);
      fail_unless (pts >= 100 * GST_SECOND && pts < 104 * GST_SECOND);
      fail_unless_equals_uint64 (running_time, pts - 100 * GST_SECOND);
      after++;
    }
    gst_message_unref (message);
    if (eos)
      break;
  }
  fail_unless (after >= 3 && after <= 4);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "bitmarcaptionbin runs to EOS, live and not, with each of its pads", .test = test_pipelines, .from = 0, .to = 5 },
  { .name = "subtitles are written while the video goes on", .test = test_pipelines, .from = 5, .to = 6 },
  { .name = "an overlay that waits for text, or does not, stalls nothing", .test = test_pipelines, .from = 6, .to = 8 },
  { .name = "two captioned branches of a tee run to EOS", .test = test_pipelines, .from = 8, .to = 9 },
  { .name = "a muxer that waits for text, with little room for video, stalls nothing", .test = test_pipelines, .from = 9, .to = 10 },
  { .name = "a live source whose sink follows the clock reaches EOS", .test = test_pipelines, .from = 10, .to = 11 },
  { .name = "sinks of text and JSON do not wait where nothing is ever said", .test = test_pipelines, .from = 11, .to = N_LINES },
  { .name = "the overlay draws every caption of a file, or nothing", .test = test_overlay },
  { .name = "each property of the three elements is the bin's, too", .test = test_properties },
  { .name = "a file run twice gives the same subtitles", .test = test_deterministic },
  { .name = "after a seek captions are those of the new place", .test = test_seek },
};

TEST_MAIN ("bin")
