/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a model is read with: keys in their ranges, tensors of the one shape that the keys imply. The first thing that is wrong becomes the
 * error, which names the file; from then on everything fails. */
#pragma once

#include "vision.h"

G_BEGIN_DECLS

#define BITMAR_MAX_WIDTH 8192
#define BITMAR_MAX_LAYERS 64

struct _BitmarLoader {
  BitmarModel *model;
  BitmarGguf *file;
  GError **error;
};

/* Always FALSE. */
gboolean bitmar_load_fail (BitmarLoader *l, BitmarError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

const BitmarGgufValue *bitmar_load_scalar (BitmarLoader *l, const char *key, BitmarGgufType type);
gboolean bitmar_load_uint (BitmarLoader *l, const char *key, guint min, guint max, guint *out);
gboolean bitmar_load_float (BitmarLoader *l, const char *key, float min, float max, float *out);
/* No error: whether the key is there and says that. */
gboolean bitmar_load_is_string (BitmarLoader *l, const char *key, const char *expected);
const BitmarGgufValue *bitmar_load_array (BitmarLoader *l, const char *key, BitmarGgufType type);

/* Memory that lives as long as the model, BMK_ALIGN-aligned. */
void *bitmar_load_allocate (BitmarLoader *l, gsize size);
/* The tensor NAME.PART, or NAME where part is NULL; of any type, or of one. */
BitmarGgufTensor *bitmar_load_find_any (BitmarLoader *l, const char *name, const char *part);
BitmarGgufTensor *bitmar_load_find (BitmarLoader *l, const char *name, const char *part, BitmarTensorType type);
/* columns: ne[0]; rows: ne[1], or 0 for a vector. */
gboolean bitmar_load_has_shape (BitmarLoader *l, const BitmarGgufTensor *t, guint64 columns, guint64 rows);
/* A copy in host order of `rows` x `columns` four-byte elements (rows = 0: a vector). */
void *bitmar_load_words (BitmarLoader *l, const char *name, const char *part, BitmarTensorType type, guint64 columns, guint64 rows);
/* The same of floats, all finite. */
const float *bitmar_load_floats (BitmarLoader *l, const char *name, const char *part, guint64 columns, guint64 rows);

G_END_DECLS
