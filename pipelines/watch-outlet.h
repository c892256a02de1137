/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sections of the file that are an outlet's, and the modules that they are loaded from. */
#pragma once

#include "bitmar-watch-outlet.h"

G_BEGIN_DECLS

typedef struct {
  const char *name;            /* of the section */
  const BwoTable *table;
  GHashTable *values;          /* key → text */
  gpointer outlet;             /* NULL: not open */
} WatchOutlet;

/* Whether a section of this name would be an outlet's; for errors, the names of all, in brackets. */
gboolean watch_outlet_is_known (const char *name);
char *watch_outlet_names (void);

/* Loads its module. (transfer full) */
WatchOutlet *watch_outlet_new (const char *name, GError **error);
gboolean watch_outlet_has_key (const WatchOutlet *outlet, const char *key);
/* *key: what is wrong, NULL where one is missing. */
gboolean watch_outlet_check (const WatchOutlet *outlet, const char **key, GError **error);
gboolean watch_outlet_open (WatchOutlet *outlet, const BwoHost *host, GError **error);
/* Nothing is told to one that is not open. */
void watch_outlet_tell (const WatchOutlet *outlet, const BwoEvent *event);
void watch_outlet_close (WatchOutlet *outlet);
void watch_outlet_free (WatchOutlet *outlet);

G_END_DECLS
