/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch.h"

enum {
  WAITING,                             /* in the queue */
  TURNED_AWAY,                         /* in the queue, too large for a leader that looked */
  TAKEN,                               /* in some leader's hands */
  HEIR,                                /* its caller is to lead `heirs`, of which it is one */
  DONE
};

struct _BitmarBatch {
  GMutex lock;
  GCond changed;
  GQueue waiting;                      /* requests that no leader has taken yet */
  gsize room;                          /* rows that leaders could take at their next step */
};

BitmarBatch *
bitmar_batch_new (void)
{
  BitmarBatch *batch = g_new0 (BitmarBatch, 1);

  g_mutex_init (&batch->lock);
  g_cond_init (&batch->changed);
  g_queue_init (&batch->waiting);
  return batch;
}

void
bitmar_batch_free (BitmarBatch *batch)
{
  g_mutex_clear (&batch->lock);
  g_cond_clear (&batch->changed);
  g_queue_clear (&batch->waiting);
  g_free (batch);
}

/* ---- A leader -------------------------------------------------------------------------------------- */

static gsize
free_rows (const BitmarBatchGroup *active)
{
  gsize rows = 0;

  for (gsize i = 0; i < active->n; i++)
    rows += active->requests[i]->rows;
  return BITMAR_BATCH_ROWS - rows;
}

/* Locked. Who waits joins, first come first served, as long as the first fits. */
static void
let_join (BitmarBatch *batch, BitmarBatchGroup *active)
{
  BitmarRequest *r;

  while ((r = g_queue_peek_head (&batch->waiting)) && r->rows <= free_rows (active)) {
    g_queue_pop_head (&batch->waiting);
    r->state = TAKEN;
    active->requests[active->n++] = r;
  }
  if (r && r->state == WAITING) {
    r->state = TURNED_AWAY;
    g_cond_broadcast (&batch->changed);
  }
}

/* One step of all; the beams' last tokens are what is fed. */
static void
step (BitmarDecoder *work, const BitmarBatchGroup *active)
{
  BitmarDecoderPart parts[BITMAR_BATCH_ROWS];
  BitmarDecoderBeam beams[BITMAR_BATCH_ROWS];
  gsize at = 0;

  for (gsize i = 0; i < active->n; i++) {
    BitmarRequest *r = active->requests[i];
    gsize n;
    const BitmarHypothesis *live = bitmar_sampler_beams (r->sampler, &n);

    parts[i] = (BitmarDecoderPart) { r->decoder, beams + at, n, live[0].fed, bitmar_sampler_scores (r->sampler) };
    for (gsize b = 0; b < n; b++)
      beams[at++] = (BitmarDecoderBeam) { .token = live[b].len ? live[b].ids[live[b].len - 1] : r->decoder->model->bos,
        .rows = live[b].rows };
  }
  bitmar_decoder_step_many (work, parts, active->n);
  for (gsize i = 0; i < active->n; i++) {
    BitmarRequest *r = active->requests[i];

    if (r->first_us == 0)
      r->first_us = g_get_monotonic_time ();
    bitmar_sampler_take (r->sampler);
  }
}

/* Locked. Lets go of what is done or cancelled; whether there was any. */
static gboolean
let_go (BitmarBatchGroup *active)
{
  gsize kept = 0, before = active->n;

  for (gsize i = 0; i < before; i++) {
    BitmarRequest *r = active->requests[i];
    gsize n;

    r->stopped = bitmar_sampler_beams (r->sampler, &n) && g_atomic_int_get (r->cancelled);
    if (r->stopped || n == 0)
      r->state = DONE;
    else
      active->requests[kept++] = r;
  }
  active->n = kept;
  return kept < before;
}

static gboolean
all_done (const BitmarRequest *requests, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (requests[i].state != DONE)
      return FALSE;
  return TRUE;
}

/* Locked on entry and return. Steps on until the caller's own requests are done, in the workspace of one of them. */
static void
lead (BitmarBatch *batch, BitmarBatchGroup *active, BitmarDecoder *work, const BitmarRequest *own, gsize n)
{
  for (;;) {
    gsize room;

    if (let_go (active))
      g_cond_broadcast (&batch->changed);
    if (all_done (own, n) || active->n == 0)
      break;
    let_join (batch, active);
    room = free_rows (active);
    batch->room += room;
    g_mutex_unlock (&batch->lock);
    step (work, active);
    g_mutex_lock (&batch->lock);
    batch->room -= room;
  }
  if (active->n > 0) {
    active->requests[0]->heirs = *active;
    active->requests[0]->state = HEIR;
  }
  /* those who wait may have waited for this leader's room */
  g_cond_broadcast (&batch->changed);
}

/* ---- A caller -------------------------------------------------------------------------------------- */

/* Locked. Whether the caller led, so that there may be news of its requests. */
static gboolean
lead_if_due (BitmarBatch *batch, BitmarRequest *r, const BitmarRequest *own, gsize n)
{
  BitmarBatchGroup active = { { r }, 1 };

  if (r->state == HEIR) {
    active = r->heirs;
    r->state = TAKEN;
  } else if (r->state == TURNED_AWAY || (r->state == WAITING && batch->room < r->rows)) {
    g_queue_remove (&batch->waiting, r);
    r->state = TAKEN;
  } else {
    return FALSE;
  }
  lead (batch, &active, r->decoder, own, n);
  return TRUE;
}

void
bitmar_batch_run (BitmarBatch *batch, BitmarRequest *requests, gsize n)
{
  g_mutex_lock (&batch->lock);
  for (gsize i = 0; i < n; i++) {
    requests[i].state = WAITING;
    requests[i].stopped = FALSE;
    requests[i].first_us = 0;
    g_queue_push_tail (&batch->waiting, &requests[i]);
  }
  while (!all_done (requests, n)) {
    gboolean led = FALSE;

    for (gsize i = 0; i < n && !led; i++)
      led = lead_if_due (batch, &requests[i], requests, n);
    if (!led)
      g_cond_wait (&batch->changed, &batch->lock);
  }
  g_mutex_unlock (&batch->lock);
}
