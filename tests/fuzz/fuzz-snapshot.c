/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A memory's snapshot. Refused, it leaves the memory as it was; taken, it is written as it was read, and the memory goes on: what it then
 * holds can be saved and restored again. The first byte says whether the checksum, and the model's digits, are made right before. */
#include <math.h>

#include "bitmar-kernels.h"
#include "fuzz.h"
#include "snapshot.h"

#define SLOTS 6
#define WIDTH 16
#define NOTE 3
#define SUM 32
#define SEAL 1
#define SLOTS_AT 72

static const char model[BMM_SNAPSHOT_MODEL_SIZE + 1] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void
unit (float *x, guint seed)
{
  float square = 0;

  for (guint i = 0; i < WIDTH; i++) {
    x[i] = (float) ((seed * 31 + i * i * 7 + seed * i) % 19) - 9.0f;
    square += x[i] * x[i];
  }
  for (guint i = 0; i < WIDTH; i++)
    x[i] /= sqrtf (square);
}

static void
look (BmmMemory *memory, guint from, guint to)
{
  float x[WIDTH], recalled[WIDTH];
  gsize slot;

  for (guint i = from; i < to; i++) {
    unit (x, i + 1);
    bmm_read (memory, x, recalled);
    slot = bmm_write (memory, x, x, i);
    FUZZ_CHECK (slot < SLOTS);
    FUZZ_CHECK (bmm_tell (memory, slot, x, x, (uint32_t[NOTE]) { i, 39, slot }, i % (NOTE + 1)));
  }
}

static BmmMemory *
memory_of (guint looks)
{
  BmmConfig config = { .slots = SLOTS, .width = WIDTH, .rate = 0.25f, .sharpness = 8, .threshold = 0.5f, .merge = 0.9f,
    .note = NOTE, .note_limit = 40 };
  BmmMemory *memory;

  FUZZ_CHECK (bmk_init ());
  memory = bmm_new (&config);
  FUZZ_CHECK (memory);
  look (memory, 0, looks);
  return memory;
}

void
fuzz_seeds (FuzzAdd add, void *to)
{
  for (guint looks = 0; looks < 12; looks += 3) {
    BmmMemory *memory = memory_of (looks);
    GBytes *bytes = bmm_snapshot_to_bytes (memory, model);
    gsize size = g_bytes_get_size (bytes);
    guint8 *input = g_malloc (size + 1);

    memcpy (input + 1, g_bytes_get_data (bytes, NULL), size);
    input[0] = 0;
    add (input, size + 1, to);
    input[0] = SEAL;
    add (input, size + 1, to);
    g_free (input);
    g_bytes_unref (bytes);
    bmm_free (memory);
  }
}

static void
seal (guint8 *data, gsize size)
{
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = SUM;

  if (size >= BMM_SNAPSHOT_HEAD + SUM) {
    memcpy (data + 8, model, BMM_SNAPSHOT_MODEL_SIZE);
    g_checksum_update (sum, data, size - SUM);
    g_checksum_get_digest (sum, data + size - SUM, &length);
  }
  g_checksum_free (sum);
}

/* But for the number of slots, which is the memory's own, and the checksum, which follows from it. */
static gboolean
says (const BmmMemory *memory, const guint8 *data, gsize size)
{
  GBytes *bytes = bmm_snapshot_to_bytes (memory, model);
  const guint8 *now = g_bytes_get_data (bytes, NULL);
  gboolean same = g_bytes_get_size (bytes) == size && memcmp (now, data, SLOTS_AT) == 0
      && memcmp (now + SLOTS_AT + 4, data + SLOTS_AT + 4, size - SLOTS_AT - 4 - SUM) == 0;

  g_bytes_unref (bytes);
  return same;
}

static void
check_refused (BmmMemory *memory, GBytes *before, GError *error)
{
  GBytes *now = bmm_snapshot_to_bytes (memory, model);

  FUZZ_CHECK (error && error->domain == BMM_SNAPSHOT_ERROR);
  FUZZ_CHECK (g_bytes_equal (now, before));
  g_bytes_unref (now);
}

/* Goes on, and what comes of it can be restored. */
static void
check_goes_on (BmmMemory *memory)
{
  BmmMemory *other = memory_of (0);
  float x[WIDTH], recalled[WIDTH];
  GBytes *bytes;

  for (guint i = 0; i < bmm_used (memory); i++) {
    unit (x, i);
    bmm_read (memory, x, recalled);
  }
  look (memory, 20, 30);
  bytes = bmm_snapshot_to_bytes (memory, model);
  FUZZ_CHECK (bmm_snapshot_restore (other, model, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), NULL));
  FUZZ_CHECK (says (other, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)));
  g_bytes_unref (bytes);
  bmm_forget (memory, 0, G_MAXUINT64);
  FUZZ_CHECK (bmm_used (memory) <= SLOTS);
  bmm_free (other);
}

int
LLVMFuzzerTestOneInput (const guint8 *input, size_t n)
{
  gsize size = n ? n - 1 : 0;
  guint8 *data = g_malloc (MAX (size, 1));
  BmmMemory *memory = memory_of (n ? input[0] >> 4 : 0);
  GBytes *before = bmm_snapshot_to_bytes (memory, model);
  GError *error = NULL;
  bool head;

  if (size)
    memcpy (data, input + 1, size);
  if (size && input[0] & SEAL)
    seal (data, size);
  head = bmm_snapshot_check_head (memory, model, data, MIN (size, BMM_SNAPSHOT_HEAD), NULL);
  if (bmm_snapshot_restore (memory, model, data, size, &error)) {
    FUZZ_CHECK (!error && head && size <= bmm_snapshot_max_size (memory) && bmm_used (memory) <= SLOTS);
    FUZZ_CHECK (says (memory, data, size));
    check_goes_on (memory);
  } else {
    check_refused (memory, before, error);
    g_error_free (error);
  }
  g_bytes_unref (before);
  bmm_free (memory);
  g_free (data);
  return 0;
}
