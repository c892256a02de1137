/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `bitmar watch` sees goes out by outlets: a page, a broker. An outlet is a module in ext/ with one symbol, bitmar_watch_outlet, which is
 * its table; `bitmar watch` loads it when its section is in the file, so that nothing links a web server.
 *
 * Texts are UTF-8 and the giver's for the length of a call, those of the host as long as the outlet is open. Captions, alerts' names and reasons
 * are hostile: they hold whatever a model or a camera says. */
#pragma once

#include <gst/gst.h>

#include "bitmar.h"

G_BEGIN_DECLS

/* Grows whenever anything here changes; a module with another number is refused. */
#define BWO_ABI 2
#define BWO_SYMBOL "bitmar_watch_outlet"

typedef enum {
  BWO_CAPTION,
  BWO_ALERT,
  BWO_STATE                    /* a camera's */
} BwoKind;

typedef struct {
  BwoKind kind;
  const char *camera;
  gint64 utc;                  /* ns since 1970: of the frame; of a state, now */
  const char *json;            /* the line that `bitmar watch --json` prints, without its end */
  const GstStructure *fields;  /* bitmar-caption or bitmar-alert as docs/elements.md has them; NULL of a state */
  const char *state;           /* connecting, watching, waiting or ended; NULL of captions and alerts */
  const char *why;             /* of a state; NULL: there is none */
} BwoEvent;

typedef struct _BwoHost BwoHost;
/* From a thread of the camera's; must neither wait nor call the host. */
typedef void (*BwoPictureFunc) (gpointer data, GBytes *jpeg);

struct _BwoHost {
  const char *log;             /* the path of the event log, which may not be there yet */
  BitmarModel *model;
  guint n_cameras;
  const char *const *cameras;  /* in the file's order, those only that are watched */
  /* What went wrong with the outlet goes to standard error, in one line after its name. From any thread; the same text is told once in a row. */
  void (*complain) (const BwoHost *host, const char *outlet, const char *text);

  /* What follows is of a camera, by its place in cameras; from any thread, while the outlet is open. */
  /* What its elements count since it answered last: the structures encode, memory and caption, as docs/elements.md has their stats, in one. NULL: it is away.
   * (transfer full) */
  GstStructure *(*stats) (const BwoHost *host, guint camera);
  /* Pictures of it, until unview. They are only made while somebody views it, no more of them than the machine has time for. NULL: they can't be
   * made, since an element is not installed. */
  gpointer (*view) (const BwoHost *host, guint camera, BwoPictureFunc func, gpointer data);
  /* Then func is not called any more. */
  void (*unview) (const BwoHost *host, guint camera, gpointer view);
  /* In open only: how many pixels a picture has across and down at most, and how many pictures a second (640, 10). */
  void (*limit_pictures) (const BwoHost *host, guint side, guint rate);
};

typedef struct {
  guint abi;                   /* BWO_ABI */
  const char *const *keys;     /* of its section; ends with NULL */
  /* Whether the values can be read; opens nothing. values: key → text, of the keys that are set. On FALSE, *key is the key that is wrong, NULL
   * where one is missing. */
  gboolean (*check) (GHashTable *values, const char **key, GError **error);
  /* In the main thread, after check. What may come later (a broker that does not answer) is no error here. host outlives the outlet. */
  gpointer (*open) (const BwoHost *host, GHashTable *values, GError **error);
  /* From the cameras' threads, one at a time and in order; must not wait. */
  void (*event) (gpointer outlet, const BwoEvent *event);
  /* In the main thread. What was taken is delivered, for a few seconds at most. */
  void (*close) (gpointer outlet);
} BwoTable;

G_END_DECLS
