/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures: GStreamer decodes them, the engine captions each with an empty memory. */

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <string.h>

#include "bitmar-gstvideo.h"
#include "cli.h"

#define MAX_SIDE 16384

typedef enum { JPEG, PNG, WEBP, N_KINDS, UNKNOWN = N_KINDS } Kind;

static const struct {
  const char *media_type, *decoders;
} kinds[N_KINDS] = {
  [JPEG] = { "image/jpeg", "jpegparse ! jpegdec name=decoder ! videoflip video-direction=auto" },
  [PNG] = { "image/png", "pngdec name=decoder" },
  [WEBP] = { "image/webp", "webpdec name=decoder" },
};

struct _CliPictures {
  Cli *cli;
  BitmarEncoder *encoder;
  BitmarEpisode *episode;
  BitmarCaptioner *captioner;
  BitmarCaption caption;
};

static Kind
kind_of (const guint8 *data, gsize size)
{
  if (size >= 3 && memcmp (data, "\xff\xd8\xff", 3) == 0)
    return JPEG;
  if (size >= 8 && memcmp (data, "\x89PNG\r\n\x1a\n", 8) == 0)
    return PNG;
  if (size >= 12 && memcmp (data, "RIFF", 4) == 0 && memcmp (data + 8, "WEBP", 4) == 0)
    return WEBP;
  return UNKNOWN;
}

gboolean
cli_is_picture (const guint8 *data, gsize size)
{
  return kind_of (data, size) != UNKNOWN;
}

CliPictures *
cli_pictures_new (Cli *cli, GError **error)
{
  CliPictures *p = g_new0 (CliPictures, 1);

  p->cli = cli;
  p->encoder = bitmar_encoder_new (cli->model, error);
  p->captioner = p->encoder ? bitmar_captioner_new (cli->model, error) : NULL;
  if (p->captioner && bitmar_captioner_set_prompt (p->captioner, cli->prompt, error)) {
    if ((p->episode = bitmar_episode_new (cli->model, error)))
      return p;
  }
  cli_pictures_free (p);
  return NULL;
}

void
cli_pictures_free (CliPictures *p)
{
  g_clear_object (&p->encoder);
  g_clear_object (&p->episode);
  g_clear_object (&p->captioner);
  g_free (p);
}

/* EXIF's orientation is heeded: people's photographs stand upright for the model, too. A pipeline for each picture: 1.22's
 * webpdec can't be used twice, and making one is quick beside decoding. */
static GstElement *
make_pipeline (Kind kind, GError **error)
{
  char *line = g_strdup_printf ("appsrc name=src format=bytes caps=%s ! %s ! videoconvert "
      "! capsfilter caps=\"%s\" ! appsink name=sink sync=false", kinds[kind].media_type, kinds[kind].decoders,
      BITMAR_VIDEO_CAPS);
  GstElement *pipeline = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);

  g_free (line);
  return pipeline;
}

/* The decoder tells the size before memory is taken for the picture. */
static GstPadProbeReturn
note_size (GstPad *pad, GstPadProbeInfo *probe, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (probe);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    gst_video_info_from_caps (data, caps);
  }
  return GST_PAD_PROBE_OK;
}

static void
watch_size (GstElement *pipeline, GstVideoInfo *info)
{
  GstElement *decoder = gst_bin_get_by_name (GST_BIN (pipeline), "decoder");
  GstPad *pad = gst_element_get_static_pad (decoder, "src");

  gst_video_info_init (info);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_size, info, NULL);
  gst_object_unref (pad);
  gst_object_unref (decoder);
}

/* "Internal data stream error" says nothing to the user. */
static void
explain (const GstVideoInfo *info, GError **error)
{
  if (GST_VIDEO_INFO_WIDTH (info) > MAX_SIDE || GST_VIDEO_INFO_HEIGHT (info) > MAX_SIDE) {
    g_clear_error (error);
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "the picture is %dx%d, more than %d pixels a side",
        GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), MAX_SIDE);
  } else if (g_error_matches (*error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED)) {
    g_clear_error (error);
    g_set_error_literal (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
        "the picture is damaged, or of a kind that its decoder does not know");
  }
}

/* The pipeline's error, or that there was no picture. */
static void
decode_error (GstElement *pipeline, GError **error)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "there is no complete picture in it");
  }
  gst_object_unref (bus);
}

static GstSample *
decode (const guint8 *data, gsize size, GError **error)
{
  GstElement *pipeline = make_pipeline (kind_of (data, size), error), *src, *sink;
  GstVideoInfo info;
  GstSample *sample;

  if (!pipeline)
    return NULL;
  watch_size (pipeline, &info);
  src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (src), gst_buffer_new_memdup (data, size));
  gst_app_src_end_of_stream (GST_APP_SRC (src));
  sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 30 * GST_SECOND);
  if (!sample)
    decode_error (pipeline, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (!sample)
    explain (&info, error);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return sample;
}

static gboolean
caption_sample (CliPictures *p, GstSample *sample, GError **error)
{
  BitmarCaptionParams params = { .beam_size = p->cli->beam, .max_tokens = p->cli->max_tokens, .length_penalty = -1 };
  GstVideoInfo info;
  GstVideoFrame frame;
  BitmarImage image;
  gboolean done;

  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "the decoded picture can't be read");
    return FALSE;
  }
  done = bitmar_image_from_video_frame (&image, &frame);
  if (!done)
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "pictures of the format %s are not known",
        GST_VIDEO_INFO_NAME (&info));
  done = done && bitmar_encoder_encode (p->encoder, &image, p->episode, error);
  gst_video_frame_unmap (&frame);
  /* No picture is told of what was seen before it. */
  bitmar_captioner_reset (p->captioner);
  return done && bitmar_captioner_caption (p->captioner, p->episode, &params, &p->caption, error);
}

void
cli_pictures_caption (CliPictures *p, const char *input, gboolean is_uri, const char *path)
{
  GError *error = NULL;
  GstSample *sample = NULL;
  char *data;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, &error)) {
    cli_skip (p->cli, input, "%s", error->message);
    g_error_free (error);
    return;
  }
  sample = decode ((const guint8 *) data, size, &error);
  g_free (data);
  if (sample && caption_sample (p, sample, &error)) {
    CliLine line = { .input = input, .is_uri = is_uri, .pts = GST_CLOCK_TIME_NONE, .text = p->caption.text,
      .confidence = p->caption.confidence, .novelty = 1, .slot = -1, .tokens = p->caption.tokens };

    /* without --min-confidence all are printed */
    if (line.confidence >= p->cli->min_confidence)
      cli_print_caption (p->cli, &line);
    else
      cli_note (p->cli, input, "the model is not sure enough of its caption");
  }
  if (error)
    cli_skip (p->cli, input, "%s", error->message);
  g_clear_error (&error);
  g_clear_pointer (&sample, gst_sample_unref);
}
