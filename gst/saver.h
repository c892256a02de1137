/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls a function every now and then in a thread of its own, for what may wait for the disk. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _BitmarSaver BitmarSaver;

/* interval = 0: never. */
BitmarSaver *bitmar_saver_new (GstClockTime interval, void (*save) (gpointer user_data), gpointer user_data);
void bitmar_saver_set_interval (BitmarSaver *saver, GstClockTime interval);
/* Waits for a call that is under way. */
void bitmar_saver_free (BitmarSaver *saver);

G_END_DECLS
