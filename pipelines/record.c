/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "record.h"

#include <errno.h>
#include <glib-unix.h>
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "record-disk.h"
#include "record-segment.h"
#include "source.h"

/* Of a file, and of a camera, in memory. */
#define MAX_FILE_LEVEL (32 << 20)
#define MAX_CAMERA_LEVEL (256 << 20)

typedef struct {
  const RecordOptions *options;
  GMainLoop *loop;
  Sidecars *sidecars;
  gboolean is_file;
  GMutex lock;                 /* of what follows */
  Segmenter *segmenter;        /* NULL: there is no video now */
  GstElement *bin;
  int status;
  GHashTable *open;            /* file → its beginning */
  GQueue told;                 /* lines of what is closed, for standard output */
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
  g_autofree char *sidecar = r->options->format != SIDECAR_NONE ? sidecar_name (r->options->format, file) : NULL, *time = cli_format_time (utc);
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
close_segment (const char *file, GstClockTime duration, gpointer data)
{
  Record *r = data;
  Beginning *b;

  g_mutex_lock (&r->lock);
  b = g_hash_table_lookup (r->open, file);
  if (b)
    g_queue_push_tail (&r->told, r->options->json ? segment_json (r, file, b->utc, duration) : g_strdup (file));
  g_hash_table_remove (r->open, file);
  g_mutex_unlock (&r->lock);
  if (r->options->format != SIDECAR_NONE)
    sidecars_end (r->sidecars, file, duration);
}

/* After their subtitle files are written. */
static void
print_segments (Record *r)
{
  gboolean printed = TRUE;
  char *line;

  g_mutex_lock (&r->lock);
  while ((line = g_queue_pop_head (&r->told))) {
    g_mutex_unlock (&r->lock);
    printed = printed && puts (line) >= 0 && fflush (stdout) == 0;
    g_free (line);
    g_mutex_lock (&r->lock);
  }
  g_mutex_unlock (&r->lock);
  if (printed)
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
  g_autofree char *told = cli_harmless (why ? why : ""), *input = cli_harmless (r->options->intake.name);

  if (state == INTAKE_FAILED || (!r->options->quiet && state != INTAKE_CONNECTING && state != INTAKE_ENDED))
    fprintf (stderr, "bitmar record: %s: %s%s%s%s\n", input, names[state], why ? " (" : "", told, why ? ")" : "");
  if (state == INTAKE_ENDED || state == INTAKE_FAILED)
    quit_for (r, state == INTAKE_ENDED ? CLI_OK : CLI_SKIPPED);
}

/* The same is told once, until it works again. */
static void
flush_sidecars (Record *r)
{
  g_autofree char *why = NULL;
  GError *error = NULL;

  if (r->options->format == SIDECAR_NONE)
    return;
  if (!sidecars_flush (r->sidecars, &error))
    why = g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC) ? record_disk_explain_errno (r->options->folder, ENOSPC) : g_strdup (error->message);
  if (why && g_strcmp0 (why, r->complaint) != 0)
    fprintf (stderr, "bitmar record: subtitle files: %s\n", why);
  g_free (r->complaint);
  r->complaint = g_steal_pointer (&why);
  g_clear_error (&error);
}

/* ---- Pipeline ---------------------------------------------------------------------------------------- */

static gint64
utc_of (GstElement *element, GstClockTimeDiff running_time)
{
  GstClock *clock = gst_element_get_clock (element);
  gint64 now = g_get_real_time () * 1000;

  /* In front of its time, a file is as if it began when it was opened. */
  if (clock)
    now -= (GstClockTimeDiff) (gst_clock_get_time (clock) - gst_element_get_base_time (element)) - running_time;
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
    g_autofree char *base = g_strdup_printf ("%s-%s.%03uZ%s.%s", r->options->intake.name, date, (guint) (utc / GST_MSECOND % 1000), more,
        r->options->mp4 ? "mp4" : "mkv");

    path = g_build_filename (r->options->folder, base, NULL);
    /* Nothing that is there is written over. */
    if (g_file_test (path, G_FILE_TEST_EXISTS))
      g_clear_pointer (&path, g_free);
  }
  return path;
}

static char *
name_segment (GstClockTimeDiff start, gpointer data)
{
  Record *r = data;
  Beginning *b = g_new0 (Beginning, 1);
  char *path;

  b->utc = utc_of (r->bin, start);
  path = make_path (r, b->utc);
  g_mutex_lock (&r->lock);
  g_hash_table_replace (r->open, g_strdup (path), b);
  g_mutex_unlock (&r->lock);
  if (r->options->format != SIDECAR_NONE)
    sidecars_cut (r->sidecars, path, start);
  return path;
}

static void
drop_segment (const char *file, gpointer data)
{
  Record *r = data;

  g_mutex_lock (&r->lock);
  g_hash_table_remove (r->open, file);
  g_mutex_unlock (&r->lock);
  if (r->options->format != SIDECAR_NONE)
    sidecars_drop (r->sidecars, file);
}

/* A disk that is slower than the reading of a file holds it up; a camera can't be held up. */
static void
wait_for_disk (Record *r)
{
  while (r->is_file && segmenter_get_level (r->segmenter) > MAX_FILE_LEVEL)
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
say (Record *r, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
{
  segmenter_push_text (r->segmenter, text, start, end);
  if (text && r->options->format != SIDECAR_NONE)
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
  static const SegmenterFuncs funcs = { .name = name_segment, .closed = close_segment, .dropped = drop_segment };
  Record *r = data;
  GstElement *video = gst_bin_get_by_name (GST_BIN (bin), "v"), *text = gst_bin_get_by_name (GST_BIN (bin), "t");
  GstPad *pad = gst_element_get_static_pad (text, "sink");
  Segmenter *segmenter = segmenter_new (r->options->mp4, r->options->length, &funcs, r);

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

/* (transfer full) NULL: it goes on. */
static char *
look_at_disk (Record *r)
{
  Segmenter *segmenter = get_segmenter (r);
  char *why = segmenter ? segmenter_poll (segmenter) : NULL;

  if (segmenter && !why && !r->is_file && segmenter_get_level (segmenter) > MAX_CAMERA_LEVEL)
    why = g_strdup_printf ("the disk is too slow: %d MiB wait to be written to %s", MAX_CAMERA_LEVEL >> 20, r->options->folder);
  return why;
}

static void
tick (gpointer data)
{
  Record *r = data;
  g_autofree char *why = look_at_disk (r);

  flush_sidecars (r);
  print_segments (r);
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
  print_segments (r);
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

/* So that no camera is asked for what can't be kept. */
static char *
find_obstacle (gpointer data)
{
  Record *r = data;

  return record_disk_try (r->options->folder);
}

/* ---- All of it --------------------------------------------------------------------------------------- */

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

int
record_run (const RecordOptions *options)
{
  static const IntakeFuncs funcs = { .describe = describe, .prepare = prepare, .message = handle_message, .tick = tick, .over = over,
    .state = state_changed, .obstacle = find_obstacle };
  Record r = { .options = options, .is_file = source_is_file (options->intake.input) };
  Intake *intake;

  g_mutex_init (&r.lock);
  r.loop = g_main_loop_new (NULL, FALSE);
  r.sidecars = sidecars_new (options->format);
  r.open = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_unix_signal_add (SIGINT, interrupted, &r);
  g_unix_signal_add (SIGTERM, terminated, &r);
  intake = intake_new (&options->intake, &funcs, &r);
  g_main_loop_run (r.loop);
  intake_free (intake);
  sidecars_free (r.sidecars);
  g_hash_table_unref (r.open);
  g_main_loop_unref (r.loop);
  g_mutex_clear (&r.lock);
  g_free (r.complaint);
  return r.status;
}
