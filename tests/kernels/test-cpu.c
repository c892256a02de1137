/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The choice of the tier. bmk_init acts once, so each environment is a child process. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bitmar-kernels.h"
#include "test-util.h"

/* Runs bmk_init under BITMAR_CPU=value: the tier, plus 16 when it returned true. */
static int
child_init (const char *value)
{
  int status;
  pid_t pid = fork ();

  CHECK (pid >= 0, "fork");
  if (pid == 0) {
    if (value)
      setenv ("BITMAR_CPU", value, 1);
    else
      unsetenv ("BITMAR_CPU");
    bool ok = bmk_init ();
    _exit ((int) bmk_tier () + (ok ? 16 : 0));
  }
  CHECK (waitpid (pid, &status, 0) == pid && WIFEXITED (status), "child died");
  return WEXITSTATUS (status);
}

static BmkTier
widest (void)
{
  int status = child_init (NULL);

  CHECK (status & 16, "bmk_init fails without BITMAR_CPU");
  return (BmkTier) (status & 15);
}

/* The tiers this machine has, asked for in a child, since bmk_set_tier() is for good. */
static bool
has (int tier)
{
  int status;
  pid_t pid = fork ();

  CHECK (pid >= 0, "fork");
  if (pid == 0)
    _exit (bmk_set_tier ((BmkTier) tier));
  CHECK (waitpid (pid, &status, 0) == pid && WIFEXITED (status), "child died");
  return WEXITSTATUS (status);
}

/* A cap leaves the widest of what there is up to it. */
static void
test_environment (void)
{
  int best = BMK_TIER_SCALAR;

  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    best = has (tier) ? tier : best;
    CHECK (child_init (bmk_tier_name ((BmkTier) tier)) == 16 + best, "%s", bmk_tier_name ((BmkTier) tier));
  }
  CHECK ((int) widest () == best, "the widest is not chosen");
  CHECK (child_init ("pentium") == best, "an unknown name must say so and cap nothing");
  CHECK (child_init ("") == best, "an empty name is unknown too");
}

static void
test_names (void)
{
  static const char *const names[] = { "scalar", "avx2", "avxvnni", "avx512vnni", "amx", "dotprod", "i8mm" };

  for (int tier = 0; tier < BMK_N_TIERS; tier++)
    CHECK (!strcmp (bmk_tier_name ((BmkTier) tier), names[tier]), "name of %d", tier);
  CHECK (bmk_tier_name (BMK_N_TIERS) == NULL, "name beyond the last");
}

static void
test_set_tier (void)
{
  for (int tier = 0; tier < BMK_N_TIERS; tier++) {
    bool ok = bmk_set_tier ((BmkTier) tier);
    CHECK (ok == has (tier), "tier %d", tier);
    CHECK (!ok || bmk_tier () == (BmkTier) tier, "tier %d not in use", tier);
  }
  CHECK (!bmk_set_tier (BMK_N_TIERS), "beyond the last");
  CHECK (bmk_set_tier (BMK_TIER_SCALAR), "scalar is everywhere");
  bmk_init ();
  CHECK (bmk_tier () == BMK_TIER_SCALAR, "a second bmk_init must change nothing");
}

static void *
init_thread (void *unused)
{
  (void) unused;
  return bmk_init () ? &rng_state : NULL;
}

static void
test_threads (void)
{
  pthread_t threads[8];
  void *result;
  bool expected = bmk_init ();

  for (int i = 0; i < 8; i++)
    CHECK (pthread_create (&threads[i], NULL, init_thread, NULL) == 0, "thread");
  for (int i = 0; i < 8; i++) {
    pthread_join (threads[i], &result);
    CHECK ((result != NULL) == expected, "threads disagree");
  }
}

int
main (void)
{
  test_environment ();
  test_names ();
  test_threads ();
  test_set_tier ();
  return 0;
}
