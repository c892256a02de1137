/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures and their captions, for the tests of the engine. */
#pragma once

#include <math.h>
#include <string.h>

#include "bitmar.h"

#define SIDE 48

/* A picture of large smooth shapes; n tells which. */
static inline BitmarImage
picture (guint8 *rgb, guint n)
{
  for (guint y = 0; y < SIDE; y++)
    for (guint x = 0; x < SIDE; x++)
      for (guint c = 0; c < 3; c++)
        rgb[(y * SIDE + x) * 3 + c] =
            (guint8) (128 + 120 * sin ((x * (1 + n % 3) + y * (1 + n / 2) + 40 * c) * 0.11 + n * c));
  return (BitmarImage) { .format = BITMAR_FORMAT_RGB, .width = SIDE, .height = SIDE, .planes = { rgb },
    .strides = { SIDE * 3 } };
}

static inline void
encode (BitmarEncoder *encoder, BitmarEpisode *episode, guint n)
{
  static _Thread_local guint8 rgb[SIDE * SIDE * 3];
  BitmarImage image = picture (rgb, n);
  GError *error = NULL;

  g_assert_true (bitmar_encoder_encode (encoder, &image, episode, &error));
  g_assert_no_error (error);
}

static inline BitmarEpisode *
episode_of (BitmarModel *model, guint n)
{
  GError *error = NULL;
  BitmarEncoder *encoder = bitmar_encoder_new (model, &error);
  BitmarEpisode *episode = bitmar_episode_new (model, NULL);

  g_assert_no_error (error);
  encode (encoder, episode, n);
  g_object_unref (encoder);
  return episode;
}

static inline BitmarCaptioner *
new_captioner (BitmarModel *model)
{
  GError *error = NULL;
  BitmarCaptioner *captioner = bitmar_captioner_new (model, &error);

  g_assert_no_error (error);
  return captioner;
}

static inline void
caption_of (BitmarCaptioner *captioner, BitmarEpisode *episode, const BitmarCaptionParams *params,
    BitmarCaption *caption)
{
  GError *error = NULL;

  g_assert_true (bitmar_captioner_caption (captioner, episode, params, caption, &error));
  g_assert_no_error (error);
  g_assert_true (g_utf8_validate (caption->text, -1, NULL));
  g_assert_cmpfloat (caption->confidence, >=, 0);
  g_assert_cmpfloat (caption->confidence, <=, 1);
  g_assert_cmpint (caption->first_token_ns, >=, 0);
  g_assert_cmpint (caption->decode_ns, >=, caption->first_token_ns);
}

static inline void
assert_same (const BitmarCaption *a, const BitmarCaption *b)
{
  g_assert_cmpstr (a->text, ==, b->text);
  g_assert_cmpmem (a->ids, a->tokens * sizeof *a->ids, b->ids, b->tokens * sizeof *b->ids);
  g_assert_cmpint (a->finished, ==, b->finished);
  g_assert_cmpmem (&a->confidence, sizeof a->confidence, &b->confidence, sizeof b->confidence);
}

static inline double
log_odds (float confidence)
{
  return log (confidence / (1 - confidence));
}
