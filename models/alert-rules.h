/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The language of alert rules, docs/alerts.md. Text in, rules out: knows no model. */
#pragma once

#include "bitmar.h"

G_BEGIN_DECLS

#define BITMAR_ALERT_MAX_RULES 256
#define BITMAR_ALERT_MAX_TEXT (64 * 1024)
#define BITMAR_ALERT_MAX_NAME 64
#define BITMAR_ALERT_MAX_SENTENCE 1024
#define BITMAR_ALERT_MAX_MS ((guint64) 1000 * 60 * 60 * 1000)   /* 1000 h */

typedef struct {
  BitmarAlertRule rule;        /* its strings are these: */
  char *name, *sentence;
  guint line, column;          /* of the sentence, from 1 */
} BitmarAlertSource;

/* Of BitmarAlertSource; `text` needs no NUL and may be anything. PARAMETER, with line, column (in characters) and what
 * was expected. */
GPtrArray *bitmar_alert_rules_parse (const char *text, gsize length, GError **error);
/* Text that parses to the same rule; no newline. */
void bitmar_alert_rule_print (const BitmarAlertRule *rule, GString *to);

G_END_DECLS
