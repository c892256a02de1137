/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A source whose video is captioned and, encoded, goes on to something else: a file, an RTSP server. What the camera sends goes on as it is where
 * that will do; else it is encoded anew. A source that goes away is asked for again and again, by a pipeline made anew. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  const char *input;           /* an address, or else a file's path or a device */
  const char *name;            /* of the camera, in captions */
  const char *pass;            /* caps of what may go on as it is */
  gboolean paced;              /* a file is seen as a camera would show it */
  gboolean repeat;             /* a file begins again at its end */
  gboolean burn_in;            /* captions are drawn on the video, which is therefore encoded anew */
  const char *model_path, *prompt;     /* NULL: the elements' */
  const char *alerts;          /* rules of docs/alerts.md, NULL: none */
  double min_confidence;       /* < 0: the element's */
  double interval;             /* s from one look to the next, 0: the element's */
} IntakeOptions;

typedef enum {
  INTAKE_CONNECTING,
  INTAKE_RUNNING,              /* frames come */
  INTAKE_WAITING,              /* it is away, why says why; it is asked for again and again */
  INTAKE_ENDED,                /* a file, at its end */
  INTAKE_FAILED                /* a file, why says why */
} IntakeState;

/* All in the intake's thread but where it says otherwise. */
typedef struct {
  /* What stands behind the elements "video", a queue of encoded video, and "c", a bitmarcaptionbin: in gst-launch-1.0's language. Of video of these
   * caps. In a streaming thread. (transfer full) */
  char *(*describe) (const GstCaps *caps, gpointer user_data);
  /* All of it is made and nothing plays. In a streaming thread. */
  void (*prepare) (GstElement *bin, gpointer user_data);
  void (*message) (GstMessage *message, gpointer user_data);
  /* Some times a second. */
  void (*tick) (gpointer user_data);
  /* Where prepare was, once: the pipeline has come to its end and is no more. (transfer full) Not NULL: what failed there. */
  char *(*over) (gpointer user_data);
  void (*state) (IntakeState state, const char *why, gpointer user_data);
  /* May be NULL. Before the source is asked. (transfer full) Not NULL: why it would be in vain. */
  char *(*obstacle) (gpointer user_data);
} IntakeFuncs;

typedef struct _Intake Intake;

/* options and funcs outlive it. */
Intake *intake_new (const IntakeOptions *options, const IntakeFuncs *funcs, gpointer user_data);
/* Asks it to end, does not wait. What is open is closed as it would be at the end of a file. */
void intake_stop (Intake *intake);
void intake_free (Intake *intake);

/* The base of an input's name without what a name of a file or a mount can't hold. (transfer full) */
char *intake_make_name (const char *input);

G_END_DECLS
