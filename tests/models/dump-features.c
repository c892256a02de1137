/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dump-features MODEL: for each picture on standard input (size x size RGB, raw bytes) the backbone's codes (tokens x channels, u8)
 * on standard output, for models/train/features.py. */

#include <stdio.h>

#include "model-private.h"
#include "vision.h"

int
main (int argc, char **argv)
{
  GError *error = NULL;
  BitmarModel *model = argc == 2 ? bitmar_model_load (argv[1], &error) : NULL;
  gsize pixels, codes;
  guint8 *rgb, *features;
  BitmarVision vision;

  if (!model) {
    g_printerr ("dump-features: %s\n", error ? error->message : "one model, please");
    return 1;
  }
  pixels = (gsize) model->vision.size * model->vision.size * 3;
  codes = (gsize) model->vision.tokens * model->vision.pool * model->vision.pool * model->vision.channels;
  rgb = g_malloc (pixels);
  features = g_malloc (codes);
  if (!bitmar_vision_init (&vision, model))
    return 1;
  while (fread (rgb, 1, pixels, stdin) == pixels) {
    bitmar_vision_run (&vision, rgb, features);
    if (fwrite (features, 1, codes, stdout) != codes || fflush (stdout) != 0)
      return 1;
  }
  bitmar_vision_clear (&vision);
  g_free (rgb);
  g_free (features);
  g_object_unref (model);
  return 0;
}
