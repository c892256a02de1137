/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DINOv2: against what models/train/reference.py made of a picture, the same bits in every tier, a backbone alone, and files
 * that somebody made. */

#include <math.h>

#include "edit.h"
#include "vision-dinov2.h"

#define TINY "tiny-dinov2.gguf"
#define ALONE "tiny-backbone.gguf"

static char *
file_path (const char *folder, const char *name)
{
  return g_build_filename (g_getenv ("BITMAR_TEST_FILES"), folder, name, NULL);
}

static void *
golden (const char *folder, const char *name, gsize size)
{
  char *path = file_path (folder, name), *data;
  GError *error = NULL;
  gsize length;

  g_file_get_contents (path, &data, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (length, ==, size);
  g_free (path);
  return data;
}

static BitmarModel *
load_backbone (const char *name)
{
  char *path = file_path (name, NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load_backbone (path, &error);

  g_assert_no_error (error);
  g_assert_true (model->vision.backbone == &bitmar_dinov2);
  g_free (path);
  return model;
}

/* Bytes of the tokens before they are pooled. */
static gsize
tokens_size (const BitmarModel *model)
{
  const BitmarDinov2 *net = model->vision.network;

  return (gsize) net->grid * net->grid * model->vision.channels * sizeof (float);
}

/* ---- Goldens ------------------------------------------------------------------------------------- */

static void
check_tokens (const float *got, const float *want, gsize n, float bound)
{
  float largest = 0, worst = 0;

  for (gsize i = 0; i < n; i++) {
    largest = MAX (largest, fabsf (want[i]));
    worst = MAX (worst, fabsf (want[i] - got[i]));
  }
  g_test_message ("tokens: %g", worst / largest);
  g_assert_cmpfloat (worst, <=, bound * largest);
}

/* A rounding tie may fall the other way, and with it a code of a layer inside. */
static void
check_golden (const char *name, const char *folder, float bound)
{
  BitmarModel *model = load_backbone (name);
  gsize size = (gsize) model->vision.size * model->vision.size * 3, n = bitmar_vision_features_size (model), differ = 0;
  guint8 *rgb = golden (folder, "image.rgb", size), *features = g_malloc (n);
  int8_t *want = golden (folder, "features.i8", n);
  float *tokens = golden (folder, "tokens.f32", tokens_size (model));
  char *id = golden (folder, "model.txt", 64);
  BitmarVision vision;

  if (strncmp (id, bitmar_model_get_id (model), 64) != 0)
    g_error ("the goldens are another model's: run tests/files/make-goldens.py");
  g_assert_true (bitmar_vision_init (&vision, model));
  check_tokens (bitmar_dinov2_run_tokens (vision.workspace, rgb), tokens, tokens_size (model) / 4, bound);
  bitmar_vision_run (&vision, rgb, features);
  for (gsize i = 0; i < n; i++) {
    g_assert_cmpint (ABS (want[i] - (int8_t) features[i]), <=, 1);
    differ += want[i] != (int8_t) features[i];
  }
  g_assert_cmpuint (differ, <=, n / 20);
  bitmar_vision_clear (&vision);
  g_free (rgb);
  g_free (features);
  g_free (want);
  g_free (tokens);
  g_free (id);
  g_object_unref (model);
}

static void
test_golden (void)
{
  check_golden (TINY, "golden-dinov2", 1e-5f);
  check_golden (ALONE, "golden-backbone", 1e-5f);
}

/* ---- Tiers --------------------------------------------------------------------------------------- */

/* Tokens and then features, of the tier that is set. */
static guint8 *
run_tier (const char *name, const char *folder, gsize *size)
{
  BitmarModel *model = load_backbone (name);
  gsize n = bitmar_vision_features_size (model), tokens = tokens_size (model);
  guint8 *rgb = golden (folder, "image.rgb", (gsize) model->vision.size * model->vision.size * 3), *out = g_malloc (tokens + n);
  BitmarVision vision;

  g_assert_true (bitmar_vision_init (&vision, model));
  memcpy (out, bitmar_dinov2_run_tokens (vision.workspace, rgb), tokens);
  bitmar_vision_run (&vision, rgb, out + tokens);
  bitmar_vision_clear (&vision);
  g_free (rgb);
  g_object_unref (model);
  *size = tokens + n;
  return out;
}

static void
check_tiers (const char *name, const char *folder)
{
  BmkTier was = bmk_tier ();
  guint8 *first = NULL;

  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    for (guint threads = 1; threads < 4 && bmk_set_tier ((BmkTier) tier); threads += 2) {
      gsize size;
      guint8 *got;
      g_assert_true (bmk_set_threads (threads));
      got = run_tier (name, folder, &size);
      if (first)
        g_assert_cmpmem (first, size, got, size);
      else
        first = g_memdup2 (got, size);
      g_free (got);
    }
  bmk_set_threads (1);
  bmk_set_tier (was);
  g_free (first);
}

static void
test_tiers (void)
{
  check_tiers (TINY, "golden-dinov2");
  check_tiers (ALONE, "golden-backbone");
}

/* ---- A backbone alone ------------------------------------------------------------------------------ */

static BitmarModel *
load_backbone_of (const char *data, gsize size, GError **error)
{
  char *path = g_build_filename (g_get_tmp_dir (), "bitmar-dinov2-XXXXXX", NULL);
  int fd = g_mkstemp (path);
  BitmarModel *model;

  g_assert_cmpint (fd, >=, 0);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, data, size, NULL));
  model = bitmar_model_load_backbone (path, error);
  g_unlink (path);
  g_free (path);
  return model;
}

static void
test_alone (void)
{
  char *path = file_path (ALONE, NULL), *data;
  GError *error = NULL;
  gsize size;

  g_assert_null (bitmar_model_load (path, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ARCHITECTURE);
  g_assert_nonnull (strstr (error->message, "a backbone alone"));
  g_clear_error (&error);
  g_free (path);
  /* a type of tomorrow */
  data = edit_file (ALONE, &size);
  memcpy (edit_behind (data, size, "bitmar.type") + 4 + 8, "backbund", 8);
  edit_seal (data, size);
  g_assert_null (edit_load (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ARCHITECTURE);
  g_clear_error (&error);
  g_free (data);
}

/* A captioner's file that calls itself a backbone: what is left over belongs to nothing. The two keys are as long as the alignment asks for. */
static void
test_alone_left_over (void)
{
  static const char keys[] = "\13\0\0\0\0\0\0\0bitmar.type\10\0\0\0\10\0\0\0\0\0\0\0backbone"
      "\3\0\0\0\0\0\0\0x.y\10\0\0\0\2\0\0\0\0\0\0\0ab";
  const gsize more = sizeof keys - 1, start = 24;
  GError *error = NULL;
  gsize size;
  char *data = edit_file (TINY, &size);

  g_assert_cmpuint (more, ==, 64);
  data = g_realloc (data, size + more);
  memmove (data + start + more, data + start, size - start);
  memcpy (data + start, keys, more);
  data[16] += 2;
  edit_seal (data, size + more);
  g_assert_null (load_backbone_of (data, size + more, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_SHAPE);
  g_assert_nonnull (strstr (error->message, "belongs to nothing"));
  g_clear_error (&error);
  g_assert_null (edit_load (data, size + more, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ARCHITECTURE);
  g_clear_error (&error);
  g_free (data);
}

/* The checksum is held against its bytes as a model's is. */
static void
test_alone_damaged (void)
{
  GError *error = NULL;
  gsize size;
  char *data = edit_file (ALONE, &size);

  data[size - 1] ^= 1;
  g_assert_null (load_backbone_of (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT);
  g_clear_error (&error);
  edit_behind (data, size, "vision.norm.bias")[-1] = 'x';
  edit_seal (data, size);
  g_assert_null (load_backbone_of (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_SHAPE);
  g_clear_error (&error);
  g_free (data);
}

/* A captioner's file has a backbone too. */
static void
test_backbone_of_model (void)
{
  BitmarModel *model = load_backbone (TINY);
  GError *error = NULL;
  gsize size;
  char *data = edit_tiny (&size);

  g_object_unref (model);
  model = load_backbone_of (data, size, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (model->vision.backbone->name, ==, "efficientnet-lite");
  g_object_unref (model);
  g_free (data);
}

/* ---- Made, not damaged ------------------------------------------------------------------------------ */

/* Seals and offers it. code < 0: any of ours. */
static void
refused (char *data, gsize size, int code)
{
  GError *error = NULL;

  edit_seal (data, size);
  g_assert_null (edit_load (data, size, &error));
  g_assert_cmpuint (error->domain, ==, BITMAR_ERROR);
  if (code >= 0)
    g_assert_cmpint (error->code, ==, code);
  g_clear_error (&error);
}

/* at: bytes behind the key where the value's 32 bits are */
static void
value_refused (const char *key, gsize at, guint32 bits)
{
  gsize size;
  char *data = edit_file (TINY, &size);

  edit_poke (edit_behind (data, size, key) + at, bits);
  refused (data, size, BITMAR_ERROR_SHAPE);
  g_free (data);
}

static void
test_numbers (void)
{
  static const struct {
    const char *key;
    guint32 bad[6];
    guint n;
  } all[] = {
    { "bitmar.vision.image_size", { 0, 15, 33, 48, 64, 1025 }, 6 },
    { "bitmar.vision.channels", { 0, 15, 16, 48, 64, 8208 }, 6 },
    { "bitmar.vision.tokens", { 0, 3, 5, 16, 4097 }, 5 },
    { "bitmar.vision.pool", { 0, 1, 3 }, 3 },
    { "bitmar.vision.patch", { 0, 1, 4, 7, 16, 65 }, 6 },
    { "bitmar.vision.layers", { 0, 1, 3, 65 }, 4 },
    { "bitmar.vision.heads", { 0, 3, 4, 257 }, 4 },
    { "bitmar.vision.feed_forward", { 0, 15, 32, 128, 40000 }, 5 },
    { "bitmar.vision.registers", { 0, 2, 4, 65 }, 4 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    for (guint j = 0; j < all[i].n; j++)
      value_refused (all[i].key, 4, all[i].bad[j]);
    value_refused (all[i].key, 4, G_MAXUINT32);
    value_refused (all[i].key, 4, 0x80000000u);
    value_refused (all[i].key, 0, BITMAR_GGUF_INT32);
  }
}

static void
test_floats (void)
{
  static const float never[] = { NAN, INFINITY, -INFINITY };
  static const float epsilon[] = { 0, -1e-6f, 1e-13f, 0.011f }, mean[] = { -17, 17, 3e38f }, std[] = { 0, -0.2f, 1e-4f, 1e4f };

  for (guint i = 0; i < G_N_ELEMENTS (never); i++) {
    value_refused ("bitmar.vision.epsilon", 4, edit_bits_of (never[i]));
    for (gsize c = 0; c < 3; c++) {
      value_refused ("bitmar.vision.mean", 16 + 4 * c, edit_bits_of (never[i]));
      value_refused ("bitmar.vision.std", 16 + 4 * c, edit_bits_of (never[i]));
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (epsilon); i++)
    value_refused ("bitmar.vision.epsilon", 4, edit_bits_of (epsilon[i]));
  for (guint i = 0; i < G_N_ELEMENTS (mean); i++)
    value_refused ("bitmar.vision.mean", 16 + 4 * (i % 3), edit_bits_of (mean[i]));
  for (guint i = 0; i < G_N_ELEMENTS (std); i++)
    value_refused ("bitmar.vision.std", 16 + 4 * (i % 3), edit_bits_of (std[i]));
  value_refused ("bitmar.vision.mean", 4, BITMAR_GGUF_UINT32);
  value_refused ("bitmar.vision.std", 4, BITMAR_GGUF_INT32);
}

/* Keys that are gone. */
static void
test_keys (void)
{
  static const char *const all[] = { "image_size", "channels", "tokens", "pool", "patch", "layers", "heads", "feed_forward",
    "registers", "epsilon", "mean", "std" };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    char *key = g_strconcat ("bitmar.vision.", all[i], NULL), *data;
    gsize size;

    data = edit_file (TINY, &size);
    edit_behind (data, size, key)[-1] = '_';
    refused (data, size, BITMAR_ERROR_SHAPE);
    g_free (data);
    g_free (key);
  }
}

/* Another backbone's name, and none. */
static void
test_backbone_names (void)
{
  static const char *const names[] = { "dinov3", "DINOv2", "dinov\0" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gsize size;
    char *data = edit_file (TINY, &size);

    memcpy (edit_behind (data, size, "bitmar.vision.backbone") + 4 + 8, names[i], 6);
    refused (data, size, -1);
    g_free (data);
  }
}

typedef void (*TensorTest) (char *data, gsize size, const BitmarGgufTensor *tensor, gsize offset);

static void
each_tensor (TensorTest test)
{
  char *path = file_path (TINY, NULL);
  BitmarGguf *file = bitmar_gguf_open (path, NULL);
  guint n = 0;

  for (gsize i = 0; i < bitmar_gguf_n_tensors (file); i++) {
    const BitmarGgufTensor *t = bitmar_gguf_tensor_at (file, i);
    gsize size;
    char *data;
    if (!g_str_has_prefix (t->name, "vision."))
      continue;
    data = edit_file (TINY, &size);
    test (data, size, t, t->data - bitmar_gguf_bytes (file, &size));
    g_free (data);
    n++;
  }
  g_assert_cmpuint (n, ==, 3 + 3 + 2 + 2 * (4 + 4 * 3));
  bitmar_gguf_free (file);
  g_free (path);
}

static void
rename_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  edit_behind (data, size, t->name)[-1] ^= 1;
  refused (data, size, BITMAR_ERROR_SHAPE);
}

static void
reshape_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  char *dims = edit_behind (data, size, t->name) + 4;

  for (guint i = 0; i < t->n_dims; i++) {
    edit_poke (dims + 8 * i, t->dims[i] - 1);
    refused (data, size, BITMAR_ERROR_SHAPE);
    edit_poke (dims + 8 * i, t->dims[i] / 2);
    refused (data, size, BITMAR_ERROR_SHAPE);
    edit_poke (dims + 8 * i, t->dims[i]);
  }
  if (t->n_dims == 2 && t->dims[0] != t->dims[1]) {
    edit_poke (dims, t->dims[1]);
    edit_poke (dims + 8, t->dims[0]);
    refused (data, size, BITMAR_ERROR_SHAPE);
  }
}

/* Wider types reach into the next tensor; of the narrower ones halves for floats are of another shape. */
static void
retype_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  char *type = edit_behind (data, size, t->name) + 4 + 8 * t->n_dims;

  edit_poke (type, t->type == BITMAR_TENSOR_F32 ? BITMAR_TENSOR_I32 : BITMAR_TENSOR_F32);
  refused (data, size, -1);
  edit_poke (type, t->type == BITMAR_TENSOR_F16 ? BITMAR_TENSOR_I32 : BITMAR_TENSOR_F16);
  refused (data, size, -1);
}

static gboolean
loads (char *data, gsize size)
{
  GError *error = NULL;
  BitmarModel *model;

  edit_seal (data, size);
  model = edit_load (data, size, &error);
  if (!model)
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CORRUPT);
  g_clear_error (&error);
  if (model)
    g_object_unref (model);
  return model != NULL;
}

/* Values that the kernels don't take: not finite, a fourth ternary code, -128. First and last element. */
static void
spoil_tensor (char *data, gsize size, const BitmarGgufTensor *t, gsize offset)
{
  static const char *const never32[] = { "\0\0\xc0\x7f", "\0\0\x80\x7f", "\0\0\x80\xff" };
  static const char *const never16[] = { "\0\x7c", "\1\x7c", "\0\xfc" };
  gsize each = t->type == BITMAR_TENSOR_I8 ? 1 : t->type == BITMAR_TENSOR_F16 ? 2 : 4;

  for (guint end = 0; end < 2; end++) {
    char *at = data + offset + (end ? t->size - each : 0), was[4];

    memcpy (was, at, each);
    if (t->type == BITMAR_TENSOR_I8) {
      gboolean ternary, int8;
      *at = (char) 0xc0;       /* codes 0, 0, 0, 3; or -64 */
      ternary = !loads (data, size);
      *at = (char) 0x80;       /* codes 0, 0, 0, 2; or -128 */
      int8 = !loads (data, size);
      g_assert_true (ternary != int8);
    }
    for (guint i = 0; each > 1 && i < 3; i++) {
      memcpy (at, each == 2 ? never16[i] : never32[i], each);
      g_assert_false (loads (data, size));
    }
    memcpy (at, was, each);
  }
}

static void
test_tensors (gconstpointer test)
{
  each_tensor (*(const TensorTest *) test);
}

/* Bits that somebody turned, and made the checksum right: refused, or a backbone that runs. */
static void
test_forged (void)
{
  gsize size, digits, structure = 14000;
  char *data = edit_file (TINY, &size);
  guint loaded = 0, rounds = 900;

  digits = edit_digits (data, size);
  for (guint n = 0; n < rounds; n++) {
    gsize bit = n % 3 ? (gsize) n * 1299709 % (structure * 8) : (gsize) n * 1299709 % (size * 8);
    GError *error = NULL;
    BitmarModel *model;

    data[bit / 8] ^= 1 << bit % 8;
    edit_seal_at (data, size, digits);
    model = edit_load (data, size, &error);
    if (model) {
      guint8 *rgb = g_malloc0 ((gsize) model->vision.size * model->vision.size * 3);
      guint8 *features = g_malloc (bitmar_vision_features_size (model));
      BitmarVision vision;
      g_assert_true (bitmar_vision_init (&vision, model));
      bitmar_vision_run (&vision, rgb, features);
      bitmar_vision_clear (&vision);
      g_free (rgb);
      g_free (features);
    } else {
      g_assert_cmpuint (error->domain, ==, BITMAR_ERROR);
    }
    loaded += model != NULL;
    g_clear_object (&model);
    g_clear_error (&error);
    data[bit / 8] ^= 1 << bit % 8;
  }
  g_assert_cmpuint (loaded, >, rounds / 10);
  g_assert_cmpuint (loaded, <, rounds);
  g_free (data);
}

int
main (int argc, char **argv)
{
  static const TensorTest tensor_tests[] = { rename_tensor, reshape_tensor, retype_tensor, spoil_tensor };

  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/dinov2/golden", test_golden);
  g_test_add_func ("/dinov2/tiers", test_tiers);
  g_test_add_func ("/dinov2/alone", test_alone);
  g_test_add_func ("/dinov2/alone-left-over", test_alone_left_over);
  g_test_add_func ("/dinov2/alone-damaged", test_alone_damaged);
  g_test_add_func ("/dinov2/backbone-of-model", test_backbone_of_model);
  g_test_add_func ("/dinov2/numbers", test_numbers);
  g_test_add_func ("/dinov2/floats", test_floats);
  g_test_add_func ("/dinov2/keys", test_keys);
  g_test_add_func ("/dinov2/names", test_backbone_names);
  g_test_add_data_func ("/dinov2/tensor-missing", &tensor_tests[0], test_tensors);
  g_test_add_data_func ("/dinov2/tensor-shape", &tensor_tests[1], test_tensors);
  g_test_add_data_func ("/dinov2/tensor-type", &tensor_tests[2], test_tensors);
  g_test_add_data_func ("/dinov2/tensor-values", &tensor_tests[3], test_tensors);
  g_test_add_func ("/dinov2/forged", test_forged);
  return g_test_run ();
}
