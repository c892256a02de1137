/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar.h"

G_BEGIN_DECLS

/* Fills a fresh model from a file: structure, checksum, architecture, every key and tensor, packing. */
gboolean bitmar_model_read (BitmarModel *model, const char *path, GError **error);
/* Only the backbone, of a model's file or of one that holds nothing else. */
gboolean bitmar_model_read_backbone (BitmarModel *model, const char *path, GError **error);

G_END_DECLS
