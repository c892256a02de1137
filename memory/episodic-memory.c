/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keys, values  [slots, width], slots filled from 0 upwards without holes; beside them what is known and noted of each
 * read          cosines s = keys . key; recalled = sum a_i v_i, a the softmax of beta (s - theta) beside an empty slot's 0;
 *               an a_i of at most 1e-7 counts as 0
 * write         merge into the nearest slot from `merge` on, else the first empty or the one of least worth
 * worth         sqrt (use) / age: see models/MODEL.md, stage 4 */
#include "episodic-memory-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"

/* The values of slots of less weight are not fetched: of BMM_MAX_SLOTS of them together not a hundredth of what is recalled. */
#define LEAST_WEIGHT 1e-7f

/* The largest exponent must be a number: one that overflows would leave no weight to any slot. */
static bool
config_is_allowed (const BmmConfig *c)
{
  return c->slots >= 1 && c->slots <= BMM_MAX_SLOTS
      && c->width >= 16 && c->width <= BMM_MAX_WIDTH && c->width % 16 == 0
      && c->rate >= 0 && c->rate <= 1 && c->sharpness > 0 && isfinite (c->sharpness * (2 + fabsf (c->threshold)))
      && c->merge >= -1 && c->merge <= 1 && c->note <= BMM_MAX_NOTE;
}

BmmMemory *
bmm_new (const BmmConfig *config)
{
  BmmMemory *m;

  if (!config_is_allowed (config) || !(m = calloc (1, sizeof *m)))
    return NULL;
  m->config = *config;
  m->keys = calloc (config->slots * config->width, sizeof *m->keys);
  m->values = calloc (config->slots * config->width, sizeof *m->values);
  m->scores = calloc (config->slots, sizeof *m->scores);
  m->touched = calloc (config->slots, sizeof *m->touched);
  m->info = calloc (config->slots, sizeof *m->info);
  m->notes = calloc (config->slots * bmm_note_stride (config), sizeof *m->notes);
  if (m->keys && m->values && m->scores && m->touched && m->info && m->notes)
    return m;
  bmm_free (m);
  return NULL;
}

void
bmm_free (BmmMemory *m)
{
  if (!m)
    return;
  free (m->keys);
  free (m->values);
  free (m->scores);
  free (m->touched);
  free (m->info);
  free (m->notes);
  free (m);
}

/* Nothing of what was there stays behind. */
void
bmm_clear (BmmMemory *m)
{
  memset (m->keys, 0, m->config.slots * m->config.width * sizeof *m->keys);
  memset (m->values, 0, m->config.slots * m->config.width * sizeof *m->values);
  memset (m->info, 0, m->config.slots * sizeof *m->info);
  memset (m->notes, 0, m->config.slots * bmm_note_stride (&m->config) * sizeof *m->notes);
  m->used = 0;
  m->clock = 0;
}

size_t
bmm_used (const BmmMemory *m)
{
  return m->used;
}

size_t
bmm_size (const BmmMemory *m)
{
  size_t slot = 2 * m->config.width * sizeof (float) + sizeof *m->scores + sizeof *m->touched + sizeof *m->info
      + bmm_note_stride (&m->config) * sizeof *m->notes;

  return sizeof *m + m->config.slots * slot;
}

/* Fills scores with cosines; the first of equal ones is the nearest. -1 when empty. */
static ptrdiff_t
score (BmmMemory *m, const float *key)
{
  ptrdiff_t nearest = -1;

  for (size_t i = 0; i < m->used; i++) {
    m->scores[i] = bmk_dot (key, m->keys + i * m->config.width, m->config.width);
    if (nearest < 0 || m->scores[i] > m->scores[nearest])
      nearest = i;
  }
  return nearest;
}

/* scores: cosines in, weights out. The empty slot's exponent is 0; subtracting the largest keeps exp in range. */
static void
address (BmmMemory *m, float best)
{
  float top = fmaxf (0.0f, m->config.sharpness * (best - m->config.threshold)), norm;

  for (size_t i = 0; i < m->used; i++)
    m->scores[i] = bmk_exp (m->config.sharpness * (m->scores[i] - m->config.threshold) - top);
  norm = 1.0f / (bmk_exp (-top) + bmk_sum (m->scores, m->used));
  for (size_t i = 0; i < m->used; i++)
    m->scores[i] *= norm;
}

/* A count stays at its largest. */
static void
count (uint32_t *n)
{
  *n += *n < UINT32_MAX;
}

BmmRecall
bmm_read (BmmMemory *m, const float *key, float *recalled)
{
  size_t width = m->config.width;
  ptrdiff_t nearest = score (m, key);
  BmmRecall r = { .novelty = 1.0f, .nearest = nearest };

  memset (recalled, 0, width * sizeof *recalled);
  if (nearest < 0)
    return r;
  r.similarity = m->scores[nearest];
  r.novelty = 1.0f - fminf (1.0f, fmaxf (0.0f, r.similarity));
  address (m, r.similarity);
  for (size_t i = 0; i < m->used; i++)
    if (m->scores[i] > LEAST_WEIGHT)
      bmk_blend (recalled, m->values + i * width, 1.0f, m->scores[i], width);
  m->touched[nearest] = ++m->clock;
  count (&m->info[nearest].reads);
  return r;
}

/* The root lets a place met a thousand times outlive a burst of looks, but not for ever. */
static double
staleness (const BmmMemory *m, size_t slot)
{
  double use = (double) m->info[slot].writes + m->info[slot].reads;

  return (double) (m->clock - m->touched[slot]) / sqrt (use);
}

/* Of equals the oldest. */
static size_t
least_worth (const BmmMemory *m)
{
  size_t worst = 0;
  double most = staleness (m, 0);

  for (size_t i = 1; i < m->used; i++) {
    double stale = staleness (m, i);

    if (stale < most || (stale == most && m->touched[i] >= m->touched[worst]))
      continue;
    worst = i;
    most = stale;
  }
  return worst;
}

/* A merge of opposite keys can vanish: the new key then takes the slot's place. */
static void
make_unit (float *x, const float *fallback, size_t n)
{
  float square = bmk_dot (x, x, n);

  if (square < 1e-12f) {
    memcpy (x, fallback, n * sizeof *x);
    return;
  }
  for (size_t i = 0; i < n; i++)
    x[i] /= sqrtf (square);
}

static uint32_t *
note_of (const BmmMemory *m, size_t slot)
{
  return m->notes + slot * bmm_note_stride (&m->config);
}

static void
wipe_note (BmmMemory *m, size_t slot)
{
  memset (note_of (m, slot), 0, bmm_note_stride (&m->config) * sizeof *m->notes);
}

static size_t
write_beside (BmmMemory *m, ptrdiff_t nearest, float similarity, const float *key, const float *value, uint64_t time_ns)
{
  size_t width = m->config.width, slot;
  bool merge = nearest >= 0 && similarity >= m->config.merge;

  slot = merge ? (size_t) nearest : m->used < m->config.slots ? m->used++ : least_worth (m);
  if (merge) {
    bmk_blend (m->keys + slot * width, key, 1.0f - m->config.rate, m->config.rate, width);
    make_unit (m->keys + slot * width, key, width);
    bmk_blend (m->values + slot * width, value, 1.0f - m->config.rate, m->config.rate, width);
  } else {
    memcpy (m->keys + slot * width, key, width * sizeof *key);
    memcpy (m->values + slot * width, value, width * sizeof *value);
    m->info[slot] = (BmmSlotInfo) { .first_ns = time_ns };
    wipe_note (m, slot);
  }
  m->info[slot].last_ns = time_ns;
  count (&m->info[slot].writes);
  m->touched[slot] = ++m->clock;
  return slot;
}

size_t
bmm_write (BmmMemory *m, const float *key, const float *value, uint64_t time_ns)
{
  ptrdiff_t nearest = score (m, key);

  return write_beside (m, nearest, nearest < 0 ? 0 : m->scores[nearest], key, value, time_ns);
}

size_t
bmm_observe (BmmMemory *m, const float *key, const float *value, uint64_t time_ns, float *recalled, BmmRecall *recall)
{
  *recall = bmm_read (m, key, recalled);
  return write_beside (m, recall->nearest, recall->similarity, key, value, time_ns);
}

static bool
overlaps (const BmmSlotInfo *info, uint64_t from_ns, uint64_t to_ns)
{
  return info->first_ns < to_ns && info->last_ns >= from_ns;
}

static bool
lies_in (const BmmSlotInfo *info, uint64_t from_ns, uint64_t to_ns)
{
  return info->first_ns >= from_ns && info->first_ns < to_ns && info->last_ns >= from_ns && info->last_ns < to_ns;
}

/* The last slot moves into the hole, and nothing of what was there stays behind. */
static void
empty (BmmMemory *m, size_t slot)
{
  size_t width = m->config.width, last = --m->used;

  if (slot != last) {
    memcpy (m->keys + slot * width, m->keys + last * width, width * sizeof *m->keys);
    memcpy (m->values + slot * width, m->values + last * width, width * sizeof *m->values);
    m->touched[slot] = m->touched[last];
    m->info[slot] = m->info[last];
    memcpy (note_of (m, slot), note_of (m, last), bmm_note_stride (&m->config) * sizeof *m->notes);
  }
  memset (m->keys + last * width, 0, width * sizeof *m->keys);
  memset (m->values + last * width, 0, width * sizeof *m->values);
  m->info[last] = (BmmSlotInfo) { 0 };
  wipe_note (m, last);
}

/* When a note was taken isn't known, so it goes with any write that might have been the one. */
size_t
bmm_forget (BmmMemory *m, uint64_t from_ns, uint64_t to_ns)
{
  size_t before = m->used, i = 0;

  while (i < m->used) {
    if (lies_in (&m->info[i], from_ns, to_ns)) {
      empty (m, i);
      continue;
    }
    if (overlaps (&m->info[i], from_ns, to_ns))
      wipe_note (m, i);
    i++;
  }
  return before - m->used;
}

static bool
note_is_allowed (const BmmConfig *c, const uint32_t *note, size_t n)
{
  if (n > c->note)
    return false;
  for (size_t i = 0; i < n; i++)
    if (note[i] >= c->note_limit)
      return false;
  return true;
}

bool
bmm_tell (BmmMemory *m, size_t slot, const float *key, const float *value, const uint32_t *note, size_t n)
{
  size_t width = m->config.width;
  uint32_t *to;

  if (slot >= m->used || !note_is_allowed (&m->config, note, n)
      || bmk_dot (key, m->keys + slot * width, width) < m->config.merge)
    return false;
  memcpy (m->values + slot * width, value, width * sizeof *value);
  wipe_note (m, slot);
  to = note_of (m, slot);
  to[0] = (uint32_t) n;
  if (n > 0)
    memcpy (to + 1, note, n * sizeof *note);
  return true;
}

size_t
bmm_note (const BmmMemory *m, size_t slot, const uint32_t **note)
{
  if (slot >= m->used)
    return 0;
  *note = note_of (m, slot) + 1;
  return note_of (m, slot)[0];
}

bool
bmm_slot_info (const BmmMemory *m, size_t slot, BmmSlotInfo *info)
{
  if (slot >= m->used)
    return false;
  *info = m->info[slot];
  return true;
}
