/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command-line tool. */

#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "source.h"

static const char summary[] =
    "Captions pictures, videos, cameras and streams with a 1.58-bit vision-language model.\n"
    "\n"
    "  bitmar caption [OPTION…] FILE|URI…\n"
    "      FILE is a picture (PNG, JPEG, WebP), a video or a camera (/dev/video0); URI is any that GStreamer\n"
    "      reads: file://, http://, https://, rtsp://. One line per caption on stdout.\n"
    "  bitmar info [--json] [MODEL]\n"
    "      What a model file is: size, licence, training data, scores, hash. Without MODEL: the one in use.\n"
    "  bitmar watch [OPTION…] FILE\n"
    "      Many cameras at once, with a memory, a log and alerts; bitmar watch --help.\n"
    "  bitmar record [OPTION…] SOURCE\n"
    "      A recording in segments with captions as subtitles; bitmar record --help.\n"
    "  bitmar serve [OPTION…] [NAME=]SOURCE…\n"
    "      Video by RTSP with captions and alerts as ONVIF metadata; bitmar serve --help.\n"
    "  bitmar search [OPTION…] LOG SENTENCE\n"
    "      What an event log has seen; bitmar search --help.\n"
    "  bitmar forget [OPTION…] LOG\n"
    "      Deletes events from a log without a trace; bitmar forget --help.\n"
    "  bitmar bench [OPTION…]\n"
    "      How fast the kernels are on this machine, as shares of its limits; bitmar bench --help.";
static const char description[] =
    "Output of caption, each line as soon as it is known:\n"
    "  FILE: TEXT                  a picture\n"
    "  FILE H:MM:SS.mmm TEXT       a video, where its picture has changed\n"
    "  --json: an object with version, file (or uri, as given), pts (ns; null for a picture), text, confidence\n"
    "  (0 to 1: how many of the things it names are there), novelty (0 to 1), slot, tokens (of a picture), model (its SHA-256)\n"
    "Progress, on a terminal, and what was skipped go to standard error.\n"
    "An RTSP camera that has been there and goes away is asked for until it is back, its scene forgotten, its memory kept.\n"
    "\n"
    "Examples:\n"
    "  bitmar caption *.jpg\n"
    "  bitmar caption --json --interval 5 holiday.mp4\n"
    "  bitmar caption --prompt \"a red car\" /dev/video0\n"
    "\n"
    "Exit status: 0 all inputs were captioned, 1 some were skipped (told on stderr), 2 wrong usage,\n"
    "3 the model can't be loaded, 130 interrupted.\n"
    "\n"
    "Environment: BITMAR_MODEL names the model file when --model does not. BITMAR_CPU caps the instructions used: scalar,\n"
    "avx2, avxvnni, avx512vnni, amx; on ARM scalar, dotprod, i8mm. BITMAR_THREADS: how many threads share a large layer (1).\n";

static gboolean
interrupted (gpointer data)
{
  Cli *cli = data;

  cli->stop = TRUE;
  cli->status = CLI_INTERRUPTED;
  /* A second one ends the process, whatever it waits for. */
  return G_SOURCE_REMOVE;
}

static int
usage (const char *text)
{
  fprintf (stderr, "bitmar: %s\nTry \"bitmar --help\".\n", text);
  return CLI_USAGE;
}

/* ---- Inputs ---------------------------------------------------------------------------------------- */

static gsize
read_start (Cli *cli, const char *input, const char *path, guint8 *data, gsize size)
{
  FILE *file = fopen (path, "rb");

  if (!file) {
    cli_skip (cli, input, "%s", g_strerror (errno));
    return 0;
  }
  size = fread (data, 1, size, file);
  fclose (file);
  if (size == 0)
    cli_skip (cli, input, "the file is empty");
  return size;
}

static void
caption_file (Cli *cli, CliPictures *pictures, const char *input, gboolean is_uri, const char *path)
{
  guint8 start[16];
  gsize size;

  if (source_is_device (path)) {
    cli_stream_caption (cli, input, is_uri);
    return;
  }
  /* A pipe would be read twice, and might never begin. */
  if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    cli_skip (cli, input, g_file_test (path, G_FILE_TEST_IS_DIR) ? "is a directory" : "is not a regular file");
    return;
  }
  size = read_start (cli, input, path, start, sizeof start);
  if (size == 0)
    return;
  if (cli_is_picture (start, size))
    cli_pictures_caption (pictures, input, is_uri, path);
  else
    cli_stream_caption (cli, input, is_uri);
}

static void
caption_input (Cli *cli, CliPictures *pictures, const char *input)
{
  /* A file may be named like an address: "ab:c.png". */
  gboolean is_uri = gst_uri_is_valid (input) && !g_file_test (input, G_FILE_TEST_EXISTS);
  char *path = is_uri && gst_uri_has_protocol (input, "file") ? g_filename_from_uri (input, NULL, NULL) : NULL;

  if (is_uri && !path)
    cli_stream_caption (cli, input, TRUE);
  else
    caption_file (cli, pictures, input, is_uri, path ? path : input);
  g_free (path);
}

static void
caption_inputs (Cli *cli, CliPictures *pictures, char **inputs)
{
  cli->total = g_strv_length (inputs);
  for (cli->done = 0; cli->done < cli->total && !cli->stop; cli->done++) {
    const char *input = inputs[cli->done];
    char *text = g_strdup_printf ("%u/%u", cli->done + 1, cli->total);

    if (cli->total > 1)
      cli_progress (cli, text);
    g_free (text);
    caption_input (cli, pictures, input);
    g_main_context_iteration (NULL, FALSE);
  }
  cli_progress_end (cli);
}

/* ---- Commands -------------------------------------------------------------------------------------- */

/* Installed where GStreamer does not look by itself, the plugin is still found. */
void
cli_find_plugin (void)
{
  GstElementFactory *factory = gst_element_factory_find ("bitmarcaption");

  if (factory)
    gst_object_unref (factory);
  else
    gst_registry_scan_path (gst_registry_get (), BITMAR_PLUGIN_DIR);
}

static int
caption (Cli *cli, char **inputs)
{
  const char *path = cli->model_path ? cli->model_path : bitmar_model_default_path ();
  CliPictures *pictures;
  GError *error = NULL;
  int status;

  if (!inputs[0])
    return usage ("nothing to caption");
  if (cli->beam < 0 || cli->beam > 8)
    return usage ("--beam takes 1 to 8");
  if (cli->max_tokens < 0)
    return usage ("--max-tokens can't be negative");
  /* In this way NaN is refused, too. */
  if (!(cli->interval >= 0 && cli->interval <= G_MAXINT / 1000))
    return usage ("--interval takes seconds, not less than 0");
  if (cli->min_confidence != CLI_UNSET && !(cli->min_confidence >= 0 && cli->min_confidence <= 1))
    return usage ("--min-confidence takes 0 to 1");
  cli->model = bitmar_model_load (path, &error);
  if (!cli->model) {
    fprintf (stderr, "bitmar: %s\n", error->message);
    g_error_free (error);
    return CLI_MODEL;
  }
  if ((guint) cli->max_tokens > bitmar_model_get_max_tokens (cli->model))
    return usage ("--max-tokens is more than the model writes");
  pictures = cli_pictures_new (cli, &error);
  if (!pictures) {
    status = g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_NO_MEMORY) ? CLI_MODEL : CLI_USAGE;
    fprintf (stderr, "bitmar: %s\n", error->message);
    g_error_free (error);
    return status;
  }
  g_unix_signal_add (SIGINT, interrupted, cli);
  cli_find_plugin ();
  caption_inputs (cli, pictures, inputs);
  cli_pictures_free (pictures);
  g_object_unref (cli->model);
  return cli->status;
}

static int
info (Cli *cli, char **arguments)
{
  if (arguments[0] && arguments[1])
    return usage ("info takes one model");
  return cli_info (arguments[0] ? arguments[0] : bitmar_model_default_path (), cli->json);
}

static int
dispatch (Cli *cli, char **words)
{
  if (!words || !words[0])
    return usage ("a command is missing: caption, info, watch, record, serve, search, forget or bench");
  if (g_str_equal (words[0], "caption"))
    return caption (cli, words + 1);
  if (g_str_equal (words[0], "info"))
    return info (cli, words + 1);
  return usage ("the command is caption, info, watch, record, serve, search, forget or bench");
}

int
main (int argc, char **argv)
{
  Cli cli = { .min_confidence = CLI_UNSET };
  gboolean version = FALSE;
  char **words = NULL;
  GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &cli.json, "One JSON object per line", NULL },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &cli.model_path, "Model file (GGUF)", "FILE" },
    { "beam", 'b', 0, G_OPTION_ARG_INT, &cli.beam, "Beams of the search, 1 to 8", "N" },
    { "prompt", 'p', 0, G_OPTION_ARG_FILENAME, &cli.prompt, "Words that steer what captions look at", "TEXT" },
    { "interval", 'i', 0, G_OPTION_ARG_DOUBLE, &cli.interval, "Seconds from one look at a video to the next (1)", "S" },
    { "min-confidence", 'c', 0, G_OPTION_ARG_DOUBLE, &cli.min_confidence,
        "Keep captions back that the model is less sure of, 0 to 1 (0.77 for videos, 0 for pictures)", "P" },
    { "max-tokens", 't', 0, G_OPTION_ARG_INT, &cli.max_tokens, "Tokens of a caption at most", "N" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &cli.quiet, "No progress", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionContext *context;
  GError *error = NULL;
  int status;

  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  if (argc > 1 && g_str_equal (argv[1], "bench"))
    return cli_bench (argc - 1, argv + 1);
  if (argc > 1 && (g_str_equal (argv[1], "search") || g_str_equal (argv[1], "forget")))
    return cli_search (argc - 1, argv + 1);
  if (argc > 1 && g_str_equal (argv[1], "watch"))
    return cli_watch (argc - 1, argv + 1);
  if (argc > 1 && g_str_equal (argv[1], "record"))
    return cli_record (argc - 1, argv + 1);
  if (argc > 1 && g_str_equal (argv[1], "serve"))
    return cli_serve (argc - 1, argv + 1);
  context = g_option_context_new ("caption|info|watch|record|serve|search|forget|bench …");
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    status = usage (error->message);
    g_error_free (error);
  } else if (version) {
    printf ("bitmar %s\n", VERSION);
    status = CLI_OK;
  } else {
    status = dispatch (&cli, words);
  }
  if (status == CLI_OK && (fflush (stdout) < 0 || ferror (stdout)))
    status = CLI_SKIPPED;
  g_option_context_free (context);
  g_strfreev (words);
  g_free (cli.model_path);
  g_free (cli.prompt);
  return status;
}
