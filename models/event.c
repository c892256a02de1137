/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An event is one block: the struct, its embedding, its strings. */
#include <math.h>
#include <string.h>

#include "episode-private.h"
#include "event-store.h"
#include "model-private.h"

/* What GLib's macro does, in ISO C. */
GType
bitmar_event_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_boxed_type_register_static ("BitmarEvent", (GBoxedCopyFunc) bitmar_event_ref,
        (GBoxedFreeFunc) bitmar_event_unref));
  return type;
}

static gsize
size_of (const char *text)
{
  return text ? strlen (text) + 1 : 0;
}

static const char *
put (char **at, const char *text)
{
  gsize size = size_of (text);
  char *here = *at;

  *at += size;
  return size ? memcpy (here, text, size) : NULL;
}

BitmarEvent *
bitmar_event_copy (const BitmarEvent *event, gsize width)
{
  const char *camera = event->camera ? event->camera : "";
  gsize embedding = width * sizeof *event->embedding;
  BitmarEvent *copy = g_atomic_rc_box_alloc (sizeof *copy + embedding + size_of (camera) + size_of (event->text)
      + size_of (event->alert) + size_of (event->model));
  char *at = (char *) (copy + 1);

  *copy = *event;
  copy->embedding = embedding ? memcpy (at, event->embedding, embedding) : NULL;
  at += embedding;
  copy->camera = put (&at, camera);
  copy->text = put (&at, event->text);
  copy->alert = put (&at, event->alert);
  copy->model = put (&at, event->model);
  copy->thumbnail = event->thumbnail ? g_bytes_ref (event->thumbnail) : NULL;
  return copy;
}

BitmarEvent *
bitmar_event_new (BitmarEpisode *episode, const char *camera, const char *text, const char *alert, GBytes *thumbnail)
{
  const BitmarEvent event = {
    .camera = camera, .text = text, .alert = alert, .thumbnail = thumbnail, .utc = g_get_real_time () * 1000, .pts = G_MAXUINT64,
    .running_time = G_MAXUINT64, .confidence = 1, .novelty = episode->novelty, .embedding = episode->key, .model = episode->model->id,
  };

  return bitmar_event_copy (&event, episode->model->memory_width);
}

BitmarEvent *
bitmar_event_ref (BitmarEvent *event)
{
  return g_atomic_rc_box_acquire (event);
}

static void
clear (gpointer data)
{
  BitmarEvent *event = data;

  g_clear_pointer (&event->thumbnail, g_bytes_unref);
}

void
bitmar_event_unref (BitmarEvent *event)
{
  g_atomic_rc_box_release_full (event, clear);
}

/* ---- What may be appended -------------------------------------------------------------------------------- */

#define MAX_TEXT 65535

static gboolean
check_text (const char *name, const char *text, GError **error)
{
  if (!text)
    return TRUE;
  if (!g_utf8_validate (text, -1, NULL)) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_ENCODING, "the event's %s is not UTF-8", name);
    return FALSE;
  }
  if (strlen (text) > MAX_TEXT) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG, "the event's %s has more than %d bytes", name, MAX_TEXT);
    return FALSE;
  }
  return TRUE;
}

static gboolean
is_unit (const float *x, gsize width)
{
  double square = 0;

  for (gsize i = 0; i < width; i++)
    square += (double) x[i] * x[i];
  return fabs (square - 1) < 0.02;
}

/* NULL: none is. */
static const char *
out_of_range (const BitmarEvent *event, gsize width)
{
  if (!event->text)
    return "text is missing";
  if (event->utc < 0 || event->utc == G_MAXINT64)
    return "time is not one since 1970";
  /* In this way NaN is refused, too. */
  if (!(event->confidence >= 0 && event->confidence <= 1 && event->novelty >= 0 && event->novelty <= 1))
    return "confidence and novelty are not both 0 to 1";
  return !event->embedding || !is_unit (event->embedding, width) ? "embedding is not of unit length" : NULL;
}

gboolean
bitmar_event_check (const BitmarEvent *event, gsize width, GError **error)
{
  const char *what = out_of_range (event, width);

  if (what) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, "the event's %s", what);
    return FALSE;
  }
  if (event->thumbnail && g_bytes_get_size (event->thumbnail) > BMS_MAX_THUMBNAIL) {
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_TOO_LONG, "the event's thumbnail has more than %d bytes",
        BMS_MAX_THUMBNAIL);
    return FALSE;
  }
  return check_text ("text", event->text, error) && check_text ("camera", event->camera, error)
      && check_text ("alert", event->alert, error);
}
