/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A thread that tries something again and again until it is stopped, with pauses that grow from a quarter of a second to four. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _Retry Retry;
/* In the thread. FALSE: there is nothing more to try. */
typedef gboolean (*RetryFunc) (gpointer user_data);

/* Its thread waits for retry_begin(), and first of all calls `begin`. */
Retry *retry_new (void (*begin) (gpointer user_data), RetryFunc attempt, gpointer user_data);
void retry_begin (Retry *retry, const char *name);
/* In the thread: it works, so that the next pause is short again; or, at once, there is none; or, later, it is the longest. */
void retry_works (Retry *retry);
void retry_at_once (Retry *retry);
void retry_later (Retry *retry);
gboolean retry_is_stopped (Retry *retry);
/* Any thread. Ends the pause; an attempt that is under way looks at retry_is_stopped(). */
void retry_stop (Retry *retry);
/* Stops it and waits for its thread. */
void retry_free (Retry *retry);

G_END_DECLS
