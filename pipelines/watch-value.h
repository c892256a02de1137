/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers as people write them into the file of `bitmar watch`. FALSE: the text is none, and the value is as before. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* 500ms, 90s, 10min, 12h, 30d, 4w */
gboolean watch_value_duration (const char *text, guint64 *ns);
/* 500 MB, 2 GB */
gboolean watch_value_bytes (const char *text, guint64 *bytes);
/* A decimal number of 0 or more. */
gboolean watch_value_number (const char *text, gdouble *number);

G_END_DECLS
