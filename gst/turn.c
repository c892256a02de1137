/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "turn.h"

#include <sched.h>

static GMutex lock;
static GQueue waiting = G_QUEUE_INIT;  /* of BitmarTurn */
static guint taken;
static guint64 turns;

/* Those that the process may use, which `taskset` and containers limit; asked each time, for they may change. */
static guint
processors (void)
{
  cpu_set_t cpus;

  return sched_getaffinity (0, sizeof cpus, &cpus) == 0 ? MAX (1, (guint) CPU_COUNT (&cpus)) : g_get_num_processors ();
}

void
bitmar_turn_init (BitmarTurn *turn)
{
  *turn = (BitmarTurn) { 0 };
  g_cond_init (&turn->granted_or_gone);
}

void
bitmar_turn_clear (BitmarTurn *turn)
{
  g_cond_clear (&turn->granted_or_gone);
}

/* Locked. */
static void
grant (void)
{
  while (taken < processors () && !g_queue_is_empty (&waiting)) {
    BitmarTurn *turn = g_queue_pop_head (&waiting);

    turn->granted = TRUE;
    turn->last = ++turns;
    taken++;
    g_cond_signal (&turn->granted_or_gone);
  }
}

static gint
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  guint64 x = ((const BitmarTurn *) a)->last, y = ((const BitmarTurn *) b)->last;

  return (x > y) - (x < y);
}

gboolean
bitmar_turn_take (BitmarTurn *turn)
{
  gboolean granted;

  g_mutex_lock (&lock);
  if (!turn->gone) {
    g_queue_insert_sorted (&waiting, turn, compare, NULL);
    grant ();
  }
  while (!turn->granted && !turn->gone)
    g_cond_wait (&turn->granted_or_gone, &lock);
  if (!turn->granted)
    g_queue_remove (&waiting, turn);
  granted = turn->granted;
  g_mutex_unlock (&lock);
  return granted;
}

void
bitmar_turn_give (BitmarTurn *turn)
{
  g_mutex_lock (&lock);
  turn->granted = FALSE;
  taken--;
  grant ();
  g_mutex_unlock (&lock);
}

void
bitmar_turn_call_off (BitmarTurn *turn)
{
  g_mutex_lock (&lock);
  turn->gone = TRUE;
  g_cond_signal (&turn->granted_or_gone);
  g_mutex_unlock (&lock);
}
