/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A loaded model, as the stages see it: read-only, every weight packed for the active tier. */
#pragma once

#include "bitmar-kernels.h"
#include "bitmar.h"
#include "gguf.h"
#include "tokenizer.h"

G_BEGIN_DECLS

typedef struct _BitmarBackbone BitmarBackbone;

typedef struct {
  BmkLinear qkv, out, up, down;
} BitmarTextLayer;

typedef struct {
  BmkLinear q, kv, out, up, down;
} BitmarFusionLayer;

typedef struct {
  BmkLinear cond, qkv, frame_kv, out, up, down;
} BitmarDecoderLayer;

struct _BitmarModel {
  GObject parent;

  char *name;
  char *id;                    /* SHA-256 of the file, 64 hex digits */
  BitmarGguf *file;            /* metadata; the tensors' bytes are let go after packing */
  gsize size;                  /* bytes resident */
  guint64 parameters;
  GPtrArray *blocks;           /* of aligned memory: packed weights, scales, biases */

  guint width;                 /* d */
  guint memory_width;          /* C */
  guint vocabulary;            /* V */
  float rope_base;

  struct {
    guint size, channels, tokens, pool;
    guint early;               /* channels of an early block beside them, 0: none */
    const BitmarBackbone *backbone;
    gpointer network;          /* the backbone's own, see vision-*.h */
  } vision;

  BmkLinear bottleneck[2];
  BmkLinear bottleneck_early;  /* n = 0: none */
  const float *position;       /* [P, d] */

  struct {
    BmkLinear hidden, out;     /* n = 0: none */
    const float *mean, *scale; /* [channels] of what the features of all tokens add up to */
    const float *hidden_bias, *out_bias;       /* [H], [V] */
    const float *idf;          /* [V]: what each word weighs; */
    float *square;             /* squared */
    float weight;              /* of the words in a caption's score */
  } words;

  struct {
    guint n_layers, heads, feed_forward, context;
    BitmarTextLayer *layers;   /* [n_layers] */
    BmkLinear head;
  } text;

  struct {
    guint n_layers, heads, feed_forward;
    BitmarFusionLayer *layers;
    BmkLinear key, content;
  } fusion;

  struct {
    guint slots;
    float rate, sharpness, threshold, merge;
  } memory;

  struct {
    guint n_layers, heads, feed_forward, sinks, window, max_tokens, history, beam;
    float length_penalty, repetition_penalty;
    float cut;                 /* the similarity below which the picture is another scene's */
    float hold;                /* how much better than the former caption a new one must be; below 0: not asked */
    BitmarDecoderLayer *layers;
  } decoder;

  struct {
    float temperature, bias, length, words;    /* see models/MODEL.md, "Confidence" */
  } confidence;

  struct {
    const float *mean, *covariance;   /* [C], [C, C]; NULL in a file without */
    float slope, bias;         /* see models/MODEL.md, "Scores of alerts" */
  } background;

  const float *sinks;          /* [S, d] */
  float *sink_k, *sink_v;      /* [layers, S, d], from bitmar_model_prepare() */

  const int8_t *embedding;     /* [V, d] codes, row-major; scales are head.scale */
  BmkLinear head;              /* the same matrix, packed */
  gint32 pad, bos, eos, cls;
  guint8 *no_end;              /* [V]: 1 where a caption may not end */
  BitmarTokenizer *tokenizer;
  struct _BitmarBatch *batch;  /* of all captioners; from bitmar_model_prepare() */
};

/* engine.c: the constants that take running the stages. Called once, at the end of a load. */
gboolean bitmar_model_prepare (BitmarModel *model, GError **error);

/* The backbone of a file with or without a captioner, and nothing else: what runs vision.h, for training. Belongs to the caller alone. */
BitmarModel *bitmar_model_load_backbone (const char *path, GError **error);

/* x: [d] */
void bitmar_model_embedding (const BitmarModel *model, gint32 id, float *x);
/* engine.c: bitmar_model_embed_text() into [C]. */
gboolean bitmar_model_embed (const BitmarModel *model, const char *text, float *embedding, GError **error);
/* Appends the text's ids at ids[*n]; the array holds text.context. ENCODING, TOO_LONG. NULL and "" add nothing. */
gboolean bitmar_model_encode_prompt (const BitmarModel *model, const char *text, gint32 *ids, gsize *n, GError **error);
/* NUL-terminated UTF-8 without outer spaces, cut at a character when `size` is short. */
void bitmar_model_decode (const BitmarModel *model, const gint32 *ids, gsize n, char *text, gsize size);

G_END_DECLS
