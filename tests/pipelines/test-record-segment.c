/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a recording, of video with B-frames whose first frame is decoded before time begins. Environment: READ_SUBTITLES. */

#include <glib/gstdio.h>
#include <string.h>

#include "record-segment.h"

#define FRAME (100 * GST_MSECOND)
#define FRAMES 40

typedef struct {
  char *folder;
  GPtrArray *files;            /* as they were named */
  guint closed, dropped;
  GstClockTime durations[2];
} Fixture;

static char *
name (GstClockTimeDiff start, gpointer data)
{
  Fixture *f = data;

  g_ptr_array_add (f->files, g_strdup_printf ("%s/%u.part", f->folder, f->files->len));
  return g_strdup (g_ptr_array_index (f->files, f->files->len - 1));
}

static void
closed (const char *file, GstClockTime duration, gpointer data)
{
  Fixture *f = data;

  g_assert_cmpuint (f->closed, <, 2);
  f->durations[f->closed++] = duration;
}

static void
dropped (const char *file, gpointer data)
{
  ((Fixture *) data)->dropped++;
}

static const SegmenterFuncs funcs = { .name = name, .closed = closed, .dropped = dropped };

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("bitmar-segment-XXXXXX", NULL);
  f->files = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < f->files->len; i++)
    g_unlink (g_ptr_array_index (f->files, i));
  g_rmdir (f->folder);
  g_ptr_array_unref (f->files);
  g_free (f->folder);
}

/* Shown in the order 0 3 1 2, 4 7 5 6 …, each decoded two frames before it could be shown at the earliest; every 20th is a key frame. */
static GstSample *
frame (GstCaps *caps, const GstSegment *segment, guint i)
{
  static const int shown[] = { 0, 2, -1, -1 };
  GstBuffer *buffer = gst_buffer_new_memdup ("\0\0\0\4\x65\x88\x84\0", 8);
  GstSample *sample;

  GST_BUFFER_PTS (buffer) = segment->start + (i + shown[i % 4]) * FRAME;
  GST_BUFFER_DTS (buffer) = segment->start + i * FRAME - 2 * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  if (i % 20 != 0)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  sample = gst_sample_new (buffer, caps, segment, NULL);
  gst_buffer_unref (buffer);
  return sample;
}

/* Nothing is said for so many frames, then one thing all the time. */
static char *
record (Fixture *f, gboolean mp4, GstClockTime length, guint silent)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-h264,stream-format=avc,alignment=au,width=64,height=48,framerate=10/1,"
      "codec_data=(buffer)0142c014ffe1000d6742c0148c8d423900f08846a001000468ce3c80");
  Segmenter *s = segmenter_new (mp4, length, &funcs, f);
  GstSegment segment;
  char *why;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = 1000 * GST_SECOND;
  if (silent > 0)
    segmenter_push_text (s, NULL, 0, silent * FRAME);
  for (guint i = 0; i < FRAMES; i++) {
    GstSample *sample = frame (caps, &segment, i);

    segmenter_push_video (s, sample);
    gst_sample_unref (sample);
    if (i >= silent)
      segmenter_push_text (s, "a dog", i * FRAME, (i + 1) * FRAME);
  }
  why = segmenter_close (s);
  segmenter_free (s);
  return why;
}

/* What read-subtitles says of a file. */
static char *
read_file (const char *file, gboolean mp4)
{
  g_autofree char *named = g_strconcat (file, mp4 ? ".mp4" : ".mkv", NULL);
  const char *argv[] = { g_getenv ("READ_SUBTITLES"), named, NULL };
  GError *error = NULL;
  int status;
  char *out;

  g_assert_cmpint (g_rename (file, named), ==, 0);
  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_unlink (named);
  return out;
}

/* Its zero is when the first frame is decoded. */
static void
test_one (Fixture *f, gconstpointer data)
{
  gboolean mp4 = GPOINTER_TO_INT (data);
  g_autofree char *why = record (f, mp4, 60 * GST_SECOND, 5), *found = NULL;

  g_assert_cmpstr (why, ==, NULL);
  g_assert_cmpuint (f->closed, ==, 1);
  g_assert_cmpuint (f->durations[0], ==, (FRAMES + 2) * FRAME);
  found = read_file (g_ptr_array_index (f->files, 0), mp4);
  g_assert_cmpstr (found, ==, "700 4200 a dog\nvideo 40 4000\n");
}

/* What is said of the first frame is said when that is shown. */
static void
test_at_once (Fixture *f, gconstpointer data)
{
  gboolean mp4 = GPOINTER_TO_INT (data);
  g_autofree char *why = record (f, mp4, 60 * GST_SECOND, 0), *found = NULL;

  g_assert_cmpstr (why, ==, NULL);
  found = read_file (g_ptr_array_index (f->files, 0), mp4);
  g_assert_cmpstr (found, ==, "200 4200 a dog\nvideo 40 4000\n");
}

/* A cut 2 s after the beginning: what is said goes on from there, in a file of its own zero, which is that of its key frame's decoding. */
static void
test_two (Fixture *f, gconstpointer data)
{
  gboolean mp4 = GPOINTER_TO_INT (data);
  g_autofree char *why = record (f, mp4, 2 * GST_SECOND, 5), *first = NULL, *second = NULL;

  g_assert_cmpstr (why, ==, NULL);
  g_assert_cmpuint (f->closed, ==, 2);
  g_assert_cmpuint (f->durations[0], ==, 20 * FRAME);
  g_assert_cmpuint (f->durations[1], ==, 22 * FRAME);
  first = read_file (g_ptr_array_index (f->files, 0), mp4);
  second = read_file (g_ptr_array_index (f->files, 1), mp4);
  g_assert_cmpstr (first, ==, "700 2000 a dog\nvideo 20 2000\n");
  g_assert_cmpstr (second, ==, "0 2200 a dog\nvideo 20 2000\n");
}

/* Of what can't be written nothing is left, and the folder and the cause are named. */
static void
test_no_folder (Fixture *f, gconstpointer data)
{
  g_autofree char *folder = g_strdup (f->folder), *why = NULL, *wanted = NULL;

  g_free (f->folder);
  f->folder = g_build_filename (folder, "none", NULL);
  why = record (f, FALSE, 60 * GST_SECOND, 5);
  wanted = g_strdup_printf ("nothing can be written to %s: %s", f->folder, g_strerror (ENOENT));
  g_assert_cmpstr (why, ==, wanted);
  g_assert_cmpuint (f->closed, ==, 0);
  g_assert_cmpuint (f->dropped, ==, 1);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/record-segment/mkv", Fixture, GINT_TO_POINTER (FALSE), set_up, test_one, tear_down);
  g_test_add ("/record-segment/mp4", Fixture, GINT_TO_POINTER (TRUE), set_up, test_one, tear_down);
  g_test_add ("/record-segment/mkv-at-once", Fixture, GINT_TO_POINTER (FALSE), set_up, test_at_once, tear_down);
  g_test_add ("/record-segment/mp4-at-once", Fixture, GINT_TO_POINTER (TRUE), set_up, test_at_once, tear_down);
  g_test_add ("/record-segment/mkv-cut", Fixture, GINT_TO_POINTER (FALSE), set_up, test_two, tear_down);
  g_test_add ("/record-segment/mp4-cut", Fixture, GINT_TO_POINTER (TRUE), set_up, test_two, tear_down);
  g_test_add ("/record-segment/no-folder", Fixture, NULL, set_up, test_no_folder, tear_down);
  return g_test_run ();
}
