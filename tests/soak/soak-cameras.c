/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* soak-cameras WHAT [OPTION…]: cameras that fail (camera-server) and a `bitmar caption` for each. After every fault it waits until
 * all of them caption again, and prints how long that took since there was a stream again, and by how much each process has grown.
 * A test (TAP): --bound says how long it may take.
 *
 *   killed     the server is killed and starts again 3 seconds later
 *   stopped    the server stands still for --pause seconds
 *   zero       timestamps begin at zero again
 *   size       the pictures get another size
 *   lossy      packets get lost, doubled and out of order, for --pause seconds; what is measured is the longest silence
 *
 * Environment: BITMAR the tool, CAMERA_SERVER the server. */

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"

#define MOST 16
#define DOWN_US (3 * G_USEC_PER_SEC)
/* Captions that were on their way when the fault came are not counted as new ones. */
#define SETTLE_US (G_USEC_PER_SEC / 2)
#define GIVE_UP_US (90 * G_USEC_PER_SEC)

typedef struct {
  GPid pid;
  FILE *out;
  GThread *thread;
  gint64 last_us, longest_us;  /* when the newest caption came; the longest silence */
  guint captions;
} Client;

static Client clients[MOST];
static GMutex lock;            /* of their figures */
static GPid server;
static char *port;
static gint streams = 4, rounds = 1, pause_s = 60;
static gdouble bound = 5, loss = 0.01;
static guint failures;
static gboolean ending;

static void
check (gboolean good, const char *what)
{
  static guint number;

  printf ("%s %u - %s\n", good ? "ok" : "not ok", ++number, what);
  fflush (stdout);
  failures += !good;
}

/* ---- Processes --------------------------------------------------------------------------------------- */

static GPid
spawn (char **argv, FILE **out)
{
  GError *error = NULL;
  GPid pid;
  gint fd;

  if (!g_spawn_async_with_pipes (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, &fd, NULL, &error)) {
    printf ("Bail out! %s\n", error->message);
    exit (1);
  }
  *out = fdopen (fd, "r");
  return pid;
}

static void
start_server (gdouble lost)
{
  g_autofree char *n = g_strdup_printf ("%d", streams), *p = g_strdup_printf ("%g", lost);
  char *argv[] = { (char *) g_getenv ("CAMERA_SERVER"), "--streams", n, "--port", port ? port : "0", "--loss", p, NULL };
  char line[32];
  FILE *out;

  server = spawn (argv, &out);
  if (!fgets (line, sizeof line, out)) {
    printf ("Bail out! the server did not start\n");
    exit (1);
  }
  g_free (port);
  port = g_strdup (g_strchomp (line));
  fclose (out);
}

static gpointer
read_captions (gpointer data)
{
  Client *client = data;
  char line[4096];

  while (fgets (line, sizeof line, client->out)) {
    gint64 now = g_get_monotonic_time ();

    g_mutex_lock (&lock);
    if (client->captions > 0)
      client->longest_us = MAX (client->longest_us, now - client->last_us);
    client->last_us = now;
    client->captions++;
    g_mutex_unlock (&lock);
  }
  if (!g_atomic_int_get (&ending))
    printf ("# a `bitmar caption` has ended\n");
  return NULL;
}

static void
start_clients (void)
{
  for (gint i = 0; i < streams; i++) {
    g_autofree char *uri = g_strdup_printf ("rtsp://127.0.0.1:%s/camera%d", port, i);
    char *argv[] = { (char *) g_getenv ("BITMAR"), "caption", "--json", "--min-confidence", "0", "--interval", "0.5", uri, NULL };

    clients[i].pid = spawn (argv, &clients[i].out);
    clients[i].thread = g_thread_new ("client", read_captions, &clients[i]);
  }
}

/* Interrupted, as by Ctrl-C: whoever still can, says so with 130. */
static void
end_all (void)
{
  gboolean all = TRUE;

  g_atomic_int_set (&ending, TRUE);
  for (gint i = 0; i < streams; i++) {
    gint status;

    kill (clients[i].pid, SIGINT);
    waitpid (clients[i].pid, &status, 0);
    all &= WIFEXITED (status) && WEXITSTATUS (status) == 130;
    g_thread_join (clients[i].thread);
    fclose (clients[i].out);
  }
  kill (server, SIGKILL);
  waitpid (server, NULL, 0);
  check (all, "all of them ran until they were interrupted");
}

/* ---- Waiting ----------------------------------------------------------------------------------------- */

/* How long after `since` the last stream said something, in seconds; -1: one never did. */
static gdouble
wait_for_all (gint64 since)
{
  gint64 worst = 0;

  for (gint i = 0; i < streams; i++) {
    gint64 first = 0;

    while (!first && g_get_monotonic_time () - since < GIVE_UP_US) {
      g_mutex_lock (&lock);
      if (clients[i].last_us > since)
        first = clients[i].last_us;
      g_mutex_unlock (&lock);
      g_usleep (10000);
    }
    if (!first)
      return -1;
    worst = MAX (worst, first - since);
  }
  return (gdouble) worst / G_USEC_PER_SEC;
}

static guint
captions_so_far (void)
{
  guint n = 0;

  g_mutex_lock (&lock);
  for (gint i = 0; i < streams; i++)
    n += clients[i].captions;
  g_mutex_unlock (&lock);
  return n;
}

/* ---- Faults ------------------------------------------------------------------------------------------ */

/* Each does its harm and returns when the stream was there again. */

static gint64
fault_killed (void)
{
  kill (server, SIGKILL);
  waitpid (server, NULL, 0);
  g_usleep (DOWN_US);
  start_server (0);
  return g_get_monotonic_time ();
}

static gint64
fault_stopped (void)
{
  kill (server, SIGSTOP);
  g_usleep ((gulong) pause_s * G_USEC_PER_SEC);
  kill (server, SIGCONT);
  return g_get_monotonic_time ();
}

static gint64
fault_zero (void)
{
  kill (server, SIGUSR1);
  return g_get_monotonic_time () + SETTLE_US;
}

static gint64
fault_size (void)
{
  kill (server, SIGUSR2);
  return g_get_monotonic_time () + SETTLE_US;
}

static void
print_growth (const Holdings *before)
{
  Holdings most = { G_MINLONG, G_MININT, G_MININT };

  for (gint i = 0; i < streams; i++) {
    Holdings now = holdings_of (clients[i].pid);

    most.rss = MAX (most.rss, now.rss - before[i].rss);
    most.fds = MAX (most.fds, now.fds - before[i].fds);
    most.threads = MAX (most.threads, now.threads - before[i].threads);
  }
  printf ("# the process that grew most: %+ld KiB, %+d descriptors, %+d threads\n", most.rss, most.fds, most.threads);
  /* A decoder started anew finds its heap in another shape; the descriptors and threads of one session are the same. */
  check (most.rss < 24 * 1024 && most.fds <= 8 && most.threads <= 8, "memory, descriptors and threads are flat");
}

static void
run_faults (const char *what, gint64 (*fault) (void))
{
  g_autofree char *name = g_strdup_printf ("captions are back within %g seconds of the stream: %s", bound, what);
  gdouble worst = 0, sum = 0;
  Holdings before[MOST];

  for (gint i = 0; i < streams; i++)
    before[i] = holdings_of (clients[i].pid);
  for (gint round = 0; round < rounds && worst >= 0; round++) {
    gdouble took = wait_for_all (fault ());

    printf ("# %s, round %d: captions of all %d streams are back after %.2f seconds\n", what, round + 1, streams, took);
    fflush (stdout);
    sum += took;
    worst = took < 0 ? -1 : MAX (worst, took);
    g_usleep (5 * G_USEC_PER_SEC);
  }
  printf ("# %s: at worst %.2f seconds, %.2f on average, of %d\n", what, worst, sum / rounds, rounds);
  check (worst >= 0 && worst <= bound, name);
  print_growth (before);
}

static void
run_lossy (void)
{
  guint before = captions_so_far ();
  gint64 longest = 0;

  g_mutex_lock (&lock);
  for (gint i = 0; i < streams; i++)
    clients[i].longest_us = 0;
  g_mutex_unlock (&lock);
  g_usleep ((gulong) pause_s * G_USEC_PER_SEC);
  g_mutex_lock (&lock);
  for (gint i = 0; i < streams; i++)
    longest = MAX (longest, MAX (clients[i].longest_us, g_get_monotonic_time () - clients[i].last_us));
  g_mutex_unlock (&lock);
  printf ("# %g %% of the packets lost: %u captions in %d seconds of %d streams, no silence longer than %.2f seconds\n", 100 * loss,
      captions_so_far () - before, pause_s, streams, (gdouble) longest / G_USEC_PER_SEC);
  check (longest <= (gint64) (bound * G_USEC_PER_SEC), "no stream falls silent");
}

static const struct {
  const char *name;
  gint64 (*fault) (void);
} faults[] = { { "killed", fault_killed }, { "stopped", fault_stopped }, { "zero", fault_zero }, { "size", fault_size },
  { "lossy", NULL } };

static void
run (guint i)
{
  start_server (faults[i].fault ? 0 : loss);
  start_clients ();
  check (wait_for_all (g_get_monotonic_time ()) >= 0, "all streams are captioned");
  g_usleep (5 * G_USEC_PER_SEC);
  if (faults[i].fault)
    run_faults (faults[i].name, faults[i].fault);
  else
    run_lossy ();
  end_all ();
}

int
main (int argc, char **argv)
{
  GOptionEntry entries[] = {
    { "streams", 'n', 0, G_OPTION_ARG_INT, &streams, "Cameras (4)", "N" },
    { "rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "How often the fault comes (1)", "N" },
    { "pause", 's', 0, G_OPTION_ARG_INT, &pause_s, "How long it lasts, for those that last (60)", "SECONDS" },
    { "bound", 'b', 0, G_OPTION_ARG_DOUBLE, &bound, "How long captions may take to come back (5)", "SECONDS" },
    { "loss", 'l', 0, G_OPTION_ARG_DOUBLE, &loss, "Share of the packets that get lost (0.01)", "P" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("killed|stopped|zero|size|lossy");
  guint found = G_N_ELEMENTS (faults);

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_parse (context, &argc, &argv, NULL);
  for (guint i = 0; argc == 2 && i < G_N_ELEMENTS (faults); i++)
    if (g_str_equal (argv[1], faults[i].name))
      found = i;
  if (found == G_N_ELEMENTS (faults) || streams < 1 || streams > MOST || !g_getenv ("BITMAR") || !g_getenv ("CAMERA_SERVER")) {
    fputs ("usage: BITMAR=… CAMERA_SERVER=… soak-cameras killed|stopped|zero|size|lossy; see --help\n", stderr);
    return 2;
  }
  printf ("TAP version 13\n1..%d\n", faults[found].fault ? 4 : 3);
  run (found);
  return failures > 0;
}
