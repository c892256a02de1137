/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The engine without GStreamer: captions pictures of one camera in their order, remembers them, logs them and searches the log.
 *
 *   cc engine.c -o engine $(pkg-config --cflags --libs bitmar-1.0)
 *   ./engine EVENTS.db SENTENCE PICTURE.ppm… */
#include <bitmar.h>
#include <stdio.h>

#define SECOND G_GUINT64_CONSTANT (1000000000)

/* All that belongs to one camera. */
typedef struct {
  BitmarEncoder *encoder;
  BitmarEpisode *episode;
  BitmarMemory *memory;
  BitmarCaptioner *captioner;
  BitmarEventLog *log;
} Camera;

static gboolean
camera_open (Camera *c, BitmarModel *model, const char *log, GError **error)
{
  return (c->encoder = bitmar_encoder_new (model, error)) && (c->episode = bitmar_episode_new (model, error))
      && (c->memory = bitmar_memory_new (model, 0, -2, error)) && (c->captioner = bitmar_captioner_new (model, error))
      && (c->log = bitmar_event_log_open (log, model, BITMAR_EVENT_LOG_WRITE, error));
}

static void
camera_close (Camera *c)
{
  g_clear_object (&c->encoder);
  g_clear_object (&c->episode);
  g_clear_object (&c->memory);
  g_clear_object (&c->captioner);
  g_clear_object (&c->log);
}

/* Binary PPM, as decoders write it: a head, then RGB. *pixels holds the file. */
static gboolean
read_picture (const char *path, BitmarImage *image, char **pixels, GError **error)
{
  unsigned width = 0, height = 0, most = 0;
  int head = 0;
  gsize size;

  if (!g_file_get_contents (path, pixels, &size, error))
    return FALSE;
  if (sscanf (*pixels, "P6 %5u %5u %3u%n", &width, &height, &most, &head) != 3 || most != 255
      || size != (gsize) head + 1 + 3 * (gsize) width * height) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, "%s is no PPM picture of 8 bits", path);
    return FALSE;
  }
  *image = (BitmarImage) { .format = BITMAR_FORMAT_RGB, .width = width, .height = height,
    .planes = { (const guint8 *) *pixels + head + 1 }, .strides = { (int) (3 * width) } };
  return TRUE;
}

/* What was said of it goes back into the memory, where it is not too long for that, and into the log. */
static gboolean
keep (Camera *c, const BitmarCaption *caption, GError **error)
{
  BitmarEvent event = { .camera = "yard", .text = caption->text, .utc = g_get_real_time () * 1000, .pts = G_MAXUINT64,
    .running_time = G_MAXUINT64, .confidence = caption->confidence, .novelty = bitmar_episode_get_novelty (c->episode),
    .embedding = bitmar_episode_get_key (c->episode, NULL) };

  if (bitmar_episode_set_caption (c->episode, caption->text, NULL))
    bitmar_memory_tell (c->memory, c->episode);
  return bitmar_event_log_append (c->log, &event, error);
}

static gboolean
look (Camera *c, const char *path, guint64 time, GError **error)
{
  g_autofree char *pixels = NULL;
  BitmarCaption caption;
  BitmarImage image;

  if (!read_picture (path, &image, &pixels, error) || !bitmar_encoder_encode (c->encoder, &image, c->episode, error)
      || !bitmar_memory_observe (c->memory, c->episode, time, error)
      || !bitmar_captioner_caption (c->captioner, c->episode, NULL, &caption, error))
    return FALSE;
  printf ("%s: %.2f sure, %.2f new: %s\n", path, caption.confidence, bitmar_episode_get_novelty (c->episode), caption.text);
  return keep (c, &caption, error);
}

static gboolean
search (Camera *c, const char *sentence, GError **error)
{
  g_autoptr (GPtrArray) events = bitmar_event_log_query_text (c->log, sentence, 3, 0, -1, NULL, error);

  for (guint i = 0; events && i < events->len; i++) {
    const BitmarEvent *event = events->pdata[i];
    printf ("found %.2f: %s: %s\n", event->score, event->camera, event->text);
  }
  return events != NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BitmarModel) model = bitmar_model_load (bitmar_model_default_path (), &error);
  Camera camera = { NULL };
  gboolean good = argc > 3 && model && camera_open (&camera, model, argv[1], &error);

  for (int i = 3; i < argc && good; i++)
    good = look (&camera, argv[i], i * SECOND, &error);
  good = good && search (&camera, argv[2], &error) && bitmar_event_log_close (camera.log, &error);
  if (!good)
    fprintf (stderr, "engine: %s\n", error ? error->message : "EVENTS.db SENTENCE PICTURE.ppm…");
  camera_close (&camera);
  return good ? 0 : 1;
}
