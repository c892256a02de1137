/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a process holds, of /proc. */
#pragma once

#include <glib.h>

typedef struct {
  glong rss;                   /* KiB */
  gint fds, threads;
} Holdings;

static inline glong
proc_field (gint pid, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid), *text = NULL;
  const char *at;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !(at = strstr (text, name)))
    return -1;
  return strtol (at + strlen (name), NULL, 10);
}

static inline gint
count_entries (gint pid, const char *folder)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", pid, folder);
  GDir *dir = g_dir_open (path, 0, NULL);
  gint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  if (dir)
    g_dir_close (dir);
  return n;
}

static inline Holdings
holdings_of (gint pid)
{
  return (Holdings) { proc_field (pid, "\nVmRSS:"), count_entries (pid, "fd"), count_entries (pid, "task") };
}
