/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The alerts over an end of the program: a file alerts.json beside the log, which has when they began only. An alert is kept as long as the log has its
 * start, so that what is forgotten there, or too old for it, is gone here. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "web.h"

#define NAME "alerts.json"
#define VERSION_OF_FILE 1
#define MOST_BYTES (4 << 20)
#define SAVE_SECONDS 1
#define CHECK_SECONDS 60
#define LATEST_NS (G_GINT64_CONSTANT (3600) * 1000000000)     /* the log may be so late with a start */

struct _WebHistory {
  Web *web;
  char *path;
  GSource *timer;              /* until the next save; NULL: nothing has changed */
  GSource *check;
  gboolean busy, changed;      /* a job is under way; more has changed since */
  guint64 loaded;              /* alerts up to this number were read, and not looked up in the log yet; 0: none */
};

/* ---- File ---------------------------------------------------------------------------------------------------- */

static JsonObject *
alert_to_json (const WebAlert *alert)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "camera", alert->camera);
  json_object_set_string_member (object, "name", alert->name);
  json_object_set_string_member (object, "sentence", alert->sentence);
  json_object_set_int_member (object, "start", alert->start);
  json_object_set_int_member (object, "end", alert->end);
  json_object_set_double_member (object, "score", alert->score);
  json_object_set_double_member (object, "peak", alert->peak);
  json_object_set_boolean_member (object, "cut", alert->cut);
  json_object_set_int_member (object, "event", alert->event);
  return object;
}

static char *
to_text (const Web *web)
{
  JsonObject *object = json_object_new ();
  JsonArray *alerts = json_array_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  char *text;

  for (guint i = 0; i < web->alerts->len; i++)
    json_array_add_object_element (alerts, alert_to_json (web->alerts->pdata[i]));
  json_object_set_int_member (object, "version", VERSION_OF_FILE);
  json_object_set_array_member (object, "alerts", alerts);
  text = json_to_string (node, FALSE);
  json_node_unref (node);
  json_object_unref (object);
  return text;
}

/* -1 where it is none. */
static gint64
int_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : -1;
}

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static gdouble
share_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) ? CLAMP (json_node_get_double (node), 0, 1) : 0;
}

/* One that went on has an end that nobody has seen. NULL: it is none. */
static WebAlert *
alert_from_json (JsonObject *object)
{
  const char *camera = text_of (object, "camera"), *name = text_of (object, "name"), *sentence = text_of (object, "sentence");
  JsonNode *cut = json_object_get_member (object, "cut");
  gint64 start = int_of (object, "start"), end = int_of (object, "end");
  WebAlert *alert;

  if (!camera || !name || !sentence || start < 0 || (end >= 0 && end < start))
    return NULL;
  alert = g_new0 (WebAlert, 1);
  *alert = (WebAlert) { .camera = g_strdup (camera), .name = g_strdup (name), .sentence = g_strdup (sentence), .start = start, .end = MAX (end, -1),
    .score = share_of (object, "score"), .peak = share_of (object, "peak"), .event = MAX (int_of (object, "event"), 0),
    .cut = cut && JSON_NODE_HOLDS_VALUE (cut) && json_node_get_boolean (cut) };
  return alert;
}

static gboolean
fail (GError **error, const char *text)
{
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_FORMAT, text);
  return FALSE;
}

static gboolean
add_all (Web *web, JsonNode *root, GError **error)
{
  JsonObject *object = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  JsonNode *list = object ? json_object_get_member (object, "alerts") : NULL;
  JsonArray *alerts = list && JSON_NODE_HOLDS_ARRAY (list) ? json_node_get_array (list) : NULL;

  if (!alerts || int_of (object, "version") != VERSION_OF_FILE)
    return fail (error, "it is no list of alerts of this version");
  for (guint i = 0; i < json_array_get_length (alerts); i++) {
    JsonNode *node = json_array_get_element (alerts, i);
    WebAlert *alert = JSON_NODE_HOLDS_OBJECT (node) ? alert_from_json (json_node_get_object (node)) : NULL;

    if (!alert)
      return fail (error, "an alert in it is damaged");
    web_alerts_add (web, alert);
  }
  return TRUE;
}

static gboolean
load (WebHistory *h, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autofree char *text = NULL;
  GStatBuf st;
  gsize size;

  if (g_stat (h->path, &st) == 0 && st.st_size > MOST_BYTES)
    return fail (error, "it is too large");
  if (!g_file_get_contents (h->path, &text, &size, error))
    return FALSE;
  if (!g_utf8_validate_len (text, size, NULL) || memchr (text, 0, size))
    return fail (error, "it is not UTF-8");
  return json_parser_load_from_data (parser, text, (gssize) size, error) && add_all (h->web, json_parser_get_root (parser), error);
}

/* One that is damaged is put aside, for who wants to look into it. */
static void
restore (WebHistory *h)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *aside = NULL, *text = NULL;
  gboolean moved;

  if (load (h, &error) || g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return;
  g_ptr_array_set_size (h->web->alerts, 0);
  aside = g_strconcat (h->path, ".damaged", NULL);
  moved = g_rename (h->path, aside) == 0;
  text = g_strdup_printf ("%s: the history of alerts begins anew: %s%s%s", h->path, error->message, moved ? "; it is called now " : "", moved ? aside : "");
  h->web->host->complain (h->web->host, WEB_NAME, text);
}

static gboolean
write_file (const char *path, const char *text, GError **error)
{
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

/* ---- Job: what has changed is written, and looked up in the log ------------------------------------------------ */

typedef struct {
  guint64 number;
  char *camera, *name;
  gint64 start, event;
  gboolean gone;
} Known;

typedef struct {
  WebHistory *history;
  char *path, *text;           /* text NULL: only looked up */
  guint64 loaded;              /* what has no event up to this number is gone */
  Known *known;
  guint n;
  gboolean looked;
  char *error;
} Job;

static gboolean
is_start (const BitmarEvent *event, const Known *known)
{
  return event->alert && event->utc == known->start && g_str_equal (event->alert, known->name) && g_strcmp0 (event->camera, known->camera) == 0;
}

/* FALSE: the log can't tell. */
static gboolean
find_event (BitmarEventLog *log, Known *known)
{
  GPtrArray *events = bitmar_event_log_query (log, NULL, 0, 16, known->start, known->start + 1, known->camera, NULL);

  for (guint i = 0; events && i < events->len; i++)
    if (is_start (events->pdata[i], known))
      known->event = ((BitmarEvent *) events->pdata[i])->id;
  if (!events)
    return FALSE;
  g_ptr_array_unref (events);
  return TRUE;
}

static gboolean
check_event (BitmarEventLog *log, Known *known)
{
  g_autoptr (GError) error = NULL;
  BitmarEvent *event = bitmar_event_log_get_event (log, known->event, &error);

  known->gone = event ? !is_start (event, known) : g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER);
  if (event)
    bitmar_event_unref (event);
  return event || known->gone;
}

static gboolean
look_up (BitmarEventLog *log, Job *job)
{
  for (guint i = 0; i < job->n; i++) {
    Known *known = &job->known[i];

    if (known->event == 0 && known->number > job->loaded && g_get_real_time () * 1000 - known->start > LATEST_NS)
      continue;
    if (!(known->event > 0 ? check_event (log, known) : find_event (log, known)))
      return FALSE;
    known->gone = known->gone || (known->event == 0 && known->number <= job->loaded);
  }
  return TRUE;
}

static gboolean
work (BitmarEventLog *log, const GError *error, gpointer data)
{
  Job *job = data;
  g_autoptr (GError) why = NULL;

  if (job->text && !write_file (job->path, job->text, &why))
    job->error = g_strdup_printf ("the history of alerts can't be written: %s", why->message);
  job->looked = log && look_up (log, job);
  return !log || job->looked;
}

static void
job_free (gpointer data)
{
  Job *job = data;

  for (guint i = 0; i < job->n; i++) {
    g_free (job->known[i].camera);
    g_free (job->known[i].name);
  }
  g_free (job->known);
  g_free (job->path);
  g_free (job->text);
  g_free (job->error);
  g_free (job);
}

static Job *
job_new (WebHistory *h, gboolean save)
{
  const GPtrArray *alerts = h->web->alerts;
  Job *job = g_new0 (Job, 1);

  *job = (Job) { .history = h, .path = g_strdup (h->path), .text = save ? to_text (h->web) : NULL, .loaded = h->loaded,
    .known = g_new0 (Known, alerts->len), .n = alerts->len };
  for (guint i = 0; i < alerts->len; i++) {
    const WebAlert *alert = alerts->pdata[i];

    job->known[i] = (Known) { alert->number, g_strdup (alert->camera), g_strdup (alert->name), alert->start, alert->event, FALSE };
  }
  return job;
}

/* ---- In the server's thread ------------------------------------------------------------------------------------ */

/* What the log has told; TRUE: something has changed by it. */
static gboolean
take_over (GPtrArray *alerts, const Known *known)
{
  for (guint i = 0; i < alerts->len; i++) {
    WebAlert *alert = alerts->pdata[i];

    if (alert->number != known->number)
      continue;
    if (known->gone && !alert->active)
      return g_ptr_array_remove_index (alerts, i) != NULL;
    if (known->gone || alert->event == known->event)
      return FALSE;
    alert->event = known->event;
    return TRUE;
  }
  return FALSE;
}

static void
done (gpointer data)
{
  Job *job = data;
  WebHistory *h = job->history;

  h->busy = FALSE;
  if (job->error)
    h->web->host->complain (h->web->host, WEB_NAME, job->error);
  if (job->looked)
    h->loaded = 0;
  for (guint i = 0; job->looked && i < job->n; i++)
    h->changed |= take_over (h->web->alerts, &job->known[i]);
  if (h->changed)
    web_history_changed (h);
}

static void
run (WebHistory *h, gboolean save)
{
  Job *job;

  /* Without a log the program ends, and writes it then. */
  if (h->busy || !h->web->log) {
    h->changed |= save;
    return;
  }
  job = job_new (h, save);
  h->changed = FALSE;
  h->busy = web_log_run (h->web->log, work, done, job_free, job);
  if (h->busy)
    return;
  job_free (job);
  if (save)
    web_history_changed (h);
}

static gboolean
save (gpointer data)
{
  WebHistory *h = data;

  g_clear_pointer (&h->timer, g_source_unref);
  run (h, TRUE);
  return G_SOURCE_REMOVE;
}

static gboolean
check (gpointer data)
{
  WebHistory *h = data;

  if (h->web->alerts->len > 0)
    run (h, FALSE);
  return G_SOURCE_CONTINUE;
}

static GSource *
set_timer (WebHistory *h, guint seconds, GSourceFunc func)
{
  GSource *source = g_timeout_source_new_seconds (seconds);

  g_source_set_callback (source, func, h, NULL);
  g_source_attach (source, h->web->context);
  return source;
}

void
web_history_changed (WebHistory *h)
{
  if (!h->timer)
    h->timer = set_timer (h, SAVE_SECONDS, save);
}

WebHistory *
web_history_new (Web *web)
{
  WebHistory *h = g_new0 (WebHistory, 1);
  g_autofree char *folder = g_path_get_dirname (web->host->log);

  h->web = web;
  h->path = g_build_filename (folder, NAME, NULL);
  restore (h);
  h->loaded = web->last_alert;
  h->check = set_timer (h, CHECK_SECONDS, check);
  if (h->loaded)
    web_history_changed (h);
  return h;
}

static void
drop_timer (GSource **timer)
{
  if (!*timer)
    return;
  g_source_destroy (*timer);
  g_clear_pointer (timer, g_source_unref);
}

void
web_history_free (WebHistory *h)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL, *why = NULL;

  if (h->timer || h->changed || h->busy) {
    text = to_text (h->web);
    if (!write_file (h->path, text, &error)) {
      why = g_strdup_printf ("the history of alerts can't be written: %s", error->message);
      h->web->host->complain (h->web->host, WEB_NAME, why);
    }
  }
  drop_timer (&h->timer);
  drop_timer (&h->check);
  g_free (h->path);
  g_free (h);
}
