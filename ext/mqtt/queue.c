/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "queue.h"

#include <string.h>

#define OVERHEAD 128           /* of an entry: itself, its links and what malloc adds */

MqttEntry *
mqtt_entry_new (guint64 id, MqttKind kind, const char *camera, const char *payload)
{
  MqttEntry *entry = g_new0 (MqttEntry, 1);

  *entry = (MqttEntry) { .id = id, .kind = kind, .camera = g_strdup (camera), .payload = g_strdup (payload),
    .size = strlen (camera) + strlen (payload) + OVERHEAD };
  return entry;
}

void
mqtt_entry_free (MqttEntry *entry)
{
  g_free (entry->camera);
  g_free (entry->payload);
  g_free (entry);
}

void
mqtt_queue_init (MqttQueue *q, gsize limit)
{
  *q = (MqttQueue) { .limit = limit };
}

static void
free_entry (gpointer entry)
{
  mqtt_entry_free (entry);
}

void
mqtt_queue_clear (MqttQueue *q)
{
  for (guint kind = 0; kind < MQTT_KINDS; kind++)
    g_queue_clear_full (&q->waiting[kind], free_entry);
  g_queue_clear_full (&q->flight, free_entry);
  mqtt_queue_init (q, q->limit);
}

guint
mqtt_queue_length (const MqttQueue *q)
{
  return q->waiting[MQTT_CAPTION].length + q->waiting[MQTT_ALERT].length + q->flight.length;
}

/* It is in no list any more. */
static void
forget (MqttQueue *q, MqttEntry *entry, GArray *gone)
{
  q->bytes -= entry->size;
  if (!entry->stored)
    q->unstored--;
  else if (gone)
    g_array_append_val (gone, entry->id);
  mqtt_entry_free (entry);
}

static void
make_room (MqttQueue *q, GArray *gone)
{
  for (guint kind = 0; kind < MQTT_KINDS; kind++)
    while (q->bytes > q->limit && q->waiting[kind].length > 0) {
      q->dropped[kind]++;
      forget (q, g_queue_pop_head (&q->waiting[kind]), gone);
    }
}

void
mqtt_queue_push (MqttQueue *q, MqttEntry *entry, GArray *gone)
{
  q->bytes += entry->size;
  q->unstored += !entry->stored;
  g_queue_push_tail (&q->waiting[entry->kind], entry);
  make_room (q, gone);
}

void
mqtt_queue_move (MqttQueue *from, MqttQueue *to, GArray *gone)
{
  for (guint kind = 0; kind < MQTT_KINDS; kind++) {
    MqttEntry *entry;

    while ((entry = g_queue_pop_head (&from->waiting[kind])))
      mqtt_queue_push (to, entry, gone);
    to->dropped[kind] += from->dropped[kind];
  }
  mqtt_queue_init (from, from->limit);
}

MqttEntry *
mqtt_queue_next (const MqttQueue *q)
{
  MqttEntry *caption = g_queue_peek_head ((GQueue *) &q->waiting[MQTT_CAPTION]), *alert = g_queue_peek_head ((GQueue *) &q->waiting[MQTT_ALERT]);

  return !alert || (caption && caption->id < alert->id) ? caption : alert;
}

void
mqtt_queue_fly (MqttQueue *q)
{
  MqttEntry *entry = mqtt_queue_next (q);

  g_queue_push_tail (&q->flight, g_queue_pop_head (&q->waiting[entry->kind]));
}

gboolean
mqtt_queue_land (MqttQueue *q, int mid, GArray *gone)
{
  for (GList *l = q->flight.head; l; l = l->next) {
    MqttEntry *entry = l->data;

    if (entry->mid != mid)
      continue;
    g_queue_delete_link (&q->flight, l);
    forget (q, entry, gone);
    return TRUE;
  }
  return FALSE;
}

/* From the youngest on: what flew was before all that waits. */
void
mqtt_queue_call_back (MqttQueue *q)
{
  MqttEntry *entry;

  while ((entry = g_queue_pop_tail (&q->flight))) {
    entry->mid = 0;
    g_queue_push_head (&q->waiting[entry->kind], entry);
  }
}

void
mqtt_queue_foreach (MqttQueue *q, GFunc each, gpointer data)
{
  g_queue_foreach (&q->flight, each, data);
  for (guint kind = 0; kind < MQTT_KINDS; kind++)
    g_queue_foreach (&q->waiting[kind], each, data);
}

static gboolean
is_unstored (const GList *l)
{
  return !((const MqttEntry *) l->data)->stored;
}

/* Those at the end, which is where they are unless a disk failed. */
static guint
each_at_end (GQueue *list, GFunc each, gpointer data)
{
  GList *first = NULL;
  guint n = 0;

  for (GList *l = list->tail; l && is_unstored (l); l = l->prev, n++)
    first = l;
  for (GList *l = first; l; l = l->next)
    each (l->data, data);
  return n;
}

static void
each_elsewhere (GQueue *list, GFunc each, gpointer data)
{
  GList *end = list->tail;

  while (end && is_unstored (end))
    end = end->prev;
  for (GList *l = end; l; l = l->prev)
    if (is_unstored (l))
      each (l->data, data);
}

void
mqtt_queue_foreach_unstored (MqttQueue *q, GFunc each, gpointer data)
{
  GQueue *lists[] = { &q->flight, &q->waiting[MQTT_CAPTION], &q->waiting[MQTT_ALERT] };
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    n += each_at_end (lists[i], each, data);
  for (guint i = 0; i < G_N_ELEMENTS (lists) && n < q->unstored; i++)
    each_elsewhere (lists[i], each, data);
}
