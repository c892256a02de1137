/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The public engine on a tiny random model: what callers rely on. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"
#include "bitmar.h"
#include "captions.h"
#include "edit.h"
#include "model-private.h"

/* ---- Every allocation of this thread is counted while `counting` ------------------------------------ */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS

static _Thread_local gboolean counting;
static _Thread_local gsize allocations;

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *p, size_t size);

void *
malloc (size_t size)
{
  allocations += counting;
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  allocations += counting;
  return __libc_calloc (n, size);
}

void *
realloc (void *p, size_t size)
{
  allocations += counting;
  return __libc_realloc (p, size);
}
#endif

/* ---- Helpers ------------------------------------------------------------------------------------- */

#define PICTURES 6

static BitmarModel *
load (void)
{
  return edit_load_file ("tiny.gguf");
}

static gboolean
differ (const BitmarCaption *a, const BitmarCaption *b)
{
  return a->confidence != b->confidence || strcmp (a->text, b->text) != 0;
}

/* ---- Encoder and episode ------------------------------------------------------------------------- */

static void
test_encode (void)
{
  BitmarModel *model = load ();
  BitmarEpisode *a = episode_of (model, 0), *b = episode_of (model, 0), *other = episode_of (model, 1);
  gsize n;
  const float *key = bitmar_episode_get_key (a, &n), *recalled;

  g_assert_cmpuint (n, ==, bitmar_model_get_memory_width (model));
  g_assert_cmpfloat_with_epsilon (bmk_dot (key, key, n), 1, 1e-5);
  g_assert_cmpmem (key, n * 4, bitmar_episode_get_key (b, NULL), n * 4);
  g_assert_cmpint (memcmp (key, bitmar_episode_get_key (other, NULL), n * 4), !=, 0);
  recalled = bitmar_episode_get_recalled (a, &n);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat (recalled[i], ==, 0);
  g_assert_cmpfloat (bitmar_episode_get_novelty (a), ==, 1);
  g_assert_cmpint (bitmar_episode_get_slot (a), ==, -1);
  g_object_unref (a);
  g_object_unref (b);
  g_object_unref (other);
  g_object_unref (model);
}

static void
assert_refused (BitmarEpisode *episode, GBytes *bytes, BitmarError code)
{
  GBytes *before = bitmar_episode_to_bytes (episode, NULL), *after;
  GError *error = NULL;

  g_assert_false (bitmar_episode_set_bytes (episode, bytes, &error));
  g_assert_error (error, BITMAR_ERROR, (int) code);
  after = bitmar_episode_to_bytes (episode, NULL);
  g_assert_true (g_bytes_equal (before, after));
  g_error_free (error);
  g_bytes_unref (before);
  g_bytes_unref (after);
  g_bytes_unref (bytes);
}

static GBytes *
with_byte (GBytes *bytes, gsize at, guint8 value)
{
  gsize size;
  guint8 *copy = g_memdup2 (g_bytes_get_data (bytes, &size), g_bytes_get_size (bytes));

  copy[at] = value;
  return g_bytes_new_take (copy, size);
}

static void
test_episode_bytes (void)
{
  BitmarModel *model = load ();
  BitmarEpisode *a = episode_of (model, 2), *b = episode_of (model, 3);
  GBytes *bytes = bitmar_episode_to_bytes (a, NULL), *again;
  gsize size = g_bytes_get_size (bytes), header = 4 + 4 + 64 + 5 * 4;
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarCaption want, got;
  GError *error = NULL;

  assert_refused (b, g_bytes_new_static ("", 0), BITMAR_ERROR_FORMAT);
  for (gsize n = 1; n < size; n += 97)
    assert_refused (b, g_bytes_new_from_bytes (bytes, 0, n), BITMAR_ERROR_FORMAT);
  assert_refused (b, g_bytes_new_from_bytes (bytes, 0, size - 1), BITMAR_ERROR_FORMAT);
  assert_refused (b, with_byte (bytes, 0, 'X'), BITMAR_ERROR_FORMAT);
  assert_refused (b, with_byte (bytes, 4, 9), BITMAR_ERROR_FORMAT);
  assert_refused (b, with_byte (bytes, 8, 'z'), BITMAR_ERROR_MISMATCH);
  assert_refused (b, with_byte (bytes, size - 1, 0x80), BITMAR_ERROR_FORMAT);      /* a token that is none */
  again = with_byte (bytes, header + 3, 0x7f);
  assert_refused (b, with_byte (again, header + 2, 0xff), BITMAR_ERROR_FORMAT);    /* a float that is none */
  g_bytes_unref (again);
  again = with_byte (bytes, size - 4 * 63 - 1, 0x80);              /* a code below -127: found when the codes are needed */
  g_assert_true (bitmar_episode_set_bytes (b, again, &error));
  g_assert_false (bitmar_captioner_caption (captioner, b, NULL, &got, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_false (bitmar_episode_set_caption (b, "a dog", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
  g_clear_error (&error);
  g_bytes_unref (again);
  g_assert_true (bitmar_episode_set_bytes (b, bytes, &error));
  g_assert_no_error (error);
  again = bitmar_episode_to_bytes (b, NULL);
  g_assert_true (g_bytes_equal (bytes, again));
  caption_of (captioner, a, NULL, &want);
  caption_of (captioner, b, NULL, &got);
  assert_same (&want, &got);
  g_bytes_unref (bytes);
  g_bytes_unref (again);
  g_object_unref (captioner);
  g_object_unref (a);
  g_object_unref (b);
  g_object_unref (model);
}

static void
test_episode_assign (void)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny-early.gguf", NULL);
  BitmarModel *model = load (), *other = bitmar_model_load (path, NULL);
  BitmarEpisode *a = episode_of (model, 2), *b = bitmar_episode_new (model, NULL), *c = bitmar_episode_new (other, NULL);
  GError *error = NULL;
  GBytes *x, *y;

  g_free (path);

  g_assert_true (bitmar_episode_assign (b, a, NULL));
  g_assert_true (bitmar_episode_assign (b, b, NULL));
  x = bitmar_episode_to_bytes (a, NULL);
  y = bitmar_episode_to_bytes (b, NULL);
  g_assert_true (g_bytes_equal (x, y));
  g_bytes_unref (y);
  g_assert_false (bitmar_episode_assign (b, c, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH);
  g_error_free (error);
  y = bitmar_episode_to_bytes (b, NULL);
  g_assert_true (g_bytes_equal (x, y));
  g_bytes_unref (x);
  g_bytes_unref (y);
  g_object_unref (a);
  g_object_unref (b);
  g_object_unref (c);
  g_object_unref (other);
  g_object_unref (model);
}

/* Bindings make what they can: only constructors make what works. */
static void
test_abstract (void)
{
  const GType types[] = { BITMAR_TYPE_MODEL, BITMAR_TYPE_EPISODE, BITMAR_TYPE_ENCODER, BITMAR_TYPE_MEMORY, BITMAR_TYPE_CAPTIONER,
    BITMAR_TYPE_EVENT_LOG, BITMAR_TYPE_ALERTS };
  BitmarModel *model = load ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    g_assert_true (G_TYPE_IS_ABSTRACT (types[i]));
  g_assert_true (BITMAR_IS_MODEL (model) && BITMAR_IS_ENCODER (encoder));
  g_object_unref (encoder);
  g_object_unref (model);
}

/* ---- Captions ------------------------------------------------------------------------------------ */

static void
test_tiers (void)
{
  BmkTier initial = bmk_tier ();
  BitmarCaption first[PICTURES] = { 0 };
  GBytes *bytes[PICTURES] = { NULL };

  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    BitmarModel *model;
    BitmarCaptioner *captioner;

    if (!bmk_set_tier (tier))
      continue;
    model = load ();
    captioner = new_captioner (model);
    for (guint i = 0; i < PICTURES; i++) {
      BitmarEpisode *episode = episode_of (model, i);
      GBytes *got = bitmar_episode_to_bytes (episode, NULL);
      BitmarCaption caption;

      caption_of (captioner, episode, NULL, &caption);
      if (!bytes[i]) {
        bytes[i] = g_bytes_ref (got);
        first[i] = caption;
      }
      g_assert_true (g_bytes_equal (bytes[i], got));
      assert_same (&first[i], &caption);
      g_bytes_unref (got);
      g_object_unref (episode);
    }
    g_object_unref (captioner);
    g_object_unref (model);
  }
  for (guint i = 0; i < PICTURES; i++)
    g_bytes_unref (bytes[i]);
  g_assert_true (bmk_set_tier (initial));
}

static void
test_caption (void)
{
  BitmarModel *model = load ();
  BitmarCaptioner *captioner = new_captioner (model);
  guint limit = bitmar_model_get_max_tokens (model), different = 0;
  BitmarCaption first, caption;

  for (guint i = 0; i < PICTURES; i++) {
    BitmarEpisode *episode = episode_of (model, i);

    for (guint beam = 1; beam <= 8; beam++) {
      BitmarCaptionParams params = { .beam_size = beam, .max_tokens = 1 + (beam + i) % limit, .length_penalty = -1 };
      caption_of (captioner, episode, &params, &caption);
      g_assert_cmpuint (caption.tokens, <=, params.max_tokens);
    }
    caption_of (captioner, episode, NULL, &caption);
    g_assert_cmpuint (caption.tokens, <=, limit);
    if (i == 0)
      first = caption;
    different += differ (&first, &caption);
    g_object_unref (episode);
  }
  g_assert_cmpuint (different, >, 0);
  g_object_unref (captioner);
  g_object_unref (model);
}

static void
test_sampling (void)
{
  BitmarModel *model = load ();
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = episode_of (model, 1);
  BitmarCaptionParams params = { .temperature = 1.2f, .top_k = 40, .top_p = 0.9f, .seed = 5 };
  BitmarCaptionParams top = { .temperature = 1, .top_k = 1 }, one = { .beam_size = 1 };
  BitmarCaption a, b;
  guint different = 0;

  for (params.seed = 0; params.seed < 20; params.seed++) {
    BitmarCaption again;

    caption_of (captioner, episode, &params, &a);
    caption_of (captioner, episode, &params, &again);
    assert_same (&a, &again);
    different += params.seed && differ (&a, &b);
    b = a;
  }
  g_assert_cmpuint (different, >, 0);
  caption_of (captioner, episode, &top, &a);
  caption_of (captioner, episode, &one, &b);
  assert_same (&a, &b);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (model);
}

static void
test_parameters (void)
{
  BitmarModel *model = load ();
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = episode_of (model, 0);
  const BitmarCaptionParams wrong[] = {
    { .beam_size = 9 }, { .max_tokens = bitmar_model_get_max_tokens (model) + 1 }, { .length_penalty = NAN },
    { .repetition_penalty = NAN }, { .repetition_penalty = INFINITY },
    { .length_penalty = INFINITY }, { .temperature = -1 }, { .temperature = NAN }, { .temperature = INFINITY },
    { .temperature = 1, .beam_size = 2 }, { .temperature = 1, .top_p = 1.5f }, { .temperature = 1, .top_p = -0.1f },
    { .temperature = 1, .top_p = NAN },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    GError *error = NULL;
    BitmarCaption caption;

    g_assert_false (bitmar_captioner_caption (captioner, episode, &wrong[i], &caption, &error));
    g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
    g_error_free (error);
  }
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (model);
}

/* How many of some captions say a token twice that is none of those they may not end on. */
static guint
repeating (BitmarModel *model, float penalty)
{
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarCaptionParams params = BITMAR_CAPTION_PARAMS_INIT;
  guint n = 0;

  params.repetition_penalty = penalty;
  for (guint i = 0; i < 16; i++) {
    BitmarEpisode *episode = episode_of (model, i);
    BitmarCaption caption;
    gboolean twice = FALSE;

    g_assert_true (bitmar_captioner_caption (captioner, episode, &params, &caption, NULL));
    for (guint t = 0; t < caption.tokens; t++)
      for (guint u = 0; u < t; u++)
        twice = twice || (caption.ids[t] == caption.ids[u] && !model->no_end[caption.ids[t]]);
    n += twice;
    g_object_unref (episode);
  }
  g_object_unref (captioner);
  return n;
}

static void
test_repetition (void)
{
  BitmarModel *model = load ();
  guint without = repeating (model, 0);

  g_assert_cmpuint (without, >, 4);
  g_assert_cmpuint (repeating (model, 10), <, without / 2);
  model->decoder.repetition_penalty = 10;          /* a file that says so; its captions can be asked for without */
  g_assert_cmpuint (repeating (model, 0), <, without / 2);
  g_assert_cmpuint (repeating (model, -1), ==, without);
  g_object_unref (model);
}

/* ---- Prompts ------------------------------------------------------------------------------------- */

static void
refuse_prompt (BitmarCaptioner *captioner, BitmarModel *model, const char *prompt, BitmarError code)
{
  float *embedding = g_new (float, bitmar_model_get_memory_width (model));
  GError *error = NULL;

  g_assert_false (bitmar_captioner_set_prompt (captioner, prompt, &error));
  g_assert_error (error, BITMAR_ERROR, (int) code);
  g_clear_error (&error);
  g_assert_false (bitmar_model_embed (model, prompt, embedding, &error));
  g_assert_error (error, BITMAR_ERROR, (int) code);
  g_clear_error (&error);
  g_free (embedding);
}

static void
test_prompt (void)
{
  BitmarModel *model = load ();
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = episode_of (model, 4);
  char *context = bitmar_model_dup_metadata (model, "bitmar.text.context");
  GString *long_text = g_string_new ("a");
  BitmarCaption plain, prompted, got;
  GError *error = NULL;

  for (guint i = 1; i < g_ascii_strtoull (context, NULL, 10); i++)
    g_string_append (long_text, i % 2 ? " ," : " a");
  caption_of (captioner, episode, NULL, &plain);
  g_assert_true (bitmar_captioner_set_prompt (captioner, "two dogs", &error));
  caption_of (captioner, episode, NULL, &prompted);
  g_assert_true (differ (&plain, &prompted));

  refuse_prompt (captioner, model, "caf\xe9", BITMAR_ERROR_ENCODING);
  refuse_prompt (captioner, model, long_text->str, BITMAR_ERROR_TOO_LONG);
  caption_of (captioner, episode, NULL, &got);
  assert_same (&prompted, &got);

  g_assert_true (bitmar_captioner_set_prompt (captioner, "Two DOGS", &error));
  caption_of (captioner, episode, NULL, &got);
  assert_same (&prompted, &got);
  g_assert_true (bitmar_captioner_set_prompt (captioner, "", &error));
  caption_of (captioner, episode, NULL, &got);
  assert_same (&plain, &got);
  g_assert_no_error (error);
  g_string_free (long_text, TRUE);
  g_free (context);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (model);
}

static void
test_embed (void)
{
  BitmarModel *model = load ();
  guint n = bitmar_model_get_memory_width (model);
  float *a = g_new (float, n), *b = g_new (float, n);
  GError *error = NULL;

  g_assert_true (bitmar_model_embed (model, "a dog runs", a, &error));
  g_assert_true (bitmar_model_embed (model, "a dog runs", b, &error));
  g_assert_cmpmem (a, n * 4, b, n * 4);
  g_assert_cmpfloat_with_epsilon (bmk_dot (a, a, n), 1, 1e-5);
  g_assert_true (bitmar_model_embed (model, "runs a dog", b, &error));
  g_assert_cmpint (memcmp (a, b, n * 4), !=, 0);
  g_assert_true (bitmar_model_embed (model, "", b, &error));
  g_assert_no_error (error);
  g_free (a);
  g_free (b);
  g_object_unref (model);
}

/* ---- Threads ------------------------------------------------------------------------------------- */

typedef struct {
  BitmarCaptioner *captioner;
  BitmarEpisode *episode;
  gint captions;
} Endless;

static gpointer
caption_until_refused (gpointer data)
{
  Endless *e = data;
  BitmarCaption caption;
  GError *error = NULL;

  while (bitmar_captioner_caption (e->captioner, e->episode, NULL, &caption, &error))
    g_atomic_int_inc (&e->captions);
  return error;
}

static void
test_cancel (void)
{
  BitmarModel *model = load ();
  Endless e = { new_captioner (model), episode_of (model, 1), 0 };
  BitmarCaption before, after;
  GThread *thread;
  GError *error;

  caption_of (e.captioner, e.episode, NULL, &before);
  thread = g_thread_new ("endless", caption_until_refused, &e);
  while (g_atomic_int_get (&e.captions) < 3)
    g_usleep (200);
  bitmar_captioner_cancel (e.captioner);
  error = g_thread_join (thread);
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (bitmar_captioner_caption (e.captioner, e.episode, NULL, &after, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED);
  g_error_free (error);
  bitmar_captioner_uncancel (e.captioner);
  caption_of (e.captioner, e.episode, NULL, &after);
  assert_same (&before, &after);
  g_object_unref (e.captioner);
  g_object_unref (e.episode);
  g_object_unref (model);
}

typedef struct {
  BitmarModel *model;
  BitmarCaption captions[PICTURES];
} Stream;

static gpointer
run_stream (gpointer data)
{
  Stream *s = data;
  GError *error = NULL;
  BitmarEncoder *encoder = bitmar_encoder_new (s->model, &error);
  BitmarCaptioner *captioner = new_captioner (s->model);
  BitmarEpisode *episode = bitmar_episode_new (s->model, NULL);

  g_assert_no_error (error);
  for (guint round = 0; round < 5; round++) {
    for (guint i = 0; i < PICTURES; i++) {
      encode (encoder, episode, i);
      caption_of (captioner, episode, NULL, &s->captions[i]);
    }
  }
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (encoder);
  return NULL;
}

static void
test_threads (void)
{
  Stream alone = { .model = load () }, together[3];
  GThread *threads[3];

  run_stream (&alone);
  for (guint i = 0; i < 3; i++) {
    together[i].model = alone.model;
    threads[i] = g_thread_new ("stream", run_stream, &together[i]);
  }
  for (guint i = 0; i < 3; i++) {
    g_thread_join (threads[i]);
    for (guint j = 0; j < PICTURES; j++)
      assert_same (&alone.captions[j], &together[i].captions[j]);
  }
  g_object_unref (alone.model);
}

/* ---- Allocation ---------------------------------------------------------------------------------- */

static void
test_no_allocation (void)
{
#ifdef COUNTS_ALLOCATIONS
  BitmarModel *model = load ();
  GError *error = NULL;
  BitmarEncoder *encoder = bitmar_encoder_new (model, &error);
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  BitmarCaptionParams sampling = { .temperature = 1, .top_k = 20, .top_p = 0.9f };
  BitmarAlerts *alerts = bitmar_alerts_new (model, "a: a dog above 0.0001; b: a red car", &error);
  BitmarCaption caption;
  void *volatile probe;

  encode (encoder, episode, 0);
  g_assert_true (bitmar_captioner_set_prompt (captioner, "a dog", &error));
  counting = TRUE;
  probe = malloc (1);
  g_assert_cmpuint (allocations, ==, 1);
  allocations = 0;
  for (guint i = 0; i < PICTURES; i++) {
    encode (encoder, episode, i);
    g_assert_true (bitmar_alerts_observe (alerts, episode, i, NULL, NULL, &error));
    caption_of (captioner, episode, NULL, &caption);
    caption_of (captioner, episode, &sampling, &caption);
    bitmar_captioner_reset (captioner);
  }
  counting = FALSE;
  g_assert_cmpuint (allocations, ==, 0);
  free (probe);
  g_object_unref (alerts);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_object_unref (model);
#else
  g_test_skip ("malloc belongs to the sanitizer");
#endif
}

/* Each token, the end too, takes as much from the log-odds as the file says. */
static void
test_confidence_by_length (void)
{
  BitmarModel *model = load ();
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = episode_of (model, 1);
  BitmarCaptionParams params = BITMAR_CAPTION_PARAMS_INIT;
  BitmarCaption plain, counted;

  caption_of (captioner, episode, &params, &plain);
  bitmar_captioner_reset (captioner);
  model->confidence.length = 0.125f;
  caption_of (captioner, episode, &params, &counted);
  g_assert_cmpstr (plain.text, ==, counted.text);
  g_assert_cmpfloat_with_epsilon (log_odds (plain.confidence) - log_odds (counted.confidence), 0.125 * (plain.tokens + plain.finished), 1e-3);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (model);
}

/* tiny.gguf stretches its confidence by a temperature of 2 and a bias of 4; without those keys it is the tokens' mean probability. */
static void
test_confidence (void)
{
  gsize size;
  char *data = edit_tiny (&size);
  GError *error = NULL;
  BitmarModel *models[2] = { load (), NULL };

  memcpy (edit_find (data, size, "bitmar.confidence.temperature"), "bitmar.confidense", 17);
  memcpy (edit_find (data, size, "bitmar.confidence.bias"), "bitmar.confidense", 17);
  edit_seal (data, size);
  models[1] = edit_load (data, size, &error);
  g_assert_no_error (error);
  for (guint n = 0; n < 4; n++) {
    BitmarCaptionParams params = { .length_penalty = -1 };
    BitmarCaption captions[2];

    for (guint i = 0; i < 2; i++) {
      BitmarEpisode *episode = episode_of (models[i], n);
      BitmarCaptioner *captioner = new_captioner (models[i]);

      caption_of (captioner, episode, &params, &captions[i]);
      g_object_unref (captioner);
      g_object_unref (episode);
    }
    g_assert_cmpstr (captions[0].text, ==, captions[1].text);
    g_assert_cmpfloat (captions[1].confidence, <, captions[0].confidence);
    g_assert_cmpfloat_with_epsilon (captions[0].confidence,
        1 / (1 + exp (-(log (captions[1].confidence / (1 - captions[1].confidence)) / 2 + 4))), 1e-5);
  }
  g_object_unref (models[0]);
  g_object_unref (models[1]);
  g_free (data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/engine/encode", test_encode);
  g_test_add_func ("/engine/episode-bytes", test_episode_bytes);
  g_test_add_func ("/engine/episode-assign", test_episode_assign);
  g_test_add_func ("/engine/abstract", test_abstract);
  g_test_add_func ("/engine/tiers", test_tiers);
  g_test_add_func ("/engine/caption", test_caption);
  g_test_add_func ("/engine/confidence", test_confidence);
  g_test_add_func ("/engine/confidence-by-length", test_confidence_by_length);
  g_test_add_func ("/engine/sampling", test_sampling);
  g_test_add_func ("/engine/parameters", test_parameters);
  g_test_add_func ("/engine/repetition", test_repetition);
  g_test_add_func ("/engine/prompt", test_prompt);
  g_test_add_func ("/engine/embed", test_embed);
  g_test_add_func ("/engine/cancel", test_cancel);
  g_test_add_func ("/engine/threads", test_threads);
  g_test_add_func ("/engine/no-allocation", test_no_allocation);
  return g_test_run ();
}
