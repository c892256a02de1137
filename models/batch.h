/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Captions of several streams at once, over one model. A step of the decoder costs nearly the same for 16 rows as for the three of
 * one beam search: its weights are read once. So callers that meet share their steps, without a thread of their own:
 *
 *   the first caller leads, stepping its own request and those that join at a step's boundary while rows are free;
 *   who finds no room, or does not fit when its turn comes, leads as well, on its own processor;
 *   a request that is done wakes its caller at once; a leader whose own is done passes the others on to one of their callers.
 *
 * What a caption says does not depend on its company: rows do not touch each other. */
#pragma once

#include "decoder.h"
#include "sampler.h"

G_BEGIN_DECLS

typedef struct _BitmarRequest BitmarRequest;

/* Requests that step together. */
typedef struct {
  BitmarRequest *requests[BITMAR_BATCH_ROWS];
  gsize n;
} BitmarBatchGroup;

struct _BitmarRequest {
  BitmarDecoder *decoder;              /* the frame is in its window */
  BitmarSampler *sampler;              /* begun */
  gsize rows;                          /* the most beams it will have */
  const gint *cancelled;               /* atomic: looked at before every step */
  gint64 first_us;                     /* out: monotonic time of the first step */
  gboolean stopped;                    /* out: cancelled before its end */
  /* the batch's */
  gint state;
  BitmarBatchGroup heirs;
};

typedef struct _BitmarBatch BitmarBatch;

/* One per model. */
BitmarBatch *bitmar_batch_new (void);
void bitmar_batch_free (BitmarBatch *batch);
/* Returns when all n requests are done or stopped. Any thread, several at once; all requests of a batch are of one model. */
void bitmar_batch_run (BitmarBatch *batch, BitmarRequest *requests, gsize n);

G_END_DECLS
