/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Just enough JSON to write one flat object. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Each adds `"name":value`, with a comma when it is not the first member of the object. */
void bitmar_json_add_string (GString *json, const char *name, const char *value);      /* NULL: null */
void bitmar_json_add_uint64 (GString *json, const char *name, guint64 value);
void bitmar_json_add_int (GString *json, const char *name, gint value);
void bitmar_json_add_double (GString *json, const char *name, gdouble value);          /* not finite: null */
void bitmar_json_add_bool (GString *json, const char *name, gboolean value);
void bitmar_json_add_null (GString *json, const char *name);

G_END_DECLS
