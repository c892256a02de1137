/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GGUF reader on files made here, most of them hostile. */

#include "edit.h"
#include "gguf.h"

/* ---- Writing --------------------------------------------------------------------------------------- */

typedef GByteArray Bytes;

static void
u32 (Bytes *b, guint32 x)
{
  x = GUINT32_TO_LE (x);
  g_byte_array_append (b, (guint8 *) &x, 4);
}

static void
u64 (Bytes *b, guint64 x)
{
  x = GUINT64_TO_LE (x);
  g_byte_array_append (b, (guint8 *) &x, 8);
}

static void
str (Bytes *b, const char *s)
{
  u64 (b, strlen (s));
  g_byte_array_append (b, (const guint8 *) s, strlen (s));
}

static Bytes *
header (guint32 version, guint64 n_tensors, guint64 n_values)
{
  Bytes *b = g_byte_array_new ();

  g_byte_array_append (b, (const guint8 *) "GGUF", 4);
  u32 (b, version);
  u64 (b, n_tensors);
  u64 (b, n_values);
  return b;
}

static void
value_u32 (Bytes *b, const char *key, guint32 x)
{
  str (b, key);
  u32 (b, BITMAR_GGUF_UINT32);
  u32 (b, x);
}

static void
tensor (Bytes *b, const char *name, guint32 n_dims, const guint64 *dims, guint32 type, guint64 offset)
{
  str (b, name);
  u32 (b, n_dims);
  for (guint i = 0; i < n_dims; i++)
    u64 (b, dims[i]);
  u32 (b, type);
  u64 (b, offset);
}

static void
pad (Bytes *b, gsize data)
{
  static const guint8 zeros[256];

  g_byte_array_append (b, zeros, (32 - b->len % 32) % 32);
  for (gsize done = 0; done < data; done += MIN (data - done, sizeof zeros))
    g_byte_array_append (b, zeros, MIN (data - done, sizeof zeros));
}

/* Two keys and two tensors; all is well. */
static Bytes *
good (void)
{
  Bytes *b = header (3, 2, 3);
  guint64 dims[2] = { 8, 4 };

  value_u32 (b, "general.alignment", 32);
  str (b, "words");
  u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, BITMAR_GGUF_STRING);
  u64 (b, 2);
  str (b, "one");
  str (b, "");
  value_u32 (b, "answer", 42);
  tensor (b, "a", 2, dims, BITMAR_TENSOR_I8, 0);
  tensor (b, "b", 1, dims, BITMAR_TENSOR_F32, 32);
  pad (b, 64);
  return b;
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

static BitmarGguf *
open_bytes (const void *data, gsize size, GError **error)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-gguf-XXXXXX", NULL);
  BitmarGguf *file;

  g_close (g_mkstemp (path), NULL);
  g_assert_true (g_file_set_contents (path, data, size, NULL));
  file = bitmar_gguf_open (path, error);
  g_unlink (path);
  g_free (path);
  return file;
}

/* Takes the bytes. */
static void
refused (Bytes *b, BitmarError code)
{
  GError *error = NULL;
  BitmarGguf *file = open_bytes (b->data, b->len, &error);

  g_assert_null (file);
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_clear_error (&error);
  g_byte_array_unref (b);
}

static void
test_good (void)
{
  Bytes *b = good ();
  GError *error = NULL;
  BitmarGguf *file = open_bytes (b->data, b->len, &error);
  const BitmarGgufValue *words;
  BitmarGgufTensor *t;
  const guint8 *at;
  gsize length;
  char *text;

  g_assert_no_error (error);
  g_assert_cmpuint (bitmar_gguf_n_values (file), ==, 3);
  g_assert_cmpuint (bitmar_gguf_n_tensors (file), ==, 2);
  g_assert_cmpfloat (bitmar_gguf_number (bitmar_gguf_value (file, "answer"), 0), ==, 42);
  g_assert_null (bitmar_gguf_value (file, "question"));
  words = bitmar_gguf_value (file, "words");
  g_assert_true (words->is_array);
  at = words->data;
  g_assert_cmpint (strncmp (bitmar_gguf_next_string (&at, &length), "one", 3), ==, 0);
  g_assert_cmpuint (length, ==, 3);
  bitmar_gguf_next_string (&at, &length);
  g_assert_cmpuint (length, ==, 0);
  text = bitmar_gguf_value_to_text (bitmar_gguf_value (file, "answer"));
  g_assert_cmpstr (text, ==, "42");
  g_free (text);
  t = bitmar_gguf_tensor (file, "a");
  g_assert_cmpuint (t->size, ==, 32);
  g_assert_cmpuint (t->dims[0], ==, 8);
  t = bitmar_gguf_tensor (file, "b");
  g_assert_cmpuint (t->size, ==, 32);
  g_assert_null (bitmar_gguf_tensor (file, "c"));
  bitmar_gguf_drop_tensors (file);
  g_assert_nonnull (bitmar_gguf_value (file, "answer"));
  bitmar_gguf_free (file);
  g_byte_array_unref (b);
}

/* Cut anywhere, a file is no file. */
static void
test_truncated (void)
{
  Bytes *b = good ();

  for (guint n = 0; n < b->len; n++) {
    GError *error = NULL;

    g_assert_null (open_bytes (b->data, n, &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
    g_clear_error (&error);
  }
  g_byte_array_unref (b);
}

/* Any bit of the structure may flip: an error or a file that reads, never a crash. */
static void
test_flipped (void)
{
  Bytes *b = good ();

  for (guint bit = 0; bit < (b->len - 64) * 8; bit++) {
    GError *error = NULL;
    BitmarGguf *file;

    b->data[bit / 8] ^= 1 << bit % 8;
    file = open_bytes (b->data, b->len, &error);
    g_assert_true ((file == NULL) == (error != NULL));
    for (gsize i = 0; file && i < bitmar_gguf_n_values (file); i++)
      g_free (bitmar_gguf_value_to_text (bitmar_gguf_value_at (file, i)));
    g_clear_pointer (&file, bitmar_gguf_free);
    g_clear_error (&error);
    b->data[bit / 8] ^= 1 << bit % 8;
  }
  g_byte_array_unref (b);
}

static void
test_header (void)
{
  Bytes *b = good ();

  b->data[0] = 'g';
  refused (b, BITMAR_ERROR_FORMAT);
  for (guint version = 0; version < 6; version++)
    if (version != 3) {
      b = header (version, 0, 0);
      pad (b, 0);
      refused (b, BITMAR_ERROR_ARCHITECTURE);
    }
  refused (header (GUINT32_SWAP_LE_BE (3), 0, 0), BITMAR_ERROR_ARCHITECTURE);
  refused (header (3, G_MAXUINT64, 0), BITMAR_ERROR_FORMAT);
  refused (header (3, 0, G_MAXUINT64), BITMAR_ERROR_FORMAT);
  refused (header (3, 1, 0), BITMAR_ERROR_FORMAT);
}

static void
test_values (void)
{
  static const guint64 absurd[] = { 5, 1000, G_GUINT64_CONSTANT (1) << 32, G_GUINT64_CONSTANT (1) << 63, G_MAXUINT64 };
  Bytes *b;

  for (guint i = 0; i < G_N_ELEMENTS (absurd); i++) {
    /* a key that long */
    b = header (3, 0, 1);
    u64 (b, absurd[i]);
    refused (b, BITMAR_ERROR_FORMAT);
    /* a string that long */
    b = header (3, 0, 1);
    str (b, "k");
    u32 (b, BITMAR_GGUF_STRING);
    u64 (b, absurd[i]);
    refused (b, BITMAR_ERROR_FORMAT);
    /* an array that long */
    b = header (3, 0, 1);
    str (b, "k");
    u32 (b, BITMAR_GGUF_ARRAY);
    u32 (b, BITMAR_GGUF_UINT64);
    u64 (b, absurd[i]);
    refused (b, BITMAR_ERROR_FORMAT);
  }
  for (guint type = BITMAR_GGUF_N_TYPES; type < 300; type += 41) {
    b = header (3, 0, 1);
    str (b, "k");
    u32 (b, type);
    u64 (b, 0);
    refused (b, BITMAR_ERROR_FORMAT);
  }
  /* arrays of arrays */
  b = header (3, 0, 1);
  str (b, "k");
  u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, BITMAR_GGUF_ARRAY);
  u64 (b, 1);
  u32 (b, BITMAR_GGUF_UINT8);
  u64 (b, 0);
  refused (b, BITMAR_ERROR_FORMAT);
  /* the same key twice */
  b = header (3, 0, 2);
  value_u32 (b, "k", 1);
  value_u32 (b, "k", 2);
  pad (b, 0);
  refused (b, BITMAR_ERROR_FORMAT);
  /* a key that is no text */
  b = header (3, 0, 1);
  value_u32 (b, "k\xff", 1);
  pad (b, 0);
  refused (b, BITMAR_ERROR_FORMAT);
}

static Bytes *
one_tensor (guint32 n_dims, guint64 x, guint64 y, guint32 type, guint64 offset)
{
  Bytes *b = header (3, 1, 0);
  guint64 dims[8] = { x, y, 1, 1, 1, 1, 1, 1 };

  tensor (b, "t", n_dims, dims, type, offset);
  pad (b, 64);
  return b;
}

static void
test_tensors (void)
{
  guint64 dims[1] = { 32 };
  Bytes *b;

  refused (one_tensor (5, 1, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (0, 1, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (2, 0, 4, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (2, 65, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 17, 1, BITMAR_TENSOR_F32, 0), BITMAR_ERROR_FORMAT);
  /* products and sums that wrap */
  refused (one_tensor (2, G_GUINT64_CONSTANT (1) << 33, G_GUINT64_CONSTANT (1) << 31, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, G_GUINT64_CONSTANT (1) << 62, 1, BITMAR_TENSOR_F32, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 32, 1, BITMAR_TENSOR_I8, G_MAXUINT64 - 31), BITMAR_ERROR_FORMAT);
  /* outside, crooked, unknown */
  refused (one_tensor (1, 32, 1, BITMAR_TENSOR_I8, 64), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 16, 1, BITMAR_TENSOR_I8, 8), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 32, 1, 12, 0), BITMAR_ERROR_FORMAT);
  /* one on the other, and one name for two */
  for (guint same = 0; same < 2; same++) {
    b = header (3, 2, 0);
    tensor (b, "t", 1, dims, BITMAR_TENSOR_I8, 0);
    tensor (b, same ? "t" : "u", 1, dims, BITMAR_TENSOR_I8, same ? 32 : 0);
    pad (b, 64);
    refused (b, BITMAR_ERROR_FORMAT);
  }
}

static void
test_open (void)
{
  GError *error = NULL;

  g_assert_null (bitmar_gguf_open ("/nonexistent.gguf", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_null (bitmar_gguf_open (g_get_tmp_dir (), &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_null (open_bytes ("", 0, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
  g_clear_error (&error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gguf/good", test_good);
  g_test_add_func ("/gguf/truncated", test_truncated);
  g_test_add_func ("/gguf/flipped", test_flipped);
  g_test_add_func ("/gguf/header", test_header);
  g_test_add_func ("/gguf/values", test_values);
  g_test_add_func ("/gguf/tensors", test_tensors);
  g_test_add_func ("/gguf/open", test_open);
  return g_test_run ();
}
