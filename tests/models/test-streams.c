/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What runs on from look to look: history, cuts, and a memory that is told what was said. tiny-early.gguf has history and sees an early block. */

#include <math.h>

#include "edit.h"
#include "episode-private.h"
#include "model-private.h"

static BitmarModel *
load (void)
{
  return edit_load_file ("tiny-early.gguf");
}

/* A picture of its own for each number. */
static void
look (BitmarModel *model, BitmarEncoder *encoder, guint number, BitmarEpisode *episode)
{
  gint size = (gint) model->vision.size;
  GRand *rand = g_rand_new_with_seed (number);
  guint8 *rgb = g_malloc (3 * size * size);
  const BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = size, .height = size, .planes = { rgb }, .strides = { 3 * size } };
  gint wave = g_rand_int_range (rand, 1, 40);

  for (gint i = 0; i < 3 * size * size; i++)
    rgb[i] = (guint8) (i * wave / 3 % 200 + g_rand_int_range (rand, 0, 56));
  g_assert_true (bitmar_encoder_encode (encoder, &image, episode, NULL));
  g_rand_free (rand);
  g_free (rgb);
}

static void
number_refused (const char *key, guint32 bits)
{
  gsize size;
  char *data = edit_file ("tiny-early.gguf", &size);
  GError *error = NULL;

  edit_poke (edit_behind (data, size, key) + 4, bits);
  edit_seal (data, size);
  g_assert_null (edit_load (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_SHAPE);
  g_error_free (error);
  g_free (data);
}

static void
test_refused (void)
{
  static const guint32 blocks[] = { 0, 1, 4, 5, 65, G_MAXUINT32 };
  static const float cuts[] = { -1.01f, 1.01f, NAN, INFINITY }, penalties[] = { -0.01f, 10.01f, NAN, INFINITY };
  static const float lengths[] = { -10.01f, 10.01f, NAN, INFINITY };

  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    number_refused ("bitmar.vision.early_blocks", blocks[i]);
  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++)
    number_refused ("bitmar.decoder.cut", edit_bits_of (cuts[i]));
  for (guint i = 0; i < G_N_ELEMENTS (penalties); i++)
    number_refused ("bitmar.decoder.repetition_penalty", edit_bits_of (penalties[i]));
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    number_refused ("bitmar.confidence.length", edit_bits_of (lengths[i]));
}

/* How many of some looks are captioned otherwise than with an empty window. (tiny.gguf's captions differ more than the other's.) */
static guint
differ (float cut)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  guint n = 0;

  model->decoder.history = 1;
  model->decoder.cut = cut;
  for (guint i = 0; i < 12; i++) {
    BitmarCaptioner *fresh = bitmar_captioner_new (model, NULL);
    BitmarCaption a, b;

    look (model, encoder, i, episode);
    g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &a, NULL));
    g_assert_true (bitmar_captioner_caption (fresh, episode, NULL, &b, NULL));
    n += a.tokens != b.tokens || memcmp (a.ids, b.ids, a.tokens * sizeof *a.ids) != 0;
    g_object_unref (fresh);
  }
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_object_unref (model);
  return n;
}

static void
test_cut (void)
{
  /* A cosine is never below -1, always below 2. */
  g_assert_cmpuint (differ (-1), >=, 3);
  g_assert_cmpuint (differ (2), ==, 0);
}

static void
test_cancelled (void)
{
  BitmarModel *model = load ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL), *fresh = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  BitmarCaption a, b;

  model->decoder.cut = -1;
  look (model, encoder, 1, episode);
  bitmar_captioner_cancel (captioner);
  g_assert_false (bitmar_captioner_caption (captioner, episode, NULL, &a, NULL));
  bitmar_captioner_uncancel (captioner);
  look (model, encoder, 2, episode);
  g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &a, NULL));
  g_assert_true (bitmar_captioner_caption (fresh, episode, NULL, &b, NULL));
  g_assert_cmpstr (a.text, ==, b.text);
  g_assert_cmpfloat (a.confidence, ==, b.confidence);
  g_object_unref (episode);
  g_object_unref (fresh);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_object_unref (model);
}

/* ---- Holding on to a caption ------------------------------------------------------------------------- */

/* Captions of 8 looks, one captioner after all, as one string each. hold < 0: not held. */
static char **
said_with (guint history, float cut, float hold, const char *prompt_from_fourth, const BitmarCaptionParams *params)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  char **said = g_new0 (char *, 9);

  model->decoder.history = history;
  model->decoder.cut = cut;
  model->decoder.hold = hold;
  for (guint i = 0; i < 8; i++) {
    GString *s = g_string_new ("");
    BitmarCaption caption;

    if (i == 4)
      g_assert_true (bitmar_captioner_set_prompt (captioner, prompt_from_fourth, NULL));
    look (model, encoder, i, episode);
    g_assert_true (bitmar_captioner_caption (captioner, episode, params, &caption, NULL));
    for (guint t = 0; t < caption.tokens; t++)
      g_string_append_printf (s, "%d ", caption.ids[t]);
    said[i] = g_string_free (s, FALSE);
  }
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_object_unref (model);
  return said;
}

static guint
changes (char **said)
{
  guint n = 0;

  for (guint i = 1; said[i]; i++)
    n += !g_str_equal (said[i], said[i - 1]);
  return n;
}

static void
test_hold (void)
{
  const BitmarCaptionParams sampled = { .length_penalty = -1, .temperature = 1, .top_p = 1, .seed = 5 };
  char **plain = said_with (0, -1, -1, NULL, NULL), **held = said_with (0, -1, 10, NULL, NULL), **cut = said_with (0, 2, 10, NULL, NULL);
  char **fair = said_with (0, -1, 0, NULL, NULL), **prompted = said_with (0, -1, 10, "a red car", NULL), **drawn = said_with (0, -1, 10, NULL, &sampled);

  g_assert_cmpuint (changes (plain), >=, 4);
  g_assert_cmpuint (changes (held), ==, 0);            /* no caption is ten better */
  g_assert_cmpstr (held[7], ==, plain[0]);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpstr (cut[i], ==, plain[i]);            /* each look is another scene */
  g_assert_cmpuint (changes (fair), >, 0);             /* a better one is said at once */
  g_assert_cmpuint (changes (fair), <=, changes (plain));
  g_assert_cmpuint (changes (prompted), <=, 1);        /* a new prompt is heeded, and held on to again */
  g_assert_cmpstr (prompted[3], ==, plain[0]);
  g_assert_cmpuint (changes (drawn), >=, 4);           /* who draws lots wants to see others */
  g_strfreev (plain);
  g_strfreev (held);
  g_strfreev (cut);
  g_strfreev (fair);
  g_strfreev (prompted);
  g_strfreev (drawn);
}

/* With a window that runs on, what stays in it is what was said: held on to, a caption is there as often as it was said. */
static void
test_hold_in_window (void)
{
  char **plain = said_with (1, -1, -1, NULL, NULL), **held = said_with (1, -1, 10, NULL, NULL), **cut = said_with (1, 2, 10, NULL, NULL);
  char **single = said_with (0, 2, -1, NULL, NULL);

  g_assert_cmpuint (changes (plain), >=, 4);
  g_assert_cmpuint (changes (held), ==, 0);
  g_assert_cmpstr (held[7], ==, plain[0]);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpstr (cut[i], ==, single[i]);           /* an empty window each time */
  g_strfreev (plain);
  g_strfreev (held);
  g_strfreev (cut);
  g_strfreev (single);
}

/* ---- Memory that is told ---------------------------------------------------------------------------- */

static float
cosine (const float *a, const float *b, gsize n)
{
  return bmk_dot (a, b, n) / sqrtf (bmk_dot (a, a, n) * bmk_dot (b, b, n));
}

static void
test_tell (void)
{
  BitmarModel *model = load ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarMemory *memory = bitmar_memory_new (model, 4, 0.99f, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  gsize c = model->memory_width;
  float *said = g_new (float, c);

  look (model, encoder, 1, episode);
  g_assert_false (bitmar_memory_tell (memory, episode));       /* not observed */
  g_assert_true (bitmar_memory_observe (memory, episode, 0, NULL));
  g_assert_false (bitmar_memory_tell (memory, episode));       /* nothing was said */
  g_assert_true (bitmar_episode_set_caption (episode, "a red car", NULL));
  g_assert_true (bitmar_memory_tell (memory, episode));
  memcpy (said, episode->said, c * sizeof (float));
  g_assert_cmpfloat (cosine (said, episode->content, c), <, 0.9999f);

  look (model, encoder, 1, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 1, NULL));
  g_assert_cmpfloat (cosine (said, episode->recalled, c), >, 0.9999f);

  /* The slot is somebody else's by now. */
  g_assert_true (bitmar_episode_set_caption (episode, "a red car", NULL));
  bitmar_memory_clear (memory);
  g_assert_false (bitmar_memory_tell (memory, episode));
  g_free (said);
  g_object_unref (episode);
  g_object_unref (memory);
  g_object_unref (encoder);
  g_object_unref (model);
}

/* What was said of a place is known after a restart too. */
static void
test_return_restored (void)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarMemory *memory = bitmar_memory_new (model, 0, 0.9999f, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  g_autofree char *path = g_strdup_printf ("%s/bitmar-said-%d", g_get_tmp_dir (), (int) getpid ());
  BitmarSaid said;

  look (model, encoder, 1, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 0, NULL));
  g_assert_true (bitmar_episode_set_caption (episode, "a red car", NULL));
  g_assert_true (bitmar_memory_tell (memory, episode));
  said = episode->caption;
  g_assert_true (bitmar_memory_save (memory, path, NULL));
  g_object_unref (memory);

  memory = bitmar_memory_new (model, 0, 0.9999f, NULL);
  g_assert_true (bitmar_memory_load (memory, path, NULL));
  look (model, encoder, 1, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 1, NULL));
  g_assert_cmpuint (said.n, >, 0);
  g_assert_cmpmem (episode->known.ids, episode->known.n * sizeof *said.ids, said.ids, said.n * sizeof *said.ids);
  g_remove (path);
  g_object_unref (episode);
  g_object_unref (memory);
  g_object_unref (encoder);
  g_object_unref (model);
}

/* A captioner that has said nothing yet says of a known place what was said there; of another it does not. */
static void
test_return (void)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarMemory *memory = bitmar_memory_new (model, 0, 0.9999f, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL), *copy = bitmar_episode_new (model, NULL);
  BitmarCaption caption;
  GBytes *bytes;

  model->decoder.cut = 2;
  model->decoder.hold = 1000;         /* random weights are sure of themselves */
  look (model, encoder, 1, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 0, NULL));
  g_assert_true (bitmar_episode_set_caption (episode, "a red car", NULL));
  g_assert_true (bitmar_memory_tell (memory, episode));

  look (model, encoder, 1, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 1, NULL));
  bytes = bitmar_episode_to_bytes (episode, NULL);           /* it travels between elements */
  g_assert_true (bitmar_episode_set_bytes (copy, bytes, NULL));
  g_assert_true (bitmar_captioner_caption (captioner, copy, NULL, &caption, NULL));
  g_assert_cmpstr (caption.text, ==, "a red car");
  g_assert_true (caption.finished);

  look (model, encoder, 2, episode);
  g_assert_true (bitmar_memory_observe (memory, episode, 2, NULL));
  g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &caption, NULL));
  g_assert_cmpstr (caption.text, !=, "a red car");

  look (model, encoder, 1, episode);
  bitmar_memory_clear (memory);
  g_assert_true (bitmar_memory_observe (memory, episode, 3, NULL));
  g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &caption, NULL));
  g_assert_cmpstr (caption.text, !=, "a red car");
  g_bytes_unref (bytes);
  g_object_unref (copy);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (memory);
  g_object_unref (encoder);
  g_object_unref (model);
}

static void
test_caption_refused (void)
{
  BitmarModel *model = load ();
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  GError *error = NULL;

  g_assert_false (bitmar_episode_set_caption (episode, "a man a man a man a man a man a man a man a man a man a man", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_clear_error (&error);
  g_assert_false (bitmar_episode_set_caption (episode, "\xff", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING);
  g_clear_error (&error);
  g_object_unref (episode);
  g_object_unref (model);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/streams/refused", test_refused);
  g_test_add_func ("/streams/cut", test_cut);
  g_test_add_func ("/streams/cancelled", test_cancelled);
  g_test_add_func ("/streams/hold", test_hold);
  g_test_add_func ("/streams/hold-in-window", test_hold_in_window);
  g_test_add_func ("/streams/tell", test_tell);
  g_test_add_func ("/streams/return", test_return);
  g_test_add_func ("/streams/return-restored", test_return_restored);
  g_test_add_func ("/streams/caption-refused", test_caption_refused);
  return g_test_run ();
}
