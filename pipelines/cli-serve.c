/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar serve: sources by RTSP, with captions and alerts as ONVIF metadata beside the video. */

#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <string.h>

#include "bitmar-rtsp.h"
#include "cli.h"
#include "intake.h"
#include "module.h"
#include "serve-options.h"

static const char summary[] =
    "Serves cameras and files by RTSP: each has its video, as it comes where RTP has a form for it, and beside it an ONVIF metadata track\n"
    "(tt:MetadataStream) with captions and alerts. NAME=SOURCE names the address, rtsp://127.0.0.1:8554/NAME; without NAME it is that of the\n"
    "file, or \"camera\". A file begins again at its end.";
static const char description[] =
    "Output: the address of each source. What happens to them goes to standard error. One that goes away is asked for until it is back; who\n"
    "watches it is told that the stream has ended, and others are served on.\n"
    "\n"
    "Only this machine is served, unless --address says otherwise; then --user and --password-file are needed. With --certificate and --key\n"
    "all goes by TLS (rtsps://). Without, the password is not sent (digest), but video and captions go as they are.\n"
    "\n"
    "Example:\n"
    "  bitmar serve yard=rtsp://user:password@10.0.0.12/stream1 --alert \"visitor: a person at a door for 1s hold 5s\"\n"
    "\n"
    "Exit status: 0 stopped by SIGTERM; 2 wrong usage, or it can't listen there; 3 the model can't be loaded; 130 interrupted.\n";

typedef struct {
  ServeOptions options;
  GMainLoop *loop;
  int status;
  const BitmarRtspTable *rtsp;
  BitmarRtspServer *server;
} Serve;

typedef struct {
  Serve *serve;
  IntakeOptions options;
  char *name, *input;
  BitmarRtspMount *mount;
  Intake *intake;
  GMutex lock;
  GstElement *onvif;           /* with the lock: of the pipeline that plays, or NULL */
} Source;

/* ---- A source ---------------------------------------------------------------------------------------- */

static char *
describe (const GstCaps *caps, gpointer data)
{
  return g_strdup ("video. ! appsink name=v sync=false async=false emit-signals=true  "
      "c.json_src ! bitmaronvif name=o ! appsink name=m sync=false async=false emit-signals=true");
}

/* Upstream: an encoder makes a key frame, bitmaronvif says what is current. */
static void
ask_for_key (GstElement *sink)
{
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_push_event (pad, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
  gst_object_unref (pad);
}

/* NULL: no pipeline plays. (transfer full) */
static GstElement *
ref_onvif (Source *s)
{
  GstElement *onvif;

  g_mutex_lock (&s->lock);
  onvif = s->onvif ? gst_object_ref (s->onvif) : NULL;
  g_mutex_unlock (&s->lock);
  return onvif;
}

static void
greet (Source *s, GstElement *video)
{
  GstElement *onvif = ref_onvif (s);

  ask_for_key (video);
  if (onvif)
    gst_element_send_event (onvif, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
  gst_clear_object (&onvif);
}

static GstFlowReturn
take_video (GstAppSink *sink, gpointer data)
{
  Source *s = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  if (!sample)
    return GST_FLOW_OK;
  if (s->serve->rtsp->push_video (s->mount, sample, gst_element_get_base_time (GST_ELEMENT (sink))))
    greet (s, GST_ELEMENT (sink));
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static GstFlowReturn
take_metadata (GstAppSink *sink, gpointer data)
{
  Source *s = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  if (!sample)
    return GST_FLOW_OK;
  s->serve->rtsp->push_metadata (s->mount, sample, gst_element_get_base_time (GST_ELEMENT (sink)));
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static void
prepare (GstElement *bin, gpointer data)
{
  Source *s = data;
  GstElement *video = gst_bin_get_by_name (GST_BIN (bin), "v"), *metadata = gst_bin_get_by_name (GST_BIN (bin), "m");

  g_signal_connect (video, "new-sample", G_CALLBACK (take_video), s);
  g_signal_connect (metadata, "new-sample", G_CALLBACK (take_metadata), s);
  gst_object_unref (video);
  gst_object_unref (metadata);
  g_mutex_lock (&s->lock);
  s->onvif = gst_bin_get_by_name (GST_BIN (bin), "o");
  g_mutex_unlock (&s->lock);
}

static char *
over (gpointer data)
{
  Source *s = data;

  g_mutex_lock (&s->lock);
  gst_clear_object (&s->onvif);
  g_mutex_unlock (&s->lock);
  return NULL;
}

static void
handle_message (GstMessage *message, gpointer data)
{
  Source *s = data;
  GstElement *onvif;
  gboolean taken;

  if (!gst_message_has_name (message, "bitmar-alert"))
    return;
  onvif = ref_onvif (s);
  if (onvif)
    g_signal_emit_by_name (onvif, "alert", gst_message_get_structure (message), &taken);
  gst_clear_object (&onvif);
}

static void
tick (gpointer data)
{
}

static void
state_changed (IntakeState state, const char *why, gpointer data)
{
  static const char *const names[] = { "connecting", "serving", "waiting", "ended", "not served" };
  Source *s = data;
  g_autofree char *told = cli_harmless (why ? why : "");

  if (state != INTAKE_RUNNING && state != INTAKE_CONNECTING)
    s->serve->rtsp->stop (s->mount);
  if (!s->serve->options.quiet && state != INTAKE_CONNECTING)
    fprintf (stderr, "bitmar serve: %s: %s%s%s%s\n", s->name, names[state], why ? " (" : "", told, why ? ")" : "");
}

static Source *
source_new (Serve *serve, const char *word)
{
  const ServeOptions *o = &serve->options;
  const char *equals = strchr (word, '=');
  gsize n = strspn (word, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.");
  gboolean named = equals && n > 0 && n <= 64 && word + n == equals;
  Source *s = g_new0 (Source, 1);

  s->serve = serve;
  g_mutex_init (&s->lock);
  s->name = named ? g_strndup (word, n) : intake_make_name (word);
  s->input = g_strdup (named ? equals + 1 : word);
  s->options = (IntakeOptions) { .input = s->input, .name = s->name, .pass = BITMAR_RTSP_PASS, .paced = TRUE, .repeat = TRUE,
    .burn_in = o->burn_in, .model_path = o->model_path, .prompt = o->prompt, .alerts = o->rules, .min_confidence = o->min_confidence,
    .interval = o->interval };
  return s;
}

static void
source_free (gpointer data)
{
  Source *s = data;

  g_clear_pointer (&s->intake, intake_free);
  gst_clear_object (&s->onvif);
  g_mutex_clear (&s->lock);
  g_free (s->name);
  g_free (s->input);
  g_free (s);
}

/* ---- Command ----------------------------------------------------------------------------------------- */

static gboolean
interrupted (gpointer data)
{
  Serve *serve = data;

  serve->status = CLI_INTERRUPTED;
  g_main_loop_quit (serve->loop);
  /* A second one ends the process, whatever it waits for. */
  return G_SOURCE_REMOVE;
}

static gboolean
terminated (gpointer data)
{
  g_main_loop_quit (((Serve *) data)->loop);
  return G_SOURCE_REMOVE;
}

static int
complain (int status, const char *text)
{
  g_autofree char *told = cli_harmless (text);

  fprintf (stderr, "bitmar serve: %s\n", told);
  if (status == CLI_USAGE)
    fprintf (stderr, "Try \"bitmar serve --help\".\n");
  return status;
}

static const char *
find_twin (GPtrArray *sources)
{
  for (guint i = 0; i < sources->len; i++)
    for (guint j = 0; j < i; j++)
      if (g_str_equal (((Source *) sources->pdata[i])->name, ((Source *) sources->pdata[j])->name))
        return ((Source *) sources->pdata[i])->name;
  return NULL;
}

/* NULL, and *wrong says why (transfer full). */
static GPtrArray *
make_sources (Serve *serve, char **words, char **wrong)
{
  GPtrArray *sources = g_ptr_array_new_with_free_func (source_free);
  const char *twin;

  for (; *words; words++) {
    Source *s = source_new (serve, *words);

    g_ptr_array_add (sources, s);
    if (!*s->input)
      *wrong = g_strdup_printf ("%s: there is no source behind the '='", *words);
  }
  twin = find_twin (sources);
  if (twin && !*wrong)
    *wrong = g_strdup_printf ("two sources are called '%s': name one of them otherwise, NAME=SOURCE", twin);
  if (*wrong)
    g_clear_pointer (&sources, g_ptr_array_unref);
  return sources;
}

static gboolean
find_elements (GError **error)
{
  static const char *const elements[] = { "bitmaronvif", "rtpbitmaronvifpay" };

  cli_find_plugin ();
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    GstElementFactory *factory = gst_element_factory_find (elements[i]);

    if (!factory) {
      gst_registry_scan_path (gst_registry_get (), BITMAR_PLUGIN_DIR);
      factory = gst_element_factory_find (elements[i]);
    }
    if (!factory) {
      g_set_error (error, BITMAR_ERROR, BITMAR_ERROR_MODULE, "the element %s is missing: GStreamer does not find the plugin bitmaronvif", elements[i]);
      return FALSE;
    }
    gst_object_unref (factory);
  }
  return TRUE;
}

static void
start (Serve *serve, GPtrArray *sources)
{
  static const IntakeFuncs funcs = { .describe = describe, .prepare = prepare, .message = handle_message, .tick = tick, .over = over,
    .state = state_changed };
  const ServeOptions *o = &serve->options;

  for (guint i = 0; i < sources->len; i++) {
    Source *s = sources->pdata[i];
    g_autofree char *path = g_strconcat ("/", s->name, NULL);

    s->mount = serve->rtsp->add (serve->server, path);
    s->intake = intake_new (&s->options, &funcs, s);
    printf (strchr (o->address, ':') ? "%s://[%s]:%u%s\n" : "%s://%s:%u%s\n", o->certificate ? "rtsps" : "rtsp", o->address,
        serve->rtsp->get_port (serve->server), path);
  }
  fflush (stdout);
}

static int
run (Serve *serve, GPtrArray *sources)
{
  const ServeOptions *o = &serve->options;
  BitmarRtspOptions options = { .address = o->address, .port = (guint) o->port, .user = o->user, .password = o->password,
    .certificate = o->certificate, .key = o->key, .max_clients = (guint) o->max_clients };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  serve->server = serve->rtsp->open (&options, &error);
  if (!serve->server) {
    text = g_strdup_printf ("%s, port %d: %s", o->address, o->port, error->message);
    return complain (CLI_USAGE, text);
  }
  serve->loop = g_main_loop_new (NULL, FALSE);
  g_unix_signal_add (SIGINT, interrupted, serve);
  g_unix_signal_add (SIGTERM, terminated, serve);
  start (serve, sources);
  g_main_loop_run (serve->loop);
  for (guint i = 0; i < sources->len; i++)
    intake_stop (((Source *) sources->pdata[i])->intake);
  for (guint i = 0; i < sources->len; i++)
    g_clear_pointer (&((Source *) sources->pdata[i])->intake, intake_free);
  serve->rtsp->close (serve->server);
  g_main_loop_unref (serve->loop);
  return serve->status;
}

static int
serve_all (Serve *serve, char **words)
{
  g_autofree char *wrong = serve_options_read (&serve->options);
  g_autoptr (GPtrArray) sources = NULL;
  g_autoptr (BitmarModel) model = NULL;
  g_autoptr (GError) error = NULL;

  if (!wrong)
    sources = make_sources (serve, words, &wrong);
  if (wrong)
    return complain (CLI_USAGE, wrong);
  serve->rtsp = module_load ("rtsp", BITMAR_RTSP_SYMBOL, BITMAR_RTSP_ABI, "libgstrtspserver-1.0-dev", &error);
  if (!serve->rtsp || !find_elements (&error))
    return complain (CLI_USAGE, error->message);
  /* Loaded once per process; told here, before anything is asked of a camera. */
  model = bitmar_model_load (serve->options.model_path ? serve->options.model_path : bitmar_model_default_path (), &error);
  if (!model)
    return complain (CLI_MODEL, error->message);
  return run (serve, sources);
}

int
cli_serve (int argc, char **argv)
{
  Serve serve = { .options = SERVE_OPTIONS_INIT };
  char **words = NULL;
  GOptionEntry words_entry[] = { { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL }, { NULL, 0, 0, 0, NULL, NULL, NULL } };
  GOptionContext *context = g_option_context_new ("[NAME=]SOURCE…");
  g_autoptr (GError) error = NULL;
  int status;

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  serve_options_add (&serve.options, context);
  g_option_context_add_main_entries (context, words_entry, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error))
    status = complain (CLI_USAGE, error->message);
  else if (!words || !words[0])
    status = complain (CLI_USAGE, "there is nothing to serve: it takes one SOURCE or more");
  else
    status = serve_all (&serve, words);
  g_option_context_free (context);
  g_strfreev (words);
  serve_options_clear (&serve.options);
  return status;
}
