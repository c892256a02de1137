/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Beam search and sampling over made-up logits, held against a search that sorts everything. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"
#include "sampler.h"

#define V 40
#define PAD 0
#define BOS 1
#define EOS 2
#define CLS 3

typedef struct {
  guint32 seed;
  gsize levels;                        /* logits take this many values: few of them make ties */
  float eos_bias;
  gsize steps, stop_after;
  gint32 fed[BITMAR_MAX_BEAMS][BITMAR_MAX_TOKENS + 2];  /* by row and depth: what a KV cache would hold */
} Language;

static guint8 no_end[V];

static guint32
mix (guint32 x)
{
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

/* The logits after a prefix: a function of nothing but the prefix. */
static void
speak (const Language *l, const gint32 *ids, gsize n, float *z)
{
  guint32 h = mix (l->seed);

  for (gsize i = 0; i < n; i++)
    h = mix (h * 31 + ids[i] + 1);
  for (gsize i = 0; i < V; i++)
    z[i] = (float) (mix (h + i * 977) % l->levels) * (6.0f / l->levels);
  z[EOS] += l->eos_bias;
  z[PAD] = z[BOS] = z[CLS] = 9;        /* only the ban keeps them out */
}

/* What was fed along a beam's rows must be its own past. */
static int
by_logit (const void *a, const void *b)
{
  const BmkBest *x = a, *y = b;

  if (x->value != y->value)
    return x->value > y->value ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/* What the decoder's head would say of beam b. */
static void
speak_best (const Language *l, const BitmarHypothesis *h, const BitmarScores *scores, gsize b)
{
  float z[V];
  BmkBest all[V];

  speak (l, h->ids, h->len, z);
  for (gsize i = 0; i < V; i++)
    all[i] = (BmkBest) { z[i], (guint32) i };
  qsort (all, V, sizeof *all, by_logit);
  g_assert_cmpuint (scores->count, <=, V);
  memcpy (scores->best + b * scores->count, all, scores->count * sizeof *all);
  scores->log_sum[b] = bmk_log_sum_exp (z, V);
}

static gboolean
step (gpointer data, const BitmarHypothesis *live, gsize n, const BitmarScores *scores)
{
  Language *l = data;

  for (gsize b = 0; b < n; b++) {
    g_assert_cmpuint (live[b].fed, ==, live[b].len);
    g_assert_cmpuint (live[b].len, ==, l->steps);
    for (gsize t = 0; t < live[b].len; t++)
      g_assert_cmpint (l->fed[live[b].rows[t]][t], ==, t ? live[b].ids[t - 1] : BOS);
  }
  for (gsize b = 0; b < n; b++) {
    l->fed[b][l->steps] = l->steps ? live[b].ids[l->steps - 1] : BOS;
    if (scores->logits)
      speak (l, live[b].ids, live[b].len, scores->logits + b * V);
    else
      speak_best (l, &live[b], scores, b);
  }
  return ++l->steps != l->stop_after;
}

/* ---- The search that sorts everything ------------------------------------------------------------ */

typedef struct {
  gint32 ids[64];
  gsize len;
  float score, penalties;
} Beam;

typedef struct {
  float score, penalty;
  gsize beam;
  gint32 id;
} Choice;

static int
by_rank (const void *a, const void *b)
{
  const Choice *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->beam != y->beam ? (int) x->beam - (int) y->beam : x->id - y->id;
}

static float
naive_penalty (const gint32 *ids, gsize n, gint32 id, float penalty)
{
  gboolean said = FALSE;

  for (gsize i = 0; i < n; i++)
    said = said || ids[i] == id;
  return said && id != EOS && !no_end[id] ? penalty : 0;
}

static gsize
all_choices (const Language *l, const Beam *live, gsize n, float repetition, Choice *choices)
{
  gsize count = 0;

  for (gsize b = 0; b < n; b++) {
    float z[V], sum;

    speak (l, live[b].ids, live[b].len, z);
    sum = bmk_log_sum_exp (z, V);
    for (gint32 i = 0; i < V; i++) {
      gboolean end = live[b].len > 0 && !no_end[live[b].ids[live[b].len - 1]];
      gboolean again = live[b].len > 0 && live[b].ids[live[b].len - 1] == i;
      if (i == PAD || i == BOS || i == CLS || (i == EOS && !end) || again)
        continue;
      float penalty = naive_penalty (live[b].ids, live[b].len, i, repetition);
      choices[count++] = (Choice) { live[b].score + (z[i] - sum) - penalty, penalty, b, i };
    }
  }
  qsort (choices, count, sizeof *choices, by_rank);
  return count;
}

/* The cosine of a caption's words, each once, and those expected. */
static float
naive_fit (const BitmarExpectation *e, const gint32 *ids, gsize n)
{
  gboolean said[V] = { FALSE };
  float sum = 0, square = 0;

  for (gsize i = 0; i < n; i++)
    said[ids[i]] = TRUE;
  for (gsize i = 0; e->expected && i < V; i++) {
    sum += said[i] ? e->expected[i] : 0;
    square += said[i] ? e->square[i] : 0;
  }
  return square > 0 ? sum / sqrtf (square) : 0;
}

static float
naive_score (const BitmarSamplerParams *p, float score, gsize len, const Beam *beam)
{
  return score / (float) pow (len, p->length_penalty) + p->expectation.weight * naive_fit (&p->expectation, beam->ids, beam->len);
}

static gboolean
naive_search (const Language *l, const BitmarSamplerParams *p, Beam *best, float *mean)
{
  gsize width = p->beam_size, limit = p->max_tokens;
  Beam live[BITMAR_MAX_BEAMS] = { { .len = 0 } }, grown[BITMAR_MAX_BEAMS];
  static Choice choices[BITMAR_MAX_BEAMS * V];
  gsize n = 1, done = 0;
  float top = 0;

  for (gsize t = 0; t < limit && done < width; t++) {
    gsize count = MIN (all_choices (l, live, n, p->repetition_penalty, choices), 2 * width), next = 0;

    for (gsize rank = 0; rank < count; rank++) {
      const Choice *c = &choices[rank];
      Beam beam = live[c->beam];
      beam.score = c->score;
      beam.penalties += c->penalty;
      if (c->id != EOS && next < width) {
        beam.ids[beam.len++] = c->id;
        grown[next++] = beam;
      } else if (c->id == EOS && rank < width) {
        float score = naive_score (p, c->score, beam.len + 1, &beam);
        if (done++ == 0 || score > top) {
          top = score;
          *best = beam;
          *mean = (c->score + beam.penalties) / (beam.len + 1);
        }
      }
    }
    memcpy (live, grown, sizeof live);
    n = next;
  }
  if (done)
    return TRUE;
  for (gsize b = 0; b < n; b++) {
    float score = naive_score (p, live[b].score, live[b].len, &live[b]);
    if (b == 0 || score > top) {
      top = score;
      *best = live[b];
    }
  }
  *mean = (best->score + best->penalties) / best->len;
  while (best->len && no_end[best->ids[best->len - 1]])
    best->len--;
  return FALSE;
}

static BitmarSampler *
new_sampler (void)
{
  BitmarSamplerVocabulary vocabulary = { .size = V, .pad = PAD, .bos = BOS, .eos = EOS, .cls = CLS,
    .no_end = no_end };

  for (gsize i = 0; i < V; i++)
    no_end[i] = i > CLS && i % 5 == 0;
  return bitmar_sampler_new (&vocabulary);
}

/* What a picture leads to expect: eighths, whose sums are exact. */
static void
expect_words (guint32 seed, float *expected, float *square)
{
  for (gsize i = 0; i < V; i++) {
    expected[i] = (float) (mix (seed + 31 * i) % 8) / 8;
    square[i] = (float) (mix (seed + 57 * i) % 4);
  }
}

static void
test_beam (void)
{
  BitmarSampler *sampler = new_sampler ();
  float expected[V], square[V];
  gsize finished = 0, unfinished = 0;

  for (guint32 seed = 0; seed < 3000; seed++) {
    Language l = { .seed = seed, .levels = seed % 3 ? 1000 : 2 + seed % 4,
      .eos_bias = (float) (seed % 7) - 2 };
    BitmarSamplerParams p = { .beam_size = 1 + seed % 8, .max_tokens = 1 + seed % 11,
      .length_penalty = 0.5f * (seed % 4), .repetition_penalty = 0.75f * (seed % 5), .top_p = 1 };
    const BitmarHypothesis *got;
    float mean, naive_mean = 0;
    Beam want = { .len = 0 };
    gboolean ended;

    expect_words (seed, expected, square);
    if (seed % 2)
      p.expectation = (BitmarExpectation) { expected, square, 0.5f * (seed % 5) };
    ended = naive_search (&l, &p, &want, &naive_mean);

    got = bitmar_sampler_run (sampler, &p, step, &l, &mean);
    g_assert_nonnull (got);
    g_assert_cmpint (got->finished, ==, ended);
    g_assert_cmpmem (got->ids, got->len * 4, want.ids, want.len * 4);
    g_assert_cmpfloat (mean, ==, naive_mean);
    for (gsize t = 0; t < MIN (got->fed, got->len + 1); t++)
      g_assert_cmpint (l.fed[got->rows[t]][t], ==, t ? got->ids[t - 1] : BOS);
    finished += ended;
    unfinished += !ended;
  }
  g_assert_cmpuint (finished, >, 300);
  g_assert_cmpuint (unfinished, >, 300);
  bitmar_sampler_free (sampler);
}

/* Of captions that are as likely, the one that has what is expected is said; with a weight of 0 it is as if nothing were. */
static void
test_expected (void)
{
  BitmarSampler *sampler = new_sampler ();
  float expected[V] = { 0 }, square[V];
  gsize changed = 0;

  for (gsize i = 0; i < V; i++)
    square[i] = 1;
  for (guint32 seed = 0; seed < 300; seed++) {
    Language l = { .seed = seed, .levels = 1000, .eos_bias = 2 };
    BitmarSamplerParams p = { .beam_size = 5, .max_tokens = 8, .length_penalty = 0.7f, .top_p = 1 };
    BitmarHypothesis plain, none, with;
    float mean;

    plain = *bitmar_sampler_run (sampler, &p, step, &l, &mean);
    memset (expected, 0, sizeof expected);
    expected[7 + seed % 20] = 1;
    p.expectation = (BitmarExpectation) { expected, square, 0 };
    l.steps = 0;
    none = *bitmar_sampler_run (sampler, &p, step, &l, &mean);
    p.expectation.weight = 100;
    l.steps = 0;
    with = *bitmar_sampler_run (sampler, &p, step, &l, &mean);
    g_assert_cmpmem (plain.ids, plain.len * 4, none.ids, none.len * 4);
    g_assert_cmpfloat (bitmar_expectation_fit (&p.expectation, with.ids, with.len), >=, bitmar_expectation_fit (&p.expectation, plain.ids, plain.len));
    changed += with.len != plain.len || memcmp (with.ids, plain.ids, plain.len * 4) != 0;
  }
  g_assert_cmpuint (changed, >, 10);
  bitmar_sampler_free (sampler);
}

/* A word said twice counts once; without words, or without a table, nothing fits. */
static void
test_fit (void)
{
  float expected[V] = { 0 }, square[V] = { 0 };
  BitmarExpectation e = { expected, square, 1 }, nothing = { NULL, NULL, 1 };
  const gint32 ids[] = { 10, 11, 10, 12, 11 };

  expected[10] = 0.5f;
  expected[12] = 0.25f;
  square[10] = 4;
  square[11] = 5;
  square[12] = 16;
  g_assert_cmpfloat (bitmar_expectation_fit (&e, ids, 1), ==, 0.25f);
  g_assert_cmpfloat_with_epsilon (bitmar_expectation_fit (&e, ids, 5), 0.75 / 5, 1e-6);
  g_assert_cmpfloat (bitmar_expectation_fit (&e, ids, 0), ==, 0);
  g_assert_cmpfloat (bitmar_expectation_fit (&e, (const gint32[]) { 20 }, 1), ==, 0);
  g_assert_cmpfloat (bitmar_expectation_fit (&nothing, ids, 5), ==, 0);
}

/* The likeliest allowed token, again and again. */
static gsize
greedy (const Language *l, gsize limit, float repetition, gint32 *ids)
{
  for (gsize n = 0; n < limit; n++) {
    float z[V];
    gint32 best = -1;

    speak (l, ids, n, z);
    for (gint32 i = 0; i < V; i++)
      z[i] -= naive_penalty (ids, n, i, repetition);
    for (gint32 i = EOS; i < V; i++) {
      if (i == CLS || (i == EOS && (n == 0 || no_end[ids[n - 1]])) || (n > 0 && ids[n - 1] == i))
        continue;
      if (best < 0 || z[i] > z[best])
        best = i;
    }
    if (best == EOS)
      return n;
    ids[n] = best;
  }
  for (; limit > 0 && no_end[ids[limit - 1]]; limit--);
  return limit;
}

static void
test_greedy (void)
{
  BitmarSampler *sampler = new_sampler ();

  for (guint32 seed = 0; seed < 500; seed++) {
    Language l = { .seed = seed, .levels = 1000, .eos_bias = seed % 5 };
    float repetition = seed % 2 ? 2.5f : 0;
    BitmarSamplerParams one = { .beam_size = 1, .max_tokens = 12, .length_penalty = 0.7f, .top_p = 1 };
    BitmarSamplerParams top = { .beam_size = 1, .max_tokens = 12, .temperature = 2, .top_k = 1, .top_p = 1,
      .seed = seed };
    BitmarSamplerParams nucleus = { .beam_size = 1, .max_tokens = 12, .temperature = 1, .top_p = 1e-6f, .seed = seed };
    BitmarSamplerParams *params[] = { &one, &top, &nucleus };
    gint32 ids[12];
    gsize n = greedy (&l, 12, repetition, ids);
    float mean;

    for (gsize i = 0; i < G_N_ELEMENTS (params); i++) {
      const BitmarHypothesis *got;
      params[i]->repetition_penalty = repetition;
      l.steps = 0;
      got = bitmar_sampler_run (sampler, params[i], step, &l, &mean);
      g_assert_cmpmem (got->ids, got->len * 4, ids, n * 4);
    }
  }
  bitmar_sampler_free (sampler);
}

static void
test_sampling (void)
{
  BitmarSampler *sampler = new_sampler ();
  gsize different = 0;

  for (guint32 seed = 0; seed < 500; seed++) {
    Language l = { .seed = seed / 50, .levels = 1000, .eos_bias = 1 };
    BitmarSamplerParams p = { .beam_size = 1, .max_tokens = 10, .temperature = 1.5f, .top_k = seed % 4 * 6,
      .top_p = seed % 3 ? 1 : 0.8f, .seed = seed };
    BitmarHypothesis first;
    const BitmarHypothesis *again;
    float mean;

    first = *bitmar_sampler_run (sampler, &p, step, &l, &mean);
    g_assert_cmpfloat (mean, <=, 0);
    for (gsize i = 0; i < first.len; i++)
      g_assert_true (first.ids[i] > CLS && (i == 0 || first.ids[i] != first.ids[i - 1]));
    g_assert_true (first.len == 0 || !no_end[first.ids[first.len - 1]]);
    g_assert_true (first.len > 0 || !first.finished);
    l.steps = 0;
    again = bitmar_sampler_run (sampler, &p, step, &l, &mean);
    g_assert_cmpmem (again->ids, again->len * 4, first.ids, first.len * 4);
    l.steps = 0;
    p.seed += 1000;
    again = bitmar_sampler_run (sampler, &p, step, &l, &mean);
    different += again->len != first.len || memcmp (again->ids, first.ids, first.len * 4) != 0;
  }
  g_assert_cmpuint (different, >, 400);
  bitmar_sampler_free (sampler);
}

/* The first token's frequencies follow the softmax of what top-k and top-p leave. */
static void
frequencies (gsize top_k, float top_p)
{
  BitmarSampler *sampler = new_sampler ();
  Language l = { .seed = 77, .levels = 1000 };
  double count[V] = { 0 }, p[V] = { 0 }, total = 0, kept = 0;
  Choice order[V];
  gsize n = 0;
  float z[V], mean;

  speak (&l, NULL, 0, z);
  for (gint32 i = CLS + 1; i < V; i++)
    order[n++] = (Choice) { .score = z[i], .id = i };
  qsort (order, n, sizeof *order, by_rank);
  n = top_k ? MIN (top_k, n) : n;
  for (gsize i = 0; i < n; i++)
    total += exp (order[i].score / 1.3);
  for (gsize i = 0; i < n && kept < top_p * total; i++)
    kept += p[order[i].id] = exp (order[i].score / 1.3);
  for (guint64 seed = 0; seed < 20000; seed++) {
    BitmarSamplerParams params = { .beam_size = 1, .max_tokens = 1, .temperature = 1.3f, .top_k = top_k,
      .top_p = top_p, .seed = seed };
    const BitmarHypothesis *h;

    l.steps = 0;
    h = bitmar_sampler_run (sampler, &params, step, &l, &mean);
    if (h->fed && (h->len || no_end[h->ids[0]]))
      count[h->ids[0]]++;
  }
  for (gsize i = 0; i < V; i++) {
    double expected = p[i] / kept * 20000;
    g_assert_cmpfloat (fabs (count[i] - expected), <=, 5 * sqrt (expected));
  }
  bitmar_sampler_free (sampler);
}

static void
test_frequencies (void)
{
  frequencies (0, 1);
  frequencies (7, 1);
  frequencies (0, 0.6f);
  frequencies (12, 0.7f);
}

static void
test_stop (void)
{
  BitmarSampler *sampler = new_sampler ();

  for (gsize after = 1; after < 6; after++) {
    Language l = { .seed = 5, .levels = 1000, .eos_bias = -20, .stop_after = after };
    BitmarSamplerParams p = { .beam_size = 3, .max_tokens = 10, .top_p = 1 };
    float mean;

    g_assert_null (bitmar_sampler_run (sampler, &p, step, &l, &mean));
    g_assert_cmpuint (l.steps, ==, after);
  }
  bitmar_sampler_free (sampler);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bmk_init ();
  g_test_add_func ("/sampler/beam", test_beam);
  g_test_add_func ("/sampler/expected", test_expected);
  g_test_add_func ("/sampler/fit", test_fit);
  g_test_add_func ("/sampler/greedy", test_greedy);
  g_test_add_func ("/sampler/sampling", test_sampling);
  g_test_add_func ("/sampler/frequencies", test_frequencies);
  g_test_add_func ("/sampler/stop", test_stop);
  return g_test_run ();
}
