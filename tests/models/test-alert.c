/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alerts: the language of rules, what starts and ends by given scores, and scores of a tiny model without and with a
 * background. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "alert-private.h"
#include "alert-rules.h"
#include "alert-score.h"
#include "edit.h"
#include "episode-private.h"
#include "gguf.h"

#define MS G_GUINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* ---- Rules ---------------------------------------------------------------------------------------- */

static GPtrArray *
parse (const char *text)
{
  GError *error = NULL;
  GPtrArray *rules = bitmar_alert_rules_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return rules;
}

static const BitmarAlertRule *
rule_at (GPtrArray *rules, guint i)
{
  g_assert_cmpuint (i, <, rules->len);
  return &((BitmarAlertSource *) rules->pdata[i])->rule;
}

static void
test_good_rules (void)
{
  static const struct {
    const char *text, *name, *sentence;
    float above, below;
    guint64 for_ms, hold_ms, cooldown_ms;
  } all[] = {
    { "a: x", "a", "x", 0.5f, 0.3f, 0, 0, 30000 },
    { "a:x", "a", "x", 0.5f, 0.3f, 0, 0, 30000 },
    { " \t A_b-9 :  a   person\tclimbing a fence  \r", "A_b-9", "a person climbing a fence", 0.5f, 0.3f, 0, 0, 30000 },
    { "for: for3 abovex", "for", "for3 abovex", 0.5f, 0.3f, 0, 0, 30000 },
    { "a: Above a door", "a", "Above a door", 0.5f, 0.3f, 0, 0, 30000 },
    { "a: at 8:30, it's \xc3\xa9t\xc3\xa9", "a", "at 8:30, it's \xc3\xa9t\xc3\xa9", 0.5f, 0.3f, 0, 0, 30000 },
    { "fire: \"smoke; and # \\\"flames\\\" \\\\ above\" above 0.7 below 0.5 for 3s cooldown 60s # hot", "fire",
        "smoke; and # \"flames\" \\ above", 0.7f, 0.5f, 3000, 0, 60000 },
    { "a: x hold 1.5min below .5", "a", NULL, 0, 0, 0, 0, 0 },
    { "a: x above 0.9", "a", "x", 0.9f, 0.7f, 0, 0, 30000 },
    { "a: x above 0.1", "a", "x", 0.1f, 0.0001f, 0, 0, 30000 },
    { "a: x above 1 below 1.0", "a", "x", 1, 1, 0, 0, 30000 },
    { "a: x below 0.0001 above 0.0001", "a", "x", 0.0001f, 0.0001f, 0, 0, 30000 },
    { "a: x hold 1.5min cooldown 0s for 0.001s", "a", "x", 0.5f, 0.3f, 1, 90000, 0 },
    { "a: x for 1000h cooldown 3600000000ms hold 0.25h", "a", "x", 0.5f, 0.3f, 3600000000, 900000, 3600000000 },
    { "a: \"x\"above 0.25#y", "a", "x", 0.25f, 0.05f, 0, 0, 30000 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    GError *error = NULL;
    GPtrArray *rules = bitmar_alert_rules_parse (all[i].text, strlen (all[i].text), &error);
    const BitmarAlertRule *r;

    g_assert_cmpint (bitmar_alerts_check_rules (all[i].text, NULL), ==, rules != NULL);
    if (!all[i].sentence) {
      g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
      g_error_free (error);
      continue;
    }
    g_assert_no_error (error);
    g_assert_cmpuint (rules->len, ==, 1);
    r = rule_at (rules, 0);
    g_assert_cmpstr (r->name, ==, all[i].name);
    g_assert_cmpstr (r->sentence, ==, all[i].sentence);
    g_assert_cmpfloat (r->above, ==, all[i].above);
    g_assert_cmpfloat (r->below, ==, all[i].below);
    g_assert_cmpuint (r->for_ns, ==, all[i].for_ms * MS);
    g_assert_cmpuint (r->hold_ns, ==, all[i].hold_ms * MS);
    g_assert_cmpuint (r->cooldown_ns, ==, all[i].cooldown_ms * MS);
    g_ptr_array_unref (rules);
  }
}

static void
test_many_rules (void)
{
  GPtrArray *rules = parse ("# what the gate sees; not a rule\n\n;; a: one; b: two # ; c: three\r\nd: four for 1s;\n");

  g_assert_cmpuint (rules->len, ==, 3);
  g_assert_cmpstr (rule_at (rules, 0)->sentence, ==, "one");
  g_assert_cmpstr (rule_at (rules, 1)->sentence, ==, "two");
  g_assert_cmpstr (rule_at (rules, 2)->sentence, ==, "four");
  g_assert_cmpuint (rule_at (rules, 2)->for_ns, ==, SECOND);
  g_ptr_array_unref (rules);
  rules = parse (" \n# nothing");
  g_assert_cmpuint (rules->len, ==, 0);
  g_ptr_array_unref (rules);
}

/* The error of a text, which says where and ends with what was expected there. */
static void
rules_refused (const char *text, gsize length, const char *where, const char *expected)
{
  GError *error = NULL;

  g_assert_null (bitmar_alert_rules_parse (text, length, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  if (!g_str_has_prefix (error->message, where) || !strstr (error->message, expected))
    g_error ("'%s' is refused with '%s', expected were '%s' and '%s'", text, error->message, where, expected);
  g_error_free (error);
}

static void
test_bad_rules (void)
{
  static const struct {
    const char *text, *where, *expected;
  } all[] = {
    { "climbing", "line 1, column 9: ", "':' behind the name 'climbing' expected" },
    { "a: x\nb x", "line 2, column 3: ", "':' behind the name 'b' expected" },
    { "a: x\n  : y", "line 2, column 3: ", "a name of 1 to 64" },
    { "caf\xc3\xa9: x", "line 1, column 4: ", "':' behind the name 'caf' expected" },
    { "\xc3\xa9: x", "line 1, column 1: ", "a name of 1 to 64" },
    { "a: x; a: y", "line 1, column 7: ", "'a' is taken" },
    { "a:", "line 1, column 3: ", "a sentence expected" },
    { "a:  ; b: y", "line 1, column 5: ", "a sentence expected" },
    { "a: \n b", "line 1, column 4: ", "a sentence expected" },
    { "a: above 0.5", "line 1, column 4: ", "a sentence expected" },
    { "a: \"  \"", "line 1, column 4: ", "a sentence expected" },
    { "a: \"x", "line 1, column 4: ", "a quote that ends on its line" },
    { "a: \"x\n\"", "line 1, column 4: ", "a quote that ends on its line" },
    { "a: \"x\\n\"", "line 1, column 7: ", "\\\" or \\\\ expected" },
    { "a: \"x\\", "line 1, column 6: ", "\\\" or \\\\ expected" },
    { "a: say \"x\"", "line 1, column 8: ", "goes into quotes" },
    { "a: \"x\" y", "line 1, column 8: ", "above, below, for, hold, cooldown, ';' or the end" },
    { "a: \"x\" \"y\"", "line 1, column 8: ", "above, below, for, hold, cooldown, ';' or the end" },
    { "a: \xc3\xa9t\xc3\xa9 above x", "line 1, column 14: ", "behind 'above' a number" },
    { "a: a man waits for a bus", "line 1, column 20: ", "behind 'for' a duration" },
    { "a: x above", "line 1, column 11: ", "behind 'above' a number" },
    { "a: x above 0", "line 1, column 12: ", "a number above 0" },
    { "a: x above 1.0001", "line 1, column 12: ", "up to 1" },
    { "a: x above 0.00001", "line 1, column 12: ", "at most 4 decimals" },
    { "a: x above -0.5", "line 1, column 12: ", "a number" },
    { "a: x above 5e-1", "line 1, column 12: ", "a number" },
    { "a: x above 0,5", "line 1, column 12: ", "a number" },
    { "a: x above 0.", "line 1, column 12: ", "a number" },
    { "a: x above .5", "line 1, column 12: ", "a number" },
    { "a: x above nan", "line 1, column 12: ", "a number" },
    { "a: x above 99999999999999999999999", "line 1, column 12: ", "a number" },
    { "a: x above 0.5 above 0.6", "line 1, column 16: ", "'above' once" },
    { "a: x below 0.6", "line 1, column 6: ", "'below' at most the 0.5 of 'above'" },
    { "a: x below 0.71 for 1s above 0.7", "line 1, column 6: ", "'below' at most the 0.7 of 'above'" },
    { "a: x for 3", "line 1, column 10: ", "a duration such as" },
    { "a: x for 3 s", "line 1, column 10: ", "a duration such as" },
    { "a: x for 3S", "line 1, column 10: ", "a duration such as" },
    { "a: x hold 3days", "line 1, column 11: ", "a duration such as" },
    { "a: x cooldown -3s", "line 1, column 15: ", "behind 'cooldown' a duration" },
    { "a: x for 0.5ms", "line 1, column 10: ", "whole milliseconds" },
    { "a: x for 1000.001h", "line 1, column 10: ", "up to 1000h" },
    { "a: x for 9999999999h", "line 1, column 10: ", "up to 1000h" },
    { "a: x for 99999999999999999999h", "line 1, column 10: ", "a duration such as" },
    { "a: x\x01", "line 1, column 5: ", "without control characters" },
    { "a: x\n\n\xc3\xa9\x7f", "line 3, column 2: ", "without control characters" },
    { "a: x\n\xff", "line 2, column 1: ", "UTF-8" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    rules_refused (all[i].text, strlen (all[i].text), all[i].where, all[i].expected);
  rules_refused ("a: x\0b: y", 9, "line 1, column 5: ", "UTF-8");
}

static char *
numbered (guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "r%u: x\n", i);
  return g_string_free (text, FALSE);
}

static char *
long_rule (gsize name, gsize sentence)
{
  char *a = g_strnfill (name, 'n'), *b = g_strnfill (sentence, 's'), *text = g_strconcat (a, ": ", b, NULL);

  g_free (a);
  g_free (b);
  return text;
}

static void
test_limits (void)
{
  char *text = numbered (256);

  g_ptr_array_unref (parse (text));
  g_free (text);
  text = numbered (257);
  rules_refused (text, strlen (text), "line 257, column 1: ", "no more than 256 rules");
  g_free (text);
  text = long_rule (64, 1024);
  g_ptr_array_unref (parse (text));
  g_free (text);
  text = long_rule (65, 1);
  rules_refused (text, strlen (text), "line 1, column 1: ", "a name of 1 to 64");
  g_free (text);
  text = long_rule (1, 1025);
  rules_refused (text, strlen (text), "line 1, column 4: ", "at most 1024 bytes");
  g_free (text);
  text = g_strnfill (65536, '\n');
  g_ptr_array_unref (parse (text));
  g_free (text);
  text = g_strnfill (65537, '\n');
  rules_refused (text, 65537, "alert rules of more than 65536 bytes", "");
  g_free (text);
}

/* Whatever the bytes: rules or an error, and what is read prints as text that reads the same. */
static void
test_noise (void)
{
  static const char pieces[][12] = { "a", ":", " ", "\"", "\\", ";", "#", "\n", "above", "0.5", "below", "for", "3s",
    "hold", "\xc3", "\xa9", "x y", "1h", "0.12", "\t", "cooldown" };
  GRand *random = g_rand_new_with_seed (3);
  guint read = 0;

  for (guint i = 0; i < 200000; i++) {
    GString *text = g_string_new (i % 2 ? "n: s" : NULL), *first = g_string_new (NULL), *second = g_string_new (NULL);
    GError *error = NULL;
    GPtrArray *rules, *again;

    for (gint n = g_rand_int_range (random, 0, 12); n > 0; n--)
      g_string_append (text, pieces[g_rand_int_range (random, 0, G_N_ELEMENTS (pieces))]);
    rules = bitmar_alert_rules_parse (text->str, text->len, &error);
    g_assert_true ((rules == NULL) == (error != NULL));
    g_clear_error (&error);
    for (guint j = 0; rules && j < rules->len; j++, g_string_append_c (first, '\n'))
      bitmar_alert_rule_print (rule_at (rules, j), first);
    if (rules) {
      again = parse (first->str);
      for (guint j = 0; j < again->len; j++, g_string_append_c (second, '\n'))
        bitmar_alert_rule_print (rule_at (again, j), second);
      g_assert_cmpstr (first->str, ==, second->str);
      g_assert_cmpuint (rules->len, ==, again->len);
      read += rules->len > 0;
      g_ptr_array_unref (again);
      g_ptr_array_unref (rules);
    }
    g_string_free (text, TRUE);
    g_string_free (first, TRUE);
    g_string_free (second, TRUE);
  }
  g_assert_cmpuint (read, >, 1000);
  g_rand_free (random);
}

/* ---- Alerts on given scores ------------------------------------------------------------------------ */

static BitmarAlerts *
alerts_of (BitmarModel *model, const char *rules)
{
  GError *error = NULL;
  BitmarAlerts *alerts = bitmar_alerts_new (model, rules, &error);

  g_assert_no_error (error);
  return alerts;
}

static void
write_event (const BitmarAlertEvent *event, gpointer user_data)
{
  g_string_append_printf (user_data, "%s%s %s %.2f/%.2f @%" G_GUINT64_FORMAT "ms since %" G_GUINT64_FORMAT "ms",
      ((GString *) user_data)->len ? "; " : "", event->name, event->kind == BITMAR_ALERT_START ? "start" : "end",
      event->score, event->peak, event->time_ns / MS, event->start_ns / MS);
}

/* What happens at `looks`, "TIME SCORE, TIME SCORE, ...", times in ms; "finish" and "reset" are looks too. */
static void
happens (const char *options, const char *looks, const char *want)
{
  BitmarModel *model = edit_load_tiny ();
  char *rules = g_strconcat ("a: x ", options, NULL), **all = g_strsplit (looks, ", ", -1);
  BitmarAlerts *alerts = alerts_of (model, rules);
  GString *got = g_string_new (NULL);

  for (guint i = 0; all[i]; i++) {
    if (g_str_equal (all[i], "finish"))
      bitmar_alerts_finish (alerts, write_event, got);
    else if (g_str_equal (all[i], "reset"))
      bitmar_alerts_reset (alerts);
    else {
      char *rest;
      guint64 ms = g_ascii_strtoull (all[i], &rest, 10);
      float score = (float) g_ascii_strtod (rest, NULL);
      bitmar_alerts_observe_scores (alerts, &score, ms * MS, write_event, got);
    }
  }
  g_assert_cmpstr (got->str, ==, want);
  g_string_free (got, TRUE);
  g_strfreev (all);
  g_free (rules);
  g_object_unref (alerts);
  g_object_unref (model);
}

static void
test_hysteresis (void)
{
  happens ("cooldown 0s", "0 0.49, 100 0.4, 200 0", "");
  happens ("cooldown 0s", "0 0.1, 100 0.5, 200 0.3, 300 0.9, 400 0.29, 500 0.4",
      "a start 0.50/0.50 @100ms since 100ms; a end 0.29/0.90 @400ms since 100ms");
  happens ("above 0.6 below 0.6 cooldown 0s", "0 0.6, 1 0.59, 2 0.6, 3 0.61, 4 0",
      "a start 0.60/0.60 @0ms since 0ms; a end 0.59/0.60 @1ms since 0ms; a start 0.60/0.60 @2ms since 2ms; "
      "a end 0.00/0.61 @4ms since 2ms");
}

static void
test_for (void)
{
  happens ("for 3s cooldown 0s", "0 0.9, 1000 0.6, 2999 0.7, 3000 0.5", "a start 0.50/0.90 @3000ms since 0ms");
  /* One look that is not above begins anew, though it is above `below`; the peak too. */
  happens ("for 3s cooldown 0s", "0 0.9, 2000 0.49, 3000 0.6, 5999 0.6, 6000 0.6",
      "a start 0.60/0.60 @6000ms since 3000ms");
  /* Looks are all that is known. */
  happens ("for 3s", "0 0.9, 3600000 0.9", "a start 0.90/0.90 @3600000ms since 0ms");
}

static void
test_hold (void)
{
  happens ("hold 2s", "0 0.9, 1000 0.1, 2000 0.2, 2999 0.1, 3000 0.1",
      "a start 0.90/0.90 @0ms since 0ms; a end 0.10/0.90 @3000ms since 0ms");
  happens ("hold 2s", "0 0.9, 1000 0.1, 2500 0.3, 3000 0.1, 4999 0.2", "a start 0.90/0.90 @0ms since 0ms");
  happens ("hold 2s", "0 0.9, 1000 0.1, 3600000 0.1",
      "a start 0.90/0.90 @0ms since 0ms; a end 0.10/0.90 @3600000ms since 0ms");
  /* What was below before the end says nothing of the next start. */
  happens ("hold 1s for 1s cooldown 0s", "0 0.9, 1000 0.9, 2000 0, 3000 0, 4000 0.8, 4500 0.8, 5000 0.7",
      "a start 0.90/0.90 @1000ms since 0ms; a end 0.00/0.90 @3000ms since 0ms; a start 0.70/0.80 @5000ms since 4000ms");
}

static void
test_cooldown (void)
{
  /* The first has none to wait for. */
  happens ("", "0 0.9, 1000 0, 2000 0.9, 30999 0.6, 31000 0.7",
      "a start 0.90/0.90 @0ms since 0ms; a end 0.00/0.90 @1000ms since 0ms; a start 0.70/0.90 @31000ms since 2000ms");
  happens ("cooldown 10s", "0 0.9, 1000 0, 2000 0.9, 3000 0.1, 11000 0.1, 12000 0.6",
      "a start 0.90/0.90 @0ms since 0ms; a end 0.00/0.90 @1000ms since 0ms; a start 0.60/0.60 @12000ms since 12000ms");
}

static void
test_time (void)
{
  happens ("for 1s", "5000 0.9, 5000 0.9, 6000 0.8", "a start 0.80/0.90 @6000ms since 5000ms");
  /* Back: what is active ends when it was last seen, and nothing is waited for. */
  happens ("", "5000 0.9, 6000 0.8, 100 0.7",
      "a start 0.90/0.90 @5000ms since 5000ms; a end 0.80/0.90 @6000ms since 5000ms; "
      "a start 0.70/0.70 @100ms since 100ms");
  happens ("for 1s", "5000 0.9, 0 0.9, 999 0.9, 1000 0.9", "a start 0.90/0.90 @1000ms since 0ms");
  happens ("", "0 0.9, finish, 10 0.6, finish, finish",
      "a start 0.90/0.90 @0ms since 0ms; a end 0.90/0.90 @0ms since 0ms; "
      "a start 0.60/0.60 @10ms since 10ms; a end 0.60/0.60 @10ms since 10ms");
  happens ("", "9000 0.9, reset, 10 0.6", "a start 0.90/0.90 @9000ms since 9000ms; a start 0.60/0.60 @10ms since 10ms");
  happens ("", "18446744073709 0.9, 18446744073709 0", "a start 0.90/0.90 @18446744073709ms since 18446744073709ms; "
      "a end 0.00/0.90 @18446744073709ms since 18446744073709ms");
}

static void
test_state (void)
{
  BitmarModel *model = edit_load_tiny ();
  BitmarAlerts *alerts = alerts_of (model, "a: x; b: \"y\" above 0.8 for 1s");
  BitmarAlertState state;
  float scores[] = { 0.6f, 0.9f };
  GString *got = g_string_new (NULL);

  g_assert_cmpuint (bitmar_alerts_get_n_rules (alerts), ==, 2);
  g_assert_cmpstr (bitmar_alerts_get_rule (alerts, 1)->name, ==, "b");
  g_assert_null (bitmar_alerts_get_rule (alerts, 2));
  g_assert_false (bitmar_alerts_get_state (alerts, 2, &state));
  g_assert_true (bitmar_alerts_get_state (alerts, 0, &state));
  g_assert_cmpfloat (state.score, ==, -1);
  bitmar_alerts_observe_scores (alerts, scores, 5 * SECOND, NULL, NULL);
  g_assert_true (bitmar_alerts_get_state (alerts, 0, &state));
  g_assert_true (state.active);
  g_assert_cmpfloat (state.peak, ==, 0.6f);
  g_assert_cmpuint (state.start_ns, ==, 5 * SECOND);
  g_assert_true (bitmar_alerts_get_state (alerts, 1, &state));
  g_assert_false (state.active);
  g_assert_cmpfloat (state.score, ==, 0.9f);
  scores[0] = 0;
  bitmar_alerts_observe_scores (alerts, scores, 6 * SECOND, write_event, got);
  g_assert_cmpstr (got->str, ==, "a end 0.00/0.60 @6000ms since 5000ms; b start 0.90/0.90 @6000ms since 5000ms");
  bitmar_alerts_reset (alerts);
  g_assert_true (bitmar_alerts_get_state (alerts, 1, &state));
  g_assert_false (state.active);
  g_assert_cmpfloat (state.score, ==, -1);
  g_string_free (got, TRUE);
  g_object_unref (alerts);
  g_object_unref (model);
}

static void
test_to_string (void)
{
  static const char *want = "a: \"x\" above 0.5 below 0.3 for 0ms hold 0ms cooldown 30s\n"
      "fire: \"a \\\"red\\\" car\" above 0.7 below 0.125 for 1500ms hold 2min cooldown 3h\n"
      "c: \"y\" above 1 below 0.0001 for 0ms hold 0ms cooldown 30s\n";
  BitmarModel *model = edit_load_tiny ();
  BitmarAlerts *alerts = alerts_of (model, "a: x; "
      "fire: \"a \\\"red\\\" car\" above 0.7000 below 0.125 for 1.5s hold 120s cooldown 180min\n"
      "c: y above 1 below 0.0001"), *again;
  char *text = bitmar_alerts_to_string (alerts), *second;

  g_assert_cmpstr (text, ==, want);
  again = alerts_of (model, text);
  second = bitmar_alerts_to_string (again);
  g_assert_cmpstr (second, ==, want);
  g_free (text);
  g_free (second);
  g_object_unref (again);
  g_object_unref (alerts);
  g_object_unref (model);
}

/* ---- Scores of episodes ---------------------------------------------------------------------------- */

static BitmarModel *
load_with_background (void)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny-alert.gguf", NULL);
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  g_assert_no_error (error);
  g_free (path);
  return model;
}

/* In double, straight from models/MODEL.md. */
static double
expected_score (const BitmarModel *m, const float *t, const float *e)
{
  gsize c = m->memory_width;
  double cosine = 0, mean = 0, variance = 0, z;

  for (gsize i = 0; i < c; i++)
    cosine += (double) t[i] * e[i];
  if (!m->background.mean)
    return 1 / (1 + exp (-(10.4 * cosine - 7.28)));
  for (gsize i = 0; i < c; i++) {
    mean += (double) t[i] * m->background.mean[i];
    for (gsize j = 0; j < c; j++)
      variance += (double) t[i] * m->background.covariance[i * c + j] * t[j];
  }
  z = (cosine - mean) / sqrt (variance);
  return 1 / (1 + exp (-(m->background.slope * z + m->background.bias)));
}

static void
random_unit (GRand *random, float *x, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++) {
    x[i] = (float) g_rand_double_range (random, -1, 1);
    sum += x[i] * x[i];
  }
  for (gsize i = 0; i < n; i++)
    x[i] /= (float) sqrt (sum);
}

static void
check_scores (BitmarModel *model)
{
  static const char *const sentences[] = { "a man walks his dog", "an empty room" };
  BitmarAlerts *alerts = alerts_of (model, "a: a man walks his dog; b: an empty room");
  gsize c = bitmar_model_get_memory_width (model);
  GRand *random = g_rand_new_with_seed (1);
  g_autofree float *key = g_new (float, c), *t = g_new (float, c);
  float scores[2];

  for (guint n = 0; n < 200; n++) {
    random_unit (random, key, c);
    bitmar_alerts_score (alerts, key, scores);
    for (guint i = 0; i < 2; i++) {
      g_assert_true (bitmar_model_embed (model, sentences[i], t, NULL));
      g_assert_cmpfloat_with_epsilon (scores[i], expected_score (model, t, key), 1e-4);
      g_assert_cmpfloat (scores[i], >=, 0);
      g_assert_cmpfloat (scores[i], <=, 1);
    }
  }
  g_rand_free (random);
  g_object_unref (alerts);
}

static void
test_scores (void)
{
  BitmarModel *plain = edit_load_tiny (), *with = load_with_background ();

  g_assert_false (bitmar_model_has_background (plain));
  g_assert_true (bitmar_model_has_background (with));
  g_assert_cmpfloat (with->background.slope, ==, 1.5f);
  g_assert_cmpfloat (with->background.bias, ==, -2);
  check_scores (plain);
  check_scores (with);
  g_object_unref (plain);
  g_object_unref (with);
}

static void
test_monotone (void)
{
  BitmarModel *models[] = { edit_load_tiny (), load_with_background () };

  for (guint m = 0; m < 2; m++) {
    BitmarAlertScale scale = { .mean = 0.1f, .deviation = 0.2f };
    float before = bitmar_alert_score (models[m], &scale, -1);

    for (float cosine = -0.99f; cosine <= 1; cosine += 0.01f) {
      float score = bitmar_alert_score (models[m], &scale, cosine);
      g_assert_true (before < 0.999f ? score > before : score >= before);
      before = score;
    }
    g_assert_cmpfloat (bitmar_alert_score (models[m], &scale, NAN), ==, 0);
    g_assert_cmpfloat (bitmar_alert_score (models[m], &scale, FLT_MAX), ==, 1);
    g_assert_cmpfloat (bitmar_alert_score (models[m], &scale, -FLT_MAX), >=, 0);
    g_object_unref (models[m]);
  }
}

static void
test_observe (void)
{
  BitmarModel *model = edit_load_tiny (), *other = load_with_background ();
  BitmarAlerts *alerts = alerts_of (model, "a: the red car");
  BitmarEpisode *episode = bitmar_episode_new (model, NULL), *foreign = bitmar_episode_new (other, NULL);
  GString *got = g_string_new (NULL);
  GError *error = NULL;
  BitmarAlertState state;

  g_assert_true (bitmar_model_embed (model, "the red car", episode->key, NULL));
  g_assert_true (bitmar_alerts_observe (alerts, episode, SECOND, write_event, got, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (got->str, ==, "a start 0.96/0.96 @1000ms since 1000ms");      /* 1 / (1 + exp (7.28 - 10.4)) */
  g_assert_false (bitmar_alerts_observe (alerts, foreign, 2 * SECOND, write_event, got, &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH);
  g_error_free (error);
  for (guint i = 0; i < model->memory_width; i++)
    episode->key[i] = -episode->key[i];
  g_assert_true (bitmar_alerts_observe (alerts, episode, 3 * SECOND, NULL, NULL, NULL));
  g_assert_true (bitmar_alerts_get_state (alerts, 0, &state));
  g_assert_false (state.active);
  g_string_free (got, TRUE);
  g_object_unref (foreign);
  g_object_unref (episode);
  g_object_unref (alerts);
  g_object_unref (other);
  g_object_unref (model);
}

static void
test_bad_new (void)
{
  BitmarModel *model = edit_load_tiny ();
  GError *error = NULL;
  BitmarAlerts *none = alerts_of (model, NULL);

  g_assert_cmpuint (bitmar_alerts_get_n_rules (none), ==, 0);
  bitmar_alerts_observe_scores (none, NULL, 0, NULL, NULL);
  g_object_unref (none);
  g_assert_null (bitmar_alerts_new (model, "a", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  g_clear_error (&error);
  g_assert_null (bitmar_alerts_new (model, "a: x\nb:  1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9", &error));
  g_assert_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);
  g_assert_true (g_str_has_prefix (error->message, "line 2, column 5: the text has "));
  g_clear_error (&error);
  g_object_unref (model);
}

/* ---- Files ----------------------------------------------------------------------------------------- */

static void
refused (char *data, gsize size, BitmarError code)
{
  GError *error = NULL;

  edit_seal (data, size);
  g_assert_null (edit_load (data, size, &error));
  g_assert_error (error, BITMAR_ERROR, (int) code);
  g_error_free (error);
  g_free (data);
}

/* Where the floats of a tensor stand. */
static gsize
offset_of (const char *name)
{
  char *path = g_build_filename (g_getenv ("BITMAR_TEST_FILES"), "tiny-alert.gguf", NULL);
  BitmarGguf *file = bitmar_gguf_open (path, NULL);
  gsize size, at = (const guint8 *) bitmar_gguf_tensor (file, name)->data - bitmar_gguf_bytes (file, &size);

  bitmar_gguf_free (file);
  g_free (path);
  return at;
}

static void
float_refused (const char *tensor, gsize i, float x)
{
  gsize size;
  char *data = edit_file ("tiny-alert.gguf", &size);

  edit_poke (data + offset_of (tensor) + 4 * i, edit_bits_of (x));
  refused (data, size, BITMAR_ERROR_CORRUPT);
}

static void
test_bad_background (void)
{
  static const char *const parts[] = { "memory.background.mean", "memory.background.covariance", "bitmar.alert.slope",
    "bitmar.alert.bias" };
  static const float bad[2][5] = { { 0.009f, 101, -1, NAN, INFINITY }, { 101, -101, NAN, INFINITY, -INFINITY } };
  gsize size;
  char *data;

  for (guint i = 0; i < 4; i++) {          /* all four or none */
    data = edit_file ("tiny-alert.gguf", &size);
    edit_behind (data, size, parts[i])[-1] ^= 1;
    refused (data, size, BITMAR_ERROR_SHAPE);
  }
  for (guint i = 0; i < 10; i++) {
    data = edit_file ("tiny-alert.gguf", &size);
    edit_poke (edit_behind (data, size, parts[2 + i / 5]) + 4, edit_bits_of (bad[i / 5][i % 5]));
    refused (data, size, BITMAR_ERROR_SHAPE);
  }
  float_refused ("memory.background.mean", 15, NAN);
  float_refused ("memory.background.mean", 0, INFINITY);
  float_refused ("memory.background.covariance", 255, 0);
  float_refused ("memory.background.covariance", 0, -0.1f);
  float_refused ("memory.background.covariance", 17, NAN);
  float_refused ("memory.background.covariance", 1, 0.5f);       /* not symmetric */
  data = edit_file ("tiny-alert.gguf", &size);
  edit_poke (edit_behind (data, size, "memory.background.covariance") + 4, 8);
  refused (data, size, BITMAR_ERROR_SHAPE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/alert/rules/good", test_good_rules);
  g_test_add_func ("/alert/rules/many", test_many_rules);
  g_test_add_func ("/alert/rules/bad", test_bad_rules);
  g_test_add_func ("/alert/rules/limits", test_limits);
  g_test_add_func ("/alert/rules/noise", test_noise);
  g_test_add_func ("/alert/rules/to-string", test_to_string);
  g_test_add_func ("/alert/hysteresis", test_hysteresis);
  g_test_add_func ("/alert/for", test_for);
  g_test_add_func ("/alert/hold", test_hold);
  g_test_add_func ("/alert/cooldown", test_cooldown);
  g_test_add_func ("/alert/time", test_time);
  g_test_add_func ("/alert/state", test_state);
  g_test_add_func ("/alert/scores", test_scores);
  g_test_add_func ("/alert/scores/monotone", test_monotone);
  g_test_add_func ("/alert/observe", test_observe);
  g_test_add_func ("/alert/bad-new", test_bad_new);
  g_test_add_func ("/alert/bad-background", test_bad_background);
  return g_test_run ();
}
