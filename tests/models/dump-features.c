/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dump-features MODEL [BLOCKS]: for each picture on standard input (size x size RGB, raw bytes) the backbone's codes (tokens x channels, u8)
 * on standard output, or those at the end of its first BLOCKS blocks, for models/train/features.py. */

#include <stdio.h>

#include "model-private.h"
#include "vision.h"

static gboolean
write_all (const guint8 *codes, gsize n)
{
  return fwrite (codes, 1, n, stdout) == n && fflush (stdout) == 0;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  BitmarModel *model = argc == 2 || argc == 3 ? bitmar_model_load (argv[1], &error) : NULL;
  guint64 blocks = 0;
  gsize pixels, codes;
  guint8 *rgb, *features;
  BitmarVision vision;
  gboolean ok = TRUE;

  if (!model) {
    g_printerr ("dump-features: %s\n", error ? error->message : "usage: dump-features MODEL [BLOCKS]");
    return 1;
  }
  if (argc == 3 && !g_ascii_string_to_unsigned (argv[2], 10, 1, model->vision.n_blocks, &blocks, &error)) {
    g_printerr ("dump-features: blocks: %s\n", error->message);
    return 1;
  }
  pixels = (gsize) model->vision.size * model->vision.size * 3;
  codes = (gsize) model->vision.tokens * model->vision.pool * model->vision.pool * model->vision.channels;
  rgb = g_malloc (pixels);
  features = g_malloc (codes);
  if (!bitmar_vision_init (&vision, model))
    return 1;
  while (ok && fread (rgb, 1, pixels, stdin) == pixels) {
    if (blocks) {
      gsize edge = bitmar_vision_run_blocks (&vision, rgb, blocks);
      ok = write_all (vision.x, edge * edge * model->vision.blocks[blocks - 1].project.cout);
    } else {
      bitmar_vision_run (&vision, rgb, features);
      ok = write_all (features, codes);
    }
  }
  bitmar_vision_clear (&vision);
  g_free (rgb);
  g_free (features);
  g_object_unref (model);
  return !ok;
}
