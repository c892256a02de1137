/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loading a model, sharing it, refusing others; and sentences. */

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edit.h"
#include "gguf.h"
#include "model-private.h"

/* ---- Refused ------------------------------------------------------------------------------------------- */

/* A path, not bytes. */
static void
path_refused (const char *path, BitmarError code)
{
  GError *error = NULL;

  g_assert_null (bitmar_model_load (path, &error));
  g_assert_error (error, BITMAR_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_clear_error (&error);
  g_assert_null (bitmar_model_load (path, NULL));
}

static void
test_no_model (void)
{
  char *missing = g_build_filename (g_get_tmp_dir (), "no", "such", "model.gguf", NULL);

  path_refused (missing, BITMAR_ERROR_OPEN);
  path_refused ("", BITMAR_ERROR_OPEN);
  path_refused (g_get_tmp_dir (), BITMAR_ERROR_OPEN);
  path_refused ("/dev/null", BITMAR_ERROR_OPEN);
  path_refused ("/dev/null/model.gguf", BITMAR_ERROR_OPEN);
  edit_refused ("", 0, BITMAR_ERROR_FORMAT);
  edit_refused ("This is a text about a model.\n", 30, BITMAR_ERROR_FORMAT);
  g_free (missing);
}

/* A pipe that nobody writes into must not hold whoever loads another model. */
static void
test_pipe (void)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-pipe-XXXXXX", NULL);

  g_close (g_mkstemp (path), NULL);
  g_unlink (path);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  alarm (20);
  path_refused (path, BITMAR_ERROR_OPEN);
  g_object_unref (edit_load_tiny ());
  alarm (0);
  g_unlink (path);
  g_free (path);
}

static void
test_truncated (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  for (gsize n = 0; n < size; n += n < 64 ? 1 : 997)
    edit_refused (data, n, BITMAR_ERROR_FORMAT);
  edit_refused (data, size - 1, BITMAR_ERROR_FORMAT);
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
    { "bitmar.confidence.bias", "bitmar.confidence.bios", BITMAR_ERROR_SHAPE },
    { "bitmar.confidence.temperature", "bitmar.confidence.temporature", BITMAR_ERROR_SHAPE },
  };
  gsize size;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char *data = edit_tiny (&size);

    memcpy (edit_find (data, size, cases[i].what), cases[i].with, strlen (cases[i].with));
    edit_seal (data, size);
    edit_refused (data, size, cases[i].code);
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
  edit_refused (data, size, BITMAR_ERROR_ARCHITECTURE);
  g_free (data);
}

static void
test_format_of_tomorrow (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  edit_find (data, size, "bitmar.format")[strlen ("bitmar.format") + 4] = 2;
  edit_seal (data, size);
  edit_refused (data, size, BITMAR_ERROR_ARCHITECTURE);
  g_free (data);
}

static void
number_refused (const char *key, guint32 bits)
{
  gsize size;
  char *data = edit_tiny (&size);

  edit_poke (edit_behind (data, size, key) + 4, bits);
  edit_seal (data, size);
  edit_refused (data, size, BITMAR_ERROR_SHAPE);
  g_free (data);
}

/* Numbers out of range, or that the tensors contradict. */
static void
test_numbers (void)
{
  static const struct {
    const char *key;
    guint32 bad[6];
    guint n;
  } all[] = {
    { "bitmar.embedding_length", { 0, 15, 31, 33, 48, 8208 }, 6 },
    { "bitmar.vision.image_size", { 0, 15, 48, 1025 }, 4 },
    { "bitmar.vision.channels", { 0, 31, 64, 9000 }, 4 },
    { "bitmar.vision.tokens", { 0, 24, 26, 4097 }, 4 },
    { "bitmar.vision.pool", { 0, 2, 3 }, 3 },
    { "bitmar.vision.stem_channels", { 0, 16, 9000 }, 3 },
    { "bitmar.vision.bottleneck", { 0, 47, 64 }, 3 },
    { "bitmar.text.layers", { 0, 1, 3, 65 }, 4 },
    { "bitmar.text.heads", { 0, 3, 4, 257 }, 4 },
    { "bitmar.text.feed_forward", { 0, 63, 128 }, 3 },
    { "bitmar.text.context", { 0, 4097 }, 2 },
    { "bitmar.fusion.layers", { 0, 1, 3, 65 }, 4 },
    { "bitmar.fusion.heads", { 0, 3, 4 }, 3 },
    { "bitmar.fusion.feed_forward", { 0, 63, 128 }, 3 },
    { "bitmar.memory.slots", { 0, 65537 }, 2 },
    { "bitmar.memory.width", { 0, 15, 17, 32, 8192 }, 5 },
    { "bitmar.decoder.layers", { 0, 1, 3, 65 }, 4 },
    { "bitmar.decoder.heads", { 0, 3, 4 }, 3 },
    { "bitmar.decoder.feed_forward", { 0, 63, 128 }, 3 },
    { "bitmar.decoder.sinks", { 0, 3, 5, 65 }, 4 },
    { "bitmar.decoder.window", { 0, 25, 38, 65537 }, 4 },
    { "bitmar.decoder.max_tokens", { 0, 38, 257 }, 3 },
    { "bitmar.decoder.history", { 1025 }, 1 },
    { "bitmar.decoder.beam", { 0, 9 }, 2 },
    { "tokenizer.ggml.padding_token_id", { 1, 4, 286 }, 3 },
    { "tokenizer.ggml.bos_token_id", { 0, 2, 286 }, 3 },
    { "tokenizer.ggml.eos_token_id", { 0, 1, 286 }, 3 },
    { "tokenizer.ggml.cls_token_id", { 0, 4, 286 }, 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    for (guint j = 0; j < all[i].n; j++)
      number_refused (all[i].key, all[i].bad[j]);
    number_refused (all[i].key, G_MAXUINT32);
    number_refused (all[i].key, 0x80000000u);
  }
}

static void
test_floats (void)
{
  static const struct {
    const char *key;
    float below, above;
  } all[] = {
    { "bitmar.memory.rate", -0.01f, 1.01f },
    { "bitmar.memory.sharpness", 0, 1.1e6f },
    { "bitmar.memory.threshold", -4.01f, 4.01f },
    { "bitmar.memory.merge", -1.01f, 1.01f },
    { "bitmar.rope.base", 0.5f, 1.1e9f },
    { "bitmar.decoder.length_penalty", -0.01f, 4.01f },
    { "bitmar.confidence.temperature", 0.009f, 101 },
    { "bitmar.confidence.bias", -20.1f, 20.1f },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    number_refused (all[i].key, edit_bits_of (all[i].below));
    number_refused (all[i].key, edit_bits_of (all[i].above));
    number_refused (all[i].key, edit_bits_of (NAN));
    number_refused (all[i].key, edit_bits_of (INFINITY));
    number_refused (all[i].key, edit_bits_of (-INFINITY));
  }
}

/* Trained recall thresholds exceed 1. */
static void
test_threshold_above_one (void)
{
  static const float fine[] = { -4, -1, 1.19f, 4 };

  for (guint i = 0; i < G_N_ELEMENTS (fine); i++) {
    GError *error = NULL;
    gsize size;
    char *data = edit_tiny (&size);
    BitmarModel *model;

    edit_poke (edit_behind (data, size, "bitmar.memory.threshold") + 4, edit_bits_of (fine[i]));
    edit_seal (data, size);
    model = edit_load (data, size, &error);
    g_assert_no_error (error);
    g_object_unref (model);
    g_free (data);
  }
}

/* The same bytes under another type are another thing. */
static void
test_types (void)
{
  static const struct {
    const char *key;
    guint32 type;
    BitmarError code;
  } all[] = {
    { "bitmar.format", BITMAR_GGUF_INT32, BITMAR_ERROR_ARCHITECTURE },
    { "bitmar.memory.slots", BITMAR_GGUF_INT32, BITMAR_ERROR_SHAPE },
    { "bitmar.memory.rate", BITMAR_GGUF_UINT32, BITMAR_ERROR_SHAPE },
    { "bitmar.decoder.beam", BITMAR_GGUF_FLOAT32, BITMAR_ERROR_SHAPE },
    { "tokenizer.ggml.eos_token_id", BITMAR_GGUF_INT32, BITMAR_ERROR_SHAPE },
  };
  static const char *const arrays[] = { "bitmar.vision.kernel", "bitmar.vision.stride", "bitmar.vision.expand",
    "bitmar.vision.channels_out", "bitmar.decoder.no_end" };
  gsize size;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    char *data = edit_tiny (&size);
    edit_poke (edit_behind (data, size, all[i].key), all[i].type);
    edit_seal (data, size);
    edit_refused (data, size, all[i].code);
    g_free (data);
  }
  for (guint i = 0; i < G_N_ELEMENTS (arrays); i++) {
    char *data = edit_tiny (&size);
    edit_poke (edit_behind (data, size, arrays[i]) + 4, BITMAR_GGUF_FLOAT32);
    edit_seal (data, size);
    edit_refused (data, size, BITMAR_ERROR_SHAPE);
    g_free (data);
  }
}

/* The table of blocks, and the tokens a caption may not end on. */
static void
test_arrays (void)
{
  static const struct {
    const char *key;
    guint index;
    gint32 bad;
  } all[] = {
    { "bitmar.vision.kernel", 0, 4 }, { "bitmar.vision.kernel", 0, 5 }, { "bitmar.vision.kernel", 1, -3 },
    { "bitmar.vision.stride", 0, 0 }, { "bitmar.vision.stride", 3, 1 }, { "bitmar.vision.stride", 2, 2 },
    { "bitmar.vision.stride", 1, G_MAXINT32 }, { "bitmar.vision.expand", 0, 8 }, { "bitmar.vision.expand", 1, 0 },
    { "bitmar.vision.expand", 1, 12 }, { "bitmar.vision.expand", 1, -24 }, { "bitmar.vision.expand", 1, G_MININT32 },
    { "bitmar.vision.channels_out", 3, 0 }, { "bitmar.vision.channels_out", 3, 32 },
    { "bitmar.vision.channels_out", 3, -24 }, { "bitmar.vision.channels_out", 3, G_MAXINT32 },
    { "bitmar.decoder.no_end", 0, -1 }, { "bitmar.decoder.no_end", 3, 286 }, { "bitmar.decoder.no_end", 0, G_MININT32 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    gsize size;
    char *data = edit_tiny (&size);

    edit_poke (edit_behind (data, size, all[i].key) + 4 + 4 + 8 + 4 * all[i].index, (guint32) all[i].bad);
    edit_seal (data, size);
    edit_refused (data, size, BITMAR_ERROR_SHAPE);
    g_free (data);
  }
}

/* ---- Made, not damaged -------------------------------------------------------------------------------------- */

/* Everything that a model is for; its numbers may be nonsense. */
static void
use (BitmarModel *model)
{
  static const guint8 grey[16 * 16] = { 1, 200, 30, 4 };
  BitmarImage image = { .format = BITMAR_FORMAT_GRAY8, .width = 16, .height = 16, .planes = { grey }, .strides = { 16 } };
  float *embedding = g_new (float, bitmar_model_get_memory_width (model));
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  BitmarMemory *memory = bitmar_memory_new (model, 0, -2, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);
  BitmarCaption caption;
  GError *error = NULL;

  g_assert_true (encoder && memory && captioner);
  if (!bitmar_model_embed (model, "a dog", embedding, &error))
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_clear_error (&error);
  g_assert_true (bitmar_encoder_encode (encoder, &image, episode, &error));
  g_assert_true (bitmar_memory_observe (memory, episode, 0, &error));
  g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &caption, &error));
  g_assert_true (g_utf8_validate (caption.text, -1, NULL));
  g_free (embedding);
  g_object_unref (captioner);
  g_object_unref (memory);
  g_object_unref (episode);
  g_object_unref (encoder);
}

/* Bits that somebody turned and then made the checksum right: refused, or a model that runs. */
static void
test_forged (void)
{
  gsize size, digits, structure = 12000;
  char *data = edit_tiny (&size);
  guint loaded = 0, rounds = 1500;

  digits = edit_digits (data, size);
  for (guint n = 0; n < rounds; n++) {
    gsize bit = n % 3 ? (gsize) n * 1299709 % (structure * 8) : (gsize) n * 1299709 % (size * 8);
    GError *error = NULL;
    BitmarModel *model;

    data[bit / 8] ^= 1 << bit % 8;
    edit_seal_at (data, size, digits);
    model = edit_load (data, size, &error);
    if (model)
      use (model);
    else
      g_assert_cmpuint (error->domain, ==, BITMAR_ERROR);
    loaded += model != NULL;
    g_clear_object (&model);
    g_clear_error (&error);
    data[bit / 8] ^= 1 << bit % 8;
  }
  /* Both were met. */
  g_assert_cmpuint (loaded, >, rounds / 10);
  g_assert_cmpuint (loaded, <, rounds);
  g_free (data);
}

/* What isn't any tensor's is under the checksum too. */
static void
test_appended (void)
{
  gsize size;
  char *data = edit_tiny (&size);

  data = g_realloc (data, size + 1);
  data[size] = 0;
  edit_refused (data, size + 1, BITMAR_ERROR_CORRUPT);
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

/* ---- Shared --------------------------------------------------------------------------------------------- */

static void
test_shared (void)
{
  BitmarModel *a = edit_load_tiny (), *b = edit_load_tiny ();
  gpointer gone = a;

  g_assert_true (a == b);
  g_object_unref (b);
  g_object_add_weak_pointer (G_OBJECT (a), &gone);
  g_object_unref (a);
  g_assert_null (gone);
  a = edit_load_tiny ();
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

/* The same file by any name is the same model; a copy is another of the same id. */
static void
test_names (void)
{
  char *dir = g_dir_make_tmp ("bitmar-names-XXXXXX", NULL), *data;
  char *file = g_build_filename (dir, "a.gguf", NULL), *soft = g_build_filename (dir, "soft.gguf", NULL);
  char *hard = g_build_filename (dir, "hard.gguf", NULL), *copy = g_build_filename (dir, "copy.gguf", NULL);
  char *round_about = g_build_filename (dir, "..", strrchr (dir, '/') + 1, ".", "a.gguf", NULL);
  char *same[] = { soft, hard, round_about };
  BitmarModel *model, *other;
  gsize size;

  data = edit_tiny (&size);
  g_assert_true (g_file_set_contents (file, data, size, NULL));
  g_assert_true (g_file_set_contents (copy, data, size, NULL));
  g_assert_cmpint (symlink ("a.gguf", soft), ==, 0);
  g_assert_cmpint (link (file, hard), ==, 0);
  model = bitmar_model_load (file, NULL);
  g_assert_nonnull (model);
  for (guint i = 0; i < G_N_ELEMENTS (same); i++) {
    other = bitmar_model_load (same[i], NULL);
    g_assert_true (other == model);
    g_object_unref (other);
  }
  other = bitmar_model_load (copy, NULL);
  g_assert_true (other && other != model);
  g_assert_cmpstr (bitmar_model_get_id (other), ==, bitmar_model_get_id (model));
  g_object_unref (other);
  g_object_unref (model);
  g_unlink (soft);
  g_unlink (hard);
  g_unlink (file);
  g_unlink (copy);
  g_rmdir (dir);
  g_free (soft);
  g_free (hard);
  g_free (file);
  g_free (copy);
  g_free (round_about);
  g_free (dir);
  g_free (data);
}

static void
write_over (const char *path, const char *data, gsize size, time_t mtime)
{
  struct timespec times[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };
  int fd = g_open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, size), ==, size);
  g_assert_cmpint (futimens (fd, times), ==, 0);
  g_close (fd, NULL);
}

/* Written over in place, it is read anew, and whoever has the old one keeps it. A failure isn't remembered. */
static void
test_rewritten (void)
{
  char *dir = g_dir_make_tmp ("bitmar-rewritten-XXXXXX", NULL), *path = g_build_filename (dir, "m.gguf", NULL), *data;
  BitmarModel *a, *b;
  float x[2][16];
  gsize size;

  data = edit_tiny (&size);
  write_over (path, data, size - 1, 1000);
  path_refused (path, BITMAR_ERROR_FORMAT);
  write_over (path, data, size, 2000);
  a = bitmar_model_load (path, NULL);
  g_assert_nonnull (a);
  g_assert_cmpuint (bitmar_model_get_memory_width (a), ==, 16);
  g_assert_true (bitmar_model_embed (a, "a dog", x[0], NULL));
  edit_find (data, size, "Tiny random model")[0] = 't';
  edit_seal (data, size);
  write_over (path, data, size, 3000);
  b = bitmar_model_load (path, NULL);
  g_assert_true (b && a != b);
  g_assert_cmpstr (bitmar_model_get_name (b), ==, "tiny random model");
  write_over (path, "gone", 4, 4000);
  path_refused (path, BITMAR_ERROR_FORMAT);
  g_assert_true (bitmar_model_embed (a, "a dog", x[1], NULL));
  g_assert_cmpmem (x[0], sizeof x[0], x[1], sizeof x[1]);
  g_object_unref (a);
  g_object_unref (b);
  g_unlink (path);
  g_rmdir (dir);
  g_free (path);
  g_free (dir);
  g_free (data);
}

static gpointer
load_one (gpointer unused)
{
  return edit_load_tiny ();
}

/* Asked for by many at once, it is loaded once. */
static void
test_at_once (void)
{
  for (guint round = 0; round < 20; round++) {
    GThread *threads[8];
    BitmarModel *models[8];

    for (guint i = 0; i < 8; i++)
      threads[i] = g_thread_new (NULL, load_one, NULL);
    for (guint i = 0; i < 8; i++) {
      models[i] = g_thread_join (threads[i]);
      g_assert_true (models[i] == models[0]);
    }
    for (guint i = 0; i < 8; i++)
      g_object_unref (models[i]);
  }
}

static void
test_default_path (void)
{
  char *was = g_strdup (g_getenv ("BITMAR_MODEL"));

  g_setenv ("BITMAR_MODEL", "/some where/else.gguf", TRUE);
  g_assert_cmpstr (bitmar_model_default_path (), ==, "/some where/else.gguf");
  g_setenv ("BITMAR_MODEL", "", TRUE);
  g_assert_true (g_path_is_absolute (bitmar_model_default_path ()));
  g_assert_true (g_str_has_suffix (bitmar_model_default_path (), "/bitmar.gguf"));
  g_unsetenv ("BITMAR_MODEL");
  g_assert_true (g_str_has_suffix (bitmar_model_default_path (), "/bitmar.gguf"));
  if (was)
    g_setenv ("BITMAR_MODEL", was, TRUE);
  g_free (was);
}

static void
metadata_is (BitmarModel *model, const char *key, const char *expected)
{
  char *text = bitmar_model_dup_metadata (model, key);

  g_assert_cmpstr (text, ==, expected);
  g_free (text);
}

static void
test_metadata (void)
{
  BitmarModel *model = edit_load_tiny ();
  char **keys = bitmar_model_list_metadata (model);
  char *text = bitmar_model_dup_metadata (model, "general.architecture");

  g_assert_cmpstr (text, ==, "bitmar");
  g_free (text);
  g_assert_null (bitmar_model_dup_metadata (model, "no.such.key"));
  metadata_is (model, "bitmar.memory.slots", "8");
  metadata_is (model, "bitmar.memory.merge", "0.899999976");
  metadata_is (model, "bitmar.vision.kernel", "[3, 5, 3, 3]");
  metadata_is (model, "general.license", "CC0-1.0");
  metadata_is (model, "bitmar.sha256", bitmar_model_get_id (model));
  g_assert_cmpstr (keys[0], ==, "general.architecture");
  g_assert_cmpstr (keys[g_strv_length (keys) - 1], ==, "tokenizer.ggml.cls_token_id");
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

  g_assert_true (bitmar_model_embed (model, SENTENCE, first, NULL));
  for (guint i = 0; i < 50; i++) {
    g_assert_true (bitmar_model_embed (model, i % 2 ? SENTENCE : "another one", x, NULL));
    if (i % 2)
      g_assert_cmpmem (x, n * sizeof *x, first, n * sizeof *x);
  }
  g_free (x);
  return first;
}

static void
test_embed (void)
{
  BitmarModel *model = edit_load_tiny ();
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
  BitmarModel *model = edit_load_tiny ();
  float *x = g_new (float, bitmar_model_get_memory_width (model));
  GString *longer = g_string_new (NULL);
  GError *error = NULL;

  g_assert_false (bitmar_model_embed (model, "caf\xe9", x, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING);
  g_clear_error (&error);
  for (guint i = 0; i < 200; i++)
    g_string_append (longer, "zebra ");
  g_assert_false (bitmar_model_embed (model, longer->str, x, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_clear_error (&error);
  g_string_free (longer, TRUE);
  g_free (x);
  g_object_unref (model);
}

/* Unit length, the same bits again, and nothing behind the last element. */
static void
test_embed_unit (void)
{
  static const char *const texts[] = { "", "x", SENTENCE, "A MAN WALKS HIS DOG", "caf\xc3\xa9", "\xf0\x9f\x90\x95",
    "42", "  ", "?!" };
  BitmarModel *model = edit_load_tiny ();
  guint n = bitmar_model_get_memory_width (model);
  float *x = g_new (float, n + 1), *again = g_new (float, n);
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    double square = 0;

    x[n] = 77;
    g_assert_true (bitmar_model_embed (model, texts[i], x, &error));
    g_assert_true (bitmar_model_embed (model, texts[i], again, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (x, n * sizeof *x, again, n * sizeof *x);
    for (guint j = 0; j < n; j++)
      square += (double) x[j] * x[j];
    g_assert_cmpfloat_with_epsilon (square, 1, 1e-5);
    g_assert_cmpfloat (x[n], ==, 77);
  }
  g_free (x);
  g_free (again);
  g_object_unref (model);
}

/* A digit that no merge knows is a token: CLS, the leading space and 14 of them fill a context of 16. */
static void
test_embed_longest (void)
{
  BitmarModel *model = edit_load_tiny ();
  char *text = bitmar_model_dup_metadata (model, "bitmar.text.context");
  float *x = g_new (float, bitmar_model_get_memory_width (model));
  GError *error = NULL;

  g_assert_cmpstr (text, ==, "16");
  g_free (text);
  text = g_strnfill (15, '7');
  g_assert_false (bitmar_model_embed (model, text, x, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_clear_error (&error);
  text[14] = 0;
  g_assert_true (bitmar_model_embed (model, text, x, &error));
  g_assert_no_error (error);
  g_free (text);
  g_free (x);
  g_object_unref (model);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/no-model", test_no_model);
  g_test_add_func ("/model/pipe", test_pipe);
  g_test_add_func ("/model/truncated", test_truncated);
  g_test_add_func ("/model/flipped", test_flipped);
  g_test_add_func ("/model/sealed", test_sealed);
  g_test_add_func ("/model/foreign", test_foreign);
  g_test_add_func ("/model/architecture", test_architecture);
  g_test_add_func ("/model/format-of-tomorrow", test_format_of_tomorrow);
  g_test_add_func ("/model/numbers", test_numbers);
  g_test_add_func ("/model/floats", test_floats);
  g_test_add_func ("/model/threshold-above-one", test_threshold_above_one);
  g_test_add_func ("/model/types", test_types);
  g_test_add_func ("/model/arrays", test_arrays);
  g_test_add_func ("/model/forged", test_forged);
  g_test_add_func ("/model/appended", test_appended);
  g_test_add_func ("/model/shared", test_shared);
  g_test_add_func ("/model/names", test_names);
  g_test_add_func ("/model/replaced", test_replaced);
  g_test_add_func ("/model/rewritten", test_rewritten);
  g_test_add_func ("/model/at-once", test_at_once);
  g_test_add_func ("/model/default-path", test_default_path);
  g_test_add_func ("/model/metadata", test_metadata);
  g_test_add_func ("/model/embed", test_embed);
  g_test_add_func ("/model/embed-unit", test_embed_unit);
  g_test_add_func ("/model/embed-longest", test_embed_longest);
  g_test_add_func ("/model/embed-refused", test_embed_refused);
  return g_test_run ();
}
