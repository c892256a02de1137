/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The 512-bit tier's scheme at 8 rows a vector and 16 registers: four sums meet a byte of four codes with nothing, one, two and
 * three of them masked away; see linear-avx512.h. The masks are read from memory, where loads are free. */
#include "linear-avx2.h"

#define TILE 3                  /* tokens, of vectors that need no masking */
#define MASKED_TILE 2
#define KEEP_FROM 3             /* tokens from which a panel is kept masked for those behind the first two */
#define KEEP_K 1024             /* inputs up to which it is: 32 KB */

typedef enum {
  TERNARY,                      /* masked out of one vector */
  KEEP,                         /* the same, and kept */
  KEPT,                         /* ternary, as they were kept */
  INT8
} Source;

#define MASKED(source) ((source) == TERNARY || (source) == KEEP)

/* gcc moves an intrinsic's accumulator from register to register. */
#define DOT(acc, x, b) __asm__ ("%{vex%} vpdpbusd %2, %1, %0" : "+x" (acc) : "x" (x), "x" (b))
#define UNIT(t, row) \
  __m256i a##t##0 = start ((row).sum, 0, ternary), a##t##1 = start ((row).sum, 1, ternary); \
  __m256i a##t##2 = start ((row).sum, 2, ternary), a##t##3 = start ((row).sum, 3, ternary)
#define BROADCAST(q) _mm256_set1_epi32 (bmk_load4 (q))

#define LINE(byte) { byte, byte, byte, byte }
static const _Alignas (32) uint64_t masks[4][4] = { LINE (~(uint64_t) 0), LINE (0xfcfcfcfcfcfcfcfc),
  LINE (0xf0f0f0f0f0f0f0f0), LINE (0xc0c0c0c0c0c0c0c0) };

#define STORE(t) do { \
  if (ternary) \
    separate (&a##t##0, &a##t##1, &a##t##2, &a##t##3); \
  _mm256_store_si256 ((__m256i *) sums[t], a##t##0); \
  _mm256_store_si256 ((__m256i *) (sums[t] + 8), a##t##1); \
  _mm256_store_si256 ((__m256i *) (sums[t] + 16), a##t##2); \
  _mm256_store_si256 ((__m256i *) (sums[t] + 24), a##t##3); \
} while (0)

/* What the offsets, +1 or +128, of the unsigned weights add up to, negated. */
static inline __m256i
start (int32_t sum, int field, bool ternary)
{
  const uint32_t offset = !ternary ? 128 : field == 0 ? 85 : field == 1 ? 84 : field == 2 ? 80 : 64;

  return _mm256_set1_epi32 ((int32_t) (0u - offset * (uint32_t) sum));
}

static inline void
separate (__m256i *a0, __m256i *a1, __m256i *a2, __m256i *a3)
{
  *a0 = _mm256_sub_epi32 (*a0, *a1);
  *a1 = _mm256_srai_epi32 (_mm256_sub_epi32 (*a1, *a2), 2);
  *a2 = _mm256_srai_epi32 (_mm256_sub_epi32 (*a2, *a3), 4);
  *a3 = _mm256_srai_epi32 (*a3, 6);
}

/* Vector f of four inputs. */
static inline __attribute__ ((always_inline)) __m256i
operand (const uint8_t *w, const int f, const Source source)
{
  const __m256i *v = (const __m256i *) w;

  return !MASKED (source) ? _mm256_load_si256 (v + f) : f == 0 ? _mm256_load_si256 (v)
      : _mm256_and_si256 (_mm256_load_si256 (v), _mm256_load_si256 ((const __m256i *) masks[f]));
}

#define FIELD(f) do { \
  const __m256i x_ = operand (w, f, source); \
  if (source == KEEP) \
    _mm256_store_si256 ((__m256i *) kept + (f), x_); \
  DOT (a0##f, x_, b0); \
  if (m > 1) \
    DOT (a1##f, x_, b1); \
} while (0)

/* One or two tokens against the panel w. q: [m][k]; kept: [k / 4][4 vectors] */
static inline __attribute__ ((always_inline)) void
tile (int32_t (*sums)[PANEL], const uint8_t *w, const int8_t *q, const BmkRow *rows, size_t k, uint8_t *kept, const int m,
    const Source source)
{
  const bool ternary = source != INT8;
  UNIT (0, rows[0]);
  UNIT (1, rows[m > 1 ? 1 : 0]);

  for (size_t j = 0; j < k; j += 4, q += 4, w += MASKED (source) ? 32 : 128) {
    const __m256i b0 = BROADCAST (q), b1 = m > 1 ? BROADCAST (q + k) : b0;
    FIELD (0);
    FIELD (1);
    FIELD (2);
    FIELD (3);
    if (source == KEEP)
      kept += 128;
  }
  STORE (0);
  if (m > 1)
    STORE (1);
}

/* Three tokens: 12 sums, which hide the latency, 3 broadcasts and an operand are all registers there are. No compiler keeps to
 * that by itself. */
static inline __attribute__ ((always_inline)) void
tile3 (int32_t (*sums)[PANEL], const uint8_t *w, const int8_t *q, const BmkRow *rows, size_t k, const bool ternary)
{
  UNIT (0, rows[0]);
  UNIT (1, rows[1]);
  UNIT (2, rows[2]);

#define THREE(at, a, b, c) \
  "vmovdqa " at "(%[w]), %%ymm15\n\t%{vex%} vpdpbusd %%ymm12, %%ymm15, %[" a "]\n\t" \
  "%{vex%} vpdpbusd %%ymm13, %%ymm15, %[" b "]\n\t%{vex%} vpdpbusd %%ymm14, %%ymm15, %[" c "]\n\t"
  for (size_t j = 0; j < k; j += 4, q += 4, w += 128)
    __asm__ volatile ("vpbroadcastd (%[q]), %%ymm12\n\tvpbroadcastd (%[q], %[k]), %%ymm13\n\t"
        "vpbroadcastd (%[q], %[k], 2), %%ymm14\n\t"
        THREE ("", "a00", "a10", "a20") THREE ("32", "a01", "a11", "a21")
        THREE ("64", "a02", "a12", "a22") THREE ("96", "a03", "a13", "a23")
        : [a00] "+x" (a00), [a01] "+x" (a01), [a02] "+x" (a02), [a03] "+x" (a03), [a10] "+x" (a10), [a11] "+x" (a11),
        [a12] "+x" (a12), [a13] "+x" (a13), [a20] "+x" (a20), [a21] "+x" (a21), [a22] "+x" (a22), [a23] "+x" (a23)
        : [w] "r" (w), [q] "r" (q), [k] "r" (k) : "xmm12", "xmm13", "xmm14", "xmm15", "memory");
  STORE (0);
  STORE (1);
  STORE (2);
}

#define PAIR(f) do { \
  const __m256i x_ = operand (w, f, source), y_ = operand (w + panel, f, source); \
  DOT (a0##f, x_, b); \
  DOT (a1##f, y_, b); \
} while (0)

/* One token against two panels: more sums in flight. */
static inline __attribute__ ((always_inline)) void
tile_1x2 (int32_t (*sums)[PANEL], const uint8_t *w, size_t panel, const int8_t *q, const BmkRow *rows, size_t k, const Source source)
{
  const bool ternary = source != INT8;
  UNIT (0, rows[0]);
  UNIT (1, rows[0]);

  for (size_t j = 0; j < k; j += 4, q += 4, w += MASKED (source) ? 32 : 128) {
    const __m256i b = BROADCAST (q);
    PAIR (0);
    PAIR (1);
    PAIR (2);
    PAIR (3);
  }
  STORE (0);
  STORE (1);
}

static inline __attribute__ ((always_inline)) void
tokens (int32_t (*sums)[PANEL], const uint8_t *w, const int8_t *q, const BmkRow *rows, size_t k, uint8_t *kept, size_t m,
    const Source source)
{
  if (m == 1)
    tile (sums, w, q, rows, k, kept, 1, source);
  else if (m == 2 || MASKED (source))
    tile (sums, w, q, rows, k, kept, 2, source);
  else
    tile3 (sums, w, q, rows, k, source != INT8);
}

static inline __attribute__ ((always_inline)) void
linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m, const Source source)
{
  _Alignas (32) int32_t sums[TILE][PANEL];
  _Alignas (32) uint8_t kept[source == TERNARY ? KEEP_K * PANEL : 32];
  const size_t k = w->k, panel = k * PANEL / (source == TERNARY ? 4 : 1);
  const bool keep = source == TERNARY && m >= KEEP_FROM && k <= KEEP_K;
  const uint8_t *data = w->data;
  size_t row = 0;

  for (; m == 1 && row + PANEL < w->n; row += 2 * PANEL, data += 2 * panel) {
    tile_1x2 (sums, data, panel, q, rows, k, source);
    finish (out, w, 0, row, sums[0], rows[0].inv);
    finish (out, w, 0, row + PANEL, sums[1], rows[0].inv);
  }
  for (; row < w->n; row += PANEL, data += panel)
    for (size_t i = 0, count; i < m; i += count) {
      count = source == TERNARY && !(keep && i > 0) ? MASKED_TILE : TILE;
      count = m - i < count ? m - i : count;
      if (!keep)
        tokens (sums, data, q + i * k, rows + i, k, NULL, count, source);
      else if (i == 0)
        tokens (sums, data, q, rows, k, kept, count, KEEP);
      else
        tokens (sums, kept, q + i * k, rows + i, k, NULL, count, KEPT);
      for (size_t t = 0; t < count; t++)
        finish (out, w, i + t, row, sums[t], rows[i + t].inv);
    }
  if (out->q)
    bmk_table.quantize (out->q, out->rows, out->y, out->ldy, m, w->n, NULL);
}

static void
ternary_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, TERNARY);
}

static void
int8_linear (const BmkOutput *out, const BmkLinear *w, const int8_t *q, const BmkRow *rows, size_t m)
{
  linear (out, w, q, rows, m, INT8);
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
