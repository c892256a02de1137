/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Captions: metas, messages, text, JSON, and when a new one is written. Synchronous, so every run is the same. */

#include <string.h>

#include "common.h"
#include "listener.h"

/* ---- Metas and messages ---------------------------------------------------------------------------- */

static guint64
id_of (GstBuffer *buffer)
{
  const GstStructure *s = test_meta (buffer, "BitmarCaptionMeta");
  guint64 id = 0;

  if (s)
    fail_unless (gst_structure_get_uint64 (s, "id", &id));
  return id;
}

GST_START_TEST (test_meta_full_then_id)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);

  test_set (h, "c", "change-threshold", "0");
  test_set (h, "c", "repeat", "always");
  for (guint i = 0; i < 21; i++) {
    GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, i / 10, i));
    const GstStructure *s = test_meta (out, "BitmarCaptionMeta");

    fail_unless (s != NULL);
    fail_unless_equals_uint64 (id_of (out), 1 + i / 10);
    if (i % 10) {
      fail_unless_equals_int (gst_structure_n_fields (s), 1);
    } else {
      guint64 pts, running_time;
      gdouble confidence, novelty;
      gint slot;

      fail_unless (gst_structure_get (s, "pts", G_TYPE_UINT64, &pts, "running-time", G_TYPE_UINT64, &running_time,
              "confidence", G_TYPE_DOUBLE, &confidence, "novelty", G_TYPE_DOUBLE, &novelty, "slot", G_TYPE_INT, &slot,
              NULL));
      fail_unless_equals_uint64 (pts, i * FRAME);
      fail_unless_equals_uint64 (running_time, i * FRAME);
      fail_unless (confidence >= 0 && confidence <= 1);
      fail_unless (novelty >= 0 && novelty <= 1);
      fail_unless (slot >= 0);
      fail_unless_equals_int (strlen (gst_structure_get_string (s, "model")), 64);
      fail_unless (g_utf8_validate (gst_structure_get_string (s, "text"), -1, NULL));
    }
    gst_buffer_unref (out);
  }
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_message)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstBuffer *out;
  GstMessage *message;
  const GstStructure *s, *m;

  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  s = gst_message_get_structure (message);
  m = test_meta (out, "BitmarCaptionMeta");
  fail_unless_equals_string (gst_structure_get_string (s, "text"), gst_structure_get_string (m, "text"));
  fail_unless_equals_string (gst_structure_get_string (s, "model"), gst_structure_get_string (m, "model"));
  gst_message_unref (message);
  gst_buffer_unref (out);

  test_set (h, "c", "post-messages", "false");
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 5, 30)));
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption") == NULL);
  test_free (h);
}
GST_END_TEST

/* A name for the stream goes all the way. */
GST_START_TEST (test_stream_id)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstBuffer *out;

  test_set (h, "m", "stream-id", "front door");
  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  fail_unless_equals_string (gst_structure_get_string (test_meta (out, "BitmarMemoryMeta"), "stream"), "front door");
  fail_unless_equals_string (gst_structure_get_string (test_meta (out, "BitmarCaptionMeta"), "stream"), "front door");
  gst_buffer_unref (out);
  test_free (h);
}
GST_END_TEST

/* ---- Memory ---------------------------------------------------------------------------------------- */

static gdouble
novelty_of (GstHarness *h, guint look, guint n)
{
  GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, look, n));
  gdouble novelty;

  fail_unless (gst_structure_get_double (test_meta (out, "BitmarMemoryMeta"), "novelty", &novelty));
  gst_buffer_unref (out);
  return novelty;
}

GST_START_TEST (test_memory)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  GstElement *m = test_child (h, "m");
  gdouble first, again;
  GstStructure *stats;
  guint used;

  first = novelty_of (h, 1, 0);
  fail_unless (first == 1);
  again = novelty_of (h, 1, 20);
  fail_unless (again < 0.01, "%g", again);
  g_signal_emit_by_name (m, "clear");
  fail_unless (novelty_of (h, 1, 40) == 1);

  /* A flush keeps it. */
  test_flush (h);
  fail_unless (novelty_of (h, 1, 60) < 0.01);

  g_object_get (m, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint (stats, "slots-used", &used));
  fail_unless_equals_int (used, 1);
  gst_structure_free (stats);

  /* READY forgets it. */
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  fail_unless (novelty_of (h, 1, 80) == 1);
  gst_object_unref (m);
  test_free (h);
}
GST_END_TEST

/* Without memory in between captions are written all the same. */
GST_START_TEST (test_without_memory)
{
  GstHarness *h = test_harness ("bitmarencode ! bitmarcaption", CAPS_RGB);
  GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  gint slot;

  fail_unless (gst_structure_get_int (test_meta (out, "BitmarCaptionMeta"), "slot", &slot));
  fail_unless_equals_int (slot, -1);
  gst_buffer_unref (out);
  test_free (h);
}
GST_END_TEST

/* ---- When a caption is written --------------------------------------------------------------------- */

typedef struct {
  guint captions, repeats;
  guint64 last_id;
} Tally;

static Tally
tally (GstHarness *h)
{
  GstMessage *message;
  Tally t = { 0 };

  while ((message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption")) != NULL) {
    gboolean repeat;

    gst_structure_get (gst_message_get_structure (message), "repeat", G_TYPE_BOOLEAN, &repeat, "id", G_TYPE_UINT64,
        &t.last_id, NULL);
    if (repeat)
      t.repeats++;
    else
      t.captions++;
    gst_message_unref (message);
  }
  return t;
}

/* `seconds` looks, one a second, all of the same picture or each of another. Without memory, which would make the second
 * caption of a picture another than the first. */
static Tally
watch (const char *settings, guint seconds, gboolean changing)
{
  char *line = g_strdup_printf ("bitmarencode ! bitmarcaption %s", settings);
  GstHarness *h = test_harness (line, CAPS_RGB);
  Tally t;

  for (guint i = 0; i < seconds; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, changing ? i : 0, 10 * i)));
  t = tally (h);
  test_free (h);
  g_free (line);
  return t;
}

GST_START_TEST (test_policy)
{
  Tally t;

  /* Nothing moves: the heartbeat alone writes, and says the same. */
  t = watch ("repeat=always max-interval=10000000000", 25, FALSE);
  fail_unless_equals_int (t.captions, 3);
  t = watch ("repeat=always max-interval=0", 25, FALSE);
  fail_unless_equals_int (t.captions, 1);
  t = watch ("repeat=always change-threshold=0", 25, FALSE);
  fail_unless_equals_int (t.captions, 25);
  t = watch ("repeat=always change-threshold=0 min-interval=5000000000", 25, FALSE);
  fail_unless_equals_int (t.captions, 5);
  /* Nothing can change by more than 2. */
  t = watch ("repeat=always change-threshold=2 max-interval=0", 10, TRUE);
  fail_unless_equals_int (t.captions, 1);
}
GST_END_TEST

GST_START_TEST (test_repeat)
{
  Tally t = watch ("change-threshold=0 repeat=suppress", 8, FALSE);

  fail_unless_equals_int (t.captions, 1);
  fail_unless_equals_int (t.repeats, 0);
  t = watch ("change-threshold=0 repeat=hold", 8, FALSE);
  fail_unless_equals_int (t.captions, 1);
  fail_unless_equals_int (t.repeats, 7);
  fail_unless_equals_uint64 (t.last_id, 1);
  t = watch ("change-threshold=0 repeat=always", 8, FALSE);
  fail_unless_equals_int (t.captions, 8);
  fail_unless_equals_int (t.repeats, 0);
  fail_unless_equals_uint64 (t.last_id, 8);
}
GST_END_TEST

GST_START_TEST (test_min_confidence)
{
  Tally t = watch ("change-threshold=0 min-confidence=1", 5, TRUE);

  fail_unless_equals_int (t.captions, 0);
  t = watch ("change-threshold=0 min-confidence=0", 5, TRUE);
  fail_unless (t.captions > 0);
}
GST_END_TEST

/* A doubted caption's place is taken by a sentence that is true of anything, and says so. */
GST_START_TEST (test_fallback_text)
{
  GstHarness *h = test_harness ("bitmarencode ! bitmarcaption name=c change-threshold=0 min-confidence=1", CAPS_RGB);
  GstMessage *message;
  GstBuffer *out;

  test_set (h, "c", "fallback-text", "something is seen");
  for (guint i = 0; i < 3; i++) {
    const GstStructure *s;
    gboolean fallback;

    out = test_pass (h, test_frame (CAPS_RGB, i, 10 * i));
    s = test_meta (out, "BitmarCaptionMeta");
    fail_unless (i > 0 || gst_structure_get_boolean (s, "fallback", &fallback));
    fail_unless (i > 0 || fallback);
    gst_buffer_unref (out);
  }
  message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  fail_unless_equals_string (gst_structure_get_string (gst_message_get_structure (message), "text"), "something is seen");
  gst_message_unref (message);
  /* the same sentence again is a repeat */
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption") == NULL);
  test_set (h, "c", "min-confidence", "0");
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 5, 40)));
  message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption");
  fail_unless (message != NULL);
  {
    gboolean fallback = TRUE;

    fail_unless (gst_structure_get_boolean (gst_message_get_structure (message), "fallback", &fallback));
    fail_if (fallback);
  }
  gst_message_unref (message);
  test_free (h);
}
GST_END_TEST

/* Sampling: the seed decides. */
GST_START_TEST (test_seed)
{
  char *texts[3];

  for (guint i = 0; i < 3; i++) {
    GstHarness *h = test_harness (CHAIN, CAPS_RGB);
    GstBuffer *out;

    test_set (h, "c", "temperature", "2");
    test_set (h, "c", "seed", i == 2 ? "99" : "7");
    test_set (h, "c", "min-confidence", "0");
    gst_element_set_state (h->element, GST_STATE_READY);
    gst_element_set_state (h->element, GST_STATE_PLAYING);
    gst_harness_set_src_caps_str (h, CAPS_RGB);
    out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
    texts[i] = g_strdup (gst_structure_get_string (test_meta (out, "BitmarCaptionMeta"), "text"));
    gst_buffer_unref (out);
    test_free (h);
  }
  fail_unless_equals_string (texts[0], texts[1]);
  fail_if (g_str_equal (texts[0], texts[2]));
  for (guint i = 0; i < 3; i++)
    g_free (texts[i]);
}
GST_END_TEST

/* The same states walked twice write the same captions. */
GST_START_TEST (test_twice)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  char *texts[2] = { NULL, NULL };

  test_set (h, "c", "change-threshold", "0");
  for (guint round = 0; round < 2; round++) {
    GString *all = g_string_new (NULL);
    GstMessage *message;

    gst_element_set_state (h->element, GST_STATE_PLAYING);
    gst_harness_set_src_caps_str (h, CAPS_RGB);
    for (guint i = 0; i < 10; i++)
      gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 10 * i)));
    while ((message = test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-caption")) != NULL) {
      g_string_append_printf (all, "%s\n", gst_structure_get_string (gst_message_get_structure (message), "text"));
      gst_message_unref (message);
    }
    texts[round] = g_string_free (all, FALSE);
    gst_element_set_state (h->element, round ? GST_STATE_READY : GST_STATE_NULL);
  }
  fail_unless (strlen (texts[0]) > 10);
  fail_unless_equals_string (texts[0], texts[1]);
  g_free (texts[0]);
  g_free (texts[1]);
  test_free (h);
}
GST_END_TEST

/* ---- Pads ------------------------------------------------------------------------------------------ */

/* STREAM_START, CAPS, SEGMENT first, EOS last. Returns how many data items there are between. */
static void
check_order (GstHarness *h, TestListener *l, const char *caps_want)
{
  GstEvent *start = l->items->pdata[0], *video;
  const char *id, *video_id;
  guint group, video_group;
  GstCaps *caps, *want = gst_caps_from_string (caps_want);
  GstPad *sink = gst_element_get_static_pad (h->element, "sink");

  fail_unless (l->items->len >= 4);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[0]), GST_EVENT_STREAM_START);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[1]), GST_EVENT_CAPS);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[2]), GST_EVENT_SEGMENT);
  fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[l->items->len - 1]), GST_EVENT_EOS);
  gst_event_parse_caps (l->items->pdata[1], &caps);
  fail_unless (gst_caps_is_equal (caps, want), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (want);
  video = gst_pad_get_sticky_event (h->srcpad, GST_EVENT_STREAM_START, 0);
  gst_event_parse_stream_start (start, &id);
  gst_event_parse_stream_start (video, &video_id);
  fail_if (g_str_equal (id, video_id));
  if (gst_event_parse_group_id (video, &video_group)) {
    fail_unless (gst_event_parse_group_id (start, &group));
    fail_unless_equals_int (group, video_group);
  }
  gst_event_unref (video);
  gst_clear_object (&sink);
}

static void
push_seconds (GstHarness *h, guint seconds, gboolean changing)
{
  for (guint i = 0; i < 10 * seconds; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, changing ? i / 10 : 0, i)));
}

GST_START_TEST (test_text_live)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  TestListener *l = test_listen (h, "overlay_src", "text/x-raw, format=utf8");
  GstClockTime position = 0;
  guint texts = 0;

  test_set (h, "c", "change-threshold", "0");
  test_set (h, "c", "repeat", "always");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  push_seconds (h, 4, TRUE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  check_order (h, l, "text/x-raw, format=utf8");
  for (guint i = 3; i + 1 < l->items->len; i++) {
    GstBuffer *buffer = l->items->pdata[i];

    fail_unless (GST_IS_BUFFER (buffer));
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), position);
    fail_unless (GST_BUFFER_DURATION (buffer) > 0 && GST_BUFFER_DURATION (buffer) <= 400 * GST_MSECOND);
    position += GST_BUFFER_DURATION (buffer);
    texts++;
  }
  fail_unless (texts >= 12);
  /* There is text for every frame of the video, and at most one piece more. */
  fail_unless (position >= 40 * FRAME && position <= 44 * FRAME);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_text_gaps)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  TestListener *l = test_listen (h, "overlay_src", "text/x-raw, format=utf8");
  GstClockTime position = 0;

  test_set (h, "c", "min-confidence", "1");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  push_seconds (h, 3, TRUE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  check_order (h, l, "text/x-raw, format=utf8");
  for (guint i = 3; i + 1 < l->items->len; i++) {
    GstClockTime start, duration;

    fail_unless_equals_int (GST_EVENT_TYPE (l->items->pdata[i]), GST_EVENT_GAP);
    gst_event_parse_gap (l->items->pdata[i], &start, &duration);
    fail_unless_equals_uint64 (start, position);
    position += duration;
  }
  fail_unless (position >= 30 * FRAME);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_text_cue)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  TestListener *l = test_listen (h, "text_src", "text/x-raw, format=pango-markup");
  guint cues = 0;

  test_set (h, "c", "text-mode", "cue");
  test_set (h, "c", "change-threshold", "0");
  test_set (h, "c", "repeat", "always");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  push_seconds (h, 5, TRUE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  check_order (h, l, "text/x-raw, format=pango-markup");
  for (guint i = 3; i + 1 < l->items->len; i++) {
    GstBuffer *buffer = l->items->pdata[i];

    if (!GST_IS_BUFFER (buffer))
      continue;
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), cues * GST_SECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), GST_SECOND);
    cues++;
  }
  fail_unless_equals_int (cues, 5);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* A caption that stays true for long is still cut into cues that a reader can wait for. */
GST_START_TEST (test_long_cue)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  TestListener *l = test_listen (h, "text_src", "text/x-raw, format=utf8");
  GstClockTime position = 0;

  test_set (h, "c", "text-mode", "cue");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  push_seconds (h, 25, FALSE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  for (guint i = 3; i + 1 < l->items->len; i++) {
    GstBuffer *buffer = l->items->pdata[i];

    if (!GST_IS_BUFFER (buffer))
      continue;
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), position);
    fail_unless (GST_BUFFER_DURATION (buffer) <= 10 * GST_SECOND);
    position += GST_BUFFER_DURATION (buffer);
  }
  fail_unless_equals_uint64 (position, 25 * GST_SECOND);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_json)
{
  GstHarness *h = test_harness (CHAIN, NULL);
  TestListener *l = test_listen (h, "json_src", "application/x-json");
  static const char *const members[] = { "\"version\":1", "\"stream\":\"", "\"id\":", "\"utc\":null", "\"pts\":",
    "\"running_time\":", "\"text\":\"", "\"confidence\":0.", "\"fallback\":false", "\"novelty\":", "\"slot\":", "\"repeat\":false", "\"model\":\"" };
  guint objects = 0;

  test_set (h, "c", "change-threshold", "0");
  test_set (h, "c", "repeat", "always");
  gst_harness_set_src_caps_str (h, CAPS_RGB);
  push_seconds (h, 3, TRUE);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  check_order (h, l, "application/x-json");
  for (guint i = 3; i < l->items->len; i++) {
    GstBuffer *buffer = l->items->pdata[i];
    GstMapInfo map;
    char *text;

    if (!GST_IS_BUFFER (buffer))
      continue;
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    text = g_strndup ((const char *) map.data, map.size);
    gst_buffer_unmap (buffer, &map);
    fail_unless (text[0] == '{' && g_str_has_suffix (text, "}\n"), "%s", text);
    for (guint m = 0; m < G_N_ELEMENTS (members); m++)
      fail_unless (strstr (text, members[m]) != NULL, "no %s in %s", members[m], text);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), objects * GST_SECOND);
    objects++;
    g_free (text);
  }
  fail_unless_equals_int (objects, 3);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* A pad comes and goes while the stream runs. */
GST_START_TEST (test_request_while_playing)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);

  push_seconds (h, 1, TRUE);
  for (guint round = 0; round < 3; round++) {
    TestListener *l = test_listen (h, "text_src", "text/x-raw, format=utf8");

    push_seconds (h, 2, TRUE);
    test_listener_free (h, l);
  }
  push_seconds (h, 1, TRUE);
  test_free (h);
}
GST_END_TEST

GST_START_TEST (test_latency_query)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", "text/x-raw, format=utf8");
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min, max, before;
  gboolean live;
  GstMessage *message;

  gst_harness_set_live (h, TRUE);
  gst_harness_set_upstream_latency (h, 40 * GST_MSECOND);
  fail_unless (gst_pad_query (l->pad, query));
  gst_query_parse_latency (query, &live, &before, &max);
  test_set (h, "c", "latency", "700000000");
  message = test_pop_message (h, GST_MESSAGE_LATENCY, NULL);
  fail_unless (message != NULL);
  gst_message_unref (message);
  fail_unless (gst_pad_query (l->pad, query));
  gst_query_parse_latency (query, &live, &min, &max);
  fail_unless (live);
  fail_unless_equals_uint64 (min, before + 700 * GST_MSECOND);
  /* The video is not delayed. */
  fail_unless_equals_uint64 (gst_harness_query_latency (h), before);
  gst_query_unref (query);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* After a flush nothing of before is said, and the text starts where the new segment does. */
GST_START_TEST (test_flush_text)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  TestListener *l = test_listen (h, "overlay_src", "text/x-raw, format=utf8");
  guint after = 0;
  gboolean flushed = FALSE;
  GstBuffer *out;

  push_seconds (h, 2, TRUE);
  test_flush (h);
  out = test_pass (h, test_frame (CAPS_RGB, 7, 0));
  fail_unless (gst_structure_has_field (test_meta (out, "BitmarCaptionMeta"), "text"));
  gst_buffer_unref (out);
  gst_harness_push_event (h, gst_event_new_eos ());
  test_wait_eos (l);
  for (guint i = 0; i < l->items->len; i++) {
    if (!GST_IS_BUFFER (l->items->pdata[i])) {
      flushed |= GST_EVENT_TYPE (l->items->pdata[i]) == GST_EVENT_FLUSH_STOP;
    } else if (flushed) {
      fail_unless (GST_BUFFER_PTS (l->items->pdata[i]) <= 2 * FRAME);
      after++;
    }
  }
  fail_unless (flushed);
  fail_unless (after > 0);
  test_listener_free (h, l);
  test_free (h);
}
GST_END_TEST

/* EOS with no frame, and with no caps, ends every pad. */
GST_START_TEST (test_empty)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);
  TestListener *l = test_listen (h, "text_src", "text/x-raw, format=utf8");

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  test_wait_eos (l);
  test_listener_free (h, l);
  test_free (h);
  h = test_harness (CHAIN, NULL);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("empty"));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "a caption is on its frame in full, and its id on later ones", .test = test_meta_full_then_id },
  { .name = "a caption is posted as a message, unless post-messages is off", .test = test_message },
  { .name = "stream-id names the stream in all metadata", .test = test_stream_id },
  { .name = "a flush keeps the memory, clear and READY forget it", .test = test_memory },
  { .name = "captions are written without bitmarmemory, too", .test = test_without_memory },
  { .name = "change-threshold, min-interval and max-interval say when a caption is written", .test = test_policy },
  { .name = "repeat suppresses, holds or tells a caption that is said again", .test = test_repeat },
  { .name = "a caption below min-confidence is kept back", .test = test_min_confidence },
  { .name = "fallback-text takes a doubted caption's place and is marked", .test = test_fallback_text },
  { .name = "temperature samples, and the seed decides", .test = test_seed },
  { .name = "the states walked up and down twice give the same captions twice", .test = test_twice },
  { .name = "live text abuts, with PTS and duration, and covers every frame", .test = test_text_live },
  { .name = "where there is nothing to say GAP events take the text's place", .test = test_text_gaps },
  { .name = "cue text is one buffer per caption that ends where the next begins", .test = test_text_cue },
  { .name = "a cue is at most ten seconds long", .test = test_long_cue },
  { .name = "JSON is one versioned object per caption", .test = test_json },
  { .name = "pads are requested and released while the stream runs", .test = test_request_while_playing },
  { .name = "latency is in the text pad's LATENCY query, and a change is told by a message", .test = test_latency_query },
  { .name = "after a flush no text of before it follows", .test = test_flush_text },
  { .name = "an empty stream, and EOS without caps, end every pad", .test = test_empty },
};

TEST_MAIN ("caption")
