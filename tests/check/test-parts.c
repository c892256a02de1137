/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin's insides that know no pads: times of text, sampling, percentiles, text that leaves. */

#include <sched.h>
#include <string.h>

#include "captiontext.h"
#include "common.h"
#include "json.h"
#include "loader.h"
#include "picture.h"
#include "sampling.h"
#include "series.h"
#include "timeline.h"
#include "worker.h"

#define S GST_SECOND

/* What a timeline wrote, as "text@start+duration" with milliseconds; gaps have no text. */
static void
write_down (const char *text, GstClockTime start, GstClockTime duration, gpointer user_data)
{
  g_string_append_printf (user_data, "%s@%u+%d ", text ? text : "", (guint) (start / GST_MSECOND),
      GST_CLOCK_TIME_IS_VALID (duration) ? (gint) (duration / GST_MSECOND) : -1);
}

static void
expect (GString *written, const char *expected)
{
  fail_unless_equals_string (written->str, expected);
  g_string_truncate (written, 0);
}

GST_START_TEST (test_timeline_live)
{
  GString *w = g_string_new (NULL);
  BitmarTimeline t;

  bitmar_timeline_init (&t, write_down, w);
  bitmar_timeline_reset (&t, FALSE, GST_CLOCK_TIME_NONE);
  bitmar_timeline_advance (&t, 0, 40 * GST_MSECOND);
  expect (w, "@0+200 ");
  bitmar_timeline_advance (&t, 40 * GST_MSECOND, 80 * GST_MSECOND);
  expect (w, "");
  /* A caption of a frame that has passed shows from where the text is. */
  bitmar_timeline_say (&t, "a", 40 * GST_MSECOND);
  bitmar_timeline_advance (&t, 160 * GST_MSECOND, 200 * GST_MSECOND);
  expect (w, "a@200+200 ");
  /* One of a frame to come ends the other there. */
  bitmar_timeline_say (&t, "b", 500 * GST_MSECOND);
  expect (w, "a@400+100 ");
  bitmar_timeline_advance (&t, 500 * GST_MSECOND, 2 * S);
  expect (w, "b@500+1500 ");
  bitmar_timeline_say (&t, NULL, 2 * S);
  bitmar_timeline_advance (&t, 2 * S, 2 * S + 1);
  expect (w, "@2000+200 ");
  bitmar_timeline_say (&t, "c", 2 * S);
  /* What was never written is, at the end. */
  bitmar_timeline_finish (&t, 2 * S);
  expect (w, "c@2200+200 ");
  bitmar_timeline_clear (&t);
  g_string_free (w, TRUE);
}
GST_END_TEST

GST_START_TEST (test_timeline_cue)
{
  GString *w = g_string_new (NULL);
  BitmarTimeline t;

  bitmar_timeline_init (&t, write_down, w);
  bitmar_timeline_reset (&t, TRUE, 60 * S);
  bitmar_timeline_say (&t, "a", 1 * S);
  expect (w, "@1000+-1 ");
  bitmar_timeline_advance (&t, 1 * S, 9 * S);
  expect (w, "");
  bitmar_timeline_say (&t, "b", 9 * S);
  expect (w, "a@1000+8000 @9000+-1 ");
  bitmar_timeline_advance (&t, 18 * S, 19 * S);
  expect (w, "b@9000+10000 ");
  /* A muxer that waits gets what there is, and goes on getting it. */
  fail_unless (bitmar_timeline_break (&t, 21 * S));
  fail_if (bitmar_timeline_break (&t, 22 * S));
  expect (w, "b@19000+2000 ");
  bitmar_timeline_advance (&t, 21 * S, 21 * S);
  expect (w, "b@21000+1000 ");
  bitmar_timeline_say (&t, "c", 30 * S);
  expect (w, "b@22000+8000 @30000+-1 ");
  /* Nothing is written past the segment. */
  bitmar_timeline_finish (&t, 70 * S);
  expect (w, "c@30000+30000 ");
  bitmar_timeline_clear (&t);
  g_string_free (w, TRUE);
}
GST_END_TEST

GST_START_TEST (test_grid)
{
  BitmarGrid g = { 0 };

  /* 29.97 frames a second, looked at 10 times a second for 100 s. */
  guint due = 0;
  for (guint i = 0; i < 2997; i++)
    due += bitmar_grid_due (&g, gst_util_uint64_scale (i, 1001 * S, 30000), 10, 1);
  fail_unless (due >= 999 && due <= 1001, "%u", due);
  g = (BitmarGrid) { 0 };
  fail_unless (bitmar_grid_due (&g, 5 * S, 1, 1));
  fail_if (bitmar_grid_due (&g, 5 * S + S - 1, 1, 1));
  fail_unless (bitmar_grid_due (&g, 6 * S, 1, 1));
  /* far ahead, far back */
  fail_unless (bitmar_grid_due (&g, 1000 * S, 1, 1));
  fail_unless (bitmar_grid_due (&g, 0, 1, 1));
  fail_if (bitmar_grid_due (&g, S / 2, 1, 1));
  /* the largest rate there is */
  fail_unless (bitmar_grid_due (&g, S, G_MAXINT, 1));
}
GST_END_TEST

GST_START_TEST (test_series)
{
  BitmarSeries s = { 0 };

  fail_unless_equals_int (bitmar_series_percentile (&s, 50), 0);
  for (guint i = 1; i <= 101; i++)
    bitmar_series_add (&s, i);
  fail_unless_equals_int (bitmar_series_percentile (&s, 50), 51);
  fail_unless_equals_int (bitmar_series_percentile (&s, 95), 96);
  fail_unless_equals_int (bitmar_series_percentile (&s, 100), 101);
  /* the newest count, the maximum is of all */
  for (guint i = 0; i < 2 * BITMAR_SERIES_LENGTH; i++)
    bitmar_series_add (&s, 7);
  fail_unless_equals_int (bitmar_series_percentile (&s, 100), 7);
  fail_unless_equals_int (s.max, 101);
  bitmar_series_add (&s, -5);
  fail_unless_equals_int (bitmar_series_percentile (&s, 0), 0);
}
GST_END_TEST

static void
leaves_as (const char *text, gboolean markup, const char *expected)
{
  char *out = bitmar_caption_text (text, markup);

  fail_unless_equals_string (out, expected);
  g_free (out);
}

GST_START_TEST (test_text)
{
  leaves_as ("a man, a dog", FALSE, "a man, a dog");
  leaves_as ("a --> b", FALSE, "a --\u203a b");
  leaves_as ("<b>&amp;", FALSE, "\u2039b\u203a+amp;");
  leaves_as ("<b>&\"", TRUE, "&lt;b&gt;&amp;&quot;");
  leaves_as ("one\ntwo\r\n\ttab\x01\u2028x", FALSE, "one two   tab  x");
  leaves_as ("caf\xe9 \xf0\x9f", FALSE, "caf\ufffd \ufffd\ufffd");
  leaves_as ("", TRUE, "");
}
GST_END_TEST

static BitmarDue
due_at (BitmarChange *change, gdouble angle, guint seconds, gboolean doubted)
{
  static const BitmarChangeRule rule = { 2 * S, 60 * S, 0.1 };
  const float key[2] = { (float) cos (angle), (float) sin (angle) };
  BitmarDue due = bitmar_change_due (change, &rule, key, 2, seconds * S, doubted);

  if (due != BITMAR_DUE_NOT)
    bitmar_change_mark (change, key, 2, seconds * S, due);
  return due;
}

GST_START_TEST (test_change)
{
  BitmarChange c = { 0 };

  fail_unless_equals_int (due_at (&c, 0, 10, FALSE), BITMAR_DUE_CHANGE);
  fail_unless_equals_int (due_at (&c, 0, 11, TRUE), BITMAR_DUE_NOT);           /* min-interval */
  fail_unless_equals_int (due_at (&c, 0, 12, FALSE), BITMAR_DUE_NOT);
  /* A doubted change is looked at twice more, not for ever. */
  fail_unless_equals_int (due_at (&c, 0, 13, TRUE), BITMAR_DUE_AGAIN);
  fail_unless_equals_int (due_at (&c, 0, 15, TRUE), BITMAR_DUE_AGAIN);
  fail_unless_equals_int (due_at (&c, 0, 17, TRUE), BITMAR_DUE_NOT);
  /* Small changes add up: they are held against the last captioned look. */
  fail_unless_equals_int (due_at (&c, 0.3, 20, FALSE), BITMAR_DUE_NOT);
  fail_unless_equals_int (due_at (&c, 0.5, 21, FALSE), BITMAR_DUE_CHANGE);
  fail_unless_equals_int (due_at (&c, 0.5, 23, TRUE), BITMAR_DUE_AGAIN);
  /* The heartbeat brings no retries. */
  fail_unless_equals_int (due_at (&c, 0.5, 82, FALSE), BITMAR_DUE_NOT);
  fail_unless_equals_int (due_at (&c, 0.5, 83, FALSE), BITMAR_DUE_HEARTBEAT);
  fail_unless_equals_int (due_at (&c, 0.5, 85, TRUE), BITMAR_DUE_NOT);
  /* A time that jumps back is another stream's. */
  fail_unless_equals_int (due_at (&c, 0.5, 1, FALSE), BITMAR_DUE_CHANGE);
  bitmar_change_reset (&c);
}
GST_END_TEST

GST_START_TEST (test_json)
{
  GstBitmarCaptionInfo *c = gst_bitmar_caption_info_new ();
  char *json;

  c->id = 3;
  c->text = g_strdup ("a \"man\"\\ \n\x01 caf\xc3\xa9 <");
  c->confidence = 0.25;
  c->novelty = 1;
  c->model = g_strdup ("abc");
  c->time = (GstBitmarTime) { .pts = 5 * S, .running_time = 4 * S, .duration = 1,
    .utc = G_GUINT64_CONSTANT (1700000000) * S + 7 * GST_MSECOND };
  json = bitmar_caption_json (c, TRUE);
  fail_unless_equals_string (json, "{\"version\":1,\"stream\":null,\"id\":3,\"utc\":\"2023-11-14T22:13:20.007Z\","
      "\"pts\":5000000000,\"running_time\":4000000000,\"text\":\"a \\\"man\\\"\\\\ \\u000a\\u0001 caf\xc3\xa9 <\","
      "\"confidence\":0.2500,\"fallback\":false,\"novelty\":1.0000,\"slot\":-1,\"repeat\":true,\"model\":\"abc\"}\n");
  g_free (json);
  gst_bitmar_caption_info_unref (c);
}
GST_END_TEST

static GstBuffer *
pooled (const GstVideoInfo *info, guint most, GstBufferPool **pool)
{
  GstCaps *caps = gst_video_info_to_caps (info);
  GstStructure *config;
  GstBuffer *buffer;

  *pool = gst_buffer_pool_new ();
  config = gst_buffer_pool_get_config (*pool);
  gst_buffer_pool_config_set_params (config, caps, GST_VIDEO_INFO_SIZE (info), 0, most);
  fail_unless (gst_buffer_pool_set_config (*pool, config) && gst_buffer_pool_set_active (*pool, TRUE));
  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (*pool, &buffer, NULL), GST_FLOW_OK);
  gst_caps_unref (caps);
  gst_buffer_memset (buffer, 0, 7, GST_VIDEO_INFO_SIZE (info));
  return buffer;
}

/* A pool that grows lends the frame itself, one that does not gets it back; what is kept does not change in either case. */
GST_START_TEST (test_keep)
{
  for (guint most = 0; most <= 3; most += 3) {
    GstVideoInfo info, kept_info;
    GstBufferPool *pool;
    GstBuffer *frame, *kept;
    guint8 byte;

    gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, 32, 16);
    frame = pooled (&info, most, &pool);
    kept = bitmar_picture_keep (frame, &info, &kept_info);
    fail_unless ((kept == frame) == (most == 0));
    fail_unless_equals_int (GST_VIDEO_INFO_WIDTH (&kept_info), 32);
    frame = gst_buffer_make_writable (frame);
    gst_buffer_memset (frame, 0, 9, GST_VIDEO_INFO_SIZE (&info));
    fail_unless (gst_buffer_extract (kept, 0, &byte, 1) == 1 && byte == 7);
    gst_buffer_unref (frame);
    gst_buffer_unref (kept);
    gst_buffer_pool_set_active (pool, FALSE);
    gst_object_unref (pool);
  }
}
GST_END_TEST

static const struct {
  BitmarError code;
  const char *path, *domain;
  gint as;
} posted[] = {
  { BITMAR_ERROR_OPEN, "/nonexistent/model.gguf", "gst-resource-error-quark", GST_RESOURCE_ERROR_NOT_FOUND },
  { BITMAR_ERROR_OPEN, "/", "gst-resource-error-quark", GST_RESOURCE_ERROR_OPEN_READ },
  { BITMAR_ERROR_FORMAT, "/etc/passwd", "gst-stream-error-quark", GST_STREAM_ERROR_WRONG_TYPE },
  { BITMAR_ERROR_FORMAT, NULL, "gst-stream-error-quark", GST_STREAM_ERROR_DECODE },
  { BITMAR_ERROR_ARCHITECTURE, NULL, "gst-stream-error-quark", GST_STREAM_ERROR_WRONG_TYPE },
  { BITMAR_ERROR_CORRUPT, NULL, "gst-stream-error-quark", GST_STREAM_ERROR_DECODE },
  { BITMAR_ERROR_SHAPE, NULL, "gst-stream-error-quark", GST_STREAM_ERROR_DECODE },
  { BITMAR_ERROR_NO_MEMORY, NULL, "gst-resource-error-quark", GST_RESOURCE_ERROR_FAILED },
  { BITMAR_ERROR_ENCODING, NULL, "gst-library-error-quark", GST_LIBRARY_ERROR_SETTINGS },
  { BITMAR_ERROR_TOO_LONG, NULL, "gst-library-error-quark", GST_LIBRARY_ERROR_SETTINGS },
  { BITMAR_ERROR_PARAMETER, NULL, "gst-library-error-quark", GST_LIBRARY_ERROR_SETTINGS },
  { BITMAR_ERROR_MISMATCH, NULL, "gst-library-error-quark", GST_LIBRARY_ERROR_SETTINGS },
  { BITMAR_ERROR_IMAGE, NULL, "gst-stream-error-quark", GST_STREAM_ERROR_FORMAT },
};

/* Those among them that no test of a whole element can bring about. */
GST_START_TEST (test_posted_errors)
{
  char *model = test_model_path ();

  for (guint i = 0; i < G_N_ELEMENTS (posted); i++) {
    GstElement *bin = gst_object_ref_sink (gst_bin_new (NULL));
    GstBus *bus = gst_bus_new ();
    GError *error = g_error_new_literal (BITMAR_ERROR, posted[i].code, "what the engine said"), *told;
    GstMessage *message;
    char *debug;

    gst_element_set_bus (bin, bus);
    bitmar_post_error (bin, error, posted[i].path ? posted[i].path : model);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    fail_unless (message != NULL);
    gst_message_parse_error (message, &told, &debug);
    fail_unless_equals_string (g_quark_to_string (told->domain), posted[i].domain);
    fail_unless_equals_int (told->code, posted[i].as);
    fail_unless (strstr (debug, "what the engine said") != NULL);
    g_error_free (told);
    g_error_free (error);
    g_free (debug);
    gst_message_unref (message);
    gst_element_set_bus (bin, NULL);
    gst_object_unref (bus);
    gst_object_unref (bin);
  }
  g_free (model);
}
GST_END_TEST

/* ---- Turns ------------------------------------------------------------------------------------------- */

#define CREW 7

typedef struct {
  BitmarWorker *worker;
  guint done, last;            /* jobs; the newest one's number */
  GMutex *gate;                /* the job waits for it; NULL: it doesn't */
} Hand;

static guint jobs_in_all, most_at_once, at_once;
static GMutex crew_lock;

static void
no_preparation (gpointer user_data)
{
}

static void
do_job (gpointer job, gpointer user_data)
{
  Hand *hand = user_data;

  g_mutex_lock (&crew_lock);
  at_once++;
  most_at_once = MAX (most_at_once, at_once);
  g_mutex_unlock (&crew_lock);
  if (hand->gate) {
    g_mutex_lock (hand->gate);
    g_mutex_unlock (hand->gate);
  } else {
    g_usleep (1000);
  }
  g_mutex_lock (&crew_lock);
  at_once--;
  hand->done++;
  hand->last = GPOINTER_TO_UINT (job);
  jobs_in_all++;
  g_mutex_unlock (&crew_lock);
}

static void
no_free (gpointer job)
{
}

static Hand *
hire (Hand *hand)
{
  hand->worker = bitmar_worker_new ("hand", no_preparation, do_job, no_free, hand);
  return hand;
}

static guint
read_locked (const guint *x)
{
  guint value;

  g_mutex_lock (&crew_lock);
  value = *x;
  g_mutex_unlock (&crew_lock);
  return value;
}

static void
use_one_processor (cpu_set_t *before)
{
  cpu_set_t one;
  gint cpu = 0;

  fail_unless_equals_int (sched_getaffinity (0, sizeof *before, before), 0);
  while (!CPU_ISSET (cpu, before))
    cpu++;
  CPU_ZERO (&one);
  CPU_SET (cpu, &one);
  fail_unless_equals_int (sched_setaffinity (0, sizeof one, &one), 0);
}

/* Each always has a job to do; the one that asks first is the one that is asked most. */
GST_START_TEST (test_turns)
{
  Hand crew[CREW] = { 0 };
  guint fewest = G_MAXUINT, most = 0;
  cpu_set_t before;

  use_one_processor (&before);
  jobs_in_all = most_at_once = 0;
  for (guint i = 0; i < CREW; i++)
    hire (&crew[i]);
  for (guint n = 1; read_locked (&jobs_in_all) < 30 * CREW; n++)
    for (guint i = 0; i < CREW; i++)
      for (guint k = 0; k <= CREW - i; k++)
        bitmar_worker_submit (crew[i].worker, GUINT_TO_POINTER (n));
  for (guint i = 0; i < CREW; i++) {
    fewest = MIN (fewest, read_locked (&crew[i].done));
    most = MAX (most, read_locked (&crew[i].done));
  }
  for (guint i = 0; i < CREW; i++)
    bitmar_worker_free (crew[i].worker);
  sched_setaffinity (0, sizeof before, &before);
  fail_unless_equals_int (most_at_once, 1);
  fail_unless (most <= fewest + 2, "the jobs of one are %u, those of another %u", fewest, most);
}
GST_END_TEST

/* What is done when the turn comes is what was asked last; who is sent home does not wait for it. */
GST_START_TEST (test_waiting_for_a_turn)
{
  Hand busy = { 0 }, patient = { 0 }, leaving = { 0 };
  cpu_set_t before;
  GMutex gate;

  use_one_processor (&before);
  g_mutex_init (&gate);
  g_mutex_lock (&gate);
  busy.gate = &gate;
  at_once = 0;
  bitmar_worker_submit (hire (&busy)->worker, GUINT_TO_POINTER (1));
  while (read_locked (&at_once) == 0)
    g_usleep (1000);
  hire (&leaving);
  hire (&patient);
  bitmar_worker_submit (leaving.worker, GUINT_TO_POINTER (1));
  for (guint n = 1; n <= 5; n++) {
    bitmar_worker_submit (patient.worker, GUINT_TO_POINTER (n));
    g_usleep (1000);
  }
  bitmar_worker_free (leaving.worker);
  fail_unless_equals_int (leaving.done, 0);
  fail_unless_equals_int (read_locked (&patient.done), 0);
  g_mutex_unlock (&gate);
  bitmar_worker_drain (patient.worker);
  fail_unless_equals_int (patient.done, 1);
  fail_unless_equals_int (patient.last, 5);
  bitmar_worker_free (patient.worker);
  bitmar_worker_free (busy.worker);
  g_mutex_clear (&gate);
  sched_setaffinity (0, sizeof before, &before);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "of more streams than there is time for each is looked at as often", .test = test_turns },
  { .name = "a look that waits for its turn is the newest when it comes", .test = test_waiting_for_a_turn },
  { .name = "each error of the engine has its domain, code and debug text on the bus", .test = test_posted_errors },
  { .name = "pieces of live text abut", .test = test_timeline_live },
  { .name = "cues end where the next begins, and are cut for a muxer that waits", .test = test_timeline_cue },
  { .name = "sampling keeps its phase at frame rates that do not divide a second", .test = test_grid },
  { .name = "a doubted change is looked at twice more", .test = test_change },
  { .name = "percentiles are those of the newest values", .test = test_series },
  { .name = "text is valid UTF-8 and breaks nothing that carries it", .test = test_text },
  { .name = "JSON escapes what it must", .test = test_json },
  { .name = "a frame that is kept doesn't change, and no pool is starved for it", .test = test_keep },
};

TEST_MAIN ("parts")
