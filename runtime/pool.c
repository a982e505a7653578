/* A pool of threads that lets one caller at a time share its items with the workers.
 *
 * A job is published by opening the gate; workers that come in time enter through it, take items by an atomic
 * counter, and leave. The caller works too, then closes the gate and waits only for those inside: a worker
 * that wakes too late finds the gate closed and costs nothing. `gate` holds the open bit and the number of
 * workers inside; `epoch` counts the jobs and is what idle workers watch, first spinning, then asleep on a
 * futex.
 *
 * A second caller (another thread, or an item that calls again) finds the pool busy and runs its items
 * itself. So does a forked child, which has none of the threads.
 */
#define _GNU_SOURCE /* sched_getaffinity, syscall */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/internal.h"

#define GATE_OPEN 0x80000000u
#define SPINS 2000 /* about 30 µs: longer than the gap between two kernels, shorter than a time slice */

struct pool {
  struct keratin_pool face; /* first: callers hold a pointer to it */
  pid_t owner;
  unsigned workers;

  void (*fn)(void* arg, size_t i);
  void* arg;
  size_t items;
  _Alignas(64) atomic_size_t next; /* the first item that nobody has taken */
  _Alignas(64) atomic_uint gate;
  _Alignas(64) atomic_uint epoch;
  atomic_uint sleepers;
  atomic_uint busy; /* a caller has the pool */
  atomic_uint stop;
  pthread_t threads[];
};

static void sleep_while(atomic_uint* word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint* word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void take_items(struct pool* pool) {
  const size_t items = pool->items;
  for (size_t i; (i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < items;)
    pool->fn(pool->arg, i);
}

/* True if the job is still open to helpers; then the worker must leave(). */
static int enter(struct pool* pool) {
  unsigned gate = atomic_load_explicit(&pool->gate, memory_order_relaxed);
  while (gate & GATE_OPEN)
    if (atomic_compare_exchange_weak_explicit(&pool->gate, &gate, gate + 1, memory_order_acquire,
                                              memory_order_relaxed))
      return 1;
  return 0;
}

static void leave(struct pool* pool) {
  if (atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release) == 1) wake(&pool->gate, 1);
}

/* Returns when `epoch` is no longer `seen`. */
static void await_job(struct pool* pool, unsigned seen) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&pool->epoch, memory_order_acquire) != seen) return;
    relax();
  }
  while (atomic_load_explicit(&pool->epoch, memory_order_acquire) == seen) {
    /* Either the caller sees this sleeper and wakes it, or this load sees the new epoch: both are seq_cst. */
    atomic_fetch_add(&pool->sleepers, 1);
    if (atomic_load(&pool->epoch) == seen) sleep_while(&pool->epoch, seen);
    atomic_fetch_sub(&pool->sleepers, 1);
  }
}

static void* work(void* arg) {
  struct pool* pool = arg;
  unsigned seen = 0;
  for (;;) {
    await_job(pool, seen);
    seen = atomic_load_explicit(&pool->epoch, memory_order_acquire);
    if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
    if (enter(pool)) {
      take_items(pool);
      leave(pool);
    }
  }
}

static void await_helpers(struct pool* pool) {
  unsigned gate = atomic_fetch_and_explicit(&pool->gate, ~GATE_OPEN, memory_order_acquire) & ~GATE_OPEN;
  for (int i = 0; gate != 0 && i < SPINS; ++i) {
    relax();
    gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
  }
  while (gate != 0) {
    sleep_while(&pool->gate, gate);
    gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
  }
}

static void parallel_for(struct keratin_pool* face, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  struct pool* pool = (struct pool*)face;
  unsigned idle = 0;
  if (n < 2 || pool->workers == 0 || pool->owner != getpid() ||
      !atomic_compare_exchange_strong_explicit(&pool->busy, &idle, 1, memory_order_acquire,
                                               memory_order_relaxed)) {
    for (size_t i = 0; i < n; ++i) fn(arg, i);
    return;
  }
  pool->fn = fn;
  pool->arg = arg;
  pool->items = n;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->gate, GATE_OPEN, memory_order_release);
  atomic_fetch_add(&pool->epoch, 1);
  if (atomic_load(&pool->sleepers) > 0)
    wake(&pool->epoch, n - 1 < pool->workers ? (int)(n - 1) : (int)pool->workers);
  take_items(pool);
  await_helpers(pool);
  atomic_store_explicit(&pool->busy, 0, memory_order_release);
}

static unsigned usable_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? (unsigned)count : 1;
}

static void stop_workers(struct pool* pool, unsigned started) {
  atomic_store_explicit(&pool->stop, 1, memory_order_release);
  atomic_fetch_add(&pool->epoch, 1);
  wake(&pool->epoch, INT_MAX);
  for (unsigned i = 0; i < started; ++i) pthread_join(pool->threads[i], NULL);
}

/* `threads` includes the caller's own; 0: as many as this process may run at once. NULL if they cannot be
 * had. */
struct keratin_pool* krt_pool_create(unsigned threads) {
  if (threads == 0) threads = usable_processors();
  struct pool* pool = krt_allocate(sizeof *pool + (size_t)(threads - 1) * sizeof(pthread_t));
  if (!pool) return NULL;
  pool->face.size = sizeof pool->face;
  pool->face.threads = threads;
  pool->face.parallel_for = parallel_for;
  pool->owner = getpid();
  pool->workers = threads - 1;

  /* The host's signals are for the host's threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  unsigned started = 0;
  while (started < pool->workers && pthread_create(&pool->threads[started], NULL, work, pool) == 0) ++started;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started == pool->workers) return &pool->face;
  stop_workers(pool, started);
  free(pool);
  return NULL;
}

/* Requires: no call uses the pool. NULL is allowed. */
void krt_pool_destroy(struct keratin_pool* face) {
  struct pool* pool = (struct pool*)face;
  if (!pool) return;
  if (pool->owner == getpid()) stop_workers(pool, pool->workers);
  free(pool);
}
