/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to the video, and when frames are looked at. */

#include "common.h"

static void
untouched (const char *mode)
{
  GstHarness *h = test_harness (CHAIN, NULL);

  test_set (h, "e", "mode", mode);
  test_set (h, "m", "mode", mode);
  test_set (h, "c", "mode", mode);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  for (guint i = 0; i < 30; i++) {
    GstBuffer *in = test_frame (CAPS_RGB, i, i), *out;
    GstBuffer *kept = gst_buffer_copy_deep (in);
    GstMemory *memory = gst_buffer_peek_memory (in, 0);
    GstMapInfo map;

    GST_BUFFER_OFFSET (in) = 7 * i;
    GST_BUFFER_DTS (in) = i * FRAME / 2;
    if (i % 5 == 0)
      GST_BUFFER_FLAG_SET (in, GST_BUFFER_FLAG_DISCONT | GST_VIDEO_BUFFER_FLAG_INTERLACED);
    gst_memory_ref (memory);
    out = test_pass (h, in);
    fail_unless (gst_buffer_peek_memory (out, 0) == memory);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * FRAME);
    fail_unless_equals_uint64 (GST_BUFFER_DTS (out), i * FRAME / 2);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (out), FRAME);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (out), 7 * i);
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_DISCONT), i % 5 == 0);
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (out, GST_VIDEO_BUFFER_FLAG_INTERLACED), i % 5 == 0);
    gst_buffer_map (kept, &map, GST_MAP_READ);
    gst_check_buffer_data (out, map.data, map.size);
    gst_buffer_unmap (kept, &map);
    gst_memory_unref (memory);
    gst_buffer_unref (kept);
    gst_buffer_unref (out);
  }
  test_free (h);
}

GST_START_TEST (test_untouched)
{
  untouched ("synchronous");
  untouched ("live");
}
GST_END_TEST

static const char *const formats[] = { "NV12", "NV21", "I420", "YV12", "YUY2", "UYVY", "Y42B", "Y444", "RGB", "BGR", "RGBx",
  "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "GRAY8" };
static const struct {
  int width, height;
} sizes[] = { { 1, 1 }, { 1, 300 }, { 2, 2 }, { 33, 17 }, { 64, 48 }, { 641, 3 } };

GST_START_TEST (test_format)
{
  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    char *caps = g_strdup_printf ("video/x-raw, format=%s, width=%d, height=%d, framerate=0/1", formats[__i__],
        sizes[s].width, sizes[s].height);
    GstHarness *h = test_harness (CHAIN, caps);
    GstBuffer *out = test_pass (h, test_frame (caps, 1, 0));

    fail_unless (test_meta (out, "BitmarEpisodeMeta") != NULL, "%s", caps);
    fail_unless (test_meta (out, "BitmarCaptionMeta") != NULL, "%s", caps);
    gst_buffer_unref (out);
    test_free (h);
    g_free (caps);
  }
}
GST_END_TEST

static char *
caption_of (GstBuffer *frame, const char *caps)
{
  GstHarness *h = test_harness (CHAIN, caps);
  GstBuffer *out = test_pass (h, frame);
  char *text = g_strdup (gst_structure_get_string (test_meta (out, "BitmarCaptionMeta"), "text"));

  fail_unless (text != NULL);
  gst_buffer_unref (out);
  test_free (h);
  return text;
}

/* The same picture with other strides and a hole between the planes says the same. */
GST_START_TEST (test_strides)
{
  const char *caps = "video/x-raw, format=NV12, width=50, height=38, framerate=10/1";
  GstBuffer *tight = test_frame (caps, 4, 0), *padded;
  gsize offset[GST_VIDEO_MAX_PLANES] = { 128, 128 + 40 * 96 };
  gint stride[GST_VIDEO_MAX_PLANES] = { 96, 80 };
  char *a, *b;
  GstVideoFrame from, to;
  GstVideoInfo info;
  GstCaps *c = gst_caps_from_string (caps);

  gst_video_info_from_caps (&info, c);
  gst_caps_unref (c);
  padded = gst_buffer_new_allocate (NULL, 128 + 40 * 96 + 20 * 80, NULL);
  gst_buffer_memset (padded, 0, 0xee, -1);
  gst_buffer_add_video_meta_full (padded, 0, GST_VIDEO_FORMAT_NV12, 50, 38, 2, offset, stride);
  GST_BUFFER_PTS (padded) = 0;
  fail_unless (gst_video_frame_map (&from, &info, tight, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&to, &info, padded, GST_MAP_WRITE));
  gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  a = caption_of (tight, caps);
  b = caption_of (padded, caps);
  fail_unless_equals_string (a, b);
  g_free (a);
  g_free (b);
}
GST_END_TEST

static guint
count_episodes (GstHarness *h, guint n, GstClockTime step, GstClockTime first)
{
  guint episodes = 0;

  for (guint i = 0; i < n; i++) {
    GstBuffer *frame = test_frame (CAPS_RGB, i, 0), *out;

    GST_BUFFER_PTS (frame) = first + i * step;
    out = test_pass (h, frame);
    episodes += test_meta (out, "BitmarEpisodeMeta") != NULL;
    gst_buffer_unref (out);
  }
  return episodes;
}

GST_START_TEST (test_max_rate)
{
  static const struct {
    const char *rate;
    GstClockTime step;
    guint frames, episodes;
  } cases[] = {
    { "1/1", 100 * GST_MSECOND, 30, 3 },
    { "2/1", 100 * GST_MSECOND, 30, 6 },
    { "1/2", 500 * GST_MSECOND, 12, 3 },
    { "0/1", 100 * GST_MSECOND, 7, 7 },
    { "5/1", GST_SECOND, 4, 4 },
    /* 29.97 frames a second do not divide a second: the grid keeps its phase */
    { "10/1", 33366667, 90, 30 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstHarness *h = test_harness ("bitmarencode name=e ! identity", CAPS_RGB);

    test_set (h, "e", "max-rate", cases[i].rate);
    fail_unless_equals_int (count_episodes (h, cases[i].frames, cases[i].step, 0), cases[i].episodes);
    test_free (h);
  }
}
GST_END_TEST

/* A hole in the stream, and time that jumps back without a segment. */
GST_START_TEST (test_jumps)
{
  GstHarness *h = test_harness ("bitmarencode ! identity", CAPS_RGB);

  fail_unless_equals_int (count_episodes (h, 11, FRAME, 0), 2);
  fail_unless_equals_int (count_episodes (h, 11, FRAME, 3600 * GST_SECOND), 2);
  fail_unless_equals_int (count_episodes (h, 11, FRAME, 100 * GST_SECOND), 2);
  test_free (h);
}
GST_END_TEST

/* Frames outside the segment pass and are not looked at. */
GST_START_TEST (test_outside_segment)
{
  GstHarness *h = test_harness ("bitmarencode max-rate=0/1 ! identity", CAPS_RGB);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = 500 * GST_MSECOND;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  fail_unless_equals_int (count_episodes (h, 10, FRAME, 0), 5);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_no_timestamps)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  guint captioned = 0;
  GstMessage *message;

  test_set (h, "c", "change-threshold", "0");
  test_set (h, "c", "repeat", "always");
  for (guint i = 0; i < 30; i++) {
    GstBuffer *frame = test_frame (CAPS_RGB, i, i), *out;

    GST_BUFFER_PTS (frame) = GST_BUFFER_DURATION (frame) = GST_CLOCK_TIME_NONE;
    out = test_pass (h, frame);
    fail_if (GST_BUFFER_PTS_IS_VALID (out));
    if (test_meta (out, "BitmarEpisodeMeta"))
      captioned++;
    gst_buffer_unref (out);
  }
  /* By the caps' frame rate these are three seconds. */
  fail_unless_equals_int (captioned, 3);
  message = test_pop_message (h, GST_MESSAGE_WARNING, NULL);
  fail_unless (message != NULL);
  gst_message_unref (message);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_bad_caps)
{
  static const char *const bad[] = { "video/x-raw, format=RGB, width=16385, height=48, framerate=10/1",
    "video/x-raw, format=P010_10LE, width=64, height=48, framerate=10/1", "audio/x-raw, format=S16LE, rate=8000, channels=1" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    GstHarness *h = test_harness (CHAIN, NULL);
    GstPad *sink = gst_element_get_static_pad (h->element, "sink");
    GstCaps *caps = gst_caps_from_string (bad[i]);

    gst_harness_play (h);
    fail_if (sink && gst_pad_query_accept_caps (sink, caps));
    gst_caps_unref (caps);
    gst_clear_object (&sink);
    test_free (h);
  }
}
GST_END_TEST

/* Caps that the buffers do not keep: skipped with a warning, the video goes on. */
GST_START_TEST (test_short_buffer)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 100, NULL), *out;
  GstMessage *message;

  GST_BUFFER_PTS (frame) = 0;
  out = test_pass (h, frame);
  fail_if (test_meta (out, "BitmarEpisodeMeta"));
  gst_buffer_unref (out);
  message = test_pop_message (h, GST_MESSAGE_WARNING, NULL);
  fail_unless (message != NULL);
  gst_message_unref (message);
  out = test_pass (h, test_frame (CAPS_RGB, 0, 20));
  fail_unless (test_meta (out, "BitmarCaptionMeta"));
  gst_buffer_unref (out);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_caps_change)
{
  static const char *const caps[] = { CAPS_RGB, "video/x-raw, format=NV12, width=31, height=77, framerate=25/1",
    "video/x-raw, format=GRAY8, width=8, height=8, framerate=0/1", CAPS_RGB };
  GstHarness *h = test_harness (CHAIN, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (caps); i++) {
    GstBuffer *out;

    gst_harness_set_src_caps_str (h, caps[i]);
    out = test_pass (h, test_frame (caps[i], i, 20 * i));
    fail_unless (test_meta (out, "BitmarEpisodeMeta") != NULL);
    gst_buffer_unref (out);
  }
  test_free (h);
}
GST_END_TEST

/* What is on a buffer stays there through everything that changes pictures. */
GST_START_TEST (test_metas_survive)
{
  GstHarness *h = test_harness (CHAIN "! queue ! tee ! videoconvert ! capsfilter caps=video/x-raw,format=I420 ! videoscale ! "
      "capsfilter caps=video/x-raw,width=32,height=32 ! videocrop left=2 ! videorate ! identity", CAPS_RGB);
  guint found = 0;

  for (guint i = 0; i < 12; i++)
    gst_harness_push (h, test_frame (CAPS_RGB, i, i));
  gst_harness_push_event (h, gst_event_new_eos ());
  for (GstBuffer *out; (out = gst_harness_pull (h)) != NULL; gst_buffer_unref (out)) {
    const GstStructure *s = test_meta (out, "BitmarCaptionMeta");

    found += s && gst_structure_has_field (s, "id");
    if (GST_BUFFER_PTS (out) >= 10 * FRAME) {
      gst_buffer_unref (out);
      break;
    }
  }
  fail_unless (found >= 10);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "video passes as it is, with its times, flags and memory, live and not", .test = test_untouched },
  { .name = "frames of every format and of odd sizes, 1x1 among them, are captioned", .test = test_format, .to = G_N_ELEMENTS (formats) },
  { .name = "a picture in padded planes is captioned like the same without padding", .test = test_strides },
  { .name = "frames are looked at by their timestamps, max-rate a second", .test = test_max_rate },
  { .name = "a hole in the stream, and time that jumps back, stop no sampling", .test = test_jumps },
  { .name = "frames outside the segment pass and are not looked at", .test = test_outside_segment },
  { .name = "frames without timestamps are placed by their rate, with one warning", .test = test_no_timestamps },
  { .name = "caps that the template does not have are refused", .test = test_bad_caps },
  { .name = "a buffer smaller than its caps say is skipped with a warning", .test = test_short_buffer },
  { .name = "size, format and frame rate change in mid-stream", .test = test_caps_change },
  { .name = "metadata survives queue, tee, convert, scale, crop and rate", .test = test_metas_survive },
};

TEST_MAIN ("video")
