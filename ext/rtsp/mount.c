/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes is given to the pipeline of those who watch, on the time of the system clock: a frame's RTP time says by RTCP when it was taken, as its
 * document's UtcTime does. */
#include "mount.h"

#include <gst/app/app.h>

/* Of video that waits to be sent, when nobody who watches takes any. Beyond that it goes on with a key frame. */
#define MAX_BEHIND_BYTES (8 << 20)
#define MAX_BEHIND_TIME (2 * GST_SECOND)
#define MAX_METADATA_BYTES (1 << 20)

/* A media's end of it. */
typedef struct {
  BitmarRtspMount *mount;      /* a reference */
  GstAppSrc *video, *metadata;
  guint generation;
  gboolean behind;             /* nothing until the next key frame */
  GstClockTime said;           /* time of the last document */
  gint64 ended;                /* monotonic time, 0: it goes on */
} Feed;

struct _BitmarRtspMount {
  GMutex lock;                 /* of the rest, and of the feeds */
  GstCaps *caps;               /* of the video, NULL: there is none now */
  GstBuffer *key, *document;   /* the last key frame and the last document that says all: with these a pipeline begins */
  GstClockTime newest;         /* of the video, on the clock */
  GList *feeds;
  guint generation;
  gboolean welcome;            /* somebody has come */
};

static const char feed_key[] = "bitmar-rtsp-feed";

/* ---- A media's end ----------------------------------------------------------------------------------- */

static void
feed_free (gpointer data)
{
  Feed *feed = data;

  g_mutex_lock (&feed->mount->lock);
  feed->mount->feeds = g_list_remove (feed->mount->feeds, feed);
  g_mutex_unlock (&feed->mount->lock);
  gst_object_unref (feed->video);
  gst_object_unref (feed->metadata);
  bitmar_rtsp_mount_unref (feed->mount);
  g_free (feed);
}

static void
give (GstAppSrc *source, GstBuffer *buffer, GstClockTime pts)
{
  GstBuffer *copy = gst_buffer_copy (buffer);
  GstClockTime delay = 0;

  if (GST_BUFFER_PTS_IS_VALID (buffer) && GST_BUFFER_DTS_IS_VALID (buffer) && GST_BUFFER_PTS (buffer) > GST_BUFFER_DTS (buffer))
    delay = MIN (GST_BUFFER_PTS (buffer) - GST_BUFFER_DTS (buffer), pts);
  GST_BUFFER_PTS (copy) = pts;
  GST_BUFFER_DTS (copy) = pts - delay;
  gst_app_src_push_buffer (source, copy);
}

static gboolean
is_key (GstBuffer *buffer)
{
  return !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

/* With the lock. */
static void
give_video (Feed *feed, GstBuffer *buffer, GstClockTime time)
{
  if (gst_app_src_get_current_level_bytes (feed->video) > MAX_BEHIND_BYTES || gst_app_src_get_current_level_time (feed->video) > MAX_BEHIND_TIME)
    feed->behind = TRUE;
  else if (is_key (buffer))
    feed->behind = FALSE;
  if (!feed->behind && !feed->ended)
    give (feed->video, buffer, time);
}

/* With the lock. Times never go back: a document's is a little behind that of the video. */
static void
give_metadata (Feed *feed, GstBuffer *document, GstClockTime time)
{
  if (feed->ended || gst_app_src_get_current_level_bytes (feed->metadata) > MAX_METADATA_BYTES)
    return;
  feed->said = MAX (feed->said, time);
  give (feed->metadata, document, feed->said);
}

/* With the lock. */
static void
feed_end (Feed *feed)
{
  if (feed->ended)
    return;
  feed->ended = g_get_monotonic_time ();
  gst_app_src_end_of_stream (feed->video);
  gst_app_src_end_of_stream (feed->metadata);
}

void
bitmar_rtsp_mount_attach (BitmarRtspMount *mount, GstRTSPMedia *media)
{
  GstElement *bin = gst_rtsp_media_get_element (media);
  Feed *feed = g_new0 (Feed, 1);

  feed->mount = bitmar_rtsp_mount_ref (mount);
  feed->video = GST_APP_SRC (gst_bin_get_by_name (GST_BIN (bin), "video"));
  feed->metadata = GST_APP_SRC (gst_bin_get_by_name (GST_BIN (bin), "metadata"));
  g_mutex_lock (&mount->lock);
  feed->generation = mount->generation;
  /* The last key frame, as a picture of now: what has come since can't be shown without it, and a player would stay as far behind as it is old. */
  if (mount->key)
    give (feed->video, mount->key, mount->newest);
  if (mount->document)
    give_metadata (feed, mount->document, mount->newest);
  else
    feed_end (feed);
  feed->behind = TRUE;
  mount->feeds = g_list_prepend (mount->feeds, feed);
  g_mutex_unlock (&mount->lock);
  g_object_set_data_full (G_OBJECT (media), feed_key, feed, feed_free);
  gst_object_unref (bin);
}

void
bitmar_rtsp_media_retire (GstRTSPMedia *media)
{
  Feed *feed = g_object_get_data (G_OBJECT (media), feed_key);

  if (!feed)
    return;
  g_mutex_lock (&feed->mount->lock);
  if (feed->generation == feed->mount->generation)
    feed->mount->generation++;
  feed_end (feed);
  g_mutex_unlock (&feed->mount->lock);
}

gint64
bitmar_rtsp_media_ended_since (GstRTSPMedia *media)
{
  Feed *feed = g_object_get_data (G_OBJECT (media), feed_key);
  gint64 ended = 0;

  if (feed) {
    g_mutex_lock (&feed->mount->lock);
    ended = feed->ended;
    g_mutex_unlock (&feed->mount->lock);
  }
  return ended ? g_get_monotonic_time () - ended : -1;
}

/* ---- Who watches ------------------------------------------------------------------------------------- */

static const char *
find_payloader (const GstCaps *caps)
{
  static const struct {
    const char *type, *line;
  } payloaders[] = {
    { "video/x-h264", "rtph264pay config-interval=-1" }, { "video/x-h265", "rtph265pay config-interval=-1" }, { "image/jpeg", "rtpjpegpay" },
    { "video/x-vp8", "rtpvp8pay" }, { "video/x-vp9", "rtpvp9pay" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (payloaders); i++)
    if (gst_structure_has_name (gst_caps_get_structure (caps, 0), payloaders[i].type))
      return payloaders[i].line;
  return NULL;
}

static GstElement *
build (GstCaps *caps)
{
  const char *payloader = find_payloader (caps);
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;
  GstElement *bin, *video;

  if (!payloader) {
    GST_ERROR ("RTP has no form for %s", gst_structure_get_name (gst_caps_get_structure (caps, 0)));
    return NULL;
  }
  line = g_strdup_printf ("appsrc name=video format=time is-live=true max-bytes=0 ! %s name=pay0 pt=96  appsrc name=metadata format=time "
      "is-live=true max-bytes=0 caps=\"application/x-onvif-metadata, parsed=(boolean)true\" ! rtpbitmaronvifpay name=pay1 pt=98", payloader);
  bin = gst_parse_bin_from_description_full (line, FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!bin) {
    GST_ERROR ("%s", error->message);
    return NULL;
  }
  video = gst_bin_get_by_name (GST_BIN (bin), "video");
  g_object_set (video, "caps", caps, NULL);
  gst_object_unref (video);
  return bin;
}

/* With the lock. */
static gboolean
is_ready (const BitmarRtspMount *mount)
{
  return mount->caps && mount->key && mount->document;
}

gboolean
bitmar_rtsp_mount_is_ready (BitmarRtspMount *mount)
{
  gboolean ready;

  g_mutex_lock (&mount->lock);
  ready = is_ready (mount);
  g_mutex_unlock (&mount->lock);
  return ready;
}

GstElement *
bitmar_rtsp_mount_make_bin (BitmarRtspMount *mount)
{
  g_autoptr (GstCaps) caps = NULL;

  g_mutex_lock (&mount->lock);
  if (is_ready (mount))
    caps = gst_caps_ref (mount->caps);
  g_mutex_unlock (&mount->lock);
  return caps ? build (caps) : NULL;
}

guint
bitmar_rtsp_mount_get_generation (BitmarRtspMount *mount)
{
  guint generation;

  g_mutex_lock (&mount->lock);
  generation = mount->generation;
  g_mutex_unlock (&mount->lock);
  return generation;
}

void
bitmar_rtsp_media_welcome (GstRTSPMedia *media)
{
  Feed *feed = g_object_get_data (G_OBJECT (media), feed_key);

  if (!feed)
    return;
  g_mutex_lock (&feed->mount->lock);
  feed->mount->welcome = TRUE;
  g_mutex_unlock (&feed->mount->lock);
}

/* ---- What comes -------------------------------------------------------------------------------------- */

static GstClockTime
clock_time_of (GstSample *sample, GstClockTime base_time)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstClockTime time = GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : GST_BUFFER_DTS (buffer);

  time = gst_segment_to_running_time (gst_sample_get_segment (sample), GST_FORMAT_TIME, time);
  /* Before it plays, a pipeline's is 0. */
  return GST_CLOCK_TIME_IS_VALID (time) && base_time > 0 ? base_time + time : GST_CLOCK_TIME_NONE;
}

/* With the lock. Who watches has been promised something else, and asks anew. */
static void
end_all (BitmarRtspMount *mount)
{
  mount->generation++;
  gst_clear_buffer (&mount->key);
  for (GList *l = mount->feeds; l; l = l->next)
    feed_end (l->data);
}

gboolean
bitmar_rtsp_mount_push_video (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time)
{
  GstClockTime time = clock_time_of (sample, base_time);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstCaps *caps = gst_sample_get_caps (sample);
  gboolean welcome;

  if (!GST_CLOCK_TIME_IS_VALID (time) || !caps)
    return FALSE;
  g_mutex_lock (&mount->lock);
  if (mount->caps && !gst_caps_is_equal (mount->caps, caps))
    end_all (mount);
  gst_caps_replace (&mount->caps, caps);
  if (is_key (buffer))
    gst_buffer_replace (&mount->key, buffer);
  mount->newest = time;
  for (GList *l = mount->feeds; l; l = l->next)
    give_video (l->data, buffer, time);
  welcome = mount->welcome;
  mount->welcome = FALSE;
  g_mutex_unlock (&mount->lock);
  return welcome;
}

void
bitmar_rtsp_mount_push_metadata (BitmarRtspMount *mount, GstSample *sample, GstClockTime base_time)
{
  GstClockTime time = clock_time_of (sample, base_time);
  GstBuffer *buffer = gst_sample_get_buffer (sample);

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  g_mutex_lock (&mount->lock);
  if (is_key (buffer))
    gst_buffer_replace (&mount->document, buffer);
  for (GList *l = mount->feeds; l; l = l->next)
    give_metadata (l->data, buffer, time);
  g_mutex_unlock (&mount->lock);
}

void
bitmar_rtsp_mount_stop (BitmarRtspMount *mount)
{
  g_mutex_lock (&mount->lock);
  gst_clear_caps (&mount->caps);
  gst_clear_buffer (&mount->document);
  end_all (mount);
  g_mutex_unlock (&mount->lock);
}

/* ---- Object ------------------------------------------------------------------------------------------ */

BitmarRtspMount *
bitmar_rtsp_mount_new (void)
{
  BitmarRtspMount *mount = g_atomic_rc_box_new0 (BitmarRtspMount);

  g_mutex_init (&mount->lock);
  return mount;
}

BitmarRtspMount *
bitmar_rtsp_mount_ref (BitmarRtspMount *mount)
{
  return g_atomic_rc_box_acquire (mount);
}

/* Each feed has a reference, so that there is none any more. */
static void
clear (gpointer data)
{
  BitmarRtspMount *mount = data;

  gst_clear_caps (&mount->caps);
  gst_clear_buffer (&mount->key);
  gst_clear_buffer (&mount->document);
  g_mutex_clear (&mount->lock);
}

void
bitmar_rtsp_mount_unref (BitmarRtspMount *mount)
{
  g_atomic_rc_box_release_full (mount, clear);
}
