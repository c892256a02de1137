/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watch-state.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "cli.h"

#define LOG "events.db"
#define FORMER ".former"
#define FORMER_LOG LOG ".until-"

static gboolean
is_memory_of_another (const char *path, BitmarModel *model)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BitmarMemory) memory = bitmar_memory_new (model, 0, -2, &error);

  return memory && !bitmar_memory_load (memory, path, &error) && g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH);
}

static gboolean
is_log_of_another (const char *path, BitmarModel *model)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BitmarEventLog) log = bitmar_event_log_open (path, model, BITMAR_EVENT_LOG_READ_ONLY, &error);

  return !log && g_error_matches (error, BITMAR_ERROR, BITMAR_ERROR_MISMATCH);
}

static gboolean
move (const char *from, const char *to, GError **error)
{
  if (g_rename (from, to) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s is of another model and can't be renamed to %s: %s", from, to,
      g_strerror (errno));
  return FALSE;
}

static void
tell (const char *from, const char *to)
{
  g_autofree char *line = g_strdup_printf ("%s is of another model; it is called %s now, and a new one begins", from, to), *harmless = cli_harmless (line);

  fprintf (stderr, "bitmar watch: %s\n", harmless);
}

/* Of memories the last one is kept, for who goes back to its model. */
static gboolean
prepare_memory (const WatchConfig *config, BitmarModel *model, const char *camera, GError **error)
{
  g_autofree char *name = g_strconcat (camera, ".memory", NULL), *path = g_build_filename (config->folder, name, NULL);
  g_autofree char *former = g_strconcat (path, FORMER, NULL);

  if (!is_memory_of_another (path, model))
    return TRUE;
  if (!move (path, former, error))
    return FALSE;
  tell (path, former);
  return TRUE;
}

/* Of logs all are: people look for what happened. What SQLite has beside a log goes with it, first, so that it is never found beside another. */
static gboolean
prepare_log (const WatchConfig *config, BitmarModel *model, GError **error)
{
  static const char *const ends[] = { "-wal", "-shm", "" };
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *date = g_date_time_format (now, FORMER_LOG "%Y%m%dT%H%M%SZ");
  g_autofree char *path = g_build_filename (config->folder, LOG, NULL), *former = g_build_filename (config->folder, date, NULL);

  if (!is_log_of_another (path, model))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++) {
    g_autofree char *from = g_strconcat (path, ends[i], NULL), *to = g_strconcat (former, ends[i], NULL);

    if (!move (from, to, error))
      return FALSE;
  }
  tell (path, former);
  return TRUE;
}

/* Without a model a log can be pruned. One that can't be opened is told and stays as it is. */
static GPtrArray *
open_former_logs (const WatchConfig *config)
{
  GPtrArray *logs = g_ptr_array_new_with_free_func (g_object_unref);
  GDir *folder = g_dir_open (config->folder, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *path = g_build_filename (config->folder, name, NULL);
    g_autoptr (GError) error = NULL;
    BitmarEventLog *log;

    if (!g_str_has_prefix (name, FORMER_LOG) || g_str_has_suffix (name, "-wal") || g_str_has_suffix (name, "-shm"))
      continue;
    log = bitmar_event_log_open (path, NULL, BITMAR_EVENT_LOG_WRITE, &error);
    if (log) {
      bitmar_event_log_set_retention (log, config->retention, config->retention_bytes);
      g_ptr_array_add (logs, log);
    } else {
      g_autofree char *harmless = cli_harmless (error->message);

      fprintf (stderr, "bitmar watch: nothing will be deleted from a former log: %s\n", harmless);
    }
  }
  g_clear_pointer (&folder, g_dir_close);
  return logs;
}

GPtrArray *
watch_state_prepare (const WatchConfig *config, BitmarModel *model, GError **error)
{
  for (guint i = 0; i < config->cameras->len; i++)
    if (!prepare_memory (config, model, ((WatchCamera *) config->cameras->pdata[i])->name, error))
      return NULL;
  if (!prepare_log (config, model, error))
    return NULL;
  if (config->retention > 0 || config->retention_bytes > 0)
    return open_former_logs (config);
  return g_ptr_array_new ();
}
