/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A recording of one source, in segments with their captions. */
#pragma once

#include "intake.h"
#include "record-sidecar.h"

G_BEGIN_DECLS

typedef struct {
  IntakeOptions intake;
  const char *folder;          /* it is there */
  GstClockTime length;         /* of a segment, up to its next key frame */
  gboolean mp4;                /* else it is Matroska */
  SidecarFormat format;
  gboolean json, quiet;
} RecordOptions;

/* Until the source has ended, or a signal; what is open is closed then. An exit status. */
int record_run (const RecordOptions *options);

G_END_DECLS
