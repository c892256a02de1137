/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "board.h"

typedef struct {
  char *topic, *payload;
  gboolean retain, dirty;
  int mid;                     /* the sender's */
} Item;

struct _MqttBoard {
  GMutex lock;
  GPtrArray *items;
  GHashTable *by_topic;
};

static void
item_free (gpointer data)
{
  Item *item = data;

  g_free (item->topic);
  g_free (item->payload);
  g_free (item);
}

MqttBoard *
mqtt_board_new (void)
{
  MqttBoard *b = g_new0 (MqttBoard, 1);

  g_mutex_init (&b->lock);
  b->items = g_ptr_array_new_with_free_func (item_free);
  b->by_topic = g_hash_table_new (g_str_hash, g_str_equal);
  return b;
}

void
mqtt_board_free (MqttBoard *b)
{
  g_hash_table_unref (b->by_topic);
  g_ptr_array_unref (b->items);
  g_mutex_clear (&b->lock);
  g_free (b);
}

static Item *
item_of (MqttBoard *b, const char *topic)
{
  Item *item = g_hash_table_lookup (b->by_topic, topic);

  if (!item) {
    item = g_new0 (Item, 1);
    item->topic = g_strdup (topic);
    g_ptr_array_add (b->items, item);
    g_hash_table_insert (b->by_topic, item->topic, item);
  }
  return item;
}

void
mqtt_board_set (MqttBoard *b, const char *topic, const char *payload, gboolean retain)
{
  Item *item;

  g_mutex_lock (&b->lock);
  item = item_of (b, topic);
  if (g_strcmp0 (item->payload, payload) != 0) {
    g_free (item->payload);
    item->payload = g_strdup (payload);
    item->dirty = TRUE;
  }
  item->retain = retain;
  g_mutex_unlock (&b->lock);
}

gboolean
mqtt_board_next (MqttBoard *b, MqttValue *value)
{
  gboolean found = FALSE;

  g_mutex_lock (&b->lock);
  for (guint i = 0; i < b->items->len && !found; i++) {
    Item *item = b->items->pdata[i];

    found = item->dirty && item->mid == 0;
    if (found) {
      *value = (MqttValue) { .topic = item->topic, .payload = g_strdup (item->payload), .retain = item->retain, .mid = &item->mid };
      item->dirty = FALSE;
    }
  }
  g_mutex_unlock (&b->lock);
  return found;
}

static Item *
find (MqttBoard *b, gboolean (*is_it) (const Item *item, int mid), int mid)
{
  Item *found = NULL;

  g_mutex_lock (&b->lock);
  for (guint i = 0; i < b->items->len && !found; i++)
    if (is_it (b->items->pdata[i], mid))
      found = b->items->pdata[i];
  g_mutex_unlock (&b->lock);
  return found;
}

static gboolean
has_mid (const Item *item, int mid)
{
  return item->mid == mid;
}

static gboolean
is_busy (const Item *item, int unused)
{
  return item->mid != 0 || item->dirty;
}

gboolean
mqtt_board_land (MqttBoard *b, int mid)
{
  Item *item = find (b, has_mid, mid);

  if (item)
    item->mid = 0;
  return item != NULL;
}

gboolean
mqtt_board_is_idle (MqttBoard *b)
{
  return !find (b, is_busy, 0);
}

void
mqtt_board_again (MqttBoard *b, gboolean lost)
{
  g_mutex_lock (&b->lock);
  for (guint i = 0; i < b->items->len; i++) {
    Item *item = b->items->pdata[i];

    if (lost)
      item->mid = 0;
    item->dirty = item->payload != NULL;
  }
  g_mutex_unlock (&b->lock);
}
