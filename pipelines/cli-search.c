/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar search, bitmar forget: what an event log has seen, and what it shall not have. */

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "cli.h"

static const char times[] =
    "TIME: 2026-11-25T18:00, 2026-11-25, 18:00 (today), each with or without seconds and zone (local time without), "
    "or how long\n"
    "ago: -90s, -30min, -2h, -1d, -1w. --from is the first moment that counts, --to the first that does not any more.\n"
    "\n";
static const char search_summary[] =
    "Finds the events of LOG whose pictures are nearest to a sentence: one a line, best first, with its time, camera, "
    "score\n"
    "(the cosine of sentence and picture, -1 to 1) and caption. LOG may be written at the same time.";
static const char search_description[] =
    "--json: an object a line with version, id, time, utc (ns since 1970), camera, score, text, confidence, novelty, "
    "alert,\n"
    "pts, running_time (ns, or null) and thumbnail (the file, or null).\n"
    "\n"
    "Examples:\n"
    "  bitmar search events.log \"a man with a dog\"\n"
    "  bitmar search events.log \"a red car\" --camera yard --from -2h --thumbnails found\n"
    "\n"
    "Exit status: 0 the log was searched, 1 it can't be, or an output can't be written, 2 wrong usage, 3 the model "
    "can't be loaded.\n";
static const char forget_summary[] =
    "Deletes events from LOG, so that no trace of their captions, embeddings and thumbnails is left in the file. A "
    "pipeline may go on\n"
    "writing it. Says how many there were.";
static const char forget_description[] =
    "Examples:\n"
    "  bitmar forget events.log --camera door --from 18:00 --to 18:30\n"
    "  bitmar forget events.log --all\n"
    "\n"
    "Exit status: 0 they are gone, 1 not (or not all traces: try again), 2 wrong usage.\n";

typedef struct {
  const char *command, *log, *sentence;
  char *model_path, *camera, *from, *to, *thumbnails;
  gboolean json, all;
  gint k;
  gint64 from_ns, to_ns;
} Search;

static int
complain (Search *s, CliStatus status, const char *text)
{
  fprintf (stderr, "bitmar %s: %s\n", s->command, text);
  if (status == CLI_USAGE)
    fprintf (stderr, "Try \"bitmar %s --help\".\n", s->command);
  return status;
}

static int
complain_error (Search *s, CliStatus status, GError *error)
{
  complain (s, status, error->message);
  g_error_free (error);
  return status;
}

/* ---- Output ---------------------------------------------------------------------------------------- */

static gboolean
write_thumbnail (Search *s, const BitmarEvent *e, const char *path)
{
  GError *error = NULL;
  gsize size;
  const char *data = g_bytes_get_data (e->thumbnail, &size);

  if (g_file_set_contents (path, data, (gssize) size, &error))
    return TRUE;
  complain_error (s, CLI_SKIPPED, error);
  return FALSE;
}

static void
set_time (JsonObject *object, const char *name, guint64 ns)
{
  if (ns == G_MAXUINT64)
    json_object_set_null_member (object, name);
  else
    json_object_set_int_member (object, name, (gint64) ns);
}

static void
set_text (JsonObject *object, const char *name, const char *text)
{
  if (text)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

static void
print_json (const BitmarEvent *e, const char *time, const char *thumbnail)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  char *file = thumbnail ? g_utf8_make_valid (thumbnail, -1) : NULL, *text;

  json_object_set_int_member (object, "version", 1);
  json_object_set_int_member (object, "id", e->id);
  json_object_set_string_member (object, "time", time);
  json_object_set_int_member (object, "utc", e->utc);
  json_object_set_string_member (object, "camera", e->camera);
  json_object_set_double_member (object, "score", cli_rounded (e->score));
  json_object_set_string_member (object, "text", e->text);
  json_object_set_double_member (object, "confidence", cli_rounded (e->confidence));
  json_object_set_double_member (object, "novelty", cli_rounded (e->novelty));
  set_text (object, "alert", e->alert);
  set_time (object, "pts", e->pts);
  set_time (object, "running_time", e->running_time);
  set_text (object, "thumbnail", file);
  text = json_to_string (node, FALSE);
  puts (text);
  g_free (text);
  g_free (file);
  json_node_unref (node);
}

static void
print_text (const BitmarEvent *e, const char *time)
{
  g_autofree char *text = cli_harmless (e->text), *camera = cli_harmless (*e->camera ? e->camera : "-"), *alert = cli_harmless (e->alert ? e->alert : "");

  printf ("%s  %s  %.3f  %s%s%s\n", time, camera, e->score, text, e->alert ? "  ! " : "", alert);
}

static gboolean
print_event (Search *s, const BitmarEvent *e, guint number)
{
  char *time = cli_format_time (e->utc), name[16], *path = NULL;
  gboolean done = TRUE;

  g_snprintf (name, sizeof name, "%u.jpg", number);
  if (s->thumbnails && e->thumbnail) {
    path = g_build_filename (s->thumbnails, name, NULL);
    done = write_thumbnail (s, e, path);
  }
  if (s->json)
    print_json (e, time, done ? path : NULL);
  else
    print_text (e, time);
  g_free (time);
  g_free (path);
  return done;
}

static int
print_events (Search *s, GPtrArray *events)
{
  gboolean done = TRUE;

  if (s->thumbnails && g_mkdir_with_parents (s->thumbnails, 0777) < 0) {
    fprintf (stderr, "bitmar search: %s: %s\n", s->thumbnails, g_strerror (errno));
    return CLI_SKIPPED;
  }
  for (guint i = 0; i < events->len && done; i++)
    done = print_event (s, events->pdata[i], i + 1);
  if (fflush (stdout) < 0 || ferror (stdout)) {
    /* Nobody reads any more; that is no news to who closed it. */
    if (errno != EPIPE)
      fprintf (stderr, "bitmar search: standard output: %s\n", g_strerror (errno));
    done = FALSE;
  }
  return done ? CLI_OK : CLI_SKIPPED;
}

/* ---- Commands -------------------------------------------------------------------------------------- */

static int
search_log (Search *s, BitmarModel *model)
{
  GError *error = NULL;
  BitmarEventLog *log = bitmar_event_log_open (s->log, model, BITMAR_EVENT_LOG_READ_ONLY, &error);
  GPtrArray *events = log ? bitmar_event_log_query_text (log, s->sentence, (guint) s->k, s->from_ns, s->to_ns,
      s->camera, &error)
      : NULL;
  int status;

  g_clear_object (&log);
  if (!events) {
    gboolean words = g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING)
        || g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG);

    return complain_error (s, words ? CLI_USAGE : CLI_SKIPPED, error);
  }
  if (events->len == 0)
    complain (s, CLI_OK, "there are no such events");
  status = print_events (s, events);
  g_ptr_array_unref (events);
  return status;
}

static int
search (Search *s)
{
  GError *error = NULL;
  BitmarModel *model;
  int status;

  if (s->k < 1 || s->k > 1000)
    return complain (s, CLI_USAGE, "-k takes 1 to 1000");
  model = bitmar_model_load (s->model_path ? s->model_path : bitmar_model_default_path (), &error);
  if (!model)
    return complain_error (s, CLI_MODEL, error);
  status = search_log (s, model);
  g_object_unref (model);
  return status;
}

static int
forget (Search *s)
{
  GError *error = NULL;
  BitmarEventLog *log;
  gboolean done;
  guint64 n = 0;

  if (s->all == (s->from || s->to || s->camera))
    return complain (s, CLI_USAGE, "what to forget is said by --from, --to and --camera, or by --all");
  log = bitmar_event_log_open (s->log, NULL, BITMAR_EVENT_LOG_WRITE, &error);
  if (!log)
    return complain_error (s, CLI_SKIPPED, error);
  done = bitmar_event_log_forget (log, s->from_ns, s->to_ns, s->camera, &n, &error);
  g_object_unref (log);
  if (!done && n > 0)
    complain (s, CLI_SKIPPED, "they are no longer found, but traces may still be in the file");
  if (!done)
    return complain_error (s, CLI_SKIPPED, error);
  printf ("%" G_GUINT64_FORMAT " events forgotten\n", n);
  return CLI_OK;
}

/* ---- Options --------------------------------------------------------------------------------------- */

static gboolean
parse_time (Search *s, const char *option, const char *text, gint64 *ns)
{
  char *complaint;

  if (!text || cli_parse_time (text, ns))
    return TRUE;
  complaint = g_strdup_printf ("%s: \"%s\" is no time", option, text);
  complain (s, CLI_USAGE, complaint);
  g_free (complaint);
  return FALSE;
}

static int
run (Search *s, char **words, gboolean searching)
{
  guint n = words ? g_strv_length (words) : 0;

  if (n != (searching ? 2 : 1))
    return complain (s, CLI_USAGE, searching ? "takes a log and a sentence" : "takes a log");
  s->log = words[0];
  s->sentence = words[1];
  if (!parse_time (s, "--from", s->from, &s->from_ns) || !parse_time (s, "--to", s->to, &s->to_ns))
    return CLI_USAGE;
  if (s->to_ns != -1 && s->to_ns < s->from_ns)
    return complain (s, CLI_USAGE, "--to is before --from");
  return searching ? search (s) : forget (s);
}

static int
parse (Search *s, int argc, char **argv, GOptionContext *context)
{
  gboolean searching = g_str_equal (s->command, "search");
  char **words = NULL;
  GOptionEntry of_both[] = {
    { "camera", 'c', 0, G_OPTION_ARG_STRING, &s->camera, "Only this camera's", "NAME" },
    { "from", 'f', 0, G_OPTION_ARG_STRING, &s->from, "Not before this time", "TIME" },
    { "to", 't', 0, G_OPTION_ARG_STRING, &s->to, "Before this time", "TIME" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionEntry of_search[] = {
    { "count", 'k', 0, G_OPTION_ARG_INT, &s->k, "Events at most, 1 to 1000 (10)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &s->json, "One JSON object per line", NULL },
    { "thumbnails", 0, 0, G_OPTION_ARG_FILENAME, &s->thumbnails, "Write the Nth one's thumbnail as N.jpg there",
        "FOLDER" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &s->model_path, "Model file (GGUF), the one that wrote the log", "FILE" },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionEntry of_forget[] = {
    { "all", 0, 0, G_OPTION_ARG_NONE, &s->all, "Everything", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GError *error = NULL;
  int status;

  g_option_context_add_main_entries (context, of_both, NULL);
  g_option_context_add_main_entries (context, searching ? of_search : of_forget, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error))
    status = run (s, words, searching);
  else
    status = complain_error (s, CLI_USAGE, error);
  g_strfreev (words);
  return status;
}

int
cli_search (int argc, char **argv)
{
  Search s = { .command = argv[0], .k = 10, .to_ns = -1 };
  gboolean searching = g_str_equal (argv[0], "search");
  GOptionContext *context = g_option_context_new (searching ? "LOG SENTENCE" : "LOG");
  char *description = g_strconcat (times, searching ? search_description : forget_description, NULL);
  int status;

  g_option_context_set_summary (context, searching ? search_summary : forget_summary);
  g_option_context_set_description (context, description);
  status = parse (&s, argc, argv, context);
  g_option_context_free (context);
  g_free (description);
  g_free (s.model_path);
  g_free (s.camera);
  g_free (s.from);
  g_free (s.to);
  g_free (s.thumbnails);
  return status;
}
