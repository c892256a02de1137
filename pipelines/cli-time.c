/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Points in time as people write them, and as they read them. */

#include "cli.h"

#define NS G_GINT64_CONSTANT (1000000000)
#define MAX_AGE 1e9            /* seconds: thirty years, far from any overflow */

static gboolean
parse_age (const char *text, gint64 now, gint64 *ns)
{
  static const struct {
    const char *name;
    double seconds;
  } units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
  char *unit;
  double number;

  if (text[0] != '-' || !g_ascii_isdigit (text[1]))
    return FALSE;
  number = g_ascii_strtod (text + 1, &unit);
  for (guint i = 0; i < G_N_ELEMENTS (units); i++) {
    if (!g_str_equal (unit, units[i].name) || !(number * units[i].seconds <= MAX_AGE))
      continue;
    *ns = MAX (0, now - (gint64) (number * units[i].seconds * NS));
    return TRUE;
  }
  return FALSE;
}

/* What GLib reads: the date, the seconds and, for local time, no zone may be missing in ours. */
static char *
complete (GMatchInfo *match, GDateTime *today)
{
  char *date = g_match_info_fetch_named (match, "date"), *minutes = g_match_info_fetch_named (match, "minutes");
  char *seconds = g_match_info_fetch_named (match, "seconds"), *zone = g_match_info_fetch_named (match, "zone");
  char *day = date && *date ? g_strdup (date) : g_date_time_format (today, "%Y-%m-%d");
  char *text = g_strdup_printf ("%sT%s%s%s", day, minutes && *minutes ? minutes : "00:00", seconds && *seconds
      ? seconds : ":00",
      zone ? zone : "");

  g_free (date);
  g_free (minutes);
  g_free (seconds);
  g_free (zone);
  g_free (day);
  return text;
}

static GDateTime *
parse_date (const char *text, GDateTime *now)
{
  GRegex *regex = g_regex_new ("^(?=.)(?<date>\\d{4}-\\d{2}-\\d{2})?(?:(?:(?<=\\d)[T ])?(?<minutes>\\d{2}:\\d{2})"
      "(?<seconds>:\\d{2}(?:\\.\\d{1,6})?)?(?<zone>Z|[+-]\\d{2}(?::?\\d{2})?)?)?$", 0, 0, NULL);
  GDateTime *time = NULL;
  GMatchInfo *match;

  if (g_regex_match (regex, text, 0, &match)) {
    GTimeZone *local = g_time_zone_new_local ();
    char *whole = complete (match, now);

    time = g_date_time_new_from_iso8601 (whole, local);
    g_free (whole);
    g_time_zone_unref (local);
  }
  g_match_info_free (match);
  g_regex_unref (regex);
  return time;
}

gboolean
cli_parse_time (const char *text, gint64 *ns)
{
  GDateTime *now = g_date_time_new_now_local (), *time;
  gboolean done = parse_age (text, g_get_real_time () * 1000, ns);

  if (!done && (time = parse_date (text, now))) {
    done = g_date_time_to_unix (time) >= 0;
    *ns = g_date_time_to_unix (time) * NS + g_date_time_get_microsecond (time) * 1000;
    g_date_time_unref (time);
  }
  g_date_time_unref (now);
  return done;
}

char *
cli_format_time (gint64 ns)
{
  GDateTime *utc = g_date_time_new_from_unix_utc (ns / NS), *local = utc ? g_date_time_to_local (utc) : NULL;
  char *text = local ? g_date_time_format (local, "%Y-%m-%dT%H:%M:%S%:z") : g_strdup ("?");

  g_clear_pointer (&local, g_date_time_unref);
  g_clear_pointer (&utc, g_date_time_unref);
  return text;
}
