/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection is a pipeline from its beginning to its end. When it ends, all of it is taken down and made anew: no element has to be trusted to
 * get over what happened to another. The memory goes through its file. */
#include "watch-camera.h"

#include "retry.h"
#include "source.h"

#define MESSAGE_WAIT (100 * GST_MSECOND)
#define LOOK_US (G_USEC_PER_SEC / 4)

struct _WatchedCamera {
  const WatchConfig *config;
  const WatchCamera *camera;
  WatchLive *live;
  const WatchFuncs *funcs;
  gpointer user_data;
  Retry *retry;
  /* The thread's own. */
  WatchState state;
  char *why;                   /* said last */
};

typedef struct {
  WatchedCamera *watched;
  GstElement *pipeline, *encode;
  guint64 frames;
  gint64 moved_us;             /* when one came last, or it was asked */
  gboolean over, ended;
  char *why;                   /* it is over */
  char *missing;               /* a decoder that is not installed */
} Connection;

/* The same news is told once. */
static void
tell (WatchedCamera *w, WatchState state, const char *why)
{
  if (state == w->state && g_strcmp0 (why, w->why) == 0)
    return;
  w->state = state;
  g_free (w->why);
  w->why = g_strdup (why);
  w->funcs->state (w->camera, state, why, w->user_data);
}

/* ---- Pipeline ---------------------------------------------------------------------------------------- */

static GstElement *
named (GstElement *pipeline, const char *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);

  gst_object_unref (element);  /* the pipeline has it */
  return element;
}

static void
configure_memory (const WatchConfig *config, const WatchCamera *camera, GstElement *memory)
{
  g_autofree char *name = g_strconcat (camera->name, ".memory", NULL);
  g_autofree char *file = g_build_filename (config->folder, name, NULL), *log = g_build_filename (config->folder, "events.db", NULL);

  g_object_set (memory, "memory-file", file, "save-interval", config->save_interval, "event-log", log, "stream-id", camera->name,
      "retention", config->retention, "retention-bytes", config->retention_bytes, "alerts", camera->alerts, NULL);
}

static void
configure (const WatchConfig *config, const WatchCamera *camera, GstElement *pipeline)
{
  GstElement *encode = named (pipeline, "e"), *memory = named (pipeline, "m"), *caption = named (pipeline, "c");

  g_object_set (encode, "model-path", config->model, "thumbnail-width", config->thumbnail_width, NULL);
  g_object_set (memory, "model-path", config->model, NULL);
  g_object_set (caption, "model-path", config->model, "prompt", camera->prompt, NULL);
  configure_memory (config, camera, memory);
  if (camera->min_confidence >= 0)
    g_object_set (caption, "min-confidence", camera->min_confidence, NULL);
  if (camera->interval > 0)
    g_object_set (encode, "max-rate", 1000, (gint) (camera->interval * 1000 + 0.5), NULL);
}

/* A file is seen as a camera would show it: clocksync holds its frames to their time. */
static GstElement *
make_tail (const WatchedCamera *w, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%s name=first ! %s videoconvert ! bitmarencode mode=live name=e ! bitmarmemory mode=live name=m ! "
      "bitmarcaption mode=live name=c ! fakesink sync=false async=false", source_is_file (w->camera->source) ? "clocksync" : "identity", w->live ? "tee name=t !" : "");
  GstElement *tail = gst_parse_bin_from_description_full (text, FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  GstPad *pad;

  if (!tail)
    return NULL;
  /* Without pictures a camera is watched all the same. */
  if (w->live && !watch_live_add (w->live, GST_BIN (tail), named (tail, "t")))
    GST_WARNING ("%s: there will be no pictures", w->camera->name);
  pad = gst_element_get_static_pad (named (tail, "first"), "sink");
  gst_element_add_pad (tail, gst_ghost_pad_new ("sink", pad));
  gst_object_unref (pad);
  return tail;
}

static GstElement *
build (const WatchedCamera *w, GError **error)
{
  GstElement *pipeline, *tail = make_tail (w, error);

  if (!tail)
    return NULL;
  pipeline = gst_pipeline_new (w->camera->name);
  gst_bin_add (GST_BIN (pipeline), tail);
  configure (w->config, w->camera, pipeline);
  if (source_add (pipeline, tail, w->camera->source, gst_uri_is_valid (w->camera->source), error))
    return pipeline;
  gst_object_unref (pipeline);
  return NULL;
}

/* ---- Messages ---------------------------------------------------------------------------------------- */

static void
end (Connection *c, const char *why)
{
  if (!c->over)
    c->why = g_strdup (why);
  c->over = TRUE;
}

/* The first error is the cause; of several about what is missing the decoder's name says most. */
static void
handle_error (Connection *c, GstMessage *message)
{
  GError *error;
  char *debug;

  gst_message_parse_error (message, &error, &debug);
  GST_INFO ("%s: %s (%s)", c->watched->camera->name, error->message, debug);
  end (c, c->missing ? c->missing : error->message);
  g_error_free (error);
  g_free (debug);
}

static void
handle_element (Connection *c, const GstStructure *fields)
{
  WatchedCamera *w = c->watched;

  if (gst_structure_has_name (fields, "bitmar-caption") || gst_structure_has_name (fields, "bitmar-alert"))
    w->funcs->message (w->camera, fields, w->user_data);
  else if (gst_structure_has_name (fields, "missing-plugin") && !c->missing)
    c->missing = g_strdup_printf ("a plug-in is missing: %s", gst_structure_get_string (fields, "name"));
}

static void
handle (Connection *c, GstMessage *message)
{
  const WatchCamera *camera = c->watched->camera;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      handle_element (c, gst_message_get_structure (message));
      break;
    case GST_MESSAGE_APPLICATION:
      end (c, "there is no video in it");
      break;
    case GST_MESSAGE_ERROR:
      handle_error (c, message);
      break;
    case GST_MESSAGE_EOS:
      c->ended = source_is_file (camera->source) && !camera->repeat;
      end (c, "the stream has ended");
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (c->pipeline));
      break;
    default:
      break;
  }
}

/* ---- Thread ------------------------------------------------------------------------------------------ */

static void
look (Connection *c)
{
  gint64 now = g_get_monotonic_time ();
  gboolean before = c->frames > 0;
  guint64 frames = source_count_frames (c->encode);

  if (frames != c->frames) {
    c->frames = frames;
    c->moved_us = now;
    retry_works (c->watched->retry);
    tell (c->watched, WATCH_WATCHING, NULL);
  } else if (now - c->moved_us > (before ? SOURCE_LOST_US : SOURCE_FIRST_FRAME_US)) {
    end (c, before ? "no frame has come for 10 seconds" : "it does not answer");
  }
}

static void
play (Connection *c)
{
  GstBus *bus = gst_element_get_bus (c->pipeline);
  WatchLive *live = c->watched->live;
  gint64 next = 0;

  c->encode = named (c->pipeline, "e");
  c->moved_us = g_get_monotonic_time ();
  if (live)
    watch_live_begin (live, (GstElement *[]) { c->encode, named (c->pipeline, "m"), named (c->pipeline, "c") });
  gst_element_set_state (c->pipeline, GST_STATE_PLAYING);
  while (!c->over && !retry_is_stopped (c->watched->retry)) {
    GstMessage *message = gst_bus_timed_pop (bus, MESSAGE_WAIT);

    if (message) {
      handle (c, message);
      gst_message_unref (message);
    }
    if (g_get_monotonic_time () >= next) {
      look (c);
      next = g_get_monotonic_time () + LOOK_US;
    }
  }
  if (live)
    watch_live_end (live);
  gst_element_set_state (c->pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
}

/* FALSE: there is nothing more to come. */
static gboolean
attempt (gpointer data)
{
  WatchedCamera *w = data;
  Connection c = { .watched = w };
  g_autofree char *missing = source_missing_file (w->camera->source);
  GError *error = NULL;

  if (missing) {
    end (&c, missing);
  } else if ((c.pipeline = build (w, &error))) {
    play (&c);
    gst_object_unref (c.pipeline);
  } else {
    end (&c, error->message);
    g_error_free (error);
  }
  if (!retry_is_stopped (w->retry))
    tell (w, c.ended ? WATCH_ENDED : WATCH_WAITING, c.why);
  g_free (c.why);
  g_free (c.missing);
  return !c.ended;
}

static void
begin (gpointer data)
{
  WatchedCamera *w = data;

  w->funcs->state (w->camera, WATCH_CONNECTING, NULL, w->user_data);
}

WatchedCamera *
watched_camera_new (const WatchConfig *config, const WatchCamera *camera, WatchLive *live, const WatchFuncs *funcs, gpointer user_data)
{
  WatchedCamera *w = g_new0 (WatchedCamera, 1);

  w->config = config;
  w->camera = camera;
  w->live = live;
  w->funcs = funcs;
  w->user_data = user_data;
  w->retry = retry_new (begin, attempt, w);
  retry_begin (w->retry, camera->name);
  return w;
}

void
watched_camera_stop (WatchedCamera *w)
{
  retry_stop (w->retry);
}

void
watched_camera_free (WatchedCamera *w)
{
  retry_free (w->retry);
  g_free (w->why);
  g_free (w);
}
