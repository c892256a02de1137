/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmaronvif
 * @title: bitmaronvif
 * @see_also: bitmarcaption, rtpbitmaronvifpay
 *
 * Makes ONVIF metadata (XML documents, tt:MetadataStream) of the JSON objects that bitmarcaption's `json_src` sends. What is
 * current is said again every `repeat-interval`, marked as Initialized, so that who joins late knows it, and at once when an
 * event GstForceKeyUnit asks for it from downstream. Such documents say all; others are flagged as delta units. Alerts come by
 * the action signal `alert`, to which an application hands bitmarmemory's element messages `bitmar-alert`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 … ! bitmarcaption name=c ! fakesink  c.json_src ! bitmaronvif ! rtpbitmaronvifpay ! udpsink host=127.0.0.1 port=5004
 * ]|
 */

#include "gstbitmaronvif.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "onvif-read.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_onvif_debug);
#define GST_CAT_DEFAULT bitmar_onvif_debug

#define DEFAULT_REPEAT (1 * GST_SECOND)
/* Rules have names, and there are at most some dozens of them. */
#define MAX_ACTIVE 1024
/* A clock that is set back by less is waited for; one that is set back by more was wrong before. */
#define MAX_WAIT_NS (10 * G_GINT64_CONSTANT (1000000000))

struct _GstBitmarOnvif {
  GstElement parent;

  GstPad *sink, *src;
  /* With the sink pad's stream lock. */
  gboolean caps_sent, captioned;
  BitmarOnvifCaption caption;  /* current, where captioned */
  GHashTable *active;          /* alert's name → BitmarOnvifAlert */
  GQueue early;                /* BitmarOnvifAlert: that came before the stream */
  gint64 caption_utc, alert_utc;       /* of the last one, ns since 1970 */
  GstClockTime position;       /* of what was sent last */
  GstClockTime repeated;       /* when what is current was last said */
  /* With the object's lock. */
  GstClockTime repeat_interval;
};

enum { PROP_0, PROP_REPEAT_INTERVAL };
enum { SIGNAL_ALERT, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (GstBitmarOnvif, gst_bitmar_onvif, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (bitmaronvif, "bitmaronvif", GST_RANK_NONE, GST_TYPE_BITMAR_ONVIF)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-json"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-onvif-metadata, parsed = (boolean) true"));

/* ---- Time -------------------------------------------------------------------------------------------- */

/* Of a frame whose own is not known: the clock's now, less what has passed since. */
static gint64
guess_utc (GstBitmarOnvif *self, guint64 running_time)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  gint64 now = g_get_real_time () * 1000, ago = 0;

  if (clock && GST_CLOCK_TIME_IS_VALID (running_time))
    ago = GST_CLOCK_DIFF (running_time, gst_clock_get_time (clock) - gst_element_get_base_time (GST_ELEMENT (self)));
  gst_clear_object (&clock);
  /* A file's frames may be read far ahead of their time. */
  return now - CLAMP (ago, 0, now);
}

/* What comes later is not said to be earlier. (transfer full) */
static char *
settle_utc (gint64 *last, gint64 utc)
{
  if (utc < *last && *last - utc < MAX_WAIT_NS)
    utc = *last;
  *last = utc;
  return bitmar_onvif_time (utc);
}

/* ---- Out --------------------------------------------------------------------------------------------- */

/* Stream lock. Times never go back: captions come after frames that are newer than theirs. whole: it says all that is current. */
static GstFlowReturn
push_document (GstBitmarOnvif *self, GString *xml, GstClockTime pts, gboolean whole)
{
  gsize length = xml->len;
  GstBuffer *buffer = gst_buffer_new_wrapped (g_string_free (xml, FALSE), length);

  if (GST_CLOCK_TIME_IS_VALID (self->position))
    pts = GST_CLOCK_TIME_IS_VALID (pts) ? MAX (pts, self->position) : self->position;
  self->position = pts;
  GST_BUFFER_PTS (buffer) = pts;
  if (!whole)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return gst_pad_push (self->src, buffer);
}

static GstFlowReturn
push_alert (GstBitmarOnvif *self, const BitmarOnvifAlert *alert)
{
  GString *xml = g_string_new (NULL);

  bitmar_onvif_begin (xml);
  bitmar_onvif_add_alert (xml, alert, BITMAR_ONVIF_CHANGED);
  bitmar_onvif_end (xml);
  return push_document (self, xml, GST_CLOCK_TIME_NONE, FALSE);
}

/* All that is true now, for those who join. Before there is anything it says so, and lets what waits for the first document begin. */
static GstFlowReturn
push_current (GstBitmarOnvif *self, GstClockTime pts)
{
  GString *xml = g_string_new (NULL);
  GHashTableIter iter;
  gpointer alert;

  bitmar_onvif_begin (xml);
  if (self->captioned)
    bitmar_onvif_add_caption (xml, &self->caption, BITMAR_ONVIF_INITIALIZED);
  g_hash_table_iter_init (&iter, self->active);
  while (g_hash_table_iter_next (&iter, NULL, &alert))
    bitmar_onvif_add_alert (xml, alert, BITMAR_ONVIF_INITIALIZED);
  bitmar_onvif_end (xml);
  self->repeated = pts;
  return push_document (self, xml, pts, TRUE);
}

static GstFlowReturn
push_early (GstBitmarOnvif *self)
{
  GstFlowReturn flow = GST_FLOW_OK;
  BitmarOnvifAlert *alert;

  while ((alert = g_queue_pop_head (&self->early))) {
    flow = push_alert (self, alert);
    bitmar_onvif_alert_free (alert);
  }
  return flow;
}

/* ---- In ---------------------------------------------------------------------------------------------- */

static void
take_caption (GstBitmarOnvif *self, JsonObject *object)
{
  guint64 running_time;
  gint64 utc;

  bitmar_onvif_caption_clear (&self->caption);
  bitmar_onvif_read_caption (object, &self->caption, &utc, &running_time);
  self->caption.utc = settle_utc (&self->caption_utc, utc >= 0 ? utc : guess_utc (self, running_time));
  self->captioned = TRUE;
}

static GstFlowReturn
handle_object (GstBitmarOnvif *self, JsonObject *object, GstClockTime pts)
{
  GString *xml;

  take_caption (self, object);
  xml = g_string_new (NULL);
  bitmar_onvif_begin (xml);
  bitmar_onvif_add_caption (xml, &self->caption, bitmar_onvif_is_repeat (object) ? BITMAR_ONVIF_INITIALIZED : BITMAR_ONVIF_CHANGED);
  bitmar_onvif_end (xml);
  return push_document (self, xml, pts, FALSE);
}

static GstFlowReturn
handle_line (GstBitmarOnvif *self, const char *line, GstClockTime pts)
{
  JsonParser *parser = json_parser_new ();
  GError *error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  JsonNode *root = json_parser_load_from_data (parser, line, -1, &error) ? json_parser_get_root (parser) : NULL;

  if (root && JSON_NODE_HOLDS_OBJECT (root) && bitmar_onvif_is_caption (json_node_get_object (root)))
    flow = handle_object (self, json_node_get_object (root), pts);
  else
    GST_ELEMENT_WARNING (self, STREAM, DECODE, ("What came is no caption in JSON."), ("%s", error ? error->message
            : "it is no object with a member \"text\""));
  g_clear_error (&error);
  g_object_unref (parser);
  return flow;
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (parent);
  GstFlowReturn flow = GST_FLOW_OK;
  GstMapInfo map;
  char **lines, *text;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  text = g_strndup ((const char *) map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  lines = g_strsplit (text, "\n", -1);
  if (!GST_CLOCK_TIME_IS_VALID (self->position))
    self->position = GST_BUFFER_PTS (buffer);
  flow = push_early (self);
  for (guint i = 0; lines[i] && flow == GST_FLOW_OK; i++)
    if (*g_strstrip (lines[i]))
      flow = handle_line (self, lines[i], GST_BUFFER_PTS (buffer));
  g_strfreev (lines);
  g_free (text);
  gst_buffer_unref (buffer);
  return flow;
}

/* ---- Events ------------------------------------------------------------------------------------------ */

static void
restart (GstBitmarOnvif *self, gboolean whole)
{
  self->position = self->repeated = GST_CLOCK_TIME_NONE;
  if (!whole)
    return;
  self->caps_sent = self->captioned = FALSE;
  self->caption_utc = self->alert_utc = 0;
  bitmar_onvif_caption_clear (&self->caption);
  g_hash_table_remove_all (self->active);
  g_queue_clear_full (&self->early, (GDestroyNotify) bitmar_onvif_alert_free);
}

static gboolean
send_caps (GstBitmarOnvif *self)
{
  GstCaps *caps = gst_static_pad_template_get_caps (&src_template);
  gboolean sent = gst_pad_push_event (self->src, gst_event_new_caps (caps));

  gst_caps_unref (caps);
  return sent;
}

/* The video goes on and nothing is said. The gap is passed on, too, but where a document says the same. */
static gboolean
handle_gap (GstBitmarOnvif *self, GstEvent *event)
{
  GstClockTime start, interval;
  gboolean due;

  gst_event_parse_gap (event, &start, NULL);
  GST_OBJECT_LOCK (self);
  interval = self->repeat_interval;
  GST_OBJECT_UNLOCK (self);
  due = !GST_CLOCK_TIME_IS_VALID (self->repeated) || (interval > 0 && start >= self->repeated + interval);
  if (!due && self->early.length == 0)
    return gst_pad_push_event (self->src, event);
  gst_event_unref (event);
  if (due)
    push_current (self, start);
  push_early (self);
  return TRUE;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_unref (event);
      self->caps_sent = TRUE;
      return send_caps (self);
    case GST_EVENT_SEGMENT:
      restart (self, FALSE);
      break;
    case GST_EVENT_FLUSH_STOP:
      restart (self, FALSE);
      break;
    case GST_EVENT_GAP:
      return handle_gap (self, event);
    case GST_EVENT_EOS:
      push_early (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Who joins wants to know what is current. Before the first document it is about to come. */
static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (parent);

  if (!gst_event_has_name (event, "GstForceKeyUnit"))
    return gst_pad_event_default (pad, parent, event);
  gst_event_unref (event);
  GST_PAD_STREAM_LOCK (self->sink);
  if (self->caps_sent && GST_CLOCK_TIME_IS_VALID (self->position))
    push_current (self, self->position);
  GST_PAD_STREAM_UNLOCK (self->sink);
  return TRUE;
}

/* ---- Alerts ------------------------------------------------------------------------------------------ */

static BitmarOnvifAlert *
copy_alert (const BitmarOnvifAlert *alert)
{
  BitmarOnvifAlert *copy = g_new0 (BitmarOnvifAlert, 1);

  *copy = *alert;
  copy->utc = g_strdup (alert->utc);
  copy->source = g_strdup (alert->source);
  copy->name = g_strdup (alert->name);
  copy->sentence = g_strdup (alert->sentence);
  return copy;
}

/* NULL: it is no alert. */
static BitmarOnvifAlert *
take_alert (GstBitmarOnvif *self, const GstStructure *structure)
{
  guint64 running_time;
  gint64 utc;
  BitmarOnvifAlert *alert = bitmar_onvif_read_alert (structure, &utc, &running_time);

  if (alert)
    alert->utc = settle_utc (&self->alert_utc, utc >= 0 ? utc : guess_utc (self, running_time));
  return alert;
}

static gboolean
alert (GstBitmarOnvif *self, const GstStructure *structure)
{
  BitmarOnvifAlert *one;

  GST_PAD_STREAM_LOCK (self->sink);
  one = structure ? take_alert (self, structure) : NULL;
  if (!one) {
    GST_PAD_STREAM_UNLOCK (self->sink);
    return FALSE;
  }
  if (!one->active)
    g_hash_table_remove (self->active, one->name);
  else if (g_hash_table_size (self->active) < MAX_ACTIVE)
    g_hash_table_replace (self->active, g_strdup (one->name), copy_alert (one));
  /* Before the first document there is no time to put on it. */
  if (self->caps_sent && GST_CLOCK_TIME_IS_VALID (self->position)) {
    push_alert (self, one);
    bitmar_onvif_alert_free (one);
  } else if (self->early.length < MAX_ACTIVE) {
    g_queue_push_tail (&self->early, one);
  } else {
    bitmar_onvif_alert_free (one);
  }
  GST_PAD_STREAM_UNLOCK (self->sink);
  return TRUE;
}

/* ---- Object ------------------------------------------------------------------------------------------ */

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
  GstStateChangeReturn result = GST_ELEMENT_CLASS (gst_bitmar_onvif_parent_class)->change_state (element, transition);

  /* The pads are inactive: nothing runs. */
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    restart (GST_BITMAR_ONVIF (element), TRUE);
  return result;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (object);

  GST_OBJECT_LOCK (self);
  self->repeat_interval = g_value_get_uint64 (value);
  GST_OBJECT_UNLOCK (self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (object);

  GST_OBJECT_LOCK (self);
  g_value_set_uint64 (value, self->repeat_interval);
  GST_OBJECT_UNLOCK (self);
}

static void
finalize (GObject *object)
{
  GstBitmarOnvif *self = GST_BITMAR_ONVIF (object);

  restart (self, TRUE);
  g_hash_table_unref (self->active);
  G_OBJECT_CLASS (gst_bitmar_onvif_parent_class)->finalize (object);
}

static void
gst_bitmar_onvif_init (GstBitmarOnvif *self)
{
  self->repeat_interval = DEFAULT_REPEAT;
  self->position = self->repeated = GST_CLOCK_TIME_NONE;
  self->active = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) bitmar_onvif_alert_free);
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, chain);
  gst_pad_set_event_function (self->sink, sink_event);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->src, src_event);
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}

static void
gst_bitmar_onvif_class_init (GstBitmarOnvifClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_onvif_debug, "bitmaronvif", 0, "captions as ONVIF metadata");
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  element_class->change_state = change_state;

  g_object_class_install_property (object_class, PROP_REPEAT_INTERVAL,
      g_param_spec_uint64 ("repeat-interval", "Repeat interval", "How often what is current is said again, for those who join late, in ns "
          "(0: never)", 0, G_MAXINT64, DEFAULT_REPEAT, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstBitmarOnvif::alert:
   * @alert: the structure of an element message `bitmar-alert`
   *
   * Sends an alert's start or end at once, and keeps it among what is current until its end.
   *
   * Returns: FALSE: that is no alert
   */
  signals[SIGNAL_ALERT] = g_signal_new_class_handler ("alert", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (alert), NULL, NULL, NULL, G_TYPE_BOOLEAN, 1, GST_TYPE_STRUCTURE);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "ONVIF metadata of captions", "Converter/Metadata",
      "Makes ONVIF metadata (tt:MetadataStream) of captions in JSON and of alerts", "The BitMar for GStreamer authors");
}
