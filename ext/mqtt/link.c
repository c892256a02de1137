/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libmosquitto looks up names in the call that connects, so that call is in a thread of its own; whatever it waits for, the queue's thread goes on.
 *
 * A connection has a client of its own, which begins a clean session: what has not landed is sent again by whoever has it. With QoS 2 the client stays,
 * since its packet ids are what makes "exactly once"; a new one first empties what the broker has of former ids. */
#include "link.h"

#include <errno.h>
#include <mosquitto.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link-words.h"

#define KEEPALIVE_S 30
#define ANSWER_MS 10000        /* from a connect to the broker's answer */
#define FIRST_MS 250
#define LONGEST_MS 30000
#define STABLE_MS 10000        /* up as long, the next wait is the first again */
#define QUIET_MS 60000         /* … and reasons are told again */

typedef enum { WAITING, LOOKING_UP, CONNECTING, GREETING, UP } State;

typedef struct {
  gint refs;
  struct mosquitto *mosq;
  GString *log;                /* of libmosquitto: errors only */
  MqttLink *link;              /* in its thread only */
  int wake;
  const char *host;            /* mosq's thread may outlive options */
  guint16 port;
  guint turn;                  /* counts tries, which take turns with IPv4 and IPv6 */
  int result, error;
  gint done;
} Session;

struct _MqttLink {
  const MqttOptions *options;
  char *client_id, *status_topic;
  int wake;
  MqttLinkFuncs funcs;
  gpointer data;
  State state;
  Session *session;
  gint64 retry_at, deadline, up_since;  /* ms */
  guint tries, turn;
  int answer;                  /* to a CONNECT; -1: none yet */
  gboolean wiped, failed, troubled;
  GHashTable *told;            /* reasons */
};

static gint64
now_ms (void)
{
  return g_get_monotonic_time () / 1000;
}

/* ---- Session ----------------------------------------------------------------------------------------- */

static void
session_unref (Session *s)
{
  if (!g_atomic_int_dec_and_test (&s->refs))
    return;
  mosquitto_destroy (s->mosq);
  g_string_free (s->log, TRUE);
  close (s->wake);
  g_free ((char *) s->host);
  g_free (s);
}

static void
on_connect (struct mosquitto *mosq, void *session, int answer)
{
  ((Session *) session)->link->answer = answer;
}

static void
on_publish (struct mosquitto *mosq, void *session, int mid)
{
  MqttLink *link = ((Session *) session)->link;

  link->funcs.landed (link->data, mid);
}

static void
on_log (struct mosquitto *mosq, void *session, int level, const char *text)
{
  GString *log = ((Session *) session)->log;

  if (level == MOSQ_LOG_ERR && log->len < 4096)
    g_string_append_printf (log, "%s\n", text);
}

/* OpenSSL would ask at the terminal. */
static int
no_password (char *to, int size, int writing, void *data)
{
  return 0;
}

static int
set_tls (struct mosquitto *mosq, const MqttOptions *o)
{
  if (!o->tls)
    return MOSQ_ERR_SUCCESS;
  if (!o->ca)
    mosquitto_int_option (mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
  return mosquitto_tls_set (mosq, o->ca, o->ca ? NULL : "/etc/ssl/certs", o->certificate, o->key, no_password);
}

static Session *
session_new (MqttLink *link)
{
  const MqttOptions *o = link->options;
  Session *s = g_new0 (Session, 1);

  *s = (Session) { .refs = 1, .log = g_string_new (NULL), .link = link, .wake = dup (link->wake), .host = g_strdup (o->host), .port = o->port };
  s->mosq = mosquitto_new (link->client_id, o->qos < 2 || !link->wiped, s);
  if (s->mosq && s->wake >= 0 && set_tls (s->mosq, o) == MOSQ_ERR_SUCCESS
      && mosquitto_will_set (s->mosq, link->status_topic, strlen ("offline"), "offline", o->qos, true) == MOSQ_ERR_SUCCESS) {
    mosquitto_int_option (s->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set (s->mosq, on_connect);
    mosquitto_publish_callback_set (s->mosq, on_publish);
    mosquitto_log_callback_set (s->mosq, on_log);
    return s;
  }
  session_unref (s);
  return NULL;
}

/* With addresses of both families they take turns, since libmosquitto tries the first that doesn't fail at once, and no other. */
static const char *
address_to_bind (const struct addrinfo *list, guint turn)
{
  int first = list->ai_family, other = first;

  for (const struct addrinfo *a = list; a; a = a->ai_next)
    if (a->ai_family != first)
      other = a->ai_family;
  return (turn % 2 ? other : first) == AF_INET6 ? "::" : "0.0.0.0";
}

static gpointer
connect_in_thread (gpointer data)
{
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
  Session *s = data;
  int reason = getaddrinfo (s->host, NULL, &hints, &list);

  if (reason != 0) {
    s->result = MOSQ_ERR_EAI;
    s->error = reason;
  } else {
    errno = 0;
    s->result = mosquitto_connect_bind_async (s->mosq, s->host, s->port, KEEPALIVE_S, address_to_bind (list, s->turn));
    s->error = errno;
    freeaddrinfo (list);
  }
  g_atomic_int_set (&s->done, TRUE);
  if (write (s->wake, &(guint64) { 1 }, 8) < 0)
    g_debug ("eventfd: %s", g_strerror (errno));
  session_unref (s);
  return NULL;
}

/* ---- Up and down --------------------------------------------------------------------------------------- */

static void
tell (MqttLink *link, const char *why)
{
  g_autofree char *text = g_strdup_printf ("%s:%u: %s", link->options->host, link->options->port, why);

  if (!g_hash_table_add (link->told, g_strdup (text)))
    return;
  link->troubled = TRUE;
  link->funcs.told (link->data, text, FALSE);
}

static void
drop_session (MqttLink *link)
{
  g_clear_pointer (&link->session, session_unref);
  link->wiped = FALSE;
}

/* spoilt: the client is of no more use. */
static void
lose (MqttLink *link, gboolean spoilt, const char *why)
{
  gboolean lost = spoilt || link->options->qos < 2;
  gint64 now = now_ms (), wait;

  if (link->state == UP && now - link->up_since >= STABLE_MS)
    link->tries = 0;
  wait = MIN (LONGEST_MS, FIRST_MS << MIN (link->tries, 10));
  link->tries++;
  link->retry_at = now + g_random_int_range (wait / 2, wait + 1);
  link->state = WAITING;
  link->failed = TRUE;
  if (lost)
    drop_session (link);
  link->funcs.down (link->data, lost);
  tell (link, why);
}

static void
lose_for (MqttLink *link, int result, int error)
{
  g_autofree char *why = link->answer > 0 ? mqtt_words_of_answer (link->options, link->answer)
      : mqtt_words_of (link->options, result, error, link->session->log->str, link->state != UP);
  gboolean soon = link->state == UP && now_ms () - link->up_since < STABLE_MS;
  g_autofree char *hint = soon && link->tries > 1 ? g_strconcat (why, " again and again; has another client the same 'client-id'?", NULL) : NULL;

  lose (link, result == MOSQ_ERR_TLS || link->session->log->len > 0 || link->answer > 0, hint ? hint : why);
}

/* The former session's packet ids are forgotten by the broker: on with a client that keeps its own. */
static void
go_on_wiped (MqttLink *link)
{
  mosquitto_disconnect (link->session->mosq);
  drop_session (link);
  link->wiped = TRUE;
  link->state = WAITING;
  link->retry_at = 0;
}

static void
greeted (MqttLink *link)
{
  if (link->options->qos == 2 && !link->wiped) {
    go_on_wiped (link);
    return;
  }
  link->state = UP;
  link->up_since = now_ms ();
  link->failed = FALSE;
  if (link->troubled) {
    g_autofree char *text = g_strdup_printf ("%s:%u: connected", link->options->host, link->options->port);

    link->troubled = FALSE;
    link->funcs.told (link->data, text, TRUE);
  }
  link->funcs.up (link->data);
}

static gboolean
set_password (MqttLink *link)
{
  const MqttOptions *o = link->options;
  g_autofree char *password = g_strdup (o->password);
  g_autoptr (GError) error = NULL;

  if (o->password_file && !g_file_get_contents (o->password_file, &password, NULL, &error)) {
    lose (link, FALSE, error->message);
    return FALSE;
  }
  if (o->password_file)
    password[strcspn (password, "\r\n")] = 0;
  if (!o->user || mosquitto_username_pw_set (link->session->mosq, o->user, password) == MOSQ_ERR_SUCCESS)
    return TRUE;
  lose (link, TRUE, "'user' or 'password' is too long");
  return FALSE;
}

static void
begin (MqttLink *link)
{
  GThread *thread;

  link->answer = -1;
  if (!link->session && !(link->session = session_new (link))) {
    lose (link, TRUE, "the files of 'ca', 'certificate' and 'key' can't be read, or there is no memory");
    return;
  }
  if (!set_password (link))
    return;
  g_string_truncate (link->session->log, 0);
  link->session->done = FALSE;
  link->session->turn = link->turn++;
  g_atomic_int_inc (&link->session->refs);
  thread = g_thread_try_new ("bitmar-mqtt-dns", connect_in_thread, link->session, NULL);
  if (!thread) {
    session_unref (link->session);
    lose (link, TRUE, "no thread can be made");
    return;
  }
  g_thread_unref (thread);
  link->state = LOOKING_UP;
}

/* ---- Running ------------------------------------------------------------------------------------------- */

static void
looked_up (MqttLink *link)
{
  Session *s = link->session;

  if (!g_atomic_int_get (&s->done))
    return;
  if (s->result > 0) {
    lose_for (link, s->result, s->error);
    return;
  }
  link->state = CONNECTING;
  link->deadline = now_ms () + ANSWER_MS;
}

/* TLS says of itself that it wants to write when it doesn't any more, so nobody polls for that while it begins. */
static int
run_greeting (MqttLink *link)
{
  gint64 left = link->deadline - now_ms ();

  if (left <= 0) {
    lose (link, FALSE, "the broker doesn't answer");
    return 0;
  }
  return MIN (left, link->options->tls && link->state == GREETING ? 100 : left);
}

static int
run_up (MqttLink *link)
{
  int result;

  if (!link->troubled && now_ms () - link->up_since >= QUIET_MS)
    g_hash_table_remove_all (link->told);
  errno = 0;
  result = mosquitto_loop_misc (link->session->mosq);
  if (result == MOSQ_ERR_SUCCESS)
    return 1000;
  lose_for (link, result, errno);
  return 0;
}

int
mqtt_link_run (MqttLink *link)
{
  gint64 now = now_ms ();

  if (link->state == WAITING && now >= link->retry_at)
    begin (link);
  if (link->state == LOOKING_UP)
    looked_up (link);
  switch (link->state) {
    case WAITING:
      return MAX (0, link->retry_at - now_ms ());
    case LOOKING_UP:
      return -1;
    case UP:
      return run_up (link);
    default:
      return run_greeting (link);
  }
}

gboolean
mqtt_link_poll (MqttLink *link, struct pollfd *to)
{
  if (link->state < CONNECTING)
    return FALSE;
  to->fd = mosquitto_socket (link->session->mosq);
  if (link->state == CONNECTING)
    to->events = POLLOUT;
  else
    to->events = POLLIN | ((link->state == UP || !link->options->tls) && mosquitto_want_write (link->session->mosq) ? POLLOUT : 0);
  return to->fd >= 0;
}

static gboolean
is_connected (MqttLink *link, int events)
{
  int reason = 0;
  socklen_t size = sizeof reason;

  if (!(events & (POLLOUT | POLLERR | POLLHUP)))
    return FALSE;
  getsockopt (mosquitto_socket (link->session->mosq), SOL_SOCKET, SO_ERROR, &reason, &size);
  if (reason == 0) {
    link->state = GREETING;
    return TRUE;
  }
  lose_for (link, MOSQ_ERR_ERRNO, reason);
  return FALSE;
}

/* A read also drives the handshake of TLS. */
static int
read_and_write (MqttLink *link, gboolean can_read)
{
  struct mosquitto *mosq = link->session->mosq;
  int result = MOSQ_ERR_SUCCESS;

  errno = 0;
  if (can_read)
    result = mosquitto_loop_read (mosq, 1);
  if (result == MOSQ_ERR_SUCCESS && mosquitto_socket (mosq) >= 0 && mosquitto_want_write (mosq))
    result = mosquitto_loop_write (mosq, 1);
  return result;
}

void
mqtt_link_handle (MqttLink *link, int events)
{
  gboolean fresh = FALSE;
  int result;

  if (link->state == CONNECTING)
    fresh = is_connected (link, events);
  if (link->state < GREETING)
    return;
  result = read_and_write (link, fresh || events & (POLLIN | POLLERR | POLLHUP));
  if (result != MOSQ_ERR_SUCCESS || mosquitto_socket (link->session->mosq) < 0)
    lose_for (link, result, errno);
  else if (link->state == GREETING && link->answer == 0)
    greeted (link);
  else if (link->state == GREETING && events & (POLLERR | POLLHUP))
    lose_for (link, MOSQ_ERR_CONN_LOST, 0);
}

gboolean
mqtt_link_is_up (const MqttLink *link)
{
  return link->state == UP;
}

gboolean
mqtt_link_has_failed (const MqttLink *link)
{
  return link->failed && link->state == WAITING;
}

/* A message of QoS 1 or 2 is libmosquitto's own before it is written, so of these the client goes on with it: sent by another, it would come twice. */
static gboolean
is_taken (const MqttLink *link, int result)
{
  return link->options->qos > 0 && (result == MOSQ_ERR_NO_CONN || result == MOSQ_ERR_CONN_LOST || result == MOSQ_ERR_ERRNO);
}

gboolean
mqtt_link_publish (MqttLink *link, int *mid, const char *topic, const char *payload, gboolean retain, gboolean *impossible)
{
  int result;

  errno = 0;
  result = mosquitto_publish (link->session->mosq, mid, topic, strlen (payload), payload, link->options->qos, retain);
  *impossible = result == MOSQ_ERR_INVAL || result == MOSQ_ERR_MALFORMED_UTF8 || result == MOSQ_ERR_PAYLOAD_SIZE
      || result == MOSQ_ERR_OVERSIZE_PACKET || result == MOSQ_ERR_QOS_NOT_SUPPORTED;
  if (result != MOSQ_ERR_SUCCESS && !*impossible) {
    g_autofree char *why = mqtt_words_of (link->options, result, errno, link->session->log->str, FALSE);

    lose (link, !is_taken (link, result), why);
  }
  return result == MOSQ_ERR_SUCCESS;
}

void
mqtt_link_drop (MqttLink *link, const char *why)
{
  lose (link, FALSE, why);
}

MqttLink *
mqtt_link_new (const MqttOptions *options, const char *client_id, const char *status_topic, int wake, const MqttLinkFuncs *funcs, gpointer data)
{
  MqttLink *link = g_new0 (MqttLink, 1);

  mosquitto_lib_init ();
  *link = (MqttLink) { .options = options, .client_id = g_strdup (client_id), .status_topic = g_strdup (status_topic), .wake = wake,
    .funcs = *funcs, .data = data, .told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  return link;
}

void
mqtt_link_free (MqttLink *link, gboolean said_goodbye)
{
  if (link->state == UP && said_goodbye)
    mosquitto_disconnect (link->session->mosq);
  g_clear_pointer (&link->session, session_unref);
  g_hash_table_unref (link->told);
  g_free (link->client_id);
  g_free (link->status_topic);
  g_free (link);
}
