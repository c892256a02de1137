/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* replace   into PATH.part, synced, then renamed to PATH, and the folder synced
 * PATH.part has one name, so that those left behind don't pile up; a lock on it keeps writers of one path apart
 * A link is followed first: what it names is replaced, and it stays */
#include "whole-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40           /* as many as the kernel follows */

static BitmarError
code_of (int number)
{
  switch (number) {
    case ENOSPC: case EDQUOT: case EFBIG:
      return BITMAR_ERROR_FULL;
    case EACCES: case EPERM: case EROFS:
      return BITMAR_ERROR_READ_ONLY;
    case ENOENT: case ENOTDIR:
      return BITMAR_ERROR_OPEN;
    default:
      return BITMAR_ERROR_IO;
  }
}

/* What errno says. */
static gboolean
fail (const char *path, const char *what, GError **error)
{
  int number = errno;

  g_set_error (error, BITMAR_ERROR, code_of (number), "%s: %s: %s", path, what, g_strerror (number));
  return FALSE;
}

/* ---- Replace ------------------------------------------------------------------------------------------- */

static int
wait_for_lock (int fd)
{
  int result;

  do
    result = flock (fd, LOCK_EX);
  while (result < 0 && errno == EINTR);
  return result;
}

/* Whoever held the lock may have renamed the file, or removed it: then this is not PATH.part any more. */
static gboolean
is_still (int fd, const char *part)
{
  struct stat open_file, named;

  return fstat (fd, &open_file) == 0 && lstat (part, &named) == 0
      && open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Of nothing but a file of one name is the content given up. */
static gboolean
may_overwrite (int fd)
{
  struct stat s;

  if (fstat (fd, &s) < 0)
    return FALSE;
  errno = EEXIST;
  return S_ISREG (s.st_mode) && s.st_nlink <= 1;
}

/* -1: errno. */
static int
open_part (const char *part)
{
  for (;;) {
    int fd = open (part, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600), number;

    if (fd < 0)
      return -1;
    if (wait_for_lock (fd) == 0) {
      if (!is_still (fd, part)) {
        close (fd);
        continue;
      }
      if (may_overwrite (fd) && ftruncate (fd, 0) == 0 && fchmod (fd, 0600) == 0)
        return fd;
    }
    number = errno;
    close (fd);
    errno = number;
    return -1;
  }
}

static gboolean
write_all (int fd, GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  while (size) {
    gssize n = write (fd, data, size);

    if (n < 0 && errno != EINTR)
      return FALSE;
    data += MAX (n, 0);
    size -= MAX (n, 0);
  }
  return TRUE;
}

static gboolean
fill (int fd, const char *part, const char *path, GBytes *bytes, GError **error)
{
  if (!write_all (fd, bytes))
    fail (path, "it can't be written", error);
  else if (fsync (fd) < 0)
    fail (path, "it can't be synced", error);
  else if (rename (part, path) < 0)
    fail (path, "it can't be replaced", error);
  else
    return TRUE;
  unlink (part);
  return FALSE;
}

/* Some file systems have nothing to sync in a folder. */
static gboolean
sync_folder (int folder, const char *path, GError **error)
{
  if (fsync (folder) == 0 || errno == EINVAL || errno == ENOTSUP)
    return TRUE;
  return fail (path, "it is replaced, but its folder can't be synced", error);
}

/* The folder is opened first: what can't be synced later is better not begun. */
static gboolean
replace_in (int folder, const char *path, GBytes *bytes, GError **error)
{
  char *part = g_strconcat (path, ".part", NULL);
  int fd = open_part (part);
  gboolean done = FALSE;

  if (fd < 0) {
    fail (part, "it can't be opened", error);
  } else {
    done = fill (fd, part, path, bytes, error) && sync_folder (folder, path, error);
    close (fd);
  }
  g_free (part);
  return done;
}

/* Also where what it names isn't there yet. NULL: errno. */
static char *
follow (const char *path)
{
  char *at = g_strdup (path);

  for (int links = 0; links <= MAX_LINKS; links++) {
    char *to = g_file_read_link (at, NULL), *folder = g_path_get_dirname (at);

    if (!to) {
      g_free (folder);
      return at;
    }
    g_free (at);
    at = g_path_is_absolute (to) ? g_strdup (to) : g_build_filename (folder, to, NULL);
    g_free (folder);
    g_free (to);
  }
  g_free (at);
  errno = ELOOP;
  return NULL;
}

static gboolean
replace (const char *path, GBytes *bytes, GError **error)
{
  char *name = g_path_get_dirname (path);
  int folder = open (name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean done = folder >= 0
      ? replace_in (folder, path, bytes, error)
      : fail (path, "its folder can't be opened", error);

  if (folder >= 0)
    close (folder);
  g_free (name);
  return done;
}

gboolean
bitmar_whole_file_replace (const char *path, GBytes *bytes, GError **error)
{
  char *target = follow (path);
  gboolean done = target ? replace (target, bytes, error) : fail (path, "it can't be followed", error);

  g_free (target);
  return done;
}

/* ---- Read ------------------------------------------------------------------------------------------------ */

/* Returns how many there were, -1: errno. */
static gssize
read_all (int fd, guint8 *data, gsize size)
{
  gsize got = 0;

  while (got < size) {
    gssize n = read (fd, data + got, size - got);

    if (n == 0)
      break;
    if (n < 0 && errno != EINTR)
      return -1;
    got += MAX (n, 0);
  }
  return got;
}

static guint8 *
read_open (int fd, const char *path, gsize limit, gsize *size, GError **error)
{
  struct stat s;
  guint8 *data;
  gssize got;

  if (fstat (fd, &s) < 0 || !S_ISREG (s.st_mode)) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: it is not a file", path);
    return NULL;
  }
  limit = MIN (limit, (guint64) s.st_size);
  if (!(data = g_try_malloc (limit + 1))) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "%s: it does not fit into memory", path);
    return NULL;
  }
  got = read_all (fd, data, limit);
  if (got < 0) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: it can't be read: %s", path, g_strerror (errno));
    g_free (data);
    return NULL;
  }
  *size = (gsize) got < limit ? (gsize) got : (gsize) MIN ((guint64) s.st_size, G_MAXSIZE);
  return data;
}

/* A pipe that nobody writes into must not hold the caller. */
guint8 *
bitmar_whole_file_read (const char *path, gsize limit, gsize *size, GError **error)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  guint8 *data;

  if (fd < 0) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "%s: it can't be opened: %s", path, g_strerror (errno));
    return NULL;
  }
  data = read_open (fd, path, limit, size, error);
  close (fd);
  return data;
}
