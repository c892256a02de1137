/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which tiers this CPU and this build have, and the choice among them. */
#include <pthread.h>
#include <stdlib.h>

#include "kernels-internal.h"

#ifdef BMK_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined (BMK_ARM)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

BmkTable bmk_table;

static BmkTier active_tier;
static bool init_result;
static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static const char *const tier_names[BMK_N_TIERS] = { "scalar", "avx2", "avxvnni", "avx512vnni", "amx", "dotprod",
  "i8mm" };

static void
fill_scalar (BmkTable *t)
{
  bmk_quantize_fill_scalar (t);
  bmk_linear_fill_scalar (t);
  bmk_linear_f16_fill_scalar (t);
  bmk_norm_fill_scalar (t);
  bmk_attention_fill_scalar (t);
  bmk_elementwise_fill_scalar (t);
  bmk_conv_fill_scalar (t);
  bmk_resample_fill_scalar (t);
  bmk_color_fill_scalar (t);
  bmk_peak_fill_scalar (t);
}

#ifdef BMK_X86
static void
fill_avx2 (BmkTable *t)
{
  bmk_quantize_fill_avx2 (t);
  bmk_linear_fill_avx2 (t);
  bmk_linear_f16_fill_avx2 (t);
  bmk_norm_fill_avx2 (t);
  bmk_attention_fill_avx2 (t);
  bmk_elementwise_fill_avx2 (t);
  bmk_conv_fill_avx2 (t);
  bmk_resample_fill_avx2 (t);
  bmk_color_fill_avx2 (t);
  bmk_peak_fill_avx2 (t);
}

static void
fill_avx512vnni (BmkTable *t)
{
  bmk_quantize_fill_avx512vnni (t);
  bmk_linear_fill_avx512vnni (t);
  bmk_linear_f16_fill_avx512vnni (t);
  bmk_norm_fill_avx512vnni (t);
  bmk_attention_fill_avx512vnni (t);
  bmk_elementwise_fill_avx512vnni (t);
  bmk_conv_fill_avx512vnni (t);
  bmk_peak_fill_avx512vnni (t);
}

static void
fill_avxvnni (BmkTable *t)
{
  bmk_linear_fill_avxvnni (t);
  bmk_conv_fill_avxvnni (t);
  bmk_peak_fill_avxvnni (t);
}

static void
fill_amx (BmkTable *t)
{
  bmk_linear_fill_amx (t);
  bmk_conv_fill_amx (t);
  bmk_peak_fill_amx (t);
}

/* The register files that the operating system saves (XCR0). */
static uint64_t
saved_state (void)
{
  unsigned a, b, c, d, low, high;

  if (!__get_cpuid (1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
    return 0;
  __asm__ volatile ("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
  return low | (uint64_t) high << 32;
}

/* The fused multiply-adds and half floats that came with AVX2 in every CPU but for a virtual machine's masks. */
static bool
has_fma_f16c (void)
{
  unsigned a, b, c, d;

  return __get_cpuid (1, &a, &b, &c, &d) && (c & bit_FMA) && (c & bit_F16C);
}

/* Linux gives a process the tiles' state when it asks, and then to all its threads. */
static bool
tiles_are_granted (void)
{
  const int request_permission = 0x1023, tile_data = 18;
  static int granted = -1;

  if (granted < 0)
    granted = syscall (SYS_arch_prctl, request_permission, tile_data) == 0;
  return granted;
}

static bool
has_tier (BmkTier tier)
{
  const uint64_t ymm = 0x6, zmm = 0xe6, tiles = 0x60000;
  const unsigned avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  const unsigned avxvnni = 1u << 4, amx = 1u << 24 | 1u << 25; /* of leaf 7: eax of subleaf 1, edx of subleaf 0 */
  uint64_t state = saved_state ();
  unsigned a1 = 0, a, b, c, d, unused;

  if (tier == BMK_TIER_SCALAR)
    return true;
  if ((state & ymm) != ymm || !__get_cpuid_count (7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)
      || !has_fma_f16c ())
    return false;
  if (a >= 1)
    __get_cpuid_count (7, 1, &a1, &unused, &unused, &unused);
  switch (tier) {
    case BMK_TIER_AVX2:
      return true;
    case BMK_TIER_AVXVNNI:
      return a1 & avxvnni;
    case BMK_TIER_AVX512VNNI:
      return (state & zmm) == zmm && (b & avx512) == avx512 && (c & bit_AVX512VNNI);
    case BMK_TIER_AMX:
      return has_tier (BMK_TIER_AVX512VNNI) && (d & amx) == amx && (state & tiles) == tiles && tiles_are_granted ();
    default:
      return false;
  }
}
#elif defined (BMK_ARM)
static bool
has_tier (BmkTier tier)
{
  switch (tier) {
    case BMK_TIER_SCALAR:
      return true;
    case BMK_TIER_DOTPROD:
      return getauxval (AT_HWCAP) & HWCAP_ASIMDDP;
    case BMK_TIER_I8MM:
      return (getauxval (AT_HWCAP) & HWCAP_ASIMDDP) && (getauxval (AT_HWCAP2) & HWCAP2_I8MM);
    default:
      return false;
  }
}

static void
fill_dotprod (BmkTable *t)
{
  bmk_quantize_fill_dotprod (t);
  bmk_linear_fill_dotprod (t);
  bmk_linear_f16_fill_dotprod (t);
  bmk_norm_fill_dotprod (t);
  bmk_attention_fill_dotprod (t);
  bmk_elementwise_fill_dotprod (t);
  bmk_conv_fill_dotprod (t);
  bmk_resample_fill_dotprod (t);
  bmk_color_fill_dotprod (t);
  bmk_peak_fill_dotprod (t);
}

static void
fill_i8mm (BmkTable *t)
{
  bmk_linear_fill_i8mm (t);
  bmk_conv_fill_i8mm (t);
  bmk_peak_fill_i8mm (t);
}
#else
static bool
has_tier (BmkTier tier)
{
  return tier == BMK_TIER_SCALAR;
}
#endif

/* The table is filled narrow to wide: a tier keeps what it has nothing better for. */
static void
use_tier (BmkTier tier)
{
  BmkTable t = { 0 };

  fill_scalar (&t);
#ifdef BMK_X86
  /* not on ARM, where ORC's code keeps subnormal numbers */
  if (tier > BMK_TIER_SCALAR)
    bmk_elementwise_fill_orc (&t);
  if (tier >= BMK_TIER_AVX2)
    fill_avx2 (&t);
  if (tier == BMK_TIER_AVXVNNI)
    fill_avxvnni (&t);
  if (tier >= BMK_TIER_AVX512VNNI)
    fill_avx512vnni (&t);
  if (tier >= BMK_TIER_AMX)
    fill_amx (&t);
#elif defined (BMK_ARM)
  if (tier >= BMK_TIER_DOTPROD)
    fill_dotprod (&t);
  if (tier >= BMK_TIER_I8MM)
    fill_i8mm (&t);
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
  const char *cap = getenv ("BITMAR_CPU"), *threads = getenv ("BITMAR_THREADS");
  int tier = BMK_N_TIERS - 1;

  init_result = true;
  if (cap) {
    int i = 0;
    while (i < BMK_N_TIERS && strcmp (cap, tier_names[i]) != 0)
      i++;
    init_result = i < BMK_N_TIERS;
    if (i < tier)
      tier = i;
  }
  while (!has_tier ((BmkTier) tier))
    tier--;
  use_tier ((BmkTier) tier);
  if (threads)
    init_result = bmk_set_threads ((unsigned) atoi (threads)) && init_result;
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
  if ((unsigned) tier >= BMK_N_TIERS || !has_tier (tier))
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
