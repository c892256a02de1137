/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who works next, of all workers of the process: as many at once as there are processors, and first the one whose last turn is the
 * longest ago. Left to the scheduler, of more streams than a processor can look at some are looked at often and some never. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  GCond granted_or_gone;
  guint64 last;                /* turn.c's, as what follows: the number of its last turn, 0: it had none */
  gboolean granted, gone;
} BitmarTurn;

void bitmar_turn_init (BitmarTurn *turn);
void bitmar_turn_clear (BitmarTurn *turn);
/* Waits for its turn. FALSE: it was called off, and there is nothing to give back. */
gboolean bitmar_turn_take (BitmarTurn *turn);
void bitmar_turn_give (BitmarTurn *turn);
/* From any thread, for good: who waits, or will, goes away with empty hands. */
void bitmar_turn_call_off (BitmarTurn *turn);

G_END_DECLS
