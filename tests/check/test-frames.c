/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames of all kinds: every format and stride, the largest, those that a tee shares, and what is on them behind encoders. */

#include <string.h>

#include "common.h"

/* The formats that bitmarencode's template has, so that a new one is tested without a line here. */
static GPtrArray *
template_formats (void)
{
  GstElement *e = gst_object_ref_sink (gst_element_factory_make ("bitmarencode", NULL));
  GstPadTemplate *template = gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (e), "sink");
  GstCaps *caps = gst_pad_template_get_caps (template);
  const GValue *list = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");
  GPtrArray *formats = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < gst_value_list_get_size (list); i++)
    g_ptr_array_add (formats, g_value_dup_string (gst_value_list_get_value (list, i)));
  gst_caps_unref (caps);
  gst_object_unref (e);
  fail_unless (formats->len >= 19);
  return formats;
}

static char *
caps_of (const char *format, guint width, guint height)
{
  return g_strdup_printf ("video/x-raw, format=%s, width=%u, height=%u, framerate=10/1", format, width, height);
}

/* The same picture in a buffer with a hole before each plane and behind each row. */
static GstBuffer *
padded (GstBuffer *tight, const char *caps_string)
{
  GstCaps *caps = gst_caps_from_string (caps_string);
  gsize offset[GST_VIDEO_MAX_PLANES], size = 0;
  gint stride[GST_VIDEO_MAX_PLANES];
  GstVideoInfo info;
  GstBuffer *buffer;
  GstMapInfo from, to;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (&info); p++) {
    offset[p] = size + 96;
    stride[p] = GST_VIDEO_INFO_PLANE_STRIDE (&info, p) + 52;
    size = offset[p] + (gsize) stride[p] * (GST_VIDEO_INFO_HEIGHT (&info) + 3);
  }
  buffer = gst_buffer_new_allocate (NULL, size, NULL);
  gst_buffer_memset (buffer, 0, 0xee, -1);
  gst_buffer_add_video_meta_full (buffer, 0, GST_VIDEO_INFO_FORMAT (&info), GST_VIDEO_INFO_WIDTH (&info), GST_VIDEO_INFO_HEIGHT (&info),
      GST_VIDEO_INFO_N_PLANES (&info), offset, stride);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_PTS (tight);
  fail_unless (gst_buffer_map (tight, &from, GST_MAP_READ) && gst_buffer_map (buffer, &to, GST_MAP_WRITE));
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (&info); p++)
    for (gint y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT (&info, p); y++)
      memcpy (to.data + offset[p] + y * stride[p], from.data + GST_VIDEO_INFO_PLANE_OFFSET (&info, p)
          + y * GST_VIDEO_INFO_PLANE_STRIDE (&info, p), GST_VIDEO_INFO_PLANE_STRIDE (&info, p));
  gst_buffer_unmap (buffer, &to);
  gst_buffer_unmap (tight, &from);
  return buffer;
}

static GBytes *
episode_of (GstBuffer *frame, const char *caps)
{
  GstHarness *h = test_harness ("bitmarencode ! identity", caps);
  GstBuffer *out = test_pass (h, frame);
  const GstStructure *s = test_meta (out, "BitmarEpisodeMeta");
  GBytes *episode;

  fail_unless (s != NULL, "%s", caps);
  fail_unless (gst_structure_get (s, "episode", G_TYPE_BYTES, &episode, NULL));
  gst_buffer_unref (out);
  test_free (h);
  return episode;
}

/* What the model sees does not depend on where the rows lie. */
GST_START_TEST (test_strides)
{
  GPtrArray *formats = template_formats ();

  for (guint i = 0; i < formats->len; i++) {
    char *caps = caps_of (formats->pdata[i], 49, 37);
    GstBuffer *tight = test_frame (caps, 4, 0), *loose = padded (tight, caps);
    GBytes *a = episode_of (tight, caps), *b = episode_of (loose, caps);

    fail_unless (g_bytes_equal (a, b), "%s", caps);
    g_bytes_unref (a);
    g_bytes_unref (b);
    g_free (caps);
  }
  g_ptr_array_unref (formats);
}
GST_END_TEST

static const struct {
  const char *format;
  guint width, height;
} large[] = { { "NV12", 7680, 4320 }, { "BGRx", 7680, 4320 }, { "RGB", 16384, 1 }, { "GRAY8", 1, 16384 }, { "I420", 4097, 2161 } };

GST_START_TEST (test_large)
{
  for (guint i = 0; i < G_N_ELEMENTS (large); i++) {
    char *caps = caps_of (large[i].format, large[i].width, large[i].height);
    GstHarness *h = test_harness (CHAIN, caps);
    GstBuffer *frame = test_frame ("video/x-raw, format=GRAY8, width=1, height=1, framerate=10/1", 0, 0), *out;
    GstCaps *c = gst_caps_from_string (caps);
    GstVideoInfo info;

    fail_unless (gst_video_info_from_caps (&info, c));
    gst_caps_unref (c);
    gst_buffer_remove_all_memory (frame);
    gst_buffer_append_memory (frame, gst_allocator_alloc (NULL, GST_VIDEO_INFO_SIZE (&info), NULL));
    gst_buffer_memset (frame, 0, 90, -1);
    out = test_pass (h, frame);
    fail_unless (test_meta (out, "BitmarCaptionMeta") != NULL || test_meta (out, "BitmarEpisodeMeta") != NULL, "%s", caps);
    gst_buffer_unref (out);
    test_free (h);
    g_free (caps);
  }
}
GST_END_TEST

static const char *const changing[] = { CAPS_RGB, "video/x-raw, format=NV12, width=31, height=77, framerate=25/1",
  "video/x-raw, format=GRAY8, width=8, height=8, framerate=0/1", "video/x-raw, format=YUY2, width=320, height=2, framerate=30/1" };

/* Pushes a frame, in caps that change with every second one. */
static GstBuffer *
pass_changing (GstHarness *h, guint i)
{
  const char *caps = changing[i / 2 % G_N_ELEMENTS (changing)];
  GstCaps *c = gst_caps_from_string (caps);

  /* The harness's own way sends a segment, too, for which the worker is waited for. */
  fail_unless (gst_harness_push_event (h, gst_event_new_caps (c)));
  gst_caps_unref (c);
  return test_pass (h, test_frame (caps, i, i));
}

static GBytes *
take_episode (GstBuffer *buffer, guint64 *pts)
{
  const GstStructure *s = test_meta (buffer, "BitmarEpisodeMeta");
  GBytes *episode = NULL;

  if (s)
    fail_unless (gst_structure_get (s, "episode", G_TYPE_BYTES, &episode, "pts", G_TYPE_UINT64, pts, NULL));
  gst_buffer_unref (buffer);
  return episode;
}

/* Caps change while the worker has a frame of the former in its hands: it sees what it would have seen at leisure. */
GST_START_TEST (test_live_change)
{
  GstHarness *h = test_harness ("bitmarencode max-rate=0/1 mode=synchronous ! identity", CAPS_RGB);
  GBytes *expected[200], *seen;
  guint looks = 0;
  guint64 pts;

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    expected[i] = take_episode (pass_changing (h, i), &pts);
  test_free (h);
  h = test_harness ("bitmarencode max-rate=0/1 mode=live ! identity", CAPS_RGB);
  /* Odd frames are the last of their caps: the worker begins, and has the next caps come while it works. */
  for (guint i = 0; i < G_N_ELEMENTS (expected) || looks == 0; i++) {
    if (i >= G_N_ELEMENTS (expected))
      fail_unless (i < 2000, "no frame was looked at");
    if ((seen = take_episode (pass_changing (h, i % G_N_ELEMENTS (expected)), &pts)) != NULL) {
      fail_unless (g_bytes_equal (seen, expected[pts / FRAME]), "frame %u was seen with another's caps", (guint) (pts / FRAME));
      g_bytes_unref (seen);
      looks++;
    }
    g_usleep (i % 2 ? 500 : 15000);
  }
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_bytes_unref (expected[i]);
  test_free (h);
}
GST_END_TEST

static void
keep (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer kept)
{
  g_ptr_array_add (kept, gst_buffer_ref (buffer));
}

/* One branch is captioned, the other is for somebody who must not notice. */
GST_START_TEST (test_tee)
{
  GstElement *bin = test_parse ("tee name=t t. ! " CHAIN "change-threshold=0 t. ! fakesink name=other signal-handoffs=true async=false sync=false");
  GPtrArray *kept = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstElement *other = gst_bin_get_by_name (GST_BIN (bin), "other");
  GstHarness *h;

  g_signal_connect (other, "handoff", G_CALLBACK (keep), kept);
  h = test_harness_of (bin, CAPS_RGB);
  for (guint i = 0; i < 20; i++) {
    GstBuffer *frame = test_frame (CAPS_RGB, i, i), *original = gst_buffer_copy_deep (frame), *out;
    GstMapInfo map;

    out = test_pass (h, frame);
    fail_unless_equals_int (kept->len, i + 1);
    gst_buffer_map (original, &map, GST_MAP_READ);
    gst_check_buffer_data (out, map.data, map.size);
    gst_check_buffer_data (kept->pdata[i], map.data, map.size);
    gst_buffer_unmap (original, &map);
    fail_unless (gst_buffer_peek_memory (out, 0) == gst_buffer_peek_memory (kept->pdata[i], 0), "the picture was copied");
    fail_unless (test_meta (out, "BitmarCaptionMeta") != NULL || i % 10 != 0);
    for (guint m = 0; m < 3; m++)
      fail_if (test_meta (kept->pdata[i], ((const char *[]) { "BitmarEpisodeMeta", "BitmarMemoryMeta", "BitmarCaptionMeta" })[m]));
    gst_buffer_unref (original);
    gst_buffer_unref (out);
  }
  g_ptr_array_unref (kept);
  gst_object_unref (other);
  test_free (h);
}
GST_END_TEST

/* Not live, too, no frame is kept beyond the push. */
GST_START_TEST (test_pool_of_one)
{
  GstHarness *h = test_harness (CHAIN "change-threshold=0", CAPS_RGB);
  GstBufferPool *pool = gst_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstBufferPoolAcquireParams dont_wait = { .flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT };
  GstCaps *caps = gst_caps_from_string (CAPS_RGB);

  test_set (h, "e", "thumbnail-width", "32");
  test_set (h, "e", "max-rate", "0/1");
  gst_buffer_pool_config_set_params (config, caps, 64 * 48 * 3, 1, 1);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  gst_buffer_pool_set_active (pool, TRUE);
  for (guint i = 0; i < 20; i++) {
    GstBuffer *frame = NULL;

    fail_unless_equals_int (gst_buffer_pool_acquire_buffer (pool, &frame, &dont_wait), GST_FLOW_OK);
    gst_buffer_memset (frame, 0, (guint8) (i * 11), -1);
    GST_BUFFER_PTS (frame) = i * FRAME;
    gst_buffer_unref (test_pass (h, frame));
  }
  test_free (h);
  gst_buffer_pool_set_active (pool, FALSE);
  gst_object_unref (pool);
  gst_caps_unref (caps);
}
GST_END_TEST

/* An encoder, and what packs its output for the network. */
static const char *const encoders[] = { "jpegenc", "pngenc", "x264enc tune=zerolatency key-int-max=5", "vp8enc deadline=1", "theoraenc",
  "vp8enc deadline=1 ! rtpvp8pay", "x264enc tune=zerolatency ! rtph264pay", "rtpvrawpay" };

static gboolean
have_all (const char *line)
{
  char **stages = g_strsplit (line, " ! ", -1);
  gboolean have = TRUE;

  for (char **s = stages; *s; s++) {
    char **words = g_strsplit (*s, " ", 2);
    GstElementFactory *factory = gst_element_factory_find (words[0]);

    have &= factory != NULL;
    gst_clear_object (&factory);
    g_strfreev (words);
  }
  g_strfreev (stages);
  return have;
}

GST_START_TEST (test_encoders)
{
  guint tried = 0;

  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++) {
    char *line = g_strdup_printf (CHAIN "min-confidence=0 ! videoconvert ! %s", encoders[i]);
    guint found = 0;

    if (have_all (encoders[i])) {
      GstHarness *h = test_harness (line, CAPS_RGB);
      GstBuffer *out;

      for (guint n = 0; n < 12; n++)
        gst_harness_push (h, test_frame (CAPS_RGB, n, n));
      gst_harness_push_event (h, gst_event_new_eos ());
      for (; (out = gst_harness_try_pull (h)) != NULL; gst_buffer_unref (out)) {
        const GstStructure *s = test_meta (out, "BitmarCaptionMeta");

        found += s && gst_structure_has_field (s, "text");
      }
      fail_unless (found >= 1, "no caption behind %s", encoders[i]);
      test_free (h);
      tried++;
    }
    g_free (line);
  }
  fail_unless (tried >= 1, "there is no encoder at all");
}
GST_END_TEST

static const TestPromise promises[] = {
  { .name = "what the model sees is the same in padded rows and planes, in every format", .test = test_strides },
  { .name = "frames of 8K and of 16384 pixels a side are looked at", .test = test_large },
  { .name = "size and format change while a live frame is looked at", .test = test_live_change },
  { .name = "frames that a tee shares stay bit-identical and without our metadata", .test = test_tee },
  { .name = "not live, an upstream pool of one buffer is never starved", .test = test_pool_of_one },
  { .name = "metadata survives encoders and payloaders", .test = test_encoders },
};

TEST_MAIN ("frames")
