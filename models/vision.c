/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "vision.h"

#include <string.h>

#include "vision-dinov2.h"
#include "vision-efficientnet.h"

const BitmarBackbone *
bitmar_backbone_find (const char *name, gsize length)
{
  static const BitmarBackbone *const all[] = { &bitmar_efficientnet, &bitmar_dinov2 };

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (strlen (all[i]->name) == length && memcmp (all[i]->name, name, length) == 0)
      return all[i];
  return NULL;
}

gboolean
bitmar_vision_init (BitmarVision *vision, const BitmarModel *model)
{
  vision->model = model;
  vision->workspace = model->vision.backbone->workspace_new (model);
  return vision->workspace != NULL;
}

void
bitmar_vision_clear (BitmarVision *vision)
{
  if (vision->workspace)
    vision->model->vision.backbone->workspace_free (vision->workspace);
  vision->workspace = NULL;
}

gsize
bitmar_vision_late_size (const BitmarModel *model)
{
  gsize pool = model->vision.backbone->has_codes ? 1 : model->vision.pool;

  return (gsize) model->vision.tokens * pool * pool * model->vision.channels;
}

gsize
bitmar_vision_features_size (const BitmarModel *model)
{
  return bitmar_vision_late_size (model) + (gsize) model->vision.tokens * model->vision.early;
}

void
bitmar_vision_run (BitmarVision *vision, const guint8 *rgb, guint8 *features)
{
  vision->model->vision.backbone->run (vision->workspace, rgb, features);
}
