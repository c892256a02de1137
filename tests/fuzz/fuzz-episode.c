/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An episode's bytes. Refused, they leave the episode as it was; taken, they are written as they were read, memory and captioner live
 * with them, and the memory that took them can still be saved and restored. The first byte says whether the head is made right before. */
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "bitmar.h"
#include "episode-private.h"
#include "fuzz.h"

#define HEAD 92
#define RIGHT_HEAD 1
#define REMEMBER 2
#define CAPTION 4

static BitmarModel *model;
static BitmarEpisode *episode;
static BitmarCaptioner *captioner;

static BitmarEpisode *
make_episode (void)
{
  BitmarEpisode *e = bitmar_episode_new (model, NULL);
  gsize c;

  bitmar_episode_get_key (e, &c);
  for (gsize i = 0; i < c; i++) {
    e->key[i] = (i % 2 ? 1 : -1) / sqrtf ((float) c);
    e->content[i] = (float) i / (float) c;
  }
  e->known = (BitmarSaid) { .n = 3, .ids = { 4, 5, 6 } };
  e->novelty = 0.25f;
  e->slot = 3;
  return e;
}

static void
make_ready (void)
{
  gsize size;
  char *path;

  if (model)
    return;
  path = g_build_filename (g_getenv ("BITMAR_TEST_FILES") ? g_getenv ("BITMAR_TEST_FILES") : "tests/files", "tiny.gguf", NULL);
  model = bitmar_model_load (path, NULL);
  FUZZ_CHECK (model);
  episode = make_episode ();
  captioner = bitmar_captioner_new (model, NULL);
  FUZZ_CHECK (captioner && bitmar_episode_get_key (episode, &size));
  g_free (path);
}

void
fuzz_seeds (FuzzAdd add, void *to)
{
  make_ready ();
  for (guint flags = 0; flags < 8; flags++) {
    GBytes *bytes = bitmar_episode_to_bytes (episode, NULL);
    gsize size = g_bytes_get_size (bytes);
    guint8 *input = g_malloc (size + 1);

    input[0] = (guint8) flags;
    memcpy (input + 1, g_bytes_get_data (bytes, NULL), size);
    add (input, size + 1, to);
    g_free (input);
    g_bytes_unref (bytes);
  }
}

static GBytes *
input_bytes (const guint8 *input, gsize n)
{
  GBytes *good = bitmar_episode_to_bytes (episode, NULL);
  gsize size = n - 1;
  guint8 *data = g_malloc (MAX (size, 1));

  memcpy (data, input + 1, size);
  if (input[0] & RIGHT_HEAD)
    memcpy (data, g_bytes_get_data (good, NULL), MIN (size, HEAD - 8));
  g_bytes_unref (good);
  return g_bytes_new_take (data, size);
}

static gboolean
says (BitmarEpisode *e, GBytes *bytes)
{
  GBytes *now = bitmar_episode_to_bytes (e, NULL);
  gboolean same = g_bytes_equal (now, bytes);

  g_bytes_unref (now);
  return same;
}

static void
check_remembered (BitmarEpisode *e)
{
  BitmarMemory *memory = bitmar_memory_new (model, 3, 0.5f, NULL), *other = bitmar_memory_new (model, 3, 0.5f, NULL);
  char *path = g_strdup_printf ("/dev/shm/bitmar-fuzz-%d", (int) getpid ());
  gboolean restored;

  for (guint i = 0; i < 3; i++) {
    BitmarEpisode *mine = make_episode ();

    FUZZ_CHECK (bitmar_memory_observe (memory, mine, i, NULL));
    if (bitmar_memory_observe (memory, e, i, NULL)) {
      FUZZ_CHECK (e->novelty >= 0 && e->novelty <= 1);
      FUZZ_CHECK (e->slot >= 0 && e->slot < 3);
    }
    g_object_unref (mine);
  }
  restored = bitmar_memory_save (memory, path, NULL) && bitmar_memory_load (other, path, NULL);
  g_unlink (path);
  FUZZ_CHECK (restored);
  g_free (path);
  g_object_unref (memory);
  g_object_unref (other);
}

static void
check_captioned (BitmarEpisode *e)
{
  BitmarCaptionParams params = { .beam_size = 2, .max_tokens = 4, .length_penalty = -1 };
  BitmarCaption caption;

  bitmar_captioner_reset (captioner);
  if (!bitmar_captioner_caption (captioner, e, &params, &caption, NULL))
    return;
  FUZZ_CHECK (g_utf8_validate (caption.text, -1, NULL));
  FUZZ_CHECK (caption.confidence >= 0 && caption.confidence <= 1);
  FUZZ_CHECK (caption.tokens <= 4);
}

int
LLVMFuzzerTestOneInput (const guint8 *input, size_t n)
{
  BitmarEpisode *e;
  GError *error = NULL;
  GBytes *bytes, *before;

  make_ready ();
  if (n < 1)
    return 0;
  e = make_episode ();
  before = bitmar_episode_to_bytes (e, NULL);
  bytes = input_bytes (input, n);
  if (bitmar_episode_set_bytes (e, bytes, &error)) {
    FUZZ_CHECK (!error && says (e, bytes));
    if (input[0] & REMEMBER)
      check_remembered (e);
    if (input[0] & CAPTION)
      check_captioned (e);
  } else {
    FUZZ_CHECK (error && error->domain == BITMAR_ERROR && says (e, before));
    g_error_free (error);
  }
  g_bytes_unref (before);
  g_bytes_unref (bytes);
  g_object_unref (e);
  return 0;
}
