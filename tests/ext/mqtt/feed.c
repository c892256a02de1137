/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* feed MODULE LOG CAMERA,… [KEY=VALUE…]: what `bitmar watch` does with an outlet, told by lines of standard input:
 *   caption CAMERA TEXT | alert CAMERA start|end NAME | state CAMERA STATE | many N CAMERA (captions 1, 2, …) | slowest | sleep MS
 * After each it prints "done"; of slowest, how long the longest event() took, in ms. At the end of the input the outlet is closed. Exit status: 2 a bad
 * value, its key on standard error; 3 it does not open. */
#include <gmodule.h>
#include <stdio.h>
#include <string.h>

#include "bitmar-watch-outlet.h"

static const BwoTable *table;
static gpointer outlet;
static gint64 slowest;

static void
complain (const BwoHost *host, const char *name, const char *text)
{
  fprintf (stderr, "[%s]: %s\n", name, text);
}

static void
tell (BwoEvent *event)
{
  gint64 begin = g_get_monotonic_time ();

  table->event (outlet, event);
  slowest = MAX (slowest, g_get_monotonic_time () - begin);
}

static void
caption (const char *camera, const char *text)
{
  GstStructure *fields = gst_structure_new ("bitmar-caption", "text", G_TYPE_STRING, text, NULL);
  char *json = g_strdup_printf ("{\"version\":1,\"type\":\"caption\",\"camera\":\"%s\",\"time\":\"now\",\"text\":\"%s\"}", camera, text);

  tell (&(BwoEvent) { .kind = BWO_CAPTION, .camera = camera, .json = json, .fields = fields });
  g_free (json);
  gst_structure_free (fields);
}

static void
alert (const char *camera, const char *kind, const char *name)
{
  GstStructure *fields = gst_structure_new ("bitmar-alert", "kind", G_TYPE_STRING, kind, "name", G_TYPE_STRING, name, NULL);
  char *json = g_strdup_printf ("{\"version\":1,\"type\":\"alert\",\"camera\":\"%s\",\"time\":\"now\",\"kind\":\"%s\",\"name\":\"%s\"}", camera, kind, name);

  tell (&(BwoEvent) { .kind = BWO_ALERT, .camera = camera, .json = json, .fields = fields });
  g_free (json);
  gst_structure_free (fields);
}

static void
state (const char *camera, const char *state)
{
  char *json = g_strdup_printf ("{\"version\":1,\"type\":\"state\",\"camera\":\"%s\",\"time\":\"now\",\"state\":\"%s\"}", camera, state);

  tell (&(BwoEvent) { .kind = BWO_STATE, .camera = camera, .json = json, .state = state });
  g_free (json);
}

static void
many (guint n, const char *camera)
{
  for (guint i = 1; i <= n; i++) {
    char *text = g_strdup_printf ("%u", i);

    caption (camera, text);
    g_free (text);
  }
}

static void
obey (const char *line)
{
  char **words = g_strsplit (line, " ", 4);
  guint n = g_strv_length (words);

  if (n >= 3 && g_str_equal (words[0], "caption"))
    caption (words[1], line + strlen ("caption ") + strlen (words[1]) + 1);
  else if (n == 4 && g_str_equal (words[0], "alert"))
    alert (words[1], words[2], words[3]);
  else if (n == 3 && g_str_equal (words[0], "state"))
    state (words[1], words[2]);
  else if (n == 3 && g_str_equal (words[0], "many"))
    many (atoi (words[1]), words[2]);
  else if (n == 1 && g_str_equal (words[0], "slowest"))
    printf ("%" G_GINT64_FORMAT " ", slowest / 1000);
  else if (n == 2 && g_str_equal (words[0], "sleep"))
    g_usleep (atoi (words[1]) * 1000);
  else
    g_error ("%s?", line);
  puts ("done");
  fflush (stdout);
  g_strfreev (words);
}

static GHashTable *
values_of (char **words)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (; *words; words++) {
    char *equals = strchr (*words, '=');

    g_hash_table_insert (values, g_strndup (*words, equals - *words), g_strdup (equals + 1));
  }
  return values;
}

int
main (int argc, char **argv)
{
  GModule *module = g_module_open (argv[1], G_MODULE_BIND_LOCAL);
  char **cameras = g_strsplit (argv[3], ",", -1), line[65536];
  BwoHost host = { .log = argv[2], .n_cameras = g_strv_length (cameras), .cameras = (const char *const *) cameras, .complain = complain };
  GHashTable *values = values_of (argv + 4);
  GError *error = NULL;
  const char *key = NULL;

  gst_init (NULL, NULL);
  if (!module || !g_module_symbol (module, BWO_SYMBOL, (gpointer *) &table))
    g_error ("%s", g_module_error ());
  if (!table->check (values, &key, &error)) {
    fprintf (stderr, "%s: %s\n", key ? key : "-", error->message);
    return 2;
  }
  if (!(outlet = table->open (&host, values, &error))) {
    fprintf (stderr, "%s\n", error->message);
    return 3;
  }
  puts ("open");
  fflush (stdout);
  while (fgets (line, sizeof line, stdin))
    obey (g_strchomp (line));
  table->close (outlet);
  g_hash_table_unref (values);
  g_strfreev (cameras);
  return 0;
}
