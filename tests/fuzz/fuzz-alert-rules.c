/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alert rules. What is read can be printed and read again, the same; what is refused says where and why. */
#include "alert-rules.h"
#include "fuzz.h"

void
fuzz_seeds (FuzzAdd add, void *to)
{
  static const char *const texts[] = {
    "visitor: a person in a room for 1s hold 1s",
    "dog: \"a dog \\\"above\\\" a \\\\ cat\" above 0.7 below 0.35 for 500ms hold 2min cooldown 1h # a comment\n\nfire: flames; smoke: smoke above 1",
    "a: b above 0.0001 below 0.0001\r\nA-1_: \303\244\303\266 for 1000h; b:c cooldown 0ms",
    "x: y above 0.55 below 0.56", "x: y for 0.0005s", "name with spaces: z", ": nothing", "q: \"not closed\nr: s", "# only this", ";;\n;", "",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    add (texts[i], strlen (texts[i]), to);
}

static void
check_rule (const BitmarAlertSource *s)
{
  const BitmarAlertRule *r = &s->rule;

  FUZZ_CHECK (r->name == s->name && r->sentence == s->sentence);
  FUZZ_CHECK (*r->name && strlen (r->name) <= BITMAR_ALERT_MAX_NAME);
  FUZZ_CHECK (*r->sentence && strlen (r->sentence) <= BITMAR_ALERT_MAX_SENTENCE);
  FUZZ_CHECK (g_utf8_validate (r->sentence, -1, NULL) && !strchr (r->sentence, '\n'));
  FUZZ_CHECK (0 < r->below && r->below <= r->above && r->above <= 1);
  FUZZ_CHECK (r->for_ns <= BITMAR_ALERT_MAX_MS * 1000000 && r->hold_ns <= BITMAR_ALERT_MAX_MS * 1000000
      && r->cooldown_ns <= BITMAR_ALERT_MAX_MS * 1000000);
  FUZZ_CHECK (s->line >= 1 && s->column >= 1);
}

static void
check_same (const BitmarAlertRule *a, const BitmarAlertRule *b)
{
  FUZZ_CHECK (strcmp (a->name, b->name) == 0 && strcmp (a->sentence, b->sentence) == 0);
  FUZZ_CHECK (a->above == b->above && a->below == b->below);
  FUZZ_CHECK (a->for_ns == b->for_ns && a->hold_ns == b->hold_ns && a->cooldown_ns == b->cooldown_ns);
}

/* Printed, a text may be longer than it was: at most then it may be refused. */
static void
check_again (GPtrArray *rules)
{
  GString *text = g_string_new (NULL);
  GPtrArray *again;

  for (guint i = 0; i < rules->len; i++) {
    bitmar_alert_rule_print (&((BitmarAlertSource *) rules->pdata[i])->rule, text);
    g_string_append_c (text, '\n');
  }
  again = bitmar_alert_rules_parse (text->str, text->len, NULL);
  FUZZ_CHECK (again || text->len > BITMAR_ALERT_MAX_TEXT);
  FUZZ_CHECK (!again || again->len == rules->len);
  for (guint i = 0; again && i < rules->len; i++)
    check_same (&((BitmarAlertSource *) rules->pdata[i])->rule, &((BitmarAlertSource *) again->pdata[i])->rule);
  g_clear_pointer (&again, g_ptr_array_unref);
  g_string_free (text, TRUE);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  GError *error = NULL;
  GPtrArray *rules = bitmar_alert_rules_parse ((const char *) data, size, &error);

  FUZZ_CHECK (!rules == !!error);
  if (!rules) {
    FUZZ_CHECK (error->domain == BITMAR_ERROR && error->code == BITMAR_ERROR_PARAMETER);
    FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL) && strlen (error->message) < 1000);
    g_error_free (error);
    return 0;
  }
  FUZZ_CHECK (rules->len <= BITMAR_ALERT_MAX_RULES);
  for (guint i = 0; i < rules->len; i++)
    check_rule (rules->pdata[i]);
  check_again (rules);
  g_ptr_array_unref (rules);
  return 0;
}
