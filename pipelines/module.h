/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the module libbitmar-NAME.so, which stays loaded, exports as symbol: a table that begins with its guint abi. It is looked for in
 * BITMAR_MODULE_PATH, or where modules are installed. library: the Debian package that it is built with, for who has no such module.
 * NULL, and BITMAR_ERROR_MODULE: it isn't there, can't be loaded, or is of another abi. */
gconstpointer module_load (const char *name, const char *symbol, guint abi, const char *library, GError **error);

G_END_DECLS
