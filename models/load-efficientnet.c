/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An EfficientNet-Lite's keys and tensors. */
#include <string.h>

#include "loader.h"
#include "vision-efficientnet.h"

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
conv_weights (BitmarLoader *l, const char *name, Kind kind, BmkConv *c)
{
  BitmarGgufTensor *t = bitmar_load_find (l, name, "weight", BITMAR_TENSOR_I8);
  gsize columns = kind == STEM ? 27 : kind == DEPTHWISE ? c->cout : c->cin;
  gsize rows = kind == DEPTHWISE ? (gsize) (c->kernel * c->kernel) : c->cout;
  gboolean ternary = t && kind == POINTWISE && t->n_dims == 2 && t->dims[0] * 4 == c->cin;
  gsize size = packed_conv_size (kind, c);
  int8_t *unpacked = NULL;
  void *data;
  gboolean done;

  if (!t || !bitmar_load_has_shape (l, t, ternary ? columns / 4 : columns, rows))
    return FALSE;
  if (!size)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " channels cannot be packed", name,
        c->cin, c->cout);
  if (!ternary && memchr (t->data, 0x80, t->size))
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "%s: a weight of -128", name);
  if (ternary && !(unpacked = unpack_ternary (t)))
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "%s: an illegal ternary code", name);
  if (!(data = bitmar_load_allocate (l, size))) {
    g_free (unpacked);
    return FALSE;
  }
  done = pack_conv (kind, data, unpacked ? unpacked : (const int8_t *) t->data, c);
  g_free (unpacked);
  if (!done)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: its weights cannot be packed", name);
  c->data = data;
  l->model->parameters += columns * rows;
  return TRUE;
}

static gboolean
conv (BitmarLoader *l, const char *name, Kind kind, guint cin, guint cout, guint kernel, guint stride, int zero, BmkConv *c)
{
  *c = (BmkConv) { .cin = cin, .cout = cout, .kernel = kernel, .stride = stride, .zero = zero };
  return conv_weights (l, name, kind, c)
      && (c->bias = bitmar_load_words (l, name, "bias", BITMAR_TENSOR_I32, cout, 0))
      && (c->mult = bitmar_load_floats (l, name, "mult", cout, 0));
}

/* The columns of the block table. */
typedef struct {
  const BitmarGgufValue *kernel, *stride, *expand, *channels_out;
} Table;

static gboolean
get_table (BitmarLoader *l, Table *t)
{
  t->kernel = bitmar_load_array (l, "bitmar.vision.kernel", BITMAR_GGUF_INT32);
  t->stride = t->kernel ? bitmar_load_array (l, "bitmar.vision.stride", BITMAR_GGUF_INT32) : NULL;
  t->expand = t->stride ? bitmar_load_array (l, "bitmar.vision.expand", BITMAR_GGUF_INT32) : NULL;
  t->channels_out = t->expand ? bitmar_load_array (l, "bitmar.vision.channels_out", BITMAR_GGUF_INT32) : NULL;
  if (!t->channels_out)
    return FALSE;
  if (t->kernel->n < 1 || t->kernel->n > BITMAR_MAX_LAYERS || t->stride->n != t->kernel->n || t->expand->n != t->kernel->n
      || t->channels_out->n != t->kernel->n)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "the backbone's block table has uneven columns");
  return TRUE;
}

static gboolean
channels_are_allowed (double n)
{
  return n >= 8 && n <= BITMAR_MAX_WIDTH && (guint) n % 8 == 0;
}

static gboolean
get_block (BitmarLoader *l, const Table *t, BitmarEfficientNet *net, guint i, guint *channels)
{
  BitmarBlock *b = &net->blocks[i];
  double k = bitmar_gguf_number (t->kernel, i), s = bitmar_gguf_number (t->stride, i);
  double e = bitmar_gguf_number (t->expand, i), out = bitmar_gguf_number (t->channels_out, i);
  guint cin = *channels, wide = e ? e : cin;
  char name[64], residual[80];
  gboolean done;

  if ((k != 3 && k != 5) || (s != 1 && s != 2) || !channels_are_allowed (wide) || e < 0 || !channels_are_allowed (out))
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "block %u of the backbone: kernel %g, stride %g, %g to %g channels", i, k, s, e, out);
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
    const float *r = s == 1 && out == cin ? bitmar_load_floats (l, name, "rmult", 1, 0) : NULL;
    if (!r)
      return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "block %u of the backbone cannot have a residual", i);
    b->project.rmult = *r;
  }
  *channels = out;
  return TRUE;
}

/* Files without the key have no early codes. edge: of the grid after the blocks before them. */
static gboolean
get_early (BitmarLoader *l, BitmarEfficientNet *net, guint grid)
{
  BitmarModel *m = l->model;
  guint edge = bmk_conv_out (m->vision.size, 2), f;

  if (!bitmar_gguf_value (l->file, "bitmar.vision.early_blocks"))
    return TRUE;
  if (!bitmar_load_uint (l, "bitmar.vision.early_blocks", 1, net->n_blocks, &net->early_blocks))
    return FALSE;
  if (m->vision.pool != 1)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "early codes beside pooled features");
  for (guint i = 0; i < net->early_blocks; i++)
    edge = bmk_conv_out (edge, net->blocks[i].dw.stride);
  f = (edge + grid - 1) / grid;
  if (f > 4)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "a frame token would cover %u x %u places of the early block", f, f);
  m->vision.early = f * f * net->blocks[net->early_blocks - 1].project.cout;
  return TRUE;
}

gboolean
bitmar_efficientnet_read (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  BitmarEfficientNet *net = m->vision.network = g_new0 (BitmarEfficientNet, 1);
  guint stem, channels, edge, grid;
  Table t;

  if (!bitmar_load_uint (l, "bitmar.vision.stem_channels", 8, BITMAR_MAX_WIDTH, &stem) || !get_table (l, &t))
    return FALSE;
  net->n_blocks = t.kernel->n;
  net->blocks = g_new0 (BitmarBlock, net->n_blocks);
  if (!conv (l, "vision.stem", STEM, 3, stem, 3, 2, 0, &net->stem))
    return FALSE;
  edge = bmk_conv_out (m->vision.size, 2);
  channels = stem;
  for (guint i = 0; i < net->n_blocks; i++) {
    if (!get_block (l, &t, net, i, &channels))
      return FALSE;
    edge = bmk_conv_out (edge, net->blocks[i].dw.stride);
  }
  grid = edge / m->vision.pool;
  if (grid * grid != m->vision.tokens || edge % m->vision.pool)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%u frame tokens, but the backbone makes a grid of %u x %u", m->vision.tokens,
        edge, edge);
  return get_early (l, net, grid) && conv (l, "vision.head", POINTWISE, channels, m->vision.channels, 1, 1, 0, &net->head);
}
