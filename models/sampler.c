/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sampler.h"

#include <math.h>
#include <string.h>

typedef struct {
  float score, penalty;
  gint32 id;
  guint8 beam;
} Candidate;

struct BitmarSampler {
  BitmarSamplerVocabulary vocabulary;
  float *logits;                       /* [V]: sampling */
  gint32 *heap;                        /* [V]: sampling */
  BitmarHypothesis live[BITMAR_MAX_BEAMS], grown[BITMAR_MAX_BEAMS];
  gsize n_live;
  BitmarHypothesis best;
  float best_score;
  gsize n_finished;
  BmkBest best_tokens[BITMAR_MAX_BEAMS * BITMAR_MAX_CANDIDATES];
  float log_sum[BITMAR_MAX_BEAMS];
  Candidate pool[2 * BITMAR_MAX_BEAMS];
  gsize n_pool;
  BitmarSamplerParams params;
  BitmarScores scores;
  gsize step;
  guint64 random;
  gboolean done;
};

BitmarSampler *
bitmar_sampler_new (const BitmarSamplerVocabulary *vocabulary)
{
  BitmarSampler *s = g_try_new0 (BitmarSampler, 1);

  if (!s)
    return NULL;
  s->vocabulary = *vocabulary;
  s->logits = g_try_new (float, vocabulary->size);
  s->heap = g_try_new (gint32, vocabulary->size);
  if (!s->logits || !s->heap)
    g_clear_pointer (&s, bitmar_sampler_free);
  return s;
}

void
bitmar_sampler_free (BitmarSampler *sampler)
{
  g_free (sampler->logits);
  g_free (sampler->heap);
  g_free (sampler);
}

static gboolean
may_end (const BitmarSamplerVocabulary *v, const BitmarHypothesis *h)
{
  return h->len > 0 && !v->no_end[h->ids[h->len - 1]];
}

/* Captions have no use for a token after itself; a decoder that is at a loss says one again and again. */
static gboolean
repeats (const BitmarHypothesis *h, gint32 id)
{
  return h->len > 0 && h->ids[h->len - 1] == id;
}

static gboolean
banned (const BitmarSamplerVocabulary *v, const BitmarHypothesis *h, gint32 id)
{
  return id == v->pad || id == v->bos || id == v->cls || (id == v->eos && !may_end (v, h)) || repeats (h, id);
}

gboolean
bitmar_has_token (const gint32 *ids, gsize n, gint32 id)
{
  for (gsize i = 0; i < n; i++)
    if (ids[i] == id)
      return TRUE;
  return FALSE;
}

/* What a caption names, it need not name again; a decoder that is not sure of what else there is does. */
static float
penalty_of (const BitmarSampler *s, const BitmarHypothesis *h, gint32 id)
{
  return s->params.repetition_penalty > 0 && !s->vocabulary.no_end[id] && bitmar_has_token (h->ids, h->len, id) ? s->params.repetition_penalty : 0;
}

float
bitmar_expectation_fit (const BitmarExpectation *e, const gint32 *ids, gsize n)
{
  float sum = 0, square = 0;

  for (gsize i = 0; e->expected && i < n; i++) {
    if (bitmar_has_token (ids, i, ids[i]))
      continue;
    sum += e->expected[ids[i]];
    square += e->square[ids[i]];
  }
  return square > 0 ? sum / sqrtf (square) : 0;
}

float
bitmar_sampler_rank (const BitmarSamplerParams *params, float sum, gsize scored, const gint32 *ids, gsize n)
{
  const BitmarExpectation *e = &params->expectation;

  return sum / (float) pow ((double) MAX (scored, 1), params->length_penalty) + e->weight * bitmar_expectation_fit (e, ids, n);
}

/* ---- Beam search -------------------------------------------------------------------------------- */

/* Keeps the pool sorted, best first. What comes later loses ties: beams come in ascending order, a beam's tokens by
 * descending logit, of equals the lower id first. */
static void
pool_insert (BitmarSampler *s, gsize limit, const Candidate *candidate)
{
  gsize at = s->n_pool < limit ? s->n_pool++ : limit - 1;

  while (at > 0 && s->pool[at - 1].score < candidate->score) {
    s->pool[at] = s->pool[at - 1];
    at--;
  }
  s->pool[at] = *candidate;
}

/* best: [count], greatest first */
static void
pool_scan (BitmarSampler *s, gsize limit, gsize beam, const BmkBest *best, gsize count, float log_sum)
{
  const BitmarHypothesis *h = &s->live[beam];

  for (gsize i = 0; i < count; i++) {
    Candidate candidate = { .score = h->score + (best[i].value - log_sum), .id = (gint32) best[i].index, .beam = beam };

    if (banned (&s->vocabulary, h, candidate.id))
      continue;
    if (s->n_pool == limit && !(candidate.score > s->pool[limit - 1].score))
      break;
    candidate.penalty = penalty_of (s, h, candidate.id);
    candidate.score -= candidate.penalty;
    if (s->n_pool < limit || candidate.score > s->pool[limit - 1].score)
      pool_insert (s, limit, &candidate);
  }
}

static void
extend (BitmarHypothesis *to, const BitmarHypothesis *from, const Candidate *candidate)
{
  *to = *from;
  to->rows[to->fed++] = candidate->beam;
  to->score = candidate->score;
  to->penalties += candidate->penalty;
  if (candidate->id >= 0)
    to->ids[to->len++] = candidate->id;
}

static void
finish (BitmarSampler *s, const Candidate *candidate)
{
  const BitmarHypothesis *from = &s->live[candidate->beam];
  float score = bitmar_sampler_rank (&s->params, candidate->score, from->len + 1, from->ids, from->len);
  Candidate end = { .score = candidate->score, .id = -1, .beam = candidate->beam };

  if (s->n_finished++ == 0 || score > s->best_score) {
    extend (&s->best, from, &end);
    s->best.finished = TRUE;
    s->best_score = score;
  }
}

/* The pool, in order: eos finishes when among the first `beams`, others live on until there are `beams`. */
static void
pool_walk (BitmarSampler *s, gsize beams)
{
  gsize n = 0;

  for (gsize rank = 0; rank < s->n_pool; rank++) {
    const Candidate *candidate = &s->pool[rank];

    if (candidate->id != s->vocabulary.eos) {
      if (n < beams)
        extend (&s->grown[n++], &s->live[candidate->beam], candidate);
    } else if (rank < beams) {
      finish (s, candidate);
    }
  }
  memcpy (s->live, s->grown, n * sizeof *s->live);
  s->n_live = n;
}

static void
best_of_live (BitmarSampler *s)
{
  for (gsize b = 0; b < s->n_live; b++) {
    const BitmarHypothesis *h = &s->live[b];
    float score = bitmar_sampler_rank (&s->params, h->score, h->len, h->ids, h->len);

    if (b == 0 || score > s->best_score) {
      s->best = s->live[b];
      s->best_score = score;
    }
  }
}

/* So many of a beam's tokens by their logits that 2B are left of them whatever is banned or penalised. */
static gsize
candidates (const BitmarSampler *s)
{
  const BitmarSamplerParams *p = &s->params;
  gsize n = 2 * p->beam_size + BITMAR_BANNED_TOKENS + (p->repetition_penalty > 0 ? s->step : 0);

  return MIN (n, MIN (s->vocabulary.size, BITMAR_MAX_CANDIDATES));
}

static void
take_beams (BitmarSampler *s)
{
  const BitmarSamplerParams *p = &s->params;

  s->n_pool = 0;
  for (gsize b = 0; b < s->n_live; b++)
    pool_scan (s, 2 * p->beam_size, b, s->best_tokens + b * s->scores.count, s->scores.count, s->log_sum[b]);
  pool_walk (s, p->beam_size);
  s->done = ++s->step >= p->max_tokens || s->n_live == 0 || s->n_finished >= p->beam_size;
  s->scores.count = candidates (s);
}

/* ---- Sampling ----------------------------------------------------------------------------------- */

static guint64
seeded (guint64 seed)
{
  seed += 0x9e3779b97f4a7c15u;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
  seed ^= seed >> 31;
  return seed ? seed : 1;
}

/* xorshift64*: [0, 1) */
static double
draw (guint64 *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (double) ((*state * 0x2545f4914f6cdd1du) >> 11) * 0x1p-53;
}

static gboolean
before (const float *z, gint32 a, gint32 b)
{
  return z[a] > z[b] || (z[a] == z[b] && a < b);
}

static void
sift_down (gint32 *heap, gsize n, gsize at, const float *z)
{
  for (gsize child; (child = 2 * at + 1) < n; at = child) {
    gint32 swap = heap[at];

    if (child + 1 < n && before (z, heap[child + 1], heap[child]))
      child++;
    if (!before (z, heap[child], swap))
      return;
    heap[at] = heap[child];
    heap[child] = swap;
  }
}

/* Moves the best of the heap's n to their end. */
static void
pop (gint32 *heap, gsize n, const float *z)
{
  gint32 best = heap[0];

  heap[0] = heap[n - 1];
  heap[n - 1] = best;
  sift_down (heap, n - 1, 0, z);
}

static void
heapify (gint32 *heap, gsize n, const float *z)
{
  for (gsize i = n / 2; i-- > 0;)
    sift_down (heap, n, i, z);
}

static double
weight (const BitmarSampler *s, gsize at, float max, float temperature)
{
  return bmk_exp ((s->logits[s->heap[at]] - max) / temperature);
}

static double
total_weight (const BitmarSampler *s, gsize from, gsize to, float max, float temperature)
{
  double total = 0;

  for (gsize i = from; i < to; i++)
    total += weight (s, i, max, temperature);
  return total;
}

/* Of the heap's n ids, leaves those to draw from at from..n-1, best last where their order matters. */
static gsize
choose (BitmarSampler *s, const BitmarSamplerParams *p, gsize n, float max, double *total)
{
  gsize k = p->top_k ? MIN (p->top_k, n) : n;
  gsize from = n;
  double nucleus = 0;

  if (k < n || p->top_p < 1)
    heapify (s->heap, n, s->logits);
  for (gsize i = n; k < n && i > n - k; i--)
    pop (s->heap, i, s->logits);
  *total = total_weight (s, n - k, n, max, p->temperature);
  if (p->top_p >= 1)
    return n - k;
  while (from > n - k && nucleus < p->top_p * *total) {
    if (k == n)
      pop (s->heap, from, s->logits);
    nucleus += weight (s, --from, max, p->temperature);
  }
  *total = nucleus;
  return from;
}

/* One id from the logits of the only beam; -1 when every token is banned. */
static gint32
sample (BitmarSampler *s, const BitmarSamplerParams *p, guint64 *state)
{
  const BitmarSamplerVocabulary *v = &s->vocabulary;
  float max = -INFINITY;
  double total, at, sum = 0;
  gsize n = 0, from;

  for (gsize i = 0; i < v->size; i++) {
    if (banned (v, &s->live[0], i))
      continue;
    s->heap[n++] = i;
    max = MAX (max, s->logits[i]);
  }
  if (n == 0)
    return -1;
  from = choose (s, p, n, max, &total);
  at = draw (state) * total;
  for (gsize i = n; i-- > from;) {
    sum += weight (s, i, max, p->temperature);
    if (sum > at)
      return s->heap[i];
  }
  return s->heap[from];
}

static void
penalise (BitmarSampler *s, const BitmarHypothesis *h)
{
  for (gsize i = 0; i < h->len; i++)
    if (!bitmar_has_token (h->ids, i, h->ids[i]))
      s->logits[h->ids[i]] -= penalty_of (s, h, h->ids[i]);
}

static void
take_sample (BitmarSampler *s)
{
  BitmarHypothesis *h = &s->live[0];
  float log_sum = bmk_log_sum_exp (s->logits, s->vocabulary.size);
  gint32 id;

  h->rows[h->fed++] = 0;
  penalise (s, h);
  id = sample (s, &s->params, &s->random);
  if (id >= 0) {
    h->score += s->logits[id] + penalty_of (s, h, id) - log_sum;
    if (id == s->vocabulary.eos)
      h->finished = TRUE;
    else
      h->ids[h->len++] = id;
  }
  s->done = id < 0 || h->finished || h->len >= s->params.max_tokens;
}

/* ------------------------------------------------------------------------------------------------- */

void
bitmar_sampler_begin (BitmarSampler *s, const BitmarSamplerParams *params)
{
  s->params = *params;
  s->random = seeded (params->seed);
  if (params->temperature > 0)
    s->scores = (BitmarScores) { .logits = s->logits };
  else
    s->scores = (BitmarScores) { .best = s->best_tokens, .log_sum = s->log_sum };
  memset (&s->live[0], 0, sizeof s->live[0]);
  memset (&s->best, 0, sizeof s->best);
  s->n_live = 1;
  s->n_finished = 0;
  s->step = 0;
  s->done = FALSE;
  s->scores.count = candidates (s);
}

const BitmarHypothesis *
bitmar_sampler_beams (const BitmarSampler *s, gsize *n)
{
  *n = s->done ? 0 : s->n_live;
  return s->done ? NULL : s->live;
}

const BitmarScores *
bitmar_sampler_scores (const BitmarSampler *s)
{
  return &s->scores;
}

void
bitmar_sampler_take (BitmarSampler *s)
{
  if (s->params.temperature > 0)
    take_sample (s);
  else
    take_beams (s);
}

const BitmarHypothesis *
bitmar_sampler_end (BitmarSampler *s, float *mean)
{
  BitmarHypothesis *best = &s->best;
  gsize n;

  if (s->params.temperature > 0)
    *best = s->live[0];
  else if (s->n_finished == 0)
    best_of_live (s);
  n = best->len + (best->finished ? 1 : 0);
  *mean = n ? (best->score + best->penalties) / (float) n : 0.0f;
  while (!best->finished && best->len > 0 && !may_end (&s->vocabulary, best))
    best->len--;
  return best;
}

const BitmarHypothesis *
bitmar_sampler_run (BitmarSampler *s, const BitmarSamplerParams *params, BitmarStepFunc step, gpointer data, float *mean)
{
  const BitmarHypothesis *live;
  gsize n;

  bitmar_sampler_begin (s, params);
  while ((live = bitmar_sampler_beams (s, &n))) {
    if (!step (data, live, n, &s->scores))
      return NULL;
    bitmar_sampler_take (s);
  }
  return bitmar_sampler_end (s, mean);
}
