/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every fuzzer has: the function that libFuzzer calls, and the seeds it begins with. With gcc replay.c calls both. */
#pragma once

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

/* Calls `add` with each input to begin with. */
typedef void (*FuzzAdd) (const void *data, gsize size, void *to);
void fuzz_seeds (FuzzAdd add, void *to);

/* A finding. Not g_assert, which a build may leave out. */
#define FUZZ_CHECK(condition) \
  do { \
    if (!(condition)) { \
      g_printerr ("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort (); \
    } \
  } while (0)

/* An input, taken apart from the front; what is missing is zero. */
typedef struct {
  const guint8 *data;
  gsize left;
} FuzzInput;

static inline void
fuzz_take (FuzzInput *in, void *to, gsize n)
{
  gsize there = MIN (n, in->left);

  memset (to, 0, n);
  if (there)
    memcpy (to, in->data, there);
  in->data += there;
  in->left -= there;
}

static inline guint8
fuzz_byte (FuzzInput *in)
{
  guint8 x;

  fuzz_take (in, &x, 1);
  return x;
}

/* Up to the next NUL, without any. (transfer full) */
static inline char *
fuzz_string (FuzzInput *in)
{
  gsize n = in->left ? strnlen ((const char *) in->data, in->left) : 0;
  char *s = g_malloc0 (n + 1);

  if (n)
    memcpy (s, in->data, n);
  n = MIN (n + 1, in->left);
  in->data += n;
  in->left -= n;
  return s;
}

/* One of the tests' files. (transfer full) */
static inline guint8 *
fuzz_file (const char *name, gsize *size)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES") ? g_getenv ("BITMAR_TEST_FILES") : "tests/files", name, NULL);
  char *data;

  FUZZ_CHECK (g_file_get_contents (path, &data, size, NULL));
  g_free (path);
  return (guint8 *) data;
}
