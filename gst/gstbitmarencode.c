/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmarencode
 * @title: bitmarencode
 * @see_also: bitmarmemory, bitmarcaption, bitmarcaptionbin
 *
 * Looks at one video frame a second (#GstBitmarEncode:max-rate) and hangs what it sees on the video as metadata, for
 * bitmarmemory and bitmarcaption downstream. The video itself passes untouched and at once.
 *
 * On a live stream the work is done beside the video, always on the newest due frame, and its result travels on
 * the next frame to pass. Otherwise the video waits for every due frame, and the result is on that very frame.
 *
 * Frames without timestamps are placed by their duration or frame rate, or by the clock when there is neither.
 *
 * A player whose sink says that frames come late can have them passed on unseen until it has caught up (#GstBitmarEncode:qos).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption ! fakesink -m
 * ]|
 */

#include "gstbitmarencode.h"

#include "bitmar-gstvideo.h"
#include "picture.h"
#include "sampling.h"
#include "series.h"
#include "thumbnail.h"
#include "worker.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_encode_debug);
#define GST_CAT_DEFAULT bitmar_encode_debug

typedef struct {
  GstBuffer *buffer;           /* the frame, or a copy of it */
  GstVideoInfo info;
  GstBitmarTime time;
} Job;

struct _GstBitmarEncode {
  GstBitmarFilter parent;

  /* object lock */
  gint rate_n, rate_d;
  guint thumbnail_width;
  gboolean qos;
  GstClockTime earliest;       /* running time from which on frames are in time; NONE: all are */
  /* between start and stop: whoever encodes (the worker or the streaming thread) */
  BitmarEncoder *encoder;
  BitmarEpisode *episode;
  BitmarThumbnailer thumbnailer;
  BitmarWorker *worker;
  /* streaming thread */
  GstVideoInfo info;
  BitmarGrid grid;
  /* lock */
  GMutex lock;
  GstBuffer *ready;            /* what the worker made, as the metadata of a buffer; waits for a frame */
  guint64 frames, encoded, skipped;
  BitmarSeries times;
  gsize model_bytes;
};

enum { PROP_0, PROP_MAX_RATE, PROP_THUMBNAIL_WIDTH, PROP_QOS, PROP_STATS };

G_DEFINE_FINAL_TYPE (GstBitmarEncode, gst_bitmar_encode, GST_TYPE_BITMAR_FILTER)
GST_ELEMENT_REGISTER_DEFINE (bitmarencode, "bitmarencode", GST_RANK_NONE, GST_TYPE_BITMAR_ENCODE)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (BITMAR_VIDEO_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (BITMAR_VIDEO_CAPS));

static void
job_free (gpointer data)
{
  Job *job = data;

  gst_buffer_unref (job->buffer);
  g_free (job);
}

/* ---- Encoding ------------------------------------------------------------------------------------ */

static void
count (GstBitmarEncode *self, guint64 *counter)
{
  g_mutex_lock (&self->lock);
  (*counter)++;
  g_mutex_unlock (&self->lock);
}

static GstSample *
make_thumbnail (GstBitmarEncode *self, GstVideoFrame *frame)
{
  guint width;

  GST_OBJECT_LOCK (self);
  width = self->thumbnail_width;
  GST_OBJECT_UNLOCK (self);
  return width > 0 ? bitmar_thumbnailer_make (&self->thumbnailer, frame, width) : NULL;
}

static const char *
model_id (GstBitmarEncode *self)
{
  return bitmar_model_get_id (gst_bitmar_filter_get_model (GST_BITMAR_FILTER (self), FALSE, &(GstFlowReturn) { 0 }));
}

/* A buffer with what a look gave as its metadata: to copy that to a frame costs the video's thread less than to write it there. */
static GstBuffer *
make_look (GstBitmarEncode *self, const GstBitmarTime *time, GstSample *thumbnail, GError **error)
{
  GBytes *episode = bitmar_episode_to_bytes (self->episode, error);
  GstBuffer *look = NULL;

  if (episode) {
    look = gst_buffer_new ();
    gst_bitmar_meta_add_episode (look, episode, model_id (self), time, thumbnail);
    g_bytes_unref (episode);
  }
  g_clear_pointer (&thumbnail, gst_sample_unref);
  return look;
}

/* NULL with *error set, or without one when the buffer can't be read. */
static GstBuffer *
encode (GstBitmarEncode *self, GstBuffer *buffer, const GstVideoInfo *info, const GstBitmarTime *time, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  GstSample *thumbnail;
  GstVideoFrame frame;
  BitmarImage image;
  gboolean done;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return NULL;
  done = bitmar_image_from_video_frame (&image, &frame)
      && bitmar_encoder_encode (self->encoder, &image, self->episode, error);
  thumbnail = done ? make_thumbnail (self, &frame) : NULL;
  gst_video_frame_unmap (&frame);
  if (!done)
    return NULL;
  g_mutex_lock (&self->lock);
  self->encoded++;
  bitmar_series_add (&self->times, g_get_monotonic_time () - start);
  g_mutex_unlock (&self->lock);
  return make_look (self, time, thumbnail, error);
}

static void
unreadable (GstBitmarEncode *self)
{
  count (self, &self->skipped);
  GST_ELEMENT_WARNING (self, STREAM, DECODE, ("A video frame could not be read and was skipped."),
      ("the buffer is smaller than its caps say, or can't be mapped"));
}

/* The worker's thread, all of this. Nobody's turn is spent on waiting for a file. */
static void
wait_for_model (gpointer user_data)
{
  gst_bitmar_filter_get_model (GST_BITMAR_FILTER (user_data), TRUE, &(GstFlowReturn) { 0 });
}

/* What memory downstream makes of it is done here, where no frame waits. One that is not ready, or behind a tee that asks another, does it
 * when the frame comes. */
static void
remember (GstBitmarEncode *self, GstBuffer *look)
{
  GstQuery *query = gst_bitmar_observe_query_new (look);

  if (gst_pad_peer_query (gst_bitmar_filter_get_src_pad (GST_BITMAR_FILTER (self)), query))
    gst_bitmar_observe_query_take (query, look);
  gst_query_unref (query);
}

static void
encode_job (gpointer data, gpointer user_data)
{
  GstBitmarEncode *self = user_data;
  Job *job = data;
  GstFlowReturn flow;
  GError *error = NULL;
  GstBuffer *look;

  if (!gst_bitmar_filter_get_model (GST_BITMAR_FILTER (self), TRUE, &flow)
      || gst_bitmar_filter_is_interrupted (GST_BITMAR_FILTER (self)))
    return;
  look = encode (self, job->buffer, &job->info, &job->time, &error);
  if (error)
    gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
  else if (!look)
    unreadable (self);
  if (!look)
    return;
  remember (self, look);
  g_mutex_lock (&self->lock);
  /* No frame has passed since the last look. */
  if (self->ready) {
    gst_buffer_unref (self->ready);
    self->skipped++;
  }
  self->ready = look;
  g_mutex_unlock (&self->lock);
}

static GstBuffer *
take_ready (GstBitmarEncode *self)
{
  GstBuffer *look;

  g_mutex_lock (&self->lock);
  look = g_steal_pointer (&self->ready);
  g_mutex_unlock (&self->lock);
  return look;
}

/* Takes the look. */
static void
attach (GstBuffer **buffer, GstBuffer *look)
{
  *buffer = gst_buffer_make_writable (*buffer);
  gst_bitmar_meta_copy (*buffer, look, GST_BITMAR_EPISODE_META);
  gst_bitmar_meta_copy (*buffer, look, GST_BITMAR_MEMORY_META);
  gst_buffer_unref (look);
}

static void
frame_live (GstBitmarEncode *self, GstBuffer *buffer, const GstBitmarTime *time)
{
  Job *job = g_new0 (Job, 1);

  job->time = *time;
  job->buffer = bitmar_picture_keep (buffer, &self->info, &job->info);
  if (!job->buffer) {
    g_free (job);
    unreadable (self);
  } else if (bitmar_worker_submit (self->worker, job)) {
    count (self, &self->skipped);
  }
}

static GstFlowReturn
frame_synchronous (GstBitmarEncode *self, GstBuffer **buffer, const GstBitmarTime *time)
{
  GstFlowReturn flow;
  GError *error = NULL;
  GstBuffer *look;

  if (!gst_bitmar_filter_get_model (GST_BITMAR_FILTER (self), TRUE, &flow))
    return flow;
  look = encode (self, *buffer, &self->info, time, &error);
  if (error) {
    gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
    return GST_FLOW_ERROR;
  }
  if (look)
    attach (buffer, look);
  else
    unreadable (self);
  return GST_FLOW_OK;
}

/* Whether the sink would have liked it sooner. */
static gboolean
is_late (GstBitmarEncode *self, GstClockTime running_time)
{
  gboolean late;

  GST_OBJECT_LOCK (self);
  late = self->qos && GST_CLOCK_TIME_IS_VALID (self->earliest) && running_time < self->earliest;
  GST_OBJECT_UNLOCK (self);
  return late;
}

static void
set_earliest (GstBitmarEncode *self, GstClockTime earliest)
{
  GST_OBJECT_LOCK (self);
  self->earliest = earliest;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
encode_frame (GstBitmarFilter *filter, GstBuffer **buffer, const GstBitmarTime *time)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (filter);
  GstBuffer *look = take_ready (self);
  gint rate_n, rate_d;

  if (look)
    attach (buffer, look);
  count (self, &self->frames);
  GST_OBJECT_LOCK (self);
  rate_n = self->rate_n;
  rate_d = self->rate_d;
  GST_OBJECT_UNLOCK (self);
  if (!bitmar_grid_due (&self->grid, time->running_time, rate_n, rate_d))
    return GST_FLOW_OK;
  if (is_late (self, time->running_time)) {
    count (self, &self->skipped);
    return GST_FLOW_OK;
  }
  if (!gst_bitmar_filter_is_live (filter))
    return frame_synchronous (self, buffer, time);
  frame_live (self, *buffer, time);
  return GST_FLOW_OK;
}

/* ---- Stream -------------------------------------------------------------------------------------- */

static void
set_caps (GstBitmarFilter *filter, const GstVideoInfo *info)
{
  GST_BITMAR_ENCODE (filter)->info = *info;
}

/* The last episode of a stream or segment has no buffer to travel on. */
static void
drain (GstBitmarEncode *self)
{
  GstBuffer *look;

  bitmar_worker_drain (self->worker);
  look = take_ready (self);
  if (!look)
    return;
  gst_pad_push_event (gst_bitmar_filter_get_src_pad (GST_BITMAR_FILTER (self)),
      gst_bitmar_episode_event_new (gst_bitmar_meta_peek (look, GST_BITMAR_EPISODE_META)));
  gst_buffer_unref (look);
}

static void
flush (GstBitmarEncode *self)
{
  bitmar_worker_discard (self->worker);
  bitmar_worker_drain (self->worker);
  gst_clear_buffer (&self->ready);
  self->grid = (BitmarGrid) { 0 };
  set_earliest (self, GST_CLOCK_TIME_NONE);
}

/* A frame that came late puts off the next look by twice its lateness, so that the sink can catch up. */
static gboolean
handle_upstream (GstBitmarFilter *filter, GstEvent *event)
{
  GstClockTimeDiff late;
  GstClockTime time;

  if (GST_EVENT_TYPE (event) != GST_EVENT_QOS)
    return FALSE;
  gst_event_parse_qos (event, NULL, NULL, &late, &time);
  if (GST_CLOCK_TIME_IS_VALID (time))
    set_earliest (GST_BITMAR_ENCODE (filter), late > 0 ? time + 2 * late : 0);
  return FALSE;
}

static void
handle_event (GstBitmarFilter *filter, GstEvent **event)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (filter);

  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_SEGMENT:
      drain (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      flush (self);
      break;
    default:
      break;
  }
}

static void
interrupt (GstBitmarFilter *filter)
{
  bitmar_worker_discard (GST_BITMAR_ENCODE (filter)->worker);
}

static gboolean
load (GstBitmarFilter *filter, BitmarModel *model, GError **error)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (filter);

  self->encoder = bitmar_encoder_new (model, error);
  if (!self->encoder || !(self->episode = bitmar_episode_new (model, error)))
    return FALSE;
  g_mutex_lock (&self->lock);
  self->model_bytes = bitmar_model_get_size (model);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static void
start (GstBitmarFilter *filter)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (filter);

  self->grid = (BitmarGrid) { 0 };
  self->frames = self->encoded = self->skipped = 0;
  self->times = (BitmarSeries) { 0 };
  set_earliest (self, GST_CLOCK_TIME_NONE);
  self->worker = bitmar_worker_new ("bitmar-encode", wait_for_model, encode_job, job_free, self);
}

static void
stop (GstBitmarFilter *filter)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (filter);

  g_clear_pointer (&self->worker, bitmar_worker_free);
  gst_clear_buffer (&self->ready);
  bitmar_thumbnailer_clear (&self->thumbnailer);
  g_clear_object (&self->encoder);
  g_clear_object (&self->episode);
}

/* ---- Object -------------------------------------------------------------------------------------- */

static GstStructure *
make_stats (GstBitmarEncode *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("bitmarencode-stats",
      "frames-in", G_TYPE_UINT64, self->frames, "frames-encoded", G_TYPE_UINT64, self->encoded,
      "frames-skipped", G_TYPE_UINT64, self->skipped,
      "encode-p50", G_TYPE_UINT, bitmar_series_percentile (&self->times, 50),
      "encode-p95", G_TYPE_UINT, bitmar_series_percentile (&self->times, 95),
      "encode-max", G_TYPE_UINT, self->times.max, "model-bytes", G_TYPE_UINT64, (guint64) self->model_bytes, NULL);
  g_mutex_unlock (&self->lock);
  return s;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MAX_RATE:
      self->rate_n = gst_value_get_fraction_numerator (value);
      self->rate_d = gst_value_get_fraction_denominator (value);
      break;
    case PROP_THUMBNAIL_WIDTH:
      self->thumbnail_width = g_value_get_uint (value);
      break;
    case PROP_QOS:
      self->qos = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarEncode *self = GST_BITMAR_ENCODE (object);

  switch (id) {
    case PROP_MAX_RATE:
      GST_OBJECT_LOCK (self);
      gst_value_set_fraction (value, self->rate_n, self->rate_d);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_THUMBNAIL_WIDTH:
      GST_OBJECT_LOCK (self);
      g_value_set_uint (value, self->thumbnail_width);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_QOS:
      GST_OBJECT_LOCK (self);
      g_value_set_boolean (value, self->qos);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
finalize (GObject *object)
{
  g_mutex_clear (&GST_BITMAR_ENCODE (object)->lock);
  G_OBJECT_CLASS (gst_bitmar_encode_parent_class)->finalize (object);
}

static void
gst_bitmar_encode_init (GstBitmarEncode *self)
{
  g_mutex_init (&self->lock);
  self->rate_n = self->rate_d = 1;
  self->earliest = GST_CLOCK_TIME_NONE;
}

static void
gst_bitmar_encode_class_init (GstBitmarEncodeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBitmarFilterClass *filter_class = GST_BITMAR_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_encode_debug, "bitmarencode", 0, "BitMar video encoder");
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  filter_class->warns_of_missing_time = TRUE;
  filter_class->start = start;
  filter_class->stop = stop;
  filter_class->load = load;
  filter_class->interrupt = interrupt;
  filter_class->set_caps = set_caps;
  filter_class->frame = encode_frame;
  filter_class->event = handle_event;
  filter_class->upstream_event = handle_upstream;

  g_object_class_install_property (object_class, PROP_MAX_RATE,
      gst_param_spec_fraction ("max-rate", "Maximum rate",
          "How many frames a second are looked at, at most, by their timestamps; 0/1 looks at every frame. Lower it "
          "where the CPU is too slow for all cameras", 0, 1, G_MAXINT, 1, 1, 1,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_THUMBNAIL_WIDTH,
      g_param_spec_uint ("thumbnail-width", "Thumbnail width",
          "Width in pixels of the small picture that bitmarmemory's event log keeps with each event, its height in "
          "proportion; 0 keeps none", 0, 1024, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_QOS,
      g_param_spec_boolean ("qos", "Quality of service",
          "Skip frames that the sink says come too late for it. Leave it off where a file must give the same captions "
          "on every machine", FALSE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was done since the start: how many frames came in, were looked at (encoded) and were skipped, the time "
          "in microseconds that a look takes (median, 95th percentile, longest), and the bytes of the model",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "BitMar encoder", "Filter/Analyzer/Video",
      "Looks at video frames and attaches what it sees as metadata, for bitmarmemory and bitmarcaption",
      "The BitMar for GStreamer authors");
}
