/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The backend of the event log, a module that is loaded when it is first needed and stays. */
#pragma once

#include "bitmar-event-store.h"
#include "bitmar.h"

G_BEGIN_DECLS

/* Thread-safe. NULL: MODULE. */
const BmsBackend *bitmar_event_store_get (GError **error);
/* FALSE, always. */
gboolean bitmar_event_store_fail (const BmsError *store, GError **error);

/* event.c: a counted copy, of strings and embedding too. width 0: no embedding. */
BitmarEvent *bitmar_event_copy (const BitmarEvent *event, gsize width);
/* Whether it may be appended: PARAMETER, ENCODING, TOO_LONG. */
gboolean bitmar_event_check (const BitmarEvent *event, gsize width, GError **error);

G_END_DECLS
