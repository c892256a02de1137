/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tampering with tiny.gguf, or another of the tests' files. */
#pragma once

#include <glib/gstdio.h>
#include <string.h>

#include "bitmar.h"

static inline char *
edit_file (const char *name, gsize *size)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL), *data;

  g_assert_true (g_file_get_contents (path, &data, size, NULL));
  g_free (path);
  return data;
}

static inline char *
edit_tiny (gsize *size)
{
  return edit_file ("tiny.gguf", size);
}

/* One of the tests' files as it is. */
static inline BitmarModel *
edit_load_file (const char *name)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  g_free (path);
  return model;
}

static inline BitmarModel *
edit_load_tiny (void)
{
  return edit_load_file ("tiny.gguf");
}

/* The first occurrence of some bytes. */
static inline char *
edit_find (char *data, gsize size, const char *what)
{
  char *at = memmem (data, size, what, strlen (what));

  g_assert_nonnull (at);
  return at;
}

/* What follows the name of a key or of a tensor: a value's type, a tensor's number of dimensions. */
static inline char *
edit_behind (char *data, gsize size, const char *name)
{
  gsize n = strlen (name);
  char *counted = g_malloc (8 + n), *at;

  memset (counted, 0, 8);
  counted[0] = (char) n;
  memcpy (counted + 8, name, n);
  at = memmem (data, size, counted, 8 + n);
  g_free (counted);
  g_assert_nonnull (at);
  return at + 8 + n;
}

/* A number into the file, whose byte order is little-endian. */
static inline void
edit_poke (char *at, guint32 x)
{
  x = GUINT32_TO_LE (x);
  memcpy (at, &x, sizeof x);
}

static inline guint32
edit_bits_of (float x)
{
  guint32 bits;

  memcpy (&bits, &x, sizeof bits);
  return bits;
}

/* Where the checksum stands. */
static inline gsize
edit_digits (char *data, gsize size)
{
  return edit_behind (data, size, "bitmar.sha256") + 4 + 8 - data;
}

/* Makes the checksum right again: what follows is no accident, but a file that somebody made. */
static inline void
edit_seal_at (char *data, gsize size, gsize digits)
{
  char *sum;

  memset (data + digits, '0', 64);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) data, size);
  memcpy (data + digits, sum, 64);
  g_free (sum);
}

static inline void
edit_seal (char *data, gsize size)
{
  edit_seal_at (data, size, edit_digits (data, size));
}

/* Loads the bytes by way of a file. NULL with an error of our domain. */
static inline BitmarModel *
edit_load (const char *data, gsize size, GError **error)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-edit-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  BitmarModel *model;

  g_assert_cmpint (fd, >=, 0);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, data, size, NULL));
  model = bitmar_model_load (path, error);
  g_unlink (path);
  g_free (path);
  return model;
}

/* Such a file is not loaded, and told why. */
static inline void
edit_refused (const char *data, gsize size, BitmarError code)
{
  GError *error = NULL;

  g_assert_null (edit_load (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_assert_cmpuint (strlen (error->message), >, 10);
  g_clear_error (&error);
}
