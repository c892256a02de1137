/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar watch: many cameras in one process over one model. */

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "watch-camera.h"
#include "watch-state.h"

static const char summary[] =
    "Captions many cameras until it is interrupted: each is asked for until it answers, and again when it goes away; what is seen is\n"
    "remembered, logged and held against its alerts. FILE says which cameras: docs/watch.md.";
static const char description[] =
    "Output, each line as soon as it is known:\n"
    "  TIME  CAMERA  TEXT                           a caption\n"
    "  TIME  CAMERA  ! NAME starts|ends (SCORE)     an alert\n"
    "  --json: an object with version, type (caption, alert or state), camera, time, and of a caption text, confidence, novelty; of an\n"
    "  alert kind (start or end), name, sentence, score, peak; of a state state (connecting, watching, waiting or ended) and why\n"
    "What happens to cameras goes to standard error, and to the lines of --json. \"bitmar search FOLDER/events.db\" finds what was logged.\n"
    "\n"
    "Exit status: 0 all of its cameras were files and have ended, or it was stopped by SIGTERM; 1 the output was closed; 2 wrong usage or a\n"
    "mistake in FILE, with its line; 3 the model can't be loaded; 130 interrupted.\n";

typedef struct {
  WatchConfig *config;
  GMainLoop *loop;
  GMutex lock;                 /* of the output and what follows */
  gboolean json, quiet, check, closed;
  guint left;                  /* cameras that have not ended */
  int status;
  BwoHost host;
  char *log;
  GPtrArray *names, *lives;    /* of the cameras that are watched; WatchLive of each, none without outlets */
  GMutex complaint_lock;       /* of its own: an outlet may complain while it is told something */
  char *complaint;             /* the last */
} Watch;

/* ---- Output ------------------------------------------------------------------------------------------ */

static void
quit (gpointer data)
{
  g_main_loop_quit (data);
}

/* From any thread, even before the loop runs. */
static void
quit_for (Watch *w, int status)
{
  if (w->status == CLI_OK)
    w->status = status;
  g_idle_add_once (quit, w->loop);
}

/* With the lock. */
static void
print (Watch *w, const char *line)
{
  if (w->closed)
    return;
  if (puts (line) >= 0 && fflush (stdout) == 0)
    return;
  w->closed = TRUE;
  if (errno != EPIPE)
    fprintf (stderr, "bitmar watch: standard output: %s\n", g_strerror (errno));
  quit_for (w, CLI_SKIPPED);
}

static JsonObject *
begin (const char *type, const WatchCamera *camera, const char *time)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "type", type);
  json_object_set_string_member (object, "camera", camera->name);
  json_object_set_string_member (object, "time", time);
  return object;
}

static char *
line_of (JsonObject *object)
{
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  char *text = json_to_string (node, FALSE);

  json_node_unref (node);
  json_object_unref (object);
  return text;
}

static void
add_texts (JsonObject *object, const GstStructure *fields, const char *const *names)
{
  for (; *names; names++)
    if (gst_structure_has_field (fields, *names))
      json_object_set_string_member (object, *names, gst_structure_get_string (fields, *names));
}

static void
add_numbers (JsonObject *object, const GstStructure *fields, const char *const *names)
{
  double x;

  for (; *names; names++)
    if (gst_structure_get_double (fields, *names, &x))
      json_object_set_double_member (object, *names, cli_rounded (x));
}

static gboolean
is_alert (const GstStructure *fields)
{
  return gst_structure_has_name (fields, "bitmar-alert");
}

static char *
message_json (const WatchCamera *camera, const GstStructure *fields, const char *time)
{
  static const char *const texts[] = { "text", "kind", "name", "sentence", NULL };
  static const char *const numbers[] = { "confidence", "novelty", "score", "peak", NULL };
  JsonObject *object = begin (is_alert (fields) ? "alert" : "caption", camera, time);

  add_texts (object, fields, texts);
  add_numbers (object, fields, numbers);
  return line_of (object);
}

static char *
message_text (const WatchCamera *camera, const GstStructure *fields, const char *time)
{
  const char *said = gst_structure_get_string (fields, "text");
  g_autofree char *text = cli_harmless (said ? said : "");
  double score = 0;

  gst_structure_get_double (fields, "score", &score);
  if (is_alert (fields))
    return g_strdup_printf ("%s  %s  ! %s %ss (%.2f)", time, camera->name, gst_structure_get_string (fields, "name"),
        gst_structure_get_string (fields, "kind"), score);
  return g_strdup_printf ("%s  %s  %s", time, camera->name, text);
}

static char *
state_json (const WatchCamera *camera, const char *state, const char *why, const char *time)
{
  JsonObject *object = begin ("state", camera, time);

  json_object_set_string_member (object, "state", state);
  if (why)
    json_object_set_string_member (object, "why", why);
  return line_of (object);
}

static gint64
now_utc (void)
{
  return g_get_real_time () * 1000;
}

/* When it was seen; of an element that doesn't know, now. */
static gint64
utc_of (const GstStructure *fields)
{
  guint64 utc;

  return gst_structure_get_uint64 (fields, "utc", &utc) && utc <= G_MAXINT64 ? (gint64) utc : now_utc ();
}

/* With the lock, so that all outlets see the same order. */
static void
tell_outlets (const Watch *w, const BwoEvent *event)
{
  for (guint i = 0; i < w->config->outlets->len; i++)
    watch_outlet_tell (w->config->outlets->pdata[i], event);
}

static void
told (const WatchCamera *camera, const GstStructure *fields, gpointer data)
{
  Watch *w = data;
  BwoEvent event = { .kind = is_alert (fields) ? BWO_ALERT : BWO_CAPTION, .camera = camera->name, .utc = utc_of (fields), .fields = fields };
  g_autofree char *time = cli_format_time (event.utc), *json = message_json (camera, fields, time);
  g_autofree char *text = w->json ? NULL : message_text (camera, fields, time);

  event.json = json;
  g_mutex_lock (&w->lock);
  print (w, w->json ? json : text);
  tell_outlets (w, &event);
  g_mutex_unlock (&w->lock);
}

static void
state_changed (const WatchCamera *camera, WatchState state, const char *why, gpointer data)
{
  static const char *const names[] = { "connecting", "watching", "waiting", "ended" };
  Watch *w = data;
  BwoEvent event = { .kind = BWO_STATE, .camera = camera->name, .utc = now_utc (), .state = names[state], .why = why };
  g_autofree char *time = cli_format_time (event.utc), *told_why = cli_harmless (why ? why : "");
  g_autofree char *json = state_json (camera, names[state], why, time);

  event.json = json;
  g_mutex_lock (&w->lock);
  if (!w->quiet)
    fprintf (stderr, "%s  %s: %s%s%s%s\n", time, camera->name, names[state], why ? " (" : "", told_why, why ? ")" : "");
  if (w->json)
    print (w, json);
  tell_outlets (w, &event);
  if (state == WATCH_ENDED && --w->left == 0)
    quit_for (w, CLI_OK);
  g_mutex_unlock (&w->lock);
}

/* ---- Outlets ----------------------------------------------------------------------------------------- */

static Watch *
watch_of (const BwoHost *host)
{
  return (Watch *) ((const char *) host - G_STRUCT_OFFSET (Watch, host));
}

static void
complain_of_outlet (const BwoHost *host, const char *outlet, const char *text)
{
  Watch *w = watch_of (host);
  g_autofree char *line = g_strdup_printf ("[%s]: %s", outlet, text), *harmless = cli_harmless (line);

  g_mutex_lock (&w->complaint_lock);
  if (g_strcmp0 (harmless, w->complaint) != 0) {
    fprintf (stderr, "bitmar watch: %s\n", harmless);
    g_free (w->complaint);
    w->complaint = g_steal_pointer (&harmless);
  }
  g_mutex_unlock (&w->complaint_lock);
}

static WatchLive *
live_of (const BwoHost *host, guint camera)
{
  return watch_of (host)->lives->pdata[camera];
}

static GstStructure *
stats (const BwoHost *host, guint camera)
{
  return watch_live_stats (live_of (host, camera));
}

static gpointer
view (const BwoHost *host, guint camera, BwoPictureFunc func, gpointer data)
{
  return watch_live_view (live_of (host, camera), func, data);
}

static void
unview (const BwoHost *host, guint camera, gpointer view)
{
  watch_live_unview (live_of (host, camera), view);
}

static void
limit_pictures (const BwoHost *host, guint side, guint rate)
{
  for (guint i = 0; i < host->n_cameras; i++)
    watch_live_limit (live_of (host, i), side, rate);
}

static gboolean
open_outlets (Watch *w, GError **error)
{
  GPtrArray *outlets = w->config->outlets;

  for (guint i = 0; i < outlets->len; i++) {
    WatchOutlet *outlet = outlets->pdata[i];

    if (!watch_outlet_open (outlet, &w->host, error)) {
      g_prefix_error (error, "%s: [%s]: ", w->config->path, outlet->name);
      return FALSE;
    }
  }
  return TRUE;
}

static void
close_outlets (Watch *w)
{
  for (guint i = 0; i < w->config->outlets->len; i++)
    watch_outlet_close (w->config->outlets->pdata[i]);
}

/* ---- Command ----------------------------------------------------------------------------------------- */

static gboolean
interrupted (gpointer data)
{
  Watch *w = data;

  g_mutex_lock (&w->lock);
  quit_for (w, CLI_INTERRUPTED);
  g_mutex_unlock (&w->lock);
  /* A second one ends the process, whatever it waits for. */
  return G_SOURCE_REMOVE;
}

static gboolean
terminated (gpointer data)
{
  g_main_loop_quit (((Watch *) data)->loop);
  return G_SOURCE_REMOVE;
}

static int
complain (int status, GError *error)
{
  fprintf (stderr, "bitmar watch: %s\n", error->message);
  g_error_free (error);
  return status;
}

static gboolean
make_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0700) == 0 && g_access (folder, W_OK) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", folder, g_strerror (errno));
  return FALSE;
}

/* All begin at once; none waits for another's end. */
static void
watch_all (Watch *w)
{
  static const WatchFuncs funcs = { .state = state_changed, .message = told };
  GPtrArray *cameras = w->config->cameras, *watched = g_ptr_array_new ();

  for (guint i = 0; i < cameras->len; i++)
    w->left += ((WatchCamera *) cameras->pdata[i])->enabled;
  for (guint i = 0; i < cameras->len; i++)
    if (((WatchCamera *) cameras->pdata[i])->enabled)
      g_ptr_array_add (watched, watched_camera_new (w->config, cameras->pdata[i], w->lives->len ? w->lives->pdata[watched->len] : NULL, &funcs, w));
  if (watched->len > 0)
    g_main_loop_run (w->loop);
  for (guint i = 0; i < watched->len; i++)
    watched_camera_stop (watched->pdata[i]);
  for (guint i = 0; i < watched->len; i++)
    watched_camera_free (watched->pdata[i]);
  g_ptr_array_unref (watched);
}

static void
prepare_host (Watch *w, BitmarModel *model)
{
  GPtrArray *cameras = w->config->cameras;

  w->log = g_build_filename (w->config->folder, "events.db", NULL);
  for (guint i = 0; i < cameras->len; i++)
    if (((WatchCamera *) cameras->pdata[i])->enabled)
      g_ptr_array_add (w->names, ((WatchCamera *) cameras->pdata[i])->name);
  for (guint i = 0; i < w->names->len && w->config->outlets->len > 0; i++)
    g_ptr_array_add (w->lives, watch_live_new ());
  w->host = (BwoHost) { .log = w->log, .model = model, .n_cameras = w->names->len, .cameras = (const char *const *) w->names->pdata,
    .complain = complain_of_outlet, .stats = stats, .view = view, .unview = unview, .limit_pictures = limit_pictures };
}

static int
watch (Watch *w, const char *path)
{
  g_autoptr (BitmarModel) model = NULL;
  g_autoptr (GPtrArray) former_logs = NULL;
  GError *error = NULL;

  w->config = watch_config_load (path, &error);
  if (!w->config)
    return complain (CLI_USAGE, error);
  model = bitmar_model_load (w->config->model ? w->config->model : bitmar_model_default_path (), &error);
  if (!model)
    return complain (CLI_MODEL, error);
  if (!watch_config_check (w->config, model, &error))
    return complain (CLI_USAGE, error);
  if (w->check)
    return CLI_OK;
  if (!make_folder (w->config->folder, &error))
    return complain (CLI_USAGE, error);
  former_logs = watch_state_prepare (w->config, model, &error);
  if (!former_logs)
    return complain (CLI_USAGE, error);
  prepare_host (w, model);
  w->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGINT, interrupted, w);
  g_unix_signal_add (SIGTERM, terminated, w);
  if (open_outlets (w, &error))
    watch_all (w);
  close_outlets (w);
  g_main_loop_unref (w->loop);
  return error ? complain (CLI_USAGE, error) : w->status;
}

int
cli_watch (int argc, char **argv)
{
  Watch w = { 0 };
  char **words = NULL;
  GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, "One JSON object per line", NULL },
    { "check", 0, 0, G_OPTION_ARG_NONE, &w.check, "Read FILE, say what is wrong in it, and end", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &w.quiet, "Nothing about cameras on standard error", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionContext *context = g_option_context_new ("FILE");
  GError *error = NULL;
  int status = CLI_USAGE;

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  g_mutex_init (&w.lock);
  g_mutex_init (&w.complaint_lock);
  w.names = g_ptr_array_new ();
  w.lives = g_ptr_array_new_with_free_func ((GDestroyNotify) watch_live_free);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    complain (CLI_USAGE, error);
  } else if (!words || !words[0] || words[1]) {
    fprintf (stderr, "bitmar watch: takes one FILE\nTry \"bitmar watch --help\".\n");
  } else {
    cli_find_plugin ();
    status = watch (&w, words[0]);
  }
  g_clear_pointer (&w.config, watch_config_free);
  g_mutex_clear (&w.lock);
  g_mutex_clear (&w.complaint_lock);
  g_ptr_array_unref (w.names);
  g_ptr_array_unref (w.lives);
  g_free (w.complaint);
  g_free (w.log);
  g_option_context_free (context);
  g_strfreev (words);
  return status;
}
