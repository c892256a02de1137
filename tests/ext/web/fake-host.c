/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fake-host MODULE LOG CAMERA,… KEY=VALUE…: opens the outlet as `bitmar watch` does, and does what it is told on standard input, a line each:
 *   caption CAMERA TEXT · alert CAMERA start|end NAME · state CAMERA STATE [WHY] · flood CAMERA N · away CAMERA (no stats) · viewers CAMERA (how many)
 *   log on|flush: from here captions and starts of alerts are in the log, too; flush says "flushed" when they are on the disk
 * Whatever it is viewed as is a picture of PICTURE bytes, many times a second. Complaints and "viewers" go to standard output. */

#include <gmodule.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bitmar-watch-outlet.h"

#define PICTURE (64 << 10)

typedef struct {
  BwoPictureFunc func;
  gpointer data;
} View;

static GMutex lock;
static GPtrArray *views[64];
static gboolean away[64];
static const BwoTable *table;
static gpointer outlet;
static BwoHost host;
static gint over;                      /* atomic */
static BitmarEventLog *event_log;      /* NULL: nothing is logged */

static void
complain (const BwoHost *h, const char *name, const char *text)
{
  printf ("%s: %s\n", name, text);
  fflush (stdout);
}

static GstStructure *
stats (const BwoHost *h, guint camera)
{
  GstStructure *encode, *memory, *caption, *all;

  if (away[camera])
    return NULL;
  encode = gst_structure_new ("stats", "frames-in", G_TYPE_UINT64, (guint64) 1234, "encode-p95", G_TYPE_UINT64, (guint64) 25000, NULL);
  memory = gst_structure_new ("stats", "log-written", G_TYPE_UINT64, (guint64) 7, "log-queued", G_TYPE_UINT, 0, NULL);
  caption = gst_structure_new ("stats", "caption-p95", G_TYPE_UINT64, (guint64) 3000, "unsure", G_TYPE_UINT64, (guint64) 5, NULL);
  all = gst_structure_new ("all", "encode", GST_TYPE_STRUCTURE, encode, "memory", GST_TYPE_STRUCTURE, memory, "caption", GST_TYPE_STRUCTURE, caption, NULL);
  gst_structure_free (encode);
  gst_structure_free (memory);
  gst_structure_free (caption);
  return all;
}

static gpointer
view (const BwoHost *h, guint camera, BwoPictureFunc func, gpointer data)
{
  View *v = g_new (View, 1);

  *v = (View) { func, data };
  g_mutex_lock (&lock);
  g_ptr_array_add (views[camera], v);
  g_mutex_unlock (&lock);
  return v;
}

static void
unview (const BwoHost *h, guint camera, gpointer v)
{
  g_mutex_lock (&lock);
  if (!g_ptr_array_remove (views[camera], v))
    abort ();
  g_mutex_unlock (&lock);
  g_free (v);
}

static void
limit_pictures (const BwoHost *h, guint side, guint rate)
{
}

/* Each picture says which it is. */
static gpointer
film (gpointer data)
{
  for (guint n = 0; !g_atomic_int_get (&over); n++) {
    guint8 *picture = g_malloc0 (PICTURE);
    g_autoptr (GBytes) bytes = NULL;

    memcpy (picture, "\xff\xd8\xff", 3);
    memcpy (picture + 4, &n, sizeof n);
    bytes = g_bytes_new_take (picture, PICTURE);
    g_mutex_lock (&lock);
    for (guint c = 0; c < host.n_cameras; c++)
      for (guint i = 0; !away[c] && i < views[c]->len; i++)
        ((View *) views[c]->pdata[i])->func (((View *) views[c]->pdata[i])->data, bytes);
    g_mutex_unlock (&lock);
    g_usleep (5000);
  }
  return NULL;
}

static char *
json_of (const char *type, const char *camera, const char *name, const char *value)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format_iso8601 (now);
  char *text;

  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "type", type);
  json_object_set_string_member (object, "camera", camera);
  json_object_set_string_member (object, "time", time);
  json_object_set_string_member (object, name, value);
  text = json_to_string (node, FALSE);
  json_node_unref (node);
  json_object_unref (object);
  return text;
}

static void
must (gboolean done, GError *error)
{
  if (!done)
    g_error ("%s", error->message);
}

/* As bitmarmemory does it: of an alert the sentence, and its start only. */
static void
log_event (const BwoEvent *event, const char *text, const char *alert)
{
  GError *error = NULL;
  g_autofree float *x = bitmar_model_embed_text (host.model, "a dog", NULL, &error);
  BitmarEvent e = { .camera = event->camera, .text = text, .alert = alert, .utc = event->utc, .pts = G_MAXUINT64, .running_time = G_MAXUINT64,
    .confidence = 0.5f, .novelty = 0.25f, .embedding = x };

  must (x && bitmar_event_log_append (event_log, &e, &error), error);
}

static void
use_log (const char *what)
{
  GError *error = NULL;

  if (!event_log)
    event_log = bitmar_event_log_open (host.log, host.model, BITMAR_EVENT_LOG_WRITE, &error);
  must (event_log != NULL, error);
  bitmar_event_log_set_queue_size (event_log, 65536);  /* floods come faster than a busy disk takes them */
  if (!g_str_equal (what, "flush"))
    return;
  must (bitmar_event_log_flush (event_log, &error), error);
  puts ("flushed");
  fflush (stdout);
}

static void
tell (BwoKind kind, const char *camera, const char *a, const char *b)
{
  static const char *const types[] = { "caption", "alert", "state" }, *const names[] = { "text", "name", "state" };
  g_autofree char *json = json_of (types[kind], camera, names[kind], kind == BWO_ALERT ? b : a);
  BwoEvent event = { .kind = kind, .camera = camera, .utc = g_get_real_time () * 1000, .json = json };
  GstStructure *fields = NULL;

  if (kind == BWO_CAPTION)
    fields = gst_structure_new ("bitmar-caption", "text", G_TYPE_STRING, a, "confidence", G_TYPE_DOUBLE, 0.5, "novelty", G_TYPE_DOUBLE, 0.25, NULL);
  else if (kind == BWO_ALERT)
    fields = gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, a, "name", G_TYPE_STRING, b, "sentence", G_TYPE_STRING, "a <dog>", "score",
        G_TYPE_DOUBLE, 0.75, "peak", G_TYPE_DOUBLE, 0.8, NULL);
  event.fields = fields;
  event.state = kind == BWO_STATE ? a : NULL;
  event.why = kind == BWO_STATE ? b : NULL;
  if (event_log && kind == BWO_CAPTION)
    log_event (&event, a, NULL);
  else if (event_log && kind == BWO_ALERT && g_str_equal (a, "start"))
    log_event (&event, "a <dog>", b);
  table->event (outlet, &event);
  g_clear_pointer (&fields, gst_structure_free);
}

static guint
camera_of (const char *name)
{
  guint i = 0;

  while (i + 1 < host.n_cameras && !g_str_equal (host.cameras[i], name))
    i++;
  return i;
}

static void
obey (char *line)
{
  g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", 4);
  const char *what = words[0], *camera = what ? words[1] : NULL;
  g_autofree char *rest = camera && words[2] ? g_strjoinv (" ", words + 2) : NULL;

  if (!camera)
    return;
  if (g_str_equal (what, "caption"))
    tell (BWO_CAPTION, camera, rest, NULL);
  else if (g_str_equal (what, "alert"))
    tell (BWO_ALERT, camera, words[2], words[3]);
  else if (g_str_equal (what, "state"))
    tell (BWO_STATE, camera, words[2], words[3]);
  else if (g_str_equal (what, "away"))
    away[camera_of (camera)] = TRUE;
  else if (g_str_equal (what, "log"))
    use_log (camera);
  for (int i = 0; g_str_equal (what, "flood") && i < atoi (rest); i++) {
    g_autofree char *text = g_strdup_printf ("event %d %0500d", i, 0);

    tell (BWO_CAPTION, camera, text, NULL);
    if (i % 500 == 0)
      g_usleep (20000);
  }
  if (g_str_equal (what, "viewers")) {
    g_mutex_lock (&lock);
    printf ("viewers %u\n", views[camera_of (camera)]->len);
    g_mutex_unlock (&lock);
    fflush (stdout);
  }
}

static GHashTable *
read_values (int argc, char **argv)
{
  GHashTable *values = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = 4; i < argc; i++) {
    char *equals = strchr (argv[i], '=');

    *equals = 0;
    g_hash_table_insert (values, argv[i], equals + 1);
  }
  return values;
}

int
main (int argc, char **argv)
{
  GHashTable *values = read_values (argc, argv);
  GModule *module = g_module_open (argv[1], G_MODULE_BIND_LOCAL);
  g_auto (GStrv) cameras = g_strsplit (argv[3], ",", -1);
  GError *error = NULL;
  const char *key = NULL;
  char line[4096];
  GThread *thread;

  gst_init (NULL, NULL);
  if (!module || !g_module_symbol (module, BWO_SYMBOL, (gpointer *) &table))
    g_error ("%s", g_module_error ());
  host = (BwoHost) { .log = argv[2], .n_cameras = g_strv_length (cameras), .cameras = (const char *const *) cameras, .complain = complain,
    .stats = stats, .view = view, .unview = unview, .limit_pictures = limit_pictures };
  host.model = bitmar_model_load (bitmar_model_default_path (), &error);
  for (guint i = 0; i < host.n_cameras; i++)
    views[i] = g_ptr_array_new ();
  if (!host.model || !table->check (values, &key, &error) || !(key = NULL, outlet = table->open (&host, values, &error))) {
    printf ("refused %s: %s\n", key ? key : "-", error->message);
    fflush (stdout);
    _exit (1);                 /* what is left is nobody's loss */
  }
  thread = g_thread_new ("film", film, NULL);
  while (fgets (line, sizeof line, stdin))
    obey (line);
  table->close (outlet);
  g_clear_object (&event_log);
  g_atomic_int_set (&over, 1);
  g_thread_join (thread);
  for (guint i = 0; i < host.n_cameras; i++) {
    if (views[i]->len > 0)
      return 3;
    g_ptr_array_unref (views[i]);
  }
  g_object_unref (host.model);
  g_hash_table_unref (values);
  puts ("closed");
  return 0;
}
