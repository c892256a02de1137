/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "web.h"

#define RESOURCES "/bitmar/web/"
#define V1 "/api/v1"

typedef struct {
  const char *path;            /* ends with a slash: all below it */
  gboolean post;
  WebAccess access;
  void (*answer) (WebRequest *request);
} Route;

static const char *
type_of (const char *name)
{
  return g_str_has_suffix (name, ".html") ? "text/html; charset=utf-8" : g_str_has_suffix (name, ".css") ? "text/css; charset=utf-8"
      : g_str_has_suffix (name, ".js") ? "text/javascript; charset=utf-8" : "image/svg+xml";
}

static void
respond_file (WebRequest *request, const char *name)
{
  g_autofree char *path = g_strconcat (RESOURCES, name, NULL);
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  gsize size;
  const char *data;

  if (!bytes) {
    web_fail (request->message, SOUP_STATUS_NOT_FOUND, "there is nothing here");
    return;
  }
  data = g_bytes_get_data (bytes, &size);
  soup_message_headers_replace (soup_server_message_get_response_headers (request->message), "Cache-Control", "no-cache");
  web_respond (request->message, SOUP_STATUS_OK, type_of (name), data, (gssize) size);
}

static void
get_page (WebRequest *request)
{
  respond_file (request, "index.html");
}

static void
get_asset (WebRequest *request)
{
  respond_file (request, strchr (request->path, '/') ? "" : request->path);
}

static void
get_icon (WebRequest *request)
{
  respond_file (request, "icon.svg");
}

static void
get_login (WebRequest *request)
{
  respond_file (request, web_parameter (request, "wrong") ? "login-wrong.html" : "login.html");
}

static const Route routes[] = {
  { "/", FALSE, WEB_PAGE, get_page },
  { "/login", FALSE, WEB_OPEN, get_login },
  { "/login", TRUE, WEB_OPEN, web_login },
  { "/logout", TRUE, WEB_OPEN, web_logout },
  { "/favicon.ico", FALSE, WEB_OPEN, get_icon },
  { "/assets/", FALSE, WEB_OPEN, get_asset },
  { "/live", FALSE, WEB_OPEN, web_get_live },
  { "/ready", FALSE, WEB_OPEN, web_get_ready },
  { "/metrics", FALSE, WEB_DATA, web_get_metrics },
  { "/cameras/", FALSE, WEB_DATA, web_get_camera_pictures },
  { V1, FALSE, WEB_DATA, web_get_info },
  { V1 "/cameras", FALSE, WEB_DATA, web_get_cameras },
  { V1 "/events", FALSE, WEB_DATA, web_get_events },
  { V1 "/events/", FALSE, WEB_DATA, web_get_event },
  { V1 "/alerts", FALSE, WEB_DATA, web_get_alerts },
  { V1 "/stream", FALSE, WEB_DATA, web_get_stream },
  { V1 "/pictures", FALSE, WEB_DATA, web_get_pictures },
};

/* rest: behind the route's own path. */
static gboolean
leads_to (const Route *route, const char *path, const char **rest)
{
  gsize n = strlen (route->path);

  *rest = path + n;
  return n > 1 && route->path[n - 1] == '/' ? g_str_has_prefix (path, route->path) && path[n] : g_str_equal (path, route->path);
}

static void
refuse (SoupServerMessage *message, const char *allowed)
{
  if (allowed) {
    soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow", allowed);
    web_fail (message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this is asked with %s", allowed);
  } else {
    web_fail (message, SOUP_STATUS_NOT_FOUND, "there is nothing here; docs/web.md lists what there is");
  }
}

static void
handle (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  WebRequest request = { .web = data, .message = message, .query = query };
  gboolean post = g_str_equal (soup_server_message_get_method (message), "POST");
  const char *allowed = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (!leads_to (&routes[i], path, &request.path))
      continue;
    allowed = routes[i].post ? "POST" : "GET, HEAD";
    if (routes[i].post != post)
      continue;
    if (web_guard_access (request.web, message, routes[i].access))
      routes[i].answer (&request);
    return;
  }
  refuse (message, allowed);
}

static void
handle_headers (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  web_guard_headers (data, message);
}

void
web_add_routes (Web *web)
{
  soup_server_add_early_handler (web->server, NULL, handle_headers, web, NULL);
  soup_server_add_handler (web->server, NULL, handle, web, NULL);
}
