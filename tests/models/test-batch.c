/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Captions made together are the captions made alone: from one thread, from many, with every beam width, while others come and
 * go; and whole captions of the shipped model are the same on every instruction set and any number of threads. */
#include "bitmar-kernels.h"
#include "captions.h"
#include "edit.h"
#include "model-private.h"

#define STREAMS 11

typedef struct {
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;
  BitmarCaptionParams params;
  BitmarCaption want;
} Stream;

static BitmarModel *
load (const char *path)
{
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  return model;
}

/* Beams of 1 to 8, some with a prompt, some sampled; what each says alone. */
static void
streams_new (Stream *streams, BitmarModel *model)
{
  for (guint i = 0; i < STREAMS; i++) {
    Stream *s = &streams[i];

    s->captioner = bitmar_captioner_new (model, NULL);
    s->episode = episode_of (model, i);
    s->params = (BitmarCaptionParams) { .beam_size = 1 + i % 8, .length_penalty = -1, .max_tokens = 3 + i % 6 };
    if (i % 4 == 3)
      s->params = (BitmarCaptionParams) { .temperature = 0.8f, .seed = i, .length_penalty = -1 };
    g_assert_true (bitmar_captioner_set_prompt (s->captioner, i % 3 == 1 ? "a" : NULL, NULL));
    g_assert_true (bitmar_captioner_caption (s->captioner, s->episode, &s->params, &s->want, NULL));
    bitmar_captioner_reset (s->captioner);
  }
}

static void
streams_free (Stream *streams)
{
  for (guint i = 0; i < STREAMS; i++) {
    g_object_unref (streams[i].captioner);
    g_object_unref (streams[i].episode);
  }
}

/* ---- Together from one thread ---------------------------------------------------------------------- */

static void
check_many (BitmarModel *model, guint beam)
{
  BitmarCaptionParams params = { .beam_size = beam, .length_penalty = -1 };
  BitmarCaptioner *captioners[STREAMS];
  BitmarEpisode *episodes[STREAMS];
  BitmarCaption alone, captions[STREAMS], *to[STREAMS];
  GError *error = NULL;

  for (guint i = 0; i < STREAMS; i++) {
    to[i] = &captions[i];
    captioners[i] = bitmar_captioner_new (model, NULL);
    episodes[i] = episode_of (model, i);
  }
  for (guint round = 0; round < 2; round++) {
    g_assert_true (bitmar_captioner_caption_many (captioners, episodes, &params, to, STREAMS, &error));
    g_assert_no_error (error);
    for (guint i = 0; i < STREAMS; i++) {
      BitmarCaptioner *fresh = bitmar_captioner_new (model, NULL);
      /* with a history, the second caption has the first one before it */
      for (guint again = 0; again <= round; again++)
        g_assert_true (bitmar_captioner_caption (fresh, episodes[i], &params, &alone, NULL));
      assert_same (&alone, &captions[i]);
      g_object_unref (fresh);
    }
  }
  for (guint i = 0; i < STREAMS; i++) {
    g_object_unref (captioners[i]);
    g_object_unref (episodes[i]);
  }
}

static void
test_many (void)
{
  BitmarModel *model = edit_load_tiny ();

  for (guint beam = 1; beam <= 8; beam++)
    check_many (model, beam);
  model->decoder.history = 1;
  check_many (model, 3);
  model->decoder.history = 0;
  g_object_unref (model);
}

static void
test_refusals (void)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL), *other = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = episode_of (model, 0);
  BitmarCaptioner *twice[] = { captioner, other, captioner }, *both[] = { captioner, other };
  BitmarEpisode *episodes[] = { episode, episode, episode };
  BitmarCaptionParams bad = { .beam_size = 9 };
  BitmarCaption captions[3], *to[] = { &captions[0], &captions[1], &captions[2] }, *same[] = { &captions[0], &captions[0] };
  GError *error = NULL;

  g_assert_false (bitmar_captioner_caption_many (twice, episodes, NULL, to, 3, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_false (bitmar_captioner_caption_many (both, episodes, NULL, same, 2, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_false (bitmar_captioner_caption_many (both, episodes, &bad, to, 2, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_true (bitmar_captioner_caption_many (both, episodes, NULL, to, 0, NULL));
  /* one is cancelled, the other has its caption */
  bitmar_captioner_cancel (other);
  g_assert_false (bitmar_captioner_caption_many (both, episodes, NULL, to, 2, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpuint (captions[0].tokens, >, 0);
  g_assert_cmpuint (captions[1].tokens, ==, 0);
  bitmar_captioner_uncancel (other);
  g_assert_true (bitmar_captioner_caption_many (both, episodes, NULL, to, 2, NULL));
  assert_same (&captions[0], &captions[1]);
  g_object_unref (captioner);
  g_object_unref (other);
  g_object_unref (episode);
  g_object_unref (model);
}

/* ---- Together from many threads -------------------------------------------------------------------- */

static gint cancellations;

static gpointer
caption_often (gpointer data)
{
  Stream *s = data;
  GRand *rand = g_rand_new_with_seed (s->params.beam_size);

  for (guint i = 0; i < 30; i++) {
    BitmarCaption caption;
    GError *error = NULL;

    if (g_rand_int_range (rand, 0, 3) == 0)
      g_usleep ((gulong) g_rand_int_range (rand, 0, 300));
    if (bitmar_captioner_caption (s->captioner, s->episode, &s->params, &caption, &error)) {
      assert_same (&s->want, &caption);
    } else {
      g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED);
      g_clear_error (&error);
      g_atomic_int_inc (&cancellations);
      bitmar_captioner_uncancel (s->captioner);
    }
    bitmar_captioner_reset (s->captioner);
  }
  g_rand_free (rand);
  return NULL;
}

static void
test_threads (void)
{
  BitmarModel *model = edit_load_tiny ();
  Stream streams[STREAMS];
  GThread *threads[STREAMS];

  streams_new (streams, model);
  for (guint i = 0; i < STREAMS; i++)
    threads[i] = g_thread_new (NULL, caption_often, &streams[i]);
  for (guint i = 0; i < STREAMS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (cancellations, ==, 0);
  streams_free (streams);
  g_object_unref (model);
}

/* Some are cancelled again and again; the others do not notice. */
static void
test_cancel (void)
{
  BitmarModel *model = edit_load_tiny ();
  Stream streams[STREAMS];
  GThread *threads[STREAMS];

  streams_new (streams, model);
  bitmar_captioner_cancel (streams[0].captioner);
  for (guint i = 0; i < STREAMS; i++)
    threads[i] = g_thread_new (NULL, caption_often, &streams[i]);
  for (guint i = 0; i < 50; i++) {
    bitmar_captioner_cancel (streams[i % 3].captioner);
    g_usleep (100);
  }
  for (guint i = 0; i < STREAMS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (cancellations, >, 0);
  streams_free (streams);
  g_object_unref (model);
}

/* ---- The shipped model ----------------------------------------------------------------------------- */

static void
test_shipped (void)
{
  BmkTier initial = bmk_tier ();
  BitmarCaption first[2];
  gboolean any = FALSE;

  if (!g_file_test (g_getenv ("BITMAR_MODEL"), G_FILE_TEST_IS_REGULAR)) {
    g_test_skip ("no models/weights/bitmar.gguf");
    return;
  }
  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    for (guint threads = 1; threads <= 3 && bmk_set_tier ((BmkTier) tier); threads += 2) {
      BitmarModel *model = load (g_getenv ("BITMAR_MODEL"));
      BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);

      g_assert_true (bmk_set_threads (threads));
      for (guint i = 0; i < 2; i++) {
        BitmarEpisode *episode = episode_of (model, 2 + i);
        BitmarCaption caption;

        g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &caption, NULL));
        if (!any)
          first[i] = caption;
        assert_same (&first[i], &caption);
        g_assert_cmpuint (caption.tokens, >, 3);
        g_object_unref (episode);
      }
      any = TRUE;
      g_object_unref (captioner);
      g_object_unref (model);
    }
  g_assert_true (bmk_set_threads (1));
  g_assert_true (bmk_set_tier (initial));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/batch/many", test_many);
  g_test_add_func ("/batch/refusals", test_refusals);
  g_test_add_func ("/batch/threads", test_threads);
  g_test_add_func ("/batch/cancel", test_cancel);
  g_test_add_func ("/batch/shipped-model", test_shipped);
  return g_test_run ();
}
