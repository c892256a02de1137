/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tee ! queue ! videoscale ! videoconvert ! jpegenc ! appsink
 *
 * Whether a frame becomes a picture is decided before the queue, in no time, so that a camera nobody views pays nothing; the queue holds one frame
 * and loses it to the next, so that whatever takes long behind it holds up nothing before it. */
#include "watch-live.h"

#include <gst/app/gstappsink.h>

#define N_ELEMENTS 3

typedef struct {
  BwoPictureFunc func;
  gpointer data;
} View;

struct _WatchLive {
  GMutex lock;                 /* of the elements */
  GstElement *elements[N_ELEMENTS];    /* NULL: it is away */
  GMutex views_lock;           /* held while viewers are told */
  GPtrArray *views;            /* View */
  gint n_views;                /* atomic: who has a frame in hand waits for no lock */
  guint side, rate;
  gint64 next_us;              /* of the thread that has the frames */
};

WatchLive *
watch_live_new (void)
{
  WatchLive *live = g_new0 (WatchLive, 1);

  g_mutex_init (&live->lock);
  g_mutex_init (&live->views_lock);
  live->views = g_ptr_array_new_with_free_func (g_free);
  live->side = 640;
  live->rate = 10;
  return live;
}

void
watch_live_free (WatchLive *live)
{
  watch_live_end (live);
  g_ptr_array_unref (live->views);
  g_mutex_clear (&live->views_lock);
  g_mutex_clear (&live->lock);
  g_free (live);
}

void
watch_live_limit (WatchLive *live, guint side, guint rate)
{
  live->side = side;
  live->rate = rate;
}

/* ---- Pictures ---------------------------------------------------------------------------------------- */

static GstPadProbeReturn
choose (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  WatchLive *live = data;
  gint64 now = g_get_monotonic_time ();

  if (g_atomic_int_get (&live->n_views) == 0 || now < live->next_us)
    return GST_PAD_PROBE_DROP;
  live->next_us = now + G_USEC_PER_SEC / live->rate;
  return GST_PAD_PROBE_OK;
}

static GBytes *
bytes_of (GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  gsize size = buffer ? gst_buffer_get_size (buffer) : 0;
  guint8 *data = size ? g_malloc (size) : NULL;

  if (!data)
    return NULL;
  gst_buffer_extract (buffer, 0, data, size);
  return g_bytes_new_take (data, size);
}

static GstFlowReturn
show (GstAppSink *sink, gpointer data)
{
  WatchLive *live = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  g_autoptr (GBytes) jpeg = sample ? bytes_of (sample) : NULL;

  g_clear_pointer (&sample, gst_sample_unref);
  if (!jpeg)
    return GST_FLOW_OK;
  g_mutex_lock (&live->views_lock);
  for (guint i = 0; i < live->views->len; i++) {
    const View *view = live->views->pdata[i];

    view->func (view->data, jpeg);
  }
  g_mutex_unlock (&live->views_lock);
  return GST_FLOW_OK;
}

/* One frame, of any size. */
static GstElement *
make_branch (const WatchLive *live)
{
  g_autofree char *text = g_strdup_printf ("queue name=in leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! videoscale ! videoconvert ! "
      "video/x-raw,width=[1,%u],height=[1,%u],pixel-aspect-ratio=1/1 ! jpegenc quality=80 ! "
      "appsink name=out sync=false async=false qos=false max-buffers=1 drop=true", live->side, live->side);

  return gst_parse_bin_from_description_full (text, TRUE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, NULL);
}

static void
connect_branch (WatchLive *live, GstBin *branch)
{
  GstAppSinkCallbacks callbacks = { .new_sample = show };
  GstElement *queue = gst_bin_get_by_name (branch, "in"), *sink = gst_bin_get_by_name (branch, "out");
  GstPad *pad = gst_element_get_static_pad (queue, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, choose, live, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, live, NULL);
  gst_object_unref (pad);
  gst_object_unref (queue);
  gst_object_unref (sink);
}

gboolean
watch_live_add (WatchLive *live, GstBin *bin, GstElement *tee)
{
  GstElement *branch = make_branch (live);

  if (!branch)
    return FALSE;
  connect_branch (live, GST_BIN (branch));
  gst_bin_add (bin, branch);
  return gst_element_link (tee, branch);
}

gpointer
watch_live_view (WatchLive *live, BwoPictureFunc func, gpointer data)
{
  GstElementFactory *encoder = gst_element_factory_find ("jpegenc");
  View *view;

  if (!encoder)
    return NULL;
  gst_object_unref (encoder);
  view = g_new (View, 1);
  *view = (View) { func, data };
  g_mutex_lock (&live->views_lock);
  g_ptr_array_add (live->views, view);
  g_atomic_int_set (&live->n_views, (gint) live->views->len);
  g_mutex_unlock (&live->views_lock);
  return view;
}

void
watch_live_unview (WatchLive *live, gpointer view)
{
  g_mutex_lock (&live->views_lock);
  g_ptr_array_remove_fast (live->views, view);
  g_atomic_int_set (&live->n_views, (gint) live->views->len);
  g_mutex_unlock (&live->views_lock);
}

/* ---- Figures ----------------------------------------------------------------------------------------- */

void
watch_live_begin (WatchLive *live, GstElement *const elements[N_ELEMENTS])
{
  g_mutex_lock (&live->lock);
  for (guint i = 0; i < N_ELEMENTS; i++)
    live->elements[i] = gst_object_ref (elements[i]);
  g_mutex_unlock (&live->lock);
}

void
watch_live_end (WatchLive *live)
{
  g_mutex_lock (&live->lock);
  for (guint i = 0; i < N_ELEMENTS; i++)
    gst_clear_object (&live->elements[i]);
  g_mutex_unlock (&live->lock);
}

/* With a reference of ours: a pipeline may end meanwhile, and is not waited for by it. */
GstStructure *
watch_live_stats (WatchLive *live)
{
  static const char *const names[N_ELEMENTS] = { "encode", "memory", "caption" };
  GstElement *elements[N_ELEMENTS];
  GstStructure *all = NULL;

  g_mutex_lock (&live->lock);
  for (guint i = 0; i < N_ELEMENTS; i++)
    elements[i] = live->elements[i] ? gst_object_ref (live->elements[i]) : NULL;
  g_mutex_unlock (&live->lock);
  for (guint i = 0; i < N_ELEMENTS && elements[i]; i++) {
    g_autoptr (GstStructure) stats = NULL;

    all = all ? all : gst_structure_new_empty ("stats");
    g_object_get (elements[i], "stats", &stats, NULL);
    gst_structure_set (all, names[i], GST_TYPE_STRUCTURE, stats, NULL);
    gst_object_unref (elements[i]);
  }
  return all;
}
