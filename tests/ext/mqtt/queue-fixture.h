/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A queue and its file, in a folder of their own. */
#pragma once

#include <string.h>

#include "../../../ext/mqtt/queue-file.h"
#include "../../../ext/mqtt/queue.h"
#include "../../fault/folder.h"

#define ROOM 1000000

static inline void
push (MqttQueue *q, guint64 id, MqttKind kind, gsize size, GArray *gone)
{
  char *payload = g_strnfill (size, 'a' + id % 26);

  memcpy (payload, "{", 1);
  mqtt_queue_push (q, mqtt_entry_new (id, kind, id % 2 ? "door" : "yard", payload), gone);
  g_free (payload);
}

typedef struct {
  char *folder, *path;
  MqttQueue q;
  GArray *gone;
  MqttFile *file;
  guint64 next, damaged;
} Fixture;

static inline gboolean
open_queue (Fixture *f, GError **error)
{
  mqtt_queue_init (&f->q, ROOM);
  f->damaged = 0;
  f->next = 0;
  g_array_set_size (f->gone, 0);
  f->file = mqtt_file_open (f->path, &f->q, &f->next, &f->damaged, error);
  return f->file != NULL;
}

static inline void
close_queue (Fixture *f)
{
  g_clear_pointer (&f->file, mqtt_file_close);
  mqtt_queue_clear (&f->q);
}

static inline void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("bitmar-mqtt-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "queue", NULL);
  f->gone = g_array_new (FALSE, FALSE, sizeof (guint64));
}

static inline void
tear_down (Fixture *f, gconstpointer data)
{
  close_queue (f);
  empty_folder (f->folder);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_array_unref (f->gone);
  g_free (f->path);
  g_free (f->folder);
}

static inline void
add_id (gpointer entry, gpointer data)
{
  const MqttEntry *e = entry;
  gsize size = strlen (e->payload);

  /* Whole, and what was put in. */
  g_assert_cmpstr (e->camera, ==, e->id % 2 ? "door" : "yard");
  for (gsize i = 1; i < size; i++)
    g_assert_cmpint (e->payload[i], ==, 'a' + (char) (e->id % 26));
  *(guint64 *) data |= G_GUINT64_CONSTANT (1) << e->id;
}

/* ids below 64 that the queue has, as bits */
static inline guint64
ids (Fixture *f)
{
  guint64 bits = 0;

  mqtt_queue_foreach (&f->q, add_id, &bits);
  return bits;
}

static inline void
land (Fixture *f, guint n)
{
  for (; n > 0; n--) {
    mqtt_queue_fly (&f->q);
    g_assert_true (mqtt_queue_land (&f->q, 0, f->gone));
  }
}

static inline gboolean
write_queue (Fixture *f)
{
  return mqtt_file_write (f->file, &f->q, f->gone, NULL);
}

#define ADD(name, function) g_test_add (name, Fixture, NULL, set_up, function, tear_down)

/* Their folder is no disk where that can be had: nothing here is about how long a sync takes. */
static inline void
start_tests (int *argc, char ***argv)
{
  if (access ("/dev/shm", W_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", FALSE);
  g_test_init (argc, argv, NULL);
}
