/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bitmar record: a source's video in files, with its captions in and beside them. */

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "record.h"
#include "watch-value.h"

static const char summary[] =
    "Records a camera or a file in segments, with captions as a subtitle track and, with --sidecar, as a subtitle file beside each\n"
    "segment. The video is what the camera sends; only with --burn-in, and where a container does not take it, it is encoded anew.";
static const char description[] =
    "Output: the path of each segment that is finished.\n"
    "  --json: an object with version, file, sidecar (null without), utc (of its beginning) and duration (ns)\n"
    "What happens to the source goes to standard error. A camera that goes away is asked for until it is back, and its recording goes on in a\n"
    "new segment; so it does when the disk is full, as soon as there is room. Interrupted, it finishes the segment under way.\n"
    "\n"
    "Exit status: 0 the file has ended, or it was stopped by SIGTERM; 1 the file could not be recorded, or the output was closed; 2 wrong\n"
    "usage; 3 the model can't be loaded; 130 interrupted.\n";

/* What a container takes as it is, but for what is encoded anew. */
#define PASS_MKV "video/x-h264; video/x-h265; image/jpeg; video/x-vp8; video/x-vp9"
#define PASS_MP4 "video/x-h264; video/x-h265"

typedef struct {
  char *folder, *segment, *container, *sidecar, *name, *model_path, *prompt;
  double min_confidence, interval;
  gboolean burn_in, json, quiet;
  /* What they say. */
  guint64 segment_ns;
  gboolean mp4;
  SidecarFormat format;
} Options;

static int
complain (int status, const char *text)
{
  fprintf (stderr, "bitmar record: %s\n", text);
  if (status == CLI_USAGE)
    fprintf (stderr, "Try \"bitmar record --help\".\n");
  return status;
}

/* NULL: all is well. */
static const char *
read_options (Options *o)
{
  if (o->segment && (!watch_value_duration (o->segment, &o->segment_ns) || o->segment_ns < GST_SECOND))
    return "--segment takes a time of a second or more: 60s, 10min, 1h";
  if (o->container && !g_str_equal (o->container, "mkv") && !g_str_equal (o->container, "mp4"))
    return "--container takes mkv or mp4";
  o->mp4 = g_strcmp0 (o->container, "mp4") == 0;
  if (o->sidecar && !g_str_equal (o->sidecar, "webvtt") && !g_str_equal (o->sidecar, "srt"))
    return "--sidecar takes webvtt or srt";
  o->format = !o->sidecar ? SIDECAR_NONE : g_str_equal (o->sidecar, "srt") ? SIDECAR_SRT : SIDECAR_WEBVTT;
  if (o->min_confidence != CLI_UNSET && !(o->min_confidence >= 0 && o->min_confidence <= 1))
    return "--min-confidence takes 0 to 1";
  if (!(o->interval >= 0 && o->interval <= 86400))
    return "--interval takes seconds, 0 to 86400";
  if (o->name && (!*o->name || strspn (o->name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.") != strlen (o->name)))
    return "--name takes letters, digits, '-', '_' and '.'";
  return NULL;
}

static int
make_folder (const char *folder)
{
  if (g_mkdir_with_parents (folder, 0777) == 0 && g_access (folder, W_OK) == 0)
    return CLI_OK;
  fprintf (stderr, "bitmar record: %s: %s\n", folder, g_strerror (errno));
  return CLI_USAGE;
}

static int
record (Options *o, const char *input)
{
  g_autofree char *name = o->name ? g_strdup (o->name) : intake_make_name (input);
  const char *wrong = read_options (o);
  g_autoptr (BitmarModel) model = NULL;
  g_autoptr (GError) error = NULL;
  RecordOptions options;

  if (wrong)
    return complain (CLI_USAGE, wrong);
  /* Loaded once per process; told here, before anything is asked of the camera. */
  model = bitmar_model_load (o->model_path ? o->model_path : bitmar_model_default_path (), &error);
  if (!model)
    return complain (CLI_MODEL, error->message);
  if (make_folder (o->folder) != CLI_OK)
    return CLI_USAGE;
  options = (RecordOptions) { .folder = o->folder, .length = o->segment_ns, .mp4 = o->mp4, .format = o->format, .json = o->json, .quiet = o->quiet };
  options.intake = (IntakeOptions) { .input = input, .name = name, .pass = o->mp4 ? PASS_MP4 : PASS_MKV, .burn_in = o->burn_in,
    .model_path = o->model_path, .prompt = o->prompt, .min_confidence = o->min_confidence, .interval = o->interval };
  return record_run (&options);
}

int
cli_record (int argc, char **argv)
{
  Options o = { .segment_ns = 60 * GST_SECOND, .min_confidence = CLI_UNSET, .folder = g_strdup (".") };
  char **words = NULL;
  GOptionEntry entries[] = {
    { "folder", 'f', 0, G_OPTION_ARG_FILENAME, &o.folder, "Where the segments are written (.); made if it isn't there", "DIR" },
    { "segment", 's', 0, G_OPTION_ARG_STRING, &o.segment, "Length of a segment, cut at the next key frame: 60s, 10min, 1h (60s)", "TIME" },
    { "container", 0, 0, G_OPTION_ARG_STRING, &o.container, "mkv or mp4 (mkv)", "KIND" },
    { "sidecar", 0, 0, G_OPTION_ARG_STRING, &o.sidecar, "Subtitle files beside the segments: webvtt or srt", "KIND" },
    { "burn-in", 0, 0, G_OPTION_ARG_NONE, &o.burn_in, "Draw the captions on the video, which is encoded anew", NULL },
    { "name", 0, 0, G_OPTION_ARG_STRING, &o.name, "What segments' names begin with (that of the file, or camera)", "NAME" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &o.json, "One JSON object per segment", NULL },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model_path, "Model file (GGUF)", "FILE" },
    { "prompt", 'p', 0, G_OPTION_ARG_STRING, &o.prompt, "Words that steer what captions look at", "TEXT" },
    { "min-confidence", 'c', 0, G_OPTION_ARG_DOUBLE, &o.min_confidence, "Keep captions back that the model is less sure of, 0 to 1 (0.77)", "P" },
    { "interval", 'i', 0, G_OPTION_ARG_DOUBLE, &o.interval, "Seconds from one look at the video to the next (1)", "S" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &o.quiet, "Only what fails on standard error", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  GOptionContext *context = g_option_context_new ("SOURCE");
  GError *error = NULL;
  int status = CLI_USAGE;

  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  /* A file that is too large for its disk is an error like others. */
  signal (SIGXFSZ, SIG_IGN);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    complain (CLI_USAGE, error->message);
    g_error_free (error);
  } else if (!words || !words[0] || words[1]) {
    complain (CLI_USAGE, "takes one SOURCE: a video file, a camera or an address");
  } else {
    cli_find_plugin ();
    status = record (&o, words[0]);
  }
  g_option_context_free (context);
  g_strfreev (words);
  g_free (o.folder);
  g_free (o.segment);
  g_free (o.container);
  g_free (o.sidecar);
  g_free (o.name);
  g_free (o.model_path);
  g_free (o.prompt);
  return status;
}
