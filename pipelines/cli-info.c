/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "json.h"

/* Characters of a value that are shown: the vocabulary is long. */
#define SHOWN 160

static char *
shorten (char *value)
{
  char *cut;

  if (!value || g_utf8_strlen (value, -1) <= SHOWN)
    return value;
  cut = g_strdup_printf ("%.*s…", (int) (g_utf8_offset_to_pointer (value, SHOWN) - value), value);
  g_free (value);
  return cut;
}

static void
print_text (BitmarModel *model, const char *path)
{
  char **keys = bitmar_model_list_metadata (model);

  printf ("file                %s\n", path);
  printf ("name                %s\n", bitmar_model_get_name (model));
  printf ("sha256              %s\n", bitmar_model_get_id (model));
  printf ("parameters          %" G_GUINT64_FORMAT "\n", bitmar_model_get_parameters (model));
  printf ("resident bytes      %" G_GSIZE_FORMAT "\n", bitmar_model_get_size (model));
  printf ("memory slots        %u of %u\n", bitmar_model_get_memory_slots (model), bitmar_model_get_memory_width (model));
  printf ("tokens at most      %u\n", bitmar_model_get_max_tokens (model));
  printf ("beams               %u\n", bitmar_model_get_beam_size (model));
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
  char **keys = bitmar_model_list_metadata (model);
  GString *json = g_string_new ("{"), *metadata = g_string_new ("{");

  bitmar_json_add_int (json, "version", 1);
  bitmar_json_add_string (json, "file", path);
  bitmar_json_add_string (json, "name", bitmar_model_get_name (model));
  bitmar_json_add_string (json, "sha256", bitmar_model_get_id (model));
  bitmar_json_add_uint64 (json, "parameters", bitmar_model_get_parameters (model));
  bitmar_json_add_uint64 (json, "resident_bytes", bitmar_model_get_size (model));
  bitmar_json_add_int (json, "memory_slots", bitmar_model_get_memory_slots (model));
  bitmar_json_add_int (json, "memory_width", bitmar_model_get_memory_width (model));
  bitmar_json_add_int (json, "max_tokens", bitmar_model_get_max_tokens (model));
  bitmar_json_add_int (json, "beam_size", bitmar_model_get_beam_size (model));
  for (guint i = 0; keys[i]; i++) {
    char *value = shorten (bitmar_model_dup_metadata (model, keys[i]));

    bitmar_json_add_string (metadata, keys[i], value);
    g_free (value);
  }
  printf ("%s,\"metadata\":%s}}\n", json->str, metadata->str);
  g_string_free (json, TRUE);
  g_string_free (metadata, TRUE);
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
