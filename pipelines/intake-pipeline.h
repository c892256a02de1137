/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One pipeline of an intake. */
#pragma once

#include "intake.h"

G_BEGIN_DECLS

typedef struct _IntakePipeline IntakePipeline;

IntakePipeline *intake_pipeline_new (const IntakeOptions *options, const IntakeFuncs *funcs, gpointer user_data, gboolean is_file,
    GError **error);
/* Taken down first. */
void intake_pipeline_free (IntakePipeline *pipeline);
GstBus *intake_pipeline_get_bus (IntakePipeline *pipeline);
void intake_pipeline_play (IntakePipeline *pipeline);
/* Pictures, or what they are encoded as, that have come. Any thread. */
guint64 intake_pipeline_count_frames (IntakePipeline *pipeline);
void intake_pipeline_recalculate (IntakePipeline *pipeline);
/* Whether what stands behind it was made. */
gboolean intake_pipeline_has_video (IntakePipeline *pipeline);
/* EOS to all behind the source, as soon as it has handed over what it is about to. FALSE: nothing has come yet. */
gboolean intake_pipeline_end (IntakePipeline *pipeline);
/* Whether a message is from the source, and not from what stands behind it. */
gboolean intake_pipeline_is_source (IntakePipeline *pipeline, GstObject *from);

G_END_DECLS
