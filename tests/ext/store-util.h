/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files and events for the tests of the event log. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static inline void
random_unit (GRand *rand, float *x, gsize n)
{
  double square = 0;

  for (gsize i = 0; i < n; i++) {
    x[i] = (float) g_rand_double_range (rand, -1, 1);
    square += (double) x[i] * x[i];
  }
  for (gsize i = 0; i < n; i++)
    x[i] /= sqrt (square);
}

static inline char *
make_folder (void)
{
  return g_dir_make_tmp ("bitmar-test-XXXXXX", NULL);
}

/* A folder of plain files. */
static inline void
remove_folder (char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir))) {
    char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
    g_free (path);
  }
  g_dir_close (dir);
  g_rmdir (folder);
  g_free (folder);
}

/* Whether any file of the folder has these bytes in it. */
static inline gboolean
folder_contains (const char *folder, gconstpointer bytes, gsize n)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  gboolean found = FALSE;
  const char *name;

  while ((name = g_dir_read_name (dir))) {
    char *path = g_build_filename (folder, name, NULL), *data;
    gsize size;

    g_assert_true (g_file_get_contents (path, &data, &size, NULL));
    found |= memmem (data, size, bytes, n) != NULL;
    g_free (data);
    g_free (path);
  }
  g_dir_close (dir);
  return found;
}
