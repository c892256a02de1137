/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dump-keys MODEL pictures|sentences: unit vectors on standard output, f32 [memory width] each, for
 * models/train/background.py: the episode keys of the pictures on standard input (size x size RGB, raw bytes), or the
 * embeddings of its lines. */

#include <stdio.h>
#include <stdlib.h>

#include "model-private.h"

static gboolean
fail (const char *what)
{
  g_printerr ("dump-keys: %s\n", what);
  return FALSE;
}

static gboolean
put (const BitmarModel *model, const float *x)
{
  return fwrite (x, sizeof *x, model->memory_width, stdout) == model->memory_width || fail ("can't write");
}

static gboolean
dump_pictures (BitmarModel *model, GError **error)
{
  gsize side = model->vision.size, size = side * side * 3, n = 0;
  BitmarEncoder *encoder = bitmar_encoder_new (model, error);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  guint8 *rgb = g_malloc (size);
  BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = side, .height = side,
    .planes = { rgb }, .strides = { side * 3 } };
  gboolean ok = encoder != NULL;

  while (ok && (n = fread (rgb, 1, size, stdin)) == size)
    ok = bitmar_encoder_encode (encoder, &image, episode, error) && put (model, bitmar_episode_get_key (episode, NULL));
  if (ok && n)
    ok = fail ("the last picture is cut off");
  g_clear_object (&encoder);
  g_object_unref (episode);
  g_free (rgb);
  return ok;
}

static gboolean
dump_sentences (BitmarModel *model, GError **error)
{
  float *x = g_new (float, model->memory_width);
  char *line = NULL;
  size_t room = 0;
  gboolean ok = TRUE;

  while (ok && getline (&line, &room, stdin) > 0)
    ok = bitmar_model_embed (model, g_strchomp (line), x, error) && put (model, x);
  free (line);
  g_free (x);
  return ok;
}

int
main (int argc, char **argv)
{
  gboolean pictures = argc == 3 && g_str_equal (argv[2], "pictures");
  GError *error = NULL;
  BitmarModel *model;
  gboolean ok;

  if (!pictures && !(argc == 3 && g_str_equal (argv[2], "sentences"))) {
    fail ("usage: dump-keys MODEL pictures|sentences");
    return 2;
  }
  model = bitmar_model_load (argv[1], &error);
  ok = model && (pictures ? dump_pictures (model, &error) : dump_sentences (model, &error));
  if (error)
    fail (error->message);
  g_clear_error (&error);
  g_clear_object (&model);
  return !ok || fflush (stdout);
}
