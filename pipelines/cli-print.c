/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static void
write_line (Cli *cli, const char *line)
{
  cli_progress_end (cli);
  if (fputs (line, stdout) < 0 || fputc ('\n', stdout) < 0 || fflush (stdout) < 0) {
    /* Nobody reads any more; that is no news to who closed it. */
    if (errno != EPIPE && !cli->stop)
      fprintf (stderr, "bitmar: standard output: %s\n", g_strerror (errno));
    cli->stop = TRUE;
    cli->status = MAX (cli->status, CLI_SKIPPED);
  }
}

char *
cli_harmless (const char *text)
{
  GString *out = g_string_new (NULL);
  char *valid = g_utf8_make_valid (text, -1);

  for (const char *at = valid; *at; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    g_string_append_unichar (out, g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029 ? ' ' : c);
  }
  g_free (valid);
  return g_string_free (out, FALSE);
}

double
cli_rounded (double x)
{
  return round (x * 1e4) / 1e4;
}

static void
print_json (Cli *cli, const CliLine *line)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  char *text, *input = g_utf8_make_valid (line->input, -1);    /* a file's name may be any bytes */

  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, line->is_uri ? "uri" : "file", input);
  if (GST_CLOCK_TIME_IS_VALID (line->pts))
    json_object_set_int_member (object, "pts", line->pts);
  else
    json_object_set_null_member (object, "pts");
  json_object_set_string_member (object, "text", line->text);
  json_object_set_double_member (object, "confidence", cli_rounded (line->confidence));
  json_object_set_double_member (object, "novelty", cli_rounded (line->novelty));
  json_object_set_int_member (object, "slot", line->slot);
  if (line->tokens >= 0)
    json_object_set_int_member (object, "tokens", line->tokens);
  json_object_set_string_member (object, "model", bitmar_model_get_id (cli->model));
  text = json_to_string (node, FALSE);
  write_line (cli, text);
  g_free (text);
  json_node_unref (node);
  json_object_unref (object);
  g_free (input);
}

void
cli_print_caption (Cli *cli, const CliLine *line)
{
  char *text, *input, *caption;

  if (cli->json) {
    print_json (cli, line);
    return;
  }
  input = cli_harmless (line->input);
  caption = cli_harmless (line->text);
  if (GST_CLOCK_TIME_IS_VALID (line->pts))
    text = g_strdup_printf ("%s %u:%02u:%02u.%03u %s", input, (guint) (line->pts / (3600 * GST_SECOND)),
        (guint) (line->pts / (60 * GST_SECOND) % 60), (guint) (line->pts / GST_SECOND % 60),
        (guint) (line->pts / GST_MSECOND % 1000), caption);
  else
    text = g_strdup_printf ("%s: %s", input, caption);
  write_line (cli, text);
  g_free (text);
  g_free (input);
  g_free (caption);
}

static void
tell (Cli *cli, const char *input, const char *format, va_list args)
{
  char *text = g_strdup_vprintf (format, args), *name = cli_harmless (input), *what = cli_harmless (text);

  cli_progress_end (cli);
  fprintf (stderr, "bitmar: %s: %s\n", name, what);
  g_free (text);
  g_free (name);
  g_free (what);
}

void
cli_note (Cli *cli, const char *input, const char *format, ...)
{
  va_list args;

  if (cli->quiet)
    return;
  va_start (args, format);
  tell (cli, input, format, args);
  va_end (args);
}

void
cli_skip (Cli *cli, const char *input, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  tell (cli, input, format, args);
  va_end (args);
  cli->status = MAX (cli->status, CLI_SKIPPED);
}

static gboolean showing;

void
cli_progress (Cli *cli, const char *text)
{
  if (cli->quiet || !isatty (STDERR_FILENO))
    return;
  fprintf (stderr, "\r\033[K%s", text);
  fflush (stderr);
  showing = TRUE;
}

void
cli_progress_end (Cli *cli)
{
  if (showing)
    fputs ("\r\033[K", stderr);
  showing = FALSE;
}
