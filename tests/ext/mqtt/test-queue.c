/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queue of [mqtt], its file when it is torn, damaged or another's, and the board of what is so now. */
#include "../../../ext/mqtt/board.h"
#include "queue-fixture.h"

static void
check_next (MqttQueue *q, guint64 id)
{
  g_assert_nonnull (mqtt_queue_next (q));
  g_assert_cmpuint (mqtt_queue_next (q)->id, ==, id);
}

/* ---- In memory ------------------------------------------------------------------------------------------ */

static void
test_bound (void)
{
  MqttQueue q;

  mqtt_queue_init (&q, 10 * (1000 + 4 + 128));
  for (guint64 id = 1; id <= 3; id++)
    push (&q, id, MQTT_ALERT, 1000, NULL);
  for (guint64 id = 4; id <= 20; id++)
    push (&q, id, MQTT_CAPTION, 1000, NULL);
  g_assert_cmpuint (mqtt_queue_length (&q), ==, 10);
  g_assert_cmpuint (q.dropped[MQTT_CAPTION], ==, 10);
  g_assert_cmpuint (q.dropped[MQTT_ALERT], ==, 0);
  check_next (&q, 1);
  for (guint64 id = 21; id <= 30; id++)
    push (&q, id, MQTT_ALERT, 1000, NULL);
  g_assert_cmpuint (q.dropped[MQTT_CAPTION], ==, 17);
  g_assert_cmpuint (q.dropped[MQTT_ALERT], ==, 3);
  check_next (&q, 21);
  push (&q, 31, MQTT_CAPTION, 1000, NULL);
  g_assert_cmpuint (q.dropped[MQTT_CAPTION], ==, 18);
  g_assert_cmpuint (q.bytes, ==, q.limit);
  mqtt_queue_clear (&q);
  g_assert_cmpuint (q.bytes, ==, 0);
}

static void
test_flight (void)
{
  GArray *gone = g_array_new (FALSE, FALSE, sizeof (guint64));
  MqttQueue q;

  mqtt_queue_init (&q, 5 * (100 + 4 + 128));
  for (guint64 id = 1; id <= 5; id++)
    push (&q, id, id == 2 ? MQTT_ALERT : MQTT_CAPTION, 100, gone);
  for (int mid = 11; mid <= 13; mid++) {
    MqttEntry *entry = mqtt_queue_next (&q);

    mqtt_queue_fly (&q);
    entry->mid = mid;
  }
  check_next (&q, 4);
  g_assert_true (mqtt_queue_land (&q, 12, gone));
  g_assert_false (mqtt_queue_land (&q, 12, gone));
  /* What flies stays, whatever comes. */
  push (&q, 6, MQTT_CAPTION, 100, gone);
  push (&q, 7, MQTT_CAPTION, 100, gone);
  g_assert_cmpuint (q.dropped[MQTT_CAPTION], ==, 1);
  check_next (&q, 5);
  mqtt_queue_call_back (&q);
  for (guint64 id = 1; id <= 7; id += id == 1 ? 2 : id == 3 ? 2 : 1) {
    check_next (&q, id);
    mqtt_queue_fly (&q);
    g_assert_true (mqtt_queue_land (&q, 0, gone));
  }
  g_assert_null (mqtt_queue_next (&q));
  g_assert_cmpuint (q.bytes, ==, 0);
  g_assert_cmpuint (q.unstored, ==, 0);
  mqtt_queue_clear (&q);
  g_array_unref (gone);
}

static void
check_value (MqttBoard *board, const char *topic, const char *payload, int mid)
{
  MqttValue value;

  g_assert_true (mqtt_board_next (board, &value));
  g_assert_cmpstr (value.topic, ==, topic);
  g_assert_cmpstr (value.payload, ==, payload);
  *value.mid = mid;
  g_free (value.payload);
}

static void
test_board (void)
{
  MqttBoard *board = mqtt_board_new ();
  MqttValue value;

  mqtt_board_set (board, "a", "1", TRUE);
  mqtt_board_set (board, "b", "1", TRUE);
  mqtt_board_set (board, "a", "2", TRUE);
  check_value (board, "a", "2", 1);
  check_value (board, "b", "1", 2);
  /* While the older flies the newer waits, so that they can't overtake each other. */
  mqtt_board_set (board, "a", "3", TRUE);
  g_assert_false (mqtt_board_next (board, &value));
  g_assert_true (mqtt_board_land (board, 1));
  g_assert_false (mqtt_board_land (board, 1));
  check_value (board, "a", "3", 3);
  g_assert_false (mqtt_board_is_idle (board));
  g_assert_true (mqtt_board_land (board, 2) && mqtt_board_land (board, 3));
  g_assert_true (mqtt_board_is_idle (board));
  mqtt_board_set (board, "b", "1", TRUE);
  g_assert_true (mqtt_board_is_idle (board));
  mqtt_board_again (board, TRUE);
  check_value (board, "a", "3", 4);
  check_value (board, "b", "1", 5);
  mqtt_board_free (board);
}

/* ---- The file ------------------------------------------------------------------------------------------- */

static void
test_restart (Fixture *f, gconstpointer data)
{
  g_assert_true (open_queue (f, NULL));
  for (guint64 id = 1; id <= 10; id++)
    push (&f->q, id, id % 3 ? MQTT_CAPTION : MQTT_ALERT, 50, f->gone);
  g_assert_true (write_queue (f));
  land (f, 4);
  f->q.dropped[MQTT_CAPTION] = 7;
  f->q.dropped[MQTT_ALERT] = 2;
  g_assert_true (write_queue (f) && mqtt_file_sync (f->file, NULL));
  close_queue (f);
  for (guint round = 0; round < 2; round++) {
    g_assert_true (open_queue (f, NULL));
    g_assert_cmpuint (ids (f), ==, 0x7e0);
    check_next (&f->q, 5);
    g_assert_cmpuint (f->q.unstored, ==, 0);
    g_assert_cmpuint (f->q.dropped[MQTT_CAPTION], ==, 7);
    g_assert_cmpuint (f->q.dropped[MQTT_ALERT], ==, 2);
    g_assert_cmpuint (f->next, ==, 11);
    g_assert_cmpuint (f->damaged, ==, 0);
    close_queue (f);
  }
}

/* A disk that failed leaves some that are not stored in front of some that are. */
static void
test_unstored (Fixture *f, gconstpointer data)
{
  g_assert_true (open_queue (f, NULL));
  for (guint64 id = 1; id <= 8; id++)
    push (&f->q, id, id % 2 ? MQTT_CAPTION : MQTT_ALERT, 50, f->gone);
  mqtt_queue_fly (&f->q);
  mqtt_queue_fly (&f->q);
  g_assert_true (write_queue (f));
  for (guint id = 1; id <= 2; id++) {
    ((MqttEntry *) g_queue_peek_nth (&f->q.flight, id - 1))->stored = FALSE;
    f->q.unstored++;
  }
  mqtt_queue_call_back (&f->q);
  push (&f->q, 9, MQTT_CAPTION, 60, f->gone);
  g_unlink (f->path);
  g_clear_pointer (&f->file, mqtt_file_close);
  /* A new file has those only. */
  f->file = mqtt_file_open (f->path, &(MqttQueue) { .limit = ROOM }, &f->next, &f->damaged, NULL);
  g_assert_true (write_queue (f));
  g_assert_cmpuint (f->q.unstored, ==, 0);
  close_queue (f);
  g_assert_true (open_queue (f, NULL));
  g_assert_cmpuint (ids (f), ==, 1 << 1 | 1 << 2 | 1 << 9);
  close_queue (f);
}

/* What comes and goes for long leaves a small file. */
static void
test_size (Fixture *f, gconstpointer data)
{
  gint64 largest = 0;
  GStatBuf s;

  g_assert_true (open_queue (f, NULL));
  for (guint64 id = 1; id <= 20000; id++) {
    push (&f->q, id, MQTT_CAPTION, 300, f->gone);
    g_assert_true (write_queue (f));
    if (id > 10)
      land (f, 1);
    g_assert_cmpint (g_stat (f->path, &s), ==, 0);
    largest = MAX (largest, s.st_size);
  }
  g_assert_cmpint (largest, <, 300000);
  close_queue (f);
  g_assert_true (open_queue (f, NULL));
  /* The last landing was not written. */
  g_assert_cmpuint (mqtt_queue_length (&f->q), ==, 11);
  close_queue (f);
  g_test_message ("at most %" G_GINT64_FORMAT " bytes for 20000 messages", largest);
}

/* The file of 12 entries, of which 2 are gone. */
static void
make_file (Fixture *f, char **data, gsize *size)
{
  g_assert_true (open_queue (f, NULL));
  for (guint64 id = 1; id <= 12; id++)
    push (&f->q, id, MQTT_CAPTION, 40, f->gone);
  g_assert_true (write_queue (f));
  land (f, 2);
  g_assert_true (write_queue (f));
  close_queue (f);
  g_assert_true (g_file_get_contents (f->path, data, size, NULL));
}

static void
put_file (Fixture *f, const char *data, gsize size)
{
  g_assert_true (g_file_set_contents (f->path, data, size, NULL));
}

static void
test_cut (Fixture *f, gconstpointer data)
{
  char *whole;
  gsize size;
  guint64 last = 0;

  make_file (f, &whole, &size);
  for (gsize at = 16; at < size; at++) {
    guint64 bits;

    put_file (f, whole, at);
    g_assert_true (open_queue (f, NULL));
    bits = ids (f);
    /* 1, 1 to 2, … 1 to 12, and without 1, 2 at the end. */
    g_assert_true ((bits & (bits + 2)) == 0 || (bits | 6) == 0x1ffe);
    g_assert_true ((bits | 6) >= last);
    last = bits;
    push (&f->q, 20, MQTT_ALERT, 40, f->gone);
    g_assert_true (write_queue (f));
    close_queue (f);
    g_assert_true (open_queue (f, NULL));
    g_assert_cmpuint (ids (f), ==, bits | 1 << 20);
    g_assert_cmpuint (f->damaged, ==, 0);
    close_queue (f);
  }
  g_test_message ("cut at %" G_GSIZE_FORMAT " places", size - 16);
  g_free (whole);
}

/* A damaged byte costs the one record that it is in. */
static void
test_damage (Fixture *f, gconstpointer data)
{
  char *whole;
  gsize size;

  make_file (f, &whole, &size);
  for (gsize at = 16; at < size; at++) {
    guint64 bits;

    whole[at] ^= 0x55;
    put_file (f, whole, size);
    whole[at] ^= 0x55;
    g_assert_true (open_queue (f, NULL));
    bits = ids (f);
    g_assert_cmpuint (f->damaged, >, 0);
    g_assert_cmpint (__builtin_popcountll (bits ^ 0x1ff8), <=, 1);
    close_queue (f);
  }
  g_free (whole);
}

static void
check_refused (Fixture *f, const char *data, gsize size, const char *words)
{
  GError *error = NULL;
  char *after;
  gsize size_after;

  put_file (f, data, size);
  g_assert_false (open_queue (f, &error));
  g_assert_nonnull (strstr (error->message, f->path));
  g_assert_nonnull (strstr (error->message, words));
  g_clear_error (&error);
  g_assert_true (g_file_get_contents (f->path, &after, &size_after, NULL));
  g_assert_cmpmem (data, size, after, size_after);
  g_assert_cmpuint (count_files (f->folder), ==, 1);
  g_free (after);
}

static void
test_foreign (Fixture *f, gconstpointer data)
{
  char *whole;
  gsize size;

  make_file (f, &whole, &size);
  check_refused (f, "somebody's diary", 16, "is no queue of bitmar");
  check_refused (f, "x", 1, "is no queue of bitmar");
  check_refused (f, whole, 15, "is no queue of bitmar");
  whole[8] = 2;
  check_refused (f, whole, size, "another version");
  g_free (whole);
}

static void
test_in_use (Fixture *f, gconstpointer data)
{
  MqttQueue q;
  GError *error = NULL;
  guint64 next, damaged;

  g_assert_true (open_queue (f, NULL));
  mqtt_queue_init (&q, ROOM);
  g_assert_null (mqtt_file_open (f->path, &q, &next, &damaged, &error));
  g_assert_nonnull (strstr (error->message, "is used by another process"));
  g_clear_error (&error);
}

int
main (int argc, char **argv)
{
  start_tests (&argc, &argv);
  g_test_add_func ("/mqtt-queue/bound", test_bound);
  g_test_add_func ("/mqtt-queue/flight", test_flight);
  g_test_add_func ("/mqtt-queue/board", test_board);
  ADD ("/mqtt-queue/restart", test_restart);
  ADD ("/mqtt-queue/unstored", test_unstored);
  ADD ("/mqtt-queue/size", test_size);
  ADD ("/mqtt-queue/cut", test_cut);
  ADD ("/mqtt-queue/damage", test_damage);
  ADD ("/mqtt-queue/foreign", test_foreign);
  ADD ("/mqtt-queue/in-use", test_in_use);
  return g_test_run ();
}
