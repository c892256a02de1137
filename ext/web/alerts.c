/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alerts that go on, and those that have ended: history.c keeps them over an end of the program. */
#include "web.h"

void
web_alert_free (gpointer data)
{
  WebAlert *alert = data;

  g_free (alert->camera);
  g_free (alert->name);
  g_free (alert->sentence);
  g_free (alert);
}

static WebAlert *
find_active (const Web *web, const char *camera, const char *name)
{
  for (guint i = web->alerts->len; i-- > 0;) {
    WebAlert *alert = web->alerts->pdata[i];

    if (alert->active && g_str_equal (alert->camera, camera) && g_str_equal (alert->name, name))
      return alert;
  }
  return NULL;
}

/* The oldest that has ended goes first. */
static void
make_room (Web *web)
{
  for (guint i = 0; i < web->alerts->len && web->alerts->len >= WEB_RECENT_ALERTS; i++)
    if (!((WebAlert *) web->alerts->pdata[i])->active)
      g_ptr_array_remove_index (web->alerts, i--);
}

void
web_alerts_add (Web *web, WebAlert *alert)
{
  make_room (web);
  alert->number = ++web->last_alert;
  g_ptr_array_add (web->alerts, alert);
}

static void
finish (WebAlert *alert, gint64 utc, gboolean cut)
{
  alert->active = FALSE;
  alert->end = MAX (utc, alert->start);
  alert->cut = cut;
}

static void
start (Web *web, const WebEvent *event, const char *name)
{
  const char *sentence = gst_structure_get_string (event->fields, "sentence"), *camera = web->cameras[event->camera].name;
  WebAlert *alert = find_active (web, camera, name);

  web->cameras[event->camera].alerts++;
  if (alert)                   /* its end did not come */
    finish (alert, event->utc, TRUE);
  alert = g_new0 (WebAlert, 1);
  *alert = (WebAlert) { .camera = g_strdup (camera), .name = g_strdup (name), .sentence = g_strdup (sentence ? sentence : ""), .start = event->utc,
    .end = -1, .active = TRUE };
  gst_structure_get_double (event->fields, "score", &alert->score);
  gst_structure_get_double (event->fields, "peak", &alert->peak);
  web_alerts_add (web, alert);
  web_history_changed (web->history);
}

static void
end (Web *web, const WebEvent *event, const char *name)
{
  WebAlert *alert = find_active (web, web->cameras[event->camera].name, name);

  if (!alert)
    return;
  finish (alert, event->utc, FALSE);
  gst_structure_get_double (event->fields, "peak", &alert->peak);
  web_history_changed (web->history);
}

/* camera NULL: of all */
static void
cut (Web *web, const char *camera, gint64 utc)
{
  for (guint i = 0; i < web->alerts->len; i++) {
    WebAlert *alert = web->alerts->pdata[i];

    if (!alert->active || (camera && !g_str_equal (alert->camera, camera)))
      continue;
    finish (alert, utc, TRUE);
    web_history_changed (web->history);
  }
}

void
web_alerts_finish (Web *web)
{
  cut (web, NULL, g_get_real_time () * 1000);
}

void
web_alerts_note (Web *web, const WebEvent *event)
{
  const char *name, *kind;

  if (event->kind == BWO_STATE && !g_str_equal (event->state, "watching"))
    cut (web, web->cameras[event->camera].name, event->utc);
  if (event->kind != BWO_ALERT)
    return;
  name = gst_structure_get_string (event->fields, "name");
  kind = gst_structure_get_string (event->fields, "kind");
  if (name && g_strcmp0 (kind, "start") == 0)
    start (web, event, name);
  else if (name && g_strcmp0 (kind, "end") == 0)
    end (web, event, name);
}

static JsonObject *
alert_json (const WebAlert *alert)
{
  JsonObject *object = json_object_new ();

  web_json_set_text (object, "camera", alert->camera);
  web_json_set_text (object, "name", alert->name);
  web_json_set_text (object, "sentence", alert->sentence);
  json_object_set_boolean_member (object, "active", alert->active);
  web_json_set_time (object, "start", alert->start);
  web_json_set_time (object, "end", alert->end);
  json_object_set_double_member (object, "score", web_rounded (alert->score));
  json_object_set_double_member (object, "peak", web_rounded (alert->peak));
  json_object_set_boolean_member (object, "camera-went-away", alert->cut);
  if (alert->event > 0)
    json_object_set_int_member (object, "event", alert->event);
  else
    json_object_set_null_member (object, "event");
  return object;
}

/* The newest first, those that go on before the others. */
void
web_get_alerts (WebRequest *request)
{
  static const char *const none[] = { NULL };
  const Web *web = request->web;
  JsonArray *alerts;
  JsonObject *object;

  if (!web_only_has (request, none))
    return;
  alerts = json_array_new ();
  for (int active = 1; active >= 0; active--)
    for (guint i = web->alerts->len; i-- > 0;)
      if (((WebAlert *) web->alerts->pdata[i])->active == active)
        json_array_add_object_element (alerts, alert_json (web->alerts->pdata[i]));
  object = web_json_new ();
  json_object_set_array_member (object, "alerts", alerts);
  web_respond_json (request->message, SOUP_STATUS_OK, object);
}
