/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A caption in the forms it leaves in: plain text that no subtitle format trips over, Pango markup, and JSON. */
#pragma once

#include "gstbitmarmeta.h"

G_BEGIN_DECLS

/* Version of the JSON object; grows when a member changes its meaning or goes. */
#define BITMAR_JSON_VERSION 1

/* Valid UTF-8 on one line. Without markup, `<`, `>` and `&` become look-alikes, because WebVTT and SubRip writers escape neither
 * those nor `-->`; with it they are escaped. (transfer full) */
char *bitmar_caption_text (const char *text, gboolean markup);

/* One object, one line, with the newline:
 *   version     1
 *   stream      string or null    the stream-id of bitmarmemory, else upstream's
 *   id          number            of the caption, from 1
 *   utc         string or null    wall-clock time of the frame, ISO 8601 with milliseconds, UTC
 *   pts         number            of the frame, ns
 *   running_time number           of the frame, ns
 *   text        string            may be empty
 *   confidence  number            0..1: the share of the things it names that are there, as the model expects
 *   fallback    bool              the text is `fallback-text`: the model doubted its own
 *   novelty     number            0 (seen before) .. 1 (new)
 *   slot        number            memory slot written to; -1 without memory
 *   repeat      bool              the caption `id` is still true, nothing new
 *   model       string            SHA-256 of the model file
 * (transfer full) */
char *bitmar_caption_json (const GstBitmarCaptionInfo *caption, gboolean repeat);

G_END_DECLS
