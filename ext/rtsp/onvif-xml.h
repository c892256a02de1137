/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Captions and alerts as ONVIF metadata: one XML document, tt:MetadataStream, of any number of events. Whatever a caption, a name or a sentence
 * holds, the document is well-formed. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *utc;                   /* of the frame, as bitmar_onvif_time() writes it */
  char *source;                /* the camera's name, NULL: none */
  guint64 id;
  char *text;
  double confidence, novelty;
  gboolean fallback;
  char *model;                 /* NULL: not known */
} BitmarOnvifCaption;

typedef struct {
  char *utc;                   /* of the frame that started or ended it */
  char *source, *name, *sentence;
  gboolean active;             /* it has started; FALSE: it has ended */
  double score, peak;
} BitmarOnvifAlert;

/* "Initialized" of what is said again for those who join, else "Changed": the words of ONVIF's PropertyOperation. */
typedef enum {
  BITMAR_ONVIF_CHANGED,
  BITMAR_ONVIF_INITIALIZED
} BitmarOnvifOperation;

/* UTC with milliseconds and Z; ns since 1970. (transfer full) */
char *bitmar_onvif_time (gint64 ns);

/* A document is begun, filled and ended; with nothing in it, it is a valid one, too. */
void bitmar_onvif_begin (GString *xml);
void bitmar_onvif_add_caption (GString *xml, const BitmarOnvifCaption *caption, BitmarOnvifOperation operation);
void bitmar_onvif_add_alert (GString *xml, const BitmarOnvifAlert *alert, BitmarOnvifOperation operation);
void bitmar_onvif_end (GString *xml);

void bitmar_onvif_caption_clear (BitmarOnvifCaption *caption);
void bitmar_onvif_alert_free (BitmarOnvifAlert *alert);

G_END_DECLS
