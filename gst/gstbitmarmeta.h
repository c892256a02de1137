/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the elements hang on video buffers: custom metas without tags, which therefore survive conversion, scaling,
 * cropping, encoders and payloaders. Each is a #GstStructure: read it with gst_buffer_get_custom_meta() and
 * gst_custom_meta_get_structure(), no header of ours is needed. Times are nanoseconds.
 *
 * A frame's time, in all three (a time that is not known is absent):
 *   pts           guint64   of the frame that was looked at
 *   running-time  guint64   the same in running time
 *   utc           guint64   wall-clock time since 1970; live streams, or frames with a reference timestamp
 */
#pragma once

#include <gst/gst.h>

#include "bitmar.h"

G_BEGIN_DECLS

/* The frame as the model sees it. On the sampled frame when synchronous, on the next one to pass when live.
 *   episode  GBytes     bitmar_episode_to_bytes(): for elements of the same process
 *   model    gchararray the model's id
 *   stream   gchararray stream-id of bitmarmemory, once it has passed one
 *   thumbnail GstSample small raw RGB picture of it, with bitmarencode's `thumbnail-width`
 *   memory   guint64    which bitmarmemory of the process has remembered it already; absent: none has */
#define GST_BITMAR_EPISODE_META "BitmarEpisodeMeta"
/* What memory says of it, next to the episode.
 *   novelty  gdouble    0 (seen before) to 1 (new)
 *   slot     gint       written to
 *   used     guint      slots in use
 *   stream   gchararray */
#define GST_BITMAR_MEMORY_META "BitmarMemoryMeta"
/* The caption of what is on the frame. Complete on the frame where it becomes current, `id` alone on later frames.
 *   id          guint64     counts from 1
 *   text        gchararray  UTF-8
 *   confidence  gdouble     0 to 1: the share of the things it names that are there, as the model expects
 *   fallback    gboolean    the text is bitmarcaption's `fallback-text`, since the model doubted its own
 *   novelty     gdouble, slot gint: as above (slot = -1: no memory in the pipeline)
 *   model, stream  gchararray */
#define GST_BITMAR_CAPTION_META "BitmarCaptionMeta"
/* A serialised downstream event with the fields of the episode meta, for an episode that no buffer can carry any more
 * (live, right before EOS). */
#define GST_BITMAR_EPISODE_EVENT GST_BITMAR_EPISODE_META

/* A downstream query with the fields of the episode meta, by which bitmarencode, beside a live stream, has a look remembered before a frame carries
 * it, so that the frame's thread need not. bitmarmemory answers with `episode`, `stream` and `memory` set, and with the memory meta's fields. */
#define GST_BITMAR_OBSERVE_QUERY "BitmarObserveQuery"

/* A caption on its way back to bitmarmemory, which remembers and logs it: a custom upstream event with the caption meta's fields,
 * `episode` (GBytes) and, where there is one, `thumbnail` (GstSample). */
#define GST_BITMAR_CAPTION_EVENT "BitmarCaptionEvent"

typedef struct {
  GstClockTime pts, duration, running_time;    /* pts and running_time are always known, duration is not */
  GstClockTime utc;
} GstBitmarTime;

typedef struct {
  GstBitmarTime time;
  guint64 id;
  char *text;
  gdouble confidence, novelty;
  gint slot;
  gboolean fallback;           /* the text is `fallback-text`, for a caption that was doubted */
  char *model, *stream;
} GstBitmarCaptionInfo;

/* Makes the names known to GStreamer; before anything else here. */
void gst_bitmar_meta_register (void);

/* The structure of a buffer's meta, NULL without one. To be written only when the buffer is writable. */
GstStructure *gst_bitmar_meta_peek (GstBuffer *buffer, const char *name);

/* buffer: writable. The former meta of that name, if any, goes. */
void gst_bitmar_meta_add_episode (GstBuffer *buffer, GBytes *episode, const char *model, const GstBitmarTime *time,
    GstSample *thumbnail);
void gst_bitmar_meta_add_memory (GstBuffer *buffer, gdouble novelty, gint slot, guint used, const char *stream);
void gst_bitmar_meta_add_caption (GstBuffer *buffer, const GstBitmarCaptionInfo *caption, gboolean in_full);

/* Nothing where from has none. */
void gst_bitmar_meta_copy (GstBuffer *buffer, GstBuffer *from, const char *name);

/* look: a buffer with the episode meta. (transfer full) */
GstQuery *gst_bitmar_observe_query_new (GstBuffer *look);
/* NULL: it is none. */
GstStructure *gst_bitmar_observe_query_peek (GstQuery *query);
void gst_bitmar_observe_query_answer (GstStructure *structure, guint64 memory, gdouble novelty, gint slot, guint used);
/* Writes what was answered into the episode meta, and a memory meta beside it. */
void gst_bitmar_observe_query_take (GstQuery *query, GstBuffer *look);
/* 0: no memory has remembered it. */
guint64 gst_bitmar_episode_get_memory (const GstStructure *structure);

/* episode: the structure of an episode meta. */
GstEvent *gst_bitmar_episode_event_new (const GstStructure *episode);
/* The structure when the event is one, else NULL. */
const GstStructure *gst_bitmar_episode_event_peek (GstEvent *event);

GstEvent *gst_bitmar_caption_event_new (const GstBitmarCaptionInfo *caption, GBytes *episode, GstSample *thumbnail);
/* The structure when the event is one, else NULL. */
const GstStructure *gst_bitmar_caption_event_peek (GstEvent *event);

/* The thumbnail in a structure, if any. (transfer none) */
GstSample *gst_bitmar_thumbnail_peek (const GstStructure *structure);

/* From a meta's or an event's structure. (transfer full) NULL when it is not one. */
GBytes *gst_bitmar_episode_read (const GstStructure *structure, GstBitmarTime *time);
/* Replaces the bytes and the stream, where they are not NULL. */
void gst_bitmar_episode_write (GstStructure *structure, GBytes *episode, const char *stream);

/* All of a caption as fields: for metas and for the element message. */
void gst_bitmar_caption_info_to_structure (const GstBitmarCaptionInfo *caption, GstStructure *structure);
GstBitmarCaptionInfo *gst_bitmar_caption_info_ref (GstBitmarCaptionInfo *caption);
void gst_bitmar_caption_info_unref (GstBitmarCaptionInfo *caption);
GstBitmarCaptionInfo *gst_bitmar_caption_info_new (void);

G_END_DECLS
