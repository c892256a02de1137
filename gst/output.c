/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "output.h"

/* Minutes of text; a queue that long has a consumer that is stuck or slower than the video. */
#define MAX_ITEMS 1000
/* What one frame may add without asking. */
#define HEADROOM 100

struct _BitmarOutput {
  GstPad *pad;
  BitmarOutputCaps caps;
  BitmarOutputIdle idle;
  gpointer user_data;
  GMutex task_lock;            /* a flush may come while the pad is deactivated; taken before the other */
  gboolean active, retired;
  GMutex lock;                 /* of the rest */
  GCond cond;
  GQueue items;                /* of GstBuffer and GstEvent */
  gboolean flushing, begun;
  GstFlowReturn flow;
  guint64 dropped;
};

/* ---- The task ------------------------------------------------------------------------------------- */

static void
send (BitmarOutput *output, GstMiniObject *item)
{
  GstFlowReturn flow;

  if (GST_IS_EVENT (item)) {
    gst_pad_push_event (output->pad, GST_EVENT (item));
    return;
  }
  flow = gst_pad_push (output->pad, GST_BUFFER (item));
  g_mutex_lock (&output->lock);
  output->flow = flow;
  g_mutex_unlock (&output->lock);
}

/* The next item; NULL when flushing, or when it is quiet for too long. Lock held. */
static GstMiniObject *
next_item (BitmarOutput *output)
{
  gint64 until = g_get_monotonic_time () + BITMAR_OUTPUT_IDLE_US;
  GstMiniObject *item = NULL;

  while (!output->flushing && !(item = g_queue_pop_head (&output->items)))
    if (!g_cond_wait_until (&output->cond, &output->lock, until))
      break;
  g_cond_broadcast (&output->cond);
  return item;
}

static void
loop (gpointer data)
{
  BitmarOutput *output = data;
  GstMiniObject *item;
  gboolean flushing;

  g_mutex_lock (&output->lock);
  item = next_item (output);
  flushing = output->flushing;
  g_mutex_unlock (&output->lock);
  if (item)
    send (output, item);
  else if (flushing)
    gst_pad_pause_task (output->pad);
  else
    output->idle (output->user_data);
}

/* STREAM_START and CAPS outlive a flush, as they do on a pad. */
static gboolean
survives_flush (GstMiniObject *item)
{
  return GST_IS_EVENT (item) && (GST_EVENT_TYPE (item) == GST_EVENT_STREAM_START
      || GST_EVENT_TYPE (item) == GST_EVENT_CAPS);
}

/* lock held */
static void
drop_items (BitmarOutput *output, gboolean all)
{
  guint n = output->items.length;

  while (n-- > 0) {
    GstMiniObject *item = g_queue_pop_head (&output->items);

    if (!all && survives_flush (item))
      g_queue_push_tail (&output->items, item);
    else
      gst_mini_object_unref (item);
  }
}

static void
set_flushing (BitmarOutput *output, gboolean flushing, gboolean all)
{
  g_mutex_lock (&output->lock);
  output->flushing = flushing;
  if (flushing)
    drop_items (output, all);
  output->flow = GST_FLOW_OK;
  g_cond_broadcast (&output->cond);
  g_mutex_unlock (&output->lock);
}

static gboolean
activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  BitmarOutput *output = gst_pad_get_element_private (pad);
  gboolean done;

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  g_mutex_lock (&output->task_lock);
  active &= !output->retired;
  output->active = active;
  set_flushing (output, !active, TRUE);
  done = active ? gst_pad_start_task (pad, loop, output, NULL) : gst_pad_stop_task (pad);
  g_mutex_unlock (&output->task_lock);
  if (active)
    return done;
  g_mutex_lock (&output->lock);
  output->begun = FALSE;
  g_mutex_unlock (&output->lock);
  return done;
}

/* With the pad's last reference: an element that changes its state activates pads that it has just lost. */
static void
output_finalize (gpointer data)
{
  BitmarOutput *output = data;

  g_queue_clear_full (&output->items, (GDestroyNotify) gst_mini_object_unref);
  g_mutex_clear (&output->lock);
  g_mutex_clear (&output->task_lock);
  g_cond_clear (&output->cond);
  g_free (output);
}

/* ---- For the element ------------------------------------------------------------------------------ */

BitmarOutput *
bitmar_output_new (GstPadTemplate *template, const char *name, BitmarOutputCaps caps, BitmarOutputIdle idle,
    gpointer user_data)
{
  BitmarOutput *output = g_new0 (BitmarOutput, 1);

  g_mutex_init (&output->task_lock);
  g_mutex_init (&output->lock);
  g_cond_init (&output->cond);
  output->caps = caps;
  output->idle = idle;
  output->user_data = user_data;
  output->flushing = TRUE;
  output->pad = gst_object_ref_sink (gst_pad_new_from_template (template, name));
  gst_pad_set_element_private (output->pad, output);
  g_object_set_data_full (G_OBJECT (output->pad), "bitmar-output", output, output_finalize);
  gst_pad_set_activatemode_function (output->pad, activate_mode);
  gst_pad_use_fixed_caps (output->pad);
  return output;
}

void
bitmar_output_retire (BitmarOutput *output)
{
  g_mutex_lock (&output->task_lock);
  output->retired = TRUE;
  g_mutex_unlock (&output->task_lock);
  gst_pad_set_active (output->pad, FALSE);
}

void
bitmar_output_free (BitmarOutput *output)
{
  gst_object_unref (output->pad);
}

GstPad *
bitmar_output_get_pad (BitmarOutput *output)
{
  return output->pad;
}

static gboolean
is_data (GstMiniObject *item)
{
  return GST_IS_BUFFER (item) || GST_EVENT_TYPE (item) == GST_EVENT_GAP;
}

/* lock held */
static void
drop_oldest (BitmarOutput *output)
{
  for (GList *l = output->items.head; l; l = l->next)
    if (is_data (l->data)) {
      gst_mini_object_unref (l->data);
      g_queue_delete_link (&output->items, l);
      output->dropped++;
      return;
    }
}

/* lock held, not flushing */
static void
queue_item (BitmarOutput *output, GstMiniObject *item)
{
  if (output->items.length >= MAX_ITEMS)
    drop_oldest (output);
  g_queue_push_tail (&output->items, item);
  g_cond_broadcast (&output->cond);
}

void
bitmar_output_push (BitmarOutput *output, GstMiniObject *item)
{
  g_mutex_lock (&output->lock);
  if (!output->flushing && output->begun)
    queue_item (output, g_steal_pointer (&item));
  g_mutex_unlock (&output->lock);
  if (item)
    gst_mini_object_unref (item);
}

void
bitmar_output_wait (BitmarOutput *output)
{
  g_mutex_lock (&output->lock);
  while (!output->flushing && output->items.length >= MAX_ITEMS - HEADROOM)
    g_cond_wait (&output->cond, &output->lock);
  g_mutex_unlock (&output->lock);
}

static GstEvent *
stream_start (BitmarOutput *output, GstPad *sinkpad)
{
  GstElement *element = gst_pad_get_parent_element (sinkpad);
  GstEvent *upstream = gst_pad_get_sticky_event (sinkpad, GST_EVENT_STREAM_START, 0);
  char *id = gst_pad_create_stream_id (output->pad, element, GST_PAD_NAME (output->pad));
  GstEvent *event = gst_event_new_stream_start (id);
  guint group;

  gst_event_set_stream_flags (event, GST_STREAM_FLAG_SPARSE);
  if (upstream && gst_event_parse_group_id (upstream, &group))
    gst_event_set_group_id (event, group);
  gst_clear_event (&upstream);
  g_free (id);
  gst_object_unref (element);
  return event;
}

static GstEvent *
caps_event (BitmarOutput *output)
{
  GstCaps *template = gst_pad_get_pad_template_caps (output->pad);
  GstCaps *allowed = gst_pad_peer_query_caps (output->pad, template);
  GstCaps *caps = output->caps (allowed, output->user_data);
  GstEvent *event = gst_event_new_caps (caps);

  gst_caps_unref (caps);
  gst_caps_unref (allowed);
  gst_caps_unref (template);
  return event;
}

/* lock held */
static void
queue_begin (BitmarOutput *output, GstEvent *const first[2], GstEvent *segment)
{
  if (output->flushing || (!output->begun && !first[0]))
    return;
  for (guint i = 0; i < 2 && !output->begun; i++)
    queue_item (output, GST_MINI_OBJECT (gst_event_ref (first[i])));
  output->begun = TRUE;
  queue_item (output, GST_MINI_OBJECT (gst_event_ref (segment)));
}

/* All or nothing: the pad may become active, or go and come back, at any moment. What is not begun then is begun with the next frame. */
void
bitmar_output_begin (BitmarOutput *output, GstPad *sinkpad, const GstSegment *segment)
{
  gboolean begun = bitmar_output_has_begun (output);
  GstEvent *first[2] = { begun ? NULL : stream_start (output, sinkpad), begun ? NULL : caps_event (output) };
  GstEvent *last = gst_event_new_segment (segment);

  g_mutex_lock (&output->lock);
  queue_begin (output, first, last);
  g_mutex_unlock (&output->lock);
  gst_clear_event (&first[0]);
  gst_clear_event (&first[1]);
  gst_event_unref (last);
}

gboolean
bitmar_output_has_begun (BitmarOutput *output)
{
  gboolean begun;

  g_mutex_lock (&output->lock);
  begun = output->begun;
  g_mutex_unlock (&output->lock);
  return begun;
}

void
bitmar_output_flush (BitmarOutput *output, GstEvent *event)
{
  gboolean start = GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START;

  if (start)
    set_flushing (output, TRUE, FALSE);
  /* Ends a push that blocks downstream, so that the task can pause. */
  gst_pad_push_event (output->pad, gst_event_ref (event));
  g_mutex_lock (&output->task_lock);
  if (output->active && start)
    gst_pad_pause_task (output->pad);
  if (output->active && !start) {
    set_flushing (output, FALSE, FALSE);
    gst_pad_start_task (output->pad, loop, output, NULL);
  }
  g_mutex_unlock (&output->task_lock);
}

GstFlowReturn
bitmar_output_get_flow (BitmarOutput *output)
{
  GstFlowReturn flow;

  g_mutex_lock (&output->lock);
  flow = output->flow;
  g_mutex_unlock (&output->lock);
  return flow;
}

guint64
bitmar_output_get_dropped (BitmarOutput *output)
{
  guint64 dropped;

  g_mutex_lock (&output->lock);
  dropped = output->dropped;
  g_mutex_unlock (&output->lock);
  return dropped;
}
