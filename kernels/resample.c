/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans and the two passes. */
#include "resample-internal.h"

#define MAX_SIDE 16384
#define TAIL 32                 /* vectors may reach this far behind a row */

struct BmkResample {
  BmkAxis x, y;
  uint16_t *line;               /* one row of the source, and TAIL zeros behind it */
  uint8_t *rows;                /* [in_h][out_w], after the horizontal pass */
  uint8_t *out;                 /* one row of the result */
};

static double
filter_support (size_t in, size_t out)
{
  double scale = (double) in / (double) out;
  return scale > 1 ? scale : 1;
}

static size_t
axis_taps (size_t in, size_t out)
{
  size_t taps = (size_t) ceil (filter_support (in, out)) * 2 + 1;
  return taps <= 8 ? 8 : bmk_align_up (taps, 16);
}

/* Bytes of an axis' tables. */
static size_t
axis_size (size_t in, size_t out)
{
  size_t tables = 2 * out * sizeof (int32_t) + 2 * out * axis_taps (in, out) * sizeof (int16_t);
  return bmk_align_up (tables, BMK_ALIGN);
}

static size_t
line_size (size_t n)
{
  return bmk_align_up (n + TAIL, BMK_ALIGN);
}

static double
triangle (double x)
{
  x = fabs (x);
  return x < 1 ? 1 - x : 0;
}

static void
axis_fill (BmkAxis *a, size_t o)
{
  double scale = (double) a->in / (double) a->out, support = filter_support (a->in, a->out);
  double center = ((double) o + 0.5) * scale, sum = 0, inverse = 1 / support;
  long begin = (long) (center - support + 0.5), end = (long) (center + support + 0.5);

  begin = begin > 0 ? begin : 0;
  end = end < (long) a->in ? end : (long) a->in;
  a->first[o] = (int32_t) begin;
  a->count[o] = (int32_t) (end - begin);
  for (long i = begin; i < end; i++)
    sum += triangle (((double) i - center + 0.5) * inverse);
  for (long i = begin; i < end; i++) {
    double w = triangle (((double) i - center + 0.5) * inverse) / sum;
    int32_t fixed = (int32_t) (0.5 + w * (1 << BMK_RESAMPLE_BITS));
    a->high[o * a->taps + (size_t) (i - begin)] = (int16_t) (fixed >> BMK_RESAMPLE_SPLIT);
    a->low[o * a->taps + (size_t) (i - begin)] = (int16_t) (fixed & ((1 << BMK_RESAMPLE_SPLIT) - 1));
  }
}

static uint8_t *
axis_init (BmkAxis *a, uint8_t *memory, size_t in, size_t out)
{
  a->in = in;
  a->out = out;
  a->taps = axis_taps (in, out);
  memset (memory, 0, axis_size (in, out));
  a->high = (int16_t *) memory;
  a->low = a->high + out * a->taps;
  a->first = (int32_t *) (a->low + out * a->taps);
  a->count = a->first + out;
  for (size_t o = 0; o < out; o++)
    axis_fill (a, o);
  return memory + axis_size (in, out);
}

static bool
side_ok (size_t n)
{
  return n > 0 && n <= MAX_SIDE;
}

size_t
bmk_resample_size (size_t in_w, size_t in_h, size_t out_w, size_t out_h)
{
  if (!side_ok (in_w) || !side_ok (in_h) || !side_ok (out_w) || !side_ok (out_h))
    return 0;
  return bmk_align_up (sizeof (BmkResample), BMK_ALIGN) + axis_size (in_w, out_w) + axis_size (in_h, out_h)
      + 2 * line_size (in_w) + line_size (out_w) + line_size (in_h * out_w);
}

BmkResample *
bmk_resample_init (void *memory, size_t in_w, size_t in_h, size_t out_w, size_t out_h)
{
  BmkResample *plan = memory;
  uint8_t *at = (uint8_t *) memory + bmk_align_up (sizeof *plan, BMK_ALIGN);

  at = axis_init (&plan->x, at, in_w, out_w);
  at = axis_init (&plan->y, at, in_h, out_h);
  plan->line = (uint16_t *) at;
  plan->out = at + 2 * line_size (in_w);
  plan->rows = plan->out + line_size (out_w);
  /* What lies behind a line is read with weights of zero. */
  memset (plan->line, 0, 2 * line_size (in_w) + line_size (out_w) + line_size (in_h * out_w));
  return plan;
}

/* With the usual steps as constants, these loops become vectors. */
#define STEPS(step, loop) \
  do { \
    switch (step) { \
      case 1: loop (1); break; \
      case 2: loop (2); break; \
      case 3: loop (3); break; \
      case 4: loop (4); break; \
      default: loop (step); \
    } \
  } while (0)
#define GATHER(step) for (size_t i = 0; i < n; i++) dst[i] = src[i * (step)]
#define SCATTER(step) for (size_t i = 0; i < n; i++) dst[i * (step)] = src[i]

static void
gather (uint8_t *restrict dst, const uint8_t *restrict src, size_t step, size_t n)
{
  STEPS (step, GATHER);
}

static void
gather_wide (uint16_t *restrict dst, const uint8_t *restrict src, size_t step, size_t n)
{
  STEPS (step, GATHER);
}

static void
scatter (uint8_t *restrict dst, size_t step, const uint8_t *restrict src, size_t n)
{
  STEPS (step, SCATTER);
}

void
bmk_resample (BmkResample *plan, uint8_t *dst, size_t dst_step, const uint8_t *src, size_t src_step,
    ptrdiff_t src_stride)
{
  const BmkAxis *x = &plan->x, *y = &plan->y;

  for (size_t i = 0; i < y->in; i++, src += src_stride) {
    uint8_t *row = plan->rows + i * x->out;
    if (x->in == x->out) {
      gather (row, src, src_step, x->in);
    } else {
      gather_wide (plan->line, src, src_step, x->in);
      bmk_table.resample_row (row, plan->line, x);
    }
  }
  for (size_t o = 0; o < y->out; o++, dst += x->out * dst_step) {
    const uint8_t *row = plan->rows + (size_t) y->first[o] * x->out;
    if (y->in != y->out) {
      bmk_table.resample_column (plan->out, row, x->out, y->high + o * y->taps, y->low + o * y->taps,
          (size_t) y->count[o]);
      row = plan->out;
    }
    scatter (dst, dst_step, row, x->out);
  }
}
