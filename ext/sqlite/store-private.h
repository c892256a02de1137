/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the parts of the SQLite backend share. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

#include "bitmar-event-index.h"
#include "bitmar-event-store.h"

struct BmsStore {
  sqlite3 *db;
  char *path;
  size_t width;
  bool read_only, any_model;
  BmiIndex *index;             /* of what the last query saw; NULL until the first */
  gint64 deletions;            /* the log's count of them when it did */
  GHashTable *cameras;         /* name -> number from 1, in the index */
};

/* open.c */
BmsStore *bms_sqlite_open (const char *path, const char *model, size_t width, bool read_only, BmsError *error);
void bms_sqlite_close (BmsStore *store);

/* query.c */
bool bms_sqlite_query (BmsStore *store, const float *embedding, size_t k, const BmsFilter *filter, BmsVisit visit,
    void *data, BmsError *error);
bool bms_sqlite_get (BmsStore *store, int64_t id, BmsVisit visit, void *data, BmsError *error);

/* error.c: false, always. */
bool bms_fail (BmsError *error, BmsCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* What SQLite says of its last call. */
bool bms_fail_sqlite (BmsStore *store, BmsError *error);
bool bms_exec (BmsStore *store, const char *sql, BmsError *error);
/* NULL: `error`. */
sqlite3_stmt *bms_prepare (BmsStore *store, const char *sql, BmsError *error);
/* A statement without rows, which is finalised; NULL is a failure that was told. */
bool bms_run (BmsStore *store, sqlite3_stmt *statement, BmsError *error);
/* The first column of the first row, 0 for NULL; no row is damage. */
bool bms_number (BmsStore *store, const char *sql, gint64 *value, BmsError *error);
/* Ends a transaction as it deserves. */
bool bms_end (BmsStore *store, bool done, BmsError *error);
