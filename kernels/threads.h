/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A small pool for the largest layers. One caller uses it at a time; another one meanwhile, a second stream, works alone. */
#pragma once

#include <stddef.h>

/* Units from..to-1; on any thread, several at once. */
typedef void (*BmkTask) (void *data, size_t from, size_t to);

/* Units 0..count-1 in pieces of `grain`; returns when all are done. */
void bmk_parallel (BmkTask task, void *data, size_t count, size_t grain);
