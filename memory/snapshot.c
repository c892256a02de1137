/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* to bytes    head, slots, keys, values, notes, SHA-256 of all that
 * restore     looks at every byte first, and only then touches the memory; allocates nothing that the input sizes */
#include "snapshot.h"

#include <math.h>
#include <string.h>

#include "episodic-memory-private.h"
#include "little-endian.h"

#define MAGIC "BMMS"
#define VERSION 2
#define SLOT 32
#define SUM 32

G_DEFINE_QUARK (bmm-snapshot-error, bmm_snapshot_error)

typedef struct {
  guint32 slots, width, used;
  guint64 clock;
  guint32 note;
} Head;

static bool
refuse (GError **error, BmmSnapshotError code, const char *text)
{
  g_set_error_literal (error, BMM_SNAPSHOT_ERROR, code, text);
  return false;
}

static void
digest (const guint8 *data, gsize size, guint8 *sum)
{
  GChecksum *checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = SUM;

  g_checksum_update (checksum, data, size);
  g_checksum_get_digest (checksum, sum, &length);
  g_checksum_free (checksum);
}

/* At most 2.5 GB, so within a size_t of any machine. */
static gsize
total (gsize used, const BmmConfig *c)
{
  return BMM_SNAPSHOT_HEAD + used * (SLOT + 2 * c->width * sizeof (float) + bmm_note_stride (c) * 4) + SUM;
}

gsize
bmm_snapshot_max_size (const BmmMemory *m)
{
  return total (m->config.slots, &m->config);
}

/* ---- To bytes ----------------------------------------------------------------------------------------- */

static guint8 *
put_head (guint8 *to, const BmmMemory *m, const char *model)
{
  memcpy (to, MAGIC, 4);
  to = put_u32 (to + 4, VERSION);
  memcpy (to, model, BMM_SNAPSHOT_MODEL_SIZE);
  to = put_u32 (to + BMM_SNAPSHOT_MODEL_SIZE, m->config.slots);
  to = put_u32 (to, m->config.width);
  to = put_u32 (to, m->used);
  to = put_u64 (to, m->clock);
  return put_u32 (to, m->config.note);
}

GBytes *
bmm_snapshot_to_bytes (const BmmMemory *m, const char *model)
{
  gsize size = total (m->used, &m->config);
  guint8 *data = g_try_malloc (size), *to;

  if (!data)
    return NULL;
  to = put_head (data, m, model);
  for (gsize i = 0; i < m->used; i++) {
    to = put_u64 (to, m->info[i].first_ns);
    to = put_u64 (to, m->info[i].last_ns);
    to = put_u32 (to, m->info[i].writes);
    to = put_u32 (to, m->info[i].reads);
    to = put_u64 (to, m->touched[i]);
  }
  to = put_floats (to, m->keys, m->used * m->config.width);
  to = put_floats (to, m->values, m->used * m->config.width);
  for (gsize i = 0; i < m->used * bmm_note_stride (&m->config); i++)
    to = put_u32 (to, m->notes[i]);
  digest (data, to - data, to);
  return g_bytes_new_take (data, size);
}

/* ---- Restore ------------------------------------------------------------------------------------------- */

static Head
get_head (const guint8 *data)
{
  return (Head) { get_u32 (data + 72), get_u32 (data + 76), get_u32 (data + 80), get_u64 (data + 84), get_u32 (data + 92) };
}

/* Before the checksum: another version's may stand elsewhere. */
static bool
check_version (const guint8 *data, gsize size, GError **error)
{
  if (size < 8 || memcmp (data, MAGIC, 4) || get_u32 (data + 4) == 0)
    return refuse (error, BMM_SNAPSHOT_FORMAT, "not a snapshot of a memory");
  if (get_u32 (data + 4) != VERSION)
    return refuse (error, BMM_SNAPSHOT_VERSION, get_u32 (data + 4) > VERSION ? "a snapshot of a newer version" : "a snapshot of an older version");
  if (size < BMM_SNAPSHOT_HEAD)
    return refuse (error, BMM_SNAPSHOT_CORRUPT, "the snapshot is cut off");
  return true;
}

static bool
check_shape (const BmmMemory *m, const char *model, const guint8 *data, GError **error)
{
  Head head = get_head (data);

  if (memcmp (data + 8, model, BMM_SNAPSHOT_MODEL_SIZE))
    return refuse (error, BMM_SNAPSHOT_MISMATCH, "a snapshot of another model's memory");
  if (head.slots < 1 || head.slots > BMM_MAX_SLOTS || head.used > head.slots || head.clock > G_MAXINT64)
    return refuse (error, BMM_SNAPSHOT_CORRUPT, "the snapshot's head is damaged");
  if (head.width != m->config.width) {
    g_set_error (error, BMM_SNAPSHOT_ERROR, BMM_SNAPSHOT_SHAPE, "a snapshot of width %u, the memory's is %u",
        head.width, (guint) m->config.width);
    return false;
  }
  if (head.note != m->config.note)
    return refuse (error, BMM_SNAPSHOT_SHAPE, "a snapshot of other notes than the memory's");
  if (head.used > m->config.slots) {
    g_set_error (error, BMM_SNAPSHOT_ERROR, BMM_SNAPSHOT_SHAPE, "a snapshot of %u slots, the memory has %u",
        head.used, (guint) m->config.slots);
    return false;
  }
  return true;
}

bool
bmm_snapshot_check_head (const BmmMemory *m, const char *model, const void *data, size_t size, GError **error)
{
  return check_version (data, size, error) && check_shape (m, model, data, error);
}

static bool
sum_is_right (const guint8 *data, gsize size)
{
  guint8 sum[SUM];

  if (size < BMM_SNAPSHOT_HEAD + SUM)
    return false;
  digest (data, size - SUM, sum);
  return !memcmp (sum, data + size - SUM, SUM);
}

static bool
slots_are_sound (const guint8 *at, const Head *head)
{
  for (gsize i = 0; i < head->used; i++, at += SLOT)
    if (get_u32 (at + 16) == 0 || get_u64 (at + 24) > head->clock)
      return false;
  return true;
}

static bool
keys_are_unit (const guint8 *at, const Head *head)
{
  for (gsize i = 0; i < head->used; i++, at += head->width * sizeof (float))
    if (!get_is_unit (at, head->width))
      return false;
  return true;
}

static bool
notes_are_sound (const BmmConfig *c, const guint8 *at, const Head *head)
{
  for (gsize i = 0; i < head->used; i++, at += bmm_note_stride (c) * 4) {
    guint32 n = get_u32 (at);

    if (n > c->note)
      return false;
    for (gsize j = 1; j <= c->note; j++)
      if (get_u32 (at + j * 4) >= (j <= n ? c->note_limit : 1))
        return false;
  }
  return true;
}

static void
take (BmmMemory *m, const Head *head, const guint8 *at)
{
  gsize n = (gsize) head->used * head->width;

  m->used = head->used;
  m->clock = head->clock;
  for (gsize i = 0; i < m->used; i++, at += SLOT) {
    m->info[i] = (BmmSlotInfo) { get_u64 (at), get_u64 (at + 8), get_u32 (at + 16), get_u32 (at + 20) };
    m->touched[i] = get_u64 (at + 24);
  }
  get_floats (at, m->keys, n);
  get_floats (at + n * sizeof (float), m->values, n);
  at += 2 * n * sizeof (float);
  for (gsize i = 0; i < m->used * bmm_note_stride (&m->config); i++)
    m->notes[i] = get_u32 (at + i * 4);
}

bool
bmm_snapshot_restore (BmmMemory *m, const char *model, const void *bytes, size_t size, GError **error)
{
  const guint8 *data = bytes, *slots = data + BMM_SNAPSHOT_HEAD, *keys, *values, *notes;
  Head head;

  if (!check_version (data, size, error))
    return false;
  if (!sum_is_right (data, size))
    return refuse (error, BMM_SNAPSHOT_CORRUPT, "the snapshot is damaged or cut off");
  if (!check_shape (m, model, data, error))
    return false;
  head = get_head (data);
  if (size != total (head.used, &m->config))
    return refuse (error, BMM_SNAPSHOT_CORRUPT, "the snapshot is not as long as it says");
  keys = slots + (gsize) head.used * SLOT;
  values = keys + (gsize) head.used * head.width * sizeof (float);
  notes = values + (gsize) head.used * head.width * sizeof (float);
  if (!slots_are_sound (slots, &head) || !keys_are_unit (keys, &head)
      || !isfinite (get_square (values, (gsize) head.used * head.width)) || !notes_are_sound (&m->config, notes, &head))
    return refuse (error, BMM_SNAPSHOT_CORRUPT, "the snapshot holds what no memory does");
  take (m, &head, slots);
  return true;
}
