/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* make-log FILE [CAMERA SECONDS TEXT]…: appends an event each, at that many seconds since 1970, whose picture is
 * what TEXT says and whose thumbnail is "jpeg of TEXT". make-log --hold FILE: keeps adding one until it is killed. */

#include <stdlib.h>
#include <string.h>

#include "bitmar.h"

/* By its address, since arguments are evaluated in any order. */
static void
check (gboolean done, GError **error)
{
  if (done)
    return;
  g_printerr ("make-log: %s\n", (*error)->message);
  exit (1);
}

static void
append (BitmarModel *model, BitmarEventLog *log, const char *camera, gint64 seconds, const char *text)
{
  GError *error = NULL;
  float *x = bitmar_model_embed_text (model, text, NULL, &error);
  char *jpeg = g_strconcat ("jpeg of ", text, NULL);
  BitmarEvent e = { .camera = camera, .text = text, .utc = seconds * 1000000000, .pts = G_MAXUINT64, .running_time = 5,
    .confidence = 0.75f, .novelty = 0.5f, .embedding = x, .thumbnail = g_bytes_new_take (jpeg, strlen (jpeg)) };

  check (x != NULL, &error);
  check (bitmar_event_log_append (log, &e, &error), &error);
  g_bytes_unref (e.thumbnail);
  g_free (x);
}

int
main (int argc, char **argv)
{
  gboolean hold = argc > 2 && g_str_equal (argv[1], "--hold");
  GError *error = NULL;
  BitmarModel *model;
  BitmarEventLog *log;

  if (hold ? argc != 3 : argc % 3 != 2) {
    g_printerr ("Usage: make-log FILE [CAMERA SECONDS TEXT]...\n       make-log --hold FILE\n");
    return 2;
  }
  model = bitmar_model_load (bitmar_model_default_path (), &error);
  check (model != NULL, &error);
  log = bitmar_event_log_open (argv[hold ? 2 : 1], model, BITMAR_EVENT_LOG_WRITE, &error);
  check (log != NULL, &error);
  for (int i = 2; !hold && i + 2 < argc; i += 3)
    append (model, log, argv[i], atoi (argv[i + 1]), argv[i + 2]);
  for (guint i = 0; hold; i++) {
    append (model, log, "held", i, "a dog on a street");
    check (bitmar_event_log_flush (log, &error), &error);
    g_usleep (20000);
  }
  check (bitmar_event_log_close (log, &error), &error);
  g_object_unref (log);
  g_object_unref (model);
  return 0;
}
