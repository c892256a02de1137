/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connection to the broker, made again and again. All but what looks up the host's name is in the caller's thread, which polls for it; nothing
 * waits. */
#pragma once

#include <poll.h>

#include "options.h"

G_BEGIN_DECLS

typedef struct _MqttLink MqttLink;

typedef struct {
  /* What is given to it is taken from now on. */
  void (*up) (gpointer data);
  /* Nothing is taken any more. lost: what was given and has not landed never will; else it is sent again by itself. */
  void (*down) (gpointer data, gboolean lost);
  void (*landed) (gpointer data, int mid);
  /* Why the broker can't be had, in words; each reason once until it has been had for a while. back: it can be had again. */
  void (*told) (gpointer data, const char *words, gboolean back);
} MqttLinkFuncs;

/* wake: an eventfd that is written when mqtt_link_run() has something to do. options must outlive it. */
MqttLink *mqtt_link_new (const MqttOptions *options, const char *client_id, const char *status_topic, int wake, const MqttLinkFuncs *funcs,
    gpointer data);
/* Connects, or begins to, where it is time to. -> ms until it must be run again, -1: not before something happens */
int mqtt_link_run (MqttLink *link);
/* FALSE: there is nothing to poll for. */
gboolean mqtt_link_poll (MqttLink *link, struct pollfd *to);
void mqtt_link_handle (MqttLink *link, int events);
gboolean mqtt_link_is_up (const MqttLink *link);
/* The last try failed, and the next is not under way. */
gboolean mqtt_link_has_failed (const MqttLink *link);
/* FALSE: the link is down now, or, with *impossible, no broker would take this. */
gboolean mqtt_link_publish (MqttLink *link, int *mid, const char *topic, const char *payload, gboolean retain, gboolean *impossible);
void mqtt_link_drop (MqttLink *link, const char *why);
/* said_goodbye: an end with no last will. */
void mqtt_link_free (MqttLink *link, gboolean said_goodbye);

G_END_DECLS
