/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tokenizer. Any text's ids exist and decode to that text in lower case; any ids decode to valid UTF-8 that fits. With a tokenizer of
 * tiny.gguf, or one whose tokens and merges are lines of the input: refused, or as good. */
#include "fuzz.h"
#include "tokenizer.h"

#define SPECIAL 4
#define OWN 1
#define MAX_TEXT 1024

static BitmarGguf *file;
static BitmarTokenizer *tiny;

static void
make_ready (void)
{
  char *path;

  if (tiny)
    return;
  path = g_build_filename (g_getenv ("BITMAR_TEST_FILES") ? g_getenv ("BITMAR_TEST_FILES") : "tests/files", "tiny.gguf", NULL);
  file = bitmar_gguf_open (path, NULL);
  FUZZ_CHECK (file);
  tiny = bitmar_tokenizer_new (bitmar_gguf_value (file, "tokenizer.ggml.tokens"),
      bitmar_gguf_value (file, "tokenizer.ggml.merges"), SPECIAL, NULL);
  FUZZ_CHECK (tiny);
  g_free (path);
}

/* flags, ids (count, bytes), text NUL, tokens NUL, merges NUL */
static void
add_seed (FuzzAdd add, void *to, guint8 flags, const char *text, const char *tokens, const char *merges)
{
  GByteArray *a = g_byte_array_new ();
  guint8 ids[] = { flags, 12, 40, 1, 41, 1, 90, 0, 0, 0, 255, 255, 2, 1 };

  g_byte_array_append (a, ids, sizeof ids);
  g_byte_array_append (a, (const guint8 *) text, strlen (text) + 1);
  g_byte_array_append (a, (const guint8 *) tokens, strlen (tokens) + 1);
  g_byte_array_append (a, (const guint8 *) merges, strlen (merges) + 1);
  add (a->data, a->len, to);
  g_byte_array_unref (a);
}

void
fuzz_seeds (FuzzAdd add, void *to)
{
  add_seed (add, to, 0, " a man rides a bicycle on a city street", "", "");
  add_seed (add, to, 0x34, "Two  DOGS, 12 cats\t&\n\v x", "", "");
  add_seed (add, to, 0xf8, "\303\244\303\226 \346\227\245\346\234\254 \360\237\230\200\360\237\221\251\342\200\215", "", "");
  add_seed (add, to, OWN, "the there then he", "th\nhe\nthe\n\304\240the", "t h\nh e\nth e\n\304\240 the");
  add_seed (add, to, OWN | 0x70, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aa\naaaa\naaa", "a a\naa aa\naa a");
  add_seed (add, to, OWN, "x", "no token\n\304\200", "a\nb c d\n a");
}

/* A string array as a file has it: first what every file must have, then the lines. */
static GByteArray *
strings_of (const char *lines, gboolean with_bytes, guint64 *n)
{
  GByteArray *a = g_byte_array_new ();
  char **line = g_strsplit (lines, "\n", 200);
  guint next = 256;

  *n = 0;
  for (guint i = 0; with_bytes && i < SPECIAL; i++, (*n)++)
    g_byte_array_append (a, (const guint8 *) "\3\0\0\0\0\0\0\0<s>", 11);
  for (guint b = 0; with_bytes && b < 256; b++, (*n)++) {
    gboolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    guint8 s[14] = { 0 };

    s[0] = (guint8) g_unichar_to_utf8 (printable ? b : next++, (char *) s + 8);
    g_byte_array_append (a, s, 8u + s[0]);
  }
  for (guint i = 0; line[i] && *lines; i++, (*n)++) {
    guint64 length = GUINT64_TO_LE (strlen (line[i]));

    g_byte_array_append (a, (const guint8 *) &length, 8);
    g_byte_array_append (a, (const guint8 *) line[i], strlen (line[i]));
  }
  g_strfreev (line);
  return a;
}

static BitmarTokenizer *
make_own (FuzzInput *in)
{
  char *tokens = fuzz_string (in), *merges = fuzz_string (in);
  BitmarGgufValue t = { .key = "tokens", .type = BITMAR_GGUF_STRING, .is_array = TRUE }, m = t;
  GByteArray *a = strings_of (tokens, TRUE, &t.n), *b = strings_of (merges, FALSE, &m.n);
  GError *error = NULL;
  BitmarTokenizer *made;

  t.data = a->data;
  t.size = a->len;
  m.data = b->data;
  m.size = b->len;
  made = bitmar_tokenizer_new (&t, &m, SPECIAL, &error);
  FUZZ_CHECK (!made == !!error);
  g_clear_error (&error);
  g_byte_array_unref (a);
  g_byte_array_unref (b);
  g_free (tokens);
  g_free (merges);
  return made;
}

/* Lower case and without outer spaces, as decoding gives it back. */
static void
check_text (const BitmarTokenizer *t, const char *raw)
{
  char *valid = g_utf8_make_valid (raw, -1), *low, text[MAX_TEXT];
  gsize n = strlen (valid), count = bitmar_tokenizer_encode (t, valid, NULL, 0);
  gint32 *ids = g_new (gint32, n + 1);

  FUZZ_CHECK (count <= n);
  ids[count] = 77;
  FUZZ_CHECK (bitmar_tokenizer_encode (t, valid, ids, count) == count && ids[count] == 77);
  for (gsize i = 0; i < count; i++)
    FUZZ_CHECK (ids[i] >= SPECIAL);
  bitmar_tokenizer_decode (t, ids, count, text, sizeof text);
  low = g_ascii_strdown (valid, -1);
  if (n < sizeof text)
    FUZZ_CHECK (strcmp (text, g_strstrip (low)) == 0);
  FUZZ_CHECK (g_utf8_validate (text, -1, NULL));
  g_free (low);
  g_free (ids);
  g_free (valid);
}

static void
check_ids (const BitmarTokenizer *t, FuzzInput *in, gsize room)
{
  gsize n = fuzz_byte (in) / 2;
  gint32 ids[128];
  char *text = g_malloc (room);

  for (gsize i = 0; i < n; i++) {
    gint16 id;

    fuzz_take (in, &id, sizeof id);
    ids[i] = GINT16_FROM_LE (id);
  }
  bitmar_tokenizer_decode (t, ids, n, text, room);
  FUZZ_CHECK (memchr (text, 0, room) && g_utf8_validate (text, -1, NULL));
  g_free (text);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  FuzzInput in = { data, size };
  guint8 flags = fuzz_byte (&in);
  FuzzInput ids = in;
  BitmarTokenizer *own = NULL;
  char *text;

  make_ready ();
  in.left -= MIN (in.left, 1u + (in.left ? in.data[0] / 2 * 2u : 0));
  in.data = data + size - in.left;
  text = fuzz_string (&in);
  if (flags & OWN)
    own = make_own (&in);
  if (own || !(flags & OWN)) {
    check_text (own ? own : tiny, text);
    check_ids (own ? own : tiny, &ids, 1 + (gsize) (flags >> 1) * 3);
  }
  bitmar_tokenizer_free (own);
  g_free (text);
  return 0;
}
