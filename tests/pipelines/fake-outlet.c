/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An outlet that writes to the file of its key `file` what it is told. `broken` is refused, by check or, with the value "late", by open. */
#include <gmodule.h>
#include <stdio.h>

#include "bitmar-watch-outlet.h"

static gboolean
check (GHashTable *values, const char **key, GError **error)
{
  const char *broken = g_hash_table_lookup (values, "broken");

  if (broken && !g_str_equal (broken, "late")) {
    *key = "broken";
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "'%s' is broken", broken);
    return FALSE;
  }
  if (!g_hash_table_contains (values, "file")) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "its 'file' is missing");
    return FALSE;
  }
  return TRUE;
}

static gpointer
open_file (const BwoHost *host, GHashTable *values, GError **error)
{
  FILE *file;

  if (g_hash_table_contains (values, "broken")) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "the port is taken");
    return NULL;
  }
  file = fopen (g_hash_table_lookup (values, "file"), "w");
  fprintf (file, "log %s\n", host->log);
  for (guint i = 0; i < host->n_cameras; i++)
    fprintf (file, "camera %s\n", host->cameras[i]);
  host->complain (host, "mqtt", "no answer\033[2J");
  host->complain (host, "mqtt", "no answer\033[2J");
  return file;
}

static void
event (gpointer outlet, const BwoEvent *event)
{
  static const char *const kinds[] = { "caption", "alert", "state" };

  fprintf (outlet, "%s %s %s %s\n", kinds[event->kind], event->camera, event->state ? event->state : gst_structure_get_name (event->fields),
      event->json);
}

static void
close_file (gpointer outlet)
{
  fputs ("closed\n", outlet);
  fclose (outlet);
}

static const char *const keys[] = { "file", "broken", NULL };

G_MODULE_EXPORT const BwoTable bitmar_watch_outlet = { .abi = BWO_ABI, .keys = keys, .check = check, .open = open_file, .event = event,
  .close = close_file };
