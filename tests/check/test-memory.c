/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What bitmarmemory keeps: snapshots, the event log and its signals, alerts. */

#include <glib/gstdio.h>
#include <string.h>

#include "common.h"

static char *dir;

static char *
file_in_dir (const char *name)
{
  return g_build_filename (dir, name, NULL);
}

static void
make_dir (void)
{
  dir = g_dir_make_tmp ("bitmar-XXXXXX", NULL);
  fail_unless (dir != NULL);
}

static void
remove_dir (void)
{
  GDir *d = g_dir_open (dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (d))) {
    char *path = file_in_dir (name);
    g_unlink (path);
    g_free (path);
  }
  g_dir_close (d);
  g_rmdir (dir);
  g_free (dir);
}

static GstHarness *
start (const char *format, ...)
{
  GstHarness *h;
  va_list args;
  char *line;

  va_start (args, format);
  line = g_strdup_vprintf (format, args);
  va_end (args);
  h = test_harness (line, CAPS_RGB);
  g_free (line);
  return h;
}

/* The novelty memory found in a frame. */
static gdouble
look (GstHarness *h, guint what, guint n)
{
  GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, what, n));
  const GstStructure *s = test_meta (out, "BitmarMemoryMeta");
  gdouble novelty;

  fail_unless (s && gst_structure_get_double (s, "novelty", &novelty));
  gst_buffer_unref (out);
  return novelty;
}

static GError *
pop (GstHarness *h, GstMessageType type)
{
  GstMessage *message = test_wait_message (h, type, NULL);
  GError *error = NULL;

  fail_unless (message != NULL);
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else
    gst_message_parse_warning (message, &error, NULL);
  gst_message_unref (message);
  return error;
}

/* ---- Snapshots ----------------------------------------------------------------------------------- */

GST_START_TEST (test_snapshot)
{
  char *path, *bytes, *after;
  gsize size, n;
  GstHarness *h;
  GError *error;

  make_dir ();
  path = file_in_dir ("memory");
  h = start ("bitmarencode ! bitmarmemory memory-file=%s", path);
  fail_unless (look (h, 3, 0) > 0.9);
  test_free (h);                                       /* it is saved at the end */
  fail_unless (g_file_get_contents (path, &bytes, &size, NULL));
  h = start ("bitmarencode ! bitmarmemory memory-file=%s", path);
  fail_unless (look (h, 3, 0) < 0.1, "what was seen before the restart is new");
  test_free (h);

  /* Damage is refused, and the file left as it is. */
  bytes[size / 2] ^= 1;
  fail_unless (g_file_set_contents (path, bytes, size, NULL));
  h = start ("bitmarencode ! bitmarmemory memory-file=%s", path);
  error = pop (h, GST_MESSAGE_ERROR);
  fail_unless (error->domain == GST_STREAM_ERROR, "%s", error->message);
  fail_unless (strstr (error->message, path) != NULL);
  g_error_free (error);
  test_free (h);
  fail_unless (g_file_get_contents (path, &after, &n, NULL));
  fail_unless (n == size && memcmp (after, bytes, n) == 0);
  g_free (after);
  g_free (bytes);
  g_free (path);
  remove_dir ();
}
GST_END_TEST

GST_START_TEST (test_save_and_load)
{
  GstHarness *h;
  GstElement *memory;
  GError *error;
  gboolean done;
  char *path, *nowhere;

  make_dir ();
  path = file_in_dir ("memory");
  nowhere = file_in_dir ("no/such/folder");
  h = start ("bitmarencode ! bitmarmemory name=m");
  memory = test_child (h, "m");
  fail_unless (look (h, 3, 0) > 0.9);
  g_signal_emit_by_name (memory, "save", path, &done);
  fail_unless (done);
  g_signal_emit_by_name (memory, "clear");
  fail_unless (look (h, 3, 10) > 0.9);
  g_signal_emit_by_name (memory, "clear");
  g_signal_emit_by_name (memory, "load", path, &done);
  fail_unless (done);
  fail_unless (look (h, 3, 20) < 0.1);
  g_signal_emit_by_name (memory, "save", nowhere, &done);
  fail_if (done);
  error = pop (h, GST_MESSAGE_WARNING);
  fail_unless (error->domain == GST_RESOURCE_ERROR, "%s", error->message);
  g_error_free (error);
  g_signal_emit_by_name (memory, "load", nowhere, &done);
  fail_if (done);
  fail_unless (look (h, 3, 30) < 0.1);                 /* as it was */
  gst_object_unref (memory);
  test_free (h);
  g_free (path);
  g_free (nowhere);
  remove_dir ();
}
GST_END_TEST

/* ---- Event log ----------------------------------------------------------------------------------- */

static const GValue *
events_of (const GstStructure *found)
{
  fail_unless (found != NULL);
  return gst_structure_get_value (found, "events");
}

static GstStructure *
query (GstHarness *h, const char *text, gint64 from, gint64 to, const char *camera)
{
  GstElement *memory = test_child (h, "m");
  GstStructure *found = NULL;

  g_signal_emit_by_name (memory, "query", text, 10, from, to, camera, &found);
  gst_object_unref (memory);
  return found;
}

static guint
count (GstHarness *h, gint64 from, gint64 to, const char *camera)
{
  GstStructure *found = query (h, "a man", from, to, camera);
  guint n = gst_value_list_get_size (events_of (found));

  gst_structure_free (found);
  return n;
}

GST_START_TEST (test_log)
{
  char *path;
  const GstStructure *event;
  GstStructure *found;
  GstElement *memory;
  GBytes *jpeg;
  GstHarness *h;
  guint64 utc;
  gboolean done;

  make_dir ();
  path = file_in_dir ("events");
  h = start ("bitmarencode thumbnail-width=32 ! bitmarmemory name=m stream-id=yard event-log=%s ! bitmarcaption min-confidence=0 "
      "change-threshold=0 repeat=always", path);
  for (guint i = 0; i < 4; i++)
    look (h, i, 10 * i);
  found = query (h, "a man", 0, -1, NULL);
  fail_unless_equals_int (gst_value_list_get_size (events_of (found)), 4);
  event = gst_value_get_structure (gst_value_list_get_value (events_of (found), 0));
  fail_unless_equals_string (gst_structure_get_string (event, "camera"), "yard");
  fail_unless (gst_structure_get (event, "thumbnail", G_TYPE_BYTES, &jpeg, "utc", G_TYPE_UINT64, &utc, NULL));
  fail_unless (g_bytes_get_size (jpeg) > 100 && memcmp (g_bytes_get_data (jpeg, NULL), "\xff\xd8\xff", 3) == 0);
  g_bytes_unref (jpeg);
  gst_structure_free (found);
  fail_unless_equals_int (count (h, 0, -1, "gate"), 0);
  fail_unless_equals_int (count (h, 0, -1, "yard"), 4);
  memory = test_child (h, "m");
  g_signal_emit_by_name (memory, "forget", (gint64) utc, (gint64) utc + 1, &done);
  fail_unless (done);
  fail_unless_equals_int (count (h, 0, -1, NULL), 3);
  gst_object_unref (memory);
  test_free (h);

  /* It is there after a restart, and a second element shares it. */
  h = start ("bitmarencode ! bitmarmemory name=m event-log=%s ! bitmarmemory name=n event-log=%s", path, path);
  look (h, 0, 0);
  fail_unless_equals_int (count (h, 0, -1, NULL), 3);
  memory = test_child (h, "m");
  g_signal_emit_by_name (memory, "clear");
  gst_object_unref (memory);
  fail_unless_equals_int (count (h, 0, -1, NULL), 0);
  test_free (h);
  g_free (path);
  remove_dir ();
}
GST_END_TEST

GST_START_TEST (test_log_refused)
{
  GstHarness *h;
  GstStructure *found;
  GError *error;
  char *path, *text;

  make_dir ();
  path = file_in_dir ("letter.txt");
  fail_unless (g_file_set_contents (path, "dear reader", -1, NULL));
  h = start ("bitmarencode ! bitmarmemory event-log=%s", path);
  error = pop (h, GST_MESSAGE_ERROR);
  fail_unless (g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE), "%s", error->message);
  g_error_free (error);
  test_free (h);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  fail_unless_equals_string (text, "dear reader");
  g_free (text);

  h = start ("bitmarencode ! bitmarmemory name=m");
  look (h, 0, 0);
  found = query (h, "a man", 0, -1, NULL);
  fail_unless (found == NULL);
  error = pop (h, GST_MESSAGE_WARNING);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND), "%s", error->message);
  g_error_free (error);
  test_free (h);
  g_free (path);
  remove_dir ();
}
GST_END_TEST

/* ---- Alerts -------------------------------------------------------------------------------------- */

static void
check_alert (GstHarness *h, const char *kind, guint64 running_time)
{
  GstMessage *message = test_wait_message (h, GST_MESSAGE_ELEMENT, "bitmar-alert");
  const GstStructure *s;
  gdouble score, peak;
  guint64 time;

  fail_unless (message != NULL, "no alert %s", kind);
  s = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (s, "kind"), kind);
  fail_unless_equals_string (gst_structure_get_string (s, "name"), "any");
  fail_unless_equals_string (gst_structure_get_string (s, "sentence"), "a man");
  fail_unless_equals_string (gst_structure_get_string (s, "stream"), "gate");
  fail_unless (gst_structure_get (s, "score", G_TYPE_DOUBLE, &score, "peak", G_TYPE_DOUBLE, &peak, "running-time", G_TYPE_UINT64, &time, NULL));
  fail_unless (score >= 0 && score <= peak && peak <= 1);
  fail_unless_equals_uint64 (time, running_time);
  gst_message_unref (message);
}

GST_START_TEST (test_alerts)
{
  GstHarness *h;
  GError *error;
  char *path;

  make_dir ();
  path = file_in_dir ("events");
  /* A score that every look reaches. */
  h = start ("bitmarencode ! bitmarmemory name=m stream-id=gate event-log=%s alerts=\"any: a man above 0.0001 below 0.0001\"", path);
  look (h, 1, 0);
  check_alert (h, "start", 0);
  look (h, 2, 10);
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-alert") == NULL, "it went on, and was told again");
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_alert (h, "end", 10 * FRAME);
  fail_unless_equals_int (count (h, 0, -1, "gate"), 1);        /* the start */
  test_free (h);

  h = start ("bitmarencode ! bitmarmemory name=m alerts=\"any: a man abve 0.5; : x\"");
  error = pop (h, GST_MESSAGE_ERROR);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS), "%s", error->message);
  g_error_free (error);
  test_free (h);
  g_free (path);
  remove_dir ();
}
GST_END_TEST

GST_START_TEST (test_alerts_change)
{
  GstHarness *h = start ("bitmarencode ! bitmarmemory name=m stream-id=gate");
  GError *error;

  look (h, 1, 0);
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-alert") == NULL);
  test_set (h, "m", "alerts", "any: a man above 0.0001 below 0.0001");
  look (h, 1, 10);
  check_alert (h, "start", 10 * FRAME);
  test_set (h, "m", "alerts", "any a man");
  error = pop (h, GST_MESSAGE_WARNING);
  fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS), "%s", error->message);
  g_error_free (error);
  test_flush (h);
  check_alert (h, "end", 10 * FRAME);                  /* the former rule is still there */
  test_set (h, "m", "post-alerts", "false");
  look (h, 1, 0);
  fail_unless (test_pop_message (h, GST_MESSAGE_ELEMENT, "bitmar-alert") == NULL);
  test_free (h);
}
GST_END_TEST

/* ---- Live -------------------------------------------------------------------------------------------- */

static guint64
stat_of (GstHarness *h, const char *child, const char *field)
{
  GstElement *element = test_child (h, child);
  GstStructure *stats;
  guint64 x = 0;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &x));
  gst_structure_free (stats);
  gst_object_unref (element);
  return x;
}

static void
wait_for_stat (GstHarness *h, const char *child, const char *field, guint64 wanted)
{
  gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (stat_of (h, child, field) < wanted && g_get_monotonic_time () < end)
    g_usleep (1000);
  fail_unless_equals_uint64 (stat_of (h, child, field), wanted);
}

/* The next frame that carries a look. (transfer full) */
static GstBuffer *
pass_until_looked (GstHarness *h, guint what, guint n)
{
  for (guint i = 0; i < 1000; i++) {
    GstBuffer *out = test_pass (h, test_frame (CAPS_RGB, what, n));

    if (test_meta (out, "BitmarEpisodeMeta"))
      return out;
    gst_buffer_unref (out);
    g_usleep (10000);
  }
  fail ("no frame carries a look");
  return NULL;
}

/* One look a second of frames that are all of the first: so many looks are made as are asked for. */
GST_START_TEST (test_beside_video)
{
  GstHarness *h = start ("bitmarencode name=e mode=live ! identity ! bitmarmemory name=m mode=live stream-id=gate "
      "alerts=\"any: a man above 0.0001 below 0.0001\" ! bitmarmemory name=n mode=live stream-id=yard ! bitmarcaption mode=live");
  const GstStructure *s;
  gdouble novelty;
  GstBuffer *out;
  guint64 memory;

  test_wait_loaded (h, 4);
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 1, 0)));
  /* Nobody has carried it there. */
  wait_for_stat (h, "m", "episodes", 1);
  check_alert (h, "start", 0);
  fail_unless_equals_uint64 (stat_of (h, "n", "episodes"), 0);
  out = pass_until_looked (h, 1, 1);
  fail_unless_equals_uint64 (stat_of (h, "m", "episodes"), 1);
  /* The second one is not asked, and sees it when it comes. */
  fail_unless_equals_uint64 (stat_of (h, "n", "episodes"), 1);
  s = test_meta (out, "BitmarEpisodeMeta");
  fail_unless_equals_string (gst_structure_get_string (s, "stream"), "yard");
  fail_unless (gst_structure_get_uint64 (s, "memory", &memory) && memory > 0);
  fail_unless (gst_structure_get_double (test_meta (out, "BitmarMemoryMeta"), "novelty", &novelty));
  fail_unless (novelty == 1);
  gst_buffer_unref (out);

  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 1, 10)));
  wait_for_stat (h, "m", "episodes", 2);
  out = pass_until_looked (h, 1, 11);
  fail_unless (gst_structure_get_double (test_meta (out, "BitmarMemoryMeta"), "novelty", &novelty));
  fail_unless (novelty < 0.01);
  gst_buffer_unref (out);
  fail_unless_equals_uint64 (stat_of (h, "m", "skipped"), 0);

  /* The last look of a stream has no frame; it is not remembered twice. */
  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 2, 20)));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_alert (h, "end", 20 * FRAME);
  fail_unless_equals_uint64 (stat_of (h, "m", "episodes"), 3);
  fail_unless_equals_uint64 (stat_of (h, "n", "episodes"), 3);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "live, a look is remembered beside the video, once, before a frame carries it", .test = test_beside_video },
  { .name = "memory-file restores what was seen, and a damaged one is refused and kept", .test = test_snapshot },
  { .name = "save and load work while playing, and say when they fail", .test = test_save_and_load },
  { .name = "the event log is written, searched, shared and forgotten", .test = test_log, .needs = "BITMAR_MODULE_PATH" },
  { .name = "a file that is no event log is refused and kept", .test = test_log_refused, .needs = "BITMAR_MODULE_PATH" },
  { .name = "an alert is told when it starts and when it ends", .test = test_alerts, .needs = "BITMAR_MODULE_PATH" },
  { .name = "alert rules change while playing, and bad ones are refused", .test = test_alerts_change },
};

TEST_MAIN ("memory")
