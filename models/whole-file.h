/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that are there as a whole or not at all. */
#pragma once

#include "bitmar.h"

G_BEGIN_DECLS

/* As bitmar_memory_write_bytes(). */
gboolean bitmar_whole_file_replace (const char *path, GBytes *bytes, GError **error);
/* The first `limit` bytes at most; size: the whole file's. OPEN, NO_MEMORY. (transfer full) */
guint8 *bitmar_whole_file_read (const char *path, gsize limit, gsize *size, GError **error);

G_END_DECLS
