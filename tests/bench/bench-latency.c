/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-latency [SECONDS [LATENCY_MS]]: a live 1280x720 camera of 25 frames a second, one look and one caption a second, and a memory whose
 * slots are all taken.
 *
 * Prints what our elements add to a video buffer, p50, p99 and the most, in microseconds. Twice: as GStreamer's latency tracer has it,
 * each element and, for the share of the machine and of the tracer itself, an identity before them, which does nothing; and without the tracer as the CPU
 * time of the streaming thread from the first pad to the last, which other programs do not change. Then how long captions take
 * after their frame, p50 and p95, against bitmarcaption's `latency` (LATENCY_MS, 200). */

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bitmar.h"

#define FRAMES_A_SECOND 25

typedef struct {
  const char *name;
  GArray *times;               /* of guint64, ns */
} Track;

static Track tracks[] = { { "id", NULL }, { "e", NULL }, { "m", NULL }, { "c", NULL } };
static Track ours = { "ours", NULL }, delays = { "delay", NULL };
static guint64 sum;            /* of the three, for the buffer that passes */
static guint64 entered;        /* CPU time when it came to the element that it is in */
static GMutex lock;

static int
compare (gconstpointer a, gconstpointer b)
{
  guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;

  return (x > y) - (x < y);
}

static double
percentile (Track *track, guint percent)
{
  g_array_sort (track->times, compare);
  return track->times->len == 0 ? 0 : (double) g_array_index (track->times, guint64, (track->times->len - 1) * percent / 100) / 1e3;
}

static void
take (const char *element, guint64 time)
{
  for (guint i = 0; i < G_N_ELEMENTS (tracks); i++)
    if (g_str_equal (element, tracks[i].name)) {
      g_array_append_val (tracks[i].times, time);
      sum += i > 0 ? time : 0;
    }
  /* The last of the three. */
  if (g_str_equal (element, "c")) {
    g_array_append_val (ours.times, sum);
    sum = 0;
  }
}

/* The tracer tells through the debug log. */
static void
on_log (GstDebugCategory *category, GstDebugLevel level, const char *file, const char *function, gint line, GObject *object,
    GstDebugMessage *message, gpointer data)
{
  const char *text = gst_debug_message_get (message);
  GstStructure *s;
  guint64 time;

  if (strcmp (gst_debug_category_get_name (category), "GST_TRACER") != 0 || !g_str_has_prefix (text, "element-latency,"))
    return;
  s = gst_structure_from_string (text, NULL);
  if (s && gst_structure_get_uint64 (s, "time", &time)) {
    g_mutex_lock (&lock);
    take (gst_structure_get_string (s, "element"), time);
    g_mutex_unlock (&lock);
  }
  if (s)
    gst_structure_free (s);
}

static guint64
cpu_time (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (guint64) t.tv_sec * GST_SECOND + (guint64) t.tv_nsec;
}

/* In a row of pads: the buffer has left the element of `data` and comes to the next. */
static GstPadProbeReturn
on_pass (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  guint64 now = cpu_time ();

  if (data)
    take (data, now - entered);
  entered = cpu_time ();
  return GST_PAD_PROBE_OK;
}

static void
probe (GstElement *pipeline, const char *name, const char *pad_name, const char *left)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  GstPad *pad = gst_element_get_static_pad (element, pad_name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_pass, (gpointer) left, NULL);
  gst_object_unref (pad);
  gst_object_unref (element);
}

static void
on_caption (GstElement *pipeline, const GstStructure *s)
{
  guint64 at, now = gst_element_get_current_running_time (pipeline);

  if (gst_structure_get_uint64 (s, "running-time", &at) && now > at) {
    now -= at;
    g_array_append_val (delays.times, now);
  }
}

/* ---- A full memory ------------------------------------------------------------------------------------- */

/* Another key, of unit length, where the serialised episode has its own: after the header of 92 bytes. */
static void
look_elsewhere (BitmarEpisode *episode, GRand *rand)
{
  GBytes *bytes = bitmar_episode_to_bytes (episode, NULL);
  gsize width, size;
  guint8 *data;
  float square = 0, *key;

  bitmar_episode_get_key (episode, &width);
  data = g_bytes_unref_to_data (bytes, &size);
  key = g_new (float, width);
  for (gsize i = 0; i < width; i++) {
    key[i] = (float) g_rand_double_range (rand, -1, 1);
    square += key[i] * key[i];
  }
  for (gsize i = 0; i < width; i++)
    key[i] /= sqrtf (square);
  memcpy (data + 92, key, width * sizeof *key);
  bytes = g_bytes_new_take (data, size);
  if (!bitmar_episode_set_bytes (episode, bytes, NULL))
    g_error ("bench-latency: the format of episodes is another");
  g_bytes_unref (bytes);
  g_free (key);
}

static void
fill_memory (const char *path)
{
  static guint8 gray[64 * 64];
  BitmarImage image = { .format = BITMAR_FORMAT_GRAY8, .width = 64, .height = 64, .planes = { gray }, .strides = { 64 } };
  BitmarModel *model = bitmar_model_load (bitmar_model_default_path (), NULL);
  BitmarEncoder *encoder = model ? bitmar_encoder_new (model, NULL) : NULL;
  BitmarEpisode *episode = encoder ? bitmar_episode_new (model, NULL) : NULL;
  BitmarMemory *memory = episode ? bitmar_memory_new (model, 0, -2, NULL) : NULL;
  GRand *rand = g_rand_new_with_seed (1);
  GError *error = NULL;

  if (!memory || !bitmar_encoder_encode (encoder, &image, episode, NULL)) {
    g_printerr ("bench-latency: %s can't be loaded\n", bitmar_model_default_path ());
    exit (1);
  }
  for (guint i = 0; i < 2 * bitmar_memory_get_slots (memory); i++) {
    look_elsewhere (episode, rand);
    bitmar_memory_observe (memory, episode, i, NULL);
  }
  if (!bitmar_memory_save (memory, path, &error)) {
    g_printerr ("bench-latency: %s\n", error->message);
    exit (1);
  }
  g_rand_free (rand);
  g_object_unref (memory);
  g_object_unref (episode);
  g_object_unref (encoder);
  g_object_unref (model);
}

/* ---- Runs ---------------------------------------------------------------------------------------------- */

static const char *memory_file;

static void
run (guint seconds, guint latency_ms, gboolean traced)
{
  char *line = g_strdup_printf ("videotestsrc is-live=true num-buffers=%u pattern=ball ! video/x-raw,format=NV12,width=1280,height=720,"
      "framerate=%d/1 ! identity name=id ! bitmarencode name=e ! bitmarmemory name=m memory-file=%s ! bitmarcaption name=c change-threshold=0 "
      "min-interval=0 repeat=always min-confidence=0 latency=%u ! fakesink sync=true", seconds * FRAMES_A_SECOND, FRAMES_A_SECOND, memory_file, latency_ms);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstBus *bus;
  gboolean ended = FALSE;

  if (!pipeline || error) {
    g_printerr ("bench-latency: %s\n", error->message);
    exit (1);
  }
  if (!traced) {
    probe (pipeline, "id", "sink", NULL);
    probe (pipeline, "e", "sink", "id");
    probe (pipeline, "m", "sink", "e");
    probe (pipeline, "c", "sink", "m");
    probe (pipeline, "c", "src", "c");
  }
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop (bus, GST_CLOCK_TIME_NONE);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      exit (1);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (gst_message_has_name (message, "bitmar-caption"))
      on_caption (pipeline, gst_message_get_structure (message));
    gst_message_unref (message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (line);
}

static void
print (const char *name, Track *track)
{
  g_print ("%-24s %8u %8.1f %8.1f %8.1f\n", name, track->times->len, percentile (track, 50), percentile (track, 99), percentile (track, 100));
}

static void
print_all (void)
{
  print ("  identity", &tracks[0]);
  print ("  bitmarencode", &tracks[1]);
  print ("  bitmarmemory", &tracks[2]);
  print ("  bitmarcaption", &tracks[3]);
  print ("  the three together", &ours);
}

static void
measure_traced (guint seconds, guint latency_ms)
{
  g_setenv ("GST_TRACERS", "latency(flags=element)", TRUE);
  gst_init (NULL, NULL);
  gst_debug_remove_log_function (NULL);
  gst_debug_add_log_function (on_log, NULL, NULL);
  gst_debug_set_threshold_for_name ("GST_TRACER", GST_LEVEL_TRACE);
  run (seconds, latency_ms, TRUE);
  g_print ("latency tracer\n");
  print_all ();
}

static void
measure_cpu (guint seconds, guint latency_ms)
{
  gst_init (NULL, NULL);
  run (seconds, latency_ms, FALSE);
  g_print ("CPU time\n");
  print_all ();
  g_print ("captions: %u, %.1f ms after their frame at p50, %.1f at p95; latency is %u ms\n", delays.times->len,
      percentile (&delays, 50) / 1e3, percentile (&delays, 95) / 1e3, latency_ms);
}

int
main (int argc, char **argv)
{
  guint seconds = argc > 1 ? strtoul (argv[1], NULL, 10) : 60, latency_ms = argc > 2 ? strtoul (argv[2], NULL, 10) : 200;
  g_autofree char *folder = g_dir_make_tmp ("bench-latency-XXXXXX", NULL), *file = g_build_filename (folder, "memory", NULL);
  pid_t child;

  fill_memory (memory_file = file);
  for (guint i = 0; i < G_N_ELEMENTS (tracks); i++)
    tracks[i].times = g_array_new (FALSE, FALSE, sizeof (guint64));
  ours.times = g_array_new (FALSE, FALSE, sizeof (guint64));
  delays.times = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_print ("%-24s %8s %8s %8s %8s   microseconds\n", "", "buffers", "p50", "p99", "most");
  /* A tracer is there from gst_init() on, and for good. */
  child = fork ();
  if (child == 0) {
    measure_traced (seconds, latency_ms);
    return 0;
  }
  waitpid (child, NULL, 0);
  measure_cpu (seconds, latency_ms);
  g_unlink (file);
  g_rmdir (folder);
  return 0;
}
