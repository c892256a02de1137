/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A source pad with a queue and a task of its own, so that whoever writes to it never runs what is downstream: text pushed
 * from the video's thread would deadlock with an overlay that waits for video. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _BitmarOutput BitmarOutput;

/* The caps to announce, given what the peer takes (fixed; transfer full). In bitmar_output_begin(). */
typedef GstCaps *(*BitmarOutputCaps) (GstCaps *allowed, gpointer user_data);

/* In the task, when there was nothing to push for BITMAR_OUTPUT_IDLE_US. */
typedef void (*BitmarOutputIdle) (gpointer user_data);
#define BITMAR_OUTPUT_IDLE_US (1 * G_USEC_PER_SEC)

/* Makes the pad and keeps a reference to it. */
BitmarOutput *bitmar_output_new (GstPadTemplate *template, const char *name, BitmarOutputCaps caps, BitmarOutputIdle idle,
    gpointer user_data);
/* After the pad was deactivated. */
/* Its pad is released: deactivated, and never active again. Nothing is called back from here on. */
void bitmar_output_retire (BitmarOutput *output);
void bitmar_output_free (BitmarOutput *output);
GstPad *bitmar_output_get_pad (BitmarOutput *output);

/* Any thread; takes the item and never blocks. What comes before bitmar_output_begin() is dropped; from a full queue the oldest data item goes and is
 * counted. */
void bitmar_output_push (BitmarOutput *output, GstMiniObject *item);
/* Blocks while the queue is nearly full; a flush or deactivation ends it. For writers that may be held up. */
void bitmar_output_wait (BitmarOutput *output);
/* STREAM_START, CAPS and SEGMENT, once after each activation; later calls only send a SEGMENT. */
void bitmar_output_begin (BitmarOutput *output, GstPad *sinkpad, const GstSegment *segment);
gboolean bitmar_output_has_begun (BitmarOutput *output);

/* The video's flushes, sent on. What waits is dropped; FLUSH_STOP lets it go on. */
void bitmar_output_flush (BitmarOutput *output, GstEvent *event);

/* Of the last buffer pushed downstream; OK and NOT_LINKED and FLUSHING are no news for the video. */
GstFlowReturn bitmar_output_get_flow (BitmarOutput *output);
guint64 bitmar_output_get_dropped (BitmarOutput *output);

G_END_DECLS
