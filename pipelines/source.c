/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "source.h"

#include <string.h>

#define V4L2 "v4l2://"

static const char *
without_scheme (const char *input)
{
  return g_str_has_prefix (input, V4L2) ? input + strlen (V4L2) : input;
}

gboolean
source_is_device (const char *input)
{
  const char *path = without_scheme (input);

  return g_str_has_prefix (path, "/dev/video") || g_str_has_prefix (path, "/dev/v4l/");
}

gboolean
source_is_rtsp (const char *input)
{
  return g_ascii_strncasecmp (input, "rtsp", 4) == 0;
}

/* ---- Linking ----------------------------------------------------------------------------------------- */

static void
pad_added (GstElement *source, GstPad *pad, gpointer first)
{
  GstPad *sink = gst_element_get_static_pad (first, "sink");
  GstCaps *caps = gst_pad_query_caps (pad, NULL);
  const char *name = gst_caps_get_size (caps) > 0 ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : "";

  if (!gst_pad_is_linked (sink) && g_str_has_prefix (name, "video/"))
    gst_pad_link (pad, sink);
  gst_caps_unref (caps);
  gst_object_unref (sink);
}

static void
no_more_pads (GstElement *source, gpointer first)
{
  GstPad *sink = gst_element_get_static_pad (first, "sink");
  GstObject *pipeline = gst_object_get_parent (first);

  if (pipeline && !gst_pad_is_linked (sink))
    gst_element_post_message (GST_ELEMENT (pipeline), gst_message_new_application (pipeline, gst_structure_new_empty ("no-video")));
  gst_clear_object (&pipeline);
  gst_object_unref (sink);
}

/* rtspsrc's own two seconds are for the internet. What is late is dropped, so that captions stay near the picture. */
static void
source_setup (GstElement *decoder, GstElement *source, gpointer data)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (source);

  if (g_object_class_find_property (klass, "latency") && g_object_class_find_property (klass, "drop-on-latency"))
    g_object_set (source, "latency", 200, "drop-on-latency", TRUE, NULL);
}

/* ---- Elements ---------------------------------------------------------------------------------------- */

/* A device's frames come as JPEG or raw; decodebin takes either. */
static GstElement *
open_device (GstElement *pipeline, const char *device, GError **error)
{
  GstElement *camera = gst_element_factory_make ("v4l2src", NULL), *decode = gst_element_factory_make ("decodebin", NULL);

  if (!camera || !decode) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "the element v4l2src is missing (gst-plugins-good)");
    gst_clear_object (&camera);
    gst_clear_object (&decode);
    return NULL;
  }
  g_object_set (camera, "device", device, NULL);
  gst_bin_add_many (GST_BIN (pipeline), camera, decode, NULL);
  gst_element_link (camera, decode);
  return decode;
}

static GstElement *
open_uri (GstElement *pipeline, const char *uri, GError **error)
{
  GstElement *source = gst_element_factory_make ("uridecodebin", NULL);

  if (!source) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "the element uridecodebin is missing");
    return NULL;
  }
  g_object_set (source, "uri", uri, "expose-all-streams", FALSE, NULL);
  /* A camera comes and goes while the pipeline plays, and gets there by itself. */
  g_object_set (source, "async-handling", source_is_rtsp (uri), NULL);
  gst_bin_add (GST_BIN (pipeline), source);
  g_signal_connect (source, "source-setup", G_CALLBACK (source_setup), NULL);
  return source;
}

GstElement *
source_open (GstElement *pipeline, const char *input, gboolean is_uri, const char *caps, GError **error)
{
  g_autofree char *uri = NULL;
  GstElement *source;
  GstCaps *wanted;

  if (source_is_device (input)) {
    source = open_device (pipeline, without_scheme (input), error);
  } else {
    uri = is_uri ? g_strdup (input) : gst_filename_to_uri (input, error);
    source = uri ? open_uri (pipeline, uri, error) : NULL;
  }
  if (!source)
    return NULL;
  wanted = gst_caps_from_string (caps);
  g_object_set (source, "caps", wanted, NULL);
  gst_caps_unref (wanted);
  return source;
}

GstElement *
source_add (GstElement *pipeline, GstElement *first, const char *input, gboolean is_uri, GError **error)
{
  GstElement *source = source_open (pipeline, input, is_uri, "video/x-raw(ANY)", error);

  if (!source)
    return NULL;
  g_signal_connect (source, "pad-added", G_CALLBACK (pad_added), first);
  if (!source_is_device (input))
    g_signal_connect (source, "no-more-pads", G_CALLBACK (no_more_pads), first);
  return source;
}

guint64
source_count_frames (GstElement *encode)
{
  GstStructure *stats;
  guint64 frames;

  g_object_get (encode, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "frames-in", &frames);
  gst_structure_free (stats);
  return frames;
}

gboolean
source_is_file (const char *input)
{
  return (!gst_uri_is_valid (input) && !source_is_device (input)) || gst_uri_has_protocol (input, "file");
}

char *
source_missing_file (const char *input)
{
  g_autofree char *path = NULL;

  if (!source_is_file (input))
    return NULL;
  path = gst_uri_is_valid (input) ? g_filename_from_uri (input, NULL, NULL) : g_strdup (input);
  return path && !g_file_test (path, G_FILE_TEST_EXISTS) ? g_strdup_printf ("there is no file %s", path) : NULL;
}
