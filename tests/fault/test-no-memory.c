/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that runs out. Each thing is tried with its first allocation failing, then with its second, and so on until none fails: it must say
 * NO_MEMORY, leave all as it was, and work the next time. g_malloc() and its like abort and are for what is small: how large that gets is
 * measured. The linker puts the functions here before the ones that they are named after (meson.build), for our code, not for GLib's. */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "../models/edit.h"
#include "bitmar.h"
#include "episode-private.h"
#include "folder.h"

#define LARGEST 8192           /* of what may abort: a queue's entry, a decoder's table of layers, but no tensor and no vector */

static gboolean armed;
static guint count, fail_at;
static gsize largest;

/* ---- The allocators ------------------------------------------------------------------------------------- */

static gboolean
fails (void)
{
  return armed && ++count == fail_at;
}

static void
measure (gsize size)
{
  if (armed)
    largest = MAX (largest, size);
}

#define TRY(type, name, parameters, arguments, failure) \
  type __real_##name parameters; \
  __attribute__ ((visibility ("default"))) type __wrap_##name parameters; \
  type __wrap_##name parameters { return fails () ? failure : __real_##name arguments; }
#define ABORTS(name, parameters, arguments, size) \
  gpointer __real_##name parameters; \
  __attribute__ ((visibility ("default"))) gpointer __wrap_##name parameters; \
  gpointer __wrap_##name parameters { measure (size); return __real_##name arguments; }

TRY (void *, calloc, (size_t n, size_t size), (n, size), NULL)
TRY (void *, malloc, (size_t size), (size), NULL)
TRY (int, posix_memalign, (void **p, size_t align, size_t size), (p, align, size), ENOMEM)
TRY (gpointer, g_try_malloc, (gsize size), (size), NULL)
TRY (gpointer, g_try_malloc0, (gsize size), (size), NULL)
TRY (gpointer, g_try_malloc_n, (gsize n, gsize size), (n, size), NULL)
TRY (gpointer, g_try_malloc0_n, (gsize n, gsize size), (n, size), NULL)
ABORTS (g_malloc, (gsize size), (size), size)
ABORTS (g_malloc0, (gsize size), (size), size)
ABORTS (g_malloc_n, (gsize n, gsize size), (n, size), n * size)
ABORTS (g_malloc0_n, (gsize n, gsize size), (n, size), n * size)

/* ---- What is tried --------------------------------------------------------------------------------------- */

typedef struct {
  BitmarModel *model;
  BitmarEpisode *episode, *said;
  BitmarMemory *memory;
  char *folder, *path;
  guint8 pixels[40 * 30 * 3];
} Fixture;

static const char *model_name = "tiny.gguf";

static BitmarImage
picture (Fixture *f)
{
  return (BitmarImage) { .format = BITMAR_FORMAT_RGB, .width = 40, .height = 30, .planes = { f->pixels }, .strides = { 120 } };
}

static BitmarModel *
load (const char *name, GError **error)
{
  char *path = g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
  BitmarModel *model = bitmar_model_load (path, error);

  g_free (path);
  return model;
}

/* Who makes something lets it go again; the result says whether it was made. */
static gboolean
let_go (gpointer object)
{
  g_clear_object (&object);
  return TRUE;
}

static gboolean
try_model (Fixture *f, GError **error)
{
  BitmarModel *model = load (model_name, error);

  return model && let_go (model);
}

static gboolean
try_encoder (Fixture *f, GError **error)
{
  BitmarEncoder *encoder = bitmar_encoder_new (f->model, error);

  return encoder && let_go (encoder);
}

/* The first picture plans the scaler. */
static gboolean
try_picture (Fixture *f, GError **error)
{
  BitmarEncoder *encoder = bitmar_encoder_new (f->model, error);
  BitmarImage image = picture (f);
  gboolean done = encoder && bitmar_encoder_encode (encoder, &image, f->episode, error);

  g_clear_object (&encoder);
  return done;
}

static gboolean
try_captioner (Fixture *f, GError **error)
{
  BitmarCaptioner *captioner = bitmar_captioner_new (f->model, error);

  return captioner && let_go (captioner);
}

static gboolean
try_caption (Fixture *f, GError **error)
{
  BitmarCaptioner *captioner = bitmar_captioner_new (f->model, error);
  BitmarCaption caption;
  gboolean done = captioner && bitmar_captioner_set_prompt (captioner, "red car", error)
      && bitmar_captioner_caption (captioner, f->episode, NULL, &caption, error)
      && bitmar_captioner_caption (captioner, f->episode, NULL, &caption, error);

  g_clear_object (&captioner);
  return done;
}

static gboolean
try_memory (Fixture *f, GError **error)
{
  BitmarMemory *memory = bitmar_memory_new (f->model, 100, -2, error);

  return memory && let_go (memory);
}

static gboolean
try_save (Fixture *f, GError **error)
{
  return bitmar_memory_save (f->memory, f->path, error);
}

static gboolean
try_load (Fixture *f, GError **error)
{
  return bitmar_memory_load (f->memory, f->path, error);
}

static gboolean
try_alerts (Fixture *f, GError **error)
{
  BitmarAlerts *alerts = bitmar_alerts_new (f->model, "a: a dog; b: a cat for 1s", error);

  return alerts && let_go (alerts);
}

static gboolean
try_said (Fixture *f, GError **error)
{
  return bitmar_episode_set_caption (f->said, "a dog", error);
}

/* These have no error: NULL says it. */
static gboolean
try_episode (Fixture *f, GError **error)
{
  BitmarEpisode *episode = bitmar_episode_new (f->model, error);

  return episode && let_go (episode);
}

static gboolean
try_bytes (Fixture *f, GError **error)
{
  GBytes *episode = bitmar_episode_to_bytes (f->episode, error), *memory = episode ? bitmar_memory_to_bytes (f->memory, error) : NULL;
  gboolean done = memory != NULL;

  g_clear_pointer (&episode, g_bytes_unref);
  g_clear_pointer (&memory, g_bytes_unref);
  return done;
}

static gboolean
try_sentence (Fixture *f, GError **error)
{
  float *embedding = bitmar_model_embed_text (f->model, "a red car", NULL, error);

  g_free (embedding);
  return embedding != NULL;
}

/* ---- The tests ---------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  gboolean (*run) (Fixture *f, GError **error);
  guint at_least;              /* allocations that can fail */
  guint spare;                 /* of them, those that are done without */
} Case;

static const Case cases[] = {
  { "model", try_model, 30, 1 }, { "encoder", try_encoder, 20, 0 }, { "picture", try_picture, 20, 0 }, { "captioner", try_captioner, 15, 0 },
  { "caption", try_caption, 20, 0 }, { "memory", try_memory, 7, 0 }, { "save", try_save, 1, 0 }, { "load", try_load, 1, 0 },
  { "alerts", try_alerts, 3, 0 }, { "said", try_said, 2, 0 }, { "episode", try_episode, 6, 0 }, { "bytes", try_bytes, 2, 0 }, { "sentence", try_sentence, 3, 0 },
};

static gboolean
run (Fixture *f, const Case *c, guint n, GError **error)
{
  gboolean done;

  count = 0;
  fail_at = n;
  armed = TRUE;
  done = c->run (f, error);
  armed = FALSE;
  return done;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  BitmarEncoder *encoder;
  BitmarImage image = picture (f);

  /* The model that is tried isn't loaded yet. */
  f->model = ((const Case *) data)->run == try_model ? load ("tiny-alert.gguf", NULL) : load (model_name, NULL);
  f->folder = g_dir_make_tmp ("bitmar-no-memory-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "memory", NULL);
  for (gsize i = 0; i < sizeof f->pixels; i++)
    f->pixels[i] = (guint8) (i * 7 + i / 120 * 5);
  encoder = bitmar_encoder_new (f->model, NULL);
  f->episode = bitmar_episode_new (f->model, NULL);
  f->said = bitmar_episode_new (f->model, NULL);
  f->memory = bitmar_memory_new (f->model, 0, -2, NULL);
  g_assert_true (bitmar_encoder_encode (encoder, &image, f->episode, NULL));
  bitmar_episode_assign (f->said, f->episode, NULL);
  g_assert_true (bitmar_memory_observe (f->memory, f->episode, 5, NULL));
  g_assert_true (bitmar_memory_save (f->memory, f->path, NULL));
  g_object_unref (encoder);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  empty_folder (f->folder);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_object_unref (f->memory);
  g_object_unref (f->said);
  g_object_unref (f->episode);
  g_object_unref (f->model);
  g_free (f->folder);
  g_free (f->path);
}

static GBytes *
state_of (Fixture *f)
{
  return bitmar_memory_to_bytes (f->memory, NULL);
}

static void
assert_failed (Fixture *f, GBytes *before, GError *error)
{
  GBytes *now = state_of (f);

  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY);
  g_assert_true (g_bytes_equal (now, before));
  g_assert_cmpuint (count_files (f->folder), ==, 1);
  g_bytes_unref (now);
  g_error_free (error);
}

static void
test_each (Fixture *f, gconstpointer data)
{
  const Case *c = data;
  GBytes *before = state_of (f);
  guint n = 1, spared = 0;

  for (;; n++) {
    GError *error = NULL;

    if (!run (f, c, n, &error)) {
      assert_failed (f, before, error);
      continue;
    }
    g_assert_no_error (error);
    if (count < n)
      break;
    spared++;
  }
  g_test_message ("%s: %u allocations may fail, %u of them are done without", c->name, n - 1, spared);
  g_assert_cmpuint (n - 1, >=, c->at_least);
  g_assert_cmpuint (spared, ==, c->spare);
  g_bytes_unref (before);
}

/* With the model that is shipped: its tensors, its vocabulary and its vectors are none of what may abort. */
static void
test_small (void)
{
  Fixture f = { 0 };

  model_name = g_getenv ("BITMAR_MODEL");
  if (!model_name || !g_file_test (model_name, G_FILE_TEST_EXISTS)) {
    g_test_skip ("no model");
    return;
  }
  set_up (&f, &cases[1]);
  largest = 0;
  for (guint i = 1; i < G_N_ELEMENTS (cases); i++) {
    g_assert_true (run (&f, &cases[i], 0, NULL));
    g_test_message ("%s: up to %" G_GSIZE_FORMAT " bytes", cases[i].name, largest);
  }
  tear_down (&f, &cases[1]);
  g_assert_true (run (&f, &cases[0], 0, NULL));
  g_test_message ("the largest allocation that would abort has %" G_GSIZE_FORMAT " bytes", largest);
  g_assert_cmpuint (largest, >, 0);
  g_assert_cmpuint (largest, <=, LARGEST);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char *path = g_strdup_printf ("/no-memory/%s", cases[i].name);

    g_test_add (path, Fixture, &cases[i], set_up, test_each, tear_down);
    g_free (path);
  }
  g_test_add_func ("/no-memory/small", test_small);
  return g_test_run ();
}
