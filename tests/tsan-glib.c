/* SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loaded before GLib by tests/sanitize tsan. GLib makes its locks of futexes and isn't instrumented, so the thread sanitizer takes what they keep
 * apart for a race. Each function here calls GLib's and says what it orders. */
#include <dlfcn.h>
#include <glib-object.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

#define SEEN __attribute__ ((visibility ("default")))

/* The function that is meant, looked up once. */
#define REAL(name) \
  static __typeof__ (&name) function; \
  __typeof__ (&name) call = __atomic_load_n (&function, __ATOMIC_RELAXED); \
  if (!call) { \
    *(void **) &call = dlsym (RTLD_NEXT, #name); \
    __atomic_store_n (&function, call, __ATOMIC_RELAXED); \
  }

#define LOCK(name, type) \
  SEEN void (name) (type *lock) { REAL (name) call (lock); __tsan_acquire (lock); }
#define TRY(name, type) \
  SEEN gboolean (name) (type *lock) { REAL (name) gboolean got = call (lock); if (got) __tsan_acquire (lock); return got; }
#define UNLOCK(name, type) \
  SEEN void (name) (type *lock) { __tsan_release (lock); REAL (name) call (lock); }

LOCK (g_mutex_lock, GMutex)
TRY (g_mutex_trylock, GMutex)
UNLOCK (g_mutex_unlock, GMutex)
LOCK (g_rec_mutex_lock, GRecMutex)
TRY (g_rec_mutex_trylock, GRecMutex)
UNLOCK (g_rec_mutex_unlock, GRecMutex)
LOCK (g_rw_lock_writer_lock, GRWLock)
UNLOCK (g_rw_lock_writer_unlock, GRWLock)
LOCK (g_rw_lock_reader_lock, GRWLock)
UNLOCK (g_rw_lock_reader_unlock, GRWLock)

SEEN void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  REAL (g_cond_wait)
  __tsan_release (mutex);
  call (cond, mutex);
  __tsan_acquire (mutex);
}

SEEN gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end)
{
  gboolean told;
  REAL (g_cond_wait_until)

  __tsan_release (mutex);
  told = call (cond, mutex, end);
  __tsan_acquire (mutex);
  return told;
}

/* Whoever drops the last reference comes after all that dropped one before. */
SEEN void
g_object_unref (gpointer object)
{
  REAL (g_object_unref)
  __tsan_release (object);
  __tsan_acquire (object);
  call (object);
}

SEEN gpointer
(g_weak_ref_get) (GWeakRef *reference)
{
  gpointer object;
  REAL (g_weak_ref_get)

  object = call (reference);
  if (object)
    __tsan_acquire (object);
  return object;
}

SEEN void
g_bytes_unref (GBytes *bytes)
{
  REAL (g_bytes_unref)
  if (bytes) {
    __tsan_release (bytes);
    __tsan_acquire (bytes);
  }
  call (bytes);
}

SEEN void
(g_once_init_leave) (volatile void *location, gsize result)
{
  REAL (g_once_init_leave)
  __tsan_release ((void *) location);
  call (location, result);
}

/* What is given to a thread of a pool, or put into a queue, is seen by who takes it. */
SEEN gboolean
g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  REAL (g_thread_pool_push)
  __tsan_release (data);
  return call (pool, data, error);
}

/* The last of those who let go clears what the others wrote. */
SEEN void
g_atomic_rc_box_release_full (gpointer block, GDestroyNotify clear)
{
  REAL (g_atomic_rc_box_release_full)

  __tsan_release (block);
  __tsan_acquire (block);
  call (block, clear);
}
