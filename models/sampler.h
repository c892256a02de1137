/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Logits to captions: beam search and sampling, by the rules of MODEL.md ("Captions"). It knows no model: a step
 * function gives the logits, so that a table of numbers can stand in for a decoder.
 *
 *   live beams -> step -> the best tokens of each beam and its log sum exp -> the 2B best of all -> finished | live beams */
#pragma once

#include <glib.h>

#include "bitmar-kernels.h"

G_BEGIN_DECLS

#define BITMAR_MAX_BEAMS 8
#define BITMAR_MAX_TOKENS 256           /* of a caption: the length of BitmarCaption.ids */
/* Tokens that a beam may not take: of so many more than the search walks we ask. */
#define BITMAR_BANNED_TOKENS 5
/* And of as many more as it has said, where saying them again is penalised. */
#define BITMAR_MAX_CANDIDATES BMK_MAX_BEST

typedef struct {
  gsize size;                          /* V */
  gint32 pad, bos, eos, cls;
  const guint8 *no_end;                /* [V]: 1 where a caption may not end: a function word, which may be said again */
} BitmarSamplerVocabulary;

typedef struct {
  gint32 ids[BITMAR_MAX_TOKENS];
  guint8 rows[BITMAR_MAX_TOKENS + 2];  /* row of the step that was fed at each depth: bos, ids[0], … */
  gsize len;                           /* ids */
  gsize fed;                           /* depths that rows[] describes */
  float score;                         /* sum of log-probabilities, eos included when finished, less the penalties */
  float penalties;                     /* for what it says again */
  gboolean finished;
} BitmarHypothesis;

/* What a caption's words are held against: of several captions the one that has the words that are expected is the better one. */
typedef struct {
  const float *expected;               /* [V]: what each word adds; NULL: nothing is expected */
  const float *square;                 /* [V]: its weight squared */
  float weight;                        /* of the fit in a finished caption's score */
} BitmarExpectation;

typedef struct {
  gsize beam_size;                     /* 1..BITMAR_MAX_BEAMS; sampling: 1 */
  gsize max_tokens;                    /* 1..BITMAR_MAX_TOKENS */
  float length_penalty;
  float repetition_penalty;            /* taken off the log-probability of what the caption has said already */
  float temperature;                   /* 0: beam search */
  gsize top_k;                         /* 0: all */
  float top_p;                         /* 0 < p <= 1 */
  guint64 seed;
  BitmarExpectation expectation;       /* its tables are not copied; beam search's */
} BitmarSamplerParams;

/* What a step gives: all logits for sampling, for beam search only the best and what normalises them. */
typedef struct {
  float *logits;                       /* [n, V], or NULL: the others */
  BmkBest *best;                       /* [n, count] as of bmk_int8_best() */
  float *log_sum;                      /* [n] log sum exp over all V logits */
  gsize count;
} BitmarScores;

/* Feeds beam b's last token (bos when it has none) at depth live[b]->fed into row b. FALSE: stop. */
typedef gboolean (*BitmarStepFunc) (gpointer data, const BitmarHypothesis *live, gsize n, const BitmarScores *scores);

/* Whether it is among the first n tokens. */
gboolean bitmar_has_token (const gint32 *ids, gsize n, gint32 id);
/* How well a caption has the words that are expected, 0 to 1: the cosine of both, each word once. 0 where nothing is expected. */
float bitmar_expectation_fit (const BitmarExpectation *expectation, const gint32 *ids, gsize n);
/* What captions are compared by. sum: of log-probabilities; scored: how many they are, eos among them where it was reached; ids: [n], without eos */
float bitmar_sampler_rank (const BitmarSamplerParams *params, float sum, gsize scored, const gint32 *ids, gsize n);

typedef struct BitmarSampler BitmarSampler;

/* NULL when memory is short. `vocabulary` is copied, its no_end is not. */
BitmarSampler *bitmar_sampler_new (const BitmarSamplerVocabulary *vocabulary);
void bitmar_sampler_free (BitmarSampler *sampler);
/* One caption, step by step: begin; while there are beams to feed (bitmar_sampler_beams), feed them, put what follows where
 * bitmar_sampler_scores() says, take it; end. */
void bitmar_sampler_begin (BitmarSampler *sampler, const BitmarSamplerParams *params);
/* The live beams, NULL when the caption is done. Valid until the next take. */
const BitmarHypothesis *bitmar_sampler_beams (const BitmarSampler *sampler, gsize *n);
const BitmarScores *bitmar_sampler_scores (const BitmarSampler *sampler);
void bitmar_sampler_take (BitmarSampler *sampler);
/* The best caption so far, owned by the sampler until the next begin. `mean` is the mean log-probability of its tokens, without
 * penalties (before an unfinished caption's trailing no_end tokens are taken off). */
const BitmarHypothesis *bitmar_sampler_end (BitmarSampler *sampler, float *mean);
/* All of it; NULL when the step function stopped. */
const BitmarHypothesis *bitmar_sampler_run (BitmarSampler *sampler, const BitmarSamplerParams *params,
    BitmarStepFunc step, gpointer data, float *mean);

G_END_DECLS
