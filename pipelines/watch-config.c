/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GKeyFile reads such files too, but neither tells lines nor notices what is there twice. */
#include "watch-config.h"

#include <math.h>
#include <string.h>

#include <gst/gst.h>

#include "cli.h"
#include "watch-value.h"

#define MAX_BYTES (1 << 20)
#define MAX_CAMERAS 1024
#define MAX_NAME 64
#define DAY (G_GUINT64_CONSTANT (86400) * GST_SECOND)

G_DEFINE_QUARK (watch-config-error-quark, watch_config_error)

typedef struct {
  WatchConfig *config;
  WatchCamera *camera;         /* the section's; without it and outlet: [watch], or none yet */
  WatchOutlet *outlet;
  gboolean in_section, has_watch;
  char *section;
  GHashTable *seen;            /* keys of the section → their line */
  char *folder;                /* that relative paths begin at */
  guint line, first_line;      /* first_line: of the section */
} Reader;

static gboolean fail (const Reader *r, GError **error, WatchConfigError code, const char *format, ...) G_GNUC_PRINTF (4, 5);

static gboolean
fail (const Reader *r, GError **error, WatchConfigError code, const char *format, ...)
{
  va_list args;
  char *text, *at;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  at = r->line > 0 ? g_strdup_printf (":%u", r->line) : g_strdup ("");
  g_set_error (error, WATCH_CONFIG_ERROR, code, "%s%s: %s%s%s", r->config->path, at, r->section ? r->section : "",
      r->section ? ": " : "", text);
  g_free (text);
  g_free (at);
  return FALSE;
}

/* ---- Values ------------------------------------------------------------------------------------------ */

static gboolean
read_text (const Reader *r, const char *text, gpointer to, GError **error)
{
  g_free (*(char **) to);
  *(char **) to = g_strdup (text);
  return TRUE;
}

/* A name such as ~ is the shell's; here it would be a folder called so. */
static gboolean
read_path (const Reader *r, const char *text, gpointer to, GError **error)
{
  if (text[0] == '~')
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'~' is not understood here: write the whole path");
  g_free (*(char **) to);
  *(char **) to = g_canonicalize_filename (text, r->folder);
  return TRUE;
}

static gboolean
read_source (const Reader *r, const char *text, gpointer to, GError **error)
{
  return gst_uri_is_valid (text) ? read_text (r, text, to, error) : read_path (r, text, to, error);
}

static gboolean
read_flag (const Reader *r, const char *text, gpointer to, GError **error)
{
  if (g_str_equal (text, "yes") || g_str_equal (text, "true"))
    *(gboolean *) to = TRUE;
  else if (g_str_equal (text, "no") || g_str_equal (text, "false"))
    *(gboolean *) to = FALSE;
  else
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is neither yes nor no", text);
  return TRUE;
}

static gboolean
read_duration (const Reader *r, const char *text, gpointer to, GError **error)
{
  return watch_value_duration (text, to) ||
      fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is no duration such as 500ms, 90s, 10min, 12h, 30d or 4w", text);
}

static gboolean
read_bytes (const Reader *r, const char *text, gpointer to, GError **error)
{
  return watch_value_bytes (text, to) || fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is no size such as 500 MB or 2 GB", text);
}

static gboolean
read_seconds (const Reader *r, const char *text, gpointer to, GError **error)
{
  guint64 ns;

  if (!read_duration (r, text, &ns, error))
    return FALSE;
  if (ns < GST_MSECOND || ns > DAY)
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is not between 1ms and 1d", text);
  *(gdouble *) to = (gdouble) ns / GST_SECOND;
  return TRUE;
}

static gboolean
read_share (const Reader *r, const char *text, gpointer to, GError **error)
{
  gdouble number;

  if (!watch_value_number (text, &number) || number > 1)
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is no number from 0 to 1", text);
  *(gdouble *) to = number;
  return TRUE;
}

static gboolean
read_width (const Reader *r, const char *text, gpointer to, GError **error)
{
  gdouble number;

  if (!watch_value_number (text, &number) || number > 1024 || number != floor (number) || (number > 0 && number < 16))
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is neither 0 nor a whole number of pixels from 16 to 1024", text);
  *(guint *) to = (guint) number;
  return TRUE;
}

/* ---- Keys -------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  gboolean (*read) (const Reader *r, const char *text, gpointer to, GError **error);
  gsize offset;
} Key;

static const Key watch_keys[] = {
  { "model", read_path, G_STRUCT_OFFSET (WatchConfig, model) },
  { "folder", read_path, G_STRUCT_OFFSET (WatchConfig, folder) },
  { "retention", read_duration, G_STRUCT_OFFSET (WatchConfig, retention) },
  { "retention-bytes", read_bytes, G_STRUCT_OFFSET (WatchConfig, retention_bytes) },
  { "save-interval", read_duration, G_STRUCT_OFFSET (WatchConfig, save_interval) },
  { "thumbnail-width", read_width, G_STRUCT_OFFSET (WatchConfig, thumbnail_width) },
};

static const Key camera_keys[] = {
  { "source", read_source, G_STRUCT_OFFSET (WatchCamera, source) },
  { "enabled", read_flag, G_STRUCT_OFFSET (WatchCamera, enabled) },
  { "repeat", read_flag, G_STRUCT_OFFSET (WatchCamera, repeat) },
  { "prompt", read_text, G_STRUCT_OFFSET (WatchCamera, prompt) },
  { "alerts", read_text, G_STRUCT_OFFSET (WatchCamera, alerts) },
  { "interval", read_seconds, G_STRUCT_OFFSET (WatchCamera, interval) },
  { "min-confidence", read_share, G_STRUCT_OFFSET (WatchCamera, min_confidence) },
};

static char *
names_of (const Key *keys, gsize n)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", keys[i].name);
  return g_string_free (text, FALSE);
}

static gboolean
no_such_key (const Reader *r, const char *name, const char *names, GError **error)
{
  return fail (r, error, WATCH_CONFIG_ERROR_UNKNOWN, "there is no key '%s' here; the keys are %s", name, names);
}

/* What all values have in common, whosoever they are. */
static gboolean
may_be_set (Reader *r, const char *name, const char *value, gboolean lines, GError **error)
{
  gpointer first = g_hash_table_lookup (r->seen, name);

  if (first)
    return fail (r, error, WATCH_CONFIG_ERROR_TWICE, "'%s' was set before, in line %u", name, GPOINTER_TO_UINT (first));
  if (!*value)
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' has no value", name);
  if (strchr (value, '\n') && !lines)
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "the next line is indented, and so would go on with the value of '%s'", name);
  g_hash_table_insert (r->seen, g_strdup (name), GUINT_TO_POINTER (r->line));
  return TRUE;
}

static gboolean
set_outlet (Reader *r, const char *name, const char *value, GError **error)
{
  if (!watch_outlet_has_key (r->outlet, name)) {
    g_autofree char *names = g_strjoinv (", ", (char **) r->outlet->table->keys);

    return no_such_key (r, name, names, error);
  }
  if (!may_be_set (r, name, value, FALSE, error))
    return FALSE;
  g_hash_table_insert (r->outlet->values, g_strdup (name), g_strdup (value));
  return TRUE;
}

static gboolean
set (Reader *r, const char *name, const char *value, GError **error)
{
  const Key *keys = r->camera ? camera_keys : watch_keys, *key = NULL;
  gsize n = r->camera ? G_N_ELEMENTS (camera_keys) : G_N_ELEMENTS (watch_keys);

  if (r->outlet)
    return set_outlet (r, name, value, error);
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (name, keys[i].name))
      key = &keys[i];
  if (!key) {
    g_autofree char *names = names_of (keys, n);

    return no_such_key (r, name, names, error);
  }
  if (!may_be_set (r, name, value, key->read == read_text, error))
    return FALSE;
  if (r->camera && g_str_equal (name, "alerts"))
    r->camera->alerts_line = r->line;
  if (r->camera && g_str_equal (name, "prompt"))
    r->camera->prompt_line = r->line;
  return key->read (r, value, G_STRUCT_MEMBER_P (r->camera ? (gpointer) r->camera : r->config, key->offset), error);
}

/* ---- Sections ---------------------------------------------------------------------------------------- */

static void
camera_free (gpointer data)
{
  WatchCamera *camera = data;

  g_free (camera->name);
  g_free (camera->source);
  g_free (camera->prompt);
  g_free (camera->alerts);
  g_free (camera);
}

/* The name is a file's too. */
static gboolean
name_is_allowed (const char *name)
{
  gsize n = strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

  return n > 0 && n <= MAX_NAME && name[n] == 0 && name[0] != '.';
}

/* The line is that of the key that is wrong, or of the section when one is missing. */
static gboolean
check_outlet (Reader *r, GError **error)
{
  const char *key;
  GError *why = NULL;

  if (watch_outlet_check (r->outlet, &key, &why))
    return TRUE;
  r->line = key ? GPOINTER_TO_UINT (g_hash_table_lookup (r->seen, key)) : r->first_line;
  fail (r, error, key ? WATCH_CONFIG_ERROR_VALUE : WATCH_CONFIG_ERROR_MISSING, "%s%s%s", key ? key : "", key ? ": " : "", why->message);
  g_error_free (why);
  return FALSE;
}

static gboolean
end_section (Reader *r, GError **error)
{
  if (r->outlet && !check_outlet (r, error))
    return FALSE;
  if (r->camera && !r->camera->source)
    return fail (r, error, WATCH_CONFIG_ERROR_MISSING, "its 'source' is missing");
  return TRUE;
}

static gboolean
begin_camera (Reader *r, const char *name, GError **error)
{
  GPtrArray *cameras = r->config->cameras;

  if (!name_is_allowed (name))
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "'%s' is no name of 1 to %d letters, digits, '-', '_' and '.'", name, MAX_NAME);
  for (guint i = 0; i < cameras->len; i++)
    if (g_ascii_strcasecmp (name, ((WatchCamera *) cameras->pdata[i])->name) == 0)
      return fail (r, error, WATCH_CONFIG_ERROR_TWICE, "there is a camera of that name before");
  if (cameras->len == MAX_CAMERAS)
    return fail (r, error, WATCH_CONFIG_ERROR_VALUE, "more than %d cameras", MAX_CAMERAS);
  r->camera = g_new0 (WatchCamera, 1);
  *r->camera = (WatchCamera) { .name = g_strdup (name), .enabled = TRUE, .min_confidence = -1 };
  g_ptr_array_add (cameras, r->camera);
  return TRUE;
}

static gboolean
begin_outlet (Reader *r, const char *name, GError **error)
{
  GPtrArray *outlets = r->config->outlets;
  GError *why = NULL;

  for (guint i = 0; i < outlets->len; i++)
    if (g_str_equal (name, ((WatchOutlet *) outlets->pdata[i])->name))
      return fail (r, error, WATCH_CONFIG_ERROR_TWICE, "there is one before");
  r->outlet = watch_outlet_new (name, &why);
  if (r->outlet) {
    g_ptr_array_add (outlets, r->outlet);
    return TRUE;
  }
  fail (r, error, WATCH_CONFIG_ERROR_MISSING, "%s", why->message);
  g_error_free (why);
  return FALSE;
}

static gboolean
no_such_section (const Reader *r, GError **error)
{
  g_autofree char *outlets = watch_outlet_names ();

  return fail (r, error, WATCH_CONFIG_ERROR_UNKNOWN, "sections are [watch], [camera NAME], %s", outlets);
}

static gboolean
begin_section (Reader *r, char *text, GError **error)
{
  gsize length = strlen (text);

  if (!end_section (r, error))
    return FALSE;
  g_clear_pointer (&r->section, g_free);
  r->camera = NULL;
  r->outlet = NULL;
  r->first_line = r->line;
  if (text[length - 1] != ']')
    return fail (r, error, WATCH_CONFIG_ERROR_SYNTAX, "']' is missing");
  text[length - 1] = 0;
  text = g_strstrip (text + 1);
  g_hash_table_remove_all (r->seen);
  r->in_section = TRUE;
  r->section = g_strdup_printf ("[%s]", text);
  if (g_str_has_prefix (text, "camera ") || g_str_equal (text, "camera"))
    return begin_camera (r, g_strstrip (text + strlen ("camera")), error);
  if (watch_outlet_is_known (text))
    return begin_outlet (r, text, error);
  if (!g_str_equal (text, "watch"))
    return no_such_section (r, error);
  if (r->has_watch)
    return fail (r, error, WATCH_CONFIG_ERROR_TWICE, "there is one before");
  r->has_watch = TRUE;
  return TRUE;
}

static gboolean
read_key (Reader *r, char *text, GError **error)
{
  char *equals = strchr (text, '=');

  if (!r->in_section)
    return fail (r, error, WATCH_CONFIG_ERROR_SYNTAX, "before the first section there is nothing but comments");
  if (!equals)
    return fail (r, error, WATCH_CONFIG_ERROR_SYNTAX, "'%s' is neither a section, nor a key and its value, nor a comment", text);
  *equals = 0;
  return set (r, g_strstrip (text), g_strstrip (equals + 1), error);
}

/* ---- File -------------------------------------------------------------------------------------------- */

static gboolean
is_comment (const char *line)
{
  line += strspn (line, " \t\r");
  return *line == 0 || *line == '#';
}

/* Lines that begin with a blank go on with the value before. -> how many lines that were, joined in text */
static guint
gather (char **lines, GString *text)
{
  guint n = 1;

  g_string_assign (text, g_strchomp (lines[0]));
  while (lines[n] && (lines[n][0] == ' ' || lines[n][0] == '\t') && lines[n][strspn (lines[n], " \t\r")]) {
    g_string_append_printf (text, "\n%s", g_strstrip (lines[n]));
    n++;
  }
  return n;
}

static gboolean
read_lines (Reader *r, char **lines, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0, n; lines[i]; i += n) {
    char *line;

    r->line = i + 1;
    n = 1;
    if (is_comment (lines[i]))
      continue;
    n = gather (lines + i, text);
    line = g_strstrip (text->str);
    if (!(line[0] == '[' ? begin_section (r, line, error) : read_key (r, line, error)))
      return FALSE;
  }
  if (!end_section (r, error))
    return FALSE;
  g_clear_pointer (&r->section, g_free);
  r->line = 0;                 /* of the whole file */
  if (r->config->cameras->len == 0)
    return fail (r, error, WATCH_CONFIG_ERROR_MISSING, "there is no [camera NAME]");
  return TRUE;
}

static gboolean
read_file (const char *path, char **text, GError **error)
{
  GError *why = NULL;
  gsize size;

  if (!g_file_get_contents (path, text, &size, &why)) {
    g_set_error_literal (error, WATCH_CONFIG_ERROR, WATCH_CONFIG_ERROR_READ, why->message);
    g_error_free (why);
    return FALSE;
  }
  if (size <= MAX_BYTES && g_utf8_validate_len (*text, size, NULL))
    return TRUE;
  g_set_error (error, WATCH_CONFIG_ERROR, WATCH_CONFIG_ERROR_READ, "%s: not a text in UTF-8 of at most 1 MiB", path);
  return FALSE;
}

WatchConfig *
watch_config_load (const char *path, GError **error)
{
  g_autofree char *text = NULL, *whole = NULL;
  g_autoptr (WatchConfig) config = NULL;
  g_auto (GStrv) lines = NULL;
  Reader r = { 0 };
  gboolean done;

  if (!read_file (path, &text, error))
    return NULL;
  config = g_new0 (WatchConfig, 1);
  *config = (WatchConfig) { .path = g_strdup (path), .save_interval = 60 * GST_SECOND, .thumbnail_width = 192,
    .cameras = g_ptr_array_new_with_free_func (camera_free), .outlets = g_ptr_array_new_with_free_func ((GDestroyNotify) watch_outlet_free) };
  whole = g_canonicalize_filename (path, NULL);
  r.folder = g_path_get_dirname (whole);
  r.config = config;
  r.seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  lines = g_strsplit (text, "\n", -1);
  done = read_lines (&r, lines, error);
  g_hash_table_unref (r.seen);
  g_free (r.section);
  g_free (r.folder);
  if (done && !config->folder)
    config->folder = g_build_filename (g_get_user_state_dir (), "bitmar", NULL);
  return done ? g_steal_pointer (&config) : NULL;
}

static gboolean
explain (const WatchConfig *config, const WatchCamera *camera, const char *key, guint line, GError *why, GError **error)
{
  g_set_error (error, WATCH_CONFIG_ERROR, WATCH_CONFIG_ERROR_VALUE, "%s:%u: [camera %s]: %s: %s", config->path, line, camera->name, key,
      why->message);
  g_error_free (why);
  return FALSE;
}

static gboolean
check_camera (const WatchConfig *config, const WatchCamera *camera, BitmarModel *model, BitmarCaptioner *captioner, GError **error)
{
  BitmarAlerts *alerts = NULL;
  GError *why = NULL;

  if (camera->alerts && !(alerts = bitmar_alerts_new (model, camera->alerts, &why)))
    return explain (config, camera, "alerts", camera->alerts_line, why, error);
  g_clear_object (&alerts);
  if (camera->prompt && !bitmar_captioner_set_prompt (captioner, camera->prompt, &why))
    return explain (config, camera, "prompt", camera->prompt_line, why, error);
  return TRUE;
}

gboolean
watch_config_check (const WatchConfig *config, BitmarModel *model, GError **error)
{
  g_autoptr (BitmarCaptioner) captioner = bitmar_captioner_new (model, error);

  for (guint i = 0; captioner && i < config->cameras->len; i++)
    if (!check_camera (config, config->cameras->pdata[i], model, captioner, error))
      return FALSE;
  return captioner != NULL;
}

void
watch_config_free (WatchConfig *config)
{
  g_ptr_array_unref (config->cameras);
  g_ptr_array_unref (config->outlets);
  g_free (config->path);
  g_free (config->model);
  g_free (config->folder);
  g_free (config);
}
