/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

gboolean
bitmar_load_fail (BitmarLoader *l, BitmarError code, const char *format, ...)
{
  va_list args;
  char *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (l->error && !*l->error)
    g_set_error (l->error, BITMAR_ERROR, code, "%s: %s", bitmar_gguf_path (l->file), text);
  g_free (text);
  return FALSE;
}

/* ---- Keys ----------------------------------------------------------------------------------------- */

const BitmarGgufValue *
bitmar_load_scalar (BitmarLoader *l, const char *key, BitmarGgufType type)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, key);

  if (v && !v->is_array && v->type == type)
    return v;
  bitmar_load_fail (l, BITMAR_ERROR_SHAPE, v ? "key %s has another type" : "key %s is missing", key);
  return NULL;
}

gboolean
bitmar_load_uint (BitmarLoader *l, const char *key, guint min, guint max, guint *out)
{
  const BitmarGgufValue *v = bitmar_load_scalar (l, key, BITMAR_GGUF_UINT32);
  double x = v ? bitmar_gguf_number (v, 0) : 0;

  if (!v)
    return FALSE;
  if (x < min || x > max)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "key %s is %.0f, allowed are %u to %u", key, x, min, max);
  *out = x;
  return TRUE;
}

gboolean
bitmar_load_float (BitmarLoader *l, const char *key, float min, float max, float *out)
{
  const BitmarGgufValue *v = bitmar_load_scalar (l, key, BITMAR_GGUF_FLOAT32);
  double x = v ? bitmar_gguf_number (v, 0) : 0;

  if (!v)
    return FALSE;
  if (!(x >= min && x <= max))
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "key %s is %g, allowed are %g to %g", key, x, min, max);
  *out = x;
  return TRUE;
}

gboolean
bitmar_load_is_string (BitmarLoader *l, const char *key, const char *expected)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, key);
  const guint8 *at;
  const char *s;
  gsize n;

  if (!v || v->is_array || v->type != BITMAR_GGUF_STRING)
    return FALSE;
  at = v->data;
  s = bitmar_gguf_next_string (&at, &n);
  return n == strlen (expected) && memcmp (s, expected, n) == 0;
}

const BitmarGgufValue *
bitmar_load_array (BitmarLoader *l, const char *key, BitmarGgufType type)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, key);

  if (v && v->is_array && v->type == type)
    return v;
  bitmar_load_fail (l, BITMAR_ERROR_SHAPE, v ? "key %s is not the array it should be" : "key %s is missing", key);
  return NULL;
}

/* ---- Tensors -------------------------------------------------------------------------------------- */

void *
bitmar_load_allocate (BitmarLoader *l, gsize size)
{
  void *p = NULL;

  if (size == 0 || posix_memalign (&p, BMK_ALIGN, (size + BMK_ALIGN - 1) / BMK_ALIGN * BMK_ALIGN)) {
    bitmar_load_fail (l, BITMAR_ERROR_NO_MEMORY, "%" G_GSIZE_FORMAT " bytes do not fit into memory", size);
    return NULL;
  }
  g_ptr_array_add (l->model->blocks, p);
  l->model->size += size;
  return p;
}

BitmarGgufTensor *
bitmar_load_find_any (BitmarLoader *l, const char *name, const char *part)
{
  char *full = part ? g_strconcat (name, ".", part, NULL) : g_strdup (name);
  BitmarGgufTensor *t = bitmar_gguf_tensor (l->file, full);

  if (!t)
    bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "tensor %s is missing", full);
  else
    t->used = TRUE;
  g_free (full);
  return t;
}

BitmarGgufTensor *
bitmar_load_find (BitmarLoader *l, const char *name, const char *part, BitmarTensorType type)
{
  BitmarGgufTensor *t = bitmar_load_find_any (l, name, part);

  if (!t || t->type == type)
    return t;
  bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "tensor %s has type %d, not %d", t->name, t->type, type);
  return NULL;
}

gboolean
bitmar_load_has_shape (BitmarLoader *l, const BitmarGgufTensor *t, guint64 columns, guint64 rows)
{
  guint dims = rows ? 2 : 1;

  if (t->n_dims == dims && t->dims[0] == columns && (!rows || t->dims[1] == rows))
    return TRUE;
  return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "tensor %s is [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "], expected [%"
      G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "] (fastest first)", t->name, t->dims[0], t->dims[1], columns,
      MAX (rows, 1));
}

void *
bitmar_load_words (BitmarLoader *l, const char *name, const char *part, BitmarTensorType type, guint64 columns, guint64 rows)
{
  BitmarGgufTensor *t = bitmar_load_find (l, name, part, type);
  guint32 *copy;

  if (!t || !bitmar_load_has_shape (l, t, columns, rows) || !(copy = bitmar_load_allocate (l, t->size)))
    return NULL;
  memcpy (copy, t->data, t->size);
  for (gsize i = 0; i < t->size / 4; i++)
    copy[i] = GUINT32_FROM_LE (copy[i]);
  return copy;
}

const float *
bitmar_load_floats (BitmarLoader *l, const char *name, const char *part, guint64 columns, guint64 rows)
{
  float *x = bitmar_load_words (l, name, part, BITMAR_TENSOR_F32, columns, rows);

  for (guint64 i = 0; x && i < columns * MAX (rows, 1); i++)
    if (!isfinite (x[i])) {
      bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "tensor %s%s%s: element %" G_GUINT64_FORMAT " is not finite", name,
          part ? "." : "", part ? part : "", i);
      return NULL;
    }
  if (x)
    l->model->parameters += columns * MAX (rows, 1);
  return x;
}
