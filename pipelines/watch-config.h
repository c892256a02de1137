/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `bitmar watch` is told: the file that docs/watch.md describes. */
#pragma once

#include <glib.h>

#include "bitmar.h"
#include "watch-outlet.h"

G_BEGIN_DECLS

#define WATCH_CONFIG_ERROR (watch_config_error_quark ())
GQuark watch_config_error_quark (void);

typedef enum {
  WATCH_CONFIG_ERROR_READ,     /* the file can't be read */
  WATCH_CONFIG_ERROR_SYNTAX,   /* a line that is neither a section, nor a key with its value, nor a comment */
  WATCH_CONFIG_ERROR_UNKNOWN,  /* a section or key that there is not */
  WATCH_CONFIG_ERROR_TWICE,
  WATCH_CONFIG_ERROR_MISSING,
  WATCH_CONFIG_ERROR_VALUE
} WatchConfigError;

typedef struct {
  char *name;                  /* of the section, and of the camera in the log */
  char *source;                /* an address, a file's absolute path or a device */
  gboolean enabled, repeat;    /* repeat: a file begins again at its end */
  char *prompt, *alerts;       /* NULL: none */
  gdouble interval;            /* seconds from a look to the next, 0: the element's */
  gdouble min_confidence;      /* below 0: the element's */
  guint alerts_line, prompt_line;      /* where they stand in the file */
} WatchCamera;

typedef struct {
  char *path;
  char *model;                 /* NULL: the default one */
  char *folder;                /* of the memories and the log */
  guint64 retention;           /* ns, 0: for ever */
  guint64 retention_bytes;     /* 0: any size */
  guint64 save_interval;       /* ns */
  guint thumbnail_width;       /* 0: none */
  GPtrArray *cameras;          /* WatchCamera, in the file's order */
  GPtrArray *outlets;          /* WatchOutlet, not open */
} WatchConfig;

/* Errors name the file, the line, the section and the key. (transfer full) */
WatchConfig *watch_config_load (const char *path, GError **error);
/* What only the model can tell: whether alerts and prompts can be read. */
gboolean watch_config_check (const WatchConfig *config, BitmarModel *model, GError **error);
void watch_config_free (WatchConfig *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (WatchConfig, watch_config_free)

G_END_DECLS
