/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar.h"

G_BEGIN_DECLS

/* Fills a fresh model from a file: structure, checksum, architecture, every key and tensor, packing. */
gboolean bitmar_model_read (BitmarModel *model, const char *path, GError **error);

G_END_DECLS
