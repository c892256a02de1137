/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is wrong with the disk that a recording goes to. Words are the same as long as what is wrong is, so that it is told once. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Tries whether some seconds of video can be written to the folder, and takes them away again. (transfer full) NULL: they can. */
char *record_disk_try (const char *folder);
/* Of an error message of the element that writes into the folder. (transfer full) */
char *record_disk_explain (const char *folder, GstMessage *message);
/* (transfer full) */
char *record_disk_explain_errno (const char *folder, int error);

G_END_DECLS
