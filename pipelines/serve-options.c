/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-options.h"

#include <gio/gio.h>
#include <string.h>

#define DEFAULT_ADDRESS "127.0.0.1"
#define SHORTEST_PASSWORD 8
#define LONGEST_PASSWORD 256
#define MAX_PASSWORD_FILE 4096

void
serve_options_add (ServeOptions *o, GOptionContext *context)
{
  GOptionEntry entries[] = {
    { "address", 'a', 0, G_OPTION_ARG_STRING, &o->address, "To listen on, in numbers (127.0.0.1)", "ADDRESS" },
    { "port", 0, 0, G_OPTION_ARG_INT, &o->port, "To listen on (8554); 0: any that is free", "N" },
    { "user", 'u', 0, G_OPTION_ARG_STRING, &o->user, "Who may watch", "NAME" },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &o->password_file, "Whose first line is the password", "FILE" },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &o->certificate, "TLS: the certificate, and those between it and the authority's (PEM)", "FILE" },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &o->key, "TLS: the certificate's private key (PEM)", "FILE" },
    { "max-clients", 0, 0, G_OPTION_ARG_INT, &o->max_clients, "That are connected at once (32)", "N" },
    { "alert", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->alerts, "A rule of docs/alerts.md; may be given more than once", "RULE" },
    { "burn-in", 0, 0, G_OPTION_ARG_NONE, &o->burn_in, "Draw the captions on the video, which is encoded anew", NULL },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &o->model_path, "Model file (GGUF)", "FILE" },
    { "prompt", 'p', 0, G_OPTION_ARG_STRING, &o->prompt, "Words that steer what captions look at", "TEXT" },
    { "min-confidence", 'c', 0, G_OPTION_ARG_DOUBLE, &o->min_confidence, "Keep captions back that the model is less sure of, 0 to 1 (0.77)", "P" },
    { "interval", 'i', 0, G_OPTION_ARG_DOUBLE, &o->interval, "Seconds from one look at the video to the next (1)", "S" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Nothing about sources on standard error", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };

  g_option_context_add_main_entries (context, entries, NULL);
}

/* ---- Who may watch ----------------------------------------------------------------------------------- */

static char *
read_address (ServeOptions *o)
{
  g_autoptr (GInetAddress) inet = NULL;

  if (!o->address || g_str_equal (o->address, "localhost")) {
    g_free (o->address);
    o->address = g_strdup (DEFAULT_ADDRESS);
  }
  inet = g_inet_address_new_from_string (o->address);
  if (!inet)
    return g_strdup_printf ("--address takes an address of this machine in numbers, such as 127.0.0.1 or ::1, and '%s' is none", o->address);
  if (!g_inet_address_get_is_loopback (inet) && !o->user)
    return g_strdup_printf ("other machines can reach %s: that needs --user and --password-file", o->address);
  return NULL;
}

/* What can stand in a header as it is. */
static char *
check_user (const char *user)
{
  const char *p;

  for (p = user; g_ascii_isgraph (*p) && !strchr ("\":\\", *p); p++);
  return *user && !*p ? NULL : g_strdup ("--user takes a name of letters, digits and signs of ASCII, without blanks, '\"', ':' and '\\'");
}

/* The first line of the file: a command line could be read by everybody. */
static char *
read_password (ServeOptions *o)
{
  g_autoptr (GError) error = NULL;
  glong length;
  gsize size;

  if (!g_file_get_contents (o->password_file, &o->password, &size, &error))
    return g_strdup_printf ("--password-file: %s", error->message);
  if (size > MAX_PASSWORD_FILE || memchr (o->password, 0, size) || !g_utf8_validate (o->password, (gssize) size, NULL))
    return g_strdup_printf ("--password-file: %s is not a password in a line", o->password_file);
  o->password[strcspn (o->password, "\r\n")] = 0;
  length = g_utf8_strlen (o->password, -1);
  if (length < SHORTEST_PASSWORD || length > LONGEST_PASSWORD)
    return g_strdup_printf ("--password-file: a password has %d to %d characters, the first line of %s has %ld", SHORTEST_PASSWORD, LONGEST_PASSWORD,
        o->password_file, length);
  return NULL;
}

static char *
read_login (ServeOptions *o)
{
  char *wrong;

  if (!o->user != !o->password_file)
    return g_strdup ("--user and --password-file come together");
  if (!o->certificate != !o->key)
    return g_strdup ("--certificate and --key come together");
  wrong = o->user ? check_user (o->user) : NULL;
  if (!wrong && o->password_file)
    wrong = read_password (o);
  return wrong ? wrong : read_address (o);
}

/* ---- All --------------------------------------------------------------------------------------------- */

char *
serve_options_read (ServeOptions *o)
{
  g_autoptr (GError) error = NULL;

  if (o->port < 0 || o->port > 65535)
    return g_strdup ("--port takes 0 to 65535");
  if (o->max_clients < 1 || o->max_clients > 1000)
    return g_strdup ("--max-clients takes 1 to 1000");
  if (o->min_confidence != CLI_UNSET && !(o->min_confidence >= 0 && o->min_confidence <= 1))
    return g_strdup ("--min-confidence takes 0 to 1");
  if (!(o->interval >= 0 && o->interval <= 86400))
    return g_strdup ("--interval takes seconds, 0 to 86400");
  if (o->alerts)
    o->rules = g_strjoinv ("\n", o->alerts);
  if (o->rules && !bitmar_alerts_check_rules (o->rules, &error))
    return g_strdup_printf ("--alert: %s", error->message);
  return read_login (o);
}

void
serve_options_clear (ServeOptions *o)
{
  g_free (o->address);
  g_free (o->user);
  g_free (o->password_file);
  g_free (o->password);
  g_free (o->certificate);
  g_free (o->key);
  g_free (o->model_path);
  g_free (o->prompt);
  g_free (o->rules);
  g_strfreev (o->alerts);
}
