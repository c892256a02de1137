/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* take      from the inbox, which has a lock, into the queue, which has none
 * store     in the file, before anything is sent
 * send      what is so now first, then what happened, a window of it
 * land      what the broker has acknowledged leaves the queue, and the file */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bitmar.h"
#include "link.h"
#include "queue-file.h"

#define INBOX 1000000          /* bytes, where the disk makes the thread wait */
#define WINDOW 20              /* messages that fly */
#define LAND_MS 30000          /* … at most as long */
#define SYNC_MS 1000           /* what waits longer is on the disk, whatever happens to the machine */
#define STORE_AGAIN_MS 5000
#define CLOSE_MS 4000
#define GOODBYE_MS 1000        /* of them */

struct _MqttWorker {
  const BwoHost *host;
  const MqttOptions *options;
  MqttBoard *board;
  GThread *thread;
  int wake;
  char *status_topic, *queue_topic, *file_path;
  char session[17];
  GMutex lock;
  MqttQueue inbox;             /* with the lock */
  guint64 next_id;             /* with the lock */
  gint64 close_by;             /* with the lock; 0: not yet */
  MqttQueue queue;             /* this and what follows is the thread's */
  GArray *gone;
  MqttFile *file;              /* NULL: there is none */
  MqttLink *link;
  gint64 store_at, sync_at, land_by;   /* 0: not now */
  gboolean store_failed, said_goodbye;
  guint64 told_dropped[MQTT_KINDS], reported[MQTT_KINDS];
};

static gint64
now_ms (void)
{
  return g_get_monotonic_time () / 1000;
}

static void G_GNUC_PRINTF (2, 3)
complain (MqttWorker *w, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  w->host->complain (w->host, "mqtt", text);
}

/* ---- Taking -------------------------------------------------------------------------------------------- */

void
mqtt_worker_wake (MqttWorker *w)
{
  if (write (w->wake, &(guint64) { 1 }, 8) < 0)
    g_debug ("eventfd: %s", g_strerror (errno));
}

void
mqtt_worker_take (MqttWorker *w, MqttKind kind, const char *camera, const char *json)
{
  g_autofree char *payload = NULL;
  guint64 id;

  g_return_if_fail (g_str_has_suffix (json, "}"));
  g_mutex_lock (&w->lock);
  id = w->next_id++;
  payload = g_strdup_printf ("%.*s,\"id\":\"%s-%" G_GUINT64_FORMAT "\"}", (int) strlen (json) - 1, json, w->session, id);
  mqtt_queue_push (&w->inbox, mqtt_entry_new (id, kind, camera, payload), NULL);
  g_mutex_unlock (&w->lock);
  mqtt_worker_wake (w);
}

static void
take (MqttWorker *w)
{
  MqttQueue taken;

  g_mutex_lock (&w->lock);
  taken = w->inbox;
  mqtt_queue_init (&w->inbox, taken.limit);
  g_mutex_unlock (&w->lock);
  mqtt_queue_move (&taken, &w->queue, w->gone);
}

/* ---- Dropping ------------------------------------------------------------------------------------------ */

static void
report_dropped (MqttWorker *w)
{
  g_autofree char *json = g_strdup_printf ("{\"version\":1,\"type\":\"queue\",\"dropped-captions\":%" G_GUINT64_FORMAT ",\"dropped-alerts\":%"
      G_GUINT64_FORMAT "}", w->queue.dropped[MQTT_CAPTION], w->queue.dropped[MQTT_ALERT]);

  memcpy (w->reported, w->queue.dropped, sizeof w->reported);
  mqtt_board_set (w->board, w->queue_topic, json, TRUE);
}

/* At the first of an outage, and of the alerts; how many it were is told at its end. */
static void
tell_dropped (MqttWorker *w)
{
  static const char *const names[] = { "captions", "alerts" };

  for (guint kind = 0; kind < MQTT_KINDS; kind++)
    if (w->reported[kind] == w->told_dropped[kind] && w->queue.dropped[kind] > w->reported[kind])
      complain (w, "the queue is full (%" G_GUINT64_FORMAT " bytes): the oldest %s are dropped", w->options->queue, names[kind]);
  if (memcmp (w->reported, w->queue.dropped, sizeof w->reported))
    report_dropped (w);
}

static void
sum_up_dropped (MqttWorker *w)
{
  guint64 captions = w->queue.dropped[MQTT_CAPTION] - w->told_dropped[MQTT_CAPTION], alerts = w->queue.dropped[MQTT_ALERT] - w->told_dropped[MQTT_ALERT];

  if (captions + alerts > 0)
    complain (w, "%" G_GUINT64_FORMAT " captions and %" G_GUINT64_FORMAT " alerts were dropped", captions, alerts);
  memcpy (w->told_dropped, w->queue.dropped, sizeof w->told_dropped);
}

/* ---- Storing ------------------------------------------------------------------------------------------- */

static void
store_failed (MqttWorker *w, GError *error)
{
  if (!w->store_failed)
    complain (w, "%s; what waits for the broker is lost if bitmar is killed", error->message);
  w->store_failed = TRUE;
  w->store_at = now_ms () + STORE_AGAIN_MS;
  g_error_free (error);
}

static void
store (MqttWorker *w)
{
  gint64 now = now_ms ();
  GError *error = NULL;

  if (!w->file) {
    g_array_set_size (w->gone, 0);
    return;
  }
  if (now < w->store_at)
    return;
  if (!mqtt_file_write (w->file, &w->queue, w->gone, &error)) {
    store_failed (w, error);
    return;
  }
  if (w->store_failed)
    complain (w, "%s is written again", w->file_path);
  w->store_failed = FALSE;
  w->store_at = 0;
  if (mqtt_queue_length (&w->queue) == 0)
    w->sync_at = 0;
  else if (w->sync_at == 0)
    w->sync_at = now + SYNC_MS;
  else if (now >= w->sync_at) {
    w->sync_at = now + SYNC_MS;
    if (!mqtt_file_sync (w->file, &error))
      store_failed (w, error);
  }
}

/* ---- Sending ------------------------------------------------------------------------------------------- */

static void
send_values (MqttWorker *w)
{
  MqttValue value;

  while (mqtt_link_is_up (w->link) && mqtt_board_next (w->board, &value)) {
    gboolean impossible;

    if (!mqtt_link_publish (w->link, value.mid, value.topic, value.payload, value.retain, &impossible) && impossible)
      complain (w, "no broker takes a message of topic %s", value.topic);
    g_free (value.payload);
  }
}

/* With QoS 0 it is gone as soon as it is published. */
static void
send_entry (MqttWorker *w, MqttEntry *entry)
{
  static const char *const names[] = { "caption", "alert" };
  g_autofree char *topic = g_strdup_printf ("%s/%s/%s", w->options->topic, entry->camera, names[entry->kind]);
  MqttKind kind = entry->kind;
  gboolean impossible;

  if (w->queue.flight.length == 0)
    w->land_by = now_ms () + LAND_MS;
  mqtt_queue_fly (&w->queue);
  if (mqtt_link_publish (w->link, &entry->mid, topic, entry->payload, FALSE, &impossible) || !impossible)
    return;
  complain (w, "no broker takes a message of topic %s", topic);
  mqtt_queue_land (&w->queue, 0, w->gone);
  w->queue.dropped[kind]++;
}

static void
send (MqttWorker *w)
{
  MqttEntry *entry;

  send_values (w);
  while (mqtt_link_is_up (w->link) && w->queue.flight.length < WINDOW && (entry = mqtt_queue_next (&w->queue)))
    send_entry (w, entry);
}

static void
up (gpointer data)
{
  MqttWorker *w = data;

  w->land_by = now_ms () + LAND_MS;
  mqtt_board_again (w->board, FALSE);
  sum_up_dropped (w);
}

static void
down (gpointer data, gboolean lost)
{
  MqttWorker *w = data;

  if (lost)
    mqtt_queue_call_back (&w->queue);
  mqtt_board_again (w->board, lost);
}

static void
landed (gpointer data, int mid)
{
  MqttWorker *w = data;

  w->land_by = now_ms () + LAND_MS;
  if (!mqtt_queue_land (&w->queue, mid, w->gone))
    mqtt_board_land (w->board, mid);
}

static void
told (gpointer data, const char *words, gboolean back)
{
  MqttWorker *w = data;
  guint waiting = mqtt_queue_length (&w->queue);

  if (back && waiting > 0)
    complain (w, "%s; %u messages that waited are sent", words, waiting);
  else
    complain (w, "%s", words);
}

/* ---- Thread -------------------------------------------------------------------------------------------- */

/* Nothing more can be done now. */
static gboolean
is_hopeless (const MqttWorker *w)
{
  return !mqtt_link_is_up (w->link) && mqtt_link_has_failed (w->link)
      && (mqtt_queue_length (&w->queue) == 0 || (w->file && w->queue.unstored == 0));
}

static gboolean
goes_on (MqttWorker *w)
{
  gint64 now = now_ms (), by;
  gboolean done;

  g_mutex_lock (&w->lock);
  by = w->close_by;
  g_mutex_unlock (&w->lock);
  if (by == 0)
    return TRUE;
  if (now >= by || is_hopeless (w))
    return FALSE;
  done = mqtt_queue_length (&w->queue) == 0 && mqtt_board_is_idle (w->board);
  if (w->said_goodbye)
    return !mqtt_board_is_idle (w->board);
  if (done || now >= by - GOODBYE_MS) {
    mqtt_board_set (w->board, w->status_topic, "offline", TRUE);
    w->said_goodbye = TRUE;
  }
  return TRUE;
}

static int
earlier (int ms, gint64 at)
{
  int left = at ? MAX (0, at - now_ms ()) : -1;

  return left >= 0 && (ms < 0 || left < ms) ? left : ms;
}

static void
wait_for_work (MqttWorker *w, int ms)
{
  struct pollfd fds[2] = { { .fd = w->wake, .events = POLLIN } };
  gboolean link = mqtt_link_poll (w->link, &fds[1]);
  guint64 ignored;
  gint64 by;

  g_mutex_lock (&w->lock);
  by = w->close_by;
  g_mutex_unlock (&w->lock);
  ms = earlier (earlier (ms, w->sync_at), w->store_at);
  if (by)
    ms = ms < 0 ? 50 : MIN (ms, 50);
  if (poll (fds, link ? 2 : 1, ms) <= 0)
    return;
  if (fds[0].revents && read (w->wake, &ignored, sizeof ignored) < 0)
    g_debug ("eventfd: %s", g_strerror (errno));
  if (link && fds[1].revents)
    mqtt_link_handle (w->link, fds[1].revents);
}

static gpointer
run (gpointer data)
{
  MqttWorker *w = data;

  while (goes_on (w)) {
    int ms;

    take (w);
    store (w);
    tell_dropped (w);
    ms = mqtt_link_run (w->link);
    if (mqtt_link_is_up (w->link))
      send (w);
    if (mqtt_link_is_up (w->link) && w->queue.flight.length > 0 && now_ms () >= w->land_by)
      mqtt_link_drop (w->link, "the broker acknowledges nothing");
    wait_for_work (w, mqtt_link_is_up (w->link) || ms < 0 ? ms : MIN (ms, 1000));
  }
  take (w);
  w->store_at = 0;
  store (w);
  return NULL;
}

/* ---- Begin and end ------------------------------------------------------------------------------------- */

/* The same at every start, so that the broker knows whom it has. */
static char *
client_id (const MqttWorker *w)
{
  g_autofree char *text = g_strdup_printf ("%s %s", g_get_host_name (), w->host->log), *hash = NULL;

  if (w->options->client_id)
    return g_strdup (w->options->client_id);
  hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  return g_strdup_printf ("bitmar-%.16s", hash);
}

static gboolean
open_file (MqttWorker *w, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (w->host->log);
  guint64 damaged = 0;

  if (!w->options->store)
    return TRUE;
  w->file_path = w->options->queue_file ? g_strdup (w->options->queue_file) : g_build_filename (folder, "mqtt.queue", NULL);
  w->file = mqtt_file_open (w->file_path, &w->queue, &w->next_id, &damaged, error);
  if (damaged > 0)
    complain (w, "%s: %" G_GUINT64_FORMAT " damaged bytes are passed over", w->file_path, damaged);
  return w->file != NULL;
}

static void
worker_free (MqttWorker *w)
{
  if (w->link)
    mqtt_link_free (w->link, w->said_goodbye && mqtt_board_is_idle (w->board));
  if (w->file)
    mqtt_file_close (w->file);
  mqtt_queue_clear (&w->inbox);
  mqtt_queue_clear (&w->queue);
  g_array_unref (w->gone);
  g_mutex_clear (&w->lock);
  if (w->wake >= 0)
    close (w->wake);
  g_free (w->status_topic);
  g_free (w->queue_topic);
  g_free (w->file_path);
  g_free (w);
}

static void
begin (MqttWorker *w)
{
  static const MqttLinkFuncs funcs = { .up = up, .down = down, .landed = landed, .told = told };
  g_autofree char *id = client_id (w);

  mqtt_board_set (w->board, w->status_topic, "online", TRUE);
  report_dropped (w);
  memcpy (w->told_dropped, w->queue.dropped, sizeof w->told_dropped);
  w->link = mqtt_link_new (w->options, id, w->status_topic, w->wake, &funcs, w);
  w->thread = g_thread_new ("bitmar-mqtt", run, w);
}

MqttWorker *
mqtt_worker_new (const BwoHost *host, const MqttOptions *options, MqttBoard *board, GError **error)
{
  MqttWorker *w = g_new0 (MqttWorker, 1);

  *w = (MqttWorker) { .host = host, .options = options, .board = board, .wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), .next_id = 1,
    .gone = g_array_new (FALSE, FALSE, sizeof (guint64)), .status_topic = g_strconcat (options->topic, "/status", NULL),
    .queue_topic = g_strconcat (options->topic, "/queue", NULL) };
  g_mutex_init (&w->lock);
  mqtt_queue_init (&w->inbox, MIN (INBOX, options->queue));
  mqtt_queue_init (&w->queue, options->queue);
  g_snprintf (w->session, sizeof w->session, "%08x%08x", g_random_int (), g_random_int ());
  if (w->wake < 0)
    g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_OPEN, "eventfd: %s", g_strerror (errno));
  if (w->wake >= 0 && open_file (w, error)) {
    begin (w);
    return w;
  }
  worker_free (w);
  return NULL;
}

static void
tell_left (MqttWorker *w)
{
  guint left = mqtt_queue_length (&w->queue);

  sum_up_dropped (w);
  if (left > 0 && w->file && w->queue.unstored == 0)
    complain (w, "%u messages wait in %s for the next start", left, w->file_path);
  else if (left > 0)
    complain (w, "%u messages could not be delivered and are lost", left);
}

void
mqtt_worker_close (MqttWorker *w)
{
  g_mutex_lock (&w->lock);
  w->close_by = now_ms () + CLOSE_MS;
  g_mutex_unlock (&w->lock);
  mqtt_worker_wake (w);
  g_thread_join (w->thread);
  tell_left (w);
  worker_free (w);
}
