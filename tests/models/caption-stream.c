/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* caption-stream MODEL: a camera's stream, for models/train/evaluate_streams.py and evaluate_prompts.py. Standard input is a row of commands, one byte each:
 *
 *   F   a look: size x size RGB, raw bytes, follow. Memory observes it, and it is captioned
 *   f   the same without memory
 *   R   the window is emptied
 *   M   memory is cleared
 *   P   the rest of the line is the prompt from here on
 *
 * Each look makes a line: caption, confidence, novelty, cosine of its key with the look's before (0 for the first), tokens, with tabs between. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "episode-private.h"
#include "model-private.h"

typedef struct {
  BitmarModel *model;
  BitmarEncoder *encoder;
  BitmarMemory *memory;
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;
  float *before;               /* [C]: the last look's key */
  guint8 *rgb;
} Stream;

static void
must (gboolean done, const GError *error)
{
  if (done)
    return;
  g_printerr ("caption-stream: %s\n", error ? error->message : "input ended within a picture");
  exit (1);
}

static void
stream_open (Stream *s, const char *path)
{
  GError *error = NULL;

  must ((s->model = bitmar_model_load (path, &error)) != NULL, error);
  must ((s->encoder = bitmar_encoder_new (s->model, &error)) != NULL, error);
  must ((s->memory = bitmar_memory_new (s->model, 0, -2, &error)) != NULL, error);
  must ((s->captioner = bitmar_captioner_new (s->model, &error)) != NULL, error);
  s->episode = bitmar_episode_new (s->model, NULL);
  s->before = g_new0 (float, s->model->memory_width);
  s->rgb = g_malloc ((gsize) s->model->vision.size * s->model->vision.size * 3);
}

static void
look (Stream *s, gboolean with_memory)
{
  gint size = (gint) s->model->vision.size;
  gsize bytes = (gsize) size * size * 3, c = s->model->memory_width;
  const BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = size, .height = size, .planes = { s->rgb },
    .strides = { 3 * size } };
  BitmarCaption caption;
  GError *error = NULL;

  must (fread (s->rgb, 1, bytes, stdin) == bytes, NULL);
  must (bitmar_encoder_encode (s->encoder, &image, s->episode, &error), error);
  if (with_memory)
    must (bitmar_memory_observe (s->memory, s->episode, 0, &error), error);
  must (bitmar_captioner_caption (s->captioner, s->episode, NULL, &caption, &error), error);
  if (with_memory && bitmar_episode_set_caption (s->episode, caption.text, NULL))
    bitmar_memory_tell (s->memory, s->episode);
  printf ("%s\t%.4f\t%.4f\t%.4f\t%u\n", caption.text, caption.confidence, s->episode->novelty,
      bmk_dot (s->before, s->episode->key, c), caption.tokens);
  fflush (stdout);             /* whoever asks waits for it */
  memcpy (s->before, s->episode->key, c * sizeof (float));
}

static void
take_prompt (Stream *s)
{
  char line[1024];
  GError *error = NULL;

  must (fgets (line, sizeof line, stdin) != NULL, NULL);
  g_strchomp (line);
  must (bitmar_captioner_set_prompt (s->captioner, line, &error), error);
}

int
main (int argc, char **argv)
{
  Stream s;
  int command;

  if (argc != 2) {
    g_printerr ("usage: caption-stream MODEL\n");
    return 2;
  }
  stream_open (&s, argv[1]);
  while ((command = getchar ()) != EOF) {
    if (command == 'F' || command == 'f')
      look (&s, command == 'F');
    else if (command == 'R')
      bitmar_captioner_reset (s.captioner);
    else if (command == 'P')
      take_prompt (&s);
    else if (command == 'M')
      bitmar_memory_clear (s.memory);
  }
  return fflush (stdout) != 0;
}
