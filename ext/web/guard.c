/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may ask what. A page of elsewhere in the same browser is a stranger, too: it may neither read (no CORS, checked names), nor show what is here,
 * nor change anything (origins, a cookie that stays on the site). */
#include <string.h>

#include "web.h"

#define MAX_BODY 4096
#define MAX_READ 65536         /* of a body that is refused */
#define MAX_URI 4096
#define SESSION_SECONDS (12 * 3600)
#define WRONG_TOKEN_MS 1000

/* ---- Names --------------------------------------------------------------------------------------------- */

/* Without its port; NULL: it is none. (transfer full) */
static char *
host_of (const char *authority)
{
  const char *end = authority[0] == '[' ? strchr (authority, ']') : strrchr (authority, ':');
  gsize n = authority[0] == '[' ? (end ? (gsize) (end - authority - 1) : 0) : end ? (gsize) (end - authority) : strlen (authority);
  g_autofree char *host = g_strndup (authority + (authority[0] == '['), n);

  return *host ? g_ascii_strdown (host, -1) : NULL;
}

/* A name that an attacker's DNS points here would make this page one of his site; an address in numbers can't be pointed. */
static gboolean
is_our_name (const Web *web, const char *authority)
{
  g_autofree char *host = host_of (authority);

  return host && (g_str_equal (host, "localhost") || g_hostname_is_ip_address (host) || g_strv_contains ((const char *const *) web->settings->hosts, host));
}

static gboolean
check_host (Web *web, SoupServerMessage *message)
{
  const char *host = soup_message_headers_get_one (soup_server_message_get_request_headers (message), "Host");

  if (host && is_our_name (web, host))
    return TRUE;
  if (host)
    web_fail (message, SOUP_STATUS_MISDIRECTED_REQUEST, "this is not asked by that name; names that it may be asked by stand in 'hosts' of [web]");
  else
    web_fail (message, SOUP_STATUS_BAD_REQUEST, "the header Host is missing");
  return FALSE;
}

/* ---- Requests -------------------------------------------------------------------------------------------- */

static void
set_headers (SoupServerMessage *message)
{
  static const char *const headers[][2] = {
    { "Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "same-origin" },       /* with none, forms of the page itself have no origin */
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
    { "Permissions-Policy", "camera=(), microphone=(), geolocation=()" },
    { "Cache-Control", "no-store" },
  };
  SoupMessageHeaders *to = soup_server_message_get_response_headers (message);

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    soup_message_headers_replace (to, headers[i][0], headers[i][1]);
}

static gboolean
check_method (SoupServerMessage *message)
{
  static const char *const methods[] = { "GET", "HEAD", "POST", NULL };

  if (g_strv_contains (methods, soup_server_message_get_method (message)))
    return TRUE;
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow", "GET, HEAD, POST");
  web_fail (message, SOUP_STATUS_METHOD_NOT_ALLOWED, "only GET, HEAD and POST are answered");
  return FALSE;
}

/* libsoup answers behind the body only, so of one that is long there is no answer. */
static void
got_chunk (SoupServerMessage *message, GBytes *chunk, gpointer bytes)
{
  *(gsize *) bytes += g_bytes_get_size (chunk);
  if (*(gsize *) bytes > MAX_READ)
    web_hang_up (message);
}

static void
skip_body (SoupServerMessage *message)
{
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Connection", "close");
  g_signal_connect_data (message, "got-chunk", G_CALLBACK (got_chunk), g_new0 (gsize, 1), (GClosureNotify) (void (*) (void)) g_free, 0);
}

/* What is behind the headers is not read into memory. */
static gboolean
check_size (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  g_autofree char *uri = g_uri_to_string (soup_server_message_get_uri (message));
  SoupEncoding encoding = soup_message_headers_get_encoding (headers);
  gboolean large = encoding == SOUP_ENCODING_CHUNKED || soup_message_headers_get_content_length (headers) > MAX_BODY;

  if (!large && strlen (uri) <= MAX_URI)
    return TRUE;
  skip_body (message);
  if (large)
    web_fail (message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "a request has at most %d bytes, and says how many", MAX_BODY);
  else
    web_fail (message, SOUP_STATUS_REQUEST_URI_TOO_LONG, "an address has at most %d bytes", MAX_URI);
  return FALSE;
}

/* Browsers say where a request comes from; who says nothing is no browser, and changes things by a token only. */
static gboolean
check_origin (Web *web, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *site = soup_message_headers_get_one (headers, "Sec-Fetch-Site"), *mode = soup_message_headers_get_one (headers, "Sec-Fetch-Mode");
  const char *origin = soup_message_headers_get_one (headers, "Origin"), *authority = origin ? strstr (origin, "://") : NULL;
  gboolean changes = g_str_equal (soup_server_message_get_method (message), "POST");
  gboolean foreign = site && !g_str_equal (site, "same-origin") && !g_str_equal (site, "none");

  foreign = foreign && (changes || g_strcmp0 (mode, "navigate") != 0);
  if (origin)
    foreign = foreign || !authority || !is_our_name (web, authority + 3);
  if (!foreign && !(changes && !site && !origin))
    return TRUE;
  web_fail (message, SOUP_STATUS_FORBIDDEN, "this is answered to the page itself, not to pages of elsewhere");
  return FALSE;
}

gboolean
web_guard_headers (Web *web, SoupServerMessage *message)
{
  web->requests++;
  set_headers (message);
  return check_host (web, message) && check_method (message) && check_size (message) && check_origin (web, message);
}

/* ---- Tokens ---------------------------------------------------------------------------------------------- */

/* Of two digests, so that time says nothing of either, not even the length. */
static gboolean
is_same (const Web *web, const char *a, const char *b)
{
  g_autofree char *x = g_compute_hmac_for_string (G_CHECKSUM_SHA256, web->secret, sizeof web->secret, a, -1);
  g_autofree char *y = g_compute_hmac_for_string (G_CHECKSUM_SHA256, web->secret, sizeof web->secret, b, -1);
  guint8 differ = 0;

  for (guint i = 0; x[i]; i++)
    differ |= (guint8) (x[i] ^ y[i]);
  return differ == 0;
}

/* Until when, and a signature of it: the token itself is in no cookie, and an end of the process is an end of all. */
static char *
make_session (const Web *web, gint64 until)
{
  g_autofree char *text = g_strdup_printf ("session %" G_GINT64_FORMAT, until);
  g_autofree char *signature = g_compute_hmac_for_string (G_CHECKSUM_SHA256, web->secret, sizeof web->secret, text, -1);

  return g_strdup_printf ("%" G_GINT64_FORMAT ".%s", until, signature);
}

static gboolean
session_is_good (const Web *web, const char *value)
{
  gint64 until = g_ascii_strtoll (value, NULL, 10);
  g_autofree char *good = make_session (web, until);

  return is_same (web, value, good) && until > g_get_real_time () / G_USEC_PER_SEC;
}

/* Cookies know no ports. */
static char *
cookie_name (const Web *web)
{
  return g_strdup_printf ("bitmar-%u", web->port);
}

static gboolean
has_session (const Web *web, SoupServerMessage *message)
{
  const char *header = soup_message_headers_get_list (soup_server_message_get_request_headers (message), "Cookie");
  g_auto (GStrv) cookies = g_strsplit (header ? header : "", ";", 32);
  g_autofree char *name = cookie_name (web);

  for (guint i = 0; cookies[i]; i++) {
    char *cookie = g_strstrip (cookies[i]);

    if (g_str_has_prefix (cookie, name) && cookie[strlen (name)] == '=' && session_is_good (web, cookie + strlen (name) + 1))
      return TRUE;
  }
  return FALSE;
}

static gboolean
has_token (const Web *web, SoupServerMessage *message)
{
  const char *header = soup_message_headers_get_one (soup_server_message_get_request_headers (message), "Authorization");

  return header && g_ascii_strncasecmp (header, "Bearer ", 7) == 0 && is_same (web, header + 7, web->settings->token);
}

/* Relative, so that a proxy may have the page below a path of its own. */
static void
lead_to (SoupServerMessage *message, const char *where)
{
  soup_server_message_set_status (message, SOUP_STATUS_SEE_OTHER, NULL);
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Location", where);
}

gboolean
web_guard_access (Web *web, SoupServerMessage *message, WebAccess access)
{
  if (access == WEB_OPEN || !web->settings->token || has_token (web, message) || has_session (web, message))
    return TRUE;
  if (access == WEB_PAGE) {
    lead_to (message, "login");
    return FALSE;
  }
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "WWW-Authenticate", "Bearer realm=\"bitmar\"");
  web_fail (message, SOUP_STATUS_UNAUTHORIZED, "a token is needed: Authorization: Bearer TOKEN, or the form at /login");
  return FALSE;
}

/* ---- Login ----------------------------------------------------------------------------------------------- */

static void
set_cookie (const Web *web, SoupServerMessage *message, const char *value, int seconds)
{
  g_autofree char *name = cookie_name (web);
  g_autofree char *cookie = g_strdup_printf ("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", name, value, seconds,
      web->settings->certificate ? "; Secure" : "");

  soup_message_headers_append (soup_server_message_get_response_headers (message), "Set-Cookie", cookie);
}

static gboolean
answer_late (gpointer data)
{
  soup_server_message_unpause (data);
  return G_SOURCE_REMOVE;
}

/* Who guesses waits. */
static void
refuse_late (Web *web, SoupServerMessage *message)
{
  GSource *source = g_timeout_source_new (WRONG_TOKEN_MS);

  lead_to (message, "login?wrong=1");
  soup_server_message_pause (message);
  g_source_set_callback (source, answer_late, g_object_ref (message), g_object_unref);
  g_source_attach (source, web->context);
  g_source_unref (source);
}

void
web_login (WebRequest *request)
{
  Web *web = request->web;
  g_autoptr (GBytes) body = soup_message_body_flatten (soup_server_message_get_request_body (request->message));
  gsize size;
  const char *data = g_bytes_get_data (body, &size);
  g_autofree char *text = g_strndup (data ? data : "", size), *session = NULL;
  g_autoptr (GHashTable) form = soup_form_decode (text);
  const char *token = g_hash_table_lookup (form, "token");
  g_autofree char *given = g_strstrip (g_strdup (token ? token : ""));

  if (web->settings->token && !is_same (web, given, web->settings->token)) {
    refuse_late (web, request->message);
    return;
  }
  session = make_session (web, g_get_real_time () / G_USEC_PER_SEC + SESSION_SECONDS);
  set_cookie (web, request->message, session, SESSION_SECONDS);
  lead_to (request->message, "./");
}

void
web_logout (WebRequest *request)
{
  set_cookie (request->web, request->message, "", 0);
  lead_to (request->message, "login");
}
