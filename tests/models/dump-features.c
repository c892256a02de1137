/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dump-features MODEL [BLOCKS | tokens]: for each picture on standard input (size x size RGB, raw bytes) the backbone's features on
 * standard output: u8 codes, or int8 codes of pooled tokens, and after each token's its early ones, where the model looks at those too. MODEL
 * may be a backbone alone.
 *
 * BLOCKS: u8 codes at the end of an EfficientNet's first BLOCKS blocks, for models/train/features.py.
 * tokens: a DINOv2's tokens before they are pooled, f32, for models/train/parity_dinov2.py. */

#include <stdio.h>

#include "vision-dinov2.h"
#include "vision-efficientnet.h"

static gboolean
write_all (gconstpointer data, gsize size)
{
  return fwrite (data, 1, size, stdout) == size && fflush (stdout) == 0;
}

static gboolean
write_blocks (BitmarVision *vision, const guint8 *rgb, guint blocks)
{
  BitmarEfficientNetWorkspace *w = vision->workspace;
  gsize edge = bitmar_efficientnet_run_blocks (w, rgb, blocks);

  return write_all (w->x, edge * edge * w->net->blocks[blocks - 1].project.cout);
}

static gboolean
write_tokens (BitmarVision *vision, const guint8 *rgb)
{
  BitmarDinov2Workspace *w = vision->workspace;
  const float *tokens = bitmar_dinov2_run_tokens (w, rgb);

  return write_all (tokens, (gsize) w->net->grid * w->net->grid * w->model->vision.channels * sizeof *tokens);
}

static gboolean
write_features (const BitmarModel *model, const guint8 *features)
{
  gsize late = bitmar_vision_late_size (model), p = model->vision.tokens, early = model->vision.early;
  gboolean ok = early > 0 || write_all (features, late);

  for (gsize i = 0; ok && early > 0 && i < p; i++)
    ok = write_all (features + i * late / p, late / p) && write_all (features + late + i * early, early);
  return ok;
}

/* What the second argument asks for; FALSE: it asks for nothing that this backbone has. */
static gboolean
get_request (const BitmarModel *model, const char *argument, guint64 *blocks, gboolean *tokens)
{
  const BitmarEfficientNet *net = model->vision.network;

  *tokens = argument && model->vision.backbone == &bitmar_dinov2 && g_str_equal (argument, "tokens");
  return !argument || *tokens || (model->vision.backbone == &bitmar_efficientnet
      && g_ascii_string_to_unsigned (argument, 10, 1, net->n_blocks, blocks, NULL));
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  BitmarModel *model = argc == 2 || argc == 3 ? bitmar_model_load_backbone (argv[1], &error) : NULL;
  gboolean ok = TRUE, tokens;
  guint64 blocks = 0;
  gsize pixels, size;
  guint8 *rgb, *features;
  BitmarVision vision;

  if (!model) {
    g_printerr ("dump-features: %s\n", error ? error->message : "usage: dump-features MODEL [BLOCKS | tokens]");
    return 1;
  }
  if (!get_request (model, argv[2], &blocks, &tokens)) {
    g_printerr ("dump-features: this backbone has no '%s'\n", argv[2]);
    return 1;
  }
  pixels = (gsize) model->vision.size * model->vision.size * 3;
  size = bitmar_vision_features_size (model);
  rgb = g_malloc (pixels);
  features = g_malloc (size);
  if (!bitmar_vision_init (&vision, model))
    return 1;
  while (ok && fread (rgb, 1, pixels, stdin) == pixels) {
    if (blocks)
      ok = write_blocks (&vision, rgb, blocks);
    else if (tokens)
      ok = write_tokens (&vision, rgb);
    else {
      bitmar_vision_run (&vision, rgb, features);
      ok = write_features (model, features);
    }
  }
  bitmar_vision_clear (&vision);
  g_free (rgb);
  g_free (features);
  g_object_unref (model);
  return !ok;
}
