/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words that a picture's captions are expected to have, which of several captions tell the one to say: "Expected words" of MODEL.md.
 *
 *   features [tokens, channels]        their sum over all tokens, exact; less its mean, in its deviations
 *     words.hidden, + bias, relu       -> its codes [H]: the hint, which the episode carries to where captions are made
 *     words.out, + bias, sigmoid       -> p [V]: the share of captions that have each word
 *     p * idf to unit length, * idf    -> expected [V], which a caption's words are summed over (BitmarExpectation of sampler.h) */
#pragma once

#include "model-private.h"

G_BEGIN_DECLS

#define BITMAR_ASKED 3.0f              /* log-odds: twenty times as likely */

typedef struct {
  const BitmarModel *model;
  gint32 *total;       /* [channels]: the sum */
  float *sum;          /* the same, centred and scaled */
  int8_t *q;           /* [channels] */
  float *hidden;       /* [H] */
} BitmarWords;

/* Whether the model has the layers. */
gboolean bitmar_words_has (const BitmarModel *model);
/* FALSE when memory is short. */
gboolean bitmar_words_init (BitmarWords *words, const BitmarModel *model);
void bitmar_words_clear (BitmarWords *words);
/* features: what bitmar_vision_run() made; hint: [H] */
void bitmar_words_hint (BitmarWords *words, const guint8 *features, int8_t *hint);
/* hint: [H]; expected: [V]; steered: [V], what is expected when the tokens of a prompt, asked [n_asked], are taken to be likelier by BITMAR_ASKED; or NULL */
void bitmar_words_expect (const BitmarModel *model, const int8_t *hint, float *expected, const gint32 *asked, gsize n_asked, float *steered);

G_END_DECLS
