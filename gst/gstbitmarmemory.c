/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-bitmarmemory
 * @title: bitmarmemory
 * @see_also: bitmarencode, bitmarcaption
 *
 * Remembers what bitmarencode saw in a fixed number of slots, tells how new each look is, and lets bitmarcaption
 * take into account what it recalls. The video passes untouched and at once.
 *
 * A flush or seek keeps the memory; going to READY forgets it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! bitmarencode ! bitmarmemory memory-size=256 ! bitmarcaption ! autovideosink
 * ]|
 */

#include "gstbitmarmemory.h"

GST_DEBUG_CATEGORY_STATIC (bitmar_memory_debug);
#define GST_CAT_DEFAULT bitmar_memory_debug

#define DEFAULT_THRESHOLD -2.0  /* the model's */

struct _GstBitmarMemory {
  GstBitmarFilter parent;

  /* object lock */
  guint size;
  gdouble threshold;
  char *stream_id;
  /* lock */
  GMutex lock;
  BitmarMemory *memory;
  BitmarEpisode *episode;
  guint64 frames, episodes, skipped;
  guint used;
  gsize model_bytes, memory_bytes;
};

enum { PROP_0, PROP_MEMORY_SIZE, PROP_SIMILARITY_THRESHOLD, PROP_STREAM_ID, PROP_STATS };
enum { SIGNAL_CLEAR, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (GstBitmarMemory, gst_bitmar_memory, GST_TYPE_BITMAR_FILTER)
GST_ELEMENT_REGISTER_DEFINE (bitmarmemory, "bitmarmemory", GST_RANK_NONE, GST_TYPE_BITMAR_MEMORY)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY)"));

/* The element's stream-id, else upstream's. */
static char *
stream_name (GstBitmarMemory *self)
{
  char *name;

  GST_OBJECT_LOCK (self);
  name = g_strdup (self->stream_id);
  GST_OBJECT_UNLOCK (self);
  return name ? name : gst_pad_get_stream_id (gst_bitmar_filter_get_sink_pad (GST_BITMAR_FILTER (self)));
}

/* Replaces what the structure holds by the episode with what was recalled. lock held. */
static gboolean
observe_locked (GstBitmarMemory *self, GstStructure *s, GBytes *bytes, const GstBitmarTime *time, const char *stream,
    GError **error)
{
  GBytes *recalled;

  if (!bitmar_episode_set_bytes (self->episode, bytes, error)
      || !bitmar_memory_observe (self->memory, self->episode, time->running_time, error))
    return FALSE;
  self->episodes++;
  self->used = bitmar_memory_get_used (self->memory);
  recalled = bitmar_episode_to_bytes (self->episode);
  gst_bitmar_episode_write (s, recalled, stream);
  g_bytes_unref (recalled);
  return TRUE;
}

/* buffer = NULL for an event. */
static GstFlowReturn
observe (GstBitmarMemory *self, GstStructure *s, GstBuffer *buffer)
{
  GstFlowReturn flow;
  GstBitmarTime time;
  GBytes *bytes;
  GError *error = NULL;
  char *stream;

  /* Live video waits for nobody; the episode then goes on as it came. */
  if (!gst_bitmar_filter_get_model (GST_BITMAR_FILTER (self), !gst_bitmar_filter_is_live (GST_BITMAR_FILTER (self)),
          &flow)) {
    g_mutex_lock (&self->lock);
    self->skipped++;
    g_mutex_unlock (&self->lock);
    return flow;
  }
  bytes = gst_bitmar_episode_read (s, &time);
  if (!bytes)
    return GST_FLOW_OK;
  stream = stream_name (self);
  g_mutex_lock (&self->lock);
  if (observe_locked (self, s, bytes, &time, stream, &error) && buffer)
    gst_bitmar_meta_add_memory (buffer, bitmar_episode_get_novelty (self->episode),
        bitmar_episode_get_slot (self->episode), self->used, stream);
  g_mutex_unlock (&self->lock);
  g_bytes_unref (bytes);
  g_free (stream);
  if (!error)
    return GST_FLOW_OK;
  gst_bitmar_filter_fail (GST_BITMAR_FILTER (self), error);
  return GST_FLOW_ERROR;
}

static GstFlowReturn
memory_frame (GstBitmarFilter *filter, GstBuffer **buffer, const GstBitmarTime *time)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  g_mutex_lock (&self->lock);
  self->frames++;
  g_mutex_unlock (&self->lock);
  if (!gst_bitmar_meta_peek (*buffer, GST_BITMAR_EPISODE_META))
    return GST_FLOW_OK;
  *buffer = gst_buffer_make_writable (*buffer);
  return observe (self, gst_bitmar_meta_peek (*buffer, GST_BITMAR_EPISODE_META), *buffer);
}

static void
handle_event (GstBitmarFilter *filter, GstEvent **event)
{
  if (!gst_bitmar_episode_event_peek (*event))
    return;
  *event = gst_event_make_writable (*event);
  observe (GST_BITMAR_MEMORY (filter), gst_event_writable_structure (*event), NULL);
}

static gboolean
load (GstBitmarFilter *filter, BitmarModel *model, GError **error)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);
  gdouble threshold;
  BitmarMemory *memory;
  guint size;

  GST_OBJECT_LOCK (self);
  size = self->size;
  threshold = self->threshold;
  GST_OBJECT_UNLOCK (self);
  memory = bitmar_memory_new (model, size, threshold, error);
  if (!memory)
    return FALSE;
  g_mutex_lock (&self->lock);
  self->memory = memory;
  self->episode = bitmar_episode_new (model);
  self->model_bytes = bitmar_model_get_size (model);
  self->memory_bytes = 2 * sizeof (float) * (gsize) bitmar_memory_get_slots (memory)
      * bitmar_model_get_memory_width (model);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static void
start (GstBitmarFilter *filter)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  self->frames = self->episodes = self->skipped = 0;
  self->used = 0;
}

static void
stop (GstBitmarFilter *filter)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (filter);

  g_mutex_lock (&self->lock);
  g_clear_object (&self->memory);
  g_clear_object (&self->episode);
  g_mutex_unlock (&self->lock);
}

static void
clear (GstBitmarMemory *self)
{
  g_mutex_lock (&self->lock);
  if (self->memory)
    bitmar_memory_clear (self->memory);
  self->used = 0;
  g_mutex_unlock (&self->lock);
}

static GstStructure *
make_stats (GstBitmarMemory *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("bitmarmemory-stats", "frames-in", G_TYPE_UINT64, self->frames,
      "episodes", G_TYPE_UINT64, self->episodes, "skipped", G_TYPE_UINT64, self->skipped,
      "slots-used", G_TYPE_UINT, self->used, "memory-bytes", G_TYPE_UINT64, (guint64) self->memory_bytes,
      "model-bytes", G_TYPE_UINT64, (guint64) self->model_bytes, NULL);
  g_mutex_unlock (&self->lock);
  return s;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MEMORY_SIZE:
      self->size = g_value_get_uint (value);
      break;
    case PROP_SIMILARITY_THRESHOLD:
      self->threshold = g_value_get_double (value);
      break;
    case PROP_STREAM_ID:
      g_free (self->stream_id);
      self->stream_id = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_MEMORY_SIZE:
      g_value_set_uint (value, self->size);
      break;
    case PROP_SIMILARITY_THRESHOLD:
      g_value_set_double (value, self->threshold);
      break;
    case PROP_STREAM_ID:
      g_value_set_string (value, self->stream_id);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
finalize (GObject *object)
{
  GstBitmarMemory *self = GST_BITMAR_MEMORY (object);

  g_free (self->stream_id);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_bitmar_memory_parent_class)->finalize (object);
}

static void
gst_bitmar_memory_init (GstBitmarMemory *self)
{
  g_mutex_init (&self->lock);
  self->threshold = DEFAULT_THRESHOLD;
}

static void
install_properties (GObjectClass *klass)
{
  g_object_class_install_property (klass, PROP_MEMORY_SIZE,
      g_param_spec_uint ("memory-size", "Memory size", "Slots of the memory. 0: as many as the model was trained with", 0,
          65536, 0, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (klass, PROP_SIMILARITY_THRESHOLD,
      g_param_spec_double ("similarity-threshold", "Similarity threshold",
          "Cosine similarity from which a look is merged into the slot it resembles. -2: the model's", -2, 1,
          DEFAULT_THRESHOLD, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (klass, PROP_STREAM_ID,
      g_param_spec_string ("stream-id", "Stream id",
          "Name of this stream in metadata and JSON, such as a camera's name. Unset: upstream's stream id", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Frames, looks remembered or skipped, slots in use, sizes in bytes",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_bitmar_memory_class_init (GstBitmarMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBitmarFilterClass *filter_class = GST_BITMAR_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (bitmar_memory_debug, "bitmarmemory", 0, "BitMar episodic memory");
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  filter_class->start = start;
  filter_class->stop = stop;
  filter_class->load = load;
  filter_class->frame = memory_frame;
  filter_class->event = handle_event;
  install_properties (object_class);

  /**
   * GstBitmarMemory::clear:
   *
   * Action signal: forgets everything.
   */
  signals[SIGNAL_CLEAR] = g_signal_new_class_handler ("clear", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, G_CALLBACK (clear), NULL, NULL, NULL, G_TYPE_NONE, 0);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "BitMar memory", "Filter/Analyzer/Video",
      "Remembers what bitmarencode saw, tells how new each look is, and recalls it for bitmarcaption",
      "The BitMar for GStreamer authors");
}
