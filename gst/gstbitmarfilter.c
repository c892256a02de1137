/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstbitmarfilter.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_filter_debug);
#define GST_CAT_DEFAULT bitmar_filter_debug

typedef struct {
  GstPad *sinkpad, *srcpad;
  /* object lock */
  char *model_path;
  GstBitmarMode mode;
  /* atomic */
  gint interrupted, failed;
  /* valid between start and stop */
  BitmarLoader *loader;
  /* running_lock: a flush, which waits for nobody, against the way down; not held while anything is waited for */
  GMutex running_lock;
  gboolean running;            /* the loader and the subclass's thread are there */
  gboolean stopping;           /* on the way down, where no end of a flush lets anybody wait again */
  /* streaming thread */
  GstSegment segment;
  GstVideoInfo info;
  gboolean negotiated, live_known, live, warned;
  GstClockTime last_end;       /* of the last frame, in stream time; NONE after a segment */
  gint64 start_us;             /* of a stream without timestamps and clock */
} GstBitmarFilterPrivate;

enum { PROP_0, PROP_MODEL_PATH, PROP_MODE };

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GstBitmarFilter, gst_bitmar_filter, GST_TYPE_ELEMENT)

#define PRIV(self) ((GstBitmarFilterPrivate *) gst_bitmar_filter_get_instance_private (self))

/* ---- For subclasses ------------------------------------------------------------------------------ */

const GstSegment *
gst_bitmar_filter_get_segment (GstBitmarFilter *self)
{
  return &PRIV (self)->segment;
}

GstPad *
gst_bitmar_filter_get_sink_pad (GstBitmarFilter *self)
{
  return PRIV (self)->sinkpad;
}

GstPad *
gst_bitmar_filter_get_src_pad (GstBitmarFilter *self)
{
  return PRIV (self)->srcpad;
}

static GstBitmarMode
get_mode (GstBitmarFilter *self)
{
  GstBitmarMode mode;

  GST_OBJECT_LOCK (self);
  mode = PRIV (self)->mode;
  GST_OBJECT_UNLOCK (self);
  return mode;
}

gboolean
gst_bitmar_filter_is_live (GstBitmarFilter *self)
{
  GstBitmarFilterPrivate *priv = PRIV (self);
  GstBitmarMode mode = get_mode (self);

  if (mode != GST_BITMAR_MODE_AUTO)
    return mode == GST_BITMAR_MODE_LIVE;
  if (!priv->live_known) {
    GstQuery *query = gst_query_new_latency ();

    priv->live = FALSE;
    if (gst_pad_peer_query (priv->sinkpad, query))
      gst_query_parse_latency (query, &priv->live, NULL, NULL);
    gst_query_unref (query);
    priv->live_known = TRUE;
    GST_DEBUG_OBJECT (self, "upstream is %slive", priv->live ? "" : "not ");
  }
  return priv->live;
}

BitmarModel *
gst_bitmar_filter_get_model (GstBitmarFilter *self, gboolean wait, GstFlowReturn *flow)
{
  gboolean failed;
  BitmarModel *model = bitmar_loader_get (PRIV (self)->loader, wait, &failed);

  *flow = failed ? GST_FLOW_ERROR : model || !wait ? GST_FLOW_OK : GST_FLOW_FLUSHING;
  return model;
}

gboolean
gst_bitmar_filter_is_interrupted (GstBitmarFilter *self)
{
  return g_atomic_int_get (&PRIV (self)->interrupted);
}

void
gst_bitmar_filter_fail (GstBitmarFilter *self, GError *error)
{
  char *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (PRIV (self)->model_path);
  GST_OBJECT_UNLOCK (self);
  if (g_atomic_int_compare_and_exchange (&PRIV (self)->failed, FALSE, TRUE))
    bitmar_post_error (GST_ELEMENT (self), error, path);
  g_free (path);
  g_error_free (error);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static GstClockTime
clock_running_time (GstBitmarFilter *self)
{
  GstBitmarFilterPrivate *priv = PRIV (self);
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime now, base = gst_element_get_base_time (GST_ELEMENT (self));

  if (clock) {
    now = gst_clock_get_time (clock);
    gst_object_unref (clock);
    return now > base ? now - base : 0;
  }
  if (priv->start_us == 0)
    priv->start_us = g_get_monotonic_time ();
  return (g_get_monotonic_time () - priv->start_us) * GST_USECOND;
}

static GstClockTime
frame_duration (GstBitmarFilter *self, GstBuffer *buffer)
{
  const GstVideoInfo *info = &PRIV (self)->info;

  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    return GST_BUFFER_DURATION (buffer);
  if (info->fps_n > 0 && info->fps_d > 0)
    return gst_util_uint64_scale_int (GST_SECOND, info->fps_d, info->fps_n);
  return GST_CLOCK_TIME_NONE;
}

/* A buffer without PTS follows the one before when its length is known; else the clock tells. */
static GstClockTime
guess_pts (GstBitmarFilter *self, GstBuffer *buffer, GstClockTime duration)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  if (GST_BUFFER_DTS_IS_VALID (buffer))
    return GST_BUFFER_DTS (buffer);
  if (!priv->warned) {
    if (GST_BITMAR_FILTER_GET_CLASS (self)->warns_of_missing_time)
      GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("Video frames have no timestamps; the times of captions are guessed."),
          ("going by the frames' %s", GST_CLOCK_TIME_IS_VALID (duration) ? "duration" : "time of arrival"));
    priv->warned = TRUE;
  }
  if (GST_CLOCK_TIME_IS_VALID (duration))
    return GST_CLOCK_TIME_IS_VALID (priv->last_end) ? priv->last_end : priv->segment.start;
  return gst_segment_position_from_running_time (&priv->segment, GST_FORMAT_TIME, clock_running_time (self));
}

static GstClockTime
frame_utc (GstBitmarFilter *self, GstBuffer *buffer, GstClockTime running_time)
{
  GstReferenceTimestampMeta *meta = NULL;
  GstClockTimeDiff age;
  gpointer state = NULL;
  GstMeta *m;

  while ((m = gst_buffer_iterate_meta_filtered (buffer, &state, GST_REFERENCE_TIMESTAMP_META_API_TYPE))) {
    meta = (GstReferenceTimestampMeta *) m;
    const char *name = gst_structure_get_name (gst_caps_get_structure (meta->reference, 0));

    if (g_str_equal (name, "timestamp/x-unix"))
      return meta->timestamp;
    if (g_str_equal (name, "timestamp/x-ntp") && meta->timestamp > G_GUINT64_CONSTANT (2208988800) * GST_SECOND)
      return meta->timestamp - G_GUINT64_CONSTANT (2208988800) * GST_SECOND;
  }
  if (!gst_bitmar_filter_is_live (self))
    return GST_CLOCK_TIME_NONE;
  age = GST_CLOCK_DIFF (running_time, clock_running_time (self));
  return (GstClockTime) g_get_real_time () * GST_USECOND - MAX (age, 0);
}

/* FALSE when the frame lies outside the segment: nobody will show it. */
static gboolean
frame_time (GstBitmarFilter *self, GstBuffer *buffer, GstBitmarTime *time)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  if (priv->segment.format != GST_FORMAT_TIME)
    gst_segment_init (&priv->segment, GST_FORMAT_TIME);
  time->duration = frame_duration (self, buffer);
  time->pts = GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : guess_pts (self, buffer, time->duration);
  if (!GST_CLOCK_TIME_IS_VALID (time->pts))
    return FALSE;
  priv->last_end = time->pts + (GST_CLOCK_TIME_IS_VALID (time->duration) ? time->duration : 0);
  time->running_time = gst_segment_to_running_time (&priv->segment, GST_FORMAT_TIME, time->pts);
  if (!GST_CLOCK_TIME_IS_VALID (time->running_time))
    return FALSE;
  time->utc = frame_utc (self, buffer, time->running_time);
  return TRUE;
}

/* ---- Data ---------------------------------------------------------------------------------------- */

static GstFlowReturn
filter_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstBitmarFilter *self = GST_BITMAR_FILTER (parent);
  GstBitmarFilterClass *klass = GST_BITMAR_FILTER_GET_CLASS (self);
  GstFlowReturn flow = GST_FLOW_OK;
  GstBitmarTime time;

  if (!PRIV (self)->negotiated)
    flow = GST_FLOW_NOT_NEGOTIATED;
  else if (g_atomic_int_get (&PRIV (self)->failed))
    flow = GST_FLOW_ERROR;
  else
    gst_bitmar_filter_get_model (self, FALSE, &flow);
  if (flow == GST_FLOW_OK && frame_time (self, buffer, &time))
    flow = klass->frame (self, &buffer, &time);
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }
  flow = gst_pad_push (PRIV (self)->srcpad, buffer);
  return klass->pushed ? klass->pushed (self, flow) : flow;
}

static gboolean
take_caps (GstBitmarFilter *self, GstEvent *event)
{
  GstBitmarFilterPrivate *priv = PRIV (self);
  GstVideoInfo info;
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  if (!gst_video_info_from_caps (&info, caps)) {
    gst_video_info_init (&info);
    gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &info.fps_n, &info.fps_d);
  }
  priv->info = info;
  priv->negotiated = TRUE;
  if (GST_BITMAR_FILTER_GET_CLASS (self)->set_caps)
    GST_BITMAR_FILTER_GET_CLASS (self)->set_caps (self, &priv->info);
  return TRUE;
}

static void
set_interrupted (GstBitmarFilter *self, gboolean interrupted)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  g_mutex_lock (&priv->running_lock);
  if (interrupted || !priv->stopping) {
    g_atomic_int_set (&priv->interrupted, interrupted);
    if (priv->running)
      bitmar_loader_set_interrupted (priv->loader, interrupted);
    if (priv->running && interrupted && GST_BITMAR_FILTER_GET_CLASS (self)->interrupt)
      GST_BITMAR_FILTER_GET_CLASS (self)->interrupt (self);
  }
  g_mutex_unlock (&priv->running_lock);
}

static void
set_running (GstBitmarFilter *self, gboolean running)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  g_mutex_lock (&priv->running_lock);
  priv->running = running;
  g_mutex_unlock (&priv->running_lock);
}

static void
set_stopping (GstBitmarFilter *self, gboolean stopping)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  g_mutex_lock (&priv->running_lock);
  priv->stopping = stopping;
  g_mutex_unlock (&priv->running_lock);
  set_interrupted (self, stopping);
}

static void
reset_stream (GstBitmarFilter *self)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  gst_segment_init (&priv->segment, GST_FORMAT_TIME);
  priv->live_known = FALSE;
  priv->last_end = GST_CLOCK_TIME_NONE;
}

static gboolean
filter_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstBitmarFilter *self = GST_BITMAR_FILTER (parent);
  GstBitmarFilterClass *klass = GST_BITMAR_FILTER_GET_CLASS (self);
  GstBitmarFilterPrivate *priv = PRIV (self);
  GstEventType type = GST_EVENT_TYPE (event);

  if (type == GST_EVENT_FLUSH_START)
    set_interrupted (self, TRUE);
  else if (type == GST_EVENT_CAPS)
    take_caps (self, event);
  if (klass->event && (GST_EVENT_IS_SERIALIZED (event) || type == GST_EVENT_FLUSH_START))
    klass->event (self, &event);
  if (type == GST_EVENT_SEGMENT) {
    gst_event_copy_segment (event, &priv->segment);
    priv->live_known = FALSE;
    priv->last_end = GST_CLOCK_TIME_NONE;
  } else if (type == GST_EVENT_FLUSH_STOP) {
    reset_stream (self);
    set_interrupted (self, FALSE);
  }
  return gst_pad_push_event (priv->srcpad, event);
}

static gboolean
filter_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstBitmarFilterClass *klass = GST_BITMAR_FILTER_GET_CLASS (parent);

  return (klass->query && klass->query (GST_BITMAR_FILTER (parent), query)) || gst_pad_query_default (pad, parent, query);
}

static gboolean
filter_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstBitmarFilterClass *klass = GST_BITMAR_FILTER_GET_CLASS (parent);

  if (!klass->upstream_event || !klass->upstream_event (GST_BITMAR_FILTER (parent), event))
    return gst_pad_event_default (pad, parent, event);
  gst_event_unref (event);
  return TRUE;
}

/* Video only: the elements' other source pads have caps of their own. */
static GstIterator *
filter_internal_links (GstPad *pad, GstObject *parent)
{
  GstBitmarFilterPrivate *priv = PRIV (GST_BITMAR_FILTER (parent));
  GstIterator *links;
  GValue value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value, pad == priv->sinkpad ? priv->srcpad : priv->sinkpad);
  links = gst_iterator_new_single (GST_TYPE_PAD, &value);
  g_value_unset (&value);
  return links;
}

/* ---- States -------------------------------------------------------------------------------------- */

static gboolean
loaded (BitmarModel *model, gpointer user_data, GError **error)
{
  GstBitmarFilter *self = user_data;

  return GST_BITMAR_FILTER_GET_CLASS (self)->load (self, model, error);
}

static void
filter_start (GstBitmarFilter *self)
{
  GstBitmarFilterPrivate *priv = PRIV (self);
  char *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (priv->model_path);
  GST_OBJECT_UNLOCK (self);
  reset_stream (self);
  priv->negotiated = priv->warned = FALSE;
  priv->start_us = 0;
  gst_video_info_init (&priv->info);
  g_atomic_int_set (&priv->failed, FALSE);
  set_stopping (self, FALSE);
  if (GST_BITMAR_FILTER_GET_CLASS (self)->start)
    GST_BITMAR_FILTER_GET_CLASS (self)->start (self);
  priv->loader = bitmar_loader_new (GST_ELEMENT (self), path, loaded, self);
  set_running (self, TRUE);
  g_free (path);
}

static void
filter_stop (GstBitmarFilter *self)
{
  GstBitmarFilterPrivate *priv = PRIV (self);

  if (!priv->loader)
    return;
  set_running (self, FALSE);
  bitmar_loader_join (priv->loader);
  if (GST_BITMAR_FILTER_GET_CLASS (self)->stop)
    GST_BITMAR_FILTER_GET_CLASS (self)->stop (self);
  g_clear_pointer (&priv->loader, bitmar_loader_free);
}

static GstStateChangeReturn
filter_change_state (GstElement *element, GstStateChange transition)
{
  GstBitmarFilter *self = GST_BITMAR_FILTER (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    filter_start (self);
  else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    set_stopping (self, TRUE);
  ret = GST_ELEMENT_CLASS (gst_bitmar_filter_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
    filter_stop (self);
  return ret;
}

/* ---- Object -------------------------------------------------------------------------------------- */

static void
filter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarFilterPrivate *priv = PRIV (GST_BITMAR_FILTER (object));

  GST_OBJECT_LOCK (object);
  switch (id) {
    case PROP_MODEL_PATH:
      g_free (priv->model_path);
      priv->model_path = g_value_dup_string (value);
      break;
    case PROP_MODE:
      priv->mode = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (object);
}

static void
filter_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarFilterPrivate *priv = PRIV (GST_BITMAR_FILTER (object));

  GST_OBJECT_LOCK (object);
  switch (id) {
    case PROP_MODEL_PATH:
      g_value_set_string (value, priv->model_path);
      break;
    case PROP_MODE:
      g_value_set_enum (value, priv->mode);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (object);
}

static void
filter_constructed (GObject *object)
{
  GstBitmarFilter *self = GST_BITMAR_FILTER (object);
  GstBitmarFilterPrivate *priv = PRIV (self);
  GstElementClass *klass = GST_ELEMENT_GET_CLASS (self);

  G_OBJECT_CLASS (gst_bitmar_filter_parent_class)->constructed (object);
  priv->sinkpad = gst_pad_new_from_template (gst_element_class_get_pad_template (klass, "sink"), "sink");
  gst_pad_set_chain_function (priv->sinkpad, filter_chain);
  gst_pad_set_event_function (priv->sinkpad, filter_sink_event);
  gst_pad_set_query_function (priv->sinkpad, filter_sink_query);
  gst_pad_set_iterate_internal_links_function (priv->sinkpad, filter_internal_links);
  GST_PAD_SET_PROXY_CAPS (priv->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION (priv->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), priv->sinkpad);
  priv->srcpad = gst_pad_new_from_template (gst_element_class_get_pad_template (klass, "src"), "src");
  gst_pad_set_event_function (priv->srcpad, filter_src_event);
  gst_pad_set_iterate_internal_links_function (priv->srcpad, filter_internal_links);
  GST_PAD_SET_PROXY_CAPS (priv->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), priv->srcpad);
}

static void
filter_finalize (GObject *object)
{
  g_free (PRIV (GST_BITMAR_FILTER (object))->model_path);
  g_mutex_clear (&PRIV (GST_BITMAR_FILTER (object))->running_lock);
  G_OBJECT_CLASS (gst_bitmar_filter_parent_class)->finalize (object);
}

static void
gst_bitmar_filter_init (GstBitmarFilter *self)
{
  gst_segment_init (&PRIV (self)->segment, GST_FORMAT_TIME);
  g_mutex_init (&PRIV (self)->running_lock);
}

static void
gst_bitmar_filter_class_init (GstBitmarFilterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_filter_debug, "bitmarfilter", 0, "What the bitmar elements share");
  gst_bitmar_meta_register ();
  object_class->set_property = filter_set_property;
  object_class->get_property = filter_get_property;
  object_class->constructed = filter_constructed;
  object_class->finalize = filter_finalize;
  GST_ELEMENT_CLASS (klass)->change_state = filter_change_state;

  g_object_class_install_property (object_class, PROP_MODEL_PATH,
      g_param_spec_string ("model-path", "Model file",
          "The model's file (GGUF), the same for all BitMar elements of a pipeline. Unset: the one that the environment"
          " variable BITMAR_MODEL names, else the installed one", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_MODE,
      g_param_spec_enum ("mode", "Mode",
          "Whether the video waits for the work on it. A file should wait, so that no part of it is missed; a camera "
          "must not. The default asks upstream which of the two it is",
          GST_TYPE_BITMAR_MODE, GST_BITMAR_MODE_AUTO,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  gst_type_mark_as_plugin_api (GST_TYPE_BITMAR_FILTER, 0);
}
