/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mount.h"

/* ---- Media: the pipeline of all who watch a mount ---------------------------------------------------- */

typedef struct {
  GstRTSPMedia parent;
} BitmarRtspMedia;

typedef struct {
  GstRTSPMediaClass parent;
} BitmarRtspMediaClass;

static GType bitmar_rtsp_media_get_type (void);
G_DEFINE_TYPE (BitmarRtspMedia, bitmar_rtsp_media, GST_TYPE_RTSP_MEDIA)

/* RTCP tells when a frame was taken, not when it was sent. */
static gboolean
setup_rtpbin (GstRTSPMedia *media, GstElement *rtpbin)
{
  g_object_set (rtpbin, "rtcp-sync-send-time", FALSE, NULL);
  return TRUE;
}

/* The last one has gone; who comes while it is taken down gets a new one. */
static gboolean
unprepare (GstRTSPMedia *media)
{
  bitmar_rtsp_media_retire (media);
  return GST_RTSP_MEDIA_CLASS (bitmar_rtsp_media_parent_class)->unprepare (media);
}

static gboolean
handle_message (GstRTSPMedia *media, GstMessage *message)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    bitmar_rtsp_media_retire (media);
  return GST_RTSP_MEDIA_CLASS (bitmar_rtsp_media_parent_class)->handle_message (media, message);
}

static void
bitmar_rtsp_media_init (BitmarRtspMedia *media)
{
}

static void
bitmar_rtsp_media_class_init (BitmarRtspMediaClass *klass)
{
  GstRTSPMediaClass *media_class = GST_RTSP_MEDIA_CLASS (klass);

  media_class->setup_rtpbin = setup_rtpbin;
  media_class->unprepare = unprepare;
  media_class->handle_message = handle_message;
}

/* ---- Factory ----------------------------------------------------------------------------------------- */

typedef struct {
  GstRTSPMediaFactory parent;
  BitmarRtspMount *mount;
} BitmarRtspFactory;

typedef struct {
  GstRTSPMediaFactoryClass parent;
} BitmarRtspFactoryClass;

static GType bitmar_rtsp_factory_get_type (void);
G_DEFINE_TYPE (BitmarRtspFactory, bitmar_rtsp_factory, GST_TYPE_RTSP_MEDIA_FACTORY)

static char *
gen_key (GstRTSPMediaFactory *factory, const GstRTSPUrl *url)
{
  return g_strdup_printf ("%u", bitmar_rtsp_mount_get_generation (((BitmarRtspFactory *) factory)->mount));
}

/* Without a source there is nothing to make, which is no fault of the program. */
static GstRTSPMedia *
construct (GstRTSPMediaFactory *factory, const GstRTSPUrl *url)
{
  GstElement *bin = bitmar_rtsp_mount_make_bin (((BitmarRtspFactory *) factory)->mount);
  GstRTSPMedia *media;

  if (!bin)
    return NULL;
  media = g_object_new (bitmar_rtsp_media_get_type (), "element", gst_object_ref_sink (bin), NULL);
  gst_object_unref (bin);
  gst_rtsp_media_collect_streams (media);
  GST_RTSP_MEDIA_FACTORY_GET_CLASS (factory)->create_pipeline (factory, media);
  return media;
}

/* Its running time is the system clock's time, so that what comes needs no other. */
static GstElement *
create_pipeline (GstRTSPMediaFactory *factory, GstRTSPMedia *media)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstClock *clock = gst_system_clock_obtain ();

  gst_pipeline_use_clock (GST_PIPELINE (pipeline), clock);
  gst_object_unref (clock);
  gst_element_set_start_time (pipeline, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (pipeline, 0);
  gst_rtsp_media_take_pipeline (media, GST_PIPELINE (pipeline));
  return pipeline;
}

static void
configure (GstRTSPMediaFactory *factory, GstRTSPMedia *media)
{
  GST_RTSP_MEDIA_FACTORY_CLASS (bitmar_rtsp_factory_parent_class)->configure (factory, media);
  bitmar_rtsp_mount_attach (((BitmarRtspFactory *) factory)->mount, media);
}

static void
finalize (GObject *object)
{
  bitmar_rtsp_mount_unref (((BitmarRtspFactory *) object)->mount);
  G_OBJECT_CLASS (bitmar_rtsp_factory_parent_class)->finalize (object);
}

static void
bitmar_rtsp_factory_init (BitmarRtspFactory *factory)
{
}

static void
bitmar_rtsp_factory_class_init (BitmarRtspFactoryClass *klass)
{
  GstRTSPMediaFactoryClass *factory_class = GST_RTSP_MEDIA_FACTORY_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  factory_class->gen_key = gen_key;
  factory_class->construct = construct;
  factory_class->create_pipeline = create_pipeline;
  factory_class->configure = configure;
}

GstRTSPMediaFactory *
bitmar_rtsp_factory_new (BitmarRtspMount *mount)
{
  BitmarRtspFactory *factory = g_object_new (bitmar_rtsp_factory_get_type (), NULL);

  factory->mount = bitmar_rtsp_mount_ref (mount);
  gst_rtsp_media_factory_set_shared (GST_RTSP_MEDIA_FACTORY (factory), TRUE);
  return GST_RTSP_MEDIA_FACTORY (factory);
}

BitmarRtspMount *
bitmar_rtsp_factory_get_mount (GstRTSPMediaFactory *factory)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (factory, bitmar_rtsp_factory_get_type ()) ? ((BitmarRtspFactory *) factory)->mount : NULL;
}
