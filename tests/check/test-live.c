/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Live streams, with captions made as slow as need be (BITMAR_TEST_DELAY_MS, read when the model is loaded). */

#include "common.h"

static GstHarness *
live_harness (const char *line, guint delay_ms)
{
  char *delay = g_strdup_printf ("%u", delay_ms);
  GstHarness *h;

  g_setenv ("BITMAR_TEST_DELAY_MS", delay, TRUE);
  h = test_harness (line, NULL);
  gst_harness_set_live (h, TRUE);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  g_free (delay);
  return h;
}

/* An hour a caption, and not one frame waits for it. */
GST_START_TEST (test_video_never_waits)
{
  GstHarness *h = live_harness (CHAIN "change-threshold=0", 3600 * 1000);
  GstElement *c;
  GstStructure *stats;
  guint64 frames, captions;

  test_wait_loaded (h, 3);
  for (guint i = 0; i < 300; i++) {
    GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, i, i));

    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * FRAME);
    gst_buffer_unref (out);
  }
  c = test_child (h, "c");
  g_object_get (c, "stats", &stats, NULL);
  fail_unless (gst_structure_get (stats, "frames-in", G_TYPE_UINT64, &frames, "captions", G_TYPE_UINT64, &captions, NULL));
  fail_unless_equals_uint64 (frames, 300);
  fail_unless_equals_uint64 (captions, 0);
  gst_structure_free (stats);
  gst_object_unref (c);
  /* And neither does the way down. */
  test_free (h);
}
GST_END_TEST

/* A pool of two buffers upstream is enough: no frame is held while it is worked on. */
GST_START_TEST (test_small_pool)
{
  GstHarness *h = live_harness (CHAIN "change-threshold=0", 3600 * 1000);
  GstBufferPool *pool = gst_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstCaps *caps = gst_caps_from_string (CAPS_RGB);

  gst_buffer_pool_config_set_params (config, caps, 64 * 48 * 3, 2, 2);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  gst_buffer_pool_set_active (pool, TRUE);
  test_wait_loaded (h, 3);
  for (guint i = 0; i < 50; i++) {
    GstBufferPoolAcquireParams dont_wait = { .flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT };
    GstBuffer *frame = NULL;

    fail_unless_equals_int (gst_buffer_pool_acquire_buffer (pool, &frame, &dont_wait), GST_FLOW_OK);
    GST_BUFFER_PTS (frame) = i * FRAME;
    gst_buffer_unref (test_pass (h, frame));
  }
  test_free (h);
  gst_buffer_pool_set_active (pool, FALSE);
  gst_object_unref (pool);
  gst_caps_unref (caps);
}
GST_END_TEST

/* The newest look is captioned, those it overtook are counted. */
GST_START_TEST (test_newest_wins)
{
  GstHarness *h = live_harness ("bitmarencode name=e mode=synchronous ! bitmarcaption name=c mode=live "
      "change-threshold=0 repeat=always", 300);
  GstMessage *message;
  guint64 pts, skipped;
  GstElement *c;
  GstStructure *stats;

  test_wait_loaded (h, 2);
  for (guint i = 0; i < 10; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 10 * i)));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  c = test_child (h, "c");
  g_object_get (c, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "skipped", &skipped));
  fail_unless (skipped >= 1);
  gst_structure_free (stats);
  gst_object_unref (c);
  pts = 0;
  while ((message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption")) != NULL) {
    gst_structure_get_uint64 (gst_message_get_structure (message), "pts", &pts);
    gst_message_unref (message);
  }
  fail_unless_equals_uint64 (pts, 90 * FRAME);
  test_free (h);
}
GST_END_TEST

/* One frame, then EOS: no later frame can carry what was seen, it is captioned all the same, before EOS is out. */
GST_START_TEST (test_eos_drains)
{
  GstHarness *h = live_harness (CHAIN, 200);
  GstMessage *message;
  const GstStructure *s;
  guint64 pts;

  test_wait_loaded (h, 3);
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 1, 3)));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_get_uint64 (s, "pts", &pts));
  fail_unless_equals_uint64 (pts, 3 * FRAME);
  fail_unless (gst_structure_has_field (s, "utc"));
  gst_message_unref (message);
  test_free (h);
}
GST_END_TEST

/* A flush ends a caption of an hour at once, and what was under way is never told. */
GST_START_TEST (test_flush_cancels)
{
  GstHarness *h = live_harness (CHAIN, 3600 * 1000);
  GstElement *c = test_child (h, "c");
  GstStructure *stats;
  guint64 captions;

  test_wait_loaded (h, 3);
  for (guint round = 0; round < 3; round++) {
    for (guint i = 0; i < 20; i++)
      gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, i)));
    test_flush (h);
  }
  g_object_get (c, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "captions", &captions));
  fail_unless_equals_uint64 (captions, 0);
  gst_structure_free (stats);
  gst_object_unref (c);
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption") == NULL);
  test_free (h);
}
GST_END_TEST

/* And it goes on afterwards. */
GST_START_TEST (test_flush_goes_on)
{
  GstHarness *h = live_harness (CHAIN, 0);
  GstMessage *message;

  test_wait_loaded (h, 3);
  for (guint round = 0; round < 5; round++) {
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, round, 0)));
    test_flush (h);
  }
  while ((message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption")) != NULL)
    gst_message_unref (message);
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 9, 0)));
  gst_harness_push_event (h, gst_event_new_eos ());
  message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  gst_message_unref (message);
  test_free (h);
}
GST_END_TEST

/* A promise of latency that is not kept is told once. */
GST_START_TEST (test_latency_broken)
{
  GstHarness *h = live_harness (CHAIN "latency=1 change-threshold=0", 50);
  GstElement *c = test_child (h, "c");
  guint64 delay;
  guint warnings = 0;
  GstMessage *message;

  test_wait_loaded (h, 3);
  for (guint i = 0; i < 3; i++) {
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 0)));
    test_flush (h);
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 0)));
    gst_harness_push_event (h, gst_event_new_gap (FRAME, FRAME));
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 1)));
    g_usleep (100000);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((message = test_pop_message (h, GST_MESSAGE_WARNING, NULL)) != NULL) {
    warnings++;
    gst_message_unref (message);
  }
  g_object_get (c, "max-observed-delay", &delay, NULL);
  fail_unless_equals_int (warnings, delay > 1 ? 1 : 0);
  gst_object_unref (c);
  test_free (h);
}
GST_END_TEST

static gpointer
set_properties (gpointer data)
{
  GstElement *c = data;

  for (guint i = 0; i < 300; i++) {
    GstStructure *stats;

    g_object_set (c, "prompt", i % 2 ? "a dog" : NULL, "max-tokens", i % 5, "change-threshold", (i % 3) * 0.5,
        "latency", (guint64) (i % 7) * GST_MSECOND, "repeat", i % 3, NULL);
    g_object_get (c, "stats", &stats, NULL);
    gst_structure_free (stats);
  }
  return NULL;
}

static gpointer
request_pads (gpointer data)
{
  GstElement *c = data;

  for (guint i = 0; i < 100; i++) {
    GstPad *pad = gst_element_request_pad_simple (c, i % 2 ? "json_src" : "text_src");

    if (pad) {
      gst_element_release_request_pad (c, pad);
      gst_object_unref (pad);
    }
  }
  return NULL;
}

/* Properties, pads and flushes from other threads while frames pass. */
GST_START_TEST (test_stress)
{
  GstHarness *h = live_harness (CHAIN, 0);
  GstElement *c = test_child (h, "c");
  GThread *setter = g_thread_new ("set", set_properties, c), *pads = g_thread_new ("pads", request_pads, c);

  for (guint i = 0; i < 600; i++) {
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, i)));
    if (i % 100 == 99)
      test_flush (h);
  }
  g_thread_join (setter);
  g_thread_join (pads);
  gst_object_unref (c);
  test_free (h);
}
GST_END_TEST

/* Up and down, quicker than the model loads. */
GST_START_TEST (test_states)
{
  GstElement *chain = gst_parse_bin_from_description (CHAIN, TRUE, NULL);

  for (guint i = 0; i < 30; i++) {
    fail_unless (gst_element_set_state (chain, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    fail_unless (gst_element_set_state (chain, i % 2 ? GST_STATE_NULL : GST_STATE_READY) != GST_STATE_CHANGE_FAILURE);
  }
  gst_element_set_state (chain, GST_STATE_NULL);
  gst_object_unref (chain);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "a hung model delays and drops no live frame", .test = test_video_never_waits },
  { .name = "an upstream pool of two buffers is never starved", .test = test_small_pool },
  { .name = "live, the newest look is captioned and the overtaken are counted", .test = test_newest_wins },
  { .name = "EOS drains the last caption", .test = test_eos_drains },
  { .name = "a flush cancels the caption and no stale one follows", .test = test_flush_cancels },
  { .name = "after a flush captions go on", .test = test_flush_goes_on },
  { .name = "a latency that is not kept is told by one warning", .test = test_latency_broken },
  { .name = "properties, pads and flushes from threads while playing", .test = test_stress },
  { .name = "states change quicker than the model loads", .test = test_states },
};

TEST_MAIN ("live")
