/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libbitmar: the engine without GStreamer. A #BitmarModel is read-only once loaded and shared by any number of
 * encoders, memories and captioners; each of those belongs to one stream and is used by one thread at a time.
 * After construction nothing here allocates per frame or per token. docs/embedding.md tells how it is embedded. */
#pragma once

#include "bitmar-error.h"
#include "bitmar-model.h"
#include "bitmar-image.h"
#include "bitmar-episode.h"
#include "bitmar-encoder.h"
#include "bitmar-memory.h"
#include "bitmar-captioner.h"
#include "bitmar-event-log.h"
#include "bitmar-alerts.h"
