/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* codes   [room, width] int8, rows [room]: in the order of ids, without holes
 * search  a row's codes become floats in the first cache, where the dot product reads them; the k best are a heap,
 *         worst on top
 */
#include "bitmar-event-index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bitmar-kernels.h"

#define MAX_WIDTH 4096

typedef struct {
  int64_t id, utc;
  uint32_t camera;
  float scale;
} Row;

struct BmiIndex {
  size_t width, n, room;
  int8_t *codes;
  Row *rows;
};

void
bmi_encode (int8_t *codes, float *scale, const float *x, size_t width)
{
  BmkRow row;
  int64_t square = 0;

  bmk_quantize_scaled (codes, &row, x, width, 1, width);
  for (size_t i = 0; i < width; i++)
    square += codes[i] * codes[i];
  *scale = square ? (float) (1 / sqrt ((double) square)) : 0;
}

BmiIndex *
bmi_new (size_t width)
{
  BmiIndex *index;

  if (width < 16 || width > MAX_WIDTH || width % 16 || !(index = calloc (1, sizeof *index)))
    return NULL;
  index->width = width;
  return index;
}

void
bmi_free (BmiIndex *index)
{
  if (!index)
    return;
  free (index->codes);
  free (index->rows);
  free (index);
}

size_t
bmi_count (const BmiIndex *index)
{
  return index->n;
}

int64_t
bmi_last_id (const BmiIndex *index)
{
  return index->n ? index->rows[index->n - 1].id : 0;
}

static bool
grow (BmiIndex *index)
{
  size_t room = index->room ? index->room + index->room / 2 : 1024;
  int8_t *codes = realloc (index->codes, room * index->width);
  Row *rows;

  if (!codes)
    return false;
  index->codes = codes;
  rows = realloc (index->rows, room * sizeof *rows);
  if (!rows)
    return false;
  index->rows = rows;
  index->room = room;
  return true;
}

bool
bmi_add (BmiIndex *index, int64_t id, int64_t utc, uint32_t camera, const int8_t *codes, float scale)
{
  if (index->n == index->room && !grow (index))
    return false;
  memcpy (index->codes + index->n * index->width, codes, index->width);
  index->rows[index->n++] = (Row) { id, utc, camera, scale };
  return true;
}

void
bmi_retain (BmiIndex *index, const int64_t *ids, size_t n)
{
  size_t kept = 0, at = 0;

  for (size_t i = 0; i < index->n; i++) {
    while (at < n && ids[at] < index->rows[i].id)
      at++;
    if (at == n || ids[at] != index->rows[i].id)
      continue;
    if (kept < i) {
      index->rows[kept] = index->rows[i];
      memcpy (index->codes + kept * index->width, index->codes + i * index->width, index->width);
    }
    kept++;
  }
  index->n = kept;
}

/* ---- Search ------------------------------------------------------------------------------------------ */

static bool
better (const BmiHit *a, const BmiHit *b)
{
  if (a->score != b->score)
    return a->score > b->score;
  return a->utc != b->utc ? a->utc > b->utc : a->id > b->id;
}

/* The hit at `at` sinks to its place among n, of which each is no better than those below it. */
static void
sink (BmiHit *heap, size_t n, size_t at)
{
  BmiHit hit = heap[at];

  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && better (&heap[child], &heap[child + 1]))
      child++;
    if (!better (&hit, &heap[child]))
      break;
    heap[at] = heap[child];
  }
  heap[at] = hit;
}

/* Returns the new count. */
static size_t
offer (BmiHit *heap, size_t n, size_t k, const BmiHit *hit)
{
  if (n == k) {
    if (better (hit, &heap[0])) {
      heap[0] = *hit;
      sink (heap, n, 0);
    }
    return n;
  }
  heap[n++] = *hit;
  if (n == k)
    for (size_t i = n / 2; i-- > 0;)
      sink (heap, n, i);
  return n;
}

static int
by_rank (const void *a, const void *b)
{
  return better (a, b) ? -1 : better (b, a);
}

static float
score (const BmiIndex *index, size_t i, const float *embedding)
{
  const int8_t *codes = index->codes + i * index->width;
  float x[MAX_WIDTH];

  for (size_t j = 0; j < index->width; j++)
    x[j] = codes[j];
  return bmk_dot (x, embedding, index->width) * index->rows[i].scale;
}

size_t
bmi_search (const BmiIndex *index, const float *embedding, const BmiFilter *filter, BmiHit *hits, size_t k)
{
  size_t n = 0;

  for (size_t i = 0; i < index->n && k; i++) {
    const Row *row = &index->rows[i];

    if (row->utc < filter->from || row->utc >= filter->to
        || (filter->camera != BMI_ANY_CAMERA && row->camera != filter->camera))
      continue;
    n = offer (hits, n, k, &(BmiHit) { score (index, i, embedding), row->utc, row->id });
  }
  qsort (hits, n, sizeof *hits, by_rank);
  return n;
}
