/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "module.h"

#include <gmodule.h>

#include "bitmar.h"

static void
explain (const char *path, const char *library, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "%s", g_module_error ());
  else
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "it needs %s, which is not there; it is built where %s is installed", path, library);
}

gconstpointer
module_load (const char *name, const char *symbol, guint abi, const char *library, GError **error)
{
  const char *folder = g_getenv ("BITMAR_MODULE_PATH");
  g_autofree char *file = g_strdup_printf ("libbitmar-%s.so", name);
  g_autofree char *path = g_build_filename (folder && *folder ? folder : BITMAR_MODULE_DIR, file, NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer table = NULL;

  if (!module) {
    explain (path, library, error);
    return NULL;
  }
  g_module_make_resident (module);
  if (g_module_symbol (module, symbol, &table) && table && *(const guint *) table == abi)
    return table;
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "%s is not of this version of bitmar", path);
  return NULL;
}
