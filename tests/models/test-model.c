/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loading a model, sharing it, refusing others; sentences; and the memory as an object. */

#include <math.h>

#include "edit.h"

static BitmarModel *
load_tiny (void)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny.gguf", NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  g_free (path);
  return model;
}

static void
refused (const char *data, gsize size, BitmarError code)
{
  GError *error = NULL;

  g_assert_null (edit_load (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_assert_cmpuint (strlen (error->message), >, 10);
  g_clear_error (&error);
}

static void
test_truncated (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  for (gsize n = 0; n < size; n += n < 64 ? 1 : 997)
    refused (data, n, BITMAR_ERROR_FORMAT);
  refused (data, size - 1, BITMAR_ERROR_FORMAT);
  g_free (data);
}

/* Whatever bit flips is found out. */
static void
test_flipped (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  for (guint n = 0; n < 400; n++) {
    gsize bit = (gsize) n * 1299709 % (size * 8);
    GError *error = NULL;

    data[bit / 8] ^= 1 << bit % 8;
    g_assert_null (edit_load (data, size, &error));
    g_assert_cmpuint (error->domain, ==, BITMAR_ERROR);
    g_clear_error (&error);
    data[bit / 8] ^= 1 << bit % 8;
  }
  g_free (data);
}

/* Changes that somebody made on purpose, with a sound checksum. */
static void
test_foreign (void)
{
  static const struct {
    const char *what, *with;
    BitmarError code;
  } cases[] = {
    { "bitmar.format", "bitmar.formal", BITMAR_ERROR_ARCHITECTURE },
    { "bitmar.memory.slots", "bitmar.memory.sloth", BITMAR_ERROR_SHAPE },
    { "decoder.sinks", "decoder.sinkz", BITMAR_ERROR_SHAPE },
    { "embed.scale", "embed.skale", BITMAR_ERROR_SHAPE },
  };
  gsize size;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char *data = edit_tiny (&size);

    memcpy (edit_find (data, size, cases[i].what), cases[i].with, strlen (cases[i].with));
    edit_seal (data, size);
    refused (data, size, cases[i].code);
    g_free (data);
  }
}

static void
test_architecture (void)
{
  gsize size;
  char *data = edit_tiny (&size);
  char *at = edit_find (data, size, "general.architecture") + strlen ("general.architecture") + 4 + 8;

  g_assert_cmpint (strncmp (at, "bitmar", 6), ==, 0);
  memcpy (at, "gemma3", 6);
  edit_seal (data, size);
  refused (data, size, BITMAR_ERROR_ARCHITECTURE);
  g_free (data);
}

static void
test_format_of_tomorrow (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  edit_find (data, size, "bitmar.format")[strlen ("bitmar.format") + 4] = 2;
  edit_seal (data, size);
  refused (data, size, BITMAR_ERROR_ARCHITECTURE);
  g_free (data);
}

/* The seal itself: an untouched file passes with a fresh one. */
static void
test_sealed (void)
{
  GError *error = NULL;
  gsize size;
  char *data = edit_tiny (&size);
  BitmarModel *model;

  edit_seal (data, size);
  model = edit_load (data, size, &error);
  g_assert_no_error (error);
  g_object_unref (model);
  g_free (data);
}

static void
test_shared (void)
{
  BitmarModel *a = load_tiny (), *b = load_tiny ();
  gpointer gone = a;

  g_assert_true (a == b);
  g_object_unref (b);
  g_object_add_weak_pointer (G_OBJECT (a), &gone);
  g_object_unref (a);
  g_assert_null (gone);
  a = load_tiny ();
  g_assert_nonnull (a);
  g_object_unref (a);
}

/* Another file in the same place is another model. */
static void
test_replaced (void)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-replaced.gguf", NULL), *data;
  BitmarModel *a, *b;
  gsize size;

  data = edit_tiny (&size);
  g_assert_true (g_file_set_contents (path, data, size, NULL));
  a = bitmar_model_load (path, NULL);
  edit_find (data, size, "Tiny random model")[0] = 't';
  edit_seal (data, size);
  g_unlink (path);
  g_assert_true (g_file_set_contents (path, data, size, NULL));
  b = bitmar_model_load (path, NULL);
  g_assert_nonnull (a);
  g_assert_nonnull (b);
  g_assert_true (a != b);
  g_assert_cmpstr (bitmar_model_get_name (a), ==, "Tiny random model");
  g_assert_cmpstr (bitmar_model_get_name (b), ==, "tiny random model");
  g_assert_cmpstr (bitmar_model_get_id (a), !=, bitmar_model_get_id (b));
  g_object_unref (a);
  g_object_unref (b);
  g_unlink (path);
  g_free (path);
  g_free (data);
}

static void
test_metadata (void)
{
  BitmarModel *model = load_tiny ();
  char **keys = bitmar_model_list_metadata (model);
  char *text = bitmar_model_dup_metadata (model, "general.architecture");

  g_assert_cmpstr (text, ==, "bitmar");
  g_free (text);
  g_assert_null (bitmar_model_dup_metadata (model, "no.such.key"));
  g_assert_true (g_strv_contains ((const char *const *) keys, "bitmar.memory.slots"));
  for (guint i = 0; keys[i]; i++) {
    text = bitmar_model_dup_metadata (model, keys[i]);
    g_assert_nonnull (text);
    g_assert_true (g_utf8_validate (text, -1, NULL));
    g_free (text);
  }
  g_assert_cmpuint (strlen (bitmar_model_get_id (model)), ==, 64);
  g_assert_cmpuint (bitmar_model_get_parameters (model), >, 1000);
  g_assert_cmpuint (bitmar_model_get_size (model), >, 1000);
  g_strfreev (keys);
  g_object_unref (model);
}

/* ---- Sentences --------------------------------------------------------------------------------------- */

#define SENTENCE "a man walks his dog"

static gpointer
embed_often (gpointer data)
{
  BitmarModel *model = data;
  guint n = bitmar_model_get_memory_width (model);
  float *first = g_new (float, n), *x = g_new (float, n);

  g_assert_true (bitmar_model_embed_text (model, SENTENCE, first, NULL));
  for (guint i = 0; i < 50; i++) {
    g_assert_true (bitmar_model_embed_text (model, i % 2 ? SENTENCE : "another one", x, NULL));
    if (i % 2)
      g_assert_cmpmem (x, n * sizeof *x, first, n * sizeof *x);
  }
  g_free (x);
  return first;
}

static void
test_embed (void)
{
  BitmarModel *model = load_tiny ();
  guint n = bitmar_model_get_memory_width (model);
  GThread *threads[4];
  float *x[4];
  double square = 0;

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new (NULL, embed_often, model);
  for (guint i = 0; i < 4; i++) {
    x[i] = g_thread_join (threads[i]);
    g_assert_cmpmem (x[i], n * sizeof (float), x[0], n * sizeof (float));
  }
  for (guint i = 0; i < n; i++)
    square += x[0][i] * x[0][i];
  g_assert_cmpfloat_with_epsilon (square, 1, 1e-5);
  for (guint i = 0; i < 4; i++)
    g_free (x[i]);
  g_object_unref (model);
}

static void
test_embed_refused (void)
{
  BitmarModel *model = load_tiny ();
  float *x = g_new (float, bitmar_model_get_memory_width (model));
  GString *longer = g_string_new (NULL);
  GError *error = NULL;

  g_assert_false (bitmar_model_embed_text (model, "caf\xe9", x, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING);
  g_clear_error (&error);
  for (guint i = 0; i < 200; i++)
    g_string_append (longer, "zebra ");
  g_assert_false (bitmar_model_embed_text (model, longer->str, x, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_clear_error (&error);
  g_string_free (longer, TRUE);
  g_free (x);
  g_object_unref (model);
}

/* ---- Memory -------------------------------------------------------------------------------------------- */

static void
observe_look (BitmarEncoder *encoder, BitmarEpisode *episode, BitmarMemory *memory, guint look)
{
  guint8 grey[16 * 16];
  BitmarImage image = { .format = BITMAR_FORMAT_GRAY8, .width = 16, .height = 16, .planes = { grey }, .strides = { 16 } };
  GError *error = NULL;

  for (guint i = 0; i < sizeof grey; i++)
    grey[i] = (guint8) (i * (look + 1) * 37);
  g_assert_true (bitmar_encoder_encode (encoder, &image, episode, &error));
  g_assert_true (bitmar_memory_observe (memory, episode, 0, &error));
}

static void
test_memory (void)
{
  BitmarModel *model = load_tiny ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model);
  BitmarMemory *memory = bitmar_memory_new (model, 0, -2, NULL);
  const float *recalled;
  gsize n;
  double sum = 0;

  g_assert_cmpuint (bitmar_memory_get_slots (memory), ==, bitmar_model_get_memory_slots (model));
  g_assert_cmpint (bitmar_episode_get_slot (episode), ==, -1);
  observe_look (encoder, episode, memory, 1);
  g_assert_cmpfloat (bitmar_episode_get_novelty (episode), ==, 1);
  g_assert_cmpint (bitmar_episode_get_slot (episode), ==, 0);
  observe_look (encoder, episode, memory, 1);
  g_assert_cmpfloat_with_epsilon (bitmar_episode_get_novelty (episode), 0, 1e-5);
  g_assert_cmpuint (bitmar_memory_get_used (memory), ==, 1);
  recalled = bitmar_episode_get_recalled (episode, &n);
  g_assert_cmpuint (n, ==, bitmar_model_get_memory_width (model));
  for (gsize i = 0; i < n; i++)
    sum += fabs (recalled[i]);
  g_assert_cmpfloat (sum, >, 0);
  bitmar_memory_clear (memory);
  g_assert_cmpuint (bitmar_memory_get_used (memory), ==, 0);
  g_object_unref (memory);
  g_object_unref (episode);
  g_object_unref (encoder);
  g_object_unref (model);
}

static void
test_memory_refused (void)
{
  gsize size;
  char *data = edit_tiny (&size);
  BitmarModel *model = load_tiny (), *other;
  BitmarMemory *memory;
  BitmarEpisode *episode;
  GError *error = NULL;

  g_assert_null (bitmar_memory_new (model, 65537, 0, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_null (bitmar_memory_new (model, 4, 1.5f, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_null (bitmar_memory_new (model, 4, NAN, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);

  edit_find (data, size, "Tiny random model")[0] = 't';
  edit_seal (data, size);
  other = edit_load (data, size, &error);
  g_assert_no_error (error);
  episode = bitmar_episode_new (other);
  memory = bitmar_memory_new (model, 4, -2, NULL);
  g_assert_false (bitmar_memory_observe (memory, episode, 0, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH);
  g_clear_error (&error);
  g_object_unref (memory);
  g_object_unref (episode);
  g_object_unref (other);
  g_object_unref (model);
  g_free (data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/truncated", test_truncated);
  g_test_add_func ("/model/flipped", test_flipped);
  g_test_add_func ("/model/sealed", test_sealed);
  g_test_add_func ("/model/foreign", test_foreign);
  g_test_add_func ("/model/architecture", test_architecture);
  g_test_add_func ("/model/format-of-tomorrow", test_format_of_tomorrow);
  g_test_add_func ("/model/shared", test_shared);
  g_test_add_func ("/model/replaced", test_replaced);
  g_test_add_func ("/model/metadata", test_metadata);
  g_test_add_func ("/model/embed", test_embed);
  g_test_add_func ("/model/embed-refused", test_embed_refused);
  g_test_add_func ("/model/memory", test_memory);
  g_test_add_func ("/model/memory-refused", test_memory_refused);
  return g_test_run ();
}
