/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Statements, and what is said when they fail. */
#include "store-private.h"

bool
bms_fail (BmsError *error, BmsCode code, const char *format, ...)
{
  va_list args;

  error->code = code;
  va_start (args, format);
  g_vsnprintf (error->text, sizeof error->text, format, args);
  va_end (args);
  return false;
}

static BmsCode
code_of (int result)
{
  switch (result) {
    case SQLITE_FULL:
      return BMS_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return BMS_BUSY;
    case SQLITE_READONLY:
      return BMS_READ_ONLY;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return BMS_OPEN;
    case SQLITE_NOTADB:
      return BMS_FORMAT;
    case SQLITE_NOMEM:
      return BMS_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:         /* a table or column of the schema is not there */
      return BMS_CORRUPT;
    default:
      return BMS_IO;
  }
}

bool
bms_fail_sqlite (BmsStore *store, BmsError *error)
{
  return bms_fail (error, code_of (sqlite3_errcode (store->db)), "%s: %s", store->path, sqlite3_errmsg (store->db));
}

bool
bms_exec (BmsStore *store, const char *sql, BmsError *error)
{
  return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK || bms_fail_sqlite (store, error);
}

sqlite3_stmt *
bms_prepare (BmsStore *store, const char *sql, BmsError *error)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) != SQLITE_OK)
    bms_fail_sqlite (store, error);
  return statement;
}

bool
bms_run (BmsStore *store, sqlite3_stmt *statement, BmsError *error)
{
  bool done;

  if (!statement)
    return false;
  done = sqlite3_step (statement) == SQLITE_DONE || bms_fail_sqlite (store, error);
  sqlite3_finalize (statement);
  return done;
}

bool
bms_number (BmsStore *store, const char *sql, gint64 *value, BmsError *error)
{
  sqlite3_stmt *statement = bms_prepare (store, sql, error);
  int result;

  if (!statement)
    return false;
  result = sqlite3_step (statement);
  if (result == SQLITE_ROW)
    *value = sqlite3_column_int64 (statement, 0);
  else if (result == SQLITE_DONE)
    bms_fail (error, BMS_CORRUPT, "%s: the log is damaged", store->path);
  else
    bms_fail_sqlite (store, error);
  sqlite3_finalize (statement);
  return result == SQLITE_ROW;
}

bool
bms_end (BmsStore *store, bool done, BmsError *error)
{
  done = done && bms_exec (store, "COMMIT", error);
  /* Some errors have ended the transaction already. */
  if (!done && !sqlite3_get_autocommit (store->db))
    sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
  return done;
}
