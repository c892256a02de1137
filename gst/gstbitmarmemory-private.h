/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the element, its properties and its log share. */
#pragma once

#include "gstbitmarmemory.h"
#include "saver.h"

G_BEGIN_DECLS

struct _GstBitmarMemory {
  GstBitmarFilter parent;

  /* object lock */
  guint size;
  gdouble threshold;
  char *stream_id, *memory_file, *log_file, *rules;
  GstClockTime save_interval, retention;
  guint64 retention_bytes;
  gboolean post_messages;
  BitmarSaver *saver;          /* between start and stop, as all that follows */
  GThreadPool *logger;         /* one thread: what live video must not wait for; NULL: there is no log */
  guint64 id;                  /* of the process's memories; for good */
  guint64 epoch;               /* UTC of running time 0, for frames that don't know when they were taken */
  GMutex save_lock;            /* one snapshot at a time: what was taken earlier must not be written later. Taken before lock */
  /* answer_lock: a look that is remembered before its frame comes, against the way down. Taken before all others */
  GMutex answer_lock;
  gboolean answers;            /* all is loaded and restored */
  /* lock: live video may wait for it; held for microseconds, and for a millisecond or two while a snapshot is taken */
  GMutex lock;
  BitmarModel *model;
  BitmarMemory *memory;
  BitmarEpisode *episode;
  BitmarAlerts *alerts;
  guint64 frames, episodes, skipped, saved, unsaved, alerts_raised;
  guint used, alerts_active;
  gboolean changed;            /* since the last snapshot */
  gsize model_bytes, memory_bytes;
  /* log_lock: of captions that come back; may be held while a text is encoded or a thumbnail is. Taken before lock */
  GMutex log_lock;
  BitmarEventLog *log;
  BitmarEpisode *logged, *told;
  GQueue early;                /* what is to be logged once the log is open */
  gboolean log_opening, log_failing, save_failing;
};

/* ---- gstbitmarmemory-log.c: what goes to files and comes back ---- */

/* Before the loader runs: captions are kept until the log is open. */
void gst_bitmar_memory_expect_log (GstBitmarMemory *self);
/* In the loader's thread: the snapshot is restored and the log opened, where they are named. FALSE with an error of a GStreamer domain. */
gboolean gst_bitmar_memory_open_files (GstBitmarMemory *self, BitmarModel *model, GError **error);
/* The last snapshot; then the log is let go. */
void gst_bitmar_memory_close_files (GstBitmarMemory *self);
void gst_bitmar_memory_set_retention (GstBitmarMemory *self);
/* Any thread but a live streaming one: may wait for a thumbnail's encoder. */
void gst_bitmar_memory_log (GstBitmarMemory *self, const GstStructure *structure, GBytes *episode);
/* Any thread: the same, done by another. Takes the structure. */
void gst_bitmar_memory_log_later (GstBitmarMemory *self, GstStructure *structure, GBytes *episode);
guint64 gst_bitmar_memory_utc (GstBitmarMemory *self, const GstBitmarTime *time);
void gst_bitmar_memory_install_signals (GstBitmarMemoryClass *klass);

/* ---- gstbitmarmemory-properties.c ---- */

void gst_bitmar_memory_install_properties (GObjectClass *klass);
void gst_bitmar_memory_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec);
void gst_bitmar_memory_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec);
void gst_bitmar_memory_init_properties (GstBitmarMemory *self);

G_END_DECLS
