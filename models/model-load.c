/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a GGUF file to a model. The file is hostile until proven otherwise: its checksum is held against its bytes, every key has
 * a range, every tensor the one shape the keys imply, ternary codes are legal, floats are finite, and nothing is left over. */
#include "model-load.h"

#include <string.h>

#include "alert-score.h"
#include "loader.h"
#include "vision.h"

#define FORMAT 1
#define DIGITS 64              /* of a SHA-256 */

/* ---- The file as a whole -------------------------------------------------------------------------- */

static gboolean
check_sum (BitmarLoader *l)
{
  static const char zeros[DIGITS + 1] = "0000000000000000000000000000000000000000000000000000000000000000";
  const BitmarGgufValue *v = bitmar_load_scalar (l, "bitmar.sha256", BITMAR_GGUF_STRING);
  GChecksum *sum;
  const guint8 *bytes, *at;
  const char *digits;
  gsize size, n;

  if (!v)
    return FALSE;
  at = v->data;
  digits = bitmar_gguf_next_string (&at, &n);
  if (n != DIGITS)
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "its checksum has %" G_GSIZE_FORMAT " digits", n);
  bytes = bitmar_gguf_bytes (l->file, &size);
  sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (sum, bytes, (const guint8 *) digits - bytes);
  g_checksum_update (sum, (const guint8 *) zeros, DIGITS);
  g_checksum_update (sum, at, bytes + size - at);
  l->model->id = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  if (memcmp (l->model->id, digits, DIGITS))
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "the checksum does not match: the file is damaged");
  return TRUE;
}

static gboolean
check_architecture (BitmarLoader *l)
{
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, "bitmar.format");

  if (!bitmar_load_is_string (l, "general.architecture", "bitmar"))
    return bitmar_load_fail (l, BITMAR_ERROR_ARCHITECTURE, "a GGUF file, but not of a BitMar model");
  if (!v || v->is_array || v->type != BITMAR_GGUF_UINT32 || bitmar_gguf_number (v, 0) != FORMAT)
    return bitmar_load_fail (l, BITMAR_ERROR_ARCHITECTURE, "a BitMar model of another format than %d", FORMAT);
  return TRUE;
}

/* What the converter of a backbone writes, before there is a captioner for it. */
static gboolean
is_backbone_alone (BitmarLoader *l)
{
  return bitmar_load_is_string (l, "bitmar.type", "backbone");
}

static gboolean
check_type (BitmarLoader *l)
{
  if (is_backbone_alone (l))
    return bitmar_load_fail (l, BITMAR_ERROR_ARCHITECTURE,
        "a backbone alone, without a captioner; train one on its features, and export.py puts the two into one file");
  if (bitmar_gguf_value (l->file, "bitmar.type"))
    return bitmar_load_fail (l, BITMAR_ERROR_ARCHITECTURE, "a BitMar file of a type that this build does not know");
  return TRUE;
}

static gboolean
get_vision (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  const BitmarGgufValue *v = bitmar_gguf_value (l->file, "bitmar.vision.backbone");

  if (v && !v->is_array && v->type == BITMAR_GGUF_STRING) {
    const guint8 *at = v->data;
    gsize length;
    const char *name = bitmar_gguf_next_string (&at, &length);
    m->vision.backbone = bitmar_backbone_find (name, length);
  }
  if (!m->vision.backbone)
    return bitmar_load_fail (l, BITMAR_ERROR_ARCHITECTURE, "its backbone is not one this build runs");
  return bitmar_load_uint (l, "bitmar.vision.image_size", 16, 1024, &m->vision.size)
      && bitmar_load_uint (l, "bitmar.vision.channels", 16, BITMAR_MAX_WIDTH, &m->vision.channels)
      && bitmar_load_uint (l, "bitmar.vision.tokens", 1, 4096, &m->vision.tokens)
      && bitmar_load_uint (l, "bitmar.vision.pool", 1, 2, &m->vision.pool) && m->vision.backbone->read (l);
}

/* ---- Linear layers --------------------------------------------------------------------------------- */

/* n outputs, k inputs */
static gboolean
linear (BitmarLoader *l, const char *name, gsize n, gsize k, BmkLinear *out)
{
  BitmarGgufTensor *t = bitmar_load_find (l, name, "weight", BITMAR_TENSOR_I8);
  gsize size;
  void *data;

  if (!t || !bitmar_load_has_shape (l, t, k / 4, n))
    return FALSE;
  size = bmk_ternary_packed_size (n, k);
  if (!size)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " cannot be packed", name, n, k);
  if (!(data = bitmar_load_allocate (l, size)))
    return FALSE;
  if (!bmk_ternary_pack (data, t->data, n, k))
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "%s: an illegal ternary code", name);
  l->model->parameters += (guint64) n * k;
  *out = (BmkLinear) { .n = n, .k = k, .data = data, .scale = bitmar_load_floats (l, name, "scale", n, 0) };
  return out->scale != NULL;
}

static gboolean
layer_linear (BitmarLoader *l, const char *stage, guint layer, const char *part, gsize n, gsize k, BmkLinear *out)
{
  char *name = g_strdup_printf ("%s.blk.%u.%s", stage, layer, part);
  gboolean done = linear (l, name, n, k, out);

  g_free (name);
  return done;
}

/* ---- Transformers --------------------------------------------------------------------------------- */

static gboolean
get_uint_of (BitmarLoader *l, const char *stage, const char *name, guint min, guint max, guint *out)
{
  char key[80];

  g_snprintf (key, sizeof key, "bitmar.%s.%s", stage, name);
  return bitmar_load_uint (l, key, min, max, out);
}

/* layers, heads and feed-forward width of a stage; heads must be whole and a multiple of 16 wide. */
static gboolean
get_stage (BitmarLoader *l, const char *stage, guint *layers, guint *heads, guint *ff)
{
  guint d = l->model->width;

  if (!get_uint_of (l, stage, "layers", 1, BITMAR_MAX_LAYERS, layers) || !get_uint_of (l, stage, "heads", 1, 256, heads)
      || !get_uint_of (l, stage, "feed_forward", 16, 4 * BITMAR_MAX_WIDTH, ff))
    return FALSE;
  if (d % *heads || d / *heads % 16)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: %u heads do not divide a width of %u into multiples of 16", stage, *heads, d);
  return TRUE;
}

static gboolean
get_text (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  gsize d = m->width, ff;

  if (!get_stage (l, "text", &m->text.n_layers, &m->text.heads, &m->text.feed_forward)
      || !bitmar_load_uint (l, "bitmar.text.context", 1, 4096, &m->text.context)
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
get_fusion (BitmarLoader *l)
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

/* A key that a file may lack: *out is then as it was. */
static gboolean
optional_float (BitmarLoader *l, const char *key, float min, float max, float *out)
{
  return !bitmar_gguf_value (l->file, key) || bitmar_load_float (l, key, min, max, out);
}

/* Files without the keys see no cuts and hold on to no caption. */
static gboolean
get_stream (BitmarLoader *l)
{
  BitmarModel *m = l->model;

  m->decoder.cut = -2;
  m->decoder.hold = -1;
  return optional_float (l, "bitmar.decoder.cut", -1, 1, &m->decoder.cut) && optional_float (l, "bitmar.decoder.hold", 0, 10, &m->decoder.hold);
}

static gboolean
get_decoder_layer (BitmarLoader *l, guint i)
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
get_decoder (BitmarLoader *l)
{
  BitmarModel *m = l->model;

  if (!get_stage (l, "decoder", &m->decoder.n_layers, &m->decoder.heads, &m->decoder.feed_forward)
      || !bitmar_load_uint (l, "bitmar.decoder.sinks", 1, 64, &m->decoder.sinks)
      || !bitmar_load_uint (l, "bitmar.decoder.max_tokens", 1, 256, &m->decoder.max_tokens)
      || !bitmar_load_uint (l, "bitmar.decoder.window", m->vision.tokens + m->decoder.max_tokens + 2, 65536, &m->decoder.window)
      || !bitmar_load_uint (l, "bitmar.decoder.history", 0, 1024, &m->decoder.history)
      || !bitmar_load_uint (l, "bitmar.decoder.beam", 1, 8, &m->decoder.beam)
      || !bitmar_load_float (l, "bitmar.decoder.length_penalty", 0, 4, &m->decoder.length_penalty)
      || !optional_float (l, "bitmar.decoder.repetition_penalty", 0, 10, &m->decoder.repetition_penalty) || !get_stream (l)
      || !(m->sinks = bitmar_load_floats (l, "decoder.sinks", NULL, m->width, m->decoder.sinks)))
    return FALSE;
  m->decoder.layers = g_new0 (BitmarDecoderLayer, m->decoder.n_layers);
  for (guint i = 0; i < m->decoder.n_layers; i++)
    if (!get_decoder_layer (l, i))
      return FALSE;
  return TRUE;
}

/* Files without the first two keys say exp(mean log-probability) as it is. */
static gboolean
get_confidence (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  const char *temperature = "bitmar.confidence.temperature", *bias = "bitmar.confidence.bias", *length = "bitmar.confidence.length";

  m->confidence.temperature = 1;
  if (!bitmar_gguf_value (l->file, temperature) && !bitmar_gguf_value (l->file, bias) && !bitmar_gguf_value (l->file, length))
    return TRUE;
  return bitmar_load_float (l, temperature, 0.01f, 100, &m->confidence.temperature)
      && bitmar_load_float (l, bias, -20, 20, &m->confidence.bias) && optional_float (l, length, -10, 10, &m->confidence.length);
}

static gboolean
get_memory (BitmarLoader *l)
{
  BitmarModel *m = l->model;

  if (!bitmar_load_uint (l, "bitmar.memory.slots", 1, 65536, &m->memory.slots)
      || !bitmar_load_uint (l, "bitmar.memory.width", 16, 4096, &m->memory_width)
      || !bitmar_load_float (l, "bitmar.memory.rate", 0, 1, &m->memory.rate)
      || !bitmar_load_float (l, "bitmar.memory.sharpness", 1e-6f, 1e6f, &m->memory.sharpness)
      || !bitmar_load_float (l, "bitmar.memory.threshold", -4, 4, &m->memory.threshold)
      || !bitmar_load_float (l, "bitmar.memory.merge", -1, 1, &m->memory.merge))
    return FALSE;
  if (m->memory_width % 16)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "a memory width of %u is not a multiple of 16", m->memory_width);
  return TRUE;
}

static gboolean
check_covariance (BitmarLoader *l, const float *s, gsize c)
{
  for (gsize i = 0; i < c; i++) {
    if (!(s[i * c + i] > 0))
      return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "memory.background.covariance: variance %" G_GSIZE_FORMAT
          " is not above 0", i);
    for (gsize j = 0; j < i; j++)
      if (s[i * c + j] != s[j * c + i])
        return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "memory.background.covariance is not symmetric");
  }
  return TRUE;
}

/* Files without the two tensors and the two keys score by the cosine alone. */
static gboolean
get_background (BitmarLoader *l)
{
  const char *mean = "memory.background.mean", *covariance = "memory.background.covariance";
  const char *slope = "bitmar.alert.slope", *bias = "bitmar.alert.bias";
  BitmarModel *m = l->model;
  gsize c = m->memory_width;

  m->background.slope = BITMAR_ALERT_SLOPE;
  m->background.bias = BITMAR_ALERT_BIAS;
  if (!bitmar_gguf_tensor (l->file, mean) && !bitmar_gguf_tensor (l->file, covariance)
      && !bitmar_gguf_value (l->file, slope) && !bitmar_gguf_value (l->file, bias))
    return TRUE;
  return bitmar_load_float (l, slope, 0.01f, 100, &m->background.slope)
      && bitmar_load_float (l, bias, -100, 100, &m->background.bias)
      && (m->background.mean = bitmar_load_floats (l, mean, NULL, c, 0))
      && (m->background.covariance = bitmar_load_floats (l, covariance, NULL, c, c))
      && check_covariance (l, m->background.covariance, c);
}

/* ---- Words ---------------------------------------------------------------------------------------- */

static gboolean
get_special (BitmarLoader *l, const char *name, gint32 expected, gint32 *out)
{
  char key[80];
  guint id;

  g_snprintf (key, sizeof key, "tokenizer.ggml.%s_token_id", name);
  if (!bitmar_load_uint (l, key, expected, expected, &id))
    return FALSE;
  *out = id;
  return TRUE;
}

static gboolean
get_embedding (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  gsize v = m->vocabulary, d = m->width, size = bmk_int8_packed_size (v, d);
  BitmarGgufTensor *t = bitmar_load_find (l, "embed", "weight", BITMAR_TENSOR_I8);
  int8_t *rows;
  void *data;

  if (!t || !bitmar_load_has_shape (l, t, d, v))
    return FALSE;
  if (!size)
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "embed: %u x %u cannot be packed", m->vocabulary, m->width);
  if (!(data = bitmar_load_allocate (l, size)) || !(rows = bitmar_load_allocate (l, v * d)))
    return FALSE;
  memcpy (rows, t->data, v * d);
  if (!bmk_int8_pack (data, rows, v, d))
    return bitmar_load_fail (l, BITMAR_ERROR_CORRUPT, "embed: a weight of -128");
  m->embedding = rows;
  m->parameters += v * d;
  m->head = (BmkLinear) { .n = v, .k = d, .data = data, .scale = bitmar_load_floats (l, "embed", "scale", v, 0) };
  return m->head.scale != NULL;
}

static gboolean
get_no_end (BitmarLoader *l)
{
  const BitmarGgufValue *v = bitmar_load_array (l, "bitmar.decoder.no_end", BITMAR_GGUF_INT32);
  BitmarModel *m = l->model;

  if (!v)
    return FALSE;
  if (!(m->no_end = g_try_new0 (guint8, m->vocabulary)))
    return bitmar_load_fail (l, BITMAR_ERROR_NO_MEMORY, "%u tokens do not fit into memory", m->vocabulary);
  for (guint64 i = 0; i < v->n; i++) {
    double id = bitmar_gguf_number (v, i);
    if (id < 0 || id >= m->vocabulary)
      return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "bitmar.decoder.no_end names token %g of %u", id, m->vocabulary);
    m->no_end[(guint) id] = 1;
  }
  return TRUE;
}

static gboolean
get_words (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  const BitmarGgufValue *tokens = bitmar_load_array (l, "tokenizer.ggml.tokens", BITMAR_GGUF_STRING);
  const BitmarGgufValue *merges = tokens ? bitmar_load_array (l, "tokenizer.ggml.merges", BITMAR_GGUF_STRING) : NULL;
  GError *inner = NULL;

  if (!merges)
    return FALSE;
  if (tokens->n < 260 || tokens->n > (1 << 20))
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "a vocabulary of %" G_GUINT64_FORMAT " tokens", tokens->n);
  m->vocabulary = tokens->n;
  if (!bitmar_load_is_string (l, "tokenizer.ggml.model", "gpt2"))
    return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "its tokenizer is not byte-level BPE");
  if (!get_special (l, "padding", 0, &m->pad) || !get_special (l, "bos", 1, &m->bos)
      || !get_special (l, "eos", 2, &m->eos) || !get_special (l, "cls", 3, &m->cls))
    return FALSE;
  m->tokenizer = bitmar_tokenizer_new (tokens, merges, 4, &inner);
  if (!m->tokenizer) {
    bitmar_load_fail (l, inner->code, "%s", inner->message);
    g_error_free (inner);
    return FALSE;
  }
  return get_embedding (l) && get_no_end (l);
}

/* A vector in a range: what is added up or squared stays a number. */
static gboolean
ranged (BitmarLoader *l, const char *name, guint n, float min, float max, const float **out)
{
  const float *x = *out = bitmar_load_floats (l, name, NULL, n, 0);

  for (guint i = 0; x && i < n; i++)
    if (!(x[i] >= min && x[i] <= max))
      return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "%s: element %u is %g, not from %g to %g", name, i, x[i], min, max);
  return x != NULL;
}

/* What words weigh, and the same squared. */
static gboolean
get_idf (BitmarLoader *l)
{
  BitmarModel *m = l->model;

  if (!ranged (l, "words.idf", m->vocabulary, 0, 1e3f, &m->words.idf)
      || !(m->words.square = bitmar_load_allocate (l, m->vocabulary * sizeof (float))))
    return FALSE;
  for (guint i = 0; i < m->vocabulary; i++)
    m->words.square[i] = m->words.idf[i] * m->words.idf[i];
  return TRUE;
}

/* Files without the keys expect nothing. */
static gboolean
get_expected (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  const char *hidden = "bitmar.words.hidden", *weight = "bitmar.words.weight", *confidence = "bitmar.confidence.words";
  guint n;

  if (!bitmar_gguf_value (l->file, hidden) && !bitmar_gguf_value (l->file, weight) && !bitmar_gguf_value (l->file, confidence))
    return TRUE;
  return bitmar_load_uint (l, hidden, 16, BITMAR_MAX_WIDTH, &n) && bitmar_load_float (l, weight, 0, 100, &m->words.weight)
      && optional_float (l, confidence, -100, 100, &m->confidence.words)
      && ranged (l, "words.mean", m->vision.channels, -1e9f, 1e9f, &m->words.mean)
      && ranged (l, "words.scale", m->vision.channels, 0, 1e6f, &m->words.scale)
      && linear (l, "words.hidden", n, m->vision.channels, &m->words.hidden)
      && (m->words.hidden_bias = bitmar_load_floats (l, "words.hidden", "bias", n, 0))
      && linear (l, "words.out", m->vocabulary, n, &m->words.out)
      && (m->words.out_bias = bitmar_load_floats (l, "words.out", "bias", m->vocabulary, 0)) && get_idf (l);
}

/* ---- Everything ----------------------------------------------------------------------------------- */

static gboolean
get_bottleneck (BitmarLoader *l)
{
  BitmarModel *m = l->model;
  guint hidden;

  return bitmar_load_uint (l, "bitmar.vision.bottleneck", 16, BITMAR_MAX_WIDTH, &hidden)
      && linear (l, "bottleneck.0", hidden, m->vision.channels, &m->bottleneck[0])
      && (!m->vision.early || linear (l, "bottleneck.early", hidden, m->vision.early, &m->bottleneck_early))
      && linear (l, "bottleneck.1", m->width, hidden, &m->bottleneck[1])
      && (m->position = bitmar_load_floats (l, "bottleneck.pos", NULL, m->width, m->vision.tokens));
}

static gboolean
nothing_left (BitmarLoader *l)
{
  for (gsize i = 0; i < bitmar_gguf_n_tensors (l->file); i++)
    if (!bitmar_gguf_tensor_at (l->file, i)->used)
      return bitmar_load_fail (l, BITMAR_ERROR_SHAPE, "tensor %s belongs to nothing", bitmar_gguf_tensor_at (l->file, i)->name);
  return TRUE;
}

static gboolean
open_file (BitmarLoader *l, const char *path)
{
  l->file = l->model->file = bitmar_gguf_open (path, l->error);
  return l->file && check_architecture (l) && check_sum (l);
}

/* All that is read is copied or packed. */
static gboolean
close_file (BitmarLoader *l)
{
  char *name = bitmar_model_dup_metadata (l->model, "general.name");

  l->model->name = name ? name : g_strdup ("unnamed");
  bitmar_gguf_drop_tensors (l->file);
  return TRUE;
}

gboolean
bitmar_model_read (BitmarModel *model, const char *path, GError **error)
{
  BitmarLoader l = { .model = model, .error = error };

  return open_file (&l, path) && check_type (&l)
      && bitmar_load_uint (&l, "bitmar.embedding_length", 16, BITMAR_MAX_WIDTH, &model->width)
      && bitmar_load_float (&l, "bitmar.rope.base", 1, 1e9f, &model->rope_base) && get_memory (&l)
      && get_background (&l) && get_confidence (&l) && get_vision (&l)
      && get_words (&l) && get_bottleneck (&l) && get_expected (&l) && get_text (&l) && get_fusion (&l) && get_decoder (&l)
      && nothing_left (&l) && close_file (&l);
}

gboolean
bitmar_model_read_backbone (BitmarModel *model, const char *path, GError **error)
{
  BitmarLoader l = { .model = model, .error = error };

  return open_file (&l, path) && get_vision (&l) && (!is_backbone_alone (&l) || nothing_left (&l)) && close_file (&l);
}
