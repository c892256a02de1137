/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* maddubs saturates, so both uses of it are bounded:
 * ternary codes are 0..2, a pair is at most 2 * 2 * 127 = 508, and 64 pairs (256 k) still fit an int16;
 * int8 weights go in as |w| against q with w's sign, a pair is at most 2 * 127 * 127 = 32258. */
#include "linear-pack.h"
#include "math-avx2.h"

#define LANES 8
#define PANEL 32
#define TILE 2                  /* tokens; a third would spill */
#define WIDEN_EVERY 256

static int32_t
sum_codes (const int8_t *q, size_t k)
{
  const __m128i ones = _mm_set1_epi8 (1), ones16 = _mm_set1_epi16 (1);
  __m128i acc = _mm_setzero_si128 ();

  for (size_t j = 0; j < k; j += 16) {
    __m128i pairs = _mm_maddubs_epi16 (ones, _mm_loadu_si128 ((const __m128i *) (q + j)));
    acc = _mm_add_epi32 (acc, _mm_madd_epi16 (pairs, ones16));
  }
  acc = _mm_add_epi32 (acc, _mm_unpackhi_epi64 (acc, acc));
  return _mm_cvtsi128_si32 (_mm_add_epi32 (acc, _mm_shuffle_epi32 (acc, 1)));
}

/* acc: [32] sums of one token and one panel; y, scale: at the panel's first row, `left` rows remain */
static void
finish (float *y, const int32_t *acc, const float *scale, float inv, size_t left, BmkEpilogue epilogue)
{
  const __m256 inv8 = _mm256_set1_ps (inv);

  for (size_t f = 0; f < PANEL && f < left; f += LANES) {
    const __m256i mask = bmk_mask_avx2 (left - f < LANES ? (ptrdiff_t) (left - f) : LANES);
    __m256 v = _mm256_cvtepi32_ps (_mm256_load_si256 ((const __m256i *) (acc + f)));
    v = _mm256_mul_ps (_mm256_mul_ps (v, _mm256_maskload_ps (scale + f, mask)), inv8);
    if (epilogue == BMK_ADD)
      v = _mm256_add_ps (_mm256_maskload_ps (y + f, mask), v);
    else if (epilogue != BMK_STORE)
      v = _mm256_max_ps (v, _mm256_setzero_ps ());
    if (epilogue == BMK_RELU_SQUARED)
      v = _mm256_mul_ps (v, v);
    _mm256_maskstore_ps (y + f, mask, v);
  }
}

#define UNIT(u) __m256i a##u##0 = zero, a##u##1 = zero, a##u##2 = zero, a##u##3 = zero
#define TERNARY_DOT(u, q) do { \
  __m256i b_ = _mm256_set1_epi32 (bmk_load4 (q)); \
  a##u##0 = _mm256_add_epi16 (a##u##0, _mm256_maddubs_epi16 (x0, b_)); \
  a##u##1 = _mm256_add_epi16 (a##u##1, _mm256_maddubs_epi16 (x1, b_)); \
  a##u##2 = _mm256_add_epi16 (a##u##2, _mm256_maddubs_epi16 (x2, b_)); \
  a##u##3 = _mm256_add_epi16 (a##u##3, _mm256_maddubs_epi16 (x3, b_)); \
} while (0)

static inline void
widen (int32_t *acc, __m256i pairs)
{
  __m256i *a = (__m256i *) acc;

  _mm256_store_si256 (a, _mm256_add_epi32 (_mm256_load_si256 (a), _mm256_madd_epi16 (pairs, _mm256_set1_epi16 (1))));
}

#define TERNARY_WIDEN(u) do { \
  widen (acc[u], a##u##0); \
  widen (acc[u] + 8, a##u##1); \
  widen (acc[u] + 16, a##u##2); \
  widen (acc[u] + 24, a##u##3); \
} while (0)

/* acc: [m][32] += one panel over at most WIDEN_EVERY inputs; q: m rows ldq apart */
static inline __attribute__ ((always_inline)) void
ternary_step (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t ldq, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 (), three = _mm256_set1_epi8 (3);
  UNIT (0);
  UNIT (1);

  for (size_t j = 0; j < k; j += 4, w += 32, q += 4) {
    __m256i v = _mm256_load_si256 ((const __m256i *) w);
    __m256i x0 = _mm256_and_si256 (v, three);
    __m256i x1 = _mm256_and_si256 (_mm256_srli_epi16 (v, 2), three);
    __m256i x2 = _mm256_and_si256 (_mm256_srli_epi16 (v, 4), three);
    __m256i x3 = _mm256_and_si256 (_mm256_srli_epi16 (v, 6), three);
    TERNARY_DOT (0, q);
    if (m > 1)
      TERNARY_DOT (1, q + ldq);
  }
  TERNARY_WIDEN (0);
  if (m > 1)
    TERNARY_WIDEN (1);
}

static inline __attribute__ ((always_inline)) void
ternary_panel (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, const int m)
{
  for (size_t j = 0; j < k; j += WIDEN_EVERY)
    ternary_step (acc, w + j * 8, q + j, k, k - j < WIDEN_EVERY ? k - j : WIDEN_EVERY, m);
}

#define INT8_DOT(u, f) \
  a##u##f = _mm256_add_epi32 (a##u##f, \
      _mm256_madd_epi16 (_mm256_maddubs_epi16 (magnitude, _mm256_sign_epi8 (b##u, v)), ones))

#define INT8_STEP(f) do { \
  __m256i v = _mm256_load_si256 ((const __m256i *) (w + 32 * (f))); \
  __m256i magnitude = _mm256_abs_epi8 (v); \
  INT8_DOT (0, f); \
  if (m > 1) \
    INT8_DOT (1, f); \
} while (0)

#define INT8_STORE(u) do { \
  _mm256_store_si256 ((__m256i *) acc[u], a##u##0); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 8), a##u##1); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 16), a##u##2); \
  _mm256_store_si256 ((__m256i *) (acc[u] + 24), a##u##3); \
} while (0)

static inline __attribute__ ((always_inline)) void
int8_panel (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, const int m)
{
  const __m256i zero = _mm256_setzero_si256 (), ones = _mm256_set1_epi16 (1);
  UNIT (0);
  UNIT (1);

  for (size_t j = 0; j < k; j += 4, w += 128, q += 4) {
    __m256i b0 = _mm256_set1_epi32 (bmk_load4 (q));
    __m256i b1 = m > 1 ? _mm256_set1_epi32 (bmk_load4 (q + k)) : zero;
    INT8_STEP (0);
    INT8_STEP (1);
    INT8_STEP (2);
    INT8_STEP (3);
  }
  INT8_STORE (0);
  if (m > 1)
    INT8_STORE (1);
}

static void
ternary_tile (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, size_t m)
{
  if (m == 1)
    ternary_panel (acc, w, q, k, 1);
  else
    ternary_panel (acc, w, q, k, 2);
}

static void
int8_tile (int32_t (*acc)[PANEL], const uint8_t *w, const int8_t *q, size_t k, size_t m)
{
  if (m == 1)
    int8_panel (acc, w, q, k, 1);
  else
    int8_panel (acc, w, q, k, 2);
}

static void
ternary_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  _Alignas (32) int32_t acc[TILE][PANEL];

  for (size_t i = 0, count; i < m; i += count) {
    int32_t start[TILE];
    count = m - i < TILE ? m - i : TILE;
    for (size_t t = 0; t < count; t++)
      start[t] = -sum_codes (q + (i + t) * w->k, w->k);
    for (size_t row = 0; row < w->n; row += PANEL) {
      for (size_t t = 0; t < count; t++)
        for (size_t f = 0; f < PANEL; f++)
          acc[t][f] = start[t];
      ternary_tile (acc, (const uint8_t *) w->data + row / 4 * w->k, q + i * w->k, w->k, count);
      for (size_t t = 0; t < count; t++)
        finish (y + (i + t) * ldy + row, acc[t], w->scale + row, inv[i + t], w->n - row, epilogue);
    }
  }
}

static void
int8_linear (float *y, size_t ldy, const BmkLinear *w, const int8_t *q, const float *inv, size_t m,
    BmkEpilogue epilogue)
{
  _Alignas (32) int32_t acc[TILE][PANEL];

  for (size_t row = 0; row < w->n; row += PANEL)
    for (size_t i = 0, count; i < m; i += count) {
      count = m - i < TILE ? m - i : TILE;
      int8_tile (acc, (const uint8_t *) w->data + row * w->k, q + i * w->k, w->k, count);
      for (size_t t = 0; t < count; t++)
        finish (y + (i + t) * ldy + row, acc[t], w->scale + row, inv[i + t], w->n - row, epilogue);
    }
}

static size_t
ternary_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, true);
}

static void
ternary_pack (void *dst, const uint8_t *codes, size_t n, size_t k)
{
  bmk_panel_pack_ternary (dst, codes, n, k, LANES);
}

static size_t
int8_packed_size (size_t n, size_t k)
{
  return bmk_panel_packed_size (n, k, LANES, false);
}

static void
int8_pack (void *dst, const int8_t *rows, size_t n, size_t k)
{
  bmk_panel_pack_int8 (dst, rows, n, k, LANES, 0);
}

void
bmk_linear_fill_avx2 (BmkTable *t)
{
  t->ternary_packed_size = ternary_packed_size;
  t->ternary_pack = ternary_pack;
  t->ternary_linear = ternary_linear;
  t->int8_packed_size = int8_packed_size;
  t->int8_pack = int8_pack;
  t->int8_linear = int8_linear;
}
