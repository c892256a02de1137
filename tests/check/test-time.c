/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running time, segments, gaps, latency and lateness. */

#include "common.h"
#include "listener.h"

/* Whatever the random model thinks of its captions. */
#define SURE CHAIN "min-confidence=0 "
#define TEXT "text/x-raw, format=utf8"

static void
push_segment (GstHarness *h, gdouble rate, GstClockTime base, GstClockTime start, GstClockTime stop)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = rate;
  segment.base = base;
  segment.start = segment.time = start;
  segment.position = rate < 0 ? stop : start;
  segment.stop = stop;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

static GstBuffer *
pass_at (GstHarness *h, guint look, GstClockTime pts)
{
  GstBuffer *frame = test_frame (CAPS_RGB, look, 0);

  GST_BUFFER_PTS (frame) = pts;
  return test_pass (h, frame);
}

static guint64
caption_field (GstBuffer *buffer, const char *field)
{
  const GstStructure *s = test_meta (buffer, "BitmarCaptionMeta");
  guint64 value;

  fail_unless (s && gst_structure_get_uint64 (s, field, &value));
  return value;
}

/* A segment that starts late, runs at twice the speed and after another: running time is what clocks go by, PTS what buffers do. */
GST_START_TEST (test_segment)
{
  GstHarness *h = test_harness (SURE "change-threshold=0 repeat=always", CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", TEXT);
  const GstSegment *sent;
  GstBuffer *out;

  push_segment (h, 2, 7 * GST_SECOND, 100 * GST_SECOND, GST_CLOCK_TIME_NONE);
  out = pass_at (h, 1, 104 * GST_SECOND);
  fail_unless_equals_uint64 (caption_field (out, "pts"), 104 * GST_SECOND);
  fail_unless_equals_uint64 (caption_field (out, "running-time"), 9 * GST_SECOND);
  gst_buffer_unref (out);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  fail_unless (test_count_buffers (l) > 0);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (test_nth_buffer (l, 0)), 104 * GST_SECOND);
  for (guint i = 0; i < l->items->len; i++)
    if (GST_IS_EVENT (l->items->pdata[i]) && GST_EVENT_TYPE (l->items->pdata[i]) == GST_EVENT_SEGMENT) {
      gst_event_parse_segment (l->items->pdata[i], &sent);
      fail_unless_equals_uint64 (gst_segment_to_running_time (sent, GST_FORMAT_TIME, 104 * GST_SECOND), 9 * GST_SECOND);
    }
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* Played backwards: what is seen later in the playing has the larger running time. */
GST_START_TEST (test_reverse)
{
  GstHarness *h = test_harness (SURE "change-threshold=0 repeat=always", CAPS_RGB);

  push_segment (h, -1, 0, 0, 10 * GST_SECOND);
  for (guint i = 1; i <= 5; i++) {
    GstBuffer *out = pass_at (h, i, (10 - i) * GST_SECOND);

    fail_unless_equals_uint64 (caption_field (out, "id"), i);
    fail_unless_equals_uint64 (caption_field (out, "running-time"), i * GST_SECOND);
    gst_buffer_unref (out);
  }
  test_free (h);
}
GST_END_TEST

/* What was seen in a segment is said in it, though no frame of it could carry the look. */
GST_START_TEST (test_segment_drains)
{
  GstHarness *h;
  TestListener *l;
  gboolean said = FALSE, second = FALSE;

  g_setenv ("BITMAR_TEST_DELAY_MS", "100", TRUE);
  h = test_harness ("bitmarencode mode=live ! bitmarmemory mode=live ! bitmarcaption name=c mode=live min-confidence=0", NULL);
  l = test_listen (h, "overlay_src", TEXT);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  test_wait_loaded (h, 3);
  gst_buffer_unref (pass_at (h, 1, 3 * GST_SECOND));
  push_segment (h, 1, 4 * GST_SECOND, 500 * GST_SECOND, GST_CLOCK_TIME_NONE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  for (guint i = 0; i < l->items->len; i++) {
    GstMiniObject *item = l->items->pdata[i];

    if (GST_IS_BUFFER (item)) {
      fail_if (second, "what belongs to the first segment is said in the second");
      fail_unless (GST_BUFFER_PTS (item) >= 3 * GST_SECOND && GST_BUFFER_PTS (item) < 4 * GST_SECOND);
      said = TRUE;
    } else if (GST_EVENT_TYPE (item) == GST_EVENT_SEGMENT) {
      const GstSegment *segment;

      gst_event_parse_segment (GST_EVENT (item), &segment);
      second = segment->start == 500 * GST_SECOND;
    }
  }
  fail_unless (said);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* A hole in the video that a GAP event announces is one in nothing else. */
GST_START_TEST (test_gap)
{
  GstHarness *h = test_harness (SURE, CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", TEXT);
  GstClockTime end = 0;

  gst_buffer_unref (pass_at (h, 1, 0));
  fail_unless (gst_harness_push_event (h, gst_event_new_gap (FRAME, 30 * GST_SECOND)));
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  for (guint i = 0; i < test_count_buffers (l); i++)
    end = GST_BUFFER_PTS (test_nth_buffer (l, i)) + GST_BUFFER_DURATION (test_nth_buffer (l, i));
  fail_unless (end >= 30 * GST_SECOND, "text ends at %" GST_TIME_FORMAT, GST_TIME_ARGS (end));
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* Nothing moves, so the caption is written once; whoever comes later is told of it all the same. */
GST_START_TEST (test_current)
{
  GstHarness *h = test_harness (SURE, CAPS_RGB);
  TestListener *l;

  gst_buffer_unref (pass_at (h, 1, 0));
  l = test_listen (h, "text_src", TEXT);
  gst_buffer_unref (pass_at (h, 1, GST_SECOND));
  gst_buffer_unref (pass_at (h, 1, 2 * GST_SECOND));
  test_wait_buffers (l, 1);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (test_nth_buffer (l, 0)), GST_SECOND);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_current_segment)
{
  GstHarness *h = test_harness (SURE, CAPS_RGB);
  TestListener *l = test_listen (h, "text_src", TEXT);
  guint before;

  gst_buffer_unref (pass_at (h, 1, 0));
  push_segment (h, 1, GST_SECOND, 60 * GST_SECOND, GST_CLOCK_TIME_NONE);
  before = test_count_buffers (l);
  gst_buffer_unref (pass_at (h, 1, 60 * GST_SECOND));
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  fail_unless (test_count_buffers (l) > before);
  fail_unless (GST_BUFFER_PTS (test_nth_buffer (l, test_count_buffers (l) - 1)) >= 60 * GST_SECOND);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* Upstream's latency passes; ours is added on text pads alone, live or not. */
GST_START_TEST (test_latency)
{
  GstHarness *h = test_harness (SURE "latency=300000000", CAPS_RGB);
  TestListener *l = test_listen (h, "text_src", TEXT);

  for (guint live = 0; live < 2; live++) {
    GstQuery *query = gst_query_new_latency ();
    GstClockTime min, max;
    gboolean told;

    gst_harness_set_live (h, live);
    gst_harness_set_upstream_latency (h, 40 * GST_MSECOND);
    fail_unless (gst_pad_query (l->pad, query));
    gst_query_parse_latency (query, &told, &min, &max);
    fail_unless_equals_int (told, live);
    fail_unless_equals_uint64 (min, gst_harness_query_latency (h) + 300 * GST_MSECOND);
    gst_query_unref (query);
  }
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* With a latency of half a second the text of a moment waits until the video is half a second on. */
GST_START_TEST (test_text_follows)
{
  GstHarness *h = test_harness (SURE "latency=500000000", CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", TEXT);
  GstBuffer *last;

  for (guint i = 0; i < 5; i++)
    gst_buffer_unref (pass_at (h, 1, i * FRAME));
  g_usleep (20000);
  fail_unless_equals_int (test_count_buffers (l), 0);
  for (guint i = 5; i < 10; i++)
    gst_buffer_unref (pass_at (h, 1, i * FRAME));
  test_wait_buffers (l, 5);
  last = test_nth_buffer (l, 4);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (test_nth_buffer (l, 0)), 0);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (last) + GST_BUFFER_DURATION (last), 500 * GST_MSECOND);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

static GstHarness *
clocked (const char *settings)
{
  char *line = g_strdup_printf ("bitmarencode mode=synchronous ! bitmarcaption name=c mode=live change-threshold=0 repeat=always min-confidence=0 %s", settings);
  GstElement *bin = test_parse (line);
  GstHarness *h = test_harness_of (bin, NULL);

  gst_harness_use_testclock (h);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  g_free (line);
  return h;
}

static guint64
delay_of (GstHarness *h)
{
  GstElement *c = test_child (h, "c");
  guint64 delay;

  g_object_get (c, "max-observed-delay", &delay, NULL);
  gst_object_unref (c);
  return delay;
}

static guint
count_warnings (GstHarness *h)
{
  GstMessage *message;
  guint n = 0;

  while ((message = test_pop_message (h, GST_MESSAGE_WARNING, NULL)) != NULL) {
    GError *error;

    gst_message_parse_warning (message, &error, NULL);
    fail_unless (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_CLOCK), "%s", error->message);
    g_error_free (error);
    gst_message_unref (message);
    n++;
  }
  return n;
}

/* A caption per frame, each written when the clock stands at `at`. */
static void
caption_at (GstHarness *h, guint i, GstClockTime at)
{
  GstMessage *message;

  fail_unless (gst_harness_set_time (h, at));
  gst_buffer_unref (pass_at (h, i, i * GST_SECOND));
  message = test_wait_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  gst_message_unref (message);
}

GST_START_TEST (test_delay)
{
  static const struct {
    GstClockTime at, longest;
    guint warnings;
  } steps[] = { { 1400, 400, 0 }, { 2900, 900, 1 }, { 3600, 900, 0 } };
  GstHarness *h = clocked ("latency=500000000");

  test_wait_loaded (h, 2);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    caption_at (h, i + 1, steps[i].at * GST_MSECOND);
    push_segment (h, 1, 0, 0, GST_CLOCK_TIME_NONE);    /* whatever is under way is done then */
    fail_unless_equals_uint64 (delay_of (h), steps[i].longest * GST_MSECOND);
    fail_unless_equals_int (count_warnings (h), steps[i].warnings);
  }
  test_free (h);
}
GST_END_TEST

/* The caption of the first frame comes when the video is five seconds on. */
static guint
texts_with (const char *lateness, guint64 *late)
{
  char *line = g_strdup_printf ("bitmarencode mode=synchronous max-rate=1/100 ! bitmarcaption name=c mode=live min-confidence=0 %s", lateness);
  GstHarness *h;
  TestListener *l;
  GstElement *c;
  GstStructure *stats;
  guint texts;

  g_setenv ("BITMAR_TEST_DELAY_MS", "1000", TRUE);
  h = test_harness (line, NULL);
  l = test_listen (h, "overlay_src", TEXT);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  test_wait_loaded (h, 2);
  for (guint i = 0; i < 50; i++)
    gst_buffer_unref (pass_at (h, 1, i * FRAME));
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  texts = test_count_buffers (l);
  if (texts > 0)
    fail_unless (GST_BUFFER_PTS (test_nth_buffer (l, 0)) >= 5 * GST_SECOND);
  c = test_child (h, "c");
  g_object_get (c, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "late", late));
  gst_structure_free (stats);
  gst_object_unref (c);
  test_listener_free (h, l);
  test_free (h);
  g_free (line);
  return texts;
}

GST_START_TEST (test_lateness)
{
  guint64 late;

  fail_unless_equals_int (texts_with ("lateness=1000000000", &late), 0);
  fail_unless_equals_uint64 (late, 1);
  fail_unless (texts_with ("", &late) > 0);
  fail_unless_equals_uint64 (late, 0);
}
GST_END_TEST

static guint64
stat_of (GstHarness *h, const char *child, const char *field)
{
  GstElement *e = test_child (h, child);
  GstStructure *stats;
  guint64 n;

  g_object_get (e, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &n));
  gst_structure_free (stats);
  gst_object_unref (e);
  return n;
}

/* How many of eight frames, one a second, are looked at, after the sink said that the first was two seconds late. */
static guint64
looks_after_qos (GstHarness *h)
{
  guint64 before = stat_of (h, "e", "frames-encoded");

  for (guint i = 0; i < 8; i++) {
    gst_buffer_unref (pass_at (h, i, i * GST_SECOND));
    if (i == 0)
      gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 3.0, 2 * GST_SECOND, 0));
  }
  return stat_of (h, "e", "frames-encoded") - before;
}

/* Frames before the point at which the sink has caught up are passed on unseen, later ones are looked at. */
GST_START_TEST (test_qos)
{
  GstHarness *h = test_harness (SURE, CAPS_RGB);

  fail_unless_equals_uint64 (looks_after_qos (h), 8);          /* a file is looked at in whole unless this is wanted */
  test_set (h, "e", "qos", "true");
  test_flush (h);
  fail_unless_equals_uint64 (looks_after_qos (h), 5);
  fail_unless_equals_uint64 (stat_of (h, "e", "frames-skipped"), 3);
  /* A sink that is in time again, and a flush, end it. */
  test_flush (h);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 3.0, 100 * GST_SECOND, 0));
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 0.5, -(GstClockTimeDiff) GST_SECOND, 100 * GST_SECOND));
  fail_unless_equals_uint64 (looks_after_qos (h), 5);
  test_flush (h);
  gst_buffer_unref (pass_at (h, 1, 0));
  fail_unless_equals_uint64 (stat_of (h, "e", "frames-skipped"), 6);
  test_free (h);
}
GST_END_TEST

/* Text comes after its frame by nature; its reader's complaint changes nothing for the video. */
GST_START_TEST (test_qos_of_text)
{
  GstHarness *h = test_harness (SURE, CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", TEXT);

  test_set (h, "e", "qos", "true");
  gst_buffer_unref (pass_at (h, 1, 0));
  fail_unless (gst_pad_push_event (l->peer, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 3.0, 100 * GST_SECOND, 0)));
  gst_buffer_unref (pass_at (h, 1, 10 * GST_SECOND));
  fail_unless_equals_uint64 (stat_of (h, "e", "frames-encoded"), 2);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "captions are in the running time of a segment with another start, speed and base", .test = test_segment },
  { .name = "played backwards captions come in the order of playing", .test = test_reverse },
  { .name = "a new segment drains what was seen in the former", .test = test_segment_drains },
  { .name = "text goes on over a gap in the video", .test = test_gap },
  { .name = "a text pad requested in mid-stream shows the caption that is up", .test = test_current },
  { .name = "the caption that is up stays up in a new segment", .test = test_current_segment },
  { .name = "LATENCY is upstream's on video and more by latency on text, live or not", .test = test_latency },
  { .name = "text follows its video by latency", .test = test_text_follows },
  { .name = "max-observed-delay is the longest by the clock, and one warning tells that latency was promised too low", .test = test_delay },
  { .name = "text later than lateness is not shown, and counted", .test = test_lateness },
  { .name = "with qos late frames are skipped until the sink has caught up", .test = test_qos },
  { .name = "a text's reader that is late makes no video frame late", .test = test_qos_of_text },
};

TEST_MAIN ("time")
