/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The 512-bit tier's scheme at 8 rows a vector and 16 registers: four sums meet a byte of four codes with nothing, one, two and
 * three of them masked away; see linear-avx512.h. Twelve sums hide the latency; with them no compiler finds registers for the
 * operands, so the loops of twelve are assembly. */
#include "linear-avx2.h"

#define TILE 3                  /* tokens */

/* gcc moves an intrinsic's accumulator from register to register. */
#define DOT(acc, x, b) __asm__ ("%{vex%} vpdpbusd %2, %1, %0" : "+x" (acc) : "x" (x), "x" (b))
#define BROADCAST(q) _mm256_set1_epi32 (bmk_load4 (q))

#define LINE(byte) { byte, byte, byte, byte }
static const _Alignas (32) uint64_t masks[3][4] = { LINE (0xfcfcfcfcfcfcfcfc), LINE (0xf0f0f0f0f0f0f0f0),
  LINE (0xc0c0c0c0c0c0c0c0) };

#define UNIT(u, token) \
  __m256i a##u##0 = start (job, token, 0, ternary), a##u##1 = start (job, token, 1, ternary); \
  __m256i a##u##2 = start (job, token, 2, ternary), a##u##3 = start (job, token, 3, ternary)
#define STORE(u, to) do { \
  if (ternary) \
    separate (&a##u##0, &a##u##1, &a##u##2, &a##u##3); \
  _mm256_store_si256 ((__m256i *) (to), a##u##0); \
  _mm256_store_si256 ((__m256i *) (to) + 1, a##u##1); \
  _mm256_store_si256 ((__m256i *) (to) + 2, a##u##2); \
  _mm256_store_si256 ((__m256i *) (to) + 3, a##u##3); \
} while (0)

/* What the offsets, +1 or +128, of the unsigned weights add up to, negated. */
INLINE __m256i
start (const Job *job, size_t token, const int field, const bool ternary)
{
  const uint32_t offset = !ternary ? 128 : field == 0 ? 85 : field == 1 ? 84 : field == 2 ? 80 : 64;

  return _mm256_set1_epi32 ((int32_t) (0u - offset * (uint32_t) job->rows[token].sum));
}

INLINE void
separate (__m256i *a0, __m256i *a1, __m256i *a2, __m256i *a3)
{
  *a0 = _mm256_sub_epi32 (*a0, *a1);
  *a1 = _mm256_srai_epi32 (_mm256_sub_epi32 (*a1, *a2), 2);
  *a2 = _mm256_srai_epi32 (_mm256_sub_epi32 (*a2, *a3), 4);
  *a3 = _mm256_srai_epi32 (*a3, 6);
}

/* ---- Loops of twelve: three tokens against a panel, one token against three ---- */

#define SUMS \
  [a00] "+x" (a00), [a01] "+x" (a01), [a02] "+x" (a02), [a03] "+x" (a03), [a10] "+x" (a10), [a11] "+x" (a11), \
  [a12] "+x" (a12), [a13] "+x" (a13), [a20] "+x" (a20), [a21] "+x" (a21), [a22] "+x" (a22), [a23] "+x" (a23)
#define ADD(acc, x, b) "%{vex%} vpdpbusd %%" b ", %%" x ", %[" acc "]\n\t"
#define LOAD(from, x) "vmovdqa " from ", %%" x "\n\t"
#define AND(mask, x) "vpand " mask ", %%" x ", %%" x "\n\t"
#define THREE(f) ADD ("a0" f, "ymm15", "ymm12") ADD ("a1" f, "ymm15", "ymm13") ADD ("a2" f, "ymm15", "ymm14")
#define BROADCASTS \
  "vpbroadcastd (%[q]), %%ymm12\n\tvpbroadcastd (%[q], %[k]), %%ymm13\n\tvpbroadcastd (%[q], %[k], 2), %%ymm14\n\t"

INLINE void
tile3 (const Job *job, Sums *sums, const uint8_t *w, size_t token, const bool ternary)
{
  const size_t k = job->w->k;
  const int8_t *q = job->q + token * k, *end = q + k;
  UNIT (0, token);
  UNIT (1, token + 1);
  UNIT (2, token + 2);

  if (ternary)
    for (; q < end; q += 4, w += 32)
      __asm__ volatile (BROADCASTS LOAD ("(%[w])", "ymm15") THREE ("0") AND ("%[masks]", "ymm15") THREE ("1")
          AND ("32+%[masks]", "ymm15") THREE ("2") AND ("64+%[masks]", "ymm15") THREE ("3")
          : SUMS : [w] "r" (w), [q] "r" (q), [k] "r" (k), [masks] "m" (masks) : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  else
    for (; q < end; q += 4, w += 128)
      __asm__ volatile (BROADCASTS LOAD ("(%[w])", "ymm15") THREE ("0") LOAD ("32(%[w])", "ymm15") THREE ("1")
          LOAD ("64(%[w])", "ymm15") THREE ("2") LOAD ("96(%[w])", "ymm15") THREE ("3")
          : SUMS : [w] "r" (w), [q] "r" (q), [k] "r" (k) : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  STORE (0, sums[0]);
  STORE (1, sums[1]);
  STORE (2, sums[2]);
}

#define MASKED_PANEL(from, u) \
  LOAD (from, "ymm15") ADD ("a" u "0", "ymm15", "ymm12") AND ("%%ymm13", "ymm15") ADD ("a" u "1", "ymm15", "ymm12") \
  AND ("%%ymm14", "ymm15") ADD ("a" u "2", "ymm15", "ymm12") AND ("64+%[masks]", "ymm15") ADD ("a" u "3", "ymm15", "ymm12")
#define INT8_VECTOR(at, from, acc, x) LOAD (at from, x) ADD (acc, x, "ymm12")
#define INT8_PANEL(from, u) \
  INT8_VECTOR ("", from, "a" u "0", "ymm13") INT8_VECTOR ("32", from, "a" u "1", "ymm14") \
  INT8_VECTOR ("64", from, "a" u "2", "ymm15") INT8_VECTOR ("96", from, "a" u "3", "ymm13")

INLINE void
tile_1x3 (const Job *job, Sums *sums, const uint8_t *w, size_t token, const bool ternary)
{
  const size_t panel = job->panel_size;
  const int8_t *q = job->q + token * job->w->k, *end = q + job->w->k;
  UNIT (0, token);
  UNIT (1, token);
  UNIT (2, token);

  if (ternary)
    for (; q < end; q += 4, w += 32)
      __asm__ volatile ("vpbroadcastd (%[q]), %%ymm12\n\t" LOAD ("%[masks]", "ymm13") LOAD ("32+%[masks]", "ymm14")
          MASKED_PANEL ("(%[w])", "0") MASKED_PANEL ("(%[w], %[panel])", "1") MASKED_PANEL ("(%[w], %[panel], 2)", "2")
          : SUMS : [w] "r" (w), [q] "r" (q), [panel] "r" (panel), [masks] "m" (masks)
          : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  else
    for (; q < end; q += 4, w += 128)
      __asm__ volatile ("vpbroadcastd (%[q]), %%ymm12\n\t"
          INT8_PANEL ("(%[w])", "0") INT8_PANEL ("(%[w], %[panel])", "1") INT8_PANEL ("(%[w], %[panel], 2)", "2")
          : SUMS : [w] "r" (w), [q] "r" (q), [panel] "r" (panel) : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  STORE (0, sums[0]);
  STORE (1, sums[1]);
  STORE (2, sums[2]);
}

/* ---- Of eight, and four: what is left ---- */

/* Vector f of four inputs. */
INLINE __m256i
operand (const uint8_t *w, const int f, const bool ternary)
{
  const __m256i *v = (const __m256i *) w;

  return !ternary ? _mm256_load_si256 (v + f) : f == 0 ? _mm256_load_si256 (v)
      : _mm256_and_si256 (_mm256_load_si256 (v), _mm256_load_si256 ((const __m256i *) masks[f - 1]));
}

#define FIELD(f) do { \
  const __m256i x_ = operand (w, f, ternary); \
  DOT (a0##f, x_, b0); \
  if (tokens > 1) \
    DOT (a1##f, x_, b1); \
  if (panels > 1) { \
    const __m256i y_ = operand (w + panel, f, ternary); \
    DOT (a1##f, y_, b0); \
  } \
} while (0)

/* One token against one panel, two against one or one against two. */
INLINE void
tile (const Job *job, Sums *sums, const uint8_t *w, size_t token, const int tokens, const int panels, const bool ternary)
{
  const size_t k = job->w->k, panel = job->panel_size;
  const int8_t *q = job->q + token * k;
  UNIT (0, token);
  UNIT (1, token + (tokens > 1 ? 1 : 0));

  for (const int8_t *end = q + k; q < end; q += 4, w += ternary ? 32 : 128) {
    const __m256i b0 = BROADCAST (q), b1 = tokens > 1 ? BROADCAST (q + k) : b0;
    FIELD (0);
    FIELD (1);
    FIELD (2);
    FIELD (3);
  }
  STORE (0, sums[0]);
  if (tokens * panels > 1)
    STORE (1, sums[1]);
}

/* ---- */

/* Panels for the next loop of one token: three, but no lone one at the end. */
static inline size_t
panels_of (size_t left)
{
  return left == 1 ? 1 : left == 2 || left == 4 ? 2 : TILE;
}

INLINE void
one_token (const Job *job, const bool ternary)
{
  size_t left = bmk_align_up (job->w->n, PANEL) / PANEL, row = 0;
  const uint8_t *w = job->w->data;
  _Alignas (32) Sums sums[TILE];

  for (size_t count; left; left -= count, w += count * job->panel_size) {
    count = panels_of (left);
    if (count == 3)
      tile_1x3 (job, sums, w, 0, ternary);
    else if (count == 2)
      tile (job, sums, w, 0, 1, 2, ternary);
    else
      tile (job, sums, w, 0, 1, 1, ternary);
    for (size_t i = 0; i < count; i++, row += PANEL)
      finish (job, sums + i, 0, 1, row);
  }
}

INLINE void
many_tokens (const Job *job, size_t m, const bool ternary)
{
  const uint8_t *w = job->w->data;
  _Alignas (32) Sums sums[BLOCK];

  for (size_t row = 0; row < job->w->n; row += PANEL, w += job->panel_size) {
    for (size_t i = 0, count; i < m; i += count) {
      count = panels_of (m - i);
      if (count == 3)
        tile3 (job, sums + i, w, i, ternary);
      else if (count == 2)
        tile (job, sums + i, w, i, 2, 1, ternary);
      else
        tile (job, sums + i, w, i, 1, 1, ternary);
    }
    finish (job, sums, 0, m, row);
  }
}

static void
ternary_block (const Job *job, size_t m)
{
  if (m == 1)
    one_token (job, true);
  else
    many_tokens (job, m, true);
}

static void
int8_block (const Job *job, size_t m)
{
  if (m == 1)
    one_token (job, false);
  else
    many_tokens (job, m, false);
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  each_block (out, w, q, rows, m, w->k * (PANEL / 4), ternary_block);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  each_block (out, w, q, rows, m, w->k * PANEL, int8_block);
}

/* The ternary panels are those of AVX2; int8 weights are stored plus 128. */
static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  bmk_panel_pack_int8 (dst, rows, n, k, k, LANES, 0x80);
}

void
bmk_linear_fill_avxvnni (BmkTable *t)
{
  t->ternary_linear = ternary_linear;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
