/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmarcaptionbin
 * @title: bitmarcaptionbin
 * @see_also: bitmarencode, bitmarmemory, bitmarcaption
 *
 * bitmarencode, bitmarmemory and bitmarcaption in a row, and a textoverlay (the child named `overlay`) that draws the captions
 * on the video. It has the properties of the three; `text_src` and `json_src` are bitmarcaption's.
 *
 * On a live stream the video never waits for text; otherwise it does, so that a file is captioned the same way every time.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 uridecodebin uri=file:///clip.mp4 ! videoconvert ! bitmarcaptionbin ! videoconvert ! autovideosink
 * ]|
 */

#include "gstbitmarcaptionbin.h"

#include "bitmar-gstvideo.h"
#include "ghostprops.h"
#include "gstbitmarcaption.h"
#include "gstbitmarencode.h"
#include "gstbitmarmemory.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_caption_bin_debug);
#define GST_CAT_DEFAULT bitmar_caption_bin_debug

enum { ENCODE, MEMORY, CAPTION, N_STAGES };

struct _GstBitmarCaptionBin {
  GstBin parent;

  GstElement *stages[N_STAGES], *queue, *overlay;
  gint drawn;                  /* atomic: captions are */
};

enum { PROP_0, PROP_OVERLAY, PROP_STATS, PROP_OF_CHILDREN };

G_DEFINE_FINAL_TYPE (GstBitmarCaptionBin, gst_bitmar_caption_bin, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE (bitmarcaptionbin, "bitmarcaptionbin", GST_RANK_NONE, GST_TYPE_BITMAR_CAPTION_BIN)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (BITMAR_VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (BITMAR_VIDEO_CAPS));
static GstStaticPadTemplate text_template = GST_STATIC_PAD_TEMPLATE ("text_src", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format = (string) { utf8, pango-markup }"));
static GstStaticPadTemplate json_template = GST_STATIC_PAD_TEMPLATE ("json_src", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("application/x-json"));

/* ---- Pads ---------------------------------------------------------------------------------------- */

static GstPad *
request_new_pad (GstElement *element, GstPadTemplate *template, const char *name, const GstCaps *caps)
{
  GstBitmarCaptionBin *self = GST_BITMAR_CAPTION_BIN (element);
  const char *kind = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
  GstPad *target = gst_element_request_pad_simple (self->stages[CAPTION], kind);
  GstPad *ghost;

  if (!target)
    return NULL;
  ghost = gst_ghost_pad_new_from_template (kind, target, template);
  gst_object_unref (target);
  if (GST_STATE (element) > GST_STATE_READY)
    gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (element, ghost);
  return ghost;
}

static void
release_pad (GstElement *element, GstPad *pad)
{
  GstBitmarCaptionBin *self = GST_BITMAR_CAPTION_BIN (element);
  GstPad *target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  if (target) {
    gst_element_release_request_pad (self->stages[CAPTION], target);
    gst_object_unref (target);
  }
}

/* Video that comes from a file waits for its text, so that no frame is drawn without it. */
static GstPadProbeReturn
choose_waiting (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBitmarCaptionBin *self = user_data;
  GstBitmarMode mode;
  gboolean live = FALSE;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_SEGMENT)
    return GST_PAD_PROBE_OK;
  g_object_get (self->stages[CAPTION], "mode", &mode, NULL);
  if (mode == GST_BITMAR_MODE_AUTO) {
    GstQuery *query = gst_query_new_latency ();

    if (gst_pad_peer_query (pad, query))
      gst_query_parse_latency (query, &live, NULL, NULL);
    gst_query_unref (query);
  } else {
    live = mode == GST_BITMAR_MODE_LIVE;
  }
  g_object_set (self->overlay, "wait-text", !live, NULL);
  return GST_PAD_PROBE_OK;
}

/* Nothing is drawn where there is a gap. A textoverlay that is `silent` would take no text, and what waits for that would wait for ever. */
static GstPadProbeReturn
leave_out (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBitmarCaptionBin *self = user_data;
  GstBuffer *text = GST_PAD_PROBE_INFO_BUFFER (info);
  GstPad *peer;

  if (g_atomic_int_get (&self->drawn))
    return GST_PAD_PROBE_OK;
  peer = gst_pad_get_peer (pad);
  if (peer)
    gst_pad_send_event (peer, gst_event_new_gap (GST_BUFFER_PTS (text), GST_BUFFER_DURATION (text)));
  gst_clear_object (&peer);
  return GST_PAD_PROBE_DROP;
}

/* ---- Object -------------------------------------------------------------------------------------- */

static GstElement *
stage_with (GstBitmarCaptionBin *self, const char *property)
{
  for (guint i = 0; i < N_STAGES; i++)
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (self->stages[i]), property))
      return self->stages[i];
  return NULL;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarCaptionBin *self = GST_BITMAR_CAPTION_BIN (object);

  if (id == PROP_OVERLAY) {
    g_atomic_int_set (&self->drawn, g_value_get_boolean (value));
    return;
  }
  /* model-path and mode are those of all stages. */
  for (guint i = 0; i < N_STAGES; i++)
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (self->stages[i]), pspec->name))
      g_object_set_property (G_OBJECT (self->stages[i]), pspec->name, value);
}

static GstStructure *
make_stats (GstBitmarCaptionBin *self)
{
  static const char *const names[N_STAGES] = { "encode", "memory", "caption" };
  GstStructure *all = gst_structure_new_empty ("bitmarcaptionbin-stats");

  for (guint i = 0; i < N_STAGES; i++) {
    GstStructure *s;

    g_object_get (self->stages[i], "stats", &s, NULL);
    gst_structure_set (all, names[i], GST_TYPE_STRUCTURE, s, NULL);
    gst_structure_free (s);
  }
  return all;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarCaptionBin *self = GST_BITMAR_CAPTION_BIN (object);

  switch (id) {
    case PROP_OVERLAY:
      g_value_set_boolean (value, self->overlay && g_atomic_int_get (&self->drawn));
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      g_object_get_property (G_OBJECT (stage_with (self, pspec->name)), pspec->name, value);
      break;
  }
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstBitmarCaptionBin *self = GST_BITMAR_CAPTION_BIN (element);

  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !self->overlay) {
    GST_ELEMENT_ERROR (self, CORE, MISSING_PLUGIN, ("The element textoverlay is missing."),
        ("it is in gst-plugins-base, plugin pango"));
    return GST_STATE_CHANGE_FAILURE;
  }
  return GST_ELEMENT_CLASS (gst_bitmar_caption_bin_parent_class)->change_state (element, transition);
}

static void
add_ghost (GstBitmarCaptionBin *self, const char *name, GstElement *child, const char *child_pad, GstStaticPadTemplate *t)
{
  GstPad *target = gst_element_get_static_pad (child, child_pad);
  GstPadTemplate *template = gst_static_pad_template_get (t);

  gst_element_add_pad (GST_ELEMENT (self), gst_ghost_pad_new_from_template (name, target, template));
  gst_object_unref (template);
  gst_object_unref (target);
}

static void
gst_bitmar_caption_bin_init (GstBitmarCaptionBin *self)
{
  GstBin *bin = GST_BIN (self);
  GstElement *last;
  GstPad *pad, *peer;

  self->drawn = TRUE;
  self->stages[ENCODE] = g_object_new (GST_TYPE_BITMAR_ENCODE, "name", "encode", NULL);
  self->stages[MEMORY] = g_object_new (GST_TYPE_BITMAR_MEMORY, "name", "memory", NULL);
  self->stages[CAPTION] = g_object_new (GST_TYPE_BITMAR_CAPTION, "name", "caption", NULL);
  self->overlay = gst_element_factory_make ("textoverlay", "overlay");
  self->queue = self->overlay ? gst_element_factory_make ("queue", "queue") : NULL;       /* of the core: it is there */
  for (guint i = 0; i < N_STAGES; i++)
    gst_bin_add (bin, self->stages[i]);
  gst_element_link_many (self->stages[ENCODE], self->stages[MEMORY], self->stages[CAPTION], NULL);
  last = self->stages[CAPTION];
  if (self->overlay) {
    g_object_set (self->overlay, "shaded-background", TRUE, "font-desc", "Sans 18", "wait-text", FALSE, NULL);
    /* Between the caption's thread and the overlay's, which may wait for text. */
    g_object_set (self->queue, "max-size-buffers", 3, "max-size-bytes", 0, "max-size-time", G_GUINT64_CONSTANT (0), NULL);
    gst_bin_add_many (bin, self->queue, self->overlay, NULL);
    gst_element_link_pads (self->stages[CAPTION], "src", self->queue, "sink");
    gst_element_link_pads (self->queue, "src", self->overlay, "video_sink");
    gst_element_link_pads (self->stages[CAPTION], "overlay_src", self->overlay, "text_sink");
    pad = gst_element_get_static_pad (self->overlay, "text_sink");
    peer = gst_pad_get_peer (pad);
    gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_BUFFER, leave_out, self, NULL);
    gst_object_unref (peer);
    gst_object_unref (pad);
    last = self->overlay;
  }
  add_ghost (self, "sink", self->stages[ENCODE], "sink", &sink_template);
  add_ghost (self, "src", last, "src", &src_template);
  pad = gst_element_get_static_pad (self->stages[ENCODE], "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, choose_waiting, self, NULL);
  gst_object_unref (pad);
}

static void
gst_bitmar_caption_bin_class_init (GstBitmarCaptionBinClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  guint id = PROP_OF_CHILDREN;

  GST_DEBUG_CATEGORY_INIT (bitmar_caption_bin_debug, "bitmarcaptionbin", 0, "BitMar captions on video");
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  element_class->request_new_pad = request_new_pad;
  element_class->release_pad = release_pad;
  element_class->change_state = change_state;

  g_object_class_install_property (object_class, PROP_OVERLAY,
      g_param_spec_boolean ("overlay", "Overlay",
          "Draw the captions on the video, at its lower edge. Needs the element textoverlay; without it the video "
          "passes as it is", TRUE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was done since the start: the statistics of the three elements within, in the fields encode, memory and"
          " caption",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  id = bitmar_ghost_properties (object_class, GST_TYPE_BITMAR_ENCODE, id);
  id = bitmar_ghost_properties (object_class, GST_TYPE_BITMAR_MEMORY, id);
  bitmar_ghost_properties (object_class, GST_TYPE_BITMAR_CAPTION, id);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &text_template);
  gst_element_class_add_static_pad_template (element_class, &json_template);
  gst_element_class_set_static_metadata (element_class, "BitMar captions", "Filter/Effect/Video",
      "Captions video with a 1.58-bit vision-language model and draws the captions on it",
      "The BitMar for GStreamer authors");
}
