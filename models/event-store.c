/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gmodule.h>

#include "event-store.h"

#define FILE_NAME "libbitmar-store-sqlite.so"

static GMutex lock;
static const BmsBackend *backend;

static void
explain (const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "%s", g_module_error ());
  else
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE,
        "the event log needs %s, which is not there; it is built where libsqlite3-dev is installed", path);
}

static const BmsBackend *
load (const char *path, GError **error)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer table = NULL;

  if (!module) {
    explain (path, error);
    return NULL;
  }
  if (g_module_symbol (module, BMS_SYMBOL, &table) && table && ((const BmsBackend *) table)->abi == BMS_ABI) {
    g_module_make_resident (module);
    return table;
  }
  g_module_close (module);
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "%s is not of this version of libbitmar", path);
  return NULL;
}

/* What failed is tried again the next time: the package may have been installed. */
const BmsBackend *
bitmar_event_store_get (GError **error)
{
  const char *folder = g_getenv ("BITMAR_MODULE_PATH");
  const BmsBackend *found;
  char *path;

  g_mutex_lock (&lock);
  if (!backend) {
    path = g_build_filename (folder && *folder ? folder : BITMAR_MODULE_DIR, FILE_NAME, NULL);
    backend = load (path, error);
    g_free (path);
  }
  found = backend;
  g_mutex_unlock (&lock);
  return found;
}

gboolean
bitmar_event_store_fail (const BmsError *store, GError **error)
{
  static const BitmarError codes[] = {
    [BMS_OPEN] = BITMAR_ERROR_OPEN,
    [BMS_FORMAT] = BITMAR_ERROR_FORMAT,
    [BMS_VERSION] = BITMAR_ERROR_ARCHITECTURE,
    [BMS_MISMATCH] = BITMAR_ERROR_MISMATCH,
    [BMS_CORRUPT] = BITMAR_ERROR_CORRUPT,
    [BMS_FULL] = BITMAR_ERROR_FULL,
    [BMS_BUSY] = BITMAR_ERROR_BUSY,
    [BMS_READ_ONLY] = BITMAR_ERROR_READ_ONLY,
    [BMS_IO] = BITMAR_ERROR_IO,
    [BMS_NO_MEMORY] = BITMAR_ERROR_NO_MEMORY,
    [BMS_PARAMETER] = BITMAR_ERROR_PARAMETER,
  };

  g_set_error_literal (error, BITMAR_ERROR, codes[store->code], store->text);
  return FALSE;
}
