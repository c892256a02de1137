/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <stdint.h>

#include "bitmar-kernels.h"
#include "bitmar.h"

G_BEGIN_DECLS

/* A caption, tokens without bos and eos; those that are longer are not remembered. */
#define BITMAR_SAID_TOKENS 62

typedef struct {
  guint32 n;                           /* 0: none */
  gint32 ids[BITMAR_SAID_TOKENS];
} BitmarSaid;

struct _BitmarEpisode {
  GObject parent;

  BitmarModel *model;
  float *key, *content, *recalled;     /* [C] */
  float *said;                         /* [C]: what fusion makes of it with its caption as the prompt */
  gboolean has_said;
  BitmarSaid caption;                  /* the same as tokens */
  BitmarSaid known;                    /* what was said last of the place that memory takes it for */
  int8_t *v_codes;                     /* [P, d]; both only after bitmar_episode_read_codes() */
  BmkRow *v_rows;                      /* [P] */
  int8_t *hint;                        /* [H]: see words.h; as the codes */
  GBytes *unread;                      /* the bytes that the codes are still to be read from; NULL: they are there */
  gfloat novelty;
  gint slot;
};

/* The codes are thirteen times as many bytes as the rest, and the threads of live video have no use for them: of bytes they are read when
 * somebody has. FALSE: they are damaged. */
gboolean bitmar_episode_read_codes (BitmarEpisode *episode, GError **error);

G_END_DECLS
