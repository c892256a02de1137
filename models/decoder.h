/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stage 5, the decoder: one token per live beam a step, all beams in one batch.
 *
 *   once a frame   cond[i] = blk.cond([c ; r]) [d]; frame tokens: k, v = blk.frame_kv(V) [P, d], k rotated at one position
 *   x = embedding(token) [m, d]
 *   per layer      x += cond
 *                  q, k, v = qkv(x); q, k rotated; k, v to the beam's tail
 *                  x += out(attention over sinks, window, tail)
 *                  x += down(relu(up(x))^2)
 *   logits         head(x) [m, V], head and embedding are one int8 matrix
 *
 * Sinks are the same layers run once per model over decoder.sinks, causally, without cond. */
#pragma once

#include "kvcache.h"
#include "layer.h"
#include "model-private.h"
#include "sampler.h"

G_BEGIN_DECLS

/* One token to feed: into row `row` of the tail, behind the entries that rows[] names. */
typedef struct {
  gint32 token;
  const guint8 *rows;  /* [depth] */
} BitmarDecoderBeam;

/* Rows of a step, of one stream or several: as many as a matrix unit takes at once. */
#define BITMAR_BATCH_ROWS 16

typedef struct {
  const BitmarModel *model;
  BitmarKvCache cache;
  BitmarRope rope;
  gsize beams;
  int8_t *q;           /* [2C]: codes of [c ; r] */
  float *context;      /* [2C]: [c ; r] */
  float *cond;         /* [layers, d] */
  float *kv;           /* [P, 2d] */
  float *scores;       /* [beams, heads, entries] */
  float *cosines, *sines;      /* [2, hd / 2]: at the true position, at the sinks' */
  guint8 *path;        /* [tail depth]: rows of one beam, the token being fed included */
  BmkSpan *spans;      /* [beams, 3 + tail depth] */
  /* the workspace of a step, its own and others' rows */
  BitmarScratch scratch;
  float *x, *a, *far;  /* [BITMAR_BATCH_ROWS, d] */
  float *qkv;          /* [BITMAR_BATCH_ROWS, 3d] */
  BmkBest *best;       /* [BITMAR_BATCH_ROWS, most candidates] */
} BitmarDecoder;

/* One stream's part of a step: beam b goes to row b of its tail at `depth`. scores: NULL when nobody asks what may follow. */
typedef struct {
  BitmarDecoder *decoder;
  const BitmarDecoderBeam *beams;
  gsize n, depth;
  const BitmarScores *scores;
} BitmarDecoderPart;

/* beams, depth: the most live beams and the longest tail, bos and eos included. */
gboolean bitmar_decoder_init (BitmarDecoder *decoder, const BitmarModel *model, gsize beams, gsize depth);
/* The same for one beam in a window that never holds more than the frame, whatever the model does; to be emptied (cache) before each. */
gboolean bitmar_decoder_init_alone (BitmarDecoder *decoder, const BitmarModel *model, gsize depth);
void bitmar_decoder_clear (BitmarDecoder *decoder);
/* The window's frame tokens and the layers' conditioning for what comes next. content, recalled: [C] */
void bitmar_decoder_frame (BitmarDecoder *decoder, const int8_t *v_codes, const BmkRow *v_rows, const float *content,
    const float *recalled);
/* A step of several streams of one model, at most BITMAR_BATCH_ROWS beams in all, in the workspace of `work`, which may be one of
 * them. Every row gets what it would get alone. */
void bitmar_decoder_step_many (BitmarDecoder *work, const BitmarDecoderPart *parts, gsize n_parts);
void bitmar_decoder_step (BitmarDecoder *decoder, const BitmarDecoderBeam *beams, gsize n, gsize depth,
    const BitmarScores *scores);

/* keys, values: [layers, S, d]. FALSE when memory is short. */
gboolean bitmar_decoder_sinks (const BitmarModel *model, float *keys, float *values);

G_END_DECLS
