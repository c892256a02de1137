/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "bitmar-episode.h"

G_BEGIN_DECLS

/**
 * BitmarAlertRule:
 * @name: what it is called
 * @sentence: what scores a look
 * @above: starts at this score or more, above 0 and up to 1
 * @below: ends under this score, above 0 and at most @above
 * @for_ns: how long it must be above before it starts
 * @hold_ns: how long it must be below before it ends
 * @cooldown_ns: the least time from an end to the next start
 *
 * A rule of alerts, which the strings belong to.
 */
typedef struct {
  const char *name, *sentence;
  gfloat above, below;
  guint64 for_ns, hold_ns, cooldown_ns;
} BitmarAlertRule;

#define BITMAR_TYPE_ALERT_RULE (bitmar_alert_rule_get_type ())
BITMAR_API GType bitmar_alert_rule_get_type (void);

/**
 * bitmar_alert_rule_copy:
 * @rule: a rule
 *
 * A rule that lives as long as it is wanted.
 *
 * Returns: (transfer full): the same with strings of its own
 */
BITMAR_API BitmarAlertRule *bitmar_alert_rule_copy (const BitmarAlertRule *rule);

/**
 * bitmar_alert_rule_free:
 * @rule: a rule of [method@Bitmar.AlertRule.copy]
 *
 * Frees it.
 */
BITMAR_API void bitmar_alert_rule_free (BitmarAlertRule *rule);

/**
 * BitmarAlertState:
 * @active: started and not ended
 * @score: 0 to 1, of the last look; -1 before the first
 * @peak: the highest score since @start_ns, while active
 * @start_ns: time of the first look from which on the score was above, while active
 *
 * How a rule stands.
 */
typedef struct {
  gboolean active;
  gfloat score;
  gfloat peak;
  guint64 start_ns;

  /*< private >*/
  guint64 reserved[4];
} BitmarAlertState;

/**
 * BitmarAlertKind:
 * @BITMAR_ALERT_START: it starts
 * @BITMAR_ALERT_END: it ends
 *
 * What happens to an alert.
 */
typedef enum {
  BITMAR_ALERT_START,
  BITMAR_ALERT_END
} BitmarAlertKind;

/**
 * BitmarAlertEvent:
 * @kind: start or end
 * @name: of the rule
 * @sentence: of the rule
 * @score: 0 to 1, of this look
 * @peak: the highest since @start_ns
 * @time_ns: of the look that tells
 * @start_ns: of the first look from which on the score was above
 *
 * A start or an end.
 */
typedef struct {
  BitmarAlertKind kind;
  const char *name, *sentence;
  gfloat score, peak;
  guint64 time_ns;
  guint64 start_ns;
} BitmarAlertEvent;

#define BITMAR_TYPE_ALERT_EVENT (bitmar_alert_event_get_type ())
BITMAR_API GType bitmar_alert_event_get_type (void);

/**
 * bitmar_alert_event_copy:
 * @event: an event
 *
 * An event that lives as long as it is wanted.
 *
 * Returns: (transfer full): the same with strings of its own
 */
BITMAR_API BitmarAlertEvent *bitmar_alert_event_copy (const BitmarAlertEvent *event);

/**
 * bitmar_alert_event_free:
 * @event: an event of [method@Bitmar.AlertEvent.copy]
 *
 * Frees it.
 */
BITMAR_API void bitmar_alert_event_free (BitmarAlertEvent *event);

/**
 * BitmarAlerts:
 *
 * Sentences that score every look of one stream, and tell when something starts and ends.
 *
 * Used by one thread at a time. Time that goes back is another stream: what is active ends at the time of the look before, cooldowns are forgotten.
 */
#define BITMAR_TYPE_ALERTS (bitmar_alerts_get_type ())
BITMAR_API
G_DECLARE_FINAL_TYPE (BitmarAlerts, bitmar_alerts, BITMAR, ALERTS, GObject)

/**
 * BitmarAlertFunc:
 * @event: what happens; lives as long as the call
 * @user_data: what was given with the function
 *
 * Called from within the function it is given to, for each event in the order of the rules. Must not call the same alerts.
 */
typedef void (*BitmarAlertFunc) (const BitmarAlertEvent *event, gpointer user_data);

/**
 * bitmar_alerts_check_rules:
 * @rules: (nullable): rules, as docs/alerts.md has them
 *
 * Whether the text can be read as rules; needs no model. Thread-safe. Error: `PARAMETER`, with line, column and what was expected there.
 *
 * Returns: whether it can
 */
BITMAR_API gboolean bitmar_alerts_check_rules (const char *rules, GError **error);

/**
 * bitmar_alerts_new:
 * @model: a model
 * @rules: (nullable): rules, as docs/alerts.md has them; %NULL or empty: none
 *
 * Alerts. Errors: `PARAMETER`; `TOO_LONG` for a sentence of more tokens than the model reads; `NO_MEMORY`.
 *
 * Returns: (transfer full): alerts
 */
BITMAR_API BitmarAlerts *bitmar_alerts_new (BitmarModel *model, const char *rules, GError **error);

/**
 * bitmar_alerts_observe:
 * @alerts: alerts
 * @episode: an episode of the same model
 * @time_ns: when it was seen, in nanoseconds of any clock
 * @func: (nullable) (scope call) (closure user_data): whom to tell
 * @user_data: for @func
 *
 * Scores the episode by every rule and tells what starts and ends. Microseconds; does not allocate. Error: `MISMATCH`.
 *
 * Returns: whether it was done
 */
BITMAR_API gboolean bitmar_alerts_observe (BitmarAlerts *alerts, BitmarEpisode *episode, guint64 time_ns,
    BitmarAlertFunc func, gpointer user_data, GError **error);

/**
 * bitmar_alerts_finish:
 * @alerts: alerts
 * @func: (nullable) (scope call) (closure user_data): whom to tell
 * @user_data: for @func
 *
 * The end of the stream: ends what is active at the time of the last look, then resets.
 */
BITMAR_API void bitmar_alerts_finish (BitmarAlerts *alerts, BitmarAlertFunc func, gpointer user_data);

/**
 * bitmar_alerts_reset:
 * @alerts: alerts
 *
 * As new, and nobody is told.
 */
BITMAR_API void bitmar_alerts_reset (BitmarAlerts *alerts);

/**
 * bitmar_alerts_get_n_rules:
 * @alerts: alerts
 *
 * Its rules are numbered from 0 in the order of the text.
 *
 * Returns: how many rules there are
 */
BITMAR_API guint bitmar_alerts_get_n_rules (BitmarAlerts *alerts);

/**
 * bitmar_alerts_get_rule:
 * @alerts: alerts
 * @i: its number, from 0
 *
 * A rule with what the text left to the defaults.
 *
 * Returns: (transfer none) (nullable): a rule, as long as the alerts live; %NULL if @i is out of range
 */
BITMAR_API const BitmarAlertRule *bitmar_alerts_get_rule (BitmarAlerts *alerts, guint i);

/**
 * bitmar_alerts_get_state:
 * @alerts: alerts
 * @i: the number of a rule, from 0
 * @state: (out caller-allocates): how it stands
 *
 * How a rule stands after the last look.
 *
 * Returns: %FALSE if @i is out of range
 */
BITMAR_API gboolean bitmar_alerts_get_state (BitmarAlerts *alerts, guint i, BitmarAlertState *state);

/**
 * bitmar_alerts_to_string:
 * @alerts: alerts
 *
 * What was read, with what the text left to the defaults.
 *
 * Returns: (transfer full): the rules in full, a line each, that read the same
 */
BITMAR_API char *bitmar_alerts_to_string (BitmarAlerts *alerts);

G_END_DECLS
