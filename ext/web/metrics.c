/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prometheus' text format, 0.0.4. What elements count begins anew whenever a camera's pipeline does, as counters may. */
#include <stdio.h>
#include <unistd.h>

#include "web.h"

typedef struct {
  const char *name, *type, *help, *element, *field;
  double divisor;
} Figure;

static const Figure figures[] = {
  { "bitmar_frames_total", "counter", "Frames that came from the camera.", "encode", "frames-in", 1 },
  { "bitmar_looks_total", "counter", "Frames that were looked at.", "encode", "frames-encoded", 1 },
  { "bitmar_looks_skipped_total", "counter", "Frames that were due and overtaken by a newer one.", "encode", "frames-skipped", 1 },
  { "bitmar_look_seconds_p50", "gauge", "Time of a look, median.", "encode", "encode-p50", 1e6 },
  { "bitmar_look_seconds_p95", "gauge", "Time of a look, 95th percentile.", "encode", "encode-p95", 1e6 },
  { "bitmar_caption_seconds_p50", "gauge", "Time of a caption, median.", "caption", "caption-p50", 1e6 },
  { "bitmar_caption_seconds_p95", "gauge", "Time of a caption, 95th percentile.", "caption", "caption-p95", 1e6 },
  { "bitmar_captions_unsure_total", "counter", "Captions that were held back, since the model was not sure.", "caption", "unsure", 1 },
  { "bitmar_memory_slots_used", "gauge", "Slots of the memory in use.", "memory", "slots-used", 1 },
  { "bitmar_memory_snapshots_total", "counter", "Times that the memory was saved.", "memory", "snapshots", 1 },
  { "bitmar_memory_snapshots_failed_total", "counter", "Times that the memory could not be saved.", "memory", "snapshots-failed", 1 },
  { "bitmar_alerts_active", "gauge", "Alerts that go on.", "memory", "alerts-active", 1 },
  { "bitmar_log_written_total", "counter", "Events that are in the log.", "memory", "log-written", 1 },
  { "bitmar_log_dropped_total", "counter", "Events that were lost, since the log could not be written for long.", "memory", "log-dropped", 1 },
  { "bitmar_log_queued", "gauge", "Events that wait to be written.", "memory", "log-queued", 1 },
};

static void
head (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_escaped (GString *text, const char *value)
{
  for (; *value; value++) {
    if (*value == '\\' || *value == '"')
      g_string_append_c (text, '\\');
    if (*value == '\n')
      g_string_append (text, "\\n");
    else
      g_string_append_c (text, *value);
  }
}

static void
add_number (GString *text, double x)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (text, g_ascii_dtostr (buffer, sizeof buffer, x));
  g_string_append_c (text, '\n');
}

/* label NULL: none */
static void
sample (GString *text, const char *name, const char *label, const char *value, double x)
{
  g_string_append (text, name);
  if (label) {
    g_string_append_printf (text, "{%s=\"", label);
    add_escaped (text, value);
    g_string_append (text, "\"}");
  }
  g_string_append_c (text, ' ');
  add_number (text, x);
}

static gboolean
number_of (const GstStructure *s, const char *field, double *x)
{
  const GValue *value = gst_structure_get_value (s, field);
  GValue number = G_VALUE_INIT;

  if (!value)
    return FALSE;
  g_value_init (&number, G_TYPE_DOUBLE);
  if (!g_value_transform (value, &number))
    return FALSE;
  *x = g_value_get_double (&number);
  return TRUE;
}

static void
add_figure (GString *text, const Web *web, const Figure *figure, GstStructure *const *stats)
{
  head (text, figure->name, figure->type, figure->help);
  for (guint i = 0; i < web->host->n_cameras; i++) {
    const GValue *element = stats[i] ? gst_structure_get_value (stats[i], figure->element) : NULL;
    double x;

    if (element && number_of (gst_value_get_structure (element), figure->field, &x))
      sample (text, figure->name, "camera", web->cameras[i].name, x / figure->divisor);
  }
}

static void
add_elements (GString *text, const Web *web)
{
  GstStructure **stats = g_new0 (GstStructure *, web->host->n_cameras);

  for (guint i = 0; i < web->host->n_cameras; i++)
    stats[i] = web->host->stats (web->host, i);
  for (guint i = 0; i < G_N_ELEMENTS (figures); i++)
    add_figure (text, web, &figures[i], stats);
  for (guint i = 0; i < web->host->n_cameras; i++)
    g_clear_pointer (&stats[i], gst_structure_free);
  g_free (stats);
}

static void
add_cameras (GString *text, const Web *web)
{
  static const struct {
    const char *name, *type, *help;
    gsize offset;
  } counts[] = {
    { "bitmar_captions_total", "counter", "Captions that were told.", G_STRUCT_OFFSET (WebCamera, captions) },
    { "bitmar_alerts_total", "counter", "Alerts that have started.", G_STRUCT_OFFSET (WebCamera, alerts) },
    { "bitmar_camera_losses_total", "counter", "Times that the camera went away.", G_STRUCT_OFFSET (WebCamera, losses) },
  };

  head (text, "bitmar_camera_up", "gauge", "1 while frames come from the camera.");
  for (guint i = 0; i < web->host->n_cameras; i++)
    sample (text, "bitmar_camera_up", "camera", web->cameras[i].name, g_str_equal (web->cameras[i].state, "watching"));
  for (guint k = 0; k < G_N_ELEMENTS (counts); k++) {
    head (text, counts[k].name, counts[k].type, counts[k].help);
    for (guint i = 0; i < web->host->n_cameras; i++)
      sample (text, counts[k].name, "camera", web->cameras[i].name, (double) G_STRUCT_MEMBER (guint64, &web->cameras[i], counts[k].offset));
  }
  head (text, "bitmar_camera_viewers", "gauge", "Readers of the camera's live pictures.");
  for (guint i = 0; i < web->host->n_cameras; i++)
    sample (text, "bitmar_camera_viewers", "camera", web->cameras[i].name, web_pictures_count (web->pictures, i));
}

static double
resident_bytes (void)
{
  g_autofree char *text = NULL;
  unsigned long pages = 0;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL) || sscanf (text, "%*u %lu", &pages) != 1)
    return 0;
  return (double) pages * (double) sysconf (_SC_PAGESIZE);
}

static void
add_one (GString *text, const char *name, const char *type, const char *help, double x)
{
  head (text, name, type, help);
  sample (text, name, NULL, NULL, x);
}

static void
add_process (GString *text, Web *web)
{
  head (text, "bitmar_build_info", "gauge", "1; the release is in the label.");
  sample (text, "bitmar_build_info", "release", VERSION, 1);
  head (text, "bitmar_model_info", "gauge", "1; the model's SHA-256 is in the label.");
  sample (text, "bitmar_model_info", "model", bitmar_model_get_id (web->host->model), 1);
  add_one (text, "bitmar_log_works", "gauge", "1 while the event log takes what it is given.", web_log_works (web));
  add_one (text, "bitmar_web_requests_total", "counter", "Requests of this server.", (double) web->requests);
  add_one (text, "bitmar_web_connections", "gauge", "Connections to this server.", *web->connections);
  add_one (text, "bitmar_web_streams", "gauge", "Answers that go on: events and pictures.", web->channels->len);
  add_one (text, "bitmar_web_refused_total", "counter", "Connections that were refused, since there were too many.", (double) web->refused);
  add_one (text, "bitmar_web_dropped_total", "counter", "Events that slow readers have missed.", (double) web->dropped);
  add_one (text, "process_start_time_seconds", "gauge", "When the program began, since 1970.", (double) web->started / 1e9);
  add_one (text, "process_resident_memory_bytes", "gauge", "Memory of the program.", resident_bytes ());
}

void
web_get_metrics (WebRequest *request)
{
  static const char *const none[] = { NULL };
  GString *text;

  if (!web_only_has (request, none))
    return;
  text = g_string_new (NULL);
  add_process (text, request->web);
  add_cameras (text, request->web);
  add_elements (text, request->web);
  web_respond (request->message, SOUP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", text->str, (gssize) text->len);
  g_string_free (text, TRUE);
}
