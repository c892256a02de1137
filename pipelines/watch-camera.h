/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One camera that `bitmar watch` looks after, in a thread of its own: whatever happens to it happens to no other. */
#pragma once

#include <gst/gst.h>

#include "watch-config.h"
#include "watch-live.h"

G_BEGIN_DECLS

typedef enum {
  WATCH_CONNECTING,
  WATCH_WATCHING,              /* frames come */
  WATCH_WAITING,               /* it is away, why says why; it is asked for again and again */
  WATCH_ENDED                  /* a file, at its end */
} WatchState;

typedef struct {
  /* In the camera's thread. */
  void (*state) (const WatchCamera *camera, WatchState state, const char *why, gpointer user_data);
  /* bitmar-caption and bitmar-alert, as docs/elements.md has them. */
  void (*message) (const WatchCamera *camera, const GstStructure *fields, gpointer user_data);
} WatchFuncs;

typedef struct _WatchedCamera WatchedCamera;

/* Begins at once. config, camera, live and funcs must outlive it. live NULL: nobody will ask for pictures or figures. */
WatchedCamera *watched_camera_new (const WatchConfig *config, const WatchCamera *camera, WatchLive *live, const WatchFuncs *funcs, gpointer user_data);
/* Asks it to end; does not wait. */
void watched_camera_stop (WatchedCamera *watched);
/* Waits until its memory is saved. */
void watched_camera_free (WatchedCamera *watched);

G_END_DECLS
