/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "options.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "bitmar.h"
#include "watch-value.h"

#define MIN_QUEUE 65536
#define MAX_QUEUE 1000000000
#define MAX_TEXT 256           /* bytes of a prefix, a name */

const char *const mqtt_keys[] = { "broker", "user", "password", "password-file", "ca", "certificate", "key", "topic", "client-id", "qos", "retain",
  "queue", "queue-file", "homeassistant", "homeassistant-topic", NULL };

typedef struct {
  GHashTable *values;
  const char **key;
  GError **error;
} Reader;

static gboolean G_GNUC_PRINTF (3, 4)
refuse (Reader *r, const char *key, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  *r->key = key;
  g_set_error_literal (r->error, BITMAR_ERROR, BITMAR_ERROR_PARAMETER, text);
  return FALSE;
}

/* ---- Broker ------------------------------------------------------------------------------------------ */

static gboolean
read_scheme (Reader *r, MqttOptions *o, GUri *uri, const char *text)
{
  const char *scheme = g_uri_get_scheme (uri);

  o->tls = g_str_equal (scheme, "mqtts");
  if (!o->tls && !g_str_equal (scheme, "mqtt"))
    return refuse (r, "broker", "'%s' is neither mqtt://HOST nor mqtts://HOST", text);
  o->port = g_uri_get_port (uri) > 0 ? g_uri_get_port (uri) : o->tls ? 8883 : 1883;
  return TRUE;
}

static gboolean
read_broker (Reader *r, MqttOptions *o)
{
  const char *text = g_hash_table_lookup (r->values, "broker");
  g_autoptr (GUri) uri = NULL;

  if (!text)
    return refuse (r, NULL, "its 'broker' is missing: mqtt://HOST or mqtts://HOST");
  uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);
  if (!uri || !g_uri_get_host (uri) || !*g_uri_get_host (uri))
    return refuse (r, "broker", "it must be mqtt://HOST, mqtts://HOST or one of them with :PORT");
  if (g_uri_get_userinfo (uri))
    return refuse (r, "broker", "'user' and 'password' are keys of their own");
  if (g_uri_get_query (uri) || g_uri_get_fragment (uri) || strlen (g_uri_get_path (uri)) > 1 || g_uri_get_port (uri) == 0)
    return refuse (r, "broker", "'%s' has more than a host and a port", text);
  o->host = g_strdup (g_uri_get_host (uri));
  return read_scheme (r, o, uri, text);
}

/* ---- Words ------------------------------------------------------------------------------------------- */

static gboolean
has_control (const char *text)
{
  for (; *text; text = g_utf8_next_char (text))
    if (g_unichar_iscntrl (g_utf8_get_char (text)))
      return TRUE;
  return FALSE;
}

static gboolean
read_text (Reader *r, const char *key, const char *other, char **to)
{
  const char *text = g_hash_table_lookup (r->values, key);

  if (!text) {
    *to = g_strdup (other);
    return TRUE;
  }
  if (!*text || strlen (text) > MAX_TEXT || has_control (text))
    return refuse (r, key, "it must be 1 to %d bytes without control characters", MAX_TEXT);
  *to = g_strdup (text);
  return TRUE;
}

static gboolean
read_topic (Reader *r, const char *key, const char *other, char **to)
{
  if (!read_text (r, key, other, to))
    return FALSE;
  if (strpbrk (*to, "#+") || (*to)[0] == '$' || (*to)[0] == '/' || g_str_has_suffix (*to, "/") || strstr (*to, "//"))
    return refuse (r, key, "'%s' is no topic: no '#' and '+', no '$' at its begin, no empty level", *to);
  return TRUE;
}

/* ---- Files ------------------------------------------------------------------------------------------- */

/* Whoever runs `bitmar watch` may do so from anywhere, and the module doesn't know where its file lies. */
static gboolean
read_path (Reader *r, const char *key, char **path)
{
  const char *text = g_hash_table_lookup (r->values, key);

  if (!text)
    return TRUE;
  if (!g_path_is_absolute (text))
    return refuse (r, key, "'%s' is no absolute path", text);
  *path = g_strdup (text);
  return TRUE;
}

static gboolean
read_file (Reader *r, const char *key, char **path)
{
  if (!read_path (r, key, path))
    return FALSE;
  if (*path && (!g_file_test (*path, G_FILE_TEST_IS_REGULAR) || g_access (*path, R_OK) < 0))
    return refuse (r, key, "%s can't be read", *path);
  return TRUE;
}

static gboolean
read_tls (Reader *r, MqttOptions *o)
{
  if (!read_file (r, "ca", &o->ca) || !read_file (r, "certificate", &o->certificate) || !read_file (r, "key", &o->key))
    return FALSE;
  if (!o->tls && (o->ca || o->certificate || o->key))
    return refuse (r, o->ca ? "ca" : o->certificate ? "certificate" : "key", "without mqtts:// nothing is encrypted");
  if (!o->certificate != !o->key)
    return refuse (r, o->key ? "key" : "certificate", "'certificate' and 'key' belong together");
  return TRUE;
}

static gboolean
read_password (Reader *r, MqttOptions *o)
{
  o->password = g_strdup (g_hash_table_lookup (r->values, "password"));
  if (!read_text (r, "user", NULL, &o->user) || !read_file (r, "password-file", &o->password_file))
    return FALSE;
  if (o->password && o->password_file)
    return refuse (r, "password-file", "there is a 'password', too");
  if (!o->user && (o->password || o->password_file))
    return refuse (r, o->password ? "password" : "password-file", "it needs a 'user'");
  return TRUE;
}

/* ---- Others ------------------------------------------------------------------------------------------ */

static gboolean
read_switch (Reader *r, const char *key, gboolean other, gboolean *to)
{
  const char *text = g_hash_table_lookup (r->values, key);

  *to = text ? g_str_equal (text, "yes") : other;
  if (text && !*to && !g_str_equal (text, "no"))
    return refuse (r, key, "'%s' is neither yes nor no", text);
  return TRUE;
}

static gboolean
read_qos (Reader *r, MqttOptions *o)
{
  const char *text = g_hash_table_lookup (r->values, "qos");

  o->qos = 1;
  if (!text)
    return TRUE;
  if (strlen (text) != 1 || *text < '0' || *text > '2')
    return refuse (r, "qos", "'%s' is not 0, 1 or 2", text);
  o->qos = *text - '0';
  return TRUE;
}

static gboolean
read_queue (Reader *r, MqttOptions *o)
{
  const char *size = g_hash_table_lookup (r->values, "queue"), *file = g_hash_table_lookup (r->values, "queue-file");

  o->queue = 16000000;
  if (size && (!watch_value_bytes (size, &o->queue) || o->queue < MIN_QUEUE || o->queue > MAX_QUEUE))
    return refuse (r, "queue", "'%s' is no size from 66 kB to 1 GB", size);
  o->store = !file || !g_str_equal (file, "none");
  return !o->store || read_path (r, "queue-file", &o->queue_file);
}

gboolean
mqtt_options_read (MqttOptions *o, GHashTable *values, const char **key, GError **error)
{
  Reader r = { .values = values, .key = key, .error = error };

  *o = (MqttOptions) { 0 };
  return read_broker (&r, o) && read_tls (&r, o) && read_password (&r, o)
      && read_topic (&r, "topic", "bitmar", &o->topic) && read_text (&r, "client-id", NULL, &o->client_id) && read_qos (&r, o)
      && read_switch (&r, "retain", TRUE, &o->retain) && read_queue (&r, o) && read_switch (&r, "homeassistant", FALSE, &o->homeassistant)
      && read_topic (&r, "homeassistant-topic", "homeassistant", &o->homeassistant_topic);
}

void
mqtt_options_clear (MqttOptions *o)
{
  g_free (o->host);
  g_free (o->user);
  g_free (o->password);
  g_free (o->password_file);
  g_free (o->ca);
  g_free (o->certificate);
  g_free (o->key);
  g_free (o->topic);
  g_free (o->client_id);
  g_free (o->queue_file);
  g_free (o->homeassistant_topic);
  *o = (MqttOptions) { 0 };
}
