/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every step on the disk while `armed` may be the last, or fail. The calls that are steps are the including test's. */
#pragma once

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <unistd.h>

static gboolean armed;
static guint steps, die_at, fail_at;
static int failure = EIO;

/* FALSE: the call is to fail, with errno set. */
static gboolean
step (void)
{
  if (!armed)
    return TRUE;
  steps++;
  if (steps == die_at)
    kill (getpid (), SIGKILL);
  if (steps != fail_at)
    return TRUE;
  errno = failure;
  return FALSE;
}
