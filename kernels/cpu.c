/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which tiers this CPU and this build have, and the choice among them. */
#include <pthread.h>
#include <stdlib.h>

#include "kernels-internal.h"

#ifdef BMK_X86
#include <cpuid.h>
#endif

BmkTable bmk_table;

static BmkTier active_tier;
static bool init_result;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static const char *const tier_names[BMK_N_TIERS] = { "scalar", "avx2", "avx512vnni" };

static void
fill_scalar (BmkTable *t)
{
  bmk_quantize_fill_scalar (t);
  bmk_linear_fill_scalar (t);
  bmk_attention_fill_scalar (t);
  bmk_elementwise_fill_scalar (t);
  bmk_conv_fill_scalar (t);
  bmk_resample_fill_scalar (t);
  bmk_color_fill_scalar (t);
}

#ifdef BMK_X86
static void
fill_avx2 (BmkTable *t)
{
  bmk_quantize_fill_avx2 (t);
  bmk_linear_fill_avx2 (t);
  bmk_attention_fill_avx2 (t);
  bmk_elementwise_fill_avx2 (t);
  bmk_conv_fill_avx2 (t);
  bmk_resample_fill_avx2 (t);
  bmk_color_fill_avx2 (t);
}

static void
fill_avx512vnni (BmkTable *t)
{
  bmk_quantize_fill_avx512vnni (t);
  bmk_linear_fill_avx512vnni (t);
  bmk_attention_fill_avx512vnni (t);
  bmk_elementwise_fill_avx512vnni (t);
  bmk_conv_fill_avx512vnni (t);
}

/* The register files that the operating system saves (XCR0). */
static unsigned
saved_state (void)
{
  unsigned a, b, c, d, low, high;

  if (!__get_cpuid (1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
    return 0;
  __asm__ volatile ("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
  return low;
}

static BmkTier
widest_tier (void)
{
  const unsigned ymm = 0x6, zmm = 0xe6;
  const unsigned avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  unsigned state = saved_state (), a, b, c, d;

  if ((state & ymm) != ymm || !__get_cpuid_count (7, 0, &a, &b, &c, &d) || !(b & bit_AVX2))
    return BMK_TIER_SCALAR;
  if ((state & zmm) != zmm || (b & avx512) != avx512 || !(c & bit_AVX512VNNI))
    return BMK_TIER_AVX2;
  return BMK_TIER_AVX512VNNI;
}
#else
static BmkTier
widest_tier (void)
{
  return BMK_TIER_SCALAR;
}
#endif

static void
use_tier (BmkTier tier)
{
  BmkTable t = { 0 };

  fill_scalar (&t);
#ifdef BMK_X86
  if (tier >= BMK_TIER_AVX2)
    fill_avx2 (&t);
  if (tier >= BMK_TIER_AVX512VNNI)
    fill_avx512vnni (&t);
#endif
  bmk_table = t;
  active_tier = tier;
}

/* A call before bmk_init() finds the scalar tier. */
__attribute__ ((constructor))
static void
start_scalar (void)
{
  use_tier (BMK_TIER_SCALAR);
}

static void
choose_tier (void)
{
  const char *cap = getenv ("BITMAR_CPU");
  BmkTier tier = widest_tier ();

  init_result = true;
  if (cap) {
    unsigned i = 0;
    while (i < BMK_N_TIERS && strcmp (cap, tier_names[i]) != 0)
      i++;
    init_result = i < BMK_N_TIERS;
    if (i < tier)
      tier = (BmkTier) i;
  }
  use_tier (tier);
}

bool
bmk_init (void)
{
  return pthread_once (&init_once, choose_tier) == 0 && init_result;
}

bool
bmk_set_tier (BmkTier tier)
{
  bmk_init ();
  if ((unsigned) tier >= BMK_N_TIERS || tier > widest_tier ())
    return false;
  use_tier (tier);
  return true;
}

BmkTier
bmk_tier (void)
{
  return active_tier;
}

const char *
bmk_tier_name (BmkTier tier)
{
  return (unsigned) tier < BMK_N_TIERS ? tier_names[tier] : NULL;
}
