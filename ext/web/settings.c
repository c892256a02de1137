/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "bitmar.h"

#define DEFAULT_LISTEN "127.0.0.1:8080"
#define SHORTEST_TOKEN 16
#define LONGEST_TOKEN 256

const char *const web_keys[] = { "listen", "token", "token-file", "certificate", "key", "hosts", "clients", "timeout", "picture-side", "picture-rate",
  NULL };

static gboolean fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, text);
  g_free (text);
  return FALSE;
}

/* ---- Where it listens ---------------------------------------------------------------------------------- */

static gboolean
read_number (const char *text, guint64 least, guint64 most, guint *number, GError **error)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, least, most, &value, NULL))
    return fail (error, "'%s' is no whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, text, least, most);
  *number = (guint) value;
  return TRUE;
}

static gboolean
read_listen (WebSettings *s, const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = colon ? g_strndup (text, (gsize) (colon - text)) : NULL;
  g_autoptr (GInetAddress) address = NULL;
  guint port = 0;

  if (!colon || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, NULL, NULL))
    return fail (error, "'%s' is no address and port such as 127.0.0.1:8080 or [::1]:8080", text);
  if (!read_number (colon + 1, 0, 65535, &port, error))
    return FALSE;
  if (host[0] == '[' && host[strlen (host) - 1] == ']') {
    host[strlen (host) - 1] = 0;
    address = strchr (host, ':') ? g_inet_address_new_from_string (host + 1) : NULL;
  } else if (!strchr (host, ':')) {
    address = g_inet_address_new_from_string (g_str_equal (host, "localhost") ? "127.0.0.1" : host);
  }
  if (!address)
    return fail (error, "'%s' is no address of this machine in numbers, such as 127.0.0.1 or [::1]", host);
  s->loopback = g_inet_address_get_is_loopback (address);
  s->address = g_inet_socket_address_new (address, (guint16) port);
  return TRUE;
}

/* ---- Token ----------------------------------------------------------------------------------------------- */

/* What can stand in a header as it is. */
static gboolean
set_token (WebSettings *s, const char *text, GError **error)
{
  gsize n = strlen (text);

  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isgraph (text[i]))
      return fail (error, "a token has letters, digits and signs of ASCII, and no blanks");
  if (n < SHORTEST_TOKEN || n > LONGEST_TOKEN)
    return fail (error, "a token has %d to %d characters, not %zu; one is made by: openssl rand -hex 32", SHORTEST_TOKEN, LONGEST_TOKEN, n);
  s->token = g_strdup (text);
  return TRUE;
}

/* There is no folder that another path would begin at. */
static gboolean
check_path (const char *path, GError **error)
{
  return g_path_is_absolute (path) || fail (error, "'%s' is not a whole path, which begins with /", path);
}

static gboolean
read_token_file (WebSettings *s, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize size;

  if (!check_path (path, error) || !g_file_get_contents (path, &text, &size, error))
    return FALSE;
  if (size > 4096 || memchr (text, 0, size))
    return fail (error, "%s is not a token in a line", path);
  s->token_file = g_strdup (path);
  if (set_token (s, g_strstrip (text), error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

static gboolean
read_token (WebSettings *s, GHashTable *values, const char **key, GError **error)
{
  const char *token = g_hash_table_lookup (values, "token"), *file = g_hash_table_lookup (values, "token-file");

  *key = file ? "token-file" : "token";
  if (token && file)
    return fail (error, "there is a 'token', too; one of them is enough");
  if (file ? !read_token_file (s, file, error) : token && !set_token (s, token, error))
    return FALSE;
  *key = "listen";
  if (s->token || s->loopback)
    return TRUE;
  return fail (error, "other machines can reach this, so it needs a 'token' or a 'token-file'");
}

/* ---- TLS and names ----------------------------------------------------------------------------------------- */

static gboolean
read_tls (WebSettings *s, GHashTable *values, const char **key, GError **error)
{
  const char *certificate = g_hash_table_lookup (values, "certificate"), *private = g_hash_table_lookup (values, "key");

  *key = private ? "key" : "certificate";
  if (!certificate && !private)
    return TRUE;
  if (!certificate || !private)
    return fail (error, "'certificate' and 'key' go together");
  *key = "certificate";
  if (!check_path (certificate, error))
    return FALSE;
  *key = "key";
  if (!check_path (private, error))
    return FALSE;
  *key = "certificate";
  s->certificate = g_tls_certificate_new_from_files (certificate, private, error);
  return s->certificate != NULL;
}

static gboolean
read_hosts (WebSettings *s, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (text, " ,\t", -1);
  g_autoptr (GStrvBuilder) hosts = g_strv_builder_new ();

  for (guint i = 0; words[i]; i++) {
    g_autofree char *name = g_ascii_strdown (words[i], -1);

    if (!*name)
      continue;
    if (strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-._") != strlen (name))
      return fail (error, "'%s' is no name of a machine such as nvr.example.org (without a port)", words[i]);
    g_strv_builder_add (hosts, name);
  }
  s->hosts = g_strv_builder_end (hosts);
  return TRUE;
}

/* ---- All ----------------------------------------------------------------------------------------------- */

static gboolean
read_numbers (WebSettings *s, GHashTable *values, const char **key, GError **error)
{
  const struct {
    const char *name;
    guint least, most, *number;
  } numbers[] = { { "clients", 4, 4096, &s->clients }, { "timeout", 1, 3600, &s->timeout }, { "picture-side", 64, 4096, &s->picture_side },
    { "picture-rate", 1, 60, &s->picture_rate } };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    const char *text = g_hash_table_lookup (values, numbers[i].name);

    *key = numbers[i].name;
    if (text && !read_number (text, numbers[i].least, numbers[i].most, numbers[i].number, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_all (WebSettings *s, GHashTable *values, const char **key, GError **error)
{
  const char *listen = g_hash_table_lookup (values, "listen"), *hosts = g_hash_table_lookup (values, "hosts");

  *key = "listen";
  if (!read_listen (s, listen ? listen : DEFAULT_LISTEN, error))
    return FALSE;
  *key = "hosts";
  if (!read_hosts (s, hosts ? hosts : "", error))
    return FALSE;
  return read_numbers (s, values, key, error) && read_tls (s, values, key, error) && read_token (s, values, key, error);
}

WebSettings *
web_settings_read (GHashTable *values, const char **key, GError **error)
{
  WebSettings *s = g_new0 (WebSettings, 1);

  s->clients = 64;
  s->timeout = 30;
  s->picture_side = 640;
  s->picture_rate = 10;
  if (read_all (s, values, key, error))
    return s;
  web_settings_free (s);
  return NULL;
}

void
web_settings_free (WebSettings *s)
{
  g_clear_object (&s->address);
  g_clear_object (&s->certificate);
  g_strfreev (s->hosts);
  g_free (s->token);
  g_free (s->token_file);
  g_free (s);
}
