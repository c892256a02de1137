/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A GGUF v3 file, read as hostile input: every count, size and offset is held against what is left of the file before
 * it is used, arithmetic is checked, and nothing is trusted that the file says of itself. It knows no model. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BITMAR_GGUF_UINT8 = 0,
  BITMAR_GGUF_INT8,
  BITMAR_GGUF_UINT16,
  BITMAR_GGUF_INT16,
  BITMAR_GGUF_UINT32,
  BITMAR_GGUF_INT32,
  BITMAR_GGUF_FLOAT32,
  BITMAR_GGUF_BOOL,
  BITMAR_GGUF_STRING,
  BITMAR_GGUF_ARRAY,
  BITMAR_GGUF_UINT64,
  BITMAR_GGUF_INT64,
  BITMAR_GGUF_FLOAT64,
  BITMAR_GGUF_N_TYPES
} BitmarGgufType;

typedef enum {
  BITMAR_TENSOR_F32 = 0,
  BITMAR_TENSOR_F16 = 1,
  BITMAR_TENSOR_I8 = 24,
  BITMAR_TENSOR_I32 = 26
} BitmarTensorType;

/* A scalar is an array of one that is_array denies. */
typedef struct {
  const char *key;
  BitmarGgufType type;         /* of the element */
  gboolean is_array;
  guint64 n;
  const guint8 *data;          /* in the file, unaligned; strings: n times (u64 length, bytes) */
  gsize size;
} BitmarGgufValue;

typedef struct {
  const char *name;
  BitmarTensorType type;
  guint n_dims;
  guint64 dims[4];             /* fastest first, as in the file */
  const guint8 *data;
  gsize size;
  gboolean used;               /* by whoever binds tensors to a model */
} BitmarGgufTensor;

typedef struct _BitmarGguf BitmarGguf;

/* Reads and checks the whole structure. OPEN, FORMAT, ARCHITECTURE (a GGUF version we do not read), NO_MEMORY. */
BitmarGguf *bitmar_gguf_open (const char *path, GError **error);
void bitmar_gguf_free (BitmarGguf *file);
/* Lets the tensors and their bytes go; the values stay. */
void bitmar_gguf_drop_tensors (BitmarGguf *file);
const char *bitmar_gguf_path (const BitmarGguf *file);
const guint8 *bitmar_gguf_bytes (const BitmarGguf *file, gsize *size);

gsize bitmar_gguf_n_values (const BitmarGguf *file);
const BitmarGgufValue *bitmar_gguf_value_at (const BitmarGguf *file, gsize i);
/* NULL when absent. */
const BitmarGgufValue *bitmar_gguf_value (const BitmarGguf *file, const char *key);
gsize bitmar_gguf_n_tensors (const BitmarGguf *file);
BitmarGgufTensor *bitmar_gguf_tensor_at (const BitmarGguf *file, gsize i);
BitmarGgufTensor *bitmar_gguf_tensor (const BitmarGguf *file, const char *name);

/* Element i of a value as a number; 0 for a string. */
double bitmar_gguf_number (const BitmarGgufValue *value, guint64 i);
/* The next string of a string value: *at starts at value->data. Not NUL-terminated. */
const char *bitmar_gguf_next_string (const guint8 **at, gsize *length);
/* As text: strings as they are, numbers in C locale, arrays in brackets (the first 64 elements). (transfer full) */
char *bitmar_gguf_value_to_text (const BitmarGgufValue *value);

G_END_DECLS
