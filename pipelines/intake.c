/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "intake.h"

#include <string.h>

#include "intake-pipeline.h"
#include "retry.h"
#include "source.h"

#define MESSAGE_WAIT (50 * GST_MSECOND)
#define LOOK_US (G_USEC_PER_SEC / 4)
/* A file from which nothing comes for this long never will. */
#define STALL_US (60 * G_USEC_PER_SEC)
/* For what is open to be closed. */
#define CLOSE_US (10 * G_USEC_PER_SEC)

struct _Intake {
  const IntakeOptions *options;
  const IntakeFuncs *funcs;
  gpointer user_data;
  Retry *retry;
  /* The thread's own. */
  IntakeState state;
  char *why;                   /* said last */
};

typedef struct {
  Intake *intake;
  IntakePipeline *pipeline;
  guint64 frames;
  gint64 moved_us;             /* when one came last, or it was asked */
  gboolean over, ended, failed;        /* failed: what should have been made of it */
  gboolean closed;             /* all has come to its end */
  char *why, *missing;
} Connection;

/* The same news is told once. */
static void
tell (Intake *intake, IntakeState state, const char *why)
{
  if (state == intake->state && g_strcmp0 (why, intake->why) == 0)
    return;
  intake->state = state;
  g_free (intake->why);
  intake->why = g_strdup (why);
  intake->funcs->state (state, why, intake->user_data);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

static void
end (Connection *c, const char *why)
{
  if (!c->over)
    c->why = g_strdup (why);
  c->over = TRUE;
}

static char *
explain (Connection *c, GstMessage *message, const GError *error)
{
  GObject *from = G_OBJECT (GST_MESSAGE_SRC (message));
  g_autofree char *file = NULL;

  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT)) {
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (from), "location"))
      g_object_get (from, "location", &file, NULL);
    return g_strdup_printf ("the disk is full: no more can be written to %s", file ? file : "the file");
  }
  return g_strdup (c->missing ? c->missing : error->message);
}

/* The first error is the cause; of several about what is missing the decoder's name says most. */
static void
handle_error (Connection *c, GstMessage *message)
{
  g_autofree char *why = NULL;
  GError *error;
  char *debug;

  gst_message_parse_error (message, &error, &debug);
  GST_INFO ("%s: %s (%s)", c->intake->options->name, error->message, debug);
  why = explain (c, message, error);
  end (c, why);
  g_error_free (error);
  g_free (debug);
}

static void
handle (Connection *c, GstMessage *message)
{
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_APPLICATION:
      end (c, gst_structure_get_string (gst_message_get_structure (message), "why"));
      break;
    case GST_MESSAGE_ERROR:
      handle_error (c, message);
      break;
    case GST_MESSAGE_EOS:
      c->closed = TRUE;
      c->ended = source_is_file (c->intake->options->input) && !c->over;
      end (c, "the stream has ended");
      break;
    case GST_MESSAGE_LATENCY:
      intake_pipeline_recalculate (c->pipeline);
      break;
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name (message, "missing-plugin") && !c->missing)
        c->missing = g_strdup_printf ("a plug-in is missing: %s", gst_structure_get_string (gst_message_get_structure (message), "name"));
      break;
    default:
      break;
  }
  c->intake->funcs->message (message, c->intake->user_data);
}

/* ---- One connection ---------------------------------------------------------------------------------- */

static void
look (Connection *c)
{
  gint64 now = g_get_monotonic_time (), limit = SOURCE_LOST_US;
  gboolean before = c->frames > 0;
  guint64 frames = intake_pipeline_count_frames (c->pipeline);

  c->intake->funcs->tick (c->intake->user_data);
  if (source_is_file (c->intake->options->input))
    limit = STALL_US;
  else if (!before)
    limit = SOURCE_FIRST_FRAME_US;
  if (frames != c->frames) {
    c->frames = frames;
    c->moved_us = now;
    retry_works (c->intake->retry);
    tell (c->intake, INTAKE_RUNNING, NULL);
  } else if (now - c->moved_us > limit) {
    end (c, before ? "no frame has come for a while" : "it does not answer");
  }
}

static void
serve_bus (Connection *c, GstBus *bus)
{
  GstMessage *message = gst_bus_timed_pop (bus, MESSAGE_WAIT);

  if (!message)
    return;
  handle (c, message);
  gst_message_unref (message);
}

/* What was begun is brought to its end: a muxer writes what its file needs. */
static void
finish (Connection *c, GstBus *bus)
{
  gint64 until = g_get_monotonic_time () + CLOSE_US;
  gboolean closed = !intake_pipeline_end (c->pipeline);

  while (!closed && g_get_monotonic_time () < until) {
    GstMessage *message = gst_bus_timed_pop (bus, MESSAGE_WAIT);

    if (!message)
      continue;
    closed = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS || (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR
        && !intake_pipeline_is_source (c->pipeline, GST_MESSAGE_SRC (message)));
    handle (c, message);
    gst_message_unref (message);
  }
}

static void
drain (Connection *c, GstBus *bus)
{
  GstMessage *message;

  while ((message = gst_bus_pop (bus))) {
    c->intake->funcs->message (message, c->intake->user_data);
    gst_message_unref (message);
  }
}

static void
play (Connection *c)
{
  GstBus *bus = intake_pipeline_get_bus (c->pipeline);
  gint64 next = 0;
  gboolean had_video;
  char *why;

  c->moved_us = g_get_monotonic_time ();
  intake_pipeline_play (c->pipeline);
  while (!c->over && !retry_is_stopped (c->intake->retry)) {
    serve_bus (c, bus);
    if (g_get_monotonic_time () >= next) {
      look (c);
      next = g_get_monotonic_time () + LOOK_US;
    }
  }
  if (!c->closed)
    finish (c, bus);
  drain (c, bus);
  had_video = intake_pipeline_has_video (c->pipeline);
  intake_pipeline_free (c->pipeline);
  gst_object_unref (bus);
  why = had_video && c->intake->funcs->over ? c->intake->funcs->over (c->intake->user_data) : NULL;
  if (!why)
    return;
  g_free (c->why);
  c->why = g_steal_pointer (&why);
  c->ended = FALSE;
  c->failed = TRUE;
}

/* FALSE: there is nothing more to come. */
static gboolean
attempt (gpointer data)
{
  Intake *intake = data;
  const IntakeOptions *o = intake->options;
  Connection c = { .intake = intake };
  g_autofree char *missing = source_missing_file (o->input);
  g_autofree char *obstacle = !missing && intake->funcs->obstacle ? intake->funcs->obstacle (intake->user_data) : NULL;
  GError *error = NULL;
  gboolean goes_on;

  if (missing || obstacle) {
    end (&c, missing ? missing : obstacle);
  } else if ((c.pipeline = intake_pipeline_new (o, intake->funcs, intake->user_data, source_is_file (o->input), &error))) {
    play (&c);
  } else {
    end (&c, error->message);
    g_error_free (error);
  }
  goes_on = !source_is_file (o->input) || o->repeat;
  if (c.failed)
    retry_later (intake->retry);
  if (c.ended && o->repeat)
    retry_at_once (intake->retry);
  else if (!retry_is_stopped (intake->retry) || c.failed)
    tell (intake, goes_on ? INTAKE_WAITING : c.ended ? INTAKE_ENDED : INTAKE_FAILED, c.why);
  g_free (c.why);
  g_free (c.missing);
  return goes_on;
}

/* ---- Thread ------------------------------------------------------------------------------------------ */

static void
begin (gpointer data)
{
  Intake *intake = data;

  intake->funcs->state (INTAKE_CONNECTING, NULL, intake->user_data);
}

Intake *
intake_new (const IntakeOptions *options, const IntakeFuncs *funcs, gpointer user_data)
{
  Intake *intake = g_new0 (Intake, 1);

  intake->options = options;
  intake->funcs = funcs;
  intake->user_data = user_data;
  intake->retry = retry_new (begin, attempt, intake);
  retry_begin (intake->retry, options->name);
  return intake;
}

void
intake_stop (Intake *intake)
{
  retry_stop (intake->retry);
}

void
intake_free (Intake *intake)
{
  retry_free (intake->retry);
  g_free (intake->why);
  g_free (intake);
}

char *
intake_make_name (const char *input)
{
  g_autofree char *base = NULL;
  char *dot, *name;

  if (gst_uri_is_valid (input) && !gst_uri_has_protocol (input, "file"))
    return g_strdup ("camera");
  base = g_path_get_basename (input);
  name = g_strndup (base, 64);
  dot = strrchr (name, '.');
  if (dot && dot != name)
    *dot = 0;
  g_strcanon (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.", '_');
  if (name[0] == '.')
    name[0] = '_';
  return name;
}
