/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The stages: against goldens that models/train/reference.py wrote, and against slow versions of themselves that cache
 * nothing and take no short cut. */

#include <math.h>
#include <string.h>

#include "bottleneck.h"
#include "decoder.h"
#include "episode-private.h"
#include "fusion.h"
#include "text.h"
#include "vision.h"
#include "words.h"

static BitmarModel *
load_file (const char *name)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), name, NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  g_free (path);
  return model;
}

static BitmarModel *
load (void)
{
  return load_file ("tiny.gguf");
}

/* ---- Slow versions ------------------------------------------------------------------------------- */

/* Keys and values of everything that was ever said, per layer. */
typedef struct {
  BitmarModel *model;
  GArray *k[16], *v[16];       /* float [n, d] */
  GArray *sink_k[16], *sink_v[16];
  float *cond[16];             /* [d], NULL: none */
  guint64 position;
} Slow;

static void
apply (float *y, const BmkLinear *w, const float *x, BmkOutput out)
{
  int8_t *q = g_new (int8_t, w->k);
  BmkRow row;

  out.y = y;
  out.ldy = w->n;

  bmk_quantize (q, &row, x, w->k, 1, w->k);
  bmk_ternary_linear (&out, w, q, &row, 1);
  g_free (q);
}

static void
turn (BitmarModel *model, float *x, guint64 position, gsize heads)
{
  gsize hd = model->width / heads;
  float *c = g_new (float, hd), *s = c + hd / 2;

  for (gsize i = 0; i < hd / 2; i++) {
    double step = rint (4294967296.0 * pow (model->rope_base, -2.0 * (double) i / (double) hd) / (2 * G_PI));
    double phase = fmod ((double) (position % 65536) * step, 4294967296.0);
    c[i] = (float) cos (phase * (2 * G_PI / 4294967296.0));
    s[i] = (float) sin (phase * (2 * G_PI / 4294967296.0));
  }
  bmk_rotate (x, c, s, model->width, heads);
  g_free (c);
}

static gsize
entries (Slow *s)
{
  return s->k[0]->len / s->model->width;
}

/* x [d] through layer i at the slow stream's position. */
static void
slow_layer (Slow *s, gsize i, float *x)
{
  BitmarModel *m = s->model;
  const BitmarDecoderLayer *layer = &m->decoder.layers[i];
  gsize d = m->width, heads = m->decoder.heads, sinks = s->sink_k[i]->len / d, n, first;
  float *qkv = g_new (float, 4 * d), *far = qkv + 3 * d, *a = g_new (float, d), *scores;
  float *hidden = g_new (float, m->decoder.feed_forward);
  BmkSpan spans[2];

  for (gsize j = 0; s->cond[i] && j < d; j++)
    x[j] += s->cond[i][j];
  apply (qkv, &layer->qkv, x, (BmkOutput) { 0 });
  memcpy (far, qkv, d * sizeof (float));
  turn (m, qkv, s->position, heads);
  turn (m, far, MIN (s->position, (guint64) m->decoder.sinks + m->decoder.window - 1), heads);
  turn (m, qkv + d, s->position, heads);
  g_array_append_vals (s->k[i], qkv + d, d);
  g_array_append_vals (s->v[i], qkv + 2 * d, d);
  n = s->k[i]->len / d;
  first = n > m->decoder.window ? n - m->decoder.window : 0;
  scores = g_new (float, heads * (sinks + n));
  spans[0] = (BmkSpan) { (float *) s->sink_k[i]->data, (float *) s->sink_v[i]->data, sinks, true };
  spans[1] = (BmkSpan) { (float *) s->k[i]->data + first * d, (float *) s->v[i]->data + first * d, n - first, false };
  bmk_attend (a, qkv, far, sinks ? spans : spans + 1, sinks ? 2 : 1, d, heads, scores);
  apply (x, &layer->out, a, (BmkOutput) { .add = true });
  apply (hidden, &layer->up, x, (BmkOutput) { .activation = BMK_RELU_SQUARED });
  apply (x, &layer->down, hidden, (BmkOutput) { .add = true });
  g_free (qkv);
  g_free (a);
  g_free (hidden);
  g_free (scores);
}

static void
slow_init (Slow *s, BitmarModel *model)
{
  gsize d = model->width;
  float *x = g_new (float, d);
  guint window = model->decoder.window;

  memset (s, 0, sizeof *s);
  s->model = model;
  g_assert_cmpuint (model->decoder.n_layers, <=, 16);
  for (gsize i = 0; i < model->decoder.n_layers; i++) {
    s->k[i] = g_array_new (FALSE, FALSE, sizeof (float));
    s->v[i] = g_array_new (FALSE, FALSE, sizeof (float));
    s->sink_k[i] = g_array_new (FALSE, FALSE, sizeof (float));
    s->sink_v[i] = g_array_new (FALSE, FALSE, sizeof (float));
  }
  model->decoder.window = 1000;
  for (; s->position < model->decoder.sinks; s->position++) {
    memcpy (x, model->sinks + s->position * d, d * sizeof (float));
    for (gsize i = 0; i < model->decoder.n_layers; i++)
      slow_layer (s, i, x);
  }
  model->decoder.window = window;
  for (gsize i = 0; i < model->decoder.n_layers; i++) {
    GArray *swap = s->sink_k[i];
    s->sink_k[i] = s->k[i];
    s->k[i] = swap;
    swap = s->sink_v[i];
    s->sink_v[i] = s->v[i];
    s->v[i] = swap;
    s->cond[i] = g_new (float, d);
  }
  g_free (x);
}

static void
slow_clear (Slow *s)
{
  for (gsize i = 0; i < s->model->decoder.n_layers; i++) {
    g_array_unref (s->k[i]);
    g_array_unref (s->v[i]);
    g_array_unref (s->sink_k[i]);
    g_array_unref (s->sink_v[i]);
    g_free (s->cond[i]);
  }
}

static void
slow_frame (Slow *s, const int8_t *codes, const BmkRow *v_rows, const float *content, const float *recalled)
{
  BitmarModel *m = s->model;
  gsize d = m->width, c = m->memory_width;
  float *kv = g_new (float, 2 * d), *context = g_new (float, 2 * c);

  memcpy (context, content, c * sizeof (float));
  memcpy (context + c, recalled, c * sizeof (float));
  for (gsize i = 0; i < m->decoder.n_layers; i++) {
    apply (s->cond[i], &m->decoder.layers[i].cond, context, (BmkOutput) { 0 });
    for (gsize p = 0; p < m->vision.tokens; p++) {
      bmk_ternary_linear (&(BmkOutput) { .y = kv, .ldy = 2 * d }, &m->decoder.layers[i].frame_kv, codes + p * d, v_rows + p,
          1);
      turn (m, kv, s->position, m->decoder.heads);
      g_array_append_vals (s->k[i], kv, d);
      g_array_append_vals (s->v[i], kv + d, d);
    }
  }
  s->position++;
  g_free (kv);
  g_free (context);
}

/* Says n tokens; what follows the last. */
static void
slow_say (Slow *s, const gint32 *tokens, gsize n, float *logits)
{
  BitmarModel *m = s->model;
  float *x = g_new (float, m->width);
  BmkRow row;
  int8_t *q = g_new (int8_t, m->width);

  for (gsize t = 0; t < n; t++, s->position++) {
    bitmar_model_embedding (m, tokens[t], x);
    for (gsize i = 0; i < m->decoder.n_layers; i++)
      slow_layer (s, i, x);
  }
  bmk_quantize (q, &row, x, m->width, 1, m->width);
  bmk_int8_linear (&(BmkOutput) { .y = logits, .ldy = m->head.n }, &m->head, q, &row, 1);
  g_free (x);
  g_free (q);
}

static void
slow_forget (Slow *s, gsize n)
{
  for (gsize i = 0; i < s->model->decoder.n_layers; i++) {
    g_array_set_size (s->k[i], s->k[i]->len - n * s->model->width);
    g_array_set_size (s->v[i], s->v[i]->len - n * s->model->width);
  }
  s->position -= n;
}

/* ---- Decoder ------------------------------------------------------------------------------------- */

#define BEAMS 3
#define DEPTH 9

static void
make_frame (BitmarModel *model, GRand *rand, int8_t *codes, BmkRow *v_rows, float *context)
{
  gsize p = model->vision.tokens, d = model->width;

  for (gsize i = 0; i < p * d; i++)
    codes[i] = (int8_t) g_rand_int_range (rand, -127, 128);
  bmk_describe (v_rows, codes, p, d);
  for (gsize i = 0; i < 2 * model->memory_width; i++)
    context[i] = (float) g_rand_double_range (rand, -1, 1);
}

static void
say_something (BitmarDecoder *decoder, Slow *slow, GRand *rand)
{
  BitmarModel *model = slow->model;
  gsize v = model->head.n;
  float *logits = g_new (float, BEAMS * v), *want = g_new (float, v);
  gint32 said[BEAMS][DEPTH];
  guint8 rows[BEAMS][DEPTH] = { { 0 } };
  gsize keep = (gsize) g_rand_int_range (rand, 1, DEPTH + 1), chosen = 0;

  for (gsize depth = 0; depth < DEPTH; depth++) {
    BitmarDecoderBeam beams[BEAMS];
    gint32 old_said[BEAMS][DEPTH];
    guint8 old_rows[BEAMS][DEPTH];

    memcpy (old_said, said, sizeof said);
    memcpy (old_rows, rows, sizeof rows);
    for (guint8 b = 0; b < BEAMS; b++) {
      gsize parent = (gsize) g_rand_int_range (rand, 0, BEAMS);
      memcpy (said[b], old_said[parent], sizeof said[b]);
      memcpy (rows[b], old_rows[parent], sizeof rows[b]);
      said[b][depth] = g_rand_int_range (rand, 0, (gint32) v);
      beams[b] = (BitmarDecoderBeam) { .token = said[b][depth], .rows = rows[b] };
    }
    bitmar_decoder_step (decoder, beams, BEAMS, depth, &(BitmarScores) { .logits = logits });
    for (guint8 b = 0; b < BEAMS; b++) {
      rows[b][depth] = b;
      slow_say (slow, said[b], depth + 1, want);
      slow_forget (slow, depth + 1);
      g_assert_cmpmem (want, v * sizeof (float), logits + b * v, v * sizeof (float));
    }
  }
  chosen = (gsize) g_rand_int_range (rand, 0, BEAMS);
  bitmar_kvcache_keep (&decoder->cache, rows[chosen], keep);
  slow_say (slow, said[chosen], keep, want);
  g_assert_cmpuint (decoder->cache.position, ==, slow->position);
  g_free (logits);
  g_free (want);
}

/* Frames and captions one after another; the window holds some of the past, or not even one frame. */
static void
stream_with (guint window, guint history)
{
  BitmarModel *model = load ();
  gsize p = model->vision.tokens, d = model->width, c = model->memory_width;
  int8_t *codes = g_new (int8_t, p * d);
  BmkRow *v_rows = g_new (BmkRow, p);
  float *context = g_new (float, 2 * c);
  GRand *rand = g_rand_new_with_seed (window + history);
  guint old_window = model->decoder.window, old_history = model->decoder.history;
  BitmarDecoder decoder;
  Slow slow;

  model->decoder.window = window;
  model->decoder.history = history;
  slow_init (&slow, model);
  g_assert_true (bitmar_decoder_init (&decoder, model, BEAMS, DEPTH));
  for (gsize frame = 0; frame < 6; frame++) {
    make_frame (model, rand, codes, v_rows, context);
    if (history == 0) {
      slow_forget (&slow, entries (&slow));
      slow.position = model->decoder.sinks;
    }
    slow_frame (&slow, codes, v_rows, context, context + c);
    bitmar_decoder_frame (&decoder, codes, v_rows, context, context + c);
    say_something (&decoder, &slow, rand);
  }
  bitmar_decoder_clear (&decoder);
  slow_clear (&slow);
  model->decoder.window = old_window;
  model->decoder.history = old_history;
  g_rand_free (rand);
  g_free (codes);
  g_free (v_rows);
  g_free (context);
  g_object_unref (model);
}

static void
test_stream (void)
{
  BitmarModel *model = load ();
  guint p = model->vision.tokens;

  g_object_unref (model);
  stream_with (1000, 0);
  stream_with (1000, 1);
  stream_with (3 * p + 5, 1);
  stream_with (p + 4, 1);
  stream_with (p + 4, 0);
  stream_with (p - 1, 1);
  stream_with (p - 1, 0);
  stream_with (2, 1);
}

/* The likeliest allowed token, again and again; leaves the caption in the slow stream as the captioner does. */
static float
slow_greedy (Slow *s, gint32 *ids, gsize *n, gboolean *finished)
{
  BitmarModel *m = s->model;
  gsize v = m->head.n, tokens;
  float *z = g_new (float, v), score = 0;
  gint32 said[300] = { m->bos };

  *n = 0;
  *finished = FALSE;
  while (*n < m->decoder.max_tokens && !*finished) {
    gint32 best = -1;

    slow_say (s, said + *n, 1, z);
    for (gint32 i = 0; i < (gint32) v; i++) {
      gboolean end = *n > 0 && !m->no_end[said[*n]];
      if (i == m->pad || i == m->bos || i == m->cls || (i == m->eos && !end) || (*n > 0 && i == said[*n]))
        continue;
      if (best < 0 || z[i] > z[best])
        best = i;
    }
    score += z[best] - bmk_log_sum_exp (z, v);
    if (best == m->eos)
      *finished = TRUE;
    else
      said[++*n] = best;
  }
  slow_forget (s, *finished ? *n + 1 : *n);
  tokens = *n + (*finished ? 1 : 0);
  while (!*finished && *n > 0 && m->no_end[said[*n]])
    --*n;
  said[*n + 1] = m->eos;
  slow_say (s, said, 1 + *n + (*finished ? 1 : 0), z);
  memcpy (ids, said + 1, *n * sizeof *ids);
  g_free (z);
  return bmk_exp (score / (float) tokens);
}

/* exp (mean log-probability) of a caption of a look that has no past. */
static float
slow_alone (BitmarModel *model, const BitmarEpisode *episode, const gint32 *ids, gsize n, gboolean finished)
{
  float *z = g_new (float, model->head.n), *zeros = g_new0 (float, model->memory_width), score = 0;
  gsize tokens = n + (finished ? 1 : 0);
  Slow slow;

  slow_init (&slow, model);
  slow_frame (&slow, episode->v_codes, episode->v_rows, episode->content, zeros);
  for (gsize i = 0; i < tokens; i++) {
    gint32 before = i ? ids[i - 1] : model->bos;

    slow_say (&slow, &before, 1, z);
    score += z[i < n ? ids[i] : model->eos] - bmk_log_sum_exp (z, model->head.n);
  }
  slow_clear (&slow);
  g_free (zeros);
  g_free (z);
  return tokens ? bmk_exp (score / (float) tokens) : 1;
}

/* Makes eos likelier: its logits are so many times larger, whatever their sign. */
static void
shout_eos (BitmarModel *model, float times)
{
  ((float *) model->head.scale)[model->eos] *= times;
}

/* With history, a caption stays in the window of the next. Returns how many were finished. */
static gsize
captions_with (guint window, guint max_tokens)
{
  BitmarModel *model = load ();
  gsize c = model->memory_width;
  guint old_window = model->decoder.window, old_max = model->decoder.max_tokens;
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  BitmarCaptionParams params = { .beam_size = 1, .length_penalty = -1 };
  float *context = g_new (float, 2 * c);
  GRand *rand = g_rand_new_with_seed (window);
  gint32 no_end = 0;
  gsize ended = 0;
  BitmarCaptioner *captioner;
  Slow slow;

  shout_eos (model, 4);
  model->decoder.window = window;
  model->decoder.max_tokens = max_tokens;
  model->decoder.history = 1;
  slow_init (&slow, model);
  captioner = bitmar_captioner_new (model, NULL);
  for (gsize frame = 0; frame < 12; frame++) {
    BitmarCaption caption;
    gint32 ids[256];
    gboolean finished;
    gsize n;
    float confidence;

    make_frame (model, rand, episode->v_codes, episode->v_rows, context);
    memcpy (episode->content, context, c * sizeof (float));
    memcpy (episode->recalled, context + c, c * sizeof (float));
    slow_frame (&slow, episode->v_codes, episode->v_rows, episode->content, episode->recalled);
    g_assert_true (bitmar_captioner_caption (captioner, episode, &params, &caption, NULL));
    slow_greedy (&slow, ids, &n, &finished);
    confidence = CLAMP (slow_alone (model, episode, ids, n, finished), 1e-6f, 1 - 1e-6f);
    g_assert_cmpmem (ids, n * 4, caption.ids, caption.tokens * 4);
    g_assert_cmpint (finished, ==, caption.finished);
    confidence = 1 / (1 + expf (-(logf (confidence / (1 - confidence)) / model->confidence.temperature + model->confidence.bias)));
    /* the head adds up its log sum exp in runs */
    g_assert_cmpfloat_with_epsilon (confidence, caption.confidence, 1e-5f * confidence);
    ended += finished;
    /* for the next: some unfinished caption ends on a token that must be taken off */
    if (!finished && n > 0 && !no_end)
      model->no_end[no_end = ids[n - 1]] = 1;
  }
  model->no_end[no_end] = 0;
  shout_eos (model, 0.25f);
  model->decoder.window = old_window;
  model->decoder.max_tokens = old_max;
  model->decoder.history = 0;
  slow_clear (&slow);
  g_rand_free (rand);
  g_free (context);
  g_object_unref (captioner);
  g_object_unref (episode);
  g_object_unref (model);
  return ended;
}

static void
test_history (void)
{
  gsize ended = captions_with (1000, 12) + captions_with (60, 12) + captions_with (8, 4);

  g_assert_cmpuint (ended, >, 5);
  g_assert_cmpuint (captions_with (1000, 2) + captions_with (37, 3), <, 20);
}

static void
test_sinks (void)
{
  BitmarModel *model = load ();
  gsize n = (gsize) model->decoder.sinks * model->width;
  Slow slow;

  slow_init (&slow, model);
  for (gsize i = 0; i < model->decoder.n_layers; i++) {
    g_assert_cmpmem (slow.sink_k[i]->data, slow.sink_k[i]->len * 4, model->sink_k + i * n, n * 4);
    g_assert_cmpmem (slow.sink_v[i]->data, slow.sink_v[i]->len * 4, model->sink_v + i * n, n * 4);
  }
  slow_clear (&slow);
  g_object_unref (model);
}

/* ---- Text ---------------------------------------------------------------------------------------- */

/* All rows through all layers. x: [n, d] */
static void
slow_text (BitmarModel *model, const gint32 *ids, gsize n, float *x)
{
  gsize d = model->width, heads = model->text.heads;
  float *q = g_new (float, n * d), *k = g_new (float, n * d), *v = g_new (float, n * d), *a = g_new (float, d);
  float *qkv = g_new (float, 3 * d), *hidden = g_new (float, model->text.feed_forward);
  float *scores = g_new (float, heads * n);
  BmkSpan span = { k, v, n, false };

  for (gsize i = 0; i < n; i++)
    bitmar_model_embedding (model, ids[i], x + i * d);
  for (gsize l = 0; l < model->text.n_layers; l++) {
    const BitmarTextLayer *layer = &model->text.layers[l];

    for (gsize i = 0; i < n; i++) {
      apply (qkv, &layer->qkv, x + i * d, (BmkOutput) { 0 });
      turn (model, qkv, i, heads);
      turn (model, qkv + d, i, heads);
      memcpy (q + i * d, qkv, d * 4);
      memcpy (k + i * d, qkv + d, d * 4);
      memcpy (v + i * d, qkv + 2 * d, d * 4);
    }
    for (gsize i = 0; i < n; i++) {
      bmk_attend (a, q + i * d, q + i * d, &span, 1, d, heads, scores);
      apply (x + i * d, &layer->out, a, (BmkOutput) { .add = true });
      apply (hidden, &layer->up, x + i * d, (BmkOutput) { .activation = BMK_RELU_SQUARED });
      apply (x + i * d, &layer->down, hidden, (BmkOutput) { .add = true });
    }
  }
  g_free (q);
  g_free (k);
  g_free (v);
  g_free (a);
  g_free (qkv);
  g_free (hidden);
  g_free (scores);
}

static void
test_text (void)
{
  BitmarModel *model = load ();
  gsize context = model->text.context, d = model->width;
  gint32 *ids = g_new (gint32, context);
  float *first = g_new (float, d), *all = g_new (float, context * d);
  GRand *rand = g_rand_new_with_seed (3);

  for (gsize n = 1; n <= context; n++) {
    for (gsize room = n; room <= context; room += context - n + (n == context)) {
      BitmarText text;

      for (gsize i = 0; i < n; i++)
        ids[i] = g_rand_int_range (rand, 0, (gint32) model->vocabulary);
      g_assert_true (bitmar_text_init (&text, model, room));
      bitmar_text_run (&text, ids, n, first);
      slow_text (model, ids, n, all);
      g_assert_cmpmem (first, d * 4, all, d * 4);
      bitmar_text_clear (&text);
    }
  }
  g_rand_free (rand);
  g_free (ids);
  g_free (first);
  g_free (all);
  g_object_unref (model);
}

/* ---- Goldens ------------------------------------------------------------------------------------- */

static void *
golden (const char *folder, const char *name, gsize size)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), folder, name, NULL);
  GError *error = NULL;
  char *data;
  gsize length;

  g_file_get_contents (path, &data, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (length, ==, size);
  g_free (path);
  return data;
}

/* Within `bound` of the golden's largest value. */
static void
assert_near (const char *folder, const char *name, const float *got, gsize n, float bound)
{
  float *want = golden (folder, name, n * sizeof (float)), largest = 0, worst = 0;

  for (gsize i = 0; i < n; i++) {
    largest = MAX (largest, fabsf (want[i]));
    worst = MAX (worst, fabsf (want[i] - got[i]));
  }
  g_test_message ("%s: %g", name, worst / largest);
  g_assert_cmpfloat (worst, <=, bound * largest);
  g_free (want);
}

static void
assert_codes (const char *folder, const char *name, const int8_t *got, gsize n)
{
  int8_t *want = golden (folder, name, n);

  for (gsize i = 0; i < n; i++)
    g_assert_cmpint (ABS (want[i] - got[i]), <=, 1);
  g_free (want);
}

static void
first_of (BitmarModel *model, const char *prompt, float *first)
{
  gint32 *ids = g_new (gint32, model->text.context);
  GError *error = NULL;
  BitmarText text;
  gsize n = 1;

  ids[0] = model->cls;
  g_assert_true (bitmar_model_encode_prompt (model, prompt, ids, &n, &error));
  g_assert_true (bitmar_text_init (&text, model, n));
  bitmar_text_run (&text, ids, n, first);
  bitmar_text_clear (&text);
  g_free (ids);
}

static void
check_words (BitmarModel *model, const char *folder, const guint8 *features)
{
  int8_t *hint = g_new (int8_t, model->words.hidden.n);
  float *expected = g_new (float, model->vocabulary);
  BitmarWords words;

  g_assert_true (bitmar_words_init (&words, model));
  bitmar_words_hint (&words, features, hint);
  bitmar_words_expect (model, hint, expected, NULL, 0, NULL);
  assert_near (folder, "words.f32", expected, model->vocabulary, 5e-3f);
  bitmar_words_clear (&words);
  g_free (expected);
  g_free (hint);
}

static void
check_vision (BitmarModel *model, const char *folder, int8_t *codes, BmkRow *v_rows)
{
  float *inv;
  gsize p = model->vision.tokens, size = model->vision.size, n = bitmar_vision_features_size (model);
  gboolean has_codes = model->vision.backbone->has_codes;
  guint8 *rgb = golden (folder, "image.rgb", size * size * 3);
  guint8 *want = golden (folder, has_codes ? "features.i8" : "features.u8", n), *features = g_malloc (n);
  BitmarBottleneck bottleneck;
  BitmarVision vision;

  g_assert_true (bitmar_vision_init (&vision, model));
  g_assert_true (bitmar_bottleneck_init (&bottleneck, model));
  bitmar_vision_run (&vision, rgb, features);
  if (has_codes)
    assert_codes (folder, "features.i8", (int8_t *) features, n);
  else
    g_assert_cmpmem (want, n, features, n);
  bitmar_bottleneck_run (&bottleneck, want, codes, v_rows);
  assert_codes (folder, "v_codes.i8", codes, p * model->width);
  inv = g_new (float, p);
  for (gsize i = 0; i < p; i++)
    inv[i] = v_rows[i].inv;
  assert_near (folder, "v_inv.f32", inv, p, 1e-3f);
  if (bitmar_words_has (model))
    check_words (model, folder, want);
  g_free (inv);
  bitmar_vision_clear (&vision);
  bitmar_bottleneck_clear (&bottleneck);
  g_free (rgb);
  g_free (want);
  g_free (features);
}

static void
check_logits (BitmarModel *model, const char *folder, const int8_t *codes, const BmkRow *v_rows, const float *content)
{
  float *logits = g_new (float, model->head.n), *recalled = g_new0 (float, model->memory_width);
  guint8 rows[1] = { 0 };
  BitmarDecoderBeam beam = { .token = model->bos, .rows = rows };
  BitmarDecoder decoder;

  g_assert_true (bitmar_decoder_init (&decoder, model, 1, 1));
  bitmar_decoder_frame (&decoder, codes, v_rows, content, recalled);
  bitmar_decoder_step (&decoder, &beam, 1, 0, &(BitmarScores) { .logits = logits });
  assert_near (folder, "logits.f32", logits, model->head.n, 1e-2f);
  bitmar_decoder_clear (&decoder);
  g_free (logits);
  g_free (recalled);
}

/* The whole way: picture to ids. */
static void
check_caption (BitmarModel *model, const char *folder, const char *prompt)
{
  gsize size = model->vision.size;
  guint8 *rgb = golden (folder, "image.rgb", size * size * 3);
  BitmarImage image = { .format = BITMAR_FORMAT_RGB, .width = size, .height = size, .planes = { rgb },
    .strides = { (gint) size * 3 } };
  BitmarEncoder *encoder = bitmar_encoder_new (model, NULL);
  BitmarCaptioner *captioner = bitmar_captioner_new (model, NULL);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);
  BitmarCaption caption;
  gint32 *want;

  g_assert_true (bitmar_encoder_encode (encoder, &image, episode, NULL));
  g_assert_true (bitmar_captioner_set_prompt (captioner, prompt, NULL));
  g_assert_true (bitmar_captioner_caption (captioner, episode, NULL, &caption, NULL));
  want = golden (folder, "ids.i32", caption.tokens * sizeof *want);
  g_assert_cmpmem (want, caption.tokens * sizeof *want, caption.ids, caption.tokens * sizeof *want);
  g_object_unref (episode);
  g_object_unref (captioner);
  g_object_unref (encoder);
  g_free (want);
  g_free (rgb);
}

static char *
golden_text (BitmarModel *model, const char *folder)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), folder, "prompt.txt", NULL), *prompt;
  char *id = golden (folder, "model.txt", 64);

  if (strncmp (id, bitmar_model_get_id (model), 64) != 0)
    g_error ("the goldens are another model's: run tests/files/make-goldens.py");
  g_assert_true (g_file_get_contents (path, &prompt, NULL, NULL));
  g_free (path);
  g_free (id);
  return prompt;
}

static void
test_golden (gconstpointer data)
{
  const char *folder = data;
  gboolean early = g_str_equal (folder, "golden-early") || g_str_equal (folder, "golden-words");
  BitmarModel *model = load_file (g_str_equal (folder, "golden-dinov2") ? "tiny-dinov2.gguf" : early ? "tiny-early.gguf" : "tiny.gguf");
  char *prompt = golden_text (model, folder);
  gsize c = model->memory_width, p = model->vision.tokens, d = model->width;
  int8_t *codes = g_new (int8_t, p * d);
  BmkRow *v_rows = g_new (BmkRow, p);
  float *first = g_new (float, d), *key = g_new (float, c), *content = g_new (float, c);
  BitmarFusion fusion;

  check_vision (model, folder, codes, v_rows);
  g_assert_true (bitmar_fusion_init (&fusion, model));
  first_of (model, "", first);
  bitmar_fusion_run (&fusion, first, codes, v_rows, key, content);
  first_of (model, prompt, first);
  bitmar_fusion_run (&fusion, first, codes, v_rows, NULL, content);
  assert_near (folder, "key.f32", key, c, 5e-3f);
  assert_near (folder, "content.f32", content, c, 5e-3f);
  g_assert_true (bitmar_model_embed (model, prompt, key, NULL));
  assert_near (folder, "text.f32", key, c, 5e-3f);
  check_logits (model, folder, codes, v_rows, content);
  check_caption (model, folder, prompt);
  bitmar_fusion_clear (&fusion);
  g_free (prompt);
  g_free (codes);
  g_free (v_rows);
  g_free (first);
  g_free (key);
  g_free (content);
  g_object_unref (model);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/stages/sinks", test_sinks);
  g_test_add_func ("/stages/stream", test_stream);
  g_test_add_func ("/stages/history", test_history);
  g_test_add_func ("/stages/text", test_text);
  g_test_add_data_func ("/stages/golden", "golden", test_golden);
  g_test_add_data_func ("/stages/golden-early", "golden-early", test_golden);
  g_test_add_data_func ("/stages/golden-words", "golden-words", test_golden);
  g_test_add_data_func ("/stages/golden-prompt", "golden-prompt", test_golden);
  g_test_add_data_func ("/stages/golden-dinov2", "golden-dinov2", test_golden);
  return g_test_run ();
}
