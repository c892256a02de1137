/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request pad of bitmarcaption (named c) sends, written down. */
#pragma once

#include "common.h"

typedef struct {
  GstPad *pad, *peer;
  GMutex lock;
  GCond cond;
  GPtrArray *items;            /* of GstBuffer and GstEvent; complete once EOS is there */
  GstFlowReturn flow;          /* what it answers to a buffer */
  gboolean eos;
} TestListener;

TestListener *test_listen (GstHarness *h, const char *pad, const char *caps);
void test_wait_eos (TestListener *listener);
/* Waits until that many buffers have come. */
void test_wait_buffers (TestListener *listener, guint n);
guint test_count_buffers (TestListener *listener);
/* The n-th buffer of those that have come. (transfer none) */
GstBuffer *test_nth_buffer (TestListener *listener, guint n);
void test_listener_free (GstHarness *h, TestListener *listener);
