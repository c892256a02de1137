/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From an episode to a caption: the captioner, its settings and its timings. One thread writes at a time; settings may
 * change from any. */
#pragma once

#include "gstbitmarmeta.h"

G_BEGIN_DECLS

typedef struct {
  char *prompt;
  BitmarCaptionParams params;
} BitmarWriterSettings;

typedef struct _BitmarWriter BitmarWriter;

/* Takes nothing over. PARAMETER, ENCODING or TOO_LONG when the model can't honour the settings. */
BitmarWriter *bitmar_writer_new (BitmarModel *model, const BitmarWriterSettings *settings, GError **error);
void bitmar_writer_free (BitmarWriter *writer);

/* Any thread; heeded by the next write. Refused as in bitmar_writer_new(); the former settings then stay. */
gboolean bitmar_writer_set (BitmarWriter *writer, const BitmarWriterSettings *settings, GError **error);
void bitmar_writer_settings_copy (BitmarWriterSettings *to, const BitmarWriterSettings *from);

/* Any thread: a write that runs ends with CANCELLED, so do later ones until FALSE. */
void bitmar_writer_cancel (BitmarWriter *writer, gboolean cancel);
/* After a flush, nothing running: empties the attention window. */
void bitmar_writer_reset (BitmarWriter *writer);

/* (transfer full) A caption without an id, a time and a stream. */
GstBitmarCaptionInfo *bitmar_writer_write (BitmarWriter *writer, GBytes *episode, GError **error);
/* Adds captions, tokens and the timings; any thread. */
void bitmar_writer_add_stats (BitmarWriter *writer, GstStructure *stats);

G_END_DECLS
