/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a GGUF file to a model. The file is hostile until proven otherwise: its checksum is held against its bytes, every key has
 * a range, every tensor the one shape the keys imply, ternary codes are legal, floats are finite, and nothing is left over. */
#include "model-load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model-private.h"

#define FORMAT 1
#define DIGITS 64              /* of a SHA-256 */
#define MAX_WIDTH 8192
#define MAX_LAYERS 64

typedef struct {
  BitmarModel *model;
  BitmarGguf *file;
  GError **error;
} Loader;

static gboolean G_GNUC_PRINTF (3, 4)
fail (Loader *l, BitmarError code, const char *format, ...)
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

static const BitmarGgufValue *
scalar (Loader *l, const char *key, BitmarGgufType type)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, key);

  if (v && !v->is_array && v->type == type)
    return v;
  fail (l, BITMAR_ERROR_SHAPE, v ? "key %s has another type" : "key %s is missing", key);
  return NULL;
}

static gboolean
get_uint (Loader *l, const char *key, guint min, guint max, guint *out)
{
  const BitmarGgufValue *v = scalar (l, key, BITMAR_GGUF_UINT32);
  double x = v ? bitmar_gguf_number (v, 0) : 0;

  if (!v)
    return FALSE;
  if (x < min || x > max)
    return fail (l, BITMAR_ERROR_SHAPE, "key %s is %.0f, allowed are %u to %u", key, x, min, max);
  *out = x;
  return TRUE;
}

static gboolean
get_float (Loader *l, const char *key, float min, float max, float *out)
{
  const BitmarGgufValue *v = scalar (l, key, BITMAR_GGUF_FLOAT32);
  double x = v ? bitmar_gguf_number (v, 0) : 0;

  if (!v)
    return FALSE;
  if (!(x >= min && x <= max))
    return fail (l, BITMAR_ERROR_SHAPE, "key %s is %g, allowed are %g to %g", key, x, min, max);
  *out = x;
  return TRUE;
}

static gboolean
is_string (Loader *l, const char *key, const char *expected)
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

static const BitmarGgufValue *
array (Loader *l, const char *key, BitmarGgufType type)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, key);

  if (v && v->is_array && v->type == type)
    return v;
  fail (l, BITMAR_ERROR_SHAPE, v ? "key %s is not the array it should be" : "key %s is missing", key);
  return NULL;
}

/* ---- The file as a whole -------------------------------------------------------------------------- */

static gboolean
check_sum (Loader *l)
{
  static const char zeros[DIGITS + 1] = "0000000000000000000000000000000000000000000000000000000000000000";
  const BitmarGgufValue *v = scalar (l, "bitmar.sha256", BITMAR_GGUF_STRING);
  GChecksum *sum;
  const guint8 *bytes, *at;
  const char *digits;
  gsize size, n;

  if (!v)
    return FALSE;
  at = v->data;
  digits = bitmar_gguf_next_string (&at, &n);
  if (n != DIGITS)
    return fail (l, BITMAR_ERROR_CORRUPT, "its checksum has %" G_GSIZE_FORMAT " digits", n);
  bytes = bitmar_gguf_bytes (l->file, &size);
  sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (sum, bytes, (const guint8 *) digits - bytes);
  g_checksum_update (sum, (const guint8 *) zeros, DIGITS);
  g_checksum_update (sum, at, bytes + size - at);
  l->model->id = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  if (memcmp (l->model->id, digits, DIGITS))
    return fail (l, BITMAR_ERROR_CORRUPT, "the checksum does not match: the file is damaged");
  return TRUE;
}

static gboolean
check_architecture (Loader *l)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, "bitmar.format");

  if (!is_string (l, "general.architecture", "bitmar"))
    return fail (l, BITMAR_ERROR_ARCHITECTURE, "a GGUF file, but not of a BitMar model");
  if (!v || v->is_array || v->type != BITMAR_GGUF_UINT32 || bitmar_gguf_number (v, 0) != FORMAT)
    return fail (l, BITMAR_ERROR_ARCHITECTURE, "a BitMar model of another format than %d", FORMAT);
  if (!is_string (l, "bitmar.vision.backbone", "efficientnet-lite"))
    return fail (l, BITMAR_ERROR_ARCHITECTURE, "its backbone is not one this build runs");
  return TRUE;
}

/* ---- Tensors -------------------------------------------------------------------------------------- */

static void *
allocate (Loader *l, gsize size)
{
  void *p = NULL;

  if (size == 0 || posix_memalign (&p, BMK_ALIGN, (size + BMK_ALIGN - 1) / BMK_ALIGN * BMK_ALIGN)) {
    fail (l, BITMAR_ERROR_NO_MEMORY, "%" G_GSIZE_FORMAT " bytes do not fit into memory", size);
    return NULL;
  }
  g_ptr_array_add (l->model->blocks, p);
  l->model->size += size;
  return p;
}

static BitmarGgufTensor *
find (Loader *l, const char *name, const char *part, BitmarTensorType type)
{
  char *full = part ? g_strconcat (name, ".", part, NULL) : g_strdup (name);
  BitmarGgufTensor *t = bitmar_gguf_tensor (l->file, full);

  if (!t)
    fail (l, BITMAR_ERROR_SHAPE, "tensor %s is missing", full);
  else if (t->type != type) {
    fail (l, BITMAR_ERROR_SHAPE, "tensor %s has type %d, not %d", full, t->type, type);
    t = NULL;
  } else
    t->used = TRUE;
  g_free (full);
  return t;
}

/* columns: ne[0]; rows: ne[1], or 0 for a vector. */
static gboolean
has_shape (Loader *l, const BitmarGgufTensor *t, guint64 columns, guint64 rows)
{
  guint dims = rows ? 2 : 1;

  if (t->n_dims == dims && t->dims[0] == columns && (!rows || t->dims[1] == rows))
    return TRUE;
  return fail (l, BITMAR_ERROR_SHAPE, "tensor %s is [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "], expected [%"
      G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "] (fastest first)", t->name, t->dims[0], t->dims[1], columns,
      MAX (rows, 1));
}

/* A copy in host order of `rows` x `columns` four-byte elements (rows = 0: a vector). */
static void *
words (Loader *l, const char *name, const char *part, BitmarTensorType type, guint64 columns, guint64 rows)
{
  BitmarGgufTensor *t = find (l, name, part, type);
  guint32 *copy;

  if (!t || !has_shape (l, t, columns, rows) || !(copy = allocate (l, t->size)))
    return NULL;
  memcpy (copy, t->data, t->size);
  for (gsize i = 0; i < t->size / 4; i++)
    copy[i] = GUINT32_FROM_LE (copy[i]);
  return copy;
}

static const float *
floats (Loader *l, const char *name, const char *part, guint64 columns, guint64 rows)
{
  float *x = words (l, name, part, BITMAR_TENSOR_F32, columns, rows);

  for (guint64 i = 0; x && i < columns * MAX (rows, 1); i++)
    if (!isfinite (x[i])) {
      fail (l, BITMAR_ERROR_CORRUPT, "tensor %s%s%s: element %" G_GUINT64_FORMAT " is not finite", name,
          part ? "." : "", part ? part : "", i);
      return NULL;
    }
  if (x)
    l->model->parameters += columns * MAX (rows, 1);
  return x;
}

/* n outputs, k inputs */
static gboolean
linear (Loader *l, const char *name, gsize n, gsize k, BmkLinear *out)
{
  BitmarGgufTensor *t = find (l, name, "weight", BITMAR_TENSOR_I8);
  gsize size;
  void *data;

  if (!t || !has_shape (l, t, k / 4, n))
    return FALSE;
  size = bmk_ternary_packed_size (n, k);
  if (!size)
    return fail (l, BITMAR_ERROR_SHAPE, "%s: %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " cannot be packed", name, n, k);
  if (!(data = allocate (l, size)))
    return FALSE;
  if (!bmk_ternary_pack (data, t->data, n, k))
    return fail (l, BITMAR_ERROR_CORRUPT, "%s: an illegal ternary code", name);
  l->model->parameters += (guint64) n * k;
  *out = (BmkLinear) { .n = n, .k = k, .data = data, .scale = floats (l, name, "scale", n, 0) };
  return out->scale != NULL;
}

static gboolean
layer_linear (Loader *l, const char *stage, guint layer, const char *part, gsize n, gsize k, BmkLinear *out)
{
  char *name = g_strdup_printf ("%s.blk.%u.%s", stage, layer, part);
  gboolean done = linear (l, name, n, k, out);

  g_free (name);
  return done;
}

/* ---- Backbone ------------------------------------------------------------------------------------- */

typedef enum { STEM, DEPTHWISE, POINTWISE } Kind;

static gboolean
pack_conv (Kind kind, void *dst, const int8_t *w, const BmkConv *c)
{
  switch (kind) {
    case STEM:
      return bmk_stem_pack (dst, w, c->cout);
    case DEPTHWISE:
      return bmk_depthwise_pack (dst, w, c->cout, c->kernel);
    default:
      return bmk_pointwise_pack (dst, w, c->cout, c->cin);
  }
}

static gsize
packed_conv_size (Kind kind, const BmkConv *c)
{
  switch (kind) {
    case STEM:
      return bmk_stem_packed_size (c->cout);
    case DEPTHWISE:
      return bmk_depthwise_packed_size (c->cout, c->kernel);
    default:
      return bmk_pointwise_packed_size (c->cout, c->cin);
  }
}

/* Ternary rows [cout, cin / 4] as s8 rows. NULL for an illegal code. */
static int8_t *
unpack_ternary (const BitmarGgufTensor *t)
{
  int8_t *rows = g_try_malloc (t->size * 4);

  for (gsize i = 0; rows && i < t->size * 4; i++) {
    guint code = t->data[i / 4] >> (i % 4 * 2) & 3;
    if (code == 3)
      g_clear_pointer (&rows, g_free);
    else
      rows[i] = (int8_t) code - 1;
  }
  return rows;
}

/* Weights of a convolution whose shape fields are set. */
static gboolean
conv_weights (Loader *l, const char *name, Kind kind, BmkConv *c)
{
  BitmarGgufTensor *t = find (l, name, "weight", BITMAR_TENSOR_I8);
  gsize columns = kind == STEM ? 27 : kind == DEPTHWISE ? c->cout : c->cin;
  gsize rows = kind == DEPTHWISE ? (gsize) (c->kernel * c->kernel) : c->cout;
  gboolean ternary = t && kind == POINTWISE && t->n_dims == 2 && t->dims[0] * 4 == c->cin;
  gsize size = packed_conv_size (kind, c);
  int8_t *unpacked = NULL;
  void *data;
  gboolean done;

  if (!t || !has_shape (l, t, ternary ? columns / 4 : columns, rows))
    return FALSE;
  if (!size)
    return fail (l, BITMAR_ERROR_SHAPE, "%s: %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " channels cannot be packed", name,
        c->cin, c->cout);
  if (!ternary && memchr (t->data, 0x80, t->size))
    return fail (l, BITMAR_ERROR_CORRUPT, "%s: a weight of -128", name);
  if (ternary && !(unpacked = unpack_ternary (t)))
    return fail (l, BITMAR_ERROR_CORRUPT, "%s: an illegal ternary code", name);
  if (!(data = allocate (l, size))) {
    g_free (unpacked);
    return FALSE;
  }
  done = pack_conv (kind, data, unpacked ? unpacked : (const int8_t *) t->data, c);
  g_free (unpacked);
  if (!done)
    return fail (l, BITMAR_ERROR_SHAPE, "%s: its weights cannot be packed", name);
  c->data = data;
  l->model->parameters += columns * rows;
  return TRUE;
}

static gboolean
conv (Loader *l, const char *name, Kind kind, guint cin, guint cout, guint kernel, guint stride, int zero, BmkConv *c)
{
  *c = (BmkConv) { .cin = cin, .cout = cout, .kernel = kernel, .stride = stride, .zero = zero };
  return conv_weights (l, name, kind, c)
      && (c->bias = words (l, name, "bias", BITMAR_TENSOR_I32, cout, 0))
      && (c->mult = floats (l, name, "mult", cout, 0));
}

/* The columns of the block table. */
typedef struct {
  const BitmarGgufValue *kernel, *stride, *expand, *channels_out;
} Table;

static gboolean
get_table (Loader *l, Table *t)
{
  t->kernel = array (l, "bitmar.vision.kernel", BITMAR_GGUF_INT32);
  t->stride = t->kernel ? array (l, "bitmar.vision.stride", BITMAR_GGUF_INT32) : NULL;
  t->expand = t->stride ? array (l, "bitmar.vision.expand", BITMAR_GGUF_INT32) : NULL;
  t->channels_out = t->expand ? array (l, "bitmar.vision.channels_out", BITMAR_GGUF_INT32) : NULL;
  if (!t->channels_out)
    return FALSE;
  if (t->kernel->n < 1 || t->kernel->n > MAX_LAYERS || t->stride->n != t->kernel->n || t->expand->n != t->kernel->n
      || t->channels_out->n != t->kernel->n)
    return fail (l, BITMAR_ERROR_SHAPE, "the backbone's block table has uneven columns");
  return TRUE;
}

static gboolean
channels_are_allowed (double n)
{
  return n >= 8 && n <= MAX_WIDTH && (guint) n % 8 == 0;
}

static gboolean
get_block (Loader *l, const Table *t, guint i, guint *channels)
{
  BitmarBlock *b = &l->model->vision.blocks[i];
  double k = bitmar_gguf_number (t->kernel, i), s = bitmar_gguf_number (t->stride, i);
  double e = bitmar_gguf_number (t->expand, i), out = bitmar_gguf_number (t->channels_out, i);
  guint cin = *channels, wide = e ? e : cin;
  char name[64], residual[80];
  gboolean done;

  if ((k != 3 && k != 5) || (s != 1 && s != 2) || !channels_are_allowed (wide) || e < 0 || !channels_are_allowed (out))
    return fail (l, BITMAR_ERROR_SHAPE, "block %u of the backbone: kernel %g, stride %g, %g to %g channels", i, k, s, e, out);
  b->has_expand = e != 0;
  g_snprintf (name, sizeof name, "vision.blk.%u.expand", i);
  done = !b->has_expand || conv (l, name, POINTWISE, cin, wide, 1, 1, 0, &b->expand);
  g_snprintf (name, sizeof name, "vision.blk.%u.dw", i);
  done = done && conv (l, name, DEPTHWISE, wide, wide, k, s, 0, &b->dw);
  g_snprintf (name, sizeof name, "vision.blk.%u.project", i);
  done = done && conv (l, name, POINTWISE, wide, out, 1, 1, 128, &b->project);
  if (!done)
    return FALSE;
  g_snprintf (residual, sizeof residual, "%s.rmult", name);
  b->has_residual = bitmar_gguf_tensor (l->file, residual) != NULL;
  if (b->has_residual) {
    const float *r = s == 1 && out == cin ? floats (l, name, "rmult", 1, 0) : NULL;
    if (!r)
      return fail (l, BITMAR_ERROR_SHAPE, "block %u of the backbone cannot have a residual", i);
    b->project.rmult = *r;
  }
  *channels = out;
  return TRUE;
}

static gboolean
get_vision (Loader *l)
{
  BitmarModel *m = l->model;
  guint stem, channels, edge, grid;
  Table t;

  if (!get_uint (l, "bitmar.vision.image_size", 16, 1024, &m->vision.size)
      || !get_uint (l, "bitmar.vision.channels", 16, MAX_WIDTH, &m->vision.channels)
      || !get_uint (l, "bitmar.vision.tokens", 1, 4096, &m->vision.tokens)
      || !get_uint (l, "bitmar.vision.pool", 1, 2, &m->vision.pool)
      || !get_uint (l, "bitmar.vision.stem_channels", 8, MAX_WIDTH, &stem) || !get_table (l, &t))
    return FALSE;
  m->vision.n_blocks = t.kernel->n;
  m->vision.blocks = g_new0 (BitmarBlock, m->vision.n_blocks);
  if (!conv (l, "vision.stem", STEM, 3, stem, 3, 2, 0, &m->vision.stem))
    return FALSE;
  edge = bmk_conv_out (m->vision.size, 2);
  channels = stem;
  for (guint i = 0; i < m->vision.n_blocks; i++) {
    if (!get_block (l, &t, i, &channels))
      return FALSE;
    edge = bmk_conv_out (edge, m->vision.blocks[i].dw.stride);
  }
  grid = edge / m->vision.pool;
  if (grid * grid != m->vision.tokens || edge % m->vision.pool)
    return fail (l, BITMAR_ERROR_SHAPE, "%u frame tokens, but the backbone makes a grid of %u x %u", m->vision.tokens,
        edge, edge);
  return conv (l, "vision.head", POINTWISE, channels, m->vision.channels, 1, 1, 0, &m->vision.head);
}

/* ---- Transformers --------------------------------------------------------------------------------- */

static gboolean
get_uint_of (Loader *l, const char *stage, const char *name, guint min, guint max, guint *out)
{
  char key[80];

  g_snprintf (key, sizeof key, "bitmar.%s.%s", stage, name);
  return get_uint (l, key, min, max, out);
}

/* layers, heads and feed-forward width of a stage; heads must be whole and a multiple of 16 wide. */
static gboolean
get_stage (Loader *l, const char *stage, guint *layers, guint *heads, guint *ff)
{
  guint d = l->model->width;

  if (!get_uint_of (l, stage, "layers", 1, MAX_LAYERS, layers) || !get_uint_of (l, stage, "heads", 1, 256, heads)
      || !get_uint_of (l, stage, "feed_forward", 16, 4 * MAX_WIDTH, ff))
    return FALSE;
  if (d % *heads || d / *heads % 16)
    return fail (l, BITMAR_ERROR_SHAPE, "%s: %u heads do not divide a width of %u into multiples of 16", stage, *heads, d);
  return TRUE;
}

static gboolean
get_text (Loader *l)
{
  BitmarModel *m = l->model;
  gsize d = m->width, ff;

  if (!get_stage (l, "text", &m->text.n_layers, &m->text.heads, &m->text.feed_forward)
      || !get_uint (l, "bitmar.text.context", 1, 4096, &m->text.context)
      || !linear (l, "text.head", m->memory_width, d, &m->text.head))
    return FALSE;
  ff = m->text.feed_forward;
  m->text.layers = g_new0 (BitmarTextLayer, m->text.n_layers);
  for (guint i = 0; i < m->text.n_layers; i++) {
    BitmarTextLayer *y = &m->text.layers[i];
    if (!layer_linear (l, "text", i, "qkv", 3 * d, d, &y->qkv) || !layer_linear (l, "text", i, "out", d, d, &y->out)
        || !layer_linear (l, "text", i, "up", ff, d, &y->up) || !layer_linear (l, "text", i, "down", d, ff, &y->down))
      return FALSE;
  }
  return TRUE;
}

static gboolean
get_fusion (Loader *l)
{
  BitmarModel *m = l->model;
  gsize d = m->width, c = m->memory_width, ff;

  if (!get_stage (l, "fusion", &m->fusion.n_layers, &m->fusion.heads, &m->fusion.feed_forward)
      || !linear (l, "fusion.key", c, d, &m->fusion.key) || !linear (l, "fusion.content", c, d, &m->fusion.content))
    return FALSE;
  ff = m->fusion.feed_forward;
  m->fusion.layers = g_new0 (BitmarFusionLayer, m->fusion.n_layers);
  for (guint i = 0; i < m->fusion.n_layers; i++) {
    BitmarFusionLayer *y = &m->fusion.layers[i];
    if (!layer_linear (l, "fusion", i, "q", d, d, &y->q) || !layer_linear (l, "fusion", i, "kv", 2 * d, d, &y->kv)
        || !layer_linear (l, "fusion", i, "out", d, d, &y->out) || !layer_linear (l, "fusion", i, "up", ff, d, &y->up)
        || !layer_linear (l, "fusion", i, "down", d, ff, &y->down))
      return FALSE;
  }
  return TRUE;
}

static gboolean
get_decoder_layer (Loader *l, guint i)
{
  BitmarModel *m = l->model;
  BitmarDecoderLayer *y = &m->decoder.layers[i];
  gsize d = m->width, c = m->memory_width, ff = m->decoder.feed_forward;

  return layer_linear (l, "decoder", i, "cond", d, 2 * c, &y->cond)
      && layer_linear (l, "decoder", i, "qkv", 3 * d, d, &y->qkv)
      && layer_linear (l, "decoder", i, "frame_kv", 2 * d, d, &y->frame_kv)
      && layer_linear (l, "decoder", i, "out", d, d, &y->out) && layer_linear (l, "decoder", i, "up", ff, d, &y->up)
      && layer_linear (l, "decoder", i, "down", d, ff, &y->down);
}

static gboolean
get_decoder (Loader *l)
{
  BitmarModel *m = l->model;

  if (!get_stage (l, "decoder", &m->decoder.n_layers, &m->decoder.heads, &m->decoder.feed_forward)
      || !get_uint (l, "bitmar.decoder.sinks", 1, 64, &m->decoder.sinks)
      || !get_uint (l, "bitmar.decoder.max_tokens", 1, 256, &m->decoder.max_tokens)
      || !get_uint (l, "bitmar.decoder.window", m->vision.tokens + m->decoder.max_tokens + 2, 65536, &m->decoder.window)
      || !get_uint (l, "bitmar.decoder.history", 0, 1024, &m->decoder.history)
      || !get_uint (l, "bitmar.decoder.beam", 1, 8, &m->decoder.beam)
      || !get_float (l, "bitmar.decoder.length_penalty", 0, 4, &m->decoder.length_penalty)
      || !(m->sinks = floats (l, "decoder.sinks", NULL, m->width, m->decoder.sinks)))
    return FALSE;
  m->decoder.layers = g_new0 (BitmarDecoderLayer, m->decoder.n_layers);
  for (guint i = 0; i < m->decoder.n_layers; i++)
    if (!get_decoder_layer (l, i))
      return FALSE;
  return TRUE;
}

/* Files without the two keys say exp(mean log-probability) as it is. */
static gboolean
get_confidence (Loader *l)
{
  BitmarModel *m = l->model;
  const char *temperature = "bitmar.confidence.temperature", *bias = "bitmar.confidence.bias";

  m->confidence.temperature = 1;
  if (!bitmar_gguf_value (l->file, temperature) && !bitmar_gguf_value (l->file, bias))
    return TRUE;
  return get_float (l, temperature, 0.01f, 100, &m->confidence.temperature)
      && get_float (l, bias, -20, 20, &m->confidence.bias);
}

static gboolean
get_memory (Loader *l)
{
  BitmarModel *m = l->model;

  if (!get_uint (l, "bitmar.memory.slots", 1, 65536, &m->memory.slots)
      || !get_uint (l, "bitmar.memory.width", 16, 4096, &m->memory_width)
      || !get_float (l, "bitmar.memory.rate", 0, 1, &m->memory.rate)
      || !get_float (l, "bitmar.memory.sharpness", 1e-6f, 1e6f, &m->memory.sharpness)
      || !get_float (l, "bitmar.memory.threshold", -4, 4, &m->memory.threshold)
      || !get_float (l, "bitmar.memory.merge", -1, 1, &m->memory.merge))
    return FALSE;
  if (m->memory_width % 16)
    return fail (l, BITMAR_ERROR_SHAPE, "a memory width of %u is not a multiple of 16", m->memory_width);
  return TRUE;
}

/* ---- Words ---------------------------------------------------------------------------------------- */

static gboolean
get_special (Loader *l, const char *name, gint32 expected, gint32 *out)
{
  char key[80];
  guint id;

  g_snprintf (key, sizeof key, "tokenizer.ggml.%s_token_id", name);
  if (!get_uint (l, key, expected, expected, &id))
    return FALSE;
  *out = id;
  return TRUE;
}

static gboolean
get_embedding (Loader *l)
{
  BitmarModel *m = l->model;
  gsize v = m->vocabulary, d = m->width, size = bmk_int8_packed_size (v, d);
  BitmarGgufTensor *t = find (l, "embed", "weight", BITMAR_TENSOR_I8);
  int8_t *rows;
  void *data;

  if (!t || !has_shape (l, t, d, v))
    return FALSE;
  if (!size)
    return fail (l, BITMAR_ERROR_SHAPE, "embed: %u x %u cannot be packed", m->vocabulary, m->width);
  if (!(data = allocate (l, size)) || !(rows = allocate (l, v * d)))
    return FALSE;
  memcpy (rows, t->data, v * d);
  if (!bmk_int8_pack (data, rows, v, d))
    return fail (l, BITMAR_ERROR_CORRUPT, "embed: a weight of -128");
  m->embedding = rows;
  m->parameters += v * d;
  m->head = (BmkLinear) { .n = v, .k = d, .data = data, .scale = floats (l, "embed", "scale", v, 0) };
  return m->head.scale != NULL;
}

static gboolean
get_no_end (Loader *l)
{
  const BitmarGgufValue *v = array (l, "bitmar.decoder.no_end", BITMAR_GGUF_INT32);
  BitmarModel *m = l->model;

  if (!v)
    return FALSE;
  m->no_end = g_new0 (guint8, m->vocabulary);
  for (guint64 i = 0; i < v->n; i++) {
    double id = bitmar_gguf_number (v, i);
    if (id < 0 || id >= m->vocabulary)
      return fail (l, BITMAR_ERROR_SHAPE, "bitmar.decoder.no_end names token %g of %u", id, m->vocabulary);
    m->no_end[(guint) id] = 1;
  }
  return TRUE;
}

static gboolean
get_words (Loader *l)
{
  BitmarModel *m = l->model;
  const BitmarGgufValue *tokens = array (l, "tokenizer.ggml.tokens", BITMAR_GGUF_STRING);
  const BitmarGgufValue *merges = tokens ? array (l, "tokenizer.ggml.merges", BITMAR_GGUF_STRING) : NULL;
  GError *inner = NULL;

  if (!merges)
    return FALSE;
  if (tokens->n < 260 || tokens->n > (1 << 20))
    return fail (l, BITMAR_ERROR_SHAPE, "a vocabulary of %" G_GUINT64_FORMAT " tokens", tokens->n);
  m->vocabulary = tokens->n;
  if (!is_string (l, "tokenizer.ggml.model", "gpt2"))
    return fail (l, BITMAR_ERROR_SHAPE, "its tokenizer is not byte-level BPE");
  if (!get_special (l, "padding", 0, &m->pad) || !get_special (l, "bos", 1, &m->bos)
      || !get_special (l, "eos", 2, &m->eos) || !get_special (l, "cls", 3, &m->cls))
    return FALSE;
  m->tokenizer = bitmar_tokenizer_new (tokens, merges, 4, &inner);
  if (!m->tokenizer) {
    fail (l, inner->code, "%s", inner->message);
    g_error_free (inner);
    return FALSE;
  }
  return get_embedding (l) && get_no_end (l);
}

/* ---- Everything ----------------------------------------------------------------------------------- */

static gboolean
get_bottleneck (Loader *l)
{
  BitmarModel *m = l->model;
  guint hidden;

  return get_uint (l, "bitmar.vision.bottleneck", 16, MAX_WIDTH, &hidden)
      && linear (l, "bottleneck.0", hidden, m->vision.channels, &m->bottleneck[0])
      && linear (l, "bottleneck.1", m->width, hidden, &m->bottleneck[1])
      && (m->position = floats (l, "bottleneck.pos", NULL, m->width, m->vision.tokens));
}

static gboolean
nothing_left (Loader *l)
{
  for (gsize i = 0; i < bitmar_gguf_n_tensors (l->file); i++)
    if (!bitmar_gguf_tensor_at (l->file, i)->used)
      return fail (l, BITMAR_ERROR_SHAPE, "tensor %s belongs to nothing", bitmar_gguf_tensor_at (l->file, i)->name);
  return TRUE;
}

gboolean
bitmar_model_read (BitmarModel *model, const char *path, GError **error)
{
  Loader l = { .model = model, .error = error };
  char *name;

  l.file = model->file = bitmar_gguf_open (path, error);
  if (!l.file)
    return FALSE;
  if (!check_architecture (&l) || !check_sum (&l)
      || !get_uint (&l, "bitmar.embedding_length", 16, MAX_WIDTH, &model->width)
      || !get_float (&l, "bitmar.rope.base", 1, 1e9f, &model->rope_base) || !get_memory (&l)
      || !get_confidence (&l) || !get_vision (&l)
      || !get_words (&l) || !get_bottleneck (&l) || !get_text (&l) || !get_fusion (&l) || !get_decoder (&l)
      || !nothing_left (&l))
    return FALSE;
  name = bitmar_model_dup_metadata (model, "general.name");
  model->name = name ? name : g_strdup ("unnamed");
  bitmar_gguf_drop_tensors (model->file);
  return TRUE;
}
