/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An episode to a sentence:
 *
 *   [fusion asks V with the prompt -> content]; decoder frame; words to expect; sampler over decoder steps -> caption
 *   of a scene that goes on the former caption, if it is as good -> calibrated confidence */

#include <math.h>
#include <string.h>

#include "batch.h"
#include "decoder.h"
#include "engine-private.h"
#include "episode-private.h"
#include "fusion.h"
#include "object-private.h"
#include "sampler.h"
#include "words.h"

struct _BitmarCaptioner {
  GObject parent;

  BitmarModel *model;
  BitmarDecoder decoder;
  BitmarDecoder judge; /* of a caption's confidence; only once there was a past */
  float *logits;       /* [V]: the judge's */
  float *nothing;      /* [C]: zeros */
  float *expected;     /* [V]: words, of the episode that a caption is written of; NULL where the model expects none */
  gint32 *asked;       /* [context]: the prompt's tokens, only once there was a prompt; */
  gsize n_asked;
  float *steered;      /* [V]: what is expected with them */
  BitmarFusion fusion; /* only once there was a prompt */
  BitmarSampler *sampler;
  gboolean prompted;
  float *first;        /* [d]: T[0] of the prompt */
  float *content;      /* [C]: asked for with the prompt */
  float *seen;         /* [C]: key of the last episode in the window */
  gboolean has_seen;
  gboolean has_past;   /* the caption being written: the window or memory told it something */
  BitmarHypothesis said;       /* of the former look at the same scene; kept where the model holds on to captions */
  gboolean has_said;
  BitmarSamplerParams resolved;
  gint cancelled;
  gint64 start_us;
};

BITMAR_DEFINE_TYPE (BitmarCaptioner, bitmar_captioner)

static void
bitmar_captioner_init (BitmarCaptioner *self)
{
}

static void
bitmar_captioner_finalize (GObject *object)
{
  BitmarCaptioner *self = BITMAR_CAPTIONER (object);

  bitmar_decoder_clear (&self->decoder);
  bitmar_decoder_clear (&self->judge);
  g_free (self->logits);
  g_free (self->nothing);
  g_free (self->expected);
  g_free (self->asked);
  g_free (self->steered);
  bitmar_fusion_clear (&self->fusion);
  g_clear_pointer (&self->sampler, bitmar_sampler_free);
  g_free (self->first);
  g_free (self->content);
  g_free (self->seen);
  g_clear_object (&self->model);
  G_OBJECT_CLASS (bitmar_captioner_parent_class)->finalize (object);
}

static void
bitmar_captioner_class_init (BitmarCaptionerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_captioner_finalize;
}

static gboolean
captioner_allocate (BitmarCaptioner *self)
{
  BitmarModel *model = self->model;
  BitmarSamplerVocabulary vocabulary = { .size = model->vocabulary, .pad = model->pad, .bos = model->bos,
    .eos = model->eos, .cls = model->cls, .no_end = model->no_end };

  self->first = g_try_new (float, model->width);
  self->content = g_try_new (float, model->memory_width);
  self->seen = g_try_new (float, model->memory_width);
  self->sampler = bitmar_sampler_new (&vocabulary);
  if (bitmar_words_has (model) && !(self->expected = g_try_new (float, model->vocabulary)))
    return FALSE;
  /* bos before, eos behind */
  return self->first && self->content && self->seen && self->sampler
      && bitmar_decoder_init (&self->decoder, model, BITMAR_MAX_BEAMS, model->decoder.max_tokens + 2);
}

BitmarCaptioner *
bitmar_captioner_new (BitmarModel *model, GError **error)
{
  BitmarCaptioner *self;

  if (model->decoder.max_tokens > BITMAR_MAX_TOKENS || model->decoder.beam > BITMAR_MAX_BEAMS) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_SHAPE, "captions of %u tokens by %u beams are more than %d by %d",
        model->decoder.max_tokens, model->decoder.beam, BITMAR_MAX_TOKENS, BITMAR_MAX_BEAMS);
    return NULL;
  }
  self = bitmar_captioner_make ();
  self->model = g_object_ref (model);
  if (!captioner_allocate (self)) {
    bitmar_engine_no_memory (error, "a captioner");
    g_clear_object (&self);
  }
  return self;
}

/* What a prompt takes. */
static gboolean
make_prompted (BitmarCaptioner *self, GError **error)
{
  const BitmarModel *model = self->model;

  if (!self->asked)
    self->asked = g_try_new (gint32, model->text.context);
  if (!self->steered && bitmar_words_has (model))
    self->steered = g_try_new (float, model->vocabulary);
  if (self->asked && (self->steered || !bitmar_words_has (model)) && (self->fusion.x || bitmar_fusion_init (&self->fusion, model)))
    return TRUE;
  return bitmar_engine_no_memory (error, "a prompt");
}

gboolean
bitmar_captioner_set_prompt (BitmarCaptioner *captioner, const char *prompt, GError **error)
{
  BitmarModel *model = captioner->model;

  if (!prompt || !*prompt) {
    captioner->has_said = captioner->has_said && !captioner->prompted;
    captioner->prompted = FALSE;
    return TRUE;
  }
  if (!make_prompted (captioner, error) || !bitmar_engine_encode_text (model, prompt, captioner->first, NULL, error))
    return FALSE;
  captioner->n_asked = 0;
  bitmar_model_encode_prompt (model, prompt, captioner->asked, &captioner->n_asked, NULL);     /* it has been, just now */
  captioner->prompted = TRUE;
  captioner->has_said = FALSE;         /* it was said without it */
  return TRUE;
}

void
bitmar_captioner_reset (BitmarCaptioner *captioner)
{
  bitmar_kvcache_reset (&captioner->decoder.cache);
  captioner->has_seen = captioner->has_said = FALSE;
}

void
bitmar_captioner_cancel (BitmarCaptioner *captioner)
{
  g_atomic_int_set (&captioner->cancelled, TRUE);
}

void
bitmar_captioner_uncancel (BitmarCaptioner *captioner)
{
  g_atomic_int_set (&captioner->cancelled, FALSE);
}

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "caption parameter out of range: %s", what);
  return FALSE;
}

static gboolean
resolve (const BitmarModel *model, const BitmarCaptionParams *from, BitmarSamplerParams *to, GError **error)
{
  static const BitmarCaptionParams all_from_model = { .length_penalty = -1 };
  const BitmarCaptionParams *p = from ? from : &all_from_model;

  if (!isfinite (p->temperature) || p->temperature < 0)
    return refuse (error, "temperature");
  if (p->beam_size > (p->temperature > 0 ? 1 : BITMAR_MAX_BEAMS))
    return refuse (error, "beam_size");
  if (p->max_tokens > model->decoder.max_tokens)
    return refuse (error, "max_tokens");
  if (!isfinite (p->length_penalty))
    return refuse (error, "length_penalty");
  if (!isfinite (p->repetition_penalty))
    return refuse (error, "repetition_penalty");
  if (!(p->top_p >= 0 && p->top_p <= 1))
    return refuse (error, "top_p");
  *to = (BitmarSamplerParams) {
    .beam_size = p->temperature > 0 ? 1 : p->beam_size ? p->beam_size : model->decoder.beam,
    .max_tokens = p->max_tokens ? p->max_tokens : model->decoder.max_tokens,
    .length_penalty = p->length_penalty < 0 ? model->decoder.length_penalty : p->length_penalty,
    .repetition_penalty = p->repetition_penalty > 0 ? p->repetition_penalty : p->repetition_penalty < 0 ? 0 : model->decoder.repetition_penalty,
    .temperature = p->temperature, .top_k = p->top_k, .top_p = p->top_p > 0 ? p->top_p : 1, .seed = p->seed };
  return TRUE;
}

/* The caption stays in the window: bos, its ids, and eos where it was reached, which nobody has fed yet. */
static void
keep (BitmarCaptioner *self, const BitmarHypothesis *best)
{
  gsize n = 1 + best->len + (best->finished ? 1 : 0);
  guint8 rows[BITMAR_MAX_TOKENS + 2];

  memcpy (rows, best->rows, sizeof rows);
  for (gsize depth = best->fed; depth < n; depth++) {
    gint32 token = depth == 0 ? self->model->bos : depth <= best->len ? best->ids[depth - 1] : self->model->eos;
    BitmarDecoderBeam beam = { .token = token, .rows = rows };

    bitmar_decoder_step (&self->decoder, &beam, 1, depth, NULL);
    rows[depth] = 0;
  }
  bitmar_kvcache_keep (&self->decoder.cache, rows, n);
}

static gboolean
make_judge (BitmarCaptioner *self, GError **error)
{
  const BitmarModel *model = self->model;

  if (self->logits)
    return TRUE;
  self->logits = g_try_new (float, model->vocabulary);
  self->nothing = g_try_new0 (float, model->memory_width);
  if (self->logits && self->nothing && bitmar_decoder_init_alone (&self->judge, model, model->decoder.max_tokens + 2))
    return TRUE;
  g_clear_pointer (&self->logits, g_free);
  g_clear_pointer (&self->nothing, g_free);
  return bitmar_engine_no_memory (error, "a captioner");
}

/* Tokens that are scored: eos where it was reached. */
static gsize
scored (const BitmarHypothesis *said)
{
  return said->len + (said->finished ? 1 : 0);
}

/* The mean log-probability of a caption when the look is all there is. What was said before makes it likelier, not truer. */
static float
mean_alone (BitmarCaptioner *self, BitmarEpisode *episode, const BitmarHypothesis *said)
{
  const BitmarModel *model = self->model;
  gsize n = scored (said);
  guint8 rows[BITMAR_MAX_TOKENS + 2] = { 0 };
  float score = 0;

  bitmar_kvcache_reset (&self->judge.cache);
  bitmar_decoder_frame (&self->judge, episode->v_codes, episode->v_rows, self->prompted ? self->content : episode->content, self->nothing);
  for (gsize i = 0; i < n; i++) {
    gint32 before = i ? said->ids[i - 1] : model->bos, next = i < said->len ? said->ids[i] : model->eos;
    BitmarDecoderBeam beam = { .token = before, .rows = rows };

    bitmar_decoder_step (&self->judge, &beam, 1, i, &(BitmarScores) { .logits = self->logits });
    score += self->logits[next] - bmk_log_sum_exp (self->logits, model->vocabulary);
  }
  return n ? score / (float) n : 0;
}

/* How well it has the words that the picture alone leads to expect: being asked for makes nothing truer. */
static float
fit (const BitmarCaptioner *self, const BitmarHypothesis *said)
{
  const BitmarExpectation alone = { .expected = self->expected, .square = self->model->words.square };

  return bitmar_expectation_fit (&alone, said->ids, said->len);
}

/* As beam search ranks them. */
static float
rank (const BitmarCaptioner *self, const BitmarHypothesis *said, float mean)
{
  gsize n = scored (said);

  return bitmar_sampler_rank (&self->resolved, mean * (float) n, n, said->ids, said->len);
}

/* The same scene: what was said of it stays unless the new caption is clearly better of this look. Beams that all but tie would else change
 * places with every cloud. mean: of the new one; of the one that is returned. */
static const BitmarHypothesis *
hold (BitmarCaptioner *self, BitmarEpisode *episode, const BitmarHypothesis *best, float *mean)
{
  float former;

  if (self->resolved.temperature > 0 || self->said.len > self->resolved.max_tokens || !self->has_said)
    return best;
  former = mean_alone (self, episode, &self->said);
  if (rank (self, &self->said, former) < rank (self, best, *mean) - self->model->decoder.hold)
    return best;
  *mean = former;
  return &self->said;
}

/* Calibrated: see models/MODEL.md, "Confidence". */
static float
confidence_of (const BitmarModel *model, float mean, gsize n, float words)
{
  float p = CLAMP (bmk_exp (mean), 1e-6f, 1 - 1e-6f);
  float logit = logf (p) - logf (1 - p);

  logit = logit / model->confidence.temperature + model->confidence.bias - model->confidence.length * (float) n + model->confidence.words * words;
  return 1 / (1 + bmk_exp (-logit));
}

G_STATIC_ASSERT (BITMAR_MAX_TOKENS == BITMAR_CAPTION_MAX_TOKENS);

static void
fill (BitmarCaptioner *self, const BitmarRequest *request, const BitmarHypothesis *best, float mean, BitmarCaption *caption)
{
  memset (caption, 0, sizeof *caption);
  memcpy (caption->ids, best->ids, best->len * sizeof *best->ids);
  caption->tokens = best->len;
  caption->finished = best->finished;
  caption->confidence = confidence_of (self->model, mean, scored (best), fit (self, best));
  bitmar_model_decode (self->model, best->ids, best->len, caption->text, sizeof caption->text);
  caption->first_token_ns = (request->first_us - self->start_us) * 1000;
  caption->decode_ns = (g_get_monotonic_time () - self->start_us) * 1000;
}

static gboolean
holds (const BitmarModel *model)
{
  return model->decoder.hold >= 0;
}

/* After a cut nothing of the former scene is left to be repeated. */
static void
notice_cut (BitmarCaptioner *self, const BitmarEpisode *episode)
{
  gsize c = self->model->memory_width;

  if (self->has_seen && bmk_dot (self->seen, episode->key, c) < self->model->decoder.cut)
    bitmar_captioner_reset (self);
  memcpy (self->seen, episode->key, c * sizeof (float));
  self->has_seen = TRUE;
}

/* A place that memory knows: what was said of it then is the former caption. */
static void
recognise (BitmarCaptioner *self, const BitmarEpisode *episode)
{
  const BitmarSaid *known = &episode->known;

  if (known->n == 0 || known->n > self->model->decoder.max_tokens)
    return;
  self->said = (BitmarHypothesis) { .len = known->n, .finished = TRUE };
  memcpy (self->said.ids, known->ids, known->n * sizeof *known->ids);
  self->has_said = TRUE;
}

static gboolean
has_past (const BitmarCaptioner *self, const BitmarEpisode *episode)
{
  for (gsize i = 0; i < self->model->memory_width; i++)
    if (episode->recalled[i] != 0)
      return TRUE;
  return self->has_said || (self->model->decoder.history > 0 && self->decoder.cache.count > 0);
}

/* Captions are chosen by what the picture leads to expect, and with a prompt by what it asks for. */
static void
expect (BitmarCaptioner *self, const BitmarEpisode *episode)
{
  const BitmarModel *model = self->model;

  if (!bitmar_words_has (model))
    return;
  bitmar_words_expect (model, episode->hint, self->expected, self->asked, self->n_asked, self->prompted ? self->steered : NULL);
  self->resolved.expectation = (BitmarExpectation) { .expected = self->prompted ? self->steered : self->expected, .square = model->words.square,
    .weight = model->words.weight };
}

/* All that comes before the first word. */
static gboolean
begin (BitmarCaptioner *self, BitmarEpisode *episode, const BitmarCaptionParams *params, BitmarRequest *request, GError **error)
{
  const float *content = self->prompted ? self->content : episode->content;
  BitmarSamplerParams resolved;

  if (!bitmar_engine_same_model (self->model, episode, error) || !bitmar_episode_read_codes (episode, error)
      || !resolve (self->model, params, &resolved, error))
    return FALSE;
  self->start_us = g_get_monotonic_time ();
  if (self->prompted)
    bitmar_fusion_run (&self->fusion, self->first, episode->v_codes, episode->v_rows, NULL, self->content);
  if (holds (self->model) || self->model->decoder.history > 0)
    notice_cut (self, episode);
  if (holds (self->model) && !self->has_said && !self->prompted)
    recognise (self, episode);
  self->resolved = resolved;
  expect (self, episode);
  self->has_past = has_past (self, episode);
  if (self->has_past && !make_judge (self, error))
    return FALSE;
  bitmar_decoder_frame (&self->decoder, episode->v_codes, episode->v_rows, content, episode->recalled);
  bitmar_sampler_begin (self->sampler, &self->resolved);
  *request = (BitmarRequest) { .decoder = &self->decoder, .sampler = self->sampler, .rows = resolved.beam_size,
    .cancelled = &self->cancelled };
  return TRUE;
}

static gboolean
end (BitmarCaptioner *self, BitmarEpisode *episode, const BitmarRequest *request, BitmarCaption *caption, GError **error)
{
  const BitmarHypothesis *best;
  float mean;

  if (request->stopped) {
    bitmar_captioner_reset (self);     /* a frame nothing was said of is not how streams were learnt */
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_CANCELLED, "cancelled");
    return FALSE;
  }
  best = bitmar_sampler_end (self->sampler, &mean);
  if (self->has_past)
    mean = mean_alone (self, episode, best);
  if (holds (self->model))
    best = hold (self, episode, best, &mean);
  if (self->model->decoder.history > 0)
    keep (self, best);
  if (holds (self->model)) {
    self->said = *best;
    self->said.fed = 0;        /* its rows are another caption's soon */
    self->has_said = TRUE;
  }
  fill (self, request, best, mean, caption);
  return TRUE;
}

gboolean
bitmar_captioner_caption (BitmarCaptioner *captioner, BitmarEpisode *episode, const BitmarCaptionParams *params,
    BitmarCaption *caption, GError **error)
{
  BitmarRequest request;

  if (!begin (captioner, episode, params, &request, error))
    return FALSE;
  bitmar_batch_run (captioner->model->batch, &request, 1);
  return end (captioner, episode, &request, caption, error);
}

static gboolean
check_many (BitmarCaptioner *const *captioners, BitmarCaption *const *captions, gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++)
    for (gsize j = 0; j < i; j++)
      if (captioners[i] == captioners[j] || captions[i] == captions[j])
        return refuse (error, captioners[i] == captioners[j] ? "the same captioner twice" : "the same caption twice");
  for (gsize i = 1; i < n; i++)
    if (captioners[i]->model != captioners[0]->model) {
      g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "captioners of several models");
      return FALSE;
    }
  return TRUE;
}

gboolean
bitmar_captioner_caption_many (BitmarCaptioner *const *captioners, BitmarEpisode *const *episodes,
    const BitmarCaptionParams *params, BitmarCaption *const *captions, gsize n, GError **error)
{
  g_autofree BitmarRequest *requests = g_new0 (BitmarRequest, n);
  gboolean ok = TRUE;

  if (!check_many (captioners, captions, n, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    memset (captions[i], 0, sizeof *captions[i]);
  for (gsize i = 0; i < n; i++)
    if (!begin (captioners[i], episodes[i], params, &requests[i], error))
      return FALSE;
  if (n > 0)
    bitmar_batch_run (captioners[0]->model->batch, requests, n);
  for (gsize i = 0; i < n; i++)
    ok = end (captioners[i], episodes[i], &requests[i], captions[i], ok ? error : NULL) && ok;
  return ok;
}
