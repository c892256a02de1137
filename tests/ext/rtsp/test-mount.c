/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which pipeline who comes is given: that of the others as long as it is good, else a new one, and none while there is nothing to see. */

#include "mount.h"

typedef struct {
  BitmarRtspMount *mount;
  GstRTSPMediaFactory *factory;
  GstRTSPUrl *url;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->mount = bitmar_rtsp_mount_new ();
  f->factory = bitmar_rtsp_factory_new (f->mount);
  g_assert_cmpint (gst_rtsp_url_parse ("rtsp://127.0.0.1/yard", &f->url), ==, GST_RTSP_OK);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gst_rtsp_url_free (f->url);
  g_object_unref (f->factory);
  bitmar_rtsp_mount_unref (f->mount);
}

static GstSample *
sample (const char *caps, gboolean key, GstClockTime pts)
{
  g_autoptr (GstCaps) parsed = gst_caps_from_string (caps);
  GstBuffer *buffer = gst_buffer_new_memdup ("abcd", 4);
  GstSegment segment;
  GstSample *sample;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  GST_BUFFER_PTS (buffer) = pts;
  if (!key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  sample = gst_sample_new (buffer, parsed, &segment, NULL);
  gst_buffer_unref (buffer);
  return sample;
}

#define SMALL "video/x-vp8, width=(int)320, height=(int)240"
#define LARGE "video/x-vp8, width=(int)640, height=(int)480"

static gboolean
show (Fixture *f, const char *caps, gboolean key)
{
  GstSample *video = sample (caps, key, GST_SECOND);
  gboolean wanted = bitmar_rtsp_mount_push_video (f->mount, video, 10 * GST_SECOND);

  gst_sample_unref (video);
  return wanted;
}

static void
say (Fixture *f, gboolean whole)
{
  GstSample *document = sample ("application/x-onvif-metadata, parsed=(boolean)true", whole, GST_SECOND);

  bitmar_rtsp_mount_push_metadata (f->mount, document, 10 * GST_SECOND);
  gst_sample_unref (document);
}

/* What who comes is given; NULL: nothing. It is kept by whoever watches. */
static GstRTSPMedia *
come (Fixture *f)
{
  return gst_rtsp_media_factory_construct (f->factory, f->url);
}

static void
assert_away (Fixture *f)
{
  g_assert_false (bitmar_rtsp_mount_is_ready (f->mount));
  g_assert_null (come (f));
}

/* There is something when a key frame and a document that says all have come. */
static void
test_begins (Fixture *f, gconstpointer data)
{
  GstRTSPMedia *media;

  assert_away (f);
  show (f, SMALL, FALSE);
  say (f, FALSE);
  assert_away (f);
  say (f, TRUE);
  assert_away (f);
  show (f, SMALL, TRUE);
  media = come (f);
  g_assert_nonnull (media);
  g_assert_cmpuint (gst_rtsp_media_n_streams (media), ==, 2);
  g_object_unref (media);
}

/* Video that comes before a pipeline plays has no time yet. */
static void
test_no_time (Fixture *f, gconstpointer data)
{
  GstSample *video = sample (SMALL, TRUE, GST_SECOND);

  say (f, TRUE);
  g_assert_false (bitmar_rtsp_mount_push_video (f->mount, video, 0));
  gst_sample_unref (video);
  assert_away (f);
}

static void
test_shares (Fixture *f, gconstpointer data)
{
  g_autoptr (GstRTSPMedia) first = NULL, second = NULL, third = NULL;

  say (f, TRUE);
  show (f, SMALL, TRUE);
  first = come (f);
  show (f, SMALL, FALSE);
  second = come (f);
  g_assert_true (first && first == second);
  /* The last one is about to go, or it has failed: who comes then is given another. */
  bitmar_rtsp_media_retire (first);
  third = come (f);
  g_assert_true (third && third != first);
}

/* Who watched is told, and who comes is not given what has ended, even where others still hold it. */
static void
test_comes_back (Fixture *f, gconstpointer data)
{
  g_autoptr (GstRTSPMedia) first = NULL, second = NULL;

  say (f, TRUE);
  show (f, SMALL, TRUE);
  first = come (f);
  g_assert_cmpint (bitmar_rtsp_media_ended_since (first), ==, -1);
  bitmar_rtsp_mount_stop (f->mount);
  g_assert_cmpint (bitmar_rtsp_media_ended_since (first), >=, 0);
  assert_away (f);
  say (f, TRUE);
  show (f, SMALL, TRUE);
  second = come (f);
  g_assert_true (second && second != first);
  g_assert_cmpint (bitmar_rtsp_media_ended_since (second), ==, -1);
}

static void
test_changes_form (Fixture *f, gconstpointer data)
{
  g_autoptr (GstRTSPMedia) first = NULL, second = NULL;

  say (f, TRUE);
  show (f, SMALL, TRUE);
  first = come (f);
  show (f, LARGE, FALSE);
  g_assert_cmpint (bitmar_rtsp_media_ended_since (first), >=, 0);
  /* A key frame of the former can't be shown. */
  assert_away (f);
  show (f, LARGE, TRUE);
  second = come (f);
  g_assert_true (second && second != first);
}

/* Who has come is greeted once. */
static void
test_welcome (Fixture *f, gconstpointer data)
{
  g_autoptr (GstRTSPMedia) media = NULL;

  say (f, TRUE);
  g_assert_false (show (f, SMALL, TRUE));
  media = come (f);
  g_assert_false (show (f, SMALL, TRUE));
  bitmar_rtsp_media_welcome (media);
  g_assert_true (show (f, SMALL, FALSE));
  g_assert_false (show (f, SMALL, FALSE));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add ("/mount/begins", Fixture, NULL, set_up, test_begins, tear_down);
  g_test_add ("/mount/no-time", Fixture, NULL, set_up, test_no_time, tear_down);
  g_test_add ("/mount/shares", Fixture, NULL, set_up, test_shares, tear_down);
  g_test_add ("/mount/comes-back", Fixture, NULL, set_up, test_comes_back, tear_down);
  g_test_add ("/mount/changes-form", Fixture, NULL, set_up, test_changes_form, tear_down);
  g_test_add ("/mount/welcome", Fixture, NULL, set_up, test_welcome, tear_down);
  return g_test_run ();
}
