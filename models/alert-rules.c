/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* NAME: SENTENCE [above N] [below N] [for TIME] [hold TIME] [cooldown TIME]
 *
 * One pass by hand; the first error ends it. Numbers are read as decimal digits, so that no locale, sign, exponent or
 * infinity gets in, and are printed as exactly what was read. */
#include "alert-rules.h"

#include <string.h>

#define DEFAULT_ABOVE 0.5f
#define DEFAULT_HYSTERESIS 2000   /* of 10000 */
#define DEFAULT_COOLDOWN 30000    /* ms */
#define DIGITS 4                  /* behind a point */

typedef struct {
  const char *text, *end, *at;
  GPtrArray *sources;
  GError **error;
} Parser;

enum { ABOVE, BELOW, FOR, HOLD, COOLDOWN, N_OPTIONS };
static const char *const options[N_OPTIONS] = { "above", "below", "for", "hold", "cooldown" };

static void
locate (const Parser *p, const char *at, guint *line, guint *column)
{
  *line = *column = 1;
  for (const char *c = p->text; c < at; c++) {
    if (*c == '\n')
      *column = 1;
    else
      *column += ((guchar) *c & 0xc0) != 0x80;     /* a character's first byte */
    *line += *c == '\n';
  }
}

/* Always FALSE. */
static gboolean G_GNUC_PRINTF (3, 4)
fail (Parser *p, const char *at, const char *format, ...)
{
  guint line, column;
  va_list args;
  char *what;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  locate (p, at, &line, &column);
  g_set_error (p->error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "line %u, column %u: %s", line, column, what);
  g_free (what);
  return FALSE;
}

/* ---- Characters ----------------------------------------------------------------------------------- */

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static gboolean
is_name (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-';
}

/* What ends a word outside quotes. */
static gboolean
is_break (char c)
{
  return is_space (c) || c == '\n' || c == ';' || c == '#' || c == '"';
}

static gboolean
at_end_of_rule (const Parser *p)
{
  return p->at == p->end || *p->at == '\n' || *p->at == ';' || *p->at == '#';
}

static void
skip_spaces (Parser *p)
{
  while (p->at < p->end && is_space (*p->at))
    p->at++;
}

/* To where a rule may begin, or the end. */
static void
skip_between (Parser *p)
{
  while (p->at < p->end) {
    if (*p->at == '#')
      while (p->at < p->end && *p->at != '\n')
        p->at++;
    else if (is_space (*p->at) || *p->at == '\n' || *p->at == ';')
      p->at++;
    else
      return;
  }
}

static gsize
word_length (const Parser *p)
{
  gsize n = 0;

  while (p->at + n < p->end && !is_break (p->at[n]))
    n++;
  return n;
}

/* The option whose keyword is next, or N_OPTIONS. */
static guint
next_option (const Parser *p)
{
  gsize n = word_length (p);
  guint i = 0;

  while (i < N_OPTIONS && !(n == strlen (options[i]) && memcmp (p->at, options[i], n) == 0))
    i++;
  return i;
}

static gboolean
check_text (Parser *p)
{
  const char *bad;

  if (p->end - p->text > BITMAR_ALERT_MAX_TEXT) {
    g_set_error (p->error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "alert rules of more than %d bytes",
        BITMAR_ALERT_MAX_TEXT);
    return FALSE;
  }
  if (!g_utf8_validate_len (p->text, p->end - p->text, &bad))
    return fail (p, bad, "UTF-8 text expected");
  for (const char *c = p->text; c < p->end; c++)
    if (g_ascii_iscntrl (*c) && !is_space (*c) && *c != '\n')
      return fail (p, c, "text without control characters expected");
  return TRUE;
}

/* ---- Numbers -------------------------------------------------------------------------------------- */

/* A score in ten-thousandths, as it was written. */
static gint
units (float score)
{
  return (gint) (score * 10000 + 0.5f);
}

/* Digits, and up to DIGITS more behind a point, in units of 10^-DIGITS. FALSE: there is none, or one too long. */
static gboolean
read_decimal (Parser *p, guint64 *out)
{
  const char *start = p->at;
  guint64 x = 0;
  guint n = 0;

  while (p->at < p->end && g_ascii_isdigit (*p->at) && p->at - start < 10)
    x = 10 * x + (*p->at++ - '0');
  if (p->at == start)
    return FALSE;
  if (p->at + 1 < p->end && *p->at == '.' && g_ascii_isdigit (p->at[1]))
    for (p->at++; n < DIGITS && p->at < p->end && g_ascii_isdigit (*p->at); n++)
      x = 10 * x + (*p->at++ - '0');
  for (; n < DIGITS; n++)
    x *= 10;
  *out = x;
  return p->at == p->end || !g_ascii_isdigit (*p->at);
}

static gboolean
read_score (Parser *p, const char *option, float *out)
{
  const char *start = p->at;
  guint64 x;

  if (!read_decimal (p, &x) || !(p->at == p->end || is_break (*p->at)) || x == 0 || x > 10000)
    return fail (p, start, "behind '%s' a number above 0 and up to 1, of at most %d decimals, expected; a sentence "
        "that has the word '%s' goes into quotes", option, DIGITS, option);
  *out = (float) x / 10000;
  return TRUE;
}

/* Milliseconds of the unit, 0: none. */
static guint64
read_unit (Parser *p)
{
  static const struct {
    const char *name;
    guint64 ms;
  } units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60 * 1000 }, { "h", 60 * 60 * 1000 } };
  gsize n = word_length (p);

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (n == strlen (units[i].name) && memcmp (p->at, units[i].name, n) == 0) {
      p->at += n;
      return units[i].ms;
    }
  return 0;
}

static gboolean
read_duration (Parser *p, const char *option, guint64 *ns)
{
  const char *start = p->at;
  guint64 x, unit;

  if (!read_decimal (p, &x) || !(unit = read_unit (p)))
    return fail (p, start, "behind '%s' a duration such as 500ms, 3s, 2min or 1h expected; a sentence that has the "
        "word '%s' goes into quotes", option, option);
  if (x / 10000 > BITMAR_ALERT_MAX_MS / unit || x * unit % 10000 || x * unit / 10000 > BITMAR_ALERT_MAX_MS)
    return fail (p, start, "a duration of whole milliseconds, up to 1000h, expected");
  *ns = x * unit / 10000 * 1000000;
  return TRUE;
}

/* ---- A rule --------------------------------------------------------------------------------------- */

static gboolean
is_taken (const Parser *p, const char *name)
{
  for (guint i = 0; i < p->sources->len; i++)
    if (strcmp (((BitmarAlertSource *) p->sources->pdata[i])->name, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
read_name (Parser *p, BitmarAlertSource *s)
{
  const char *start = p->at;

  while (p->at < p->end && is_name (*p->at))
    p->at++;
  if (p->at == start || p->at - start > BITMAR_ALERT_MAX_NAME)
    return fail (p, start, "a name of 1 to %d letters, digits, '_' and '-' expected", BITMAR_ALERT_MAX_NAME);
  s->name = g_strndup (start, p->at - start);
  if (is_taken (p, s->name))
    return fail (p, start, "another name expected, '%s' is taken", s->name);
  skip_spaces (p);
  if (p->at == p->end || *p->at != ':')
    return fail (p, p->at, "':' behind the name '%s' expected", s->name);
  p->at++;
  return TRUE;
}

static gboolean
read_quoted (Parser *p, GString *to)
{
  const char *start = p->at++;

  for (; p->at < p->end && *p->at != '\n'; p->at++) {
    if (*p->at == '"') {
      p->at++;
      return TRUE;
    }
    if (*p->at == '\\' && (p->at + 1 == p->end || !strchr ("\"\\", *++p->at)))
      return fail (p, p->at, "\\\" or \\\\ expected");
    g_string_append_c (to, *p->at);
  }
  return fail (p, start, "a quote that ends on its line expected");
}

static gboolean
read_words (Parser *p, GString *to)
{
  while (!at_end_of_rule (p) && next_option (p) == N_OPTIONS) {
    gsize n = word_length (p);

    if (n == 0)
      return fail (p, p->at, "a sentence that has a quote inside goes into quotes, the inner ones as \\\"");
    g_string_append_len (to, p->at, n);
    g_string_append_c (to, ' ');
    p->at += n;
    skip_spaces (p);
  }
  return TRUE;
}

static gboolean
read_sentence (Parser *p, BitmarAlertSource *s)
{
  GString *to = g_string_new (NULL);
  const char *start;
  gboolean ok;

  skip_spaces (p);
  start = p->at;
  locate (p, start, &s->line, &s->column);
  ok = p->at < p->end && *p->at == '"' ? read_quoted (p, to) : read_words (p, to);
  s->sentence = g_strstrip (g_string_free (to, FALSE));
  if (ok && !*s->sentence)
    return fail (p, start, "a sentence expected");
  if (ok && strlen (s->sentence) > BITMAR_ALERT_MAX_SENTENCE)
    return fail (p, start, "a sentence of at most %d bytes expected", BITMAR_ALERT_MAX_SENTENCE);
  return ok;
}

static gboolean
read_option (Parser *p, BitmarAlertRule *r, guint option)
{
  switch (option) {
    case ABOVE:
      return read_score (p, options[option], &r->above);
    case BELOW:
      return read_score (p, options[option], &r->below);
    case FOR:
      return read_duration (p, options[option], &r->for_ns);
    case HOLD:
      return read_duration (p, options[option], &r->hold_ns);
    default:
      return read_duration (p, options[option], &r->cooldown_ns);
  }
}

static gboolean
read_options (Parser *p, BitmarAlertRule *r)
{
  const char *at[N_OPTIONS] = { NULL };

  for (skip_spaces (p); !at_end_of_rule (p); skip_spaces (p)) {
    guint option = next_option (p);
    if (option == N_OPTIONS)
      return fail (p, p->at, "above, below, for, hold, cooldown, ';' or the end of the line expected");
    if (at[option])
      return fail (p, p->at, "'%s' once expected", options[option]);
    at[option] = p->at;
    p->at += strlen (options[option]);
    skip_spaces (p);
    if (!read_option (p, r, option))
      return FALSE;
  }
  if (!at[BELOW])
    r->below = (float) MAX (1, units (r->above) - DEFAULT_HYSTERESIS) / 10000;
  if (r->below > r->above)
    return fail (p, at[BELOW], "'below' at most the %.4g of 'above' expected", r->above);
  return TRUE;
}

static void
source_free (gpointer data)
{
  BitmarAlertSource *s = data;

  g_free (s->name);
  g_free (s->sentence);
  g_free (s);
}

static gboolean
read_rule (Parser *p)
{
  BitmarAlertSource *s = g_new0 (BitmarAlertSource, 1);
  const char *start = p->at;

  s->rule.above = DEFAULT_ABOVE;
  s->rule.cooldown_ns = DEFAULT_COOLDOWN * G_GUINT64_CONSTANT (1000000);
  if ((p->sources->len < BITMAR_ALERT_MAX_RULES
          || fail (p, start, "no more than %d rules expected", BITMAR_ALERT_MAX_RULES))
      && read_name (p, s) && read_sentence (p, s) && read_options (p, &s->rule)) {
    s->rule.name = s->name;
    s->rule.sentence = s->sentence;
    g_ptr_array_add (p->sources, s);
    return TRUE;
  }
  source_free (s);
  return FALSE;
}

GPtrArray *
bitmar_alert_rules_parse (const char *text, gsize length, GError **error)
{
  Parser p = { .text = text, .at = text, .end = text + length, .error = error,
    .sources = g_ptr_array_new_with_free_func (source_free) };
  gboolean ok = check_text (&p);

  for (skip_between (&p); ok && p.at < p.end; skip_between (&p))
    ok = read_rule (&p);
  if (ok)
    return p.sources;
  g_ptr_array_unref (p.sources);
  return NULL;
}

/* ---- Back to text --------------------------------------------------------------------------------- */

static void
print_score (const char *option, float x, GString *to)
{
  gint n = units (x), digits = DIGITS;

  if (n == 10000) {
    g_string_append_printf (to, " %s 1", option);
    return;
  }
  for (; n % 10 == 0 && digits > 1; digits--)
    n /= 10;
  g_string_append_printf (to, " %s 0.%0*d", option, digits, n);
}

static void
print_duration (const char *option, guint64 ns, GString *to)
{
  guint64 ms = ns / 1000000;

  if (ms == 0 || ms % 1000)
    g_string_append_printf (to, " %s %" G_GUINT64_FORMAT "ms", option, ms);
  else if (ms % 60000)
    g_string_append_printf (to, " %s %" G_GUINT64_FORMAT "s", option, ms / 1000);
  else if (ms % 3600000)
    g_string_append_printf (to, " %s %" G_GUINT64_FORMAT "min", option, ms / 60000);
  else
    g_string_append_printf (to, " %s %" G_GUINT64_FORMAT "h", option, ms / 3600000);
}

void
bitmar_alert_rule_print (const BitmarAlertRule *rule, GString *to)
{
  g_string_append_printf (to, "%s: \"", rule->name);
  for (const char *c = rule->sentence; *c; c++) {
    if (strchr ("\"\\", *c))
      g_string_append_c (to, '\\');
    g_string_append_c (to, *c);
  }
  g_string_append_c (to, '"');
  print_score (options[ABOVE], rule->above, to);
  print_score (options[BELOW], rule->below, to);
  print_duration (options[FOR], rule->for_ns, to);
  print_duration (options[HOLD], rule->hold_ns, to);
  print_duration (options[COOLDOWN], rule->cooldown_ns, to);
}
