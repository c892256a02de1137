/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "json.h"

static void
write_line (Cli *cli, const char *line)
{
  cli_progress_end (cli);
  if (fputs (line, stdout) < 0 || fputc ('\n', stdout) < 0 || fflush (stdout) < 0) {
    /* Nobody reads any more. */
    cli->stop = TRUE;
    cli->status = MAX (cli->status, CLI_SKIPPED);
  }
}

static void
print_json (Cli *cli, const CliLine *line)
{
  GString *json = g_string_new ("{");

  bitmar_json_add_int (json, "version", 1);
  bitmar_json_add_string (json, line->is_uri ? "uri" : "file", line->input);
  if (GST_CLOCK_TIME_IS_VALID (line->pts))
    bitmar_json_add_uint64 (json, "pts", line->pts);
  else
    bitmar_json_add_null (json, "pts");
  bitmar_json_add_string (json, "text", line->text);
  bitmar_json_add_double (json, "confidence", line->confidence);
  bitmar_json_add_double (json, "novelty", line->novelty);
  bitmar_json_add_int (json, "slot", line->slot);
  if (line->tokens > 0)
    bitmar_json_add_int (json, "tokens", line->tokens);
  bitmar_json_add_string (json, "model", bitmar_model_get_id (cli->model));
  g_string_append_c (json, '}');
  write_line (cli, json->str);
  g_string_free (json, TRUE);
}

void
cli_print_caption (Cli *cli, const CliLine *line)
{
  char *text;

  if (cli->json) {
    print_json (cli, line);
    return;
  }
  if (GST_CLOCK_TIME_IS_VALID (line->pts))
    text = g_strdup_printf ("%s %u:%02u:%02u.%03u %s", line->input, (guint) (line->pts / (3600 * GST_SECOND)),
        (guint) (line->pts / (60 * GST_SECOND) % 60), (guint) (line->pts / GST_SECOND % 60),
        (guint) (line->pts / GST_MSECOND % 1000), line->text);
  else
    text = g_strdup_printf ("%s: %s", line->input, line->text);
  write_line (cli, text);
  g_free (text);
}

void
cli_skip (Cli *cli, const char *input, const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  cli_progress_end (cli);
  fprintf (stderr, "bitmar: %s: %s\n", input, text);
  g_free (text);
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
