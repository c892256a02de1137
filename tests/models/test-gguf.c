/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GGUF reader on files made here, most of them hostile. */

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* dims: [at least min (n_dims, 8)] */
static void
tensor (Bytes *b, const char *name, guint32 n_dims, const guint64 *dims, guint32 type, guint64 offset)
{
  str (b, name);
  u32 (b, n_dims);
  for (guint i = 0; i < MIN (n_dims, 8); i++)
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

/* What a file that reads promises: everything lies in its bytes, no tensor on another. */
static void
check_sound (const BitmarGguf *file)
{
  gsize size, n = bitmar_gguf_n_tensors (file);
  const guint8 *bytes = bitmar_gguf_bytes (file, &size);

  for (gsize i = 0; i < bitmar_gguf_n_values (file); i++) {
    const BitmarGgufValue *v = bitmar_gguf_value_at (file, i);
    char *text = bitmar_gguf_value_to_text (v);

    g_assert_true (v->data >= bytes && v->size <= size && (gsize) (v->data - bytes) <= size - v->size);
    g_assert_true (bitmar_gguf_value (file, v->key) == v);
    g_assert_true (g_utf8_validate (v->key, -1, NULL) && g_utf8_validate (text, -1, NULL));
    g_free (text);
  }
  for (gsize i = 0; i < n; i++) {
    const BitmarGgufTensor *t = bitmar_gguf_tensor_at (file, i);
    gsize each = t->type == BITMAR_TENSOR_I8 ? 1 : t->type == BITMAR_TENSOR_F16 ? 2 : 4;

    g_assert_true (t->data >= bytes && t->size <= size && (gsize) (t->data - bytes) <= size - t->size);
    g_assert_cmpuint (t->size, ==, each * t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3]);
    for (gsize j = 0; j < i; j++) {
      const BitmarGgufTensor *u = bitmar_gguf_tensor_at (file, j);
      g_assert_true (t->data + t->size <= u->data || u->data + u->size <= t->data);
    }
  }
}

/* Takes the bytes. */
static void
accepted (Bytes *b)
{
  GError *error = NULL;
  BitmarGguf *file = open_bytes (b->data, b->len, &error);

  g_assert_no_error (error);
  check_sound (file);
  bitmar_gguf_free (file);
  g_byte_array_unref (b);
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
    if (file)
      check_sound (file);
    g_clear_pointer (&file, bitmar_gguf_free);
    g_clear_error (&error);
    b->data[bit / 8] ^= 1 << bit % 8;
  }
  g_byte_array_unref (b);
}

/* A file on disk that is cut and written over in place. */
typedef struct {
  char *path;
  int fd;
} Scratch;

static Scratch
scratch_new (const void *data, gsize size)
{
  Scratch s = { .path = g_build_filename (g_get_tmp_dir (), "bitmar-scratch-XXXXXX", NULL) };

  s.fd = g_mkstemp (s.path);
  g_assert_cmpint (s.fd, >=, 0);
  g_assert_cmpint (pwrite (s.fd, data, size, 0), ==, size);
  return s;
}

static void
scratch_clear (Scratch *s)
{
  g_close (s->fd, NULL);
  g_unlink (s->path);
  g_free (s->path);
}

/* A real model, cut at every byte of its structure and at many of its data. */
static void
test_truncated_model (void)
{
  gsize size, end = 0;
  char *data = edit_tiny (&size);
  Scratch s = scratch_new (data, size);
  GError *error = NULL;
  BitmarGguf *file = bitmar_gguf_open (s.path, &error);
  const guint8 *bytes;

  g_assert_no_error (error);
  check_sound (file);
  bytes = bitmar_gguf_bytes (file, &size);
  for (gsize i = 0; i < bitmar_gguf_n_tensors (file); i++) {
    const BitmarGgufTensor *t = bitmar_gguf_tensor_at (file, i);
    end = MAX (end, (gsize) (t->data - bytes) + t->size);
  }
  bitmar_gguf_free (file);
  for (gsize n = end; n-- > 0;) {
    if (n > 12100 && n < end - 40 && n % 61)
      continue;
    g_assert_cmpint (ftruncate (s.fd, n), ==, 0);
    g_assert_null (bitmar_gguf_open (s.path, &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
    g_clear_error (&error);
  }
  scratch_clear (&s);
  g_free (data);
}

/* A real model with one to eight bytes of its structure overwritten by numbers that parsers dislike. */
static void
test_overwritten (void)
{
  static const guint8 dislikes[] = { 0x00, 0xff, 0x7f, 0x80, 0x01, 0x08, 0x09, 0x40 };
  gsize size;
  char *data = edit_tiny (&size);
  Scratch s = scratch_new (data, size);
  guint32 state = 5;

  for (guint round = 0; round < 4000; round++) {
    guint8 bytes[8];
    gsize at, n;
    GError *error = NULL;
    BitmarGguf *file;

    state = state * 1664525u + 1013904223u;
    at = (state >> 8) % 12000;
    n = 1 + (state >> 3) % 8;
    for (gsize i = 0; i < n; i++)
      bytes[i] = state & 4 ? dislikes[(state >> 13) % 8] : dislikes[((state >> 13) + i) % 8];
    g_assert_cmpint (pwrite (s.fd, bytes, n, at), ==, n);
    file = bitmar_gguf_open (s.path, &error);
    g_assert_true ((file == NULL) == (error != NULL));
    if (file)
      check_sound (file);
    else
      g_assert_true (error->domain == BITMAR_ERROR
          && (error->code == BITMAR_ERROR_FORMAT || error->code == BITMAR_ERROR_ARCHITECTURE));
    g_clear_pointer (&file, bitmar_gguf_free);
    g_clear_error (&error);
    g_assert_cmpint (pwrite (s.fd, data + at, n, at), ==, n);
  }
  scratch_clear (&s);
  g_free (data);
}

static void
value_raw (Bytes *b, const char *key, BitmarGgufType type, const void *x, gsize n)
{
  str (b, key);
  u32 (b, type);
  g_byte_array_append (b, x, n);
}

/* Every kind of number, and what it reads as. */
static void
test_numbers (void)
{
  static const struct {
    BitmarGgufType type;
    guint8 bytes[8];
    gsize n;
    double number;
    const char *text;
  } all[] = {
    { BITMAR_GGUF_UINT8, { 0xfe }, 1, 254, "254" },
    { BITMAR_GGUF_INT8, { 0xfe }, 1, -2, "-2" },
    { BITMAR_GGUF_UINT16, { 0x01, 0xff }, 2, 65281, "65281" },
    { BITMAR_GGUF_INT16, { 0x01, 0xff }, 2, -255, "-255" },
    { BITMAR_GGUF_UINT32, { 0x02, 0, 0, 0x80 }, 4, 2147483650.0, "2147483650" },
    { BITMAR_GGUF_INT32, { 0x02, 0, 0, 0x80 }, 4, -2147483646.0, "-2147483646" },
    { BITMAR_GGUF_FLOAT32, { 0, 0, 0x20, 0xc0 }, 4, -2.5, "-2.5" },
    { BITMAR_GGUF_BOOL, { 1 }, 1, 1, "1" },
    { BITMAR_GGUF_UINT64, { 0, 0, 0, 0, 1 }, 8, 4294967296.0, "4294967296" },
    { BITMAR_GGUF_INT64, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, -1, "-1" },
    { BITMAR_GGUF_FLOAT64, { 0, 0, 0, 0, 0, 0, 0xf8, 0x3f }, 8, 1.5, "1.5" },
  };
  Bytes *b = header (3, 0, G_N_ELEMENTS (all));
  GError *error = NULL;
  BitmarGguf *file;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    char key[8];
    g_snprintf (key, sizeof key, "k%u", i);
    value_raw (b, key, all[i].type, all[i].bytes, all[i].n);
  }
  file = open_bytes (b->data, b->len, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    const BitmarGgufValue *v = bitmar_gguf_value_at (file, i);
    char *text = bitmar_gguf_value_to_text (v);

    g_assert_cmpint (v->type, ==, all[i].type);
    g_assert_false (v->is_array);
    g_assert_cmpfloat (bitmar_gguf_number (v, 0), ==, all[i].number);
    g_assert_cmpstr (text, ==, all[i].text);
    g_free (text);
  }
  bitmar_gguf_free (file);
  g_byte_array_unref (b);
}

/* Arrays as text: in brackets, the first 64 and the count; what isn't UTF-8 is made so. */
static void
test_text (void)
{
  Bytes *b = header (3, 0, 3);
  GError *error = NULL;
  BitmarGguf *file;
  char *text;

  str (b, "few");
  u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, BITMAR_GGUF_STRING);
  u64 (b, 3);
  str (b, "a");
  str (b, "");
  str (b, "caf\xe9");
  str (b, "many");
  u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, BITMAR_GGUF_UINT8);
  u64 (b, 65);
  g_byte_array_set_size (b, b->len + 65);
  memset (b->data + b->len - 65, 7, 65);
  str (b, "none");
  u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, BITMAR_GGUF_FLOAT64);
  u64 (b, 0);
  file = open_bytes (b->data, b->len, &error);
  g_assert_no_error (error);
  text = bitmar_gguf_value_to_text (bitmar_gguf_value (file, "few"));
  g_assert_cmpstr (text, ==, "[a, , caf\xef\xbf\xbd]");
  g_free (text);
  text = bitmar_gguf_value_to_text (bitmar_gguf_value (file, "many"));
  g_assert_true (g_str_has_prefix (text, "[7, 7, 7") && g_str_has_suffix (text, "65 in all]"));
  g_free (text);
  text = bitmar_gguf_value_to_text (bitmar_gguf_value (file, "none"));
  g_assert_cmpstr (text, ==, "[]");
  g_free (text);
  bitmar_gguf_free (file);
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
  /* a key that ends before its end */
  b = header (3, 0, 1);
  u64 (b, 3);
  g_byte_array_append (b, (const guint8 *) "k\0k", 3);
  u32 (b, BITMAR_GGUF_UINT8);
  pad (b, 32);
  refused (b, BITMAR_ERROR_FORMAT);
}

/* One tensor's name or one value's key of `n` letters. */
static Bytes *
named (gsize n, gboolean tensor_name)
{
  Bytes *b = header (3, tensor_name, !tensor_name);
  char *name = g_strnfill (n, 'n');
  guint64 dims[1] = { 32 };

  if (tensor_name)
    tensor (b, name, 1, dims, BITMAR_TENSOR_I8, 0);
  else
    value_u32 (b, name, 1);
  pad (b, 32);
  g_free (name);
  return b;
}

static void
test_names (void)
{
  refused (named (0, FALSE), BITMAR_ERROR_FORMAT);
  accepted (named (1, FALSE));
  accepted (named (65535, FALSE));
  refused (named (65536, FALSE), BITMAR_ERROR_FORMAT);
  refused (named (0, TRUE), BITMAR_ERROR_FORMAT);
  accepted (named (1, TRUE));
  accepted (named (255, TRUE));
  refused (named (256, TRUE), BITMAR_ERROR_FORMAT);
}

/* A tensor at `offset` in a file that gives its alignment as `type`. */
static Bytes *
aligned (guint32 alignment, BitmarGgufType type, gboolean array, guint64 offset)
{
  Bytes *b = header (3, 1, 1);
  guint64 dims[1] = { 16 };

  str (b, "general.alignment");
  if (array)
    u32 (b, BITMAR_GGUF_ARRAY);
  u32 (b, type);
  if (array)
    u64 (b, 1);
  if (type == BITMAR_GGUF_UINT64)
    u64 (b, alignment);
  else
    u32 (b, alignment);
  tensor (b, "t", 1, dims, BITMAR_TENSOR_I8, offset);
  pad (b, 512);
  return b;
}

static void
test_alignment (void)
{
  static const guint32 bad[] = { 0, 1, 2, 4, 7, 24, 33, 131072, 0x80000000u, G_MAXUINT32 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    refused (aligned (bad[i], BITMAR_GGUF_UINT32, FALSE, 0), BITMAR_ERROR_FORMAT);
  for (guint32 x = 8; x <= 256; x *= 2) {
    accepted (aligned (x, BITMAR_GGUF_UINT32, FALSE, x));
    refused (aligned (x, BITMAR_GGUF_UINT32, FALSE, x + x / 2), BITMAR_ERROR_FORMAT);
  }
  refused (aligned (32, BITMAR_GGUF_INT32, FALSE, 0), BITMAR_ERROR_FORMAT);
  refused (aligned (32, BITMAR_GGUF_UINT64, FALSE, 0), BITMAR_ERROR_FORMAT);
  refused (aligned (32, BITMAR_GGUF_UINT32, TRUE, 0), BITMAR_ERROR_FORMAT);
  /* Past the end of this small file, though a power of two. */
  refused (aligned (65536, BITMAR_GGUF_UINT32, FALSE, 0), BITMAR_ERROR_FORMAT);
}

/* Two tensors of bytes: where they lie, and how long the first is. */
static Bytes *
two_tensors (guint64 first, guint64 length, guint64 second)
{
  Bytes *b = header (3, 2, 0);
  guint64 x[1] = { length }, y[1] = { 32 };

  tensor (b, "a", 1, x, BITMAR_TENSOR_I8, first);
  tensor (b, "b", 1, y, BITMAR_TENSOR_I8, second);
  pad (b, 256);
  return b;
}

static void
test_places (void)
{
  accepted (two_tensors (0, 32, 32));
  accepted (two_tensors (32, 32, 0));
  accepted (two_tensors (0, 1, 224));
  refused (two_tensors (0, 33, 32), BITMAR_ERROR_FORMAT);
  refused (two_tensors (0, 256, 64), BITMAR_ERROR_FORMAT);
  refused (two_tensors (32, 64, 64), BITMAR_ERROR_FORMAT);
  refused (two_tensors (64, 32, 64), BITMAR_ERROR_FORMAT);
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

  accepted (one_tensor (1, 64, 1, BITMAR_TENSOR_I8, 0));
  accepted (one_tensor (4, 8, 8, BITMAR_TENSOR_I8, 0));
  accepted (one_tensor (2, 4, 4, BITMAR_TENSOR_I32, 0));
  refused (one_tensor (G_MAXUINT32, 1, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (5, 1, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (0, 1, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (2, 0, 4, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (2, 65, 1, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 17, 1, BITMAR_TENSOR_F32, 0), BITMAR_ERROR_FORMAT);
  accepted (one_tensor (2, 4, 8, BITMAR_TENSOR_F16, 0));
  refused (one_tensor (1, 33, 1, BITMAR_TENSOR_F16, 0), BITMAR_ERROR_FORMAT);
  /* products and sums that wrap */
  refused (one_tensor (2, G_GUINT64_CONSTANT (1) << 33, G_GUINT64_CONSTANT (1) << 31, BITMAR_TENSOR_I8, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, G_GUINT64_CONSTANT (1) << 62, 1, BITMAR_TENSOR_F32, 0), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 32, 1, BITMAR_TENSOR_I8, G_MAXUINT64 - 31), BITMAR_ERROR_FORMAT);
  /* outside, crooked, unknown */
  refused (one_tensor (1, 32, 1, BITMAR_TENSOR_I8, 64), BITMAR_ERROR_FORMAT);
  refused (one_tensor (1, 16, 1, BITMAR_TENSOR_I8, 8), BITMAR_ERROR_FORMAT);
  for (guint32 type = 0; type < 64; type++)
    if (type != BITMAR_TENSOR_F32 && type != BITMAR_TENSOR_F16 && type != BITMAR_TENSOR_I8 && type != BITMAR_TENSOR_I32)
      refused (one_tensor (1, 4, 1, type, 0), BITMAR_ERROR_FORMAT);
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
  g_assert_null (open_bytes ("GGUF", 4, NULL));
  g_assert_null (bitmar_gguf_open ("/nonexistent.gguf", NULL));
}

/* What is no regular file is refused at once: nobody writes into this pipe, and /dev/zero never ends. */
static void
test_special_files (void)
{
  char *pipe = g_build_filename (g_get_tmp_dir (), "bitmar-pipe-XXXXXX", NULL);
  const char *paths[] = { pipe, "/dev/zero", "/dev/null" };

  g_close (g_mkstemp (pipe), NULL);
  g_unlink (pipe);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  alarm (20);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    GError *error = NULL;

    g_assert_null (bitmar_gguf_open (paths[i], &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN);
    g_clear_error (&error);
  }
  alarm (0);
  g_unlink (pipe);
  g_free (pipe);
}

/* A film given for a model is not read to its end to find out; this one is larger than any memory. */
static void
test_huge_other_file (void)
{
  Scratch s = scratch_new ("\0\0\0\040ftypisom", 12);
  GError *error = NULL;

  if (ftruncate (s.fd, G_GINT64_CONSTANT (1) << 42) == 0) {
    g_assert_null (bitmar_gguf_open (s.path, &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
    g_clear_error (&error);
  } else
    g_test_skip ("no sparse files of this size here");
  scratch_clear (&s);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gguf/good", test_good);
  g_test_add_func ("/gguf/truncated", test_truncated);
  g_test_add_func ("/gguf/flipped", test_flipped);
  g_test_add_func ("/gguf/truncated-model", test_truncated_model);
  g_test_add_func ("/gguf/overwritten", test_overwritten);
  g_test_add_func ("/gguf/numbers", test_numbers);
  g_test_add_func ("/gguf/text", test_text);
  g_test_add_func ("/gguf/header", test_header);
  g_test_add_func ("/gguf/values", test_values);
  g_test_add_func ("/gguf/names", test_names);
  g_test_add_func ("/gguf/alignment", test_alignment);
  g_test_add_func ("/gguf/tensors", test_tensors);
  g_test_add_func ("/gguf/places", test_places);
  g_test_add_func ("/gguf/open", test_open);
  g_test_add_func ("/gguf/special-files", test_special_files);
  g_test_add_func ("/gguf/huge-other-file", test_huge_other_file);
  return g_test_run ();
}
