/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The index follows the file: what was deleted goes, what has a greater id than its last comes. All of a query is
 * one read transaction, so that the rows it fetches are those it found. */
#include <math.h>

#include "store-private.h"

static guint32
camera_number (BmsStore *s, const char *name)
{
  guint32 number = GPOINTER_TO_UINT (g_hash_table_lookup (s->cameras, name));

  if (!number) {
    number = g_hash_table_size (s->cameras) + 1;
    g_hash_table_insert (s->cameras, g_strdup (name), GUINT_TO_POINTER (number));
  }
  return number;
}

/* ---- Following ------------------------------------------------------------------------------------------ */

static bool
drop_deleted (BmsStore *s, BmsError *error)
{
  sqlite3_stmt *q = bms_prepare (s, "SELECT id FROM event WHERE id <= ? ORDER BY id", error);
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  int result = SQLITE_ERROR;

  if (q)
    sqlite3_bind_int64 (q, 1, bmi_last_id (s->index));
  while (q && (result = sqlite3_step (q)) == SQLITE_ROW)
    g_array_append_vals (ids, &(gint64) { sqlite3_column_int64 (q, 0) }, 1);
  if (result == SQLITE_DONE)
    bmi_retain (s->index, (const gint64 *) ids->data, ids->len);
  else if (q)
    bms_fail_sqlite (s, error);
  sqlite3_finalize (q);
  g_array_unref (ids);
  return result == SQLITE_DONE;
}

static bool
add_row (BmsStore *s, sqlite3_stmt *q, BmsError *error)
{
  const char *camera = (const char *) sqlite3_column_text (q, 2);
  const gint8 *codes = sqlite3_column_blob (q, 4);
  float scale = (float) sqlite3_column_double (q, 3);

  if (!camera || !codes || sqlite3_column_bytes (q, 4) != (int) s->width || !isfinite (scale))
    return bms_fail (error, BMS_CORRUPT, "%s: event %" G_GINT64_FORMAT " is damaged", s->path,
        (gint64) sqlite3_column_int64 (q, 0));
  return bmi_add (s->index, sqlite3_column_int64 (q, 0), sqlite3_column_int64 (q, 1), camera_number (s, camera), codes,
      scale) || bms_fail (error, BMS_NO_MEMORY, "%s: its embeddings do not fit", s->path);
}

static bool
add_new (BmsStore *s, BmsError *error)
{
  sqlite3_stmt *q = bms_prepare (s, "SELECT id, utc, camera, scale, codes FROM event WHERE id > ? ORDER BY id", error);
  int result = SQLITE_ERROR;
  bool added = true;

  if (!q)
    return false;
  sqlite3_bind_int64 (q, 1, bmi_last_id (s->index));
  while (added && (result = sqlite3_step (q)) == SQLITE_ROW)
    added = add_row (s, q, error);
  if (added && result != SQLITE_DONE)
    added = bms_fail_sqlite (s, error);
  sqlite3_finalize (q);
  return added;
}

static bool
follow (BmsStore *s, BmsError *error)
{
  gint64 deletions;

  if (!bms_number (s, "SELECT deletions FROM log", &deletions, error))
    return false;
  if (!s->index && !(s->index = bmi_new (s->width)))
    return bms_fail (error, BMS_NO_MEMORY, "%s: not enough memory", s->path);
  if (deletions != s->deletions && bmi_count (s->index) > 0 && !drop_deleted (s, error))
    return false;
  s->deletions = deletions;
  return add_new (s, error);
}

/* ---- Fetching ------------------------------------------------------------------------------------------- */

static guint64
time_or_none (sqlite3_stmt *q, int column)
{
  return sqlite3_column_type (q, column) == SQLITE_NULL ? UINT64_MAX : (guint64) sqlite3_column_int64 (q, column);
}

static bool
fetch (BmsStore *s, sqlite3_stmt *q, const BmiHit *hit, BmsVisit visit, void *data, BmsError *error)
{
  BmsEvent event = { .id = hit->id, .utc = hit->utc, .score = hit->score };

  sqlite3_reset (q);
  sqlite3_bind_int64 (q, 1, hit->id);
  if (sqlite3_step (q) != SQLITE_ROW)
    return bms_fail_sqlite (s, error);
  event.camera = (const char *) sqlite3_column_text (q, 0);
  event.text = (const char *) sqlite3_column_text (q, 1);
  event.alert = (const char *) sqlite3_column_text (q, 2);
  event.pts = time_or_none (q, 3);
  event.running_time = time_or_none (q, 4);
  event.confidence = (float) sqlite3_column_double (q, 5);
  event.novelty = (float) sqlite3_column_double (q, 6);
  event.thumbnail = sqlite3_column_blob (q, 7);
  event.thumbnail_size = sqlite3_column_bytes (q, 7);
  if (!event.camera || !event.text)
    return bms_fail (error, BMS_CORRUPT, "%s: event %" G_GINT64_FORMAT " is damaged", s->path, hit->id);
  visit (&event, data);
  return true;
}

static bool
fetch_all (BmsStore *s, const BmiHit *hits, size_t n, BmsVisit visit, void *data, BmsError *error)
{
  sqlite3_stmt *q = bms_prepare (s, "SELECT camera, text, alert, pts, running_time, confidence, novelty, jpeg "
      "FROM event LEFT JOIN thumbnail ON thumbnail.event = id WHERE id = ?", error);
  bool done = q;

  for (size_t i = 0; i < n && done; i++)
    done = fetch (s, q, &hits[i], visit, data, error);
  sqlite3_finalize (q);
  return done;
}

static bool
search (BmsStore *s, const float *embedding, size_t k, const BmsFilter *filter, BmsVisit visit, void *data,
    BmsError *error)
{
  static const float none[BMS_MAX_WIDTH];
  BmiFilter where = { filter->from, filter->to, BMI_ANY_CAMERA };
  BmiHit hits[BMS_MAX_BEST];

  embedding = embedding ? embedding : none;
  if (filter->camera)
    where.camera = GPOINTER_TO_UINT (g_hash_table_lookup (s->cameras, filter->camera));
  return fetch_all (s, hits, bmi_search (s->index, embedding, &where, hits, k), visit, data, error);
}

bool
bms_sqlite_query (BmsStore *s, const float *embedding, size_t k, const BmsFilter *filter, BmsVisit visit, void *data,
    BmsError *error)
{
  bool done;

  if (s->any_model || k < 1 || k > BMS_MAX_BEST)
    return bms_fail (error, BMS_PARAMETER, s->any_model ? "%s was opened without a model"
        : "%s: 1 to %d events are found", s->path, BMS_MAX_BEST);
  if (!bms_exec (s, "BEGIN", error))
    return false;
  done = follow (s, error) && search (s, embedding, k, filter, visit, data, error);
  return bms_end (s, done, error);
}

/* utc is that of the row, not of the index: this reads no embeddings. */
bool
bms_sqlite_get (BmsStore *s, int64_t id, BmsVisit visit, void *data, BmsError *error)
{
  BmiHit hit = { .id = id };
  sqlite3_stmt *q;
  int found;
  bool done;

  if (!bms_exec (s, "BEGIN", error))
    return false;
  if (!(q = bms_prepare (s, "SELECT utc FROM event WHERE id = ?", error)))
    return bms_end (s, false, error);
  sqlite3_bind_int64 (q, 1, id);
  found = sqlite3_step (q);
  hit.utc = found == SQLITE_ROW ? sqlite3_column_int64 (q, 0) : 0;
  done = found == SQLITE_ROW || found == SQLITE_DONE || bms_fail_sqlite (s, error);
  sqlite3_finalize (q);
  done = done && (found == SQLITE_DONE || fetch_all (s, &hit, 1, visit, data, error));
  return bms_end (s, done, error);
}
