/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "link-words.h"

#include <errno.h>
#include <mosquitto.h>
#include <netdb.h>
#include <string.h>

/* "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed" → its end */
static char *
openssl_reason (const char *log)
{
  const char *line = strstr (log, "OpenSSL Error"), *end, *colon;

  if (!line)
    return NULL;
  end = strchrnul (line, '\n');
  colon = memrchr (line, ':', end - line);
  return g_strndup (colon + 1, end - colon - 1);
}

static char *
words_of_tls (const MqttOptions *o, const char *log)
{
  g_autofree char *reason = openssl_reason (log);

  if (strstr (log, "host name verification failed"))
    return g_strdup_printf ("the broker's certificate is of another name than %s", o->host);
  if (strstr (log, "inconsistent") || strstr (log, "mismatch"))
    return g_strdup_printf ("the certificate %s and the key %s don't belong together", o->certificate, o->key);
  if (strstr (log, "Unable to load CA"))
    return g_strdup_printf ("%s holds no certificates", o->ca);
  if (strstr (log, "Unable to load client certificate"))
    return g_strdup_printf ("%s holds no certificate", o->certificate);
  if (strstr (log, "Unable to load client key"))
    return g_strdup_printf ("%s holds no key that can be used without a password", o->key);
  if (reason && strstr (reason, "certificate verify failed"))
    return o->ca ? g_strdup_printf ("the broker's certificate is not vouched for by %s, or has expired", o->ca)
        : g_strdup ("the broker's certificate is not vouched for by a CA that this machine knows, or has expired; 'ca' names another");
  if (reason && strstr (reason, "wrong version number"))
    return g_strdup ("there is no TLS on this port; without it: mqtt://");
  if (reason && strstr (reason, "certificate required") && !o->certificate)
    return g_strdup ("the broker wants a 'certificate' and a 'key'");
  if (reason && strstr (reason, "alert") && o->certificate)
    return g_strdup_printf ("the broker doesn't accept the certificate %s (%s)", o->certificate, reason);
  if (!reason || strstr (reason, "unexpected eof"))
    return o->certificate ? g_strdup_printf ("the broker ends TLS as it begins: there is no TLS on this port, or it doesn't accept the certificate %s",
        o->certificate) : g_strdup ("the broker ends TLS as it begins: there is no TLS on this port, or it wants a 'certificate' and a 'key'");
  return g_strdup_printf ("TLS failed (%s)", reason);
}

char *
mqtt_words_of (const MqttOptions *o, int result, int error, const char *log, gboolean greeting)
{
  gboolean ended = result == MOSQ_ERR_CONN_LOST || (result == MOSQ_ERR_ERRNO && (error == ECONNRESET || error == EPIPE || error == EPROTO || error == 0));

  if (result == MOSQ_ERR_EAI)
    return g_strdup_printf ("the host is not known (%s)", gai_strerror (error));
  if (result == MOSQ_ERR_TLS || *log || (o->tls && greeting && ended))
    return words_of_tls (o, log);
  if (result == MOSQ_ERR_KEEPALIVE)
    return g_strdup ("the broker has fallen silent");
  if (ended)
    return g_strdup ("the broker closed the connection");
  if (result == MOSQ_ERR_ERRNO)
    return g_strdup (g_strerror (error));
  if (result == MOSQ_ERR_PROTOCOL || result == MOSQ_ERR_MALFORMED_PACKET)
    return g_strdup ("what answers is no MQTT broker");
  return g_strdup (mosquitto_strerror (result));
}

char *
mqtt_words_of_answer (const MqttOptions *o, int answer)
{
  switch (answer) {
    case 1:
      return g_strdup ("the broker doesn't know MQTT 3.1.1");
    case 2:
      return g_strdup ("the broker refuses the 'client-id'");
    case 3:
      return g_strdup ("the broker says that it is not available");
    case 4:
    case 5:
      return o->user ? g_strdup_printf ("the broker refuses user '%s': wrong name or password, or not allowed", o->user)
          : g_strdup ("the broker lets nobody in without 'user' and 'password'");
    default:
      return g_strdup_printf ("the broker refuses the connection (%d)", answer);
  }
}
