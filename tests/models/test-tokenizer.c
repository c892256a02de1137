/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tokenizer of tiny.gguf: any text goes in and comes out again, and nothing else does. */

#include "edit.h"
#include "tokenizer.h"

#define SPECIAL 4

typedef struct {
  BitmarGguf *file;
  BitmarTokenizer *tokenizer;
  gsize vocabulary;
} Fixture;

static Fixture
fixture (void)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny.gguf", NULL);
  GError *error = NULL;
  Fixture f;

  f.file = bitmar_gguf_open (path, &error);
  g_assert_no_error (error);
  f.vocabulary = bitmar_gguf_value (f.file, "tokenizer.ggml.tokens")->n;
  f.tokenizer = bitmar_tokenizer_new (bitmar_gguf_value (f.file, "tokenizer.ggml.tokens"),
      bitmar_gguf_value (f.file, "tokenizer.ggml.merges"), SPECIAL, &error);
  g_assert_no_error (error);
  g_free (path);
  return f;
}

static void
fixture_clear (Fixture *f)
{
  bitmar_tokenizer_free (f->tokenizer);
  bitmar_gguf_free (f->file);
}

static void
round_trip (Fixture *f, const char *text, const char *expected)
{
  gsize max = strlen (text) + 1;
  gint32 *ids = g_new (gint32, max);
  gsize n = bitmar_tokenizer_encode (f->tokenizer, text, ids, max);
  gsize size = 4 * strlen (text) + 16;
  char *back = g_malloc (size);

  g_assert_cmpuint (n, <=, strlen (text));
  for (gsize i = 0; i < n; i++) {
    g_assert_cmpint (ids[i], >=, SPECIAL);
    g_assert_cmpint (ids[i], <, f->vocabulary);
  }
  bitmar_tokenizer_decode (f->tokenizer, ids, n, back, size);
  g_assert_cmpstr (back, ==, expected);
  g_free (ids);
  g_free (back);
}

static void
test_round_trip (void)
{
  static const char *const same[] = { "", "a man walks his dog past the red car.", "x", "42 dogs, 7 cats; and (one) ant!",
    "na\xc3\xafve caf\xc3\xa9", "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x90\x95 dog \xf0\x9f\x9a\x97", "e\xcc\x81",
    "tab\tand\nline", "two  spaces", "<pad><bos><eos><cls>" };
  Fixture f = fixture ();
  GString *longest = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    round_trip (&f, same[i], same[i]);
  round_trip (&f, "  outer spaces go  ", "outer spaces go");
  round_trip (&f, "   ", "");
  round_trip (&f, "Upper CASE", "upper case");
  for (guint i = 0; i < 20000; i++)
    g_string_append_c (longest, "the dog. "[i % 9]);
  g_string_append_c (longest, 'x');
  round_trip (&f, longest->str, longest->str);
  g_string_free (longest, TRUE);
  fixture_clear (&f);
}

/* Pieces are merged: common words are fewer tokens than letters. */
static void
test_merges (void)
{
  Fixture f = fixture ();
  gint32 ids[64];
  gsize word = bitmar_tokenizer_encode (f.tokenizer, " a man walks his dog", ids, 64);

  g_assert_cmpuint (word, <, strlen (" a man walks his dog"));
  g_assert_cmpuint (bitmar_tokenizer_encode (f.tokenizer, "\xf0\x9f\x90\x95", ids, 64), ==, 4);
  fixture_clear (&f);
}

/* No room: the count is told all the same, nothing is written beyond. */
static void
test_room (void)
{
  Fixture f = fixture ();
  gint32 all[64], few[4] = { -7, -7, -7, -7 };
  gsize n = bitmar_tokenizer_encode (f.tokenizer, "a wet street at night", all, 64);

  g_assert_cmpuint (n, >, 3);
  g_assert_cmpuint (bitmar_tokenizer_encode (f.tokenizer, "a wet street at night", few, 2), ==, n);
  g_assert_cmpint (few[0], ==, all[0]);
  g_assert_cmpint (few[1], ==, all[1]);
  g_assert_cmpint (few[2], ==, -7);
  fixture_clear (&f);
}

/* Any ids whatever decode to valid UTF-8 that fits. */
static void
test_decode_anything (void)
{
  Fixture f = fixture ();
  guint32 state = 1;

  for (guint round = 0; round < 3000; round++) {
    gint32 ids[40];
    char text[128];
    gsize size = 1 + round % 120;

    for (guint i = 0; i < 40; i++) {
      state = state * 1664525u + 1013904223u;
      /* mostly single bytes, which are mostly not UTF-8; some out of range */
      ids[i] = (gint32) (state >> 16) % (i % 9 ? 260 : 100000) - (i % 13 ? 0 : 500);
    }
    memset (text, 'Z', sizeof text);
    bitmar_tokenizer_decode (f.tokenizer, ids, 40, text, size);
    g_assert_cmpuint (strnlen (text, size), <, size);
    g_assert_true (g_utf8_validate (text, -1, NULL));
    g_assert_cmpint (text[size], ==, 'Z');
  }
  fixture_clear (&f);
}

/* A character split over tokens comes out whole, and half a one as U+FFFD. */
static void
test_split_character (void)
{
  Fixture f = fixture ();
  gint32 ids[16];
  char text[32];
  gsize n = bitmar_tokenizer_encode (f.tokenizer, "\xf0\x9f\x90\x95", ids, 16);

  bitmar_tokenizer_decode (f.tokenizer, ids, n, text, sizeof text);
  g_assert_cmpstr (text, ==, "\xf0\x9f\x90\x95");
  for (gsize i = 1; i < n; i++) {
    bitmar_tokenizer_decode (f.tokenizer, ids, i, text, sizeof text);
    g_assert_nonnull (strstr (text, "\xef\xbf\xbd"));
    g_assert_true (g_utf8_validate (text, -1, NULL));
  }
  fixture_clear (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokenizer/round-trip", test_round_trip);
  g_test_add_func ("/tokenizer/merges", test_merges);
  g_test_add_func ("/tokenizer/room", test_room);
  g_test_add_func ("/tokenizer/decode-anything", test_decode_anything);
  g_test_add_func ("/tokenizer/split-character", test_split_character);
  return g_test_run ();
}
