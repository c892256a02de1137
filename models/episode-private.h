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
  int8_t *v_codes;                     /* [P, d] */
  BmkRow *v_rows;                      /* [P] */
  gfloat novelty;
  gint slot;
};

G_END_DECLS
