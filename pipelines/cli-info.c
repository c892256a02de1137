/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Characters of an array that are shown: the vocabulary is long. */
#define SHOWN 160

static char *
shorten (char *value)
{
  char *cut;

  if (!value || value[0] != '[' || g_utf8_strlen (value, -1) <= SHOWN)
    return value;
  cut = g_strdup_printf ("%.*s…", (int) (g_utf8_offset_to_pointer (value, SHOWN) - value), value);
  g_free (value);
  return cut;
}

static guint64
file_size (const char *path)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 ? (guint64) st.st_size : 0;
}

static void
print_text (BitmarModel *model, const char *path)
{
  char **keys = bitmar_model_list_metadata (model);

  printf ("file                %s\n", path);
  printf ("name                %s\n", bitmar_model_get_name (model));
  printf ("sha256              %s\n", bitmar_model_get_id (model));
  printf ("parameters          %" G_GUINT64_FORMAT "\n", bitmar_model_get_parameters (model));
  printf ("file bytes          %" G_GUINT64_FORMAT "\n", file_size (path));
  printf ("resident bytes      %" G_GSIZE_FORMAT "\n", bitmar_model_get_size (model));
  printf ("memory slots        %u of %u\n", bitmar_model_get_memory_slots (model), bitmar_model_get_memory_width (model));
  printf ("tokens at most      %u\n", bitmar_model_get_max_tokens (model));
  printf ("beams               %u\n", bitmar_model_get_beam_size (model));
  printf ("alerts score by     %s\n", bitmar_model_has_background (model) ? "the file's background" : "the cosine alone");
  printf ("metadata\n");
  for (guint i = 0; keys[i]; i++) {
    char *value = shorten (bitmar_model_dup_metadata (model, keys[i]));

    printf ("  %s = %s\n", keys[i], value ? value : "");
    g_free (value);
  }
  g_strfreev (keys);
}

static void
print_json (BitmarModel *model, const char *path)
{
  char **keys = bitmar_model_list_metadata (model), *text;
  JsonObject *object = json_object_new (), *metadata = json_object_new ();
  JsonNode *node = json_node_init_object (json_node_alloc (), object);

  json_object_set_int_member (object, "version", 1);
  json_object_set_string_member (object, "file", path);
  json_object_set_string_member (object, "name", bitmar_model_get_name (model));
  json_object_set_string_member (object, "sha256", bitmar_model_get_id (model));
  json_object_set_int_member (object, "parameters", bitmar_model_get_parameters (model));
  json_object_set_int_member (object, "file_bytes", file_size (path));
  json_object_set_int_member (object, "resident_bytes", bitmar_model_get_size (model));
  json_object_set_int_member (object, "memory_slots", bitmar_model_get_memory_slots (model));
  json_object_set_int_member (object, "memory_width", bitmar_model_get_memory_width (model));
  json_object_set_int_member (object, "max_tokens", bitmar_model_get_max_tokens (model));
  json_object_set_int_member (object, "beam_size", bitmar_model_get_beam_size (model));
  json_object_set_boolean_member (object, "has_background", bitmar_model_has_background (model));
  for (guint i = 0; keys[i]; i++) {
    char *value = shorten (bitmar_model_dup_metadata (model, keys[i]));

    json_object_set_string_member (metadata, keys[i], value ? value : "");
    g_free (value);
  }
  json_object_set_object_member (object, "metadata", metadata);
  text = json_to_string (node, FALSE);
  puts (text);
  g_free (text);
  json_node_unref (node);
  json_object_unref (object);
  g_strfreev (keys);
}

CliStatus
cli_info (const char *path, gboolean json)
{
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);

  if (!model) {
    fprintf (stderr, "bitmar: %s\n", error->message);
    g_error_free (error);
    return CLI_MODEL;
  }
  if (json)
    print_json (model, path);
  else
    print_text (model, path);
  g_object_unref (model);
  return CLI_OK;
}
