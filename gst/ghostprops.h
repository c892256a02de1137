/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties of a bin that are those of its children, under the same name. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Installs on klass, from first_id on, a copy of each property that `child` (a GType of a registered class) declares
 * itself or inherits from another of our classes, unless klass has one of that name. Returns the next free id. */
guint bitmar_ghost_properties (GObjectClass *klass, GType child, guint first_id);

G_END_DECLS
