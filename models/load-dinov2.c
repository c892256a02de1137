/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A DINOv2's keys and tensors. */
#include "loader.h"
#include "vision-dinov2.h"

/* ---- Linear layers ---------------------------------------------------------------------------------- */

/* Packing's own side of a kind. */
static const struct {
  const char *illegal;
  gsize (*packed_size) (gsize n, gsize k);
  gsize row_bits;              /* of an input */
} kinds[] = {
  [BITMAR_DENSE_F16] = { "a weight that is not finite", bmk_f16_packed_size, 16 },
  [BITMAR_DENSE_INT8] = { "a weight of -128", bmk_int8_packed_size, 8 },
  [BITMAR_DENSE_TERNARY] = { "an illegal ternary code", bmk_ternary_packed_size, 2 },
};

static gboolean
pack (BitmarDenseKind kind, void *data, const guint8 *rows, gsize n, gsize k)
{
  switch (kind) {
    case BITMAR_DENSE_F16:
      return bmk_f16_pack (data, rows, n, k);
    case BITMAR_DENSE_INT8:
      return bmk_int8_pack (data, (const int8_t *) rows, n, k);
    default:
      return bmk_ternary_pack (data, rows, n, k);
  }
}

/* `parts` layers of n outputs each, one behind the other in a tensor; its type and width tell the kind. */
static gboolean
dense_parts (BitmarLoader *l, const char *name, gsize n, gsize k, BitmarDense *const *parts, gsize n_parts)
{
  BitmarGgufTensor *t = bitmar_load_find_any (l, name, "weight");
  gboolean is_f16 = t && t->type == BITMAR_TENSOR_F16, is_ternary = t && !is_f16 && k % 4 == 0 && t->dims[0] == k / 4;
  BitmarDenseKind kind = is_f16 ? BITMAR_DENSE_F16 : is_ternary ? BITMAR_DENSE_TERNARY : BITMAR_DENSE_INT8;
  const float *scale, *bias;

  if (!t)
    return FALSE;
  if (!is_f16 && t->type != BITMAR_TENSOR_I8)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "tensor %s has type %d, not %d or %d", t->name, t->type, BITMAR_TENSOR_F16,
        BITMAR_TENSOR_I8);
  if (!bitmar_load_has_shape (l, t, is_ternary ? k / 4 : k, n * n_parts)
      || !(scale = bitmar_load_floats (l, name, "scale", n * n_parts, 0))
      || !(bias = bitmar_load_floats (l, name, "bias", n * n_parts, 0)))
    return FALSE;
  for (gsize i = 0; i < n_parts; i++) {
    gsize size = kinds[kind].packed_size (n, k);
    void *data;
    if (!size)
      return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " cannot be packed", name, n, k);
    if (!(data = bitmar_load_allocate (l, size)))
      return FALSE;
    if (!pack (kind, data, t->data + i * n * (k * kinds[kind].row_bits / 8), n, k))
      return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "%s: %s", name, kinds[kind].illegal);
    *parts[i] = (BitmarDense) { kind, { .n = n, .k = k, .data = data, .scale = scale + i * n }, bias + i * n };
  }
  l->model->parameters += (guint64) n * n_parts * k;
  return TRUE;
}

static gboolean
dense (BitmarLoader *l, const char *name, gsize n, gsize k, BitmarDense *out)
{
  return dense_parts (l, name, n, k, &out, 1);
}

static gboolean
norm (BitmarLoader *l, const char *name, BitmarNorm *out)
{
  guint d = l->model->vision.channels;

  return (out->weight = bitmar_load_floats (l, name, "weight", d, 0)) && (out->bias = bitmar_load_floats (l, name, "bias", d, 0));
}

static gboolean
get_layer (BitmarLoader *l, guint i, BitmarDinov2 *net)
{
  BitmarDinov2Layer *y = &net->layers[i];
  BitmarDense *const qkv[] = { &y->q, &y->k, &y->v };
  gsize d = l->model->vision.channels, ff = net->feed_forward;
  char name[6][64];
  static const char *const parts[] = { "norm1", "qkv", "out", "norm2", "up", "down" };

  for (guint j = 0; j < G_N_ELEMENTS (parts); j++)
    g_snprintf (name[j], sizeof name[j], "vision.blk.%u.%s", i, parts[j]);
  return norm (l, name[0], &y->norm1) && dense_parts (l, name[1], d, d, qkv, 3) && dense (l, name[2], d, d, &y->out)
      && norm (l, name[3], &y->norm2) && dense (l, name[4], ff, d, &y->up) && dense (l, name[5], d, ff, &y->down);
}

/* ---- Keys ------------------------------------------------------------------------------------------- */

static gboolean
get_sizes (BitmarLoader *l, BitmarDinov2 *net)
{
  BitmarModel *m = l->model;
  guint size = m->vision.size, pool = m->vision.pool, d = m->vision.channels;

  if (!bitmar_load_uint (l, "bitmar.vision.patch", 2, 64, &net->patch_size)
      || !bitmar_load_uint (l, "bitmar.vision.layers", 1, BITMAR_MAX_LAYERS, &net->n_layers)
      || !bitmar_load_uint (l, "bitmar.vision.heads", 1, 256, &net->heads)
      || !bitmar_load_uint (l, "bitmar.vision.feed_forward", 16, 4 * BITMAR_MAX_WIDTH, &net->feed_forward)
      || !bitmar_load_uint (l, "bitmar.vision.registers", 0, 64, &net->registers)
      || !bitmar_load_float (l, "bitmar.vision.epsilon", 1e-12f, 1e-2f, &net->epsilon))
    return FALSE;
  if (d % net->heads || d / net->heads % 16)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "vision: %u heads do not divide a width of %u into multiples of 16", net->heads, d);
  if (size % (net->patch_size * pool))
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "pictures of %u pixels do not divide into patches of %u, %u by %u", size,
        net->patch_size, pool, pool);
  net->grid = size / net->patch_size;
  if (net->grid / pool * (net->grid / pool) != m->vision.tokens)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%u frame tokens, but the backbone makes a grid of %u x %u", m->vision.tokens,
        net->grid / pool, net->grid / pool);
  return TRUE;
}

/* Three numbers, one of each colour. */
static const BitmarGgufValue *
get_colours (BitmarLoader *l, const char *key, float min, float max)
{
  const BitmarGgufValue *v = bitmar_load_array (l, key, BITMAR_GGUF_FLOAT32);

  if (v && v->n != 3) {
    bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "key %s has %" G_GUINT64_FORMAT " numbers, not 3", key, v->n);
    return NULL;
  }
  for (guint c = 0; v && c < 3; c++)
    if (!(bitmar_gguf_number (v, c) >= min && bitmar_gguf_number (v, c) <= max)) {
      bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "key %s has %g, allowed are %g to %g", key, bitmar_gguf_number (v, c), min, max);
      return NULL;
    }
  return v;
}

/* (byte / 255 - mean) / std */
static gboolean
get_levels (BitmarLoader *l, BitmarDinov2 *net)
{
  const BitmarGgufValue *mean = get_colours (l, "bitmar.vision.mean", -16, 16);
  const BitmarGgufValue *std = mean ? get_colours (l, "bitmar.vision.std", 1e-3f, 1e3f) : NULL;

  if (!std)
    return FALSE;
  for (guint c = 0; c < 3; c++)
    for (guint i = 0; i < 256; i++) {
      float x = (float) i / 255.0f - (float) bitmar_gguf_number (mean, c);
      net->level[c][i] = x / (float) bitmar_gguf_number (std, c);
    }
  return TRUE;
}

gboolean
bitmar_dinov2_read (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  BitmarDinov2 *net = m->vision.network = g_new0 (BitmarDinov2, 1);
  gsize d = m->vision.channels;

  if (!get_sizes (l, net) || !get_levels (l, net)
      || !dense (l, "vision.patch", d, 3 * (gsize) net->patch_size * net->patch_size, &net->patch)
      || !(net->cls = bitmar_load_floats (l, "vision.cls", NULL, d, 0))
      || !(net->position = bitmar_load_floats (l, "vision.position", NULL, d, 1 + (guint64) net->grid * net->grid)))
    return FALSE;
  if (net->registers && !(net->register_tokens = bitmar_load_floats (l, "vision.registers", NULL, d, net->registers)))
    return FALSE;
  net->layers = g_new0 (BitmarDinov2Layer, net->n_layers);
  for (guint i = 0; i < net->n_layers; i++)
    if (!get_layer (l, i, net))
      return FALSE;
  return norm (l, "vision.norm", &net->norm);
}
