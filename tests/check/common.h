/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames to push, and harnesses around our elements. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#define CAPS_RGB "video/x-raw, format=RGB, width=64, height=48, framerate=10/1"
#define FRAME (100 * GST_MSECOND)
#define CHAIN "bitmarencode name=e ! bitmarmemory name=m ! bitmarcaption name=c "

/* A frame of large smooth shapes in the caps; `look` tells which. PTS = n * FRAME. */
GstBuffer *test_frame (const char *caps, guint look, guint n);

/* A harness with a bus around a launch line whose elements may be named; upstream is not live; caps and segment are sent. */
GstHarness *test_harness (const char *line, const char *caps);
/* The same in two steps, for what must be set before the harness plays. */
GstElement *test_parse (const char *line);
GstHarness *test_harness_of (GstElement *bin, const char *caps);
/* (transfer full) */
GstElement *test_child (GstHarness *h, const char *name);
void test_set (GstHarness *h, const char *child, const char *property, const char *value);
/* Pushes a frame and takes what comes out; it must come. (transfer full) */
GstBuffer *test_pass (GstHarness *h, GstBuffer *frame);
/* The next message of that kind within 20 s (element messages by structure name); NULL if none. */
GstMessage *test_wait_message (GstHarness *h, GstMessageType type, const char *name);
/* The next one that is there already. */
GstMessage *test_pop_message (GstHarness *h, GstMessageType type, const char *name);
/* Until that many elements have their model. */
void test_wait_loaded (GstHarness *h, guint elements);
/* Structure of a buffer's meta, NULL without one. */
const GstStructure *test_meta (GstBuffer *buffer, const char *name);
/* FLUSH_START, FLUSH_STOP and a segment from zero. */
void test_flush (GstHarness *h);
void test_free (GstHarness *h);

char *test_model_path (void);

/* What an element promises, and the test that fails when it doesn't. meson.build reads the names off the source, one table entry a line, and
 * makes each a test of its own. */
typedef struct {
  const char *name;            /* plain words; no colon, which Meson keeps for itself */
  TFun test;
  guint from, to;              /* rounds, __i__ from `from` up to and without `to`; to = 0: once */
  const char *needs;           /* an environment variable, with a path behind it or not, without which it is skipped; or NULL */
} TestPromise;

/* Runs all, or the one that is named on the command line. A name that is none is a failure. */
int test_main (int argc, char **argv, const char *suite, const TestPromise *promises, guint n);
#define TEST_MAIN(suite) \
  int main (int argc, char **argv) { return test_main (argc, argv, suite, promises, G_N_ELEMENTS (promises)); }
