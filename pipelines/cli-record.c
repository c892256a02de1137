/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar record: a source's video in files, with its captions in and beside them. */

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "intake.h"
#include "record-segment.h"
#include "record-sidecar.h"
#include "source.h"
#include "watch-value.h"

static const char summary[] =
    "Records a camera or a file in segments, with captions as a subtitle track and, with --sidecar, as a subtitle file beside each\n"
    "segment. The video is what the camera sends; only with --burn-in, and where a container does not take it, it is encoded anew.";
static const char description[] =
    "Output: the path of each segment that is finished.\n"
    "  --json: an object with version, file, sidecar (null without), utc (of its beginning) and duration (ns)\n"
    "What happens to the source goes to standard error. A camera that goes away is asked for until it is back, and its recording goes on in a\n"
    "new segment; the same is done when the disk is full. Interrupted, it finishes the segment under way.\n"
    "\n"
    "Exit status: 0 the file has ended, or it was stopped by SIGTERM; 1 the file could not be recorded, or the output was closed; 2 wrong\n"
    "usage; 3 the model can't be loaded; 130 interrupted.\n";

/* What a container takes as it is, but for what is encoded anew. */
#define PASS_MKV "video/x-h264; video/x-h265; image/jpeg; video/x-vp8; video/x-vp9"
#define PASS_MP4 "video/x-h264; video/x-h265"

/* Of a file, in memory. */
#define MAX_LEVEL (32 << 20)

typedef struct {
  /* Options. */
  char *folder, *segment, *container, *sidecar, *name, *model_path, *prompt;
  double min_confidence, interval;
  gboolean burn_in, json, quiet;
  /* */
  IntakeOptions intake;
  GMainLoop *loop;
  guint64 segment_ns;
  gboolean mp4;
  SidecarFormat format;
  Sidecars *sidecars;
  gboolean is_file;
  GMutex lock;                 /* of what follows */
  Segmenter *segmenter;        /* NULL: there is no video now */
  GstElement *bin;
  int status;
  GHashTable *open;            /* file → its beginning */
  char *complaint;             /* of a sidecar, told last */
} Record;

typedef struct {
  gint64 utc;
} Beginning;

/* ---- Output ------------------------------------------------------------------------------------------ */

static void
quit (gpointer data)
{
  g_main_loop_quit (data);
}

static void
quit_for (Record *r, int status)
{
  g_mutex_lock (&r->lock);
  if (r->status == CLI_OK)
    r->status = status;
  g_mutex_unlock (&r->lock);
  g_idle_add_once (quit, r->loop);
}

static char *
segment_json (Record *r, const char *file, gint64 utc, guint64 duration)
{
  g_autofree char *sidecar = r->format != SIDECAR_NONE ? sidecar_name (r->format, file) : NULL, *time = cli_format_time (utc);
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  char *text;

  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "file", file);
  if (sidecar)
    json_object_set_string_member (object, "sidecar", sidecar);
  else
    json_object_set_null_member (object, "sidecar");
  json_object_set_string_member (object, "utc", time);
  json_object_set_int_member (object, "duration", (gint64) duration);
  text = json_to_string (node, FALSE);
  json_node_unref (node);
  json_object_unref (object);
  return text;
}

static void
print_segment (const char *file, GstClockTime duration, gpointer data)
{
  Record *r = data;
  g_autofree char *line = NULL;
  Beginning *b;

  g_mutex_lock (&r->lock);
  b = g_hash_table_lookup (r->open, file);
  if (b)
    line = r->json ? segment_json (r, file, b->utc, duration) : g_strdup (file);
  g_hash_table_remove (r->open, file);
  g_mutex_unlock (&r->lock);
  if (!line || (puts (line) >= 0 && fflush (stdout) == 0))
    return;
  if (errno != EPIPE)
    fprintf (stderr, "bitmar record: standard output: %s\n", g_strerror (errno));
  quit_for (r, CLI_SKIPPED);
}

static void
state_changed (IntakeState state, const char *why, gpointer data)
{
  static const char *const names[] = { "connecting", "recording", "waiting", "ended", "not recorded" };
  Record *r = data;
  g_autofree char *told = cli_harmless (why ? why : ""), *input = cli_harmless (r->intake.name);

  if (state == INTAKE_FAILED || (!r->quiet && state != INTAKE_CONNECTING && state != INTAKE_ENDED))
    fprintf (stderr, "bitmar record: %s: %s%s%s%s\n", input, names[state], why ? " (" : "", told, why ? ")" : "");
  if (state == INTAKE_ENDED || state == INTAKE_FAILED)
    quit_for (r, state == INTAKE_ENDED ? CLI_OK : CLI_SKIPPED);
}

static void
flush_sidecars (Record *r)
{
  GError *error = NULL;

  if (r->format == SIDECAR_NONE || sidecars_flush (r->sidecars, &error))
    return;
  if (g_strcmp0 (error->message, r->complaint) != 0)
    fprintf (stderr, "bitmar record: %s\n", error->message);
  g_free (r->complaint);
  r->complaint = g_strdup (error->message);
  g_error_free (error);
}

/* ---- Pipeline ---------------------------------------------------------------------------------------- */

static gint64
utc_of (GstElement *element, GstClockTime running_time)
{
  GstClock *clock = gst_element_get_clock (element);
  gint64 now = g_get_real_time () * 1000;

  /* In front of its time, a file is as if it began when it was opened. */
  if (clock)
    now -= GST_CLOCK_DIFF (running_time, gst_clock_get_time (clock) - gst_element_get_base_time (element));
  gst_clear_object (&clock);
  return MAX (now, 0);
}

static char *
make_path (Record *r, gint64 utc)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (utc / GST_SECOND);
  g_autofree char *date = g_date_time_format (time, "%Y%m%dT%H%M%S");
  char *path = NULL;

  for (guint again = 0; !path; again++) {
    g_autofree char *more = again > 0 ? g_strdup_printf ("-%u", again) : g_strdup ("");
    g_autofree char *base = g_strdup_printf ("%s-%s.%03uZ%s.%s", r->intake.name, date, (guint) (utc / GST_MSECOND % 1000), more,
        r->mp4 ? "mp4" : "mkv");

    path = g_build_filename (r->folder, base, NULL);
    /* Nothing that is there is written over. */
    if (g_file_test (path, G_FILE_TEST_EXISTS))
      g_clear_pointer (&path, g_free);
  }
  return path;
}

static char *
name_segment (GstClockTime start, gpointer data)
{
  Record *r = data;
  Beginning *b = g_new0 (Beginning, 1);
  char *path;

  b->utc = utc_of (r->bin, start);
  path = make_path (r, b->utc);
  g_mutex_lock (&r->lock);
  g_hash_table_replace (r->open, g_strdup (path), b);
  g_mutex_unlock (&r->lock);
  if (r->format != SIDECAR_NONE)
    sidecars_cut (r->sidecars, path, start);
  return path;
}

/* A disk that is slower than the reading of a file holds it up; a camera can't be held up. */
static void
wait_for_disk (Record *r)
{
  while (r->is_file && segmenter_get_level (r->segmenter) > MAX_LEVEL)
    g_usleep (20000);
}

static GstFlowReturn
take_video (GstAppSink *sink, gpointer data)
{
  Record *r = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  if (!sample)
    return GST_FLOW_OK;
  wait_for_disk (r);
  if (segmenter_push_video (r->segmenter, sample)) {
    GstPad *pad = gst_element_get_static_pad (GST_ELEMENT (sink), "sink");

    gst_pad_push_event (pad, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
    gst_object_unref (pad);
  }
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static void
say (Record *r, const char *text, GstClockTime start, GstClockTime end)
{
  segmenter_push_text (r->segmenter, text, start, end);
  if (text && r->format != SIDECAR_NONE)
    sidecars_say (r->sidecars, text, start, end);
}

static GstFlowReturn
take_text (GstAppSink *sink, gpointer data)
{
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer = sample ? gst_sample_get_buffer (sample) : NULL;
  GstMapInfo map;

  if (buffer && gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_autofree char *text = g_strndup ((const char *) map.data, map.size);
    GstClockTime start = gst_segment_to_running_time (gst_sample_get_segment (sample), GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));

    gst_buffer_unmap (buffer, &map);
    say (data, text, start, start + GST_BUFFER_DURATION (buffer));
  }
  if (sample)
    gst_sample_unref (sample);
  return GST_FLOW_OK;
}

/* Where nothing is said. */
static GstPadProbeReturn
take_gap (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info), *sticky;
  GstClockTime start, duration;
  const GstSegment *segment;

  if (GST_EVENT_TYPE (event) != GST_EVENT_GAP)
    return GST_PAD_PROBE_OK;
  gst_event_parse_gap (event, &start, &duration);
  sticky = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  if (sticky && GST_CLOCK_TIME_IS_VALID (duration)) {
    gst_event_parse_segment (sticky, &segment);
    start = gst_segment_to_running_time (segment, GST_FORMAT_TIME, start);
    if (GST_CLOCK_TIME_IS_VALID (start))
      say (data, NULL, start, start + duration);
  }
  gst_clear_event (&sticky);
  return GST_PAD_PROBE_OK;
}

static char *
describe (const GstCaps *caps, gpointer data)
{
  return g_strdup ("video. ! appsink name=v sync=false async=false emit-signals=true  "
      "c.text_src ! text/x-raw,format=utf8 ! appsink name=t sync=false async=false emit-signals=true");
}

static void
prepare (GstElement *bin, gpointer data)
{
  static const SegmenterFuncs funcs = { .name = name_segment, .closed = print_segment };
  Record *r = data;
  GstElement *video = gst_bin_get_by_name (GST_BIN (bin), "v"), *text = gst_bin_get_by_name (GST_BIN (bin), "t");
  GstPad *pad = gst_element_get_static_pad (text, "sink");
  Segmenter *segmenter = segmenter_new (r->mp4, r->segment_ns, &funcs, r);

  g_signal_connect (video, "new-sample", G_CALLBACK (take_video), r);
  g_signal_connect (text, "new-sample", G_CALLBACK (take_text), r);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, take_gap, r, NULL);
  sidecars_restart (r->sidecars);
  g_mutex_lock (&r->lock);
  r->segmenter = segmenter;
  r->bin = gst_object_ref (bin);
  g_mutex_unlock (&r->lock);
  gst_object_unref (pad);
  gst_object_unref (text);
  gst_object_unref (video);
}

static Segmenter *
get_segmenter (Record *r)
{
  Segmenter *segmenter;

  g_mutex_lock (&r->lock);
  segmenter = r->segmenter;
  g_mutex_unlock (&r->lock);
  return segmenter;
}

static void
tick (gpointer data)
{
  Record *r = data;
  Segmenter *segmenter = get_segmenter (r);
  g_autofree char *why = segmenter ? segmenter_poll (segmenter) : NULL;

  flush_sidecars (r);
  if (why)
    gst_element_post_message (r->bin, gst_message_new_application (GST_OBJECT (r->bin), gst_structure_new ("bitmar-intake", "why", G_TYPE_STRING,
                why, NULL)));
}

static char *
over (gpointer data)
{
  Record *r = data;
  char *why = segmenter_close (r->segmenter);

  flush_sidecars (r);
  segmenter_free (r->segmenter);
  gst_object_unref (r->bin);
  g_mutex_lock (&r->lock);
  r->segmenter = NULL;
  r->bin = NULL;
  g_hash_table_remove_all (r->open);
  g_mutex_unlock (&r->lock);
  return why;
}

static void
handle_message (GstMessage *message, gpointer data)
{
}

/* ---- Command ----------------------------------------------------------------------------------------- */

static gboolean
interrupted (gpointer data)
{
  quit_for (data, CLI_INTERRUPTED);
  /* A second one ends the process, whatever it waits for. */
  return G_SOURCE_REMOVE;
}

static gboolean
terminated (gpointer data)
{
  g_main_loop_quit (((Record *) data)->loop);
  return G_SOURCE_REMOVE;
}

static int
complain (int status, const char *text)
{
  fprintf (stderr, "bitmar record: %s\n", text);
  if (status == CLI_USAGE)
    fprintf (stderr, "Try \"bitmar record --help\".\n");
  return status;
}

/* NULL: all is well. */
static const char *
read_options (Record *r)
{
  if (r->segment && (!watch_value_duration (r->segment, &r->segment_ns) || r->segment_ns < GST_SECOND))
    return "--segment takes a time of a second or more: 60s, 10min, 1h";
  if (r->container && !g_str_equal (r->container, "mkv") && !g_str_equal (r->container, "mp4"))
    return "--container takes mkv or mp4";
  r->mp4 = g_strcmp0 (r->container, "mp4") == 0;
  if (r->sidecar && !g_str_equal (r->sidecar, "webvtt") && !g_str_equal (r->sidecar, "srt"))
    return "--sidecar takes webvtt or srt";
  r->format = !r->sidecar ? SIDECAR_NONE : g_str_equal (r->sidecar, "srt") ? SIDECAR_SRT : SIDECAR_WEBVTT;
  if (r->min_confidence != CLI_UNSET && !(r->min_confidence >= 0 && r->min_confidence <= 1))
    return "--min-confidence takes 0 to 1";
  if (!(r->interval >= 0 && r->interval <= 86400))
    return "--interval takes seconds, 0 to 86400";
  if (r->name && (!*r->name || strspn (r->name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.") != strlen (r->name)))
    return "--name takes letters, digits, '-', '_' and '.'";
  return NULL;
}

static int
make_folder (const char *folder)
{
  if (g_mkdir_with_parents (folder, 0777) == 0 && g_access (folder, W_OK) == 0)
    return CLI_OK;
  fprintf (stderr, "bitmar record: %s: %s\n", folder, g_strerror (errno));
  return CLI_USAGE;
}

static int
run (Record *r)
{
  static const IntakeFuncs funcs = { .describe = describe, .prepare = prepare, .message = handle_message, .tick = tick, .over = over, .state = state_changed };
  Intake *intake;

  r->loop = g_main_loop_new (NULL, FALSE);
  r->sidecars = sidecars_new (r->format);
  r->open = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_unix_signal_add (SIGINT, interrupted, r);
  g_unix_signal_add (SIGTERM, terminated, r);
  intake = intake_new (&r->intake, &funcs, r);
  g_main_loop_run (r->loop);
  intake_free (intake);
  sidecars_free (r->sidecars);
  g_hash_table_unref (r->open);
  g_main_loop_unref (r->loop);
  g_free (r->complaint);
  return r->status;
}

static int
record (Record *r, const char *input)
{
  g_autofree char *name = r->name ? g_strdup (r->name) : intake_make_name (input);
  const char *wrong = read_options (r);
  g_autoptr (BitmarModel) model = NULL;
  g_autoptr (GError) error = NULL;

  if (wrong)
    return complain (CLI_USAGE, wrong);
  /* Loaded once per process; told here, before anything is asked of the camera. */
  model = bitmar_model_load (r->model_path ? r->model_path : bitmar_model_default_path (), &error);
  if (!model)
    return complain (CLI_MODEL, error->message);
  r->is_file = !gst_uri_is_valid (input) && !source_is_device (input);
  if (make_folder (r->folder) != CLI_OK)
    return CLI_USAGE;
  r->intake = (IntakeOptions) { .input = input, .name = name, .pass = r->mp4 ? PASS_MP4 : PASS_MKV, .burn_in = r->burn_in,
    .model_path = r->model_path, .prompt = r->prompt, .min_confidence = r->min_confidence, .interval = r->interval };
  return run (r);
}

int
cli_record (int argc, char **argv)
{
  Record r = { .segment_ns = 60 * GST_SECOND, .min_confidence = CLI_UNSET, .folder = g_strdup (".") };
  char **words = NULL;
  GOptionEntry entries[] = {
    { "folder", 'f', 0, G_OPTION_ARG_FILENAME, &r.folder, "Where the segments are written (.); made if it isn't there", "DIR" },
    { "segment", 's', 0, G_OPTION_ARG_STRING, &r.segment, "Length of a segment, cut at the next key frame: 60s, 10min, 1h (60s)", "TIME" },
    { "container", 0, 0, G_OPTION_ARG_STRING, &r.container, "mkv or mp4 (mkv)", "KIND" },
    { "sidecar", 0, 0, G_OPTION_ARG_STRING, &r.sidecar, "Subtitle files beside the segments: webvtt or srt", "KIND" },
    { "burn-in", 0, 0, G_OPTION_ARG_NONE, &r.burn_in, "Draw the captions on the video, which is encoded anew", NULL },
    { "name", 0, 0, G_OPTION_ARG_STRING, &r.name, "What segments' names begin with (that of the file, or camera)", "NAME" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &r.json, "One JSON object per segment", NULL },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &r.model_path, "Model file (GGUF)", "FILE" },
    { "prompt", 'p', 0, G_OPTION_ARG_STRING, &r.prompt, "Words that steer what captions look at", "TEXT" },
    { "min-confidence", 'c', 0, G_OPTION_ARG_DOUBLE, &r.min_confidence, "Keep captions back that the model is less sure of, 0 to 1 (0.63)", "P" },
    { "interval", 'i', 0, G_OPTION_ARG_DOUBLE, &r.interval, "Seconds from one look at the video to the next (1)", "S" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &r.quiet, "Only what fails on standard error", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionContext *context = g_option_context_new ("SOURCE");
  GError *error = NULL;
  int status = CLI_USAGE;

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  g_mutex_init (&r.lock);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    complain (CLI_USAGE, error->message);
    g_error_free (error);
  } else if (!words || !words[0] || words[1]) {
    complain (CLI_USAGE, "takes one SOURCE: a video file, a camera or an address");
  } else {
    cli_find_plugin ();
    status = record (&r, words[0]);
  }
  g_mutex_clear (&r.lock);
  g_option_context_free (context);
  g_strfreev (words);
  g_free (r.folder);
  g_free (r.segment);
  g_free (r.container);
  g_free (r.sidecar);
  g_free (r.name);
  g_free (r.model_path);
  g_free (r.prompt);
  return status;
}
