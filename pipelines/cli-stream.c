/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Videos, cameras and addresses: the elements caption them, their messages are printed. */

#include <math.h>
#include <string.h>

#include "cli.h"

/* A file from which nothing comes for this long never will: 1.22's demuxer for animated GIF, for one, reads its end for ever. */
#define STALL_US (30 * G_USEC_PER_SEC)
/* A camera behind RTSP that is silent for this long is gone; one that is asked anew may take longer to find its next key frame. */
#define LOST_US (10 * G_USEC_PER_SEC)
#define FIRST_FRAME_US (20 * G_USEC_PER_SEC)
/* Captions shall be back 5 seconds after the stream. */
#define SHORTEST_PAUSE_US (G_USEC_PER_SEC / 4)
#define LONGEST_PAUSE_US G_USEC_PER_SEC

typedef struct {
  Cli *cli;
  const char *input;
  gboolean is_uri;
  GstElement *pipeline, *first;
  GstElement *source;          /* what stands before `first`; replaced when a camera is asked anew */
  gboolean linked, failed, ended, captioned;
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

/* The first video stream; the rest is not decoded. */
static void
pad_added (GstElement *source, GstPad *pad, gpointer data)
{
  Stream *s = data;
  GstPad *sink = gst_element_get_static_pad (s->first, "sink");
  GstCaps *caps = gst_pad_query_caps (pad, NULL);
  const char *name = gst_caps_get_size (caps) > 0 ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : "";

  if (!gst_pad_is_linked (sink) && g_str_has_prefix (name, "video/"))
    s->linked |= gst_pad_link (pad, sink) == GST_PAD_LINK_OK;
  gst_caps_unref (caps);
  gst_object_unref (sink);
}

static void
no_more_pads (GstElement *source, gpointer data)
{
  Stream *s = data;

  if (!s->linked)
    gst_element_post_message (s->pipeline, gst_message_new_application (GST_OBJECT (s->pipeline),
            gst_structure_new_empty ("no-video")));
}

static gboolean
is_camera_address (Stream *s)
{
  return s->is_uri && g_ascii_strncasecmp (s->input, "rtsp", 4) == 0;
}

/* rtspsrc's own two seconds are for the internet. What is late is dropped, so that captions stay near the picture. */
static void
source_setup (GstElement *decoder, GstElement *source, gpointer data)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (source);

  if (g_object_class_find_property (klass, "latency") && g_object_class_find_property (klass, "drop-on-latency"))
    g_object_set (source, "latency", 200, "drop-on-latency", TRUE, NULL);
}

static char *
to_uri (const char *input, gboolean is_uri, GError **error)
{
  return is_uri ? g_strdup (input) : gst_filename_to_uri (input, error);
}

gboolean
cli_is_camera (const char *path)
{
  return g_str_has_prefix (path, "/dev/video") || g_str_has_prefix (path, "/dev/v4l/");
}

/* A camera's frames come as JPEG or raw; decodebin takes either. */
static gboolean
add_camera (Stream *s, const char *device, GError **error)
{
  GstElement *camera = gst_element_factory_make ("v4l2src", NULL), *decode = gst_element_factory_make ("decodebin", NULL);

  if (!camera || !decode) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "the element v4l2src is missing (gst-plugins-good)");
    gst_clear_object (&camera);
    gst_clear_object (&decode);
    return FALSE;
  }
  g_object_set (camera, "device", device, NULL);
  gst_bin_add_many (GST_BIN (s->pipeline), camera, decode, NULL);
  g_signal_connect (decode, "pad-added", G_CALLBACK (pad_added), s);
  return gst_element_link (camera, decode);
}

static gboolean
add_uri (Stream *s, GError **error)
{
  GstElement *source = gst_element_factory_make ("uridecodebin", NULL);
  char *uri = to_uri (s->input, s->is_uri, error);
  GstCaps *video;

  if (!uri || !source) {
    if (uri)
      g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "the element uridecodebin is missing");
    g_free (uri);
    gst_clear_object (&source);
    return FALSE;
  }
  video = gst_caps_from_string ("video/x-raw(ANY)");
  g_object_set (source, "uri", uri, "caps", video, "expose-all-streams", FALSE, NULL);
  gst_caps_unref (video);
  g_free (uri);
  gst_bin_add (GST_BIN (s->pipeline), source);
  s->source = source;
  /* It comes and goes while the pipeline plays, and gets there by itself. */
  g_object_set (source, "async-handling", is_camera_address (s), NULL);
  g_signal_connect (source, "pad-added", G_CALLBACK (pad_added), s);
  g_signal_connect (source, "no-more-pads", G_CALLBACK (no_more_pads), s);
  g_signal_connect (source, "source-setup", G_CALLBACK (source_setup), s);
  return TRUE;
}

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
build (Stream *s, GError **error)
{
  GstElement *tail = gst_parse_bin_from_description_full ("videoconvert ! bitmarencode name=e ! bitmarmemory name=m ! "
      "bitmarcaption name=c ! fakesink sync=false async=false", FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  const char *device = s->input;
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
  if (g_str_has_prefix (device, "v4l2://"))
    device += strlen ("v4l2://");
  if (cli_is_camera (device))
    return add_camera (s, device, error);
  return add_uri (s, error);
}

/* ---- A camera that went away ------------------------------------------------------------------------ */

/* A recording has an end, and a wrong address is told at once; a camera that has been there is waited for. */
static gboolean
comes_back (Stream *s)
{
  gint64 duration;

  return is_camera_address (s) && s->frames > 0
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
  if (add_uri (s, &error)) {
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
    if (now - s->moved_us > LOST_US && comes_back (s))
      lose (s);
  } else if (is_camera_address (s) && now - s->moved_us > FIRST_FRAME_US) {
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
  else if (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) && !s->linked)
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
  GstStructure *stats;
  guint64 frames;

  g_object_get (encode, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "frames-in", &frames);
  gst_structure_free (stats);
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
