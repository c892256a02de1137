/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin as applications meet it: the scan, what is known of the elements without a model, the model's loading, statistics. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static const char *const names[] = { "bitmarencode", "bitmarmemory", "bitmarcaption", "bitmarcaptionbin" };

static char *
plugin_path (void)
{
  return g_build_filename (g_getenv ("GST_PLUGIN_PATH_1_0"), "libgstbitmar.so", NULL);
}

static guint
count_threads (void)
{
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

/* How often a file was opened since the last time. */
static guint
count_opens (int watch)
{
  char events[4096];
  gssize n;
  guint opens = 0;

  while ((n = read (watch, events, sizeof events)) > 0)
    for (char *p = events; p < events + n; p += sizeof (struct inotify_event) + ((struct inotify_event *) p)->len)
      opens++;
  return opens;
}

static int
watch_opens (const char *path)
{
  int watch = inotify_init1 (IN_NONBLOCK);

  fail_unless (watch >= 0 && inotify_add_watch (watch, path, IN_OPEN) >= 0);
  return watch;
}

/* Milliseconds of CPU time that a process of its own needs to load the plugin; negative when that failed or started a thread. */
static gdouble
scan_ms (void)
{
  struct timespec from, to;
  char *path = plugin_path ();
  int ends[2];
  gdouble ms = -1;
  pid_t child;

  fail_unless_equals_int (pipe (ends), 0);
  child = fork ();
  if (child == 0) {
    guint threads = count_threads ();
    GstPlugin *plugin;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &from);
    plugin = gst_plugin_load_file (path, NULL);
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &to);
    ms = (gdouble) (to.tv_sec - from.tv_sec) * 1e3 + (gdouble) (to.tv_nsec - from.tv_nsec) / 1e6;
    if (!plugin || count_threads () != threads)
      ms = -1;
    _exit (write (ends[1], &ms, sizeof ms) == sizeof ms ? 0 : 1);
  }
  fail_unless_equals_int (read (ends[0], &ms, sizeof ms), sizeof ms);
  waitpid (child, NULL, 0);
  close (ends[0]);
  close (ends[1]);
  g_free (path);
  return ms;
}

GST_START_TEST (test_scan)
{
  /* One that no other test opens at the same time. */
  char *path = g_strdup_printf ("%s/bitmar-scan-%d.gguf", g_get_tmp_dir (), (int) getpid ()), *data;
  gdouble best = G_MAXDOUBLE;
  gsize size;
  int watch;

  fail_unless (g_file_get_contents (g_getenv ("BITMAR_MODEL"), &data, &size, NULL));
  fail_unless (g_file_set_contents (path, data, size, NULL));
  g_setenv ("BITMAR_MODEL", path, TRUE);
  watch = watch_opens (path);
  for (guint i = 0; i < 5; i++) {
    gdouble ms = scan_ms ();

    fail_unless (ms >= 0, "the plugin was not loaded, or started a thread");
    best = MIN (best, ms);
  }
  g_print ("# %.2f ms of CPU time\n", best);
  fail_unless (best < 50, "%g ms", best);
  fail_unless_equals_int (count_opens (watch), 0);
  close (g_open (path, O_RDONLY));
  fail_unless_equals_int (count_opens (watch), 1);             /* or else the line before shows nothing */
  close (watch);
  g_unlink (path);
  g_free (path);
  g_free (data);
}
GST_END_TEST

/* All that an application can learn of an element before it plays. */
static void
look_at (const char *name)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make (name, NULL));
  guint n;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    g_object_get_property (G_OBJECT (element), specs[i]->name, &value);
    g_value_unset (&value);
  }
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  g_free (specs);
  gst_object_unref (element);
}

GST_START_TEST (test_no_model)
{
  guint threads;

  g_setenv ("BITMAR_MODEL", "/nonexistent/model.gguf", TRUE);
  gst_object_unref (gst_object_ref_sink (gst_element_factory_make ("bitmarcaptionbin", NULL)));
  threads = count_threads ();
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    look_at (names[i]);
  fail_unless (count_threads () <= threads);
}
GST_END_TEST

/* READY-only and PLAYING-mutable properties are told apart, as gst-inspect prints. */
GST_START_TEST (test_flags)
{
  static const char *const ready_only[] = { "model-path", "mode", "memory-size", "memory-file", "event-log" };
  static const char *const any_time[] = { "max-rate", "prompt", "max-tokens", "temperature", "top-k", "top-p", "seed", "beam-size", "alerts",
    "min-confidence", "change-threshold", "repeat", "latency", "lateness", "stream-id" };

  for (guint e = 0; e < G_N_ELEMENTS (names); e++) {
    GstElement *element = gst_object_ref_sink (gst_element_factory_make (names[e], NULL));
    guint n;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

    for (guint i = 0; i < n; i++) {
      gboolean ready = (specs[i]->flags & GST_PARAM_MUTABLE_READY) != 0, playing = (specs[i]->flags & GST_PARAM_MUTABLE_PLAYING) != 0;

      if (!g_str_has_prefix (g_type_name (specs[i]->owner_type), "GstBitmar"))
        continue;
      fail_unless_equals_int (ready || playing, (specs[i]->flags & G_PARAM_WRITABLE) != 0);
      fail_if (ready && playing, "%s", specs[i]->name);
      for (guint r = 0; r < G_N_ELEMENTS (ready_only); r++)
        fail_unless (!g_str_equal (specs[i]->name, ready_only[r]) || ready, "%s", ready_only[r]);
      for (guint a = 0; a < G_N_ELEMENTS (any_time); a++)
        fail_unless (!g_str_equal (specs[i]->name, any_time[a]) || playing, "%s", any_time[a]);
    }
    g_free (specs);
    gst_object_unref (element);
  }
}
GST_END_TEST

static guint
count_words (const char *text)
{
  char **words = g_strsplit (text, " ", -1);
  guint n = g_strv_length (words);

  g_strfreev (words);
  return n;
}

/* A sentence by its looks: it begins with a capital, has six words (of a value: three) and more than its name to say. */
static void
expect_sentence (const char *what, const char *text, guint words)
{
  fail_unless (text != NULL, "%s has no description", what);
  fail_unless (g_ascii_isupper (text[0]) && count_words (text) >= words && !strchr (text, '\n'), "%s: \"%s\" is no sentence", what, text);
}

static void
expect_values_described (GType type)
{
  GEnumClass *values = g_type_class_ref (type);

  for (guint i = 0; i < values->n_values; i++)
    expect_sentence (values->values[i].value_nick, values->values[i].value_name, 3);
  g_type_class_unref (values);
}

/* What gst-inspect prints is all that many users ever read. */
GST_START_TEST (test_blurbs)
{
  for (guint e = 0; e < G_N_ELEMENTS (names); e++) {
    GstElement *element = gst_object_ref_sink (gst_element_factory_make (names[e], NULL));
    guint n, ours = 0;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

    expect_sentence (names[e], gst_element_get_metadata (element, GST_ELEMENT_METADATA_DESCRIPTION), 6);
    for (guint i = 0; i < n; i++) {
      if (!g_str_has_prefix (g_type_name (specs[i]->owner_type), "GstBitmar"))
        continue;
      ours++;
      expect_sentence (specs[i]->name, g_param_spec_get_blurb (specs[i]), 6);
      if (G_IS_PARAM_SPEC_ENUM (specs[i]))
        expect_values_described (specs[i]->value_type);
    }
    fail_unless (ours >= 5, "%s: %u properties", names[e], ours);
    g_free (specs);
    gst_object_unref (element);
  }
}
GST_END_TEST

static const char *const stats_fields[][2] = {
  { "e", "frames-in frames-encoded frames-skipped encode-p50 encode-p95 encode-max model-bytes" },
  { "m", "frames-in episodes skipped slots-used memory-bytes model-bytes snapshots snapshots-failed alerts alerts-active log-appended "
      "log-written log-dropped log-queued" },
  { "c", "frames-in episodes captions unchanged repeats skipped unsure late written tokens caption-p50 caption-p95 caption-max "
      "first-token-p50 first-token-p95 first-token-max token-p50 token-p95 token-max max-delay model-bytes" },
};

/* The fields of docs/elements.md, all numbers, and no others. */
GST_START_TEST (test_stats)
{
  GstHarness *h = test_harness (CHAIN, CAPS_RGB);

  gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, 1, 0)));
  for (guint i = 0; i < G_N_ELEMENTS (stats_fields); i++) {
    GstElement *element = test_child (h, stats_fields[i][0]);
    char **fields = g_strsplit (stats_fields[i][1], " ", -1);
    GstStructure *stats;

    g_object_get (element, "stats", &stats, NULL);
    for (char **f = fields; *f; f++)
      fail_unless (gst_structure_has_field_typed (stats, *f, G_TYPE_UINT64) || gst_structure_has_field_typed (stats, *f, G_TYPE_UINT),
          "no %s in %" GST_PTR_FORMAT, *f, stats);
    fail_unless_equals_int (gst_structure_n_fields (stats), g_strv_length (fields));
    gst_structure_free (stats);
    g_strfreev (fields);
    gst_object_unref (element);
  }
  test_free (h);
}
GST_END_TEST

/* ---- The model ------------------------------------------------------------------------------------- */

static GThread *changer;
static gint in_changer, progressed;

static GstBusSyncReply
note_thread (GstBus *bus, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_PROGRESS) {
    g_atomic_int_inc (&progressed);
    if (g_thread_self () == changer)
      g_atomic_int_inc (&in_changer);
  }
  return GST_BUS_PASS;
}

static void
expect_progress (GstHarness *h, GstProgressType last)
{
  GstProgressType type;
  char *code;

  for (guint i = 0; i < 2; i++) {
    GstMessage *message = test_wait_message (h, GST_MESSAGE_PROGRESS, NULL);

    fail_unless (message != NULL);
    gst_message_parse_progress (message, &type, &code, NULL);
    fail_unless (type == (i ? last : GST_PROGRESS_TYPE_START));
    fail_unless_equals_string (code, "bitmar-model");
    g_free (code);
    gst_message_unref (message);
  }
}

GST_START_TEST (test_progress)
{
  GstElement *bin = test_parse ("bitmarencode name=e ! identity");
  GstBus *bus = gst_element_get_bus (bin);
  GstHarness *h;

  changer = g_thread_self ();
  gst_bus_set_sync_handler (bus, note_thread, NULL, NULL);
  h = test_harness_of (bin, CAPS_RGB);
  expect_progress (h, GST_PROGRESS_TYPE_COMPLETE);
  gst_element_set_state (h->element, GST_STATE_READY);
  test_set (h, "e", "model-path", "/nonexistent/model.gguf");
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  expect_progress (h, GST_PROGRESS_TYPE_ERROR);
  fail_unless_equals_int (progressed, 4);
  fail_unless_equals_int (in_changer, 0);
  gst_object_unref (bus);
  test_free (h);
}
GST_END_TEST

/* Six elements in two chains, one through a link: the file is opened once to be read, or not at all. */
GST_START_TEST (test_one_model)
{
  char *data, *dir = g_dir_make_tmp ("bitmar-XXXXXX", NULL), *path = g_build_filename (dir, "a.gguf", NULL);
  char *other = g_build_filename (dir, "b.gguf", NULL), *line;
  GstHarness *first, *second;
  guint opens, more;
  gsize size;
  int watch;

  fail_unless (g_file_get_contents (g_getenv ("BITMAR_MODEL"), &data, &size, NULL));
  fail_unless (g_file_set_contents (path, data, size, NULL));
  fail_unless_equals_int (symlink (path, other), 0);
  watch = watch_opens (path);
  line = g_strdup_printf ("bitmarencode model-path=\"%s\" ! identity", path);
  first = test_harness (line, CAPS_RGB);
  gst_buffer_unref (test_pass (first, test_frame (CAPS_RGB, 1, 0)));
  opens = count_opens (watch);
  g_free (line);
  line = g_strdup_printf ("bitmarencode model-path=\"%s\" ! bitmarmemory model-path=\"%s\" ! bitmarcaption min-confidence=0 model-path=\"%s\"", path,
      path, other);
  second = test_harness (line, CAPS_RGB);
  gst_buffer_unref (test_pass (second, test_frame (CAPS_RGB, 1, 0)));
  more = count_opens (watch);
  g_print ("# %u and %u opens\n", opens, more);
  fail_unless (opens >= 1);
  fail_unless_equals_int (more, 0);
  test_free (first);
  test_free (second);
  close (watch);
  g_unlink (path);
  g_unlink (other);
  g_rmdir (dir);
  g_free (line);
  g_free (data);
  g_free (path);
  g_free (other);
  g_free (dir);
}
GST_END_TEST

/* ---- What is left behind ----------------------------------------------------------------------------- */

/* Whole captions, warnings and errors go to the bus; standard output and standard error are the application's. */
GST_START_TEST (test_quiet)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-check-output.txt", NULL), *text;
  int file = g_open (path, O_RDWR | O_CREAT | O_TRUNC, 0600), out = dup (1), err = dup (2);
  GstHarness *h;
  gsize size;

  fail_unless (file >= 0 && dup2 (file, 1) == 1 && dup2 (file, 2) == 2);
  h = test_harness (CHAIN "min-confidence=0 change-threshold=0", CAPS_RGB);
  for (guint i = 0; i < 5; i++)
    gst_buffer_unref (test_pass (h, test_frame (CAPS_RGB, i, 10 * i)));
  gst_buffer_unref (test_pass (h, gst_buffer_new_allocate (NULL, 10, NULL)));
  test_set (h, "c", "max-tokens", "256");
  test_free (h);
  fflush (NULL);
  dup2 (out, 1);
  dup2 (err, 2);
  close (file);
  fail_unless (g_file_get_contents (path, &text, &size, NULL));
  fail_unless (size == 0, "written: %s", text);
  g_unlink (path);
  g_free (text);
  g_free (path);
}
GST_END_TEST

/* A quark is never freed: text that is another every time must not become one. */
GST_START_TEST (test_quarks)
{
  GstHarness *h = test_harness (CHAIN "change-threshold=0 min-confidence=1", CAPS_RGB);
  GstBuffer *out;

  test_set (h, "c", "fallback-text", "a sentence that is nowhere else in this process");
  test_set (h, "m", "stream-id", "a camera that is nowhere else in this process");
  out = test_pass (h, test_frame (CAPS_RGB, 1, 0));
  fail_unless_equals_string (gst_structure_get_string (test_meta (out, "BitmarCaptionMeta"), "text"),
      "a sentence that is nowhere else in this process");
  gst_buffer_unref (out);
  fail_unless_equals_int (g_quark_try_string ("a sentence that is nowhere else in this process"), 0);
  fail_unless_equals_int (g_quark_try_string ("a camera that is nowhere else in this process"), 0);
  fail_if (g_quark_try_string ("text") == 0);
  test_free (h);
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "the plugin scan takes less than 50 ms, opens no model and starts no thread", .test = test_scan },
  { .name = "without a model the elements are made, inspected and READY", .test = test_no_model },
  { .name = "properties say whether they may change while playing", .test = test_flags },
  { .name = "each element, property and value says in a sentence what it is for", .test = test_blurbs },
  { .name = "stats has every field that is documented, and no other", .test = test_stats },
  { .name = "the model loads in a thread of its own and tells of its progress", .test = test_progress },
  { .name = "one model file is loaded once, however many elements use it", .test = test_one_model },
  { .name = "nothing is written to standard output or standard error", .test = test_quiet },
  { .name = "free text never becomes a quark", .test = test_quarks },
};

TEST_MAIN ("plugin")
