/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "intake-pipeline.h"

#include <string.h>

#include "source.h"

/* A decoder that is too slow for the camera costs looks, and not the video. */
#define LIVE_QUEUE "queue max-size-buffers=0 max-size-bytes=33554432 max-size-time=5000000000 leaky=downstream"

struct _IntakePipeline {
  const IntakeOptions *options;
  const IntakeFuncs *funcs;
  gpointer user_data;
  gboolean is_file;
  GstElement *pipeline, *source;
  GMutex lock;
  GstElement *tail;            /* with the lock: NULL until there is video; the pipeline has it */
  guint64 frames;              /* with the lock */
};

/* ---- What can be done with it ------------------------------------------------------------------------ */

static const char *
find_encoder (void)
{
  static const struct {
    const char *name, *line;
  } encoders[] = {
    { "x264enc", "x264enc tune=zerolatency speed-preset=veryfast key-int-max=50" },
    { "openh264enc", "openh264enc gop-size=50 complexity=low bitrate=2000000" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++) {
    GstElementFactory *factory = gst_element_factory_find (encoders[i].name);

    if (factory) {
      gst_object_unref (factory);
      return encoders[i].line;
    }
  }
  return NULL;
}

/* In the form that muxers and payloaders take; frames are whole, and what a decoder needs to begin is in the caps. */
static const char *
find_parser (const char *type)
{
  static const struct {
    const char *type, *line;
  } parsers[] = {
    { "video/x-h264", "h264parse config-interval=-1 ! video/x-h264,stream-format=avc,alignment=au" },
    { "video/x-h265", "h265parse config-interval=-1 ! video/x-h265,stream-format=hvc1,alignment=au" },
    { "image/jpeg", "jpegparse" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (parsers); i++)
    if (g_str_equal (type, parsers[i].type))
      return parsers[i].line;
  return "identity";
}

static gboolean
opens (GstElementFactory *factory)
{
  GstElement *decoder = gst_object_ref_sink (gst_element_factory_create (factory, NULL));
  gboolean ready = gst_element_set_state (decoder, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;

  gst_element_set_state (decoder, GST_STATE_NULL);
  gst_object_unref (decoder);
  return ready;
}

/* The one of the highest rank that opens: of those for hardware, many don't. A decodebin would hold up the state of what stands beside it.
 * (transfer full) NULL: there is none. */
static char *
find_decoder (const GstCaps *caps)
{
  GList *all = gst_element_factory_list_get_elements (GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO
      | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE, GST_RANK_MARGINAL);
  GList *fitting = gst_element_factory_list_filter (all, caps, GST_PAD_SINK, FALSE);
  char *name = NULL;

  fitting = g_list_sort (fitting, gst_plugin_feature_rank_compare_func);
  for (GList *l = fitting; l && !name; l = l->next)
    if (opens (l->data))
      name = g_strdup (GST_OBJECT_NAME (l->data));
  gst_plugin_feature_list_free (fitting);
  gst_plugin_feature_list_free (all);
  return name;
}

static gboolean
is_raw (const GstCaps *caps)
{
  return gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw");
}

static gboolean
is_live (IntakePipeline *p)
{
  return !p->is_file || p->options->paced;
}

static const char *
describe_pace (IntakePipeline *p)
{
  return p->is_file && p->options->paced ? "clocksync" : "identity";
}

/* What came goes on as it is. */
static char *
describe_passed (IntakePipeline *p, const GstCaps *caps)
{
  g_autofree char *decoder = find_decoder (caps);

  return decoder ? g_strdup_printf ("%s name=first ! %s ! tee name=tee  tee. ! %s ! %s ! videoconvert ! bitmarcaptionbin name=c overlay=false ! "
          "fakesink sync=false async=false  tee. ! queue name=video", describe_pace (p),
          find_parser (gst_structure_get_name (gst_caps_get_structure (caps, 0))), is_live (p) ? LIVE_QUEUE : "queue", decoder) : NULL;
}

static char *
describe_encoded (IntakePipeline *p)
{
  const char *encoder = find_encoder ();

  return encoder ? g_strdup_printf ("%s name=first ! videoconvert ! bitmarcaptionbin name=c overlay=%s ! queue ! videoconvert ! "
          "video/x-raw,format=I420 ! %s ! h264parse config-interval=-1 ! video/x-h264,stream-format=avc,alignment=au ! queue name=video",
          describe_pace (p), p->options->burn_in ? "true" : "false", encoder) : NULL;
}

/* (transfer full) NULL: why says why. */
static char *
describe (IntakePipeline *p, const GstCaps *caps, const char **why)
{
  g_autofree char *head = is_raw (caps) ? describe_encoded (p) : describe_passed (p, caps), *tail = NULL;
  g_autoptr (GstCaps) encoded = NULL;

  *why = is_raw (caps) ? "its video has to be encoded, and there is no encoder: install gstreamer1.0-plugins-ugly (x264enc) or "
      "gstreamer1.0-plugins-bad (openh264enc)" : "there is no decoder for its video: install gstreamer1.0-libav";
  if (!head)
    return NULL;
  encoded = is_raw (caps) ? gst_caps_new_empty_simple ("video/x-h264") : gst_caps_copy (caps);
  tail = p->funcs->describe (encoded, p->user_data);
  return g_strconcat (head, "  ", tail, NULL);
}

/* ---- Video has come ---------------------------------------------------------------------------------- */

static void
fail (IntakePipeline *p, const char *why)
{
  GstStructure *s = gst_structure_new ("bitmar-intake", "why", G_TYPE_STRING, why, NULL);

  gst_element_post_message (p->pipeline, gst_message_new_application (GST_OBJECT (p->pipeline), s));
}

static GstPadProbeReturn
count (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  IntakePipeline *p = data;

  g_mutex_lock (&p->lock);
  p->frames++;
  g_mutex_unlock (&p->lock);
  return GST_PAD_PROBE_OK;
}

static void
configure (IntakePipeline *p, GstElement *tail)
{
  const IntakeOptions *o = p->options;
  GstElement *caption = gst_bin_get_by_name (GST_BIN (tail), "c");

  if (o->model_path)
    g_object_set (caption, "model-path", o->model_path, NULL);
  g_object_set (caption, "stream-id", o->name, "prompt", o->prompt, "alerts", o->alerts, NULL);
  if (o->paced)
    gst_util_set_object_arg (G_OBJECT (caption), "mode", "live");
  if (o->min_confidence >= 0)
    g_object_set (caption, "min-confidence", o->min_confidence, NULL);
  if (o->interval > 0)
    g_object_set (caption, "max-rate", 1000, (gint) (o->interval * 1000 + 0.5), NULL);
  gst_object_unref (caption);
}

static GstElement *
build (IntakePipeline *p, const GstCaps *caps)
{
  const char *why;
  g_autofree char *line = describe (p, caps, &why);
  GError *error = NULL;
  GstElement *tail, *first;
  GstPad *pad;

  if (!line) {
    fail (p, why);
    return NULL;
  }
  GST_INFO ("%s: %s", p->options->name, line);
  tail = gst_parse_bin_from_description_full (line, FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!tail) {
    fail (p, error->message);
    g_error_free (error);
    return NULL;
  }
  first = gst_bin_get_by_name (GST_BIN (tail), "first");
  pad = gst_element_get_static_pad (first, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, p, NULL);
  gst_element_add_pad (tail, gst_ghost_pad_new ("sink", pad));
  gst_object_unref (pad);
  gst_object_unref (first);
  configure (p, tail);
  return tail;
}

static gboolean
is_video (const GstCaps *caps)
{
  const char *name = gst_caps_get_size (caps) > 0 ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : "";

  return g_str_has_prefix (name, "video/") || g_str_equal (name, "image/jpeg");
}

/* The first video is the one. */
static void
pad_added (GstElement *source, GstPad *pad, gpointer data)
{
  IntakePipeline *p = data;
  GstCaps *caps = gst_pad_get_current_caps (pad);
  GstElement *tail = NULL;
  GstPad *sink;

  if (!caps)
    caps = gst_pad_query_caps (pad, NULL);
  g_mutex_lock (&p->lock);
  if (!p->tail && is_video (caps))
    p->tail = tail = build (p, caps);
  g_mutex_unlock (&p->lock);
  gst_caps_unref (caps);
  if (!tail)
    return;
  p->funcs->prepare (tail, p->user_data);
  gst_bin_add (GST_BIN (p->pipeline), tail);
  gst_element_sync_state_with_parent (tail);
  sink = gst_element_get_static_pad (tail, "sink");
  gst_pad_link (pad, sink);
  gst_object_unref (sink);
}

static void
no_more_pads (GstElement *source, gpointer data)
{
  IntakePipeline *p = data;
  gboolean none;

  g_mutex_lock (&p->lock);
  none = p->tail == NULL;
  g_mutex_unlock (&p->lock);
  if (none)
    fail (p, "there is no video in it");
}

/* ---- For the intake ---------------------------------------------------------------------------------- */

IntakePipeline *
intake_pipeline_new (const IntakeOptions *options, const IntakeFuncs *funcs, gpointer user_data, gboolean is_file, GError **error)
{
  IntakePipeline *p = g_new0 (IntakePipeline, 1);
  g_autofree char *caps = g_strconcat (options->burn_in ? "" : options->pass, options->burn_in ? "" : "; ", "video/x-raw(ANY)", NULL);
  GstClock *clock = gst_system_clock_obtain ();

  p->options = options;
  p->funcs = funcs;
  p->user_data = user_data;
  p->is_file = is_file;
  g_mutex_init (&p->lock);
  p->pipeline = gst_pipeline_new (options->name);
  /* All that is made of one source or another agrees on the time. */
  gst_pipeline_use_clock (GST_PIPELINE (p->pipeline), clock);
  gst_object_unref (clock);
  p->source = source_open (p->pipeline, options->input, gst_uri_is_valid (options->input), caps, error);
  if (!p->source) {
    intake_pipeline_free (p);
    return NULL;
  }
  g_object_set (p->source, "async-handling", TRUE, NULL);
  g_signal_connect (p->source, "pad-added", G_CALLBACK (pad_added), p);
  g_signal_connect (p->source, "no-more-pads", G_CALLBACK (no_more_pads), p);
  return p;
}

void
intake_pipeline_free (IntakePipeline *p)
{
  gst_element_set_state (p->pipeline, GST_STATE_NULL);
  gst_object_unref (p->pipeline);
  g_mutex_clear (&p->lock);
  g_free (p);
}

GstBus *
intake_pipeline_get_bus (IntakePipeline *p)
{
  return gst_element_get_bus (p->pipeline);
}

void
intake_pipeline_play (IntakePipeline *p)
{
  gst_element_set_state (p->pipeline, GST_STATE_PLAYING);
}

guint64
intake_pipeline_count_frames (IntakePipeline *p)
{
  guint64 frames;

  g_mutex_lock (&p->lock);
  frames = p->frames;
  g_mutex_unlock (&p->lock);
  return frames;
}

gboolean
intake_pipeline_has_video (IntakePipeline *p)
{
  gboolean has;

  g_mutex_lock (&p->lock);
  has = p->tail != NULL;
  g_mutex_unlock (&p->lock);
  return has;
}

void
intake_pipeline_recalculate (IntakePipeline *p)
{
  gst_bin_recalculate_latency (GST_BIN (p->pipeline));
}

/* Whoever pushes next is told that it is over. */
static GstPadProbeReturn
end_here (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstPad *peer = gst_pad_get_peer (pad);

  if (peer)
    gst_pad_send_event (peer, gst_event_new_eos ());
  gst_clear_object (&peer);
  return GST_PAD_PROBE_REMOVE;
}

gboolean
intake_pipeline_end (IntakePipeline *p)
{
  GstElement *tail;
  GstPad *sink, *peer;

  g_mutex_lock (&p->lock);
  tail = p->tail && p->frames > 0 ? gst_object_ref (p->tail) : NULL;
  g_mutex_unlock (&p->lock);
  if (!tail)
    return FALSE;
  sink = gst_element_get_static_pad (tail, "sink");
  peer = gst_pad_get_peer (sink);
  if (peer)
    gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_IDLE, end_here, NULL, NULL);
  gst_clear_object (&peer);
  gst_object_unref (sink);
  gst_object_unref (tail);
  return TRUE;
}

gboolean
intake_pipeline_is_source (IntakePipeline *p, GstObject *from)
{
  return from == GST_OBJECT (p->source) || gst_object_has_as_ancestor (from, GST_OBJECT (p->source));
}
