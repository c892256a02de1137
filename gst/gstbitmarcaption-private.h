/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the element and its properties share. */
#pragma once

#include "channels.h"
#include "gstbitmarcaption.h"
#include "sampling.h"
#include "worker.h"
#include "writer.h"

G_BEGIN_DECLS

struct _GstBitmarCaption {
  GstBitmarFilter parent;

  BitmarChannels channels;     /* has its own lock */
  /* object lock */
  BitmarWriterSettings settings;
  BitmarChangeRule rule;
  GstBitmarRepeat repeat;
  gdouble min_confidence;
  char *fallback_text;         /* NULL: nothing */
  gboolean post_messages;
  /* between start and stop */
  BitmarWorker *worker;
  BitmarEpisode *probe;        /* streaming thread */
  BitmarChange change;
  GstClockTime end;            /* of the last frame */
  /* lock */
  GMutex lock;
  BitmarWriter *writer;
  GstBitmarCaptionInfo *current;       /* what is up, NULL: nothing */
  gboolean fresh;              /* no buffer carries it in full yet */
  gboolean late_told;
  gboolean doubted;            /* the newest caption was not sure enough, and no look since was captioned */
  guint64 frames, episodes, captions, unchanged, repeats, skipped, unsure, late;
  GstClockTime max_delay;
};

void gst_bitmar_caption_install_properties (GObjectClass *klass);
void gst_bitmar_caption_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec);
void gst_bitmar_caption_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec);
/* The defaults that are not zero. */
void gst_bitmar_caption_init_properties (GstBitmarCaption *self);

G_END_DECLS
