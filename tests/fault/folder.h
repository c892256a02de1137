/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The folder that a test lets its files lie in. */
#pragma once

#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void
empty_folder (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir))) {
    char *path = g_build_filename (folder, name, NULL);

    g_remove (path);
    g_free (path);
  }
  g_dir_close (dir);
}

static inline guint
count_files (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

/* Makes the folder a disk of its own, in a namespace of its own, for the rest of this process; ends it with 77 where that isn't allowed. */
static inline void
own_disk (const char *folder, const char *options)
{
  if (unshare (CLONE_NEWNS) < 0 || mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 || mount ("tmpfs", folder, "tmpfs", 0, options) < 0)
    _exit (77);
}

/* Runs in a child that may not come back as it was, and asserts there; it ends with 77 where own_disk() isn't allowed, and the test is skipped. */
static inline void
in_child (void (*run) (gpointer), gpointer data)
{
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0) {
    run (data);
    _exit (0);
  }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  if (WEXITSTATUS (status) == 77)
    g_test_skip ("may not mount a file system");
  else
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}
