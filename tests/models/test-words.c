/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words that a picture leads to expect: captions are chosen by them, prompts make them likelier, confidence knows how many a caption has. */

#include "bitmar-kernels.h"
#include "captions.h"
#include "edit.h"
#include "episode-private.h"
#include "model-private.h"
#include "sampler.h"
#include "words.h"

static BitmarModel *
load (void)
{
  return edit_load_file ("tiny-early.gguf");
}

/* What picture n's caption is when the words that are expected count for so much. */
static BitmarCaption
caption_with (BitmarModel *model, guint n, float weight, const char *prompt)
{
  BitmarCaptioner *captioner = new_captioner (model);
  BitmarEpisode *episode = episode_of (model, n);
  float before = model->words.weight;
  BitmarCaption caption;

  model->words.weight = weight;
  g_assert_true (bitmar_captioner_set_prompt (captioner, prompt, NULL));
  caption_of (captioner, episode, NULL, &caption);
  model->words.weight = before;
  g_object_unref (episode);
  g_object_unref (captioner);
  return caption;
}

/* How well a caption has the words that its picture leads to expect. */
static float
fit_of (BitmarModel *model, guint n, const BitmarCaption *caption)
{
  BitmarEpisode *episode = episode_of (model, n);
  float *expected = g_new (float, model->vocabulary), fit;

  bitmar_words_expect (model, episode->hint, expected, NULL, 0, NULL);
  fit = bitmar_expectation_fit (&(BitmarExpectation) { .expected = expected, .square = model->words.square }, caption->ids, caption->tokens);
  g_free (expected);
  g_object_unref (episode);
  return fit;
}

/* Of the search's captions the one with the expected words is said, the more so the more they count. */
static void
test_expected_words (void)
{
  BitmarModel *model = load ();
  guint changed = 0;

  for (guint n = 0; n < 12; n++) {
    BitmarCaption plain = caption_with (model, n, 0, ""), with = caption_with (model, n, 50, "");

    g_assert_cmpfloat (fit_of (model, n, &with), >=, fit_of (model, n, &plain));
    changed += strcmp (plain.text, with.text) != 0;
  }
  g_assert_cmpuint (changed, >, 0);
  g_object_unref (model);
}

/* A prompt's tokens are likelier, each once however often it is asked for, and nothing else is. */
static void
test_asked_words (void)
{
  BitmarModel *model = load ();
  BitmarEpisode *episode = episode_of (model, 2);
  gsize v = model->vocabulary;
  float *plain = g_new (float, v), *asked = g_new (float, v), *twice = g_new (float, v);
  const gint32 ids[] = { 70, 90, 70 };

  bitmar_words_expect (model, episode->hint, plain, ids, 2, asked);
  bitmar_words_expect (model, episode->hint, plain, ids, 3, twice);
  g_assert_cmpmem (asked, v * sizeof *asked, twice, v * sizeof *twice);
  for (gsize i = 0; i < v; i++)
    if (i == 70 || i == 90)
      g_assert_cmpfloat (asked[i], >, plain[i]);
    else
      g_assert_cmpfloat (asked[i], <=, plain[i]);      /* the length is one still */
  g_free (plain);
  g_free (asked);
  g_free (twice);
  g_object_unref (episode);
  g_object_unref (model);
}

/* What is asked for is chosen, but no truer for it: the confidence is by what the picture alone leads to expect. */
static void
test_asked_is_not_truer (void)
{
  BitmarModel *model = load ();
  float coefficient = model->confidence.words;

  for (guint n = 0; n < 6; n++) {
    BitmarCaption with, without;

    with = caption_with (model, n, 3, "a red car");
    model->confidence.words = 0;
    without = caption_with (model, n, 3, "a red car");
    model->confidence.words = coefficient;
    g_assert_cmpstr (with.text, ==, without.text);
    g_assert_cmpfloat_with_epsilon (log_odds (with.confidence) - log_odds (without.confidence), coefficient * fit_of (model, n, &with), 1e-3);
  }
  g_object_unref (model);
}

/* The share of the expected words adds as much to the log-odds as the file says. */
static void
test_confidence_by_words (void)
{
  BitmarModel *model = load ();
  float coefficient = model->confidence.words;
  BitmarCaption with, without;

  g_assert_cmpfloat (coefficient, >, 0);
  with = caption_with (model, 1, 0, "");
  model->confidence.words = 0;
  without = caption_with (model, 1, 0, "");
  model->confidence.words = coefficient;
  g_assert_cmpstr (with.text, ==, without.text);
  g_assert_cmpfloat (fit_of (model, 1, &with), >, 0);
  g_assert_cmpfloat_with_epsilon (log_odds (with.confidence) - log_odds (without.confidence), coefficient * fit_of (model, 1, &with), 1e-3);
  g_object_unref (model);
}

/* What is expected travels with the episode. */
static void
test_hint_bytes (void)
{
  BitmarModel *model = load ();
  BitmarEpisode *from = episode_of (model, 3), *to = episode_of (model, 4), *copy = bitmar_episode_new (model, NULL);
  gsize n = model->words.hidden.n, size;
  GBytes *bytes = bitmar_episode_to_bytes (from, NULL);
  const guint8 *data = g_bytes_get_data (bytes, &size);
  guint8 *spoilt = g_memdup2 (data, size);
  GError *error = NULL;
  GBytes *bad;

  g_assert_cmpint (memcmp (from->hint, to->hint, n), !=, 0);
  g_assert_true (bitmar_episode_assign (copy, from, NULL));
  g_assert_cmpmem (copy->hint, n, from->hint, n);
  g_assert_true (bitmar_episode_set_bytes (to, bytes, NULL));
  g_assert_true (bitmar_episode_read_codes (to, NULL));
  g_assert_cmpmem (to->hint, n, from->hint, n);
  spoilt[size - 4 * (1 + BITMAR_SAID_TOKENS) - 1] = 0x80;
  bad = g_bytes_new_take (spoilt, size);
  g_assert_true (bitmar_episode_set_bytes (copy, bad, NULL));
  g_assert_false (bitmar_episode_read_codes (copy, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT);
  g_error_free (error);
  g_bytes_unref (bad);
  g_bytes_unref (bytes);
  g_object_unref (from);
  g_object_unref (to);
  g_object_unref (copy);
  g_object_unref (model);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/words/confidence-by-words", test_confidence_by_words);
  g_test_add_func ("/words/expected-words", test_expected_words);
  g_test_add_func ("/words/asked-words", test_asked_words);
  g_test_add_func ("/words/asked-is-not-truer", test_asked_is_not_truer);
  g_test_add_func ("/words/hint-bytes", test_hint_bytes);
  return g_test_run ();
}
