/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loads a model in a thread of its own, tells of it with PROGRESS messages, and posts a real ERROR when it can't. */
#pragma once

#include <gst/gst.h>

#include "bitmar.h"

G_BEGIN_DECLS

typedef struct _BitmarLoader BitmarLoader;
/* In the loader's thread, with no lock held: makes what the element needs of a model. */
typedef gboolean (*BitmarLoaderFunc) (BitmarModel *model, gpointer user_data, GError **error);

/* path = NULL: the default model. The element outlives the loader. */
BitmarLoader *bitmar_loader_new (GstElement *element, const char *path, BitmarLoaderFunc loaded, gpointer user_data);
/* Waits for a load that runs (tens of milliseconds); no ERROR is posted any more. The model stays. */
void bitmar_loader_join (BitmarLoader *loader);
/* After joining. */
void bitmar_loader_free (BitmarLoader *loader);
/* Waiters return at once; FALSE undoes it. */
void bitmar_loader_set_interrupted (BitmarLoader *loader, gboolean interrupted);
/* The model, borrowed. NULL: interrupted (*failed = FALSE) or failed. With `wait` = FALSE also: not there yet. */
BitmarModel *bitmar_loader_get (BitmarLoader *loader, gboolean wait, gboolean *failed);

/* Posts an ERROR for one of the engine's errors: RESOURCE NOT_FOUND or OPEN_READ for a file that can't be read, STREAM WRONG_TYPE
 * for another kind of file, STREAM DECODE for a damaged one, LIBRARY SETTINGS for a property the model can't honour. */
void bitmar_post_error (GstElement *element, const GError *error, const char *path);

G_END_DECLS
