/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "record-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ROOM (1 << 20)
/* Stands before it, of a file that can't be opened. */
#define SYSTEM "system error: "

char *
record_disk_explain_errno (const char *folder, int error)
{
  if (error == ENOSPC || error == EDQUOT)
    return g_strdup_printf ("the disk is full: no more can be written to %s", folder);
  return g_strdup_printf ("nothing can be written to %s: %s", folder, g_strerror (error));
}

/* What the system says stands in the last line of what elements tell who debugs them; their message names no cause. */
char *
record_disk_explain (const char *folder, GstMessage *message)
{
  g_autofree char *debug = NULL;
  GError *error;
  char *why;

  gst_message_parse_error (message, &error, &debug);
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT)) {
    why = record_disk_explain_errno (folder, ENOSPC);
  } else {
    const char *cause = debug ? strrchr (debug, '\n') : NULL;

    cause = cause ? cause + 1 : error->message;
    if (g_str_has_prefix (cause, SYSTEM))
      cause += strlen (SYSTEM);
    why = g_strdup_printf ("nothing can be written to %s: %s", folder, cause);
  }
  g_error_free (error);
  return why;
}

/* Blocks are asked for, not only counted: quotas and reserves are not in what a file system says it has. */
char *
record_disk_try (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, ".bitmar-record-XXXXXX", NULL);
  int fd = g_mkstemp (path), error;

  if (fd < 0)
    return record_disk_explain_errno (folder, errno);
  error = posix_fallocate (fd, 0, ROOM);
  close (fd);
  g_unlink (path);
  return error ? record_disk_explain_errno (folder, error) : NULL;
}
