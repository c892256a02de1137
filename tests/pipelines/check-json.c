/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* check-json COUNT NAME:TYPE…: standard input is COUNT lines (`+`: at least one), each a JSON object with those members.
 * TYPE: s string, n number, b boolean, 0 null; several letters: any of them. */

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char
type_of (JsonNode *node)
{
  if (JSON_NODE_HOLDS_NULL (node))
    return '0';
  if (!JSON_NODE_HOLDS_VALUE (node))
    return 'o';
  switch (json_node_get_value_type (node)) {
    case G_TYPE_STRING:
      return 's';
    case G_TYPE_BOOLEAN:
      return 'b';
    default:
      return 'n';
  }
}

static gboolean
check_line (const char *line, char **members)
{
  GError *error = NULL;
  JsonNode *root = json_from_string (line, &error);
  gboolean good = TRUE;

  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    fprintf (stderr, "no JSON object: %s%s\n", line, error ? error->message : "");
    return FALSE;
  }
  for (; *members && good; members++) {
    char **part = g_strsplit (*members, ":", 2);
    JsonNode *node = json_object_get_member (json_node_get_object (root), part[0]);

    good = node && strchr (part[1], type_of (node));
    if (!good)
      fprintf (stderr, "no member %s in: %s", *members, line);
    g_strfreev (part);
  }
  json_node_unref (root);
  return good;
}

int
main (int argc, char **argv)
{
  char line[65536];
  guint lines = 0;

  while (fgets (line, sizeof line, stdin)) {
    lines++;
    if (!check_line (line, argv + 2))
      return 1;
  }
  if (argc < 2 || (strcmp (argv[1], "+") ? lines != strtoul (argv[1], NULL, 10) : lines == 0)) {
    fprintf (stderr, "%u lines, not %s\n", lines, argc < 2 ? "?" : argv[1]);
    return 1;
  }
  return 0;
}
