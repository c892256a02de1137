/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <stdint.h>

#include "bitmar-kernels.h"
#include "bitmar.h"

G_BEGIN_DECLS

struct _BitmarEpisode {
  GObject parent;

  BitmarModel *model;
  float *key, *content, *recalled;     /* [C] */
  float *said;                         /* [C]: what fusion makes of it with its caption as the prompt */
  gboolean has_said;
  int8_t *v_codes;                     /* [P, d] */
  BmkRow *v_rows;                      /* [P] */
  gfloat novelty;
  gint slot;
};

G_END_DECLS
