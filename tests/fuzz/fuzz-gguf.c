/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model's file. Whatever it says, all that is handed out lies within it; where it is a BitMar model its checksum is made right, it is
 * loaded, and embeds a sentence. */
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bitmar.h"
#include "fuzz.h"
#include "gguf.h"
#include "model-private.h"

#define DIGITS 64
#define MAX_SIZE (1 << 20)

static int fd = -1;
static char path[64];

void
fuzz_seeds (FuzzAdd add, void *to)
{
  static const char *const names[] = { "tiny.gguf", "tiny-early.gguf", "tiny-alert.gguf", "tiny-dinov2.gguf", "tiny-backbone.gguf" };
  static const guint8 small[] = "GGUF\3\0\0\0" "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0"
      "\1\0\0\0\0\0\0\0a" "\11\0\0\0" "\10\0\0\0" "\2\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0x" "\0\0\0\0\0\0\0\0"
      "\21\0\0\0\0\0\0\0general.alignment" "\4\0\0\0" "\10\0\0\0"
      "\1\0\0\0\0\0\0\0t" "\2\0\0\0" "\2\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" "\1\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0";

  add (small, sizeof small, to);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gsize size;
    guint8 *data = fuzz_file (names[i], &size);

    add (data, size, to);
    g_free (data);
  }
}

static void
put (const guint8 *data, gsize size)
{
  if (fd < 0) {
    fd = memfd_create ("fuzz.gguf", MFD_CLOEXEC);
    FUZZ_CHECK (fd >= 0);
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  }
  FUZZ_CHECK (ftruncate (fd, 0) == 0 && pwrite (fd, data, size, 0) == (ssize_t) size);
}

static gboolean
lies_within (const BitmarGguf *file, const guint8 *at, gsize n)
{
  gsize size;
  const guint8 *data = bitmar_gguf_bytes (file, &size);

  return at >= data && n <= size && (gsize) (at - data) <= size - n;
}

static void
check_values (const BitmarGguf *file)
{
  for (gsize i = 0; i < bitmar_gguf_n_values (file); i++) {
    const BitmarGgufValue *v = bitmar_gguf_value_at (file, i);
    const guint8 *at = v->data;
    char *text = bitmar_gguf_value_to_text (v);

    FUZZ_CHECK (bitmar_gguf_value (file, v->key) == v && lies_within (file, v->data, v->size));
    FUZZ_CHECK (g_utf8_validate (text, -1, NULL) && strlen (text) <= 3 * v->size + 64 * 32 + 64);
    for (guint64 k = 0; v->type == BITMAR_GGUF_STRING && k < v->n; k++) {
      gsize n;
      const char *s = bitmar_gguf_next_string (&at, &n);

      FUZZ_CHECK (lies_within (file, (const guint8 *) s, n));
    }
    for (guint64 k = 0; k < MIN (v->n, 100); k++)
      bitmar_gguf_number (v, k);
    g_free (text);
  }
}

static void
check_tensors (const BitmarGguf *file)
{
  guint sum = 0;

  for (gsize i = 0; i < bitmar_gguf_n_tensors (file); i++) {
    const BitmarGgufTensor *t = bitmar_gguf_tensor_at (file, i);

    FUZZ_CHECK (bitmar_gguf_tensor (file, t->name) == t && lies_within (file, t->data, t->size) && t->size > 0);
    sum += t->data[0] + t->data[t->size - 1];
  }
  FUZZ_CHECK (sum < G_MAXUINT);
}

/* Where the digits of the checksum stand, NULL: nowhere. */
static const guint8 *
find_digits (const BitmarGguf *file)
{
  const BitmarGgufValue *v = bitmar_gguf_value (file, "bitmar.sha256");
  const guint8 *at = v ? v->data : NULL;
  gsize n;
  const char *digits;

  if (!v || v->type != BITMAR_GGUF_STRING || v->is_array)
    return NULL;
  digits = bitmar_gguf_next_string (&at, &n);
  return n == DIGITS ? (const guint8 *) digits : NULL;
}

static void
seal (guint8 *copy, gsize size, gsize at)
{
  char *sum;

  memset (copy + at, '0', DIGITS);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, copy, size);
  memcpy (copy + at, sum, DIGITS);
  g_free (sum);
}

static void
check_model (void)
{
  GError *error = NULL;
  BitmarModel *model = bitmar_model_load (path, &error);
  float *embedding;

  FUZZ_CHECK (!model == !!error);
  if (!model) {
    FUZZ_CHECK (error->domain == BITMAR_ERROR && g_str_has_prefix (error->message, path));
    g_error_free (error);
    return;
  }
  embedding = g_new (float, bitmar_model_get_memory_width (model));
  if (bitmar_model_embed (model, "a dog", embedding, NULL))
    for (guint i = 0; i < bitmar_model_get_memory_width (model); i++)
      FUZZ_CHECK (isfinite (embedding[i]));
  g_free (embedding);
  g_object_unref (model);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  GError *error = NULL;
  const guint8 *digits, *bytes;
  BitmarGguf *file;
  gsize n;

  if (size > MAX_SIZE)
    return 0;
  put (data, size);
  file = bitmar_gguf_open (path, &error);
  FUZZ_CHECK (!file == !!error);
  if (!file) {
    FUZZ_CHECK (error->domain == BITMAR_ERROR && g_utf8_validate (error->message, -1, NULL));
    g_error_free (error);
    return 0;
  }
  check_values (file);
  check_tensors (file);
  digits = find_digits (file);
  bytes = bitmar_gguf_bytes (file, &n);
  if (digits) {
    guint8 *copy = g_memdup2 (data, size);

    seal (copy, size, digits - bytes);
    put (copy, size);
    check_model ();
    g_free (copy);
  }
  bitmar_gguf_drop_tensors (file);
  check_values (file);
  bitmar_gguf_free (file);
  return 0;
}
