/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "listener.h"

static void
note (TestListener *l, gpointer item, gboolean eos)
{
  g_mutex_lock (&l->lock);
  g_ptr_array_add (l->items, item);
  l->eos |= eos;
  g_cond_broadcast (&l->cond);
  g_mutex_unlock (&l->lock);
}

static GstFlowReturn
listener_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  TestListener *l = gst_pad_get_element_private (pad);

  note (l, buffer, FALSE);
  return l->flow;
}

static gboolean
listener_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  note (gst_pad_get_element_private (pad), event, GST_EVENT_TYPE (event) == GST_EVENT_EOS);
  return TRUE;
}

TestListener *
test_listen (GstHarness *h, const char *pad_name, const char *text)
{
  TestListener *l = g_new0 (TestListener, 1);
  GstElement *c = test_child (h, "c");
  GstCaps *caps = gst_caps_from_string (text);
  GstPadTemplate *template = gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps);

  l->items = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_mini_object_unref);
  l->peer = gst_pad_new_from_template (template, "sink");
  gst_pad_set_element_private (l->peer, l);
  gst_pad_set_chain_function (l->peer, listener_chain);
  gst_pad_set_event_function (l->peer, listener_event);
  gst_pad_set_active (l->peer, TRUE);
  l->pad = gst_element_request_pad_simple (c, pad_name);
  fail_unless (l->pad != NULL);
  fail_unless_equals_int (gst_pad_link_full (l->pad, l->peer, GST_PAD_LINK_CHECK_NOTHING), GST_PAD_LINK_OK);
  gst_object_unref (template);
  gst_caps_unref (caps);
  gst_object_unref (c);
  return l;
}

void
test_wait_eos (TestListener *l)
{
  gint64 until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  g_mutex_lock (&l->lock);
  while (!l->eos)
    fail_unless (g_cond_wait_until (&l->cond, &l->lock, until), "no EOS on the pad");
  g_mutex_unlock (&l->lock);
}

void
test_listener_free (GstHarness *h, TestListener *l)
{
  GstElement *c = test_child (h, "c");

  gst_pad_unlink (l->pad, l->peer);
  gst_element_release_request_pad (c, l->pad);
  gst_object_unref (l->pad);
  gst_pad_set_active (l->peer, FALSE);
  gst_object_unref (l->peer);
  g_ptr_array_unref (l->items);
  gst_object_unref (c);
  g_free (l);
}

guint
test_count_buffers (TestListener *l)
{
  guint n = 0;

  g_mutex_lock (&l->lock);
  for (guint i = 0; i < l->items->len; i++)
    n += GST_IS_BUFFER (l->items->pdata[i]);
  g_mutex_unlock (&l->lock);
  return n;
}

void
test_wait_buffers (TestListener *l, guint n)
{
  for (guint i = 0; i < 4000 && test_count_buffers (l) < n; i++)
    g_usleep (5000);
  fail_unless (test_count_buffers (l) >= n, "%u buffers on the pad", test_count_buffers (l));
}

GstBuffer *
test_nth_buffer (TestListener *l, guint n)
{
  GstBuffer *buffer = NULL;

  g_mutex_lock (&l->lock);
  for (guint i = 0; i < l->items->len && !buffer; i++)
    if (GST_IS_BUFFER (l->items->pdata[i]) && n-- == 0)
      buffer = l->items->pdata[i];
  g_mutex_unlock (&l->lock);
  return buffer;
}
