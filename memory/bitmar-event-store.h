/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the event log is kept: what a backend in ext/ offers, and nothing of how. A backend is a module with one
 * symbol, bitmar_event_store, which is its table; libbitmar loads it when a log is opened, so that nothing links a
 * database.
 *
 * A store is used by one thread at a time, any thread; several stores, in one process or in several, may share a
 * file. Every function blocks on the disk. Those that return bool fill `error` (never NULL) when it is false. Times
 * of events are ns since 1970, UTC. Strings are UTF-8 and, like every pointer of an event, the giver's for the
 * length of a call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows whenever the table or an event changes; a module with another number is refused. */
#define BMS_ABI 2
#define BMS_SYMBOL "bitmar_event_store"

#define BMS_MODEL_SIZE 64      /* hex digits of a model's id */
#define BMS_MAX_WIDTH 4096
#define BMS_MAX_BEST 1000
#define BMS_MAX_THUMBNAIL (1 << 20)
#define BMS_FOREVER INT64_MAX  /* as `to`: no end */

typedef enum {
  BMS_OPEN,            /* missing, or may not be opened */
  BMS_FORMAT,          /* not a database, or of another program */
  BMS_VERSION,         /* written by a newer version */
  BMS_MISMATCH,        /* of another model */
  BMS_CORRUPT,         /* damaged */
  BMS_FULL,            /* no space; the call may be made again */
  BMS_BUSY,            /* another program holds it for longer than a few seconds; the call may be made again */
  BMS_READ_ONLY,
  BMS_IO,
  BMS_NO_MEMORY,
  BMS_PARAMETER
} BmsCode;

typedef struct {
  BmsCode code;
  char text[512];
} BmsError;

typedef struct {
  int64_t id;          /* 1.., in the order of insertion, never used twice; ignored by insert */
  const char *camera;  /* "" when there is only one */
  const char *text;
  const char *alert;   /* the rule's name, NULL: none */
  int64_t utc;         /* >= 0 */
  uint64_t pts, running_time;  /* ns, UINT64_MAX: not known */
  float confidence, novelty;   /* 0..1 */
  const float *embedding;      /* [width], unit length; NULL in results */
  const void *thumbnail;       /* JPEG, opaque here; NULL: none */
  size_t thumbnail_size;       /* bytes, 0..BMS_MAX_THUMBNAIL */
  float score;         /* in results: the cosine, -1..1 */
} BmsEvent;

typedef struct {
  int64_t from, to;    /* from <= utc < to; BMS_FOREVER as `to`: to the last */
  const char *camera;  /* NULL: all */
} BmsFilter;

typedef struct {
  uint64_t events;
  uint64_t bytes;      /* of the file that are in use */
  int64_t first, last; /* utc of the oldest and the newest, -1 when empty */
} BmsInfo;

typedef struct BmsStore BmsStore;
typedef void (*BmsVisit) (const BmsEvent *event, void *data);

typedef struct {
  uint32_t abi;        /* BMS_ABI */
  const char *name;    /* of the library behind it */

  /* model: BMS_MODEL_SIZE digits, and width, a multiple of 16, of its embeddings. A file that is missing or empty
   * becomes a log of that model, unless read_only. model NULL: any log that is there; it can't be searched or added
   * to. A refused file is left as it is. NULL: `error`. */
  BmsStore *(*open) (const char *path, const char *model, size_t width, bool read_only, BmsError *error);
  void (*close) (BmsStore *store);

  /* All n or none. True: they are on the disk, and survive a crash of the machine. */
  bool (*insert) (BmsStore *store, const BmsEvent *events, size_t n, BmsError *error);
  /* The k (1..BMS_MAX_BEST) events of the filter with the greatest cosine to `embedding` [width], best first, of equals
   * the newest first; without an embedding all are equal. Sees what any process has inserted and deleted. */
  bool (*query) (BmsStore *store, const float *embedding, size_t k, const BmsFilter *filter, BmsVisit visit, void *data,
      BmsError *error);
  /* The event of that id; nothing is visited when there is none (any more). */
  bool (*get) (BmsStore *store, int64_t id, BmsVisit visit, void *data, BmsError *error);
  /* True: nothing of these events is in the file or beside it any more, nor of any that was deleted before. n: how
   * many. BUSY, FULL or IO: they are no longer found, but parts may still be in the file; the next forget tries
   * again. */
  bool (*forget) (BmsStore *store, const BmsFilter *filter, uint64_t *n, BmsError *error);
  /* Deletes what is older than `before` (0: nothing is), then the oldest until the file is at most max_bytes (0: any
   * size). Their space is used again; only forget promises that no trace is left. */
  bool (*prune) (BmsStore *store, int64_t before, uint64_t max_bytes, uint64_t *n, BmsError *error);
  bool (*info) (BmsStore *store, BmsInfo *info, BmsError *error);
} BmsBackend;

#ifdef __cplusplus
}
#endif
