/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes through besides frames: events, queries, results; and flushes of a stream that waits. */

#include "common.h"
#include "listener.h"

#define TEXT "text/x-raw, format=utf8"

/* ---- Events and queries that are not ours -------------------------------------------------------- */

static gboolean
came_through (GstEvent *(*next) (GstHarness *), GstHarness *h, const char *name)
{
  GstEvent *event;
  gboolean found = FALSE;

  while ((event = next (h)) != NULL) {
    found |= gst_event_has_name (event, name);
    gst_event_unref (event);
  }
  return found;
}

GST_START_TEST (test_events)
{
  static const GstEventType down[] = { GST_EVENT_CUSTOM_DOWNSTREAM, GST_EVENT_CUSTOM_DOWNSTREAM_OOB, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
    GST_EVENT_CUSTOM_BOTH, GST_EVENT_CUSTOM_BOTH_OOB };
  static const GstEventType up[] = { GST_EVENT_CUSTOM_UPSTREAM, GST_EVENT_CUSTOM_BOTH, GST_EVENT_CUSTOM_BOTH_OOB };
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);

  for (guint i = 0; i < G_N_ELEMENTS (down); i++) {
    fail_unless (gst_harness_push_event (h, gst_event_new_custom (down[i], gst_structure_new_empty ("of-others"))));
    fail_unless (came_through (gst_harness_try_pull_event, h, "of-others"), "%s", gst_event_type_get_name (down[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS (up); i++) {
    fail_unless (gst_harness_push_upstream_event (h, gst_event_new_custom (up[i], gst_structure_new_empty ("of-others"))));
    fail_unless (came_through (gst_harness_try_pull_upstream_event, h, "of-others"), "%s", gst_event_type_get_name (up[i]));
  }
  test_free (h);
}
GST_END_TEST

static GstPadProbeReturn
answer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM)
    return GST_PAD_PROBE_OK;
  gst_structure_set (gst_query_writable_structure (query), "by", G_TYPE_STRING, user_data, NULL);
  return GST_PAD_PROBE_HANDLED;
}

static void
ask (GstPad *pad, const char *by)
{
  GstQuery *query = gst_query_new_custom (GST_QUERY_CUSTOM, gst_structure_new_empty ("of-others"));

  fail_unless (gst_pad_peer_query (pad, query));
  fail_unless_equals_string (gst_structure_get_string (gst_query_get_structure (query), "by"), by);
  gst_query_unref (query);
}

GST_START_TEST (test_queries)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  TestListener *l = test_listen (h, "text_src", TEXT);

  gst_pad_add_probe (h->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM | GST_PAD_PROBE_TYPE_PUSH, answer, (gpointer) "upstream", NULL);
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH, answer, (gpointer) "downstream", NULL);
  ask (h->srcpad, "downstream");
  ask (h->sinkpad, "upstream");
  ask (l->peer, "upstream");
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* ---- Sticky events ------------------------------------------------------------------------------- */

static GstEvent *
first_of (TestListener *l, GstEventType type)
{
  for (guint i = 0; i < l->items->len; i++)
    if (GST_IS_EVENT (l->items->pdata[i]) && GST_EVENT_TYPE (l->items->pdata[i]) == type)
      return l->items->pdata[i];
  fail ("no %s on the pad", gst_event_type_get_name (type));
  return NULL;
}

/* Own stream, in the video's group and segment. */
GST_START_TEST (test_sticky)
{
  static const char *const pads[][2] = { { "text_src", TEXT }, { "overlay_src", TEXT }, { "json_src", "application/x-json" } };
  GstHarness *h = test_harness (CHAIN, NULL);
  GstEvent *start = gst_event_new_stream_start ("camera");
  const char *ids[G_N_ELEMENTS (pads)];
  TestListener *l[G_N_ELEMENTS (pads)];
  const GstSegment *sent;
  GstSegment segment;
  GstCaps *caps;
  guint group;

  gst_event_set_group_id (start, 4711);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = 5 * GST_SECOND;
  segment.base = 2 * GST_SECOND;
  for (guint i = 0; i < G_N_ELEMENTS (pads); i++)
    l[i] = test_listen (h, pads[i][0], pads[i][1]);
  gst_harness_play (h);
  gst_harness_push_event (h, start);
  caps = gst_caps_from_string (CAPS_RGB);
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 1, 50)));
  gst_harness_push_event (h, gst_event_new_eos ());
  for (guint i = 0; i < G_N_ELEMENTS (pads); i++) {
    test_wait_eos (l[i]);
    gst_event_parse_stream_start (first_of (l[i], GST_EVENT_STREAM_START), &ids[i]);
    fail_if (g_str_equal (ids[i], "camera") || (i > 0 && g_str_equal (ids[i], ids[i - 1])));
    fail_unless (gst_event_parse_group_id (first_of (l[i], GST_EVENT_STREAM_START), &group));
    fail_unless_equals_int (group, 4711);
    gst_event_parse_segment (first_of (l[i], GST_EVENT_SEGMENT), &sent);
    fail_unless (gst_segment_is_equal (sent, &segment));
    gst_event_parse_caps (first_of (l[i], GST_EVENT_CAPS), &caps);
    fail_unless (gst_caps_is_fixed (caps));
  }
  for (guint i = 0; i < G_N_ELEMENTS (pads); i++)
    test_listener_free (h, l[i]);
  test_free (h);
}
GST_END_TEST

/* ---- Results ------------------------------------------------------------------------------------- */

/* What the video's push gives once a text's reader has answered its first buffer with `flow`. */
static GstFlowReturn
video_flow_with (GstFlowReturn flow)
{
  GstHarness *h = test_harness (CHAIN "min-confidence=0", NULL);
  TestListener *l = test_listen (h, "text_src", TEXT);
  GstFlowReturn result = GST_FLOW_OK;

  l->flow = flow;
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  gst_harness_push (h, test_frame (CAPS_RGB, 1, 0));
  test_wait_buffers (l, 1);
  for (guint i = 1; i < 100 && result == GST_FLOW_OK; i++) {
    result = gst_harness_push (h, test_frame (CAPS_RGB, 1, i));
    g_usleep (result == GST_FLOW_OK && i > 50 ? 20000 : 0);
    if (flow == GST_FLOW_NOT_LINKED || flow == GST_FLOW_EOS)
      i += 10;
  }
  test_listener_free (h, l);
  test_free (h);
  return result;
}

GST_START_TEST (test_flows)
{
  fail_unless_equals_int (video_flow_with (GST_FLOW_ERROR), GST_FLOW_ERROR);
  fail_unless_equals_int (video_flow_with (GST_FLOW_NOT_NEGOTIATED), GST_FLOW_NOT_NEGOTIATED);
  fail_unless_equals_int (video_flow_with (GST_FLOW_NOT_LINKED), GST_FLOW_OK);
  fail_unless_equals_int (video_flow_with (GST_FLOW_EOS), GST_FLOW_OK);
}
GST_END_TEST

/* Only the captions are wanted: the video's pad stays open, and the stream goes on. */
GST_START_TEST (test_video_unlinked)
{
  GstHarness *h = test_harness (CHAIN "min-confidence=0", NULL);
  TestListener *l = test_listen (h, "json_src", "application/x-json");
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_unlink (src, h->sinkpad);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  for (guint i = 0; i < 30; i++)
    fail_unless_equals_int (gst_harness_push (h, test_frame (CAPS_RGB, i, i)), GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  fail_unless (test_count_buffers (l) >= 1);
  test_listener_free (h, l);
  /* With nobody left to send to it ends. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (h, test_frame (CAPS_RGB, 1, 0)), GST_FLOW_NOT_LINKED);
  gst_pad_link (src, h->sinkpad);
  gst_object_unref (src);
  test_free (h);
}
GST_END_TEST

/* ---- Flushes ------------------------------------------------------------------------------------- */

static gpointer
push_one (gpointer data)
{
  return GINT_TO_POINTER (gst_harness_push (data, test_frame (CAPS_RGB, 1, 0)));
}

/* Not live, the video waits for its caption; a seek does not. */
GST_START_TEST (test_flush_synchronous)
{
  GstSegment segment;
  GstHarness *h;
  GThread *pusher;

  g_setenv ("BITMAR_TEST_DELAY_MS", "3600000", TRUE);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  h = test_harness (CHAIN, CAPS_RGB);
  test_wait_loaded (h, 3);
  for (guint round = 0; round < 2; round++) {
    pusher = g_thread_new ("push", push_one, h);
    g_usleep (50000);
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
    fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (pusher)), GST_FLOW_FLUSHING);
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
    fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  }
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption") == NULL);
  test_free (h);
}
GST_END_TEST

/* The way down does not wait for it either. */
GST_START_TEST (test_down_synchronous)
{
  GstHarness *h;
  GThread *pusher;

  g_setenv ("BITMAR_TEST_DELAY_MS", "3600000", TRUE);
  h = test_harness (CHAIN, CAPS_RGB);
  test_wait_loaded (h, 3);
  pusher = g_thread_new ("push", push_one, h);
  g_usleep (50000);
  gst_element_set_state (h->element, GST_STATE_NULL);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (pusher)), GST_FLOW_FLUSHING);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "events of others are forwarded both ways", .test = test_events },
  { .name = "queries of others are forwarded both ways", .test = test_queries },
  { .name = "text and JSON have a stream, the group and the segment of their video", .test = test_sticky },
  { .name = "a text reader's failure ends the stream, its EOS or absence does not", .test = test_flows },
  { .name = "captions come though nobody takes the video", .test = test_video_unlinked },
  { .name = "not live, a flush ends the caption that the video waits for", .test = test_flush_synchronous },
  { .name = "not live, the way down ends the caption that the video waits for", .test = test_down_synchronous },
};

TEST_MAIN ("stream")
