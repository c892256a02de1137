/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "record-sidecar.h"

#include <string.h>

/* Captions may come this long after the cut behind them. */
#define KEEP (120 * GST_SECOND)

typedef struct {
  char *file;
  GstClockTime start, end;     /* end = NONE: goes on */
  gboolean dirty;
} Segment;

typedef struct {
  char *text;
  GstClockTime start, end;
} Cue;

struct _Sidecars {
  SidecarFormat format;
  GMutex lock;
  GQueue segments, cues;       /* in their order */
};

static void
segment_free (gpointer data)
{
  Segment *segment = data;

  g_free (segment->file);
  g_free (segment);
}

static void
cue_free (gpointer data)
{
  Cue *cue = data;

  g_free (cue->text);
  g_free (cue);
}

Sidecars *
sidecars_new (SidecarFormat format)
{
  Sidecars *s = g_new0 (Sidecars, 1);

  s->format = format;
  g_mutex_init (&s->lock);
  return s;
}

void
sidecars_restart (Sidecars *s)
{
  g_mutex_lock (&s->lock);
  g_queue_clear_full (&s->segments, segment_free);
  g_queue_clear_full (&s->cues, cue_free);
  g_mutex_unlock (&s->lock);
}

void
sidecars_free (Sidecars *s)
{
  sidecars_restart (s);
  g_mutex_clear (&s->lock);
  g_free (s);
}

char *
sidecar_name (SidecarFormat format, const char *file)
{
  const char *dot = strrchr (file, '.');

  return g_strdup_printf ("%.*s.%s", (int) (dot ? dot - file : (gssize) strlen (file)), file, format == SIDECAR_SRT ? "srt" : "vtt");
}

/* ---- In ---------------------------------------------------------------------------------------------- */

static gboolean
overlaps (const Segment *segment, const Cue *cue)
{
  return cue->end > segment->start && (!GST_CLOCK_TIME_IS_VALID (segment->end) || cue->start < segment->end);
}

/* With the lock. */
static void
forget_before (Sidecars *s, GstClockTime time)
{
  Segment *segment;
  Cue *cue;

  while ((segment = g_queue_peek_head (&s->segments)) && !segment->dirty && GST_CLOCK_TIME_IS_VALID (segment->end) && segment->end < time)
    segment_free (g_queue_pop_head (&s->segments));
  segment = g_queue_peek_head (&s->segments);
  while ((cue = g_queue_peek_head (&s->cues)) && segment && cue->end < segment->start)
    cue_free (g_queue_pop_head (&s->cues));
}

void
sidecars_cut (Sidecars *s, const char *file, GstClockTime start)
{
  Segment *segment = g_new0 (Segment, 1), *last;

  *segment = (Segment) { .file = g_strdup (file), .start = start, .end = GST_CLOCK_TIME_NONE, .dirty = TRUE };
  g_mutex_lock (&s->lock);
  last = g_queue_peek_tail (&s->segments);
  if (last) {
    last->end = start;
    last->dirty = TRUE;
  }
  g_queue_push_tail (&s->segments, segment);
  if (start > KEEP)
    forget_before (s, start - KEEP);
  g_mutex_unlock (&s->lock);
}

void
sidecars_say (Sidecars *s, const char *text, GstClockTime start, GstClockTime end)
{
  Cue *cue;

  g_mutex_lock (&s->lock);
  cue = g_queue_peek_tail (&s->cues);
  if (cue && cue->end == start && g_str_equal (cue->text, text)) {
    cue->end = end;
  } else {
    cue = g_new0 (Cue, 1);
    *cue = (Cue) { .text = g_strdup (text), .start = start, .end = end };
    g_queue_push_tail (&s->cues, cue);
  }
  for (GList *l = s->segments.head; l; l = l->next)
    if (overlaps (l->data, cue))
      ((Segment *) l->data)->dirty = TRUE;
  g_mutex_unlock (&s->lock);
}

/* ---- Out --------------------------------------------------------------------------------------------- */

static void
append_time (GString *out, GstClockTime time, char point)
{
  guint64 ms = time / GST_MSECOND;

  g_string_append_printf (out, "%02u:%02u:%02u%c%03u", (guint) (ms / 3600000), (guint) (ms / 60000 % 60), (guint) (ms / 1000 % 60), point,
      (guint) (ms % 1000));
}

/* The segment's zero is zero; what goes on beyond its end ends there. */
static void
append_cue (GString *out, SidecarFormat format, const Segment *segment, const Cue *cue, guint n)
{
  GstClockTime start = MAX (cue->start, segment->start), end = cue->end;
  char point = format == SIDECAR_SRT ? ',' : '.';

  if (GST_CLOCK_TIME_IS_VALID (segment->end))
    end = MIN (end, segment->end);
  if (format == SIDECAR_SRT)
    g_string_append_printf (out, "%u\n", n);
  append_time (out, start - segment->start, point);
  g_string_append (out, " --> ");
  append_time (out, end - segment->start, point);
  g_string_append_printf (out, "\n%s\n\n", cue->text);
}

/* With the lock. */
static GString *
compose (Sidecars *s, const Segment *segment)
{
  GString *out = g_string_new (s->format == SIDECAR_WEBVTT ? "WEBVTT\n\n" : NULL);
  guint n = 0;

  for (GList *l = s->cues.head; l; l = l->next)
    if (overlaps (segment, l->data))
      append_cue (out, s->format, segment, l->data, ++n);
  return out;
}

/* The next that has changed; NULL: none. */
static GString *
next_dirty (Sidecars *s, char **path)
{
  GString *text = NULL;

  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head; l && !text; l = l->next) {
    Segment *segment = l->data;

    if (!segment->dirty)
      continue;
    segment->dirty = FALSE;
    *path = sidecar_name (s->format, segment->file);
    text = compose (s, segment);
  }
  g_mutex_unlock (&s->lock);
  return text;
}

static void
mark_all (Sidecars *s)
{
  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head; l; l = l->next)
    ((Segment *) l->data)->dirty = TRUE;
  g_mutex_unlock (&s->lock);
}

gboolean
sidecars_flush (Sidecars *s, GError **error)
{
  gboolean written = TRUE;
  GString *text;
  char *path;

  while (written && (text = next_dirty (s, &path))) {
    /* Written beside and renamed: who reads it meanwhile reads the former. */
    written = g_file_set_contents_full (path, text->str, text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
    g_string_free (text, TRUE);
    g_free (path);
  }
  if (!written)
    mark_all (s);
  return written;
}
