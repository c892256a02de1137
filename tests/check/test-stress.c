/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Everything that an application may do from its threads while frames pass. */

#include "common.h"
#include "listener.h"

static gint stop;

typedef struct {
  const char *child;
  GThreadFunc func;
} Actor;

typedef struct {
  GstHarness *h;
  GstElement *element;
} Subject;

/* Every property that may change while playing, to the value that it has, and every other is read. */
static gpointer
touch_properties (gpointer data)
{
  Subject *s = data;
  guint n;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (s->element), &n);

  while (!g_atomic_int_get (&stop))
    for (guint i = 0; i < n; i++) {
      GValue value = G_VALUE_INIT;

      g_object_get_property (G_OBJECT (s->element), specs[i]->name, &value);
      if (specs[i]->flags & G_PARAM_WRITABLE && specs[i]->flags & GST_PARAM_MUTABLE_PLAYING)
        g_object_set_property (G_OBJECT (s->element), specs[i]->name, &value);
      g_value_unset (&value);
    }
  g_free (specs);
  return NULL;
}

static gpointer
send_events (gpointer data)
{
  Subject *s = data;
  GstPad *src = gst_element_get_static_pad (s->element, "src");

  for (guint i = 0; !g_atomic_int_get (&stop); i++) {
    GstQuery *query = gst_query_new_latency ();

    gst_pad_send_event (src, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5, (gint) (i % 7) * GST_MSECOND, i * GST_MSECOND));
    gst_pad_send_event (src, gst_event_new_reconfigure ());
    gst_pad_send_event (src, gst_event_new_latency (i % 5 * GST_MSECOND));
    gst_pad_send_event (src, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty ("of-others")));
    gst_pad_query (src, query);
    gst_query_unref (query);
  }
  gst_object_unref (src);
  return NULL;
}

/* A reader that comes, links, takes what it gets, and goes. */
static gpointer
request_pads (gpointer data)
{
  static const char *const pads[][2] = { { "text_src", "text/x-raw, format=utf8" }, { "json_src", "application/x-json" } };
  Subject *s = data;

  for (guint i = 0; !g_atomic_int_get (&stop); i++) {
    TestListener *l = test_listen (s->h, pads[i % 2][0], pads[i % 2][1]);

    g_usleep (1000);
    test_listener_free (s->h, l);
  }
  return NULL;
}

static gpointer
call_signals (gpointer data)
{
  Subject *s = data;

  for (guint i = 0; !g_atomic_int_get (&stop); i++) {
    gboolean done;

    if (i % 3 == 0)
      g_signal_emit_by_name (s->element, "clear");
    else
      g_signal_emit_by_name (s->element, "forget", (gint64) 0, (gint64) i, &done);
  }
  return NULL;
}

static gpointer
change_states (gpointer data)
{
  static const GstState states[] = { GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_NULL, GST_STATE_PAUSED };
  Subject *s = data;

  for (guint i = 0; !g_atomic_int_get (&stop); i++) {
    fail_unless (gst_element_set_state (s->h->element, states[i % G_N_ELEMENTS (states)]) != GST_STATE_CHANGE_FAILURE);
    g_usleep (i % 3 * 2000);
  }
  return NULL;
}

/* Frames, with what belongs before them after a state change that lost it; whatever comes of them. */
static void
push_frames (GstHarness *h, guint n, gboolean keep_starting)
{
  for (guint i = 0; i < n; i++) {
    GstBuffer *out;

    if (keep_starting && i % 10 == 0) {
      GstCaps *caps = gst_caps_from_string (CAPS_RGB);
      GstSegment segment;

      gst_segment_init (&segment, GST_FORMAT_TIME);
      gst_harness_push_event (h, gst_event_new_stream_start ("stress"));
      gst_harness_push_event (h, gst_event_new_caps (caps));
      gst_harness_push_event (h, gst_event_new_segment (&segment));
      gst_caps_unref (caps);
    }
    gst_harness_push (h, test_frame (CAPS_RGB, i, i));
    while ((out = gst_harness_try_pull (h)) != NULL)
      gst_buffer_unref (out);
    if (i % 50 == 49) {
      gst_harness_push_event (h, gst_event_new_flush_start ());
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
      gst_harness_push_event (h, gst_event_new_segment (&(GstSegment) { .rate = 1, .applied_rate = 1, .format = GST_FORMAT_TIME,
          .stop = GST_CLOCK_TIME_NONE, .duration = GST_CLOCK_TIME_NONE }));
    }
  }
}

/* Runs the threads on the named elements while frames pass, and then one caption as if nothing had been. */
static void
stress (const char *line, const Actor *threads, guint n, gboolean states)
{
  GstHarness *h = test_harness (line, CAPS_RGB);
  GThread *running[8];
  Subject subjects[8];
  GstBuffer *out;

  /* A state may change between the events and their frame, or from one event to the next: the core then misses those before, and is right. */
  if (states)
    gst_check_add_log_filter ("GStreamer", G_LOG_LEVEL_WARNING, g_regex_new ("^.*(Got data flow before |Sticky event misordering)", 0, 0, NULL), NULL, NULL, NULL);
  g_atomic_int_set (&stop, 0);
  for (guint i = 0; i < n; i++) {
    subjects[i] = (Subject) { h, test_child (h, threads[i].child) };
    running[i] = g_thread_new ("stress", threads[i].func, &subjects[i]);
  }
  push_frames (h, 400, states);
  g_atomic_int_set (&stop, 1);
  for (guint i = 0; i < n; i++) {
    g_thread_join (running[i]);
    gst_object_unref (subjects[i].element);
  }
  gst_element_set_state (h->element, GST_STATE_READY);
  test_set (h, "e", "mode", "synchronous");
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  /* The end of a flush is lost when the elements are down; the reader behind them still waits for it. */
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  fail_unless (test_meta (out, "BitmarEpisodeMeta") != NULL);
  gst_buffer_unref (out);
  test_free (h);
}

#define LIVE "bitmarencode name=e mode=live max-rate=0/1 ! bitmarmemory name=m mode=live alerts=\"any: a man above 0.0001\" ! " \
  "bitmarcaption name=c mode=live change-threshold=0 repeat=always min-confidence=0"

GST_START_TEST (test_properties)
{
  static const Actor threads[] = { { "e", touch_properties }, { "m", touch_properties }, { "c", touch_properties } };

  stress (__i__ ? LIVE : CHAIN, threads, G_N_ELEMENTS (threads), FALSE);
}
GST_END_TEST

GST_START_TEST (test_events)
{
  static const Actor threads[] = { { "e", send_events }, { "m", send_events }, { "c", send_events } };

  stress (__i__ ? LIVE : CHAIN, threads, G_N_ELEMENTS (threads), FALSE);
}
GST_END_TEST

GST_START_TEST (test_pads)
{
  static const Actor threads[] = { { "c", request_pads }, { "m", call_signals } };

  stress (__i__ ? LIVE : CHAIN, threads, G_N_ELEMENTS (threads), FALSE);
}
GST_END_TEST

GST_START_TEST (test_states)
{
  static const Actor threads[] = { { "c", change_states } };

  stress (__i__ ? LIVE : CHAIN, threads, G_N_ELEMENTS (threads), TRUE);
}
GST_END_TEST

GST_START_TEST (test_all)
{
  static const Actor threads[] = { { "c", change_states }, { "c", touch_properties }, { "m", touch_properties }, { "m", call_signals },
    { "e", send_events }, { "c", request_pads } };

  stress (__i__ ? LIVE : CHAIN, threads, G_N_ELEMENTS (threads), TRUE);
}
GST_END_TEST

/* The reader is asked for its caps while its stream begins; once, its pad goes down and up again in the middle of that. */
static gboolean
interrupt_once (GstPad *peer, GstObject *parent, GstQuery *query)
{
  GstPad *pad = gst_pad_get_peer (peer);
  gboolean again = g_object_get_data (G_OBJECT (peer), "interrupted") != NULL;

  if (pad && !again && GST_QUERY_TYPE (query) == GST_QUERY_CAPS) {
    g_object_set_data (G_OBJECT (peer), "interrupted", peer);
    gst_pad_set_active (pad, FALSE);
    gst_pad_set_active (pad, TRUE);
  }
  gst_clear_object (&pad);
  return gst_pad_query_default (peer, parent, query);
}

GST_START_TEST (test_interrupted_begin)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  TestListener *l = test_listen (h, "json_src", "application/x-json");

  gst_pad_set_query_function (l->peer, interrupt_once);
  for (guint i = 0; i < 4; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, i)));
  fail_unless (g_object_get_data (G_OBJECT (l->peer), "interrupted") != NULL);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[0]), GST_EVENT_STREAM_START);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[1]), GST_EVENT_CAPS);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[2]), GST_EVENT_SEGMENT);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "properties of all elements are set and read from threads while playing", .test = test_properties, .to = 2 },
  { .name = "events and queries come from threads while playing", .test = test_events, .to = 2 },
  { .name = "pads come and go, and signals are called, from threads while playing", .test = test_pads, .to = 2 },
  { .name = "a pad that goes down and up while its stream begins has its stream in order", .test = test_interrupted_begin },
  { .name = "states change from a thread while frames come", .test = test_states, .to = 2 },
  { .name = "states, properties, signals, events and pads at once", .test = test_all, .to = 2 },
};

TEST_MAIN ("stress")
