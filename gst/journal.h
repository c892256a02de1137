/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Event logs as the elements use them: one per file and process, and what they hold as structures. */
#pragma once

#include "gstbitmarmeta.h"

G_BEGIN_DECLS

/* The log of that file, opened or shared with whoever has it open in this process. (transfer full) */
BitmarEventLog *bitmar_journal_open (const char *path, BitmarModel *model, GError **error);

/* Logs what a structure of a caption or an alert tells: text, confidence, novelty, stream, times, thumbnail, alert. utc: of its frame. A thumbnail
 * that can't be made is left out. */
gboolean bitmar_journal_add (BitmarEventLog *log, const GstStructure *structure, BitmarEpisode *episode, guint64 utc, GError **error);

/* `bitmar-events`, with the list `events` of structures: id, score, camera, text, alert, utc, pts, running-time, confidence, novelty, thumbnail.
 * (transfer full) */
GstStructure *bitmar_journal_to_structure (const GPtrArray *events);

G_END_DECLS
