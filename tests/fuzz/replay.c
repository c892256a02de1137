/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* FUZZER [ROUNDS] [FILE…]   the seeds, the files, then that many mutations of them, the same each time
 * FUZZER --write FOLDER     the seeds as files, for libFuzzer to begin with
 *
 * An input that fails is left in BITMAR_FUZZ_CRASH, ./fuzz-crash without it. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_SIZE (1 << 20)

static guint64 state = 0x9e3779b97f4a7c15u;
static const guint8 *current;
static gsize current_size;
static const char *crash_path;

static guint
below (guint n)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return n ? (guint) (state >> 16) % n : 0;
}

/* Heads are short, and where most is decided. */
static guint
place (guint n)
{
  return below (2) ? below (n) : below (MIN (n, 600));
}

/* ---- Running one --------------------------------------------------------------------------------------- */

static void
keep_crash (int number)
{
  int fd = open (crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (fd >= 0 && write (fd, current, current_size) == (ssize_t) current_size)
    close (fd);
  signal (number, SIG_DFL);
  raise (number);
}

/* A copy as long as the input, so that a byte too far is one that sanitizers and valgrind see. */
static void
run (const guint8 *data, gsize size)
{
  guint8 *copy = malloc (size ? size : 1);

  if (size)
    memcpy (copy, data, size);
  current = copy;
  current_size = size;
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
}

/* ---- Mutations ------------------------------------------------------------------------------------------- */

static void
change_bytes (GByteArray *a)
{
  guint8 *at = a->data + place (a->len);

  switch (below (3)) {
    case 0:
      *at ^= 1u << below (8);
      break;
    case 1:
      *at = (guint8) below (256);
      break;
    default:
      *at += (guint8) (below (9) - 4);
  }
}

/* A number that counts and sizes stumble over. */
static void
change_number (GByteArray *a)
{
  static const guint64 numbers[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000, 0x7fc00000,
    G_MAXINT64, G_MAXUINT64, G_MAXUINT64 - 31 };
  guint64 x = GUINT64_TO_LE (numbers[below (G_N_ELEMENTS (numbers))]);
  guint wanted = 1u << below (4), n = MIN (wanted, a->len);

  memcpy (a->data + place (a->len - n + 1), &x, n);
}

static void
change_length (GByteArray *a)
{
  guint from = place (a->len), n = 1 + below (MIN (a->len - from, 64));
  guint8 chunk[64];

  if (below (2)) {
    g_byte_array_remove_range (a, from, n);
    return;
  }
  memcpy (chunk, a->data + from, n);
  from = place (a->len + 1);
  g_byte_array_append (a, chunk, n);
  memmove (a->data + from + n, a->data + from, a->len - n - from);
  memcpy (a->data + from, chunk, n);
}

static void
join (GByteArray *a, GPtrArray *seeds)
{
  const GByteArray *b = seeds->pdata[below (seeds->len)];
  guint from = below (b->len), n = below (b->len - from + 1);

  g_byte_array_set_size (a, place (a->len + 1));
  g_byte_array_append (a, b->data + from, MIN (n, MAX_SIZE - MIN (a->len, MAX_SIZE)));
}

static void
mutate (GByteArray *a, GPtrArray *seeds)
{
  for (guint n = 1 + below (4); n > 0; n--) {
    guint kind = below (16);

    if (a->len == 0 || kind == 0)
      join (a, seeds);
    else if (kind == 1)
      g_byte_array_set_size (a, place (a->len + 1));
    else if (kind < 5)
      change_length (a);
    else if (kind < 9)
      change_number (a);
    else
      change_bytes (a);
  }
}

/* ---- Seeds ------------------------------------------------------------------------------------------------ */

static void
keep (const void *data, gsize size, void *to)
{
  GByteArray *a = g_byte_array_new ();

  g_byte_array_append (a, data, size);
  g_ptr_array_add (to, a);
}

static void
write_seeds (GPtrArray *seeds, const char *folder)
{
  FUZZ_CHECK (g_mkdir_with_parents (folder, 0755) == 0);
  for (guint i = 0; i < seeds->len; i++) {
    GByteArray *a = seeds->pdata[i];
    char *path = g_strdup_printf ("%s/seed-%02u", folder, i);

    FUZZ_CHECK (g_file_set_contents (path, (const char *) a->data, a->len, NULL));
    g_free (path);
  }
}

static void
add_file (GPtrArray *seeds, const char *path)
{
  char *data;
  gsize size;

  FUZZ_CHECK (g_file_get_contents (path, &data, &size, NULL));
  keep (data, size, seeds);
  g_free (data);
}

static void
run_mutations (GPtrArray *seeds, guint rounds)
{
  for (guint i = 0; i < rounds; i++) {
    const GByteArray *seed = seeds->pdata[i % seeds->len];
    GByteArray *a = g_byte_array_new ();

    g_byte_array_append (a, seed->data, seed->len);
    mutate (a, seeds);
    run (a->data, a->len);
    g_byte_array_unref (a);
  }
}

int
main (int argc, char **argv)
{
  GPtrArray *seeds = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  guint rounds = argc > 1 ? (guint) g_ascii_strtoull (argv[1], NULL, 10) : 0;

  crash_path = g_getenv ("BITMAR_FUZZ_CRASH") ? g_getenv ("BITMAR_FUZZ_CRASH") : "fuzz-crash";
  fuzz_seeds (keep, seeds);
  if (argc > 2 && strcmp (argv[1], "--write") == 0) {
    write_seeds (seeds, argv[2]);
    return 0;
  }
  signal (SIGABRT, keep_crash);
  signal (SIGSEGV, keep_crash);
  for (int i = 2; i < argc; i++)
    add_file (seeds, argv[i]);
  for (guint i = 0; i < seeds->len; i++)
    run (((GByteArray *) seeds->pdata[i])->data, ((GByteArray *) seeds->pdata[i])->len);
  run_mutations (seeds, rounds);
  printf ("%u seeds, %u mutations\n", seeds->len, rounds);
  g_ptr_array_unref (seeds);
  return 0;
}
