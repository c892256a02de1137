/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "record-sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Captions may come this long after the cut behind them. */
#define KEEP (120 * GST_SECOND)

#define GOES_ON G_MAXINT64

typedef struct {
  char *file;
  GstClockTimeDiff start, end;
  gboolean dirty;
} Segment;

typedef struct {
  char *text;
  GstClockTimeDiff start, end;
} Cue;

/* A file as it is to be. */
typedef struct {
  char *path;
  GString *text;
  gboolean last;               /* its segment has ended */
} Draft;

struct _Sidecars {
  SidecarFormat format;
  GMutex lock;
  GQueue segments, cues;       /* in their order */
  GQueue drafts;               /* of former recordings */
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

static void
draft_free (gpointer data)
{
  Draft *draft = data;

  g_string_free (draft->text, TRUE);
  g_free (draft->path);
  g_free (draft);
}

Sidecars *
sidecars_new (SidecarFormat format)
{
  Sidecars *s = g_new0 (Sidecars, 1);

  s->format = format;
  g_mutex_init (&s->lock);
  return s;
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
  return cue->end > segment->start && cue->start < segment->end;
}

/* With the lock. */
static void
forget_before (Sidecars *s, GstClockTimeDiff time)
{
  Segment *segment;
  Cue *cue;

  while ((segment = g_queue_peek_head (&s->segments)) && !segment->dirty && segment->end < time)
    segment_free (g_queue_pop_head (&s->segments));
  segment = g_queue_peek_head (&s->segments);
  while ((cue = g_queue_peek_head (&s->cues)) && segment && cue->end < segment->start)
    cue_free (g_queue_pop_head (&s->cues));
}

void
sidecars_cut (Sidecars *s, const char *file, GstClockTimeDiff start)
{
  Segment *segment = g_new0 (Segment, 1), *last;

  *segment = (Segment) { .file = g_strdup (file), .start = start, .end = GOES_ON, .dirty = TRUE };
  g_mutex_lock (&s->lock);
  last = g_queue_peek_tail (&s->segments);
  if (last) {
    last->end = start;
    last->dirty = TRUE;
  }
  g_queue_push_tail (&s->segments, segment);
  forget_before (s, start - KEEP);
  g_mutex_unlock (&s->lock);
}

void
sidecars_end (Sidecars *s, const char *file, GstClockTime duration)
{
  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head; l; l = l->next) {
    Segment *segment = l->data;

    if (!g_str_equal (segment->file, file) || segment->end == segment->start + (GstClockTimeDiff) duration)
      continue;
    segment->end = segment->start + (GstClockTimeDiff) duration;
    segment->dirty = TRUE;
  }
  g_mutex_unlock (&s->lock);
}

void
sidecars_say (Sidecars *s, const char *text, GstClockTimeDiff start, GstClockTimeDiff end)
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
append_time (GString *out, GstClockTimeDiff time, char point)
{
  guint64 ms = time / GST_MSECOND;

  g_string_append_printf (out, "%02u:%02u:%02u%c%03u", (guint) (ms / 3600000), (guint) (ms / 60000 % 60), (guint) (ms / 1000 % 60), point,
      (guint) (ms % 1000));
}

/* The segment's zero is zero; what goes on beyond its end ends there. */
static void
append_cue (GString *out, SidecarFormat format, const Segment *segment, const Cue *cue, guint n)
{
  GstClockTimeDiff start = MAX (cue->start, segment->start), end = MIN (cue->end, segment->end);
  char point = format == SIDECAR_SRT ? ',' : '.';

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

static Draft *
draft (Sidecars *s, Segment *segment)
{
  Draft *d = g_new (Draft, 1);

  *d = (Draft) { .path = sidecar_name (s->format, segment->file), .text = compose (s, segment), .last = segment->end != GOES_ON };
  segment->dirty = FALSE;
  return d;
}

/* The next that is to be written; NULL: none. */
static Draft *
next_draft (Sidecars *s)
{
  Draft *d;

  g_mutex_lock (&s->lock);
  d = g_queue_pop_head (&s->drafts);
  for (GList *l = s->segments.head; l && !d; l = l->next)
    if (((Segment *) l->data)->dirty)
      d = draft (s, l->data);
  g_mutex_unlock (&s->lock);
  return d;
}

/* Not before its segment's next version. */
static void
put_back (Sidecars *s, Draft *d)
{
  gboolean kept = FALSE;

  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head; l && !kept; l = l->next) {
    g_autofree char *path = sidecar_name (s->format, ((Segment *) l->data)->file);

    if ((kept = g_str_equal (path, d->path)))
      ((Segment *) l->data)->dirty = TRUE;
  }
  if (kept)
    draft_free (d);
  else
    g_queue_push_head (&s->drafts, d);
  g_mutex_unlock (&s->lock);
}

static guint
count_drafts (Sidecars *s)
{
  guint n;

  g_mutex_lock (&s->lock);
  n = s->drafts.length;
  for (GList *l = s->segments.head; l; l = l->next)
    n += ((Segment *) l->data)->dirty;
  g_mutex_unlock (&s->lock);
  return n;
}

static gboolean
write_all (int fd, const char *data, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    size -= n;
  }
  return TRUE;
}

/* Written beside and renamed, so that who reads it, or is left with it, has the former or this one; but it is not waited for the disk. */
static gboolean
replace (const char *path, const GString *text, GError **error)
{
  g_autofree char *beside = g_strconcat (path, ".part", NULL);
  int fd = open (beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), saved;
  gboolean done = fd >= 0 && write_all (fd, text->str, text->len);

  saved = errno;
  if (fd >= 0 && close (fd) < 0 && done) {
    saved = errno;
    done = FALSE;
  }
  if (done && g_rename (beside, path) == 0)
    return TRUE;
  if (done)
    saved = errno;
  g_unlink (beside);
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (saved), "%s: %s", path, g_strerror (saved));
  return FALSE;
}

gboolean
sidecars_flush (Sidecars *s, GError **error)
{
  gboolean written = TRUE;
  Draft *d;

  /* No more than there are now: on a slow disk there are new ones when these are written. Only of the last version the disk is asked to have it. */
  for (guint n = count_drafts (s); n > 0 && written && (d = next_draft (s)); n--) {
    written = d->last ? g_file_set_contents_full (d->path, d->text->str, d->text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0666, error)
        : replace (d->path, d->text, error);
    if (written)
      draft_free (d);
    else
      put_back (s, d);
  }
  return written;
}

/* ---- From one recording to the next ------------------------------------------------------------------ */

void
sidecars_restart (Sidecars *s)
{
  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head; l; l = l->next)
    if (((Segment *) l->data)->dirty)
      g_queue_push_tail (&s->drafts, draft (s, l->data));
  g_queue_clear_full (&s->segments, segment_free);
  g_queue_clear_full (&s->cues, cue_free);
  g_mutex_unlock (&s->lock);
}

void
sidecars_drop (Sidecars *s, const char *file)
{
  g_autofree char *path = sidecar_name (s->format, file);

  g_mutex_lock (&s->lock);
  for (GList *l = s->segments.head, *next; l; l = next) {
    next = l->next;
    if (!g_str_equal (((Segment *) l->data)->file, file))
      continue;
    segment_free (l->data);
    g_queue_delete_link (&s->segments, l);
  }
  g_mutex_unlock (&s->lock);
  g_unlink (path);
}

void
sidecars_free (Sidecars *s)
{
  sidecars_restart (s);
  g_queue_clear_full (&s->drafts, draft_free);
  g_mutex_clear (&s->lock);
  g_free (s);
}
