/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-episode.h"

G_BEGIN_DECLS

/**
 * BitmarCaptionParams:
 * @beam_size: beams of the search, 1 to 8; 0: the model's. With a temperature it must be 0 or 1
 * @max_tokens: the longest caption, 1 to the model's; 0: the model's
 * @length_penalty: from 0, the greater the longer captions are; below 0: the model's
 * @temperature: 0: the best caption is searched for; above 0: one is drawn
 * @top_k: to draw from so many tokens; 0: from all
 * @top_p: to draw from tokens that add up to this probability, 0 to 1; 0: 1
 * @seed: the same seed draws the same caption
 * @repetition_penalty: taken off the log-probability of a word that the caption has said already, function words excepted: the higher, the fewer
 *   things are named twice; 0: the model's; below 0: nothing is taken off
 *
 * How captions are written. In C begin with %BITMAR_CAPTION_PARAMS_INIT, elsewhere with [ctor@Bitmar.CaptionParams.new].
 */
typedef struct {
  guint beam_size;
  guint max_tokens;
  gfloat length_penalty;
  gfloat temperature;
  guint top_k;
  gfloat top_p;
  guint64 seed;
  gfloat repetition_penalty;

  /*< private >*/
  guint64 reserved[3];
} BitmarCaptionParams;

/* All from the model. */
#define BITMAR_CAPTION_PARAMS_INIT { .length_penalty = -1 }

#define BITMAR_TYPE_CAPTION_PARAMS (bitmar_caption_params_get_type ())
BITMAR_API GType bitmar_caption_params_get_type (void);

/**
 * bitmar_caption_params_new:
 *
 * Parameters that are all the model's.
 *
 * Returns: (transfer full): parameters
 */
BITMAR_API BitmarCaptionParams *bitmar_caption_params_new (void);

/**
 * bitmar_caption_params_copy:
 * @params: parameters
 *
 * Parameters of their own.
 *
 * Returns: (transfer full): the same once more
 */
BITMAR_API BitmarCaptionParams *bitmar_caption_params_copy (const BitmarCaptionParams *params);

/**
 * bitmar_caption_params_free:
 * @params: parameters of [ctor@Bitmar.CaptionParams.new] or [method@Bitmar.CaptionParams.copy]
 *
 * Frees them.
 */
BITMAR_API void bitmar_caption_params_free (BitmarCaptionParams *params);

/**
 * BITMAR_CAPTION_TEXT_SIZE:
 *
 * Bytes that a caption's text has room for, its NUL among them.
 */
#define BITMAR_CAPTION_TEXT_SIZE 1024

/**
 * BITMAR_CAPTION_MAX_TOKENS:
 *
 * Tokens that a caption has room for.
 */
#define BITMAR_CAPTION_MAX_TOKENS 256

/**
 * BitmarCaption:
 * @confidence: 0 to 1, calibrated: how many of the things it names are there; of this look, whatever was said before
 * @tokens: how many it has, its end not counted
 * @finished: whether it ended by itself, not by the limit of tokens
 * @first_token_ns: time spent until the first step was done, ns
 * @decode_ns: time spent in all, ns
 * @text: UTF-8, NUL-terminated, without spaces around it; may be empty
 * @ids: the tokens
 *
 * A caption. In C a struct on the stack, 2 kB.
 */
typedef struct {
  gfloat confidence;
  guint tokens;
  gboolean finished;
  gint64 first_token_ns, decode_ns;

  /* What bindings would read as arrays of bytes: they have bitmar_caption_get_text(). */
  /*< private >*/
  char text[BITMAR_CAPTION_TEXT_SIZE];
  gint32 ids[BITMAR_CAPTION_MAX_TOKENS];
  guint64 reserved[4];
} BitmarCaption;

#define BITMAR_TYPE_CAPTION (bitmar_caption_get_type ())
BITMAR_API GType bitmar_caption_get_type (void);

/**
 * bitmar_caption_new:
 *
 * An empty caption, for [method@Bitmar.Captioner.caption] to fill.
 *
 * Returns: (transfer full): a caption
 */
BITMAR_API BitmarCaption *bitmar_caption_new (void);

/**
 * bitmar_caption_copy:
 * @caption: a caption
 *
 * A caption of its own.
 *
 * Returns: (transfer full): the same once more
 */
BITMAR_API BitmarCaption *bitmar_caption_copy (const BitmarCaption *caption);

/**
 * bitmar_caption_free:
 * @caption: a caption of [ctor@Bitmar.Caption.new] or [method@Bitmar.Caption.copy]
 *
 * Frees it.
 */
BITMAR_API void bitmar_caption_free (BitmarCaption *caption);

/**
 * bitmar_caption_get_text:
 * @caption: a caption
 *
 * What it says. In C the same as the member `text`.
 *
 * Returns: (transfer none): its text, UTF-8 without spaces around it; may be empty
 */
BITMAR_API const char *bitmar_caption_get_text (const BitmarCaption *caption);

/**
 * bitmar_caption_get_ids:
 * @caption: a caption
 * @n: (out) (optional): how many
 *
 * What it says as numbers. In C the same as the member `ids`.
 *
 * Returns: (transfer none) (array length=n): its tokens, as the model's vocabulary numbers them
 */
BITMAR_API const gint32 *bitmar_caption_get_ids (const BitmarCaption *caption, gsize *n);

/**
 * BitmarCaptioner:
 *
 * Writes captions of one stream's episodes. It knows what it said last: within a scene a caption stays until another is clearly better.
 *
 * Used by one thread at a time, but for [method@Bitmar.Captioner.cancel].
 */
#define BITMAR_TYPE_CAPTIONER (bitmar_captioner_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarCaptioner, bitmar_captioner, BITMAR, CAPTIONER, GObject)

/**
 * bitmar_captioner_new:
 * @model: a model
 *
 * A captioner. Errors: `NO_MEMORY`, `SHAPE`.
 *
 * Returns: (transfer full): a captioner
 */
BITMAR_API BitmarCaptioner *bitmar_captioner_new (BitmarModel *model, GError **error);

/**
 * bitmar_captioner_set_prompt:
 * @captioner: a captioner
 * @prompt: (nullable): words that steer what it looks at, UTF-8; %NULL or empty: none
 *
 * Takes less than a millisecond with the bundled model. Errors: `ENCODING`, `TOO_LONG`, `NO_MEMORY`; then the former prompt stays.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_captioner_set_prompt (BitmarCaptioner *captioner, const char *prompt, GError **error);

/**
 * bitmar_captioner_caption:
 * @captioner: a captioner
 * @episode: an episode of the same model
 * @params: (nullable): how; %NULL: all from the model
 * @caption: (out caller-allocates): the caption
 *
 * Writes a caption, in milliseconds. Does not allocate, but at the first look that has a past.
 *
 * Threads that caption with several captioners of one model at the same time share the decoder's steps, which cost little more for many than for
 * one, and get the captions they would get alone.
 *
 * Errors: `PARAMETER`; `MISMATCH`; `FORMAT`: the episode was made of damaged bytes; `CANCELLED`; `NO_MEMORY`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_captioner_caption (BitmarCaptioner *captioner, BitmarEpisode *episode,
    const BitmarCaptionParams *params, BitmarCaption *caption, GError **error);

/**
 * bitmar_captioner_caption_many:
 * @captioners: (array length=n): different captioners of one model
 * @episodes: (array length=n): an episode for each
 * @params: (nullable): how; %NULL: all from the model
 * @captions: (array length=n): a caption for each, to be filled
 * @n: how many
 *
 * The same for several streams from one thread.
 *
 * The error is the first. Captions that were finished nevertheless are there, the others are empty. Errors: those of
 * [method@Bitmar.Captioner.caption]; `PARAMETER`: a captioner or a caption twice; `MISMATCH`: captioners of several models.
 *
 * Returns: whether all were written
 */
BITMAR_API gboolean bitmar_captioner_caption_many (BitmarCaptioner *const *captioners, BitmarEpisode *const *episodes,
    const BitmarCaptionParams *params, BitmarCaption *const *captions, gsize n, GError **error);

/**
 * bitmar_captioner_reset:
 * @captioner: a captioner
 *
 * Forgets what was said, as after a seek. The prompt stays.
 */
BITMAR_API void bitmar_captioner_reset (BitmarCaptioner *captioner);

/**
 * bitmar_captioner_cancel:
 * @captioner: a captioner
 *
 * From any thread: a caption that is being written ends within one token with `CANCELLED`, and so does each one after it
 * until [method@Bitmar.Captioner.uncancel].
 */
BITMAR_API void bitmar_captioner_cancel (BitmarCaptioner *captioner);

/**
 * bitmar_captioner_uncancel:
 * @captioner: a captioner
 *
 * From any thread: captions may be written again.
 */
BITMAR_API void bitmar_captioner_uncancel (BitmarCaptioner *captioner);

G_END_DECLS
