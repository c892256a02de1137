/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watch-outlet.h"

#include "cli.h"
#include "module.h"

/* A module is loaded because its section names it, so the names are written down here and not found in a folder. */
static const struct {
  const char *name, *library;
} known[] = {
  { "web", "libsoup-3.0-dev" },
  { "mqtt", "libmosquitto-dev" },
};

gboolean
watch_outlet_is_known (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_equal (name, known[i].name))
      return TRUE;
  return FALSE;
}

char *
watch_outlet_names (void)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    g_string_append_printf (text, "%s[%s]", i > 0 ? ", " : "", known[i].name);
  return g_string_free (text, FALSE);
}

WatchOutlet *
watch_outlet_new (const char *name, GError **error)
{
  const BwoTable *table;
  WatchOutlet *outlet;
  guint i = 0;

  while (!g_str_equal (name, known[i].name))
    i++;
  table = module_load (name, BWO_SYMBOL, BWO_ABI, known[i].library, error);
  if (!table)
    return NULL;
  outlet = g_new0 (WatchOutlet, 1);
  *outlet = (WatchOutlet) { .name = known[i].name, .table = table,
    .values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free) };
  return outlet;
}

gboolean
watch_outlet_has_key (const WatchOutlet *outlet, const char *key)
{
  return g_strv_contains (outlet->table->keys, key);
}

gboolean
watch_outlet_check (const WatchOutlet *outlet, const char **key, GError **error)
{
  *key = NULL;
  return outlet->table->check (outlet->values, key, error);
}

gboolean
watch_outlet_open (WatchOutlet *outlet, const BwoHost *host, GError **error)
{
  outlet->outlet = outlet->table->open (host, outlet->values, error);
  return outlet->outlet != NULL;
}

void
watch_outlet_tell (const WatchOutlet *outlet, const BwoEvent *event)
{
  if (outlet->outlet)
    outlet->table->event (outlet->outlet, event);
}

void
watch_outlet_close (WatchOutlet *outlet)
{
  if (outlet->outlet)
    outlet->table->close (g_steal_pointer (&outlet->outlet));
}

void
watch_outlet_free (WatchOutlet *outlet)
{
  watch_outlet_close (outlet);
  g_hash_table_unref (outlet->values);
  g_free (outlet);
}
