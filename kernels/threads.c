/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "bitmar-kernels.h"

typedef struct {
  BmkTask task;
  void *data;
  size_t count, grain;
  _Atomic size_t next;
} Work;

static struct {
  pthread_mutex_t use;          /* held by the caller whose work it is, and by who changes the number of threads */
  pthread_mutex_t lock;         /* of all that follows */
  pthread_cond_t wake, idle;
  pthread_t threads[BMK_MAX_THREADS];
  unsigned n;                   /* workers, beside the caller */
  _Atomic unsigned working;     /* written under the lock */
  _Atomic unsigned long turn;   /* the same; counts works, so that a worker takes each once */
  Work *work;
  bool quit;
} pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
  { 0 }, 0, 0, 0, NULL, false };

/* A network's layers follow each other within microseconds, and waking a thread takes 50 (measured, a virtual machine): for so
 * long a worker, and a caller whose workers are not done, look before they sleep. */
#define PATIENCE_NS 100000

static void
relax (void)
{
#if defined (__x86_64__) || defined (__i386__)
  __builtin_ia32_pause ();
#elif defined (__aarch64__)
  __asm__ volatile ("isb");
#endif
}

static int64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Until there is another turn than `seen`. */
static void
await_turn (unsigned long seen)
{
  int64_t end = now_ns () + PATIENCE_NS;

  do
    for (int i = 0; i < 32 && atomic_load_explicit (&pool.turn, memory_order_relaxed) == seen; i++)
      relax ();
  while (atomic_load_explicit (&pool.turn, memory_order_relaxed) == seen && now_ns () < end);
}

static void
await_workers (void)
{
  int64_t end = now_ns () + PATIENCE_NS;

  while (atomic_load_explicit (&pool.working, memory_order_relaxed) && now_ns () < end)
    relax ();
}

/* Read without a lock: whether the pool is worth a look. */
static _Atomic unsigned n_threads = 1;

static void
take_pieces (Work *w)
{
  for (size_t at; (at = atomic_fetch_add (&w->next, w->grain)) < w->count;)
    w->task (w->data, at, w->count - at < w->grain ? w->count : at + w->grain);
}

static void *
worker (void *unused)
{
  unsigned long seen;

  (void) unused;
  pthread_mutex_lock (&pool.lock);
  seen = pool.turn;
  for (;;) {
    while (!pool.quit && (pool.turn == seen || !pool.work))
      pthread_cond_wait (&pool.wake, &pool.lock);
    if (pool.quit)
      break;
    seen = pool.turn;
    Work *w = pool.work;
    pool.working++;
    pthread_mutex_unlock (&pool.lock);
    take_pieces (w);
    pthread_mutex_lock (&pool.lock);
    if (--pool.working == 0)
      pthread_cond_signal (&pool.idle);
    pthread_mutex_unlock (&pool.lock);
    await_turn (seen);
    pthread_mutex_lock (&pool.lock);
  }
  pthread_mutex_unlock (&pool.lock);
  return NULL;
}

void
bmk_parallel (BmkTask task, void *data, size_t count, size_t grain)
{
  Work w = { task, data, count, grain, 0 };

  if (atomic_load (&n_threads) == 1 || count <= grain || pthread_mutex_trylock (&pool.use) != 0) {
    task (data, 0, count);
    return;
  }
  pthread_mutex_lock (&pool.lock);
  pool.work = &w;
  pool.turn++;
  pthread_cond_broadcast (&pool.wake);
  pthread_mutex_unlock (&pool.lock);
  take_pieces (&w);
  await_workers ();
  pthread_mutex_lock (&pool.lock);
  pool.work = NULL;             /* who wakes only now comes too late */
  while (pool.working)
    pthread_cond_wait (&pool.idle, &pool.lock);
  pthread_mutex_unlock (&pool.lock);
  pthread_mutex_unlock (&pool.use);
}

static void
stop_workers (void)
{
  pthread_mutex_lock (&pool.lock);
  pool.quit = true;
  pool.turn++;
  pthread_cond_broadcast (&pool.wake);
  pthread_mutex_unlock (&pool.lock);
  while (pool.n)
    pthread_join (pool.threads[--pool.n], NULL);
  pool.quit = false;
}

/* The application's signals are none of the workers' business. */
static bool
start_worker (void)
{
  sigset_t all, old;
  bool ok;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  ok = pthread_create (&pool.threads[pool.n], NULL, worker, NULL) == 0;
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  if (ok)
    pool.n++;
  return ok;
}

bool
bmk_set_threads (unsigned n)
{
  bool ok = n >= 1 && n <= BMK_MAX_THREADS;

  if (!ok)
    return false;
  pthread_mutex_lock (&pool.use);
  stop_workers ();
  while (ok && pool.n + 1 < n)
    ok = start_worker ();
  atomic_store (&n_threads, pool.n + 1);
  pthread_mutex_unlock (&pool.use);
  return ok;
}

unsigned
bmk_threads (void)
{
  return atomic_load (&n_threads);
}
