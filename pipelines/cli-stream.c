/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Videos, cameras and addresses: the elements caption them, their messages are printed. */

#include <math.h>
#include <string.h>

#include "cli.h"
#include "source.h"

/* A file from which nothing comes for this long never will: 1.22's demuxer for animated GIF, for one, reads its end for ever. */
#define STALL_US (30 * G_USEC_PER_SEC)
/* Captions shall be back 5 seconds after the stream. */
#define SHORTEST_PAUSE_US (G_USEC_PER_SEC / 4)
#define LONGEST_PAUSE_US G_USEC_PER_SEC

typedef struct {
  Cli *cli;
  const char *input;
  gboolean is_uri;
  GstElement *pipeline, *first;
  GstElement *source;          /* what stands before `first`; replaced when a camera is asked anew */
  gboolean failed, ended, captioned;
  char *missing;               /* a decoder that is not installed */
  gboolean live;
  guint64 frames;              /* that came so far */
  guint64 frames_before;       /* that came before the source was asked anew */
  gint64 moved_us;             /* when one came last, or the source was asked anew */
  gint64 lost_us;              /* since when nothing comes, 0: all is well */
  gint64 retry_us;             /* when the source is asked anew, 0: it was */
  gint64 pause_us;             /* how long until then */
} Stream;

/* ---- Pipeline ------------------------------------------------------------------------------------ */

static void
configure (Stream *s)
{
  Cli *cli = s->cli;
  GstElement *encode = gst_bin_get_by_name (GST_BIN (s->pipeline), "e");
  GstElement *memory = gst_bin_get_by_name (GST_BIN (s->pipeline), "m");
  GstElement *caption = gst_bin_get_by_name (GST_BIN (s->pipeline), "c");

  g_object_set (encode, "model-path", cli->model_path, NULL);
  g_object_set (memory, "model-path", cli->model_path, NULL);
  g_object_set (caption, "model-path", cli->model_path, "prompt", cli->prompt, "beam-size", cli->beam,
      "max-tokens", cli->max_tokens, NULL);
  if (cli->min_confidence != CLI_UNSET)
    g_object_set (caption, "min-confidence", cli->min_confidence, NULL);
  if (cli->interval > 0)
    g_object_set (encode, "max-rate", 1000, (gint) CLAMP (round (cli->interval * 1000), 1, G_MAXINT), NULL);
  gst_object_unref (encode);
  gst_object_unref (memory);
  gst_object_unref (caption);
}

static gboolean
add_source (Stream *s, GError **error)
{
  s->source = source_add (s->pipeline, s->first, s->input, s->is_uri, error);
  return s->source != NULL;
}

static gboolean
build (Stream *s, GError **error)
{
  GstElement *tail = gst_parse_bin_from_description_full ("videoconvert ! bitmarencode name=e ! bitmarmemory name=m ! "
      "bitmarcaption name=c ! fakesink sync=false async=false", FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstPad *pad;

  if (!tail)
    return FALSE;
  s->pipeline = gst_pipeline_new (NULL);
  gst_bin_add (GST_BIN (s->pipeline), tail);
  s->first = tail;
  pad = gst_bin_find_unlinked_pad (GST_BIN (tail), GST_PAD_SINK);
  gst_element_add_pad (tail, gst_ghost_pad_new ("sink", pad));
  gst_object_unref (pad);
  configure (s);
  return add_source (s, error);
}

/* ---- A camera that went away ------------------------------------------------------------------------ */

static gboolean
is_rtsp (Stream *s)
{
  return s->is_uri && source_is_rtsp (s->input);
}

/* A recording has an end, and a wrong address is told at once; a camera that has been there is waited for. */
static gboolean
comes_back (Stream *s)
{
  gint64 duration;

  return is_rtsp (s) && s->frames > 0
      && (!gst_element_query_duration (s->pipeline, GST_FORMAT_TIME, &duration) || duration <= 0);
}

/* What was seen before the outage is not what is seen after it: the elements forget the scene and keep their memory. */
static void
lose (Stream *s)
{
  GstPad *sink = gst_element_get_static_pad (s->first, "sink");

  if (s->lost_us == 0) {
    s->lost_us = g_get_monotonic_time ();
    s->pause_us = SHORTEST_PAUSE_US;
    cli_note (s->cli, s->input, s->frames > 0 ? "the stream has stopped; asking for it until it is back"
        : "no frame comes; asking for the stream until one does");
  }
  gst_pad_send_event (sink, gst_event_new_flush_start ());
  if (s->source) {
    gst_element_set_state (s->source, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (s->pipeline), s->source);
    s->source = NULL;
  }
  gst_pad_send_event (sink, gst_event_new_flush_stop (FALSE));
  gst_object_unref (sink);
  s->retry_us = g_get_monotonic_time () + s->pause_us;
  s->pause_us = MIN (2 * s->pause_us, LONGEST_PAUSE_US);
}

static void
ask_anew (Stream *s)
{
  GError *error = NULL;

  s->retry_us = 0;
  s->moved_us = g_get_monotonic_time ();
  s->frames_before = s->frames;
  if (add_source (s, &error)) {
    gst_element_set_state (s->source, GST_STATE_PLAYING);
    return;
  }
  cli_skip (s->cli, s->input, "%s", error->message);
  g_error_free (error);
  s->failed = TRUE;
}

static void
watch_outage (Stream *s)
{
  gint64 now = g_get_monotonic_time ();

  if (s->retry_us > 0) {
    if (now >= s->retry_us)
      ask_anew (s);
  } else if (s->frames > s->frames_before) {
    if (s->lost_us > 0)
      cli_note (s->cli, s->input, "the stream is back after %.1f seconds", (double) (now - s->lost_us) / G_USEC_PER_SEC);
    s->lost_us = 0;
    if (now - s->moved_us > SOURCE_LOST_US && comes_back (s))
      lose (s);
  } else if (is_rtsp (s) && now - s->moved_us > SOURCE_FIRST_FRAME_US) {
    lose (s);
  }
}

/* ---- Run ----------------------------------------------------------------------------------------- */

static void
print (Stream *s, const GstStructure *fields)
{
  CliLine line = { .input = s->input, .is_uri = s->is_uri, .novelty = 1, .slot = -1, .tokens = -1 };

  if (!gst_structure_get (fields, "pts", G_TYPE_UINT64, &line.pts, "confidence", G_TYPE_DOUBLE, &line.confidence,
          "novelty", G_TYPE_DOUBLE, &line.novelty, "slot", G_TYPE_INT, &line.slot, NULL))
    return;
  line.text = gst_structure_get_string (fields, "text");
  cli_print_caption (s->cli, &line);
  s->captioned = TRUE;
}

static gboolean
is_linked (Stream *s)
{
  GstPad *sink = gst_element_get_static_pad (s->first, "sink");
  gboolean linked = gst_pad_is_linked (sink);

  gst_object_unref (sink);
  return linked;
}

static void
fail (Stream *s, GstMessage *message)
{
  GError *error;
  char *debug;

  gst_message_parse_error (message, &error, &debug);
  /* The first one is the cause, what follows is "internal data stream error". */
  if (s->failed)
    GST_INFO ("%s", error->message);
  else if (s->missing)
    cli_skip (s->cli, s->input, "a plug-in is missing: %s", s->missing);
  /* Streams that are not video count as missing, too, when there is nothing else. */
  else if (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) && !is_linked (s))
    cli_skip (s->cli, s->input, "there is no video in it");
  else
    cli_skip (s->cli, s->input, "%s", error->message);
  GST_INFO ("%s", debug);
  s->failed = TRUE;
  g_error_free (error);
  g_free (debug);
}

/* What follows from a source that was taken out is no news. */
static void
handle_error (Stream *s, GstMessage *message)
{
  GstObject *from = GST_MESSAGE_SRC (message);
  gboolean ours = gst_object_has_as_ancestor (from, GST_OBJECT (s->first));

  if (ours || (s->lost_us == 0 && !comes_back (s)))
    fail (s, message);
  else if (s->source && gst_object_has_as_ancestor (from, GST_OBJECT (s->source)))
    lose (s);
}

static void
handle_element (Stream *s, const GstStructure *fields)
{
  if (gst_structure_has_name (fields, "bitmar-caption")) {
    print (s, fields);
  } else if (gst_structure_has_name (fields, "missing-plugin") && !s->missing) {
    s->missing = g_strdup (gst_structure_get_string (fields, "name"));
  }
}

static void
handle (Stream *s, GstMessage *message)
{
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      handle_element (s, gst_message_get_structure (message));
      break;
    case GST_MESSAGE_APPLICATION:
      if (s->lost_us > 0)
        break;
      cli_skip (s->cli, s->input, "there is no video in it");
      s->failed = TRUE;
      break;
    case GST_MESSAGE_ERROR:
      handle_error (s, message);
      break;
    case GST_MESSAGE_EOS:
      if (s->lost_us == 0 && !comes_back (s))
        s->ended = TRUE;
      else if (s->source)
        lose (s);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (s->pipeline));
      break;
    default:
      break;
  }
}

static void
show_progress (Stream *s)
{
  gint64 position, duration;
  char *text;

  if (!gst_element_query_position (s->pipeline, GST_FORMAT_TIME, &position)
      || !gst_element_query_duration (s->pipeline, GST_FORMAT_TIME, &duration) || duration <= 0)
    return;
  text = g_strdup_printf ("%s: %d %%", s->input, (gint) (100 * position / duration));
  cli_progress (s->cli, text);
  g_free (text);
}

/* What was said before the interruption is printed. */
static void
drain (Stream *s, GstBus *bus)
{
  GstMessage *message;

  while (s->cli->status == CLI_INTERRUPTED && (message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    handle (s, message);
    gst_message_unref (message);
  }
}

static void
watch_stall (Stream *s)
{
  GstElement *encode = gst_bin_get_by_name (GST_BIN (s->pipeline), "e");
  guint64 frames = source_count_frames (encode);

  gst_object_unref (encode);
  if (frames != s->frames || s->moved_us == 0)
    s->moved_us = g_get_monotonic_time ();
  s->frames = frames;
  watch_outage (s);
  if (!s->live && g_get_monotonic_time () - s->moved_us > STALL_US) {
    cli_skip (s->cli, s->input, "no frame has come for %d seconds", (gint) (STALL_US / G_USEC_PER_SEC));
    s->failed = TRUE;
  }
}

/* How many captions the model doubted too much. */
static guint64
kept_back (Stream *s)
{
  GstElement *caption = gst_bin_get_by_name (GST_BIN (s->pipeline), "c");
  GstStructure *stats;
  guint64 n = 0;

  g_object_get (caption, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "unsure", &n);
  gst_structure_free (stats);
  gst_object_unref (caption);
  return n;
}

static void
run (Stream *s)
{
  GstBus *bus = gst_element_get_bus (s->pipeline);
  gint64 next = 0;

  while (!s->failed && !s->ended && !s->cli->stop) {
    GstMessage *message = gst_bus_timed_pop (bus, 100 * GST_MSECOND);

    if (message) {
      handle (s, message);
      gst_message_unref (message);
    }
    if (g_get_monotonic_time () >= next) {
      show_progress (s);
      watch_stall (s);
      next = g_get_monotonic_time () + G_USEC_PER_SEC / 4;
    }
    g_main_context_iteration (NULL, FALSE);
  }
  drain (s, bus);
  if (s->ended && !s->captioned && !s->cli->stop) {
    guint64 unsure = kept_back (s);

    if (unsure > 0)
      cli_note (s->cli, s->input, "nothing to say that the model is sure enough of; --min-confidence 0 shows the %" G_GUINT64_FORMAT
          " captions it kept back", unsure);
    else
      cli_skip (s->cli, s->input, "no frame of it could be decoded");
  }
  gst_object_unref (bus);
}

void
cli_stream_caption (Cli *cli, const char *input, gboolean is_uri)
{
  Stream s = { .cli = cli, .input = input, .is_uri = is_uri };
  GError *error = NULL;

  if (!build (&s, &error)) {
    cli_skip (cli, input, "%s", error ? error->message : "no pipeline can be made for it");
    g_clear_error (&error);
  } else {
    /* An address may take its time; whoever asked for it interrupts. */
    s.live = is_uri || gst_element_set_state (s.pipeline, GST_STATE_PAUSED) == GST_STATE_CHANGE_NO_PREROLL;
    gst_element_set_state (s.pipeline, GST_STATE_PLAYING);
    run (&s);
    gst_element_set_state (s.pipeline, GST_STATE_NULL);
  }
  cli_progress_end (cli);
  gst_clear_object (&s.pipeline);
  g_free (s.missing);
}
