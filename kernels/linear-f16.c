/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Float layers with half weights: shapes and weights are checked here, once, when packing. */
#include "kernels-internal.h"
#include "threads.h"

#define MAX_K 65536
#define MAX_N ((size_t) 1 << 24)

static bool
shape_is_allowed (size_t n, size_t k)
{
  return n > 0 && n <= MAX_N && k > 0 && k <= MAX_K;
}

/* An exponent of all ones is an infinity or no number. */
static bool
all_finite (const uint8_t *rows, size_t n)
{
  unsigned bad = 0;

  for (size_t i = 0; i < n; i++)
    bad |= (rows[2 * i + 1] & 0x7c) == 0x7c;
  return bad == 0;
}

size_t
bmk_f16_packed_size (size_t n, size_t k)
{
  return shape_is_allowed (n, k) ? bmk_align_up (n, BMK_F16_PANEL) * k * sizeof (uint16_t) : 0;
}

bool
bmk_f16_pack (void *dst, const void *rows, size_t n, size_t k)
{
  const uint8_t *from = rows;
  uint16_t *to = dst;

  if (!shape_is_allowed (n, k) || !all_finite (from, n * k))
    return false;
  for (size_t row = 0; row < bmk_align_up (n, BMK_F16_PANEL); row++)
    for (size_t i = 0; i < k; i++) {
      const uint8_t *w = from + (row * k + i) * 2;
      to[(row / BMK_F16_PANEL * k + i) * BMK_F16_PANEL + row % BMK_F16_PANEL] =
          row < n ? (uint16_t) (w[0] | w[1] << 8) : 0;
    }
  return true;
}

/* ---- Large layers on several threads ---- */

#define THREAD_TOKENS 16
#define THREAD_PRODUCTS ((size_t) 2 << 20)

typedef struct {
  const BmkOutput *out;
  const BmkLinear *w;
  const float *x;
  size_t ldx, m;
} Job;

/* from, to: panels */
static void
run_panels (void *data, size_t from, size_t to)
{
  const Job *job = data;
  const BmkLinear *w = job->w;
  const size_t first = from * BMK_F16_PANEL, end = to * BMK_F16_PANEL < w->n ? to * BMK_F16_PANEL : w->n;
  const BmkLinear some = { end - first, w->k, (const uint16_t *) w->data + first * w->k, w->scale + first };
  BmkOutput out = *job->out;

  out.y += first;
  out.bias = out.bias ? out.bias + first : NULL;
  bmk_table.f16_linear (&out, &some, job->x, job->ldx, job->m);
}

void
bmk_f16_linear (const BmkOutput *out, const BmkLinear *w, const float *x, size_t ldx, size_t m)
{
  Job job = { out, w, x, ldx, m };
  const size_t panels = (w->n + BMK_F16_PANEL - 1) / BMK_F16_PANEL;

  if (m < THREAD_TOKENS || w->n * w->k < THREAD_PRODUCTS / m)
    run_panels (&job, 0, panels);
  else
    bmk_parallel (run_panels, &job, panels, 1);
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}
