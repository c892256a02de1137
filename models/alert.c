/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alerts: rules (alert-rules.c) whose sentences score each look (alert-score.c), and what starts and ends by that.
 * Of each rule:
 *
 *          score >= above, for `for`, `cooldown` after the last end
 *   idle -----------------------------------------------------------> active
 *        <-----------------------------------------------------------
 *                       score < below, for `hold`
 *
 * Looks are all that is known: between two of them nothing is assumed to have changed, however far apart they are. */
#include <string.h>

#include "alert-private.h"
#include "alert-rules.h"
#include "alert-score.h"
#include "episode-private.h"
#include "object-private.h"

typedef struct {
  const BitmarAlertRule *rule;
  const float *t;                        /* [C]: the sentence */
  BitmarAlertScale scale;

  float score, peak;
  gboolean active, ended;                /* ended: since the reset */
  gboolean turning;                      /* above but not active yet, or active and below */
  guint64 start_ns, turn_ns, end_ns;     /* turn_ns: of the first look that is turning */
} Watch;

struct _BitmarAlerts {
  GObject parent;

  BitmarModel *model;
  GPtrArray *sources;
  Watch *watches;                        /* [n] */
  float *t;                              /* [n, C] */
  float *scores;                         /* [n] */
  guint n;
  gboolean looked;
  guint64 time_ns;                       /* of the last look */
};

BITMAR_DEFINE_TYPE (BitmarAlerts, bitmar_alerts)

static void
bitmar_alerts_init (BitmarAlerts *self)
{
}

static void
bitmar_alerts_finalize (GObject *object)
{
  BitmarAlerts *self = BITMAR_ALERTS (object);

  g_clear_pointer (&self->sources, g_ptr_array_unref);
  g_free (self->watches);
  g_free (self->t);
  g_free (self->scores);
  g_clear_object (&self->model);
  G_OBJECT_CLASS (bitmar_alerts_parent_class)->finalize (object);
}

static void
bitmar_alerts_class_init (BitmarAlertsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bitmar_alerts_finalize;
}

/* ---- Rules ---------------------------------------------------------------------------------------- */

gboolean
bitmar_alerts_check_rules (const char *rules, GError **error)
{
  GPtrArray *sources = bitmar_alert_rules_parse (rules ? rules : "", rules ? strlen (rules) : 0, error);

  if (!sources)
    return FALSE;
  g_ptr_array_unref (sources);
  return TRUE;
}

static gboolean
prepare_watch (BitmarAlerts *self, guint i, GError **error)
{
  const BitmarAlertSource *source = self->sources->pdata[i];
  float *t = self->t + (gsize) i * self->model->memory_width;

  if (!bitmar_model_embed (self->model, source->sentence, t, error)) {
    g_prefix_error (error, "line %u, column %u: ", source->line, source->column);
    return FALSE;
  }
  self->watches[i] = (Watch) { .rule = &source->rule, .t = t, .scale = bitmar_alert_scale (self->model, t) };
  return TRUE;
}

static gboolean
prepare (BitmarAlerts *self, GError **error)
{
  self->n = self->sources->len;
  self->watches = g_try_new0 (Watch, MAX (self->n, 1));
  self->scores = g_try_new0 (float, MAX (self->n, 1));
  self->t = g_try_new0 (float, MAX (self->n, 1) * (gsize) self->model->memory_width);
  if (!self->watches || !self->scores || !self->t) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY, "not enough memory for %u alert rules", self->n);
    return FALSE;
  }
  for (guint i = 0; i < self->n; i++)
    if (!prepare_watch (self, i, error))
      return FALSE;
  bitmar_alerts_reset (self);
  return TRUE;
}

BitmarAlerts *
bitmar_alerts_new (BitmarModel *model, const char *rules, GError **error)
{
  GPtrArray *sources = bitmar_alert_rules_parse (rules ? rules : "", rules ? strlen (rules) : 0, error);
  BitmarAlerts *self;

  if (!sources)
    return NULL;
  self = bitmar_alerts_make ();
  self->model = g_object_ref (model);
  self->sources = sources;
  if (!prepare (self, error))
    g_clear_object (&self);
  return self;
}

guint
bitmar_alerts_get_n_rules (BitmarAlerts *alerts)
{
  return alerts->n;
}

const BitmarAlertRule *
bitmar_alerts_get_rule (BitmarAlerts *alerts, guint i)
{
  return i < alerts->n ? alerts->watches[i].rule : NULL;
}

gboolean
bitmar_alerts_get_state (BitmarAlerts *alerts, guint i, BitmarAlertState *state)
{
  const Watch *w = alerts->watches + i;

  if (i >= alerts->n)
    return FALSE;
  *state = (BitmarAlertState) { .active = w->active, .score = w->score, .peak = w->active ? w->peak : 0,
    .start_ns = w->active ? w->start_ns : 0 };
  return TRUE;
}

char *
bitmar_alerts_to_string (BitmarAlerts *alerts)
{
  GString *to = g_string_new (NULL);

  for (guint i = 0; i < alerts->n; i++) {
    bitmar_alert_rule_print (alerts->watches[i].rule, to);
    g_string_append_c (to, '\n');
  }
  return g_string_free (to, FALSE);
}

/* ---- Looks ---------------------------------------------------------------------------------------- */

/* Whether the look is turning, and the first such look was at least so long ago. */
static gboolean
has_turned (Watch *w, gboolean turning, guint64 now, guint64 least_ns)
{
  if (turning && !w->turning)
    w->turn_ns = now;
  w->turning = turning;
  return turning && now - w->turn_ns >= least_ns;
}

/* Whether it starts. */
static gboolean
step_idle (Watch *w, guint64 now)
{
  gboolean was_above = w->turning, above = has_turned (w, w->score >= w->rule->above, now, w->rule->for_ns);

  w->peak = was_above ? MAX (w->peak, w->score) : w->score;
  if (!above || (w->ended && now - w->end_ns < w->rule->cooldown_ns))
    return FALSE;
  w->start_ns = w->turn_ns;
  w->active = TRUE;
  w->turning = FALSE;
  return TRUE;
}

static void
end (Watch *w, guint64 now)
{
  w->active = w->turning = FALSE;
  w->ended = TRUE;
  w->end_ns = now;
}

/* Whether it ends. */
static gboolean
step_active (Watch *w, guint64 now)
{
  w->peak = MAX (w->peak, w->score);
  if (!has_turned (w, w->score < w->rule->below, now, w->rule->hold_ns))
    return FALSE;
  end (w, now);
  return TRUE;
}

static void
tell (const Watch *w, guint64 now, BitmarAlertFunc func, gpointer user_data)
{
  BitmarAlertEvent event = { .kind = w->active ? BITMAR_ALERT_START : BITMAR_ALERT_END, .name = w->rule->name,
    .sentence = w->rule->sentence, .score = w->score, .peak = w->peak, .time_ns = now, .start_ns = w->start_ns };

  if (func)
    func (&event, user_data);
}

void
bitmar_alerts_observe_scores (BitmarAlerts *alerts, const float *scores, guint64 time_ns, BitmarAlertFunc func,
    gpointer user_data)
{
  if (alerts->looked && time_ns < alerts->time_ns)
    bitmar_alerts_finish (alerts, func, user_data);
  alerts->looked = TRUE;
  alerts->time_ns = time_ns;
  for (guint i = 0; i < alerts->n; i++) {
    Watch *w = &alerts->watches[i];
    w->score = scores[i];
    if (w->active ? step_active (w, time_ns) : step_idle (w, time_ns))
      tell (w, time_ns, func, user_data);
  }
}

void
bitmar_alerts_score (BitmarAlerts *alerts, const float *key, float *scores)
{
  for (guint i = 0; i < alerts->n; i++) {
    const Watch *w = &alerts->watches[i];
    scores[i] = bitmar_alert_score (alerts->model, &w->scale, bmk_dot (w->t, key, alerts->model->memory_width));
  }
}

gboolean
bitmar_alerts_observe (BitmarAlerts *alerts, BitmarEpisode *episode, guint64 time_ns, BitmarAlertFunc func,
    gpointer user_data, GError **error)
{
  if (episode->model != alerts->model && strcmp (episode->model->id, alerts->model->id)) {
    g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH, "the episode belongs to another model");
    return FALSE;
  }
  bitmar_alerts_score (alerts, episode->key, alerts->scores);
  bitmar_alerts_observe_scores (alerts, alerts->scores, time_ns, func, user_data);
  return TRUE;
}

void
bitmar_alerts_finish (BitmarAlerts *alerts, BitmarAlertFunc func, gpointer user_data)
{
  for (guint i = 0; i < alerts->n; i++)
    if (alerts->watches[i].active) {
      end (&alerts->watches[i], alerts->time_ns);
      tell (&alerts->watches[i], alerts->time_ns, func, user_data);
    }
  bitmar_alerts_reset (alerts);
}

void
bitmar_alerts_reset (BitmarAlerts *alerts)
{
  alerts->looked = FALSE;
  alerts->time_ns = 0;
  for (guint i = 0; i < alerts->n; i++) {
    Watch *w = &alerts->watches[i];
    w->score = -1;
    w->peak = 0;
    w->active = w->ended = w->turning = FALSE;
  }
}
