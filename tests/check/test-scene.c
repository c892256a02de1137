/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Change-driven captioning with the shipped model: a still camera costs next to no decoding, and nobody comes or goes unnoticed. */

#include "common.h"

#define CAPS_STILL "video/x-raw, format=RGB, width=320, height=240, framerate=1/1"

/* A room as a cheap camera shows it: large areas of one colour, and noise that is another in every frame. */
static GstBuffer *
noisy_room (guint n, GRand *rand)
{
  gsize stride = 320 * 3;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, stride * 240, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++) {
    gsize y = i / stride, x = i % stride / 3;
    gint level = y > 150 ? 90 : x > 200 && x < 260 && y > 40 && y < 110 ? 220 : 150;

    map.data[i] = (guint8) (level + (gint) (i % 3) * 10 + g_rand_int_range (rand, -8, 9));
  }
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = n * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  return buffer;
}

static guint64
stat_of (GstElement *element, const char *name)
{
  GstStructure *s;
  guint64 n;

  g_object_get (element, "stats", &s, NULL);
  fail_unless (gst_structure_get_uint64 (s, name, &n));
  gst_structure_free (s);
  return n;
}

GST_START_TEST (test_still)
{
  const char *model = g_getenv ("BITMAR_SHIPPED");
  char *line = g_strdup_printf ("bitmarencode model-path=\"%s\" ! bitmarmemory model-path=\"%s\" ! bitmarcaption name=c model-path=\"%s\"", model,
      model, model);
  GstHarness *h = test_harness (line, CAPS_STILL);
  GRand *rand = g_rand_new_with_seed (1);
  GstElement *caption = test_child (h, "c");
  guint64 written;

  for (guint n = 0; n < 200; n++)
    gst_buffer_unref (test_pass (h, noisy_room (n, rand)));
  written = stat_of (caption, "written");
  fail_unless_equals_uint64 (stat_of (caption, "episodes"), 200);
  fail_unless (written >= 1 && written <= 10, "%" G_GUINT64_FORMAT " of 200 looks were captioned", written);
  gst_object_unref (caption);
  g_rand_free (rand);
  test_free (h);
  g_free (line);
}
GST_END_TEST

/* Seconds in which somebody comes in or is gone, by looking at the clip (models/train/video-truth.tsv). */
static const guint changes[] = { 6, 20, 23, 45, 51, 70, 75, 87, 93, 120, 124, 136 };

static GArray *
caption_times (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GArray *times = g_array_new (FALSE, FALSE, sizeof (guint64));
  gboolean ended = FALSE;

  while (!ended) {
    GstMessage *m = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
    guint64 pts;

    fail_if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR);
    ended = GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS;
    if (gst_message_has_name (m, "bitmar-caption")) {
      const GstStructure *s = gst_message_get_structure (m);

      fail_unless (gst_structure_get_uint64 (s, "pts", &pts));
      g_array_append_val (times, pts);
      g_print ("# %3u s  %s\n", (guint) (pts / GST_SECOND), gst_structure_get_string (s, "text"));
    }
    gst_message_unref (m);
  }
  gst_object_unref (bus);
  return times;
}

GST_START_TEST (test_people)
{
  char *clip = g_build_filename (g_getenv ("BITMAR_SHARED"), "video", "one-by-one-person-detection.mp4", NULL);
  char *line = g_strdup_printf ("filesrc location=\"%s\" ! decodebin ! videoconvert ! bitmarencode model-path=\"%s\" ! bitmarmemory model-path=\"%s\" ! "
      "bitmarcaption name=c model-path=\"%s\" ! fakesink", clip, g_getenv ("BITMAR_SHIPPED"), g_getenv ("BITMAR_SHIPPED"),
      g_getenv ("BITMAR_SHIPPED"));
  GstElement *pipeline;
  GArray *times;
  guint missed = 0;

  pipeline = gst_parse_launch (line, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  times = caption_times (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    gboolean told = FALSE;

    for (guint j = 0; j < times->len; j++) {
      guint64 pts = g_array_index (times, guint64, j);
      told |= pts >= changes[i] * GST_SECOND && pts < (changes[i] + 3) * GST_SECOND;
    }
    if (!told)
      g_print ("# nothing is said of second %u\n", changes[i]);
    missed += !told;
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_array_unref (times);
  gst_object_unref (pipeline);
  g_free (line);
  g_free (clip);
  fail_unless_equals_int (missed, 0);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "a still room costs a handful of captions", .test = test_still, .needs = "BITMAR_SHIPPED" },
  { .name = "nobody comes or goes unnoticed", .test = test_people, .needs = "BITMAR_SHARED/video/one-by-one-person-detection.mp4" },
};

TEST_MAIN ("scene")
