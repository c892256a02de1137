/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model file's tensors, one after the other: each that is missing, misshapen, of another type or spoilt is refused. */

#include <math.h>

#include "edit.h"
#include "gguf.h"

typedef void (*TensorTest) (char *data, gsize size, const BitmarGgufTensor *tensor, gsize offset);

/* Of a file those whose names begin so. */
static void
each_tensor_of (const char *name, const char *prefix, TensorTest test)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
  BitmarGguf *file = bitmar_gguf_open (path, NULL);
  const guint8 *bytes;
  gsize size;

  g_assert_nonnull (file);
  bytes = bitmar_gguf_bytes (file, &size);
  for (gsize i = 0; i < bitmar_gguf_n_tensors (file); i++) {
    const BitmarGgufTensor *t = bitmar_gguf_tensor_at (file, i);
    char *data;

    if (!g_str_has_prefix (t->name, prefix))
      continue;
    data = edit_file (name, &size);
    test (data, size, t, t->data - bytes);
    g_free (data);
  }
  bitmar_gguf_free (file);
  g_free (path);
}

/* All that a file can have. */
static void
each_tensor (TensorTest test)
{
  each_tensor_of ("tiny.gguf", "", test);
  each_tensor_of ("tiny-early.gguf", "bottleneck.early.", test);
  each_tensor_of ("tiny-early.gguf", "words.", test);
}

/* Gone, with another of the same shape in its place that nobody knows. */
static void
rename_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  edit_behind (data, size, t->name)[-1] ^= 1;
  edit_seal (data, size);
  edit_refused (data, size, BITMAR_ERROR_SHAPE);
}

static void
reshape_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  char *dims = edit_behind (data, size, t->name) + 4;

  if (t->n_dims == 2 && t->dims[0] != t->dims[1]) {
    edit_poke (dims, t->dims[1]);
    edit_poke (dims + 8, t->dims[0]);
    edit_seal (data, size);
    edit_refused (data, size, BITMAR_ERROR_SHAPE);
  }
  edit_poke (dims, t->dims[0]);
  edit_poke (dims + 8 * (t->n_dims - 1), t->dims[t->n_dims - 1] - 1);
  edit_seal (data, size);
  edit_refused (data, size, t->dims[t->n_dims - 1] > 1 ? BITMAR_ERROR_SHAPE : BITMAR_ERROR_FORMAT);
}

static void
retype_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  char *type = edit_behind (data, size, t->name) + 4 + 8 * t->n_dims;

  /* I8 as four times as many bytes would reach into the next one: that is the reader's to refuse. */
  edit_poke (type, t->type == BITMAR_TENSOR_F32 ? BITMAR_TENSOR_I32 : t->type == BITMAR_TENSOR_I32 ? BITMAR_TENSOR_F32
      : BITMAR_TENSOR_I32);
  edit_seal (data, size);
  edit_refused (data, size, t->type == BITMAR_TENSOR_I8 ? BITMAR_ERROR_FORMAT : BITMAR_ERROR_SHAPE);
}

static gboolean
loads (char *data, gsize size)
{
  GError *error = NULL;
  BitmarModel *model;
  gboolean loaded;

  edit_seal (data, size);
  model = edit_load (data, size, &error);
  loaded = model != NULL;
  if (!loaded)
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT);
  g_clear_error (&error);
  g_clear_object (&model);
  return loaded;
}

/* Values that the kernels don't take: not finite, a fourth ternary code, -128. First and last element. */
static void
spoil_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  static const float never[] = { NAN, INFINITY, -INFINITY };
  gsize each = t->type == BITMAR_TENSOR_I8 ? 1 : 4;

  for (gsize at = offset;; at = offset + t->size - each) {
    char was[4];

    memcpy (was, data + at, each);
    if (t->type == BITMAR_TENSOR_I8) {
      gboolean ternary, int8;

      data[at] = (char) 0xc0;          /* codes 0, 0, 0, 3; or -64 */
      ternary = !loads (data, size);
      data[at] = (char) 0x80;          /* codes 0, 0, 0, 2; or -128 */
      int8 = !loads (data, size);
      g_assert_true (ternary != int8);
    }
    for (guint i = 0; t->type == BITMAR_TENSOR_F32 && i < G_N_ELEMENTS (never); i++) {
      edit_poke (data + at, edit_bits_of (never[i]));
      g_assert_false (loads (data, size));
    }
    memcpy (data + at, was, each);
    if (at == offset + t->size - each)
      break;
  }
}

static void
test_tensors (gconstpointer test)
{
  each_tensor (*(const TensorTest *) test);
}

/* A key less, or out of its range, and a word that would weigh against itself: what a file says of the words it expects is whole, or it says nothing. */
static void
test_words (void)
{
  static const char *const keys[] = { "bitmar.words.hidden", "bitmar.words.weight" };
  static const struct {
    const char *tensor;
    float bad;
  } never[] = { { "words.idf", -0.5f }, { "words.idf", 1001 }, { "words.mean", 2e9f }, { "words.scale", -1 }, { "words.scale", 2e6f } };
  gsize size;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    char *data = edit_file ("tiny-early.gguf", &size);
    edit_behind (data, size, keys[i])[-1] ^= 1;
    edit_seal (data, size);
    edit_refused (data, size, BITMAR_ERROR_SHAPE);
    g_free (data);
  }
  for (guint i = 0; i < G_N_ELEMENTS (never); i++) {
    char *data = edit_file ("tiny-early.gguf", &size), *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny-early.gguf", NULL);
    BitmarGguf *file = bitmar_gguf_open (path, NULL);
    const guint8 *bytes = bitmar_gguf_bytes (file, &size);

    edit_poke (data + (bitmar_gguf_tensor (file, never[i].tensor)->data - bytes) + 4, edit_bits_of (never[i].bad));
    edit_seal (data, size);
    edit_refused (data, size, BITMAR_ERROR_SHAPE);
    bitmar_gguf_free (file);
    g_free (path);
    g_free (data);
  }
}

int
main (int argc, char **argv)
{
  static const TensorTest tensor_tests[] = { rename_tensor, reshape_tensor, retype_tensor, spoil_tensor };

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/tensors/missing", &tensor_tests[0], test_tensors);
  g_test_add_data_func ("/tensors/shape", &tensor_tests[1], test_tensors);
  g_test_add_data_func ("/tensors/type", &tensor_tests[2], test_tensors);
  g_test_add_data_func ("/tensors/values", &tensor_tests[3], test_tensors);
  g_test_add_func ("/tensors/words", test_words);
  return g_test_run ();
}
