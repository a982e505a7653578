/* A pool of threads that lets one caller at a time share its items with the workers.
 *
 * A job is published by opening the gate; workers that come in time enter through it, take items, and leave.
 * The caller works too, then closes the gate and waits only for those inside: a worker that wakes too late
 * finds the gate closed and costs nothing. `gate` holds the open bit, the number of workers inside, and whether the caller
 * sleeps until they have left; `epoch` counts the jobs and is what idle workers watch, first spinning, then asleep on a futex.
 *
 * Each thread has a share of the items, the same one in every call, so that what an item reads (weights above
 * all) is found in the cache of the core that read it last. Who is done with its own share takes from others'.
 *
 * An errand is work that has time: workers that wait for a job do its items, one after the other, and look for the job
 * in between. Who started it does what is left when it needs the whole. Its items have the same shares.
 *
 * A second caller (another thread, or an item that calls again) finds the pool busy and runs its items
 * itself. A forked child has none of the threads: nobody enters its gate, and the caller does all items.
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
#define GATE_AWAITED 0x40000000u
#define GATE_HELPERS 0x3fffffffu
#define SPINS 2000 /* about 30 µs: longer than the gap between two kernels, shorter than a time slice */

/* Items that one thread takes first, by an atomic counter. */
struct share {
  _Alignas(KRT_APART) atomic_size_t next; /* the first item that nobody has taken */
  size_t end;
};

struct errand {
  void (*fn)(void* arg, size_t i);
  void* arg;
  size_t items;
  _Alignas(KRT_APART) atomic_size_t done;
};

/* Items of the errand that one thread takes first. Who takes one knows by the count alone that there is one, whenever the
 * errand was started; everything else may be read after that. */
struct errand_share {
  _Alignas(KRT_APART) _Atomic int64_t left; /* nobody has taken; below 0 where several found none */
  size_t first;
};

struct worker {
  struct pool* pool;
  unsigned number; /* of its share; the caller's is 0 */
  pthread_t thread;
};

struct pool {
  struct keratin_pool face; /* first: callers hold a pointer to it */
  pid_t owner;
  unsigned workers;

  void (*fn)(void* arg, size_t i);
  void* arg;
  struct share* shares; /* behind the workers */
  struct errand errand;
  struct errand_share* errand_shares; /* behind them */
  _Alignas(KRT_APART) atomic_uint gate;
  _Alignas(KRT_APART) atomic_uint epoch;
  atomic_uint sleepers;
  atomic_uint busy; /* a caller has the pool */
  atomic_uint stop;
  struct worker team[];
};

static void sleep_while(atomic_uint* word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint* word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void deal_items(struct pool* pool, size_t items) {
  const size_t threads = pool->face.threads;
  for (size_t t = 0; t < threads; ++t) {
    atomic_store_explicit(&pool->shares[t].next, krt_share_begin(items, threads, t), memory_order_relaxed);
    pool->shares[t].end = krt_share_begin(items, threads, t + 1);
  }
}

static void take_items(struct pool* pool, unsigned own) {
  const unsigned threads = pool->face.threads;
  for (unsigned t = 0; t < threads; ++t) {
    struct share* share = &pool->shares[(own + t) % threads];
    for (size_t i; (i = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end;)
      pool->fn(pool->arg, i);
  }
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
  if (atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release) == (GATE_AWAITED | 1))
    wake(&pool->gate, 1);
}

/* Does one item of the errand; false if all are taken. */
static int do_errand(struct pool* pool, unsigned own) {
  struct errand* errand = &pool->errand;
  const unsigned threads = pool->face.threads;
  for (unsigned t = 0; t < threads; ++t) {
    struct errand_share* share = &pool->errand_shares[(own + t) % threads];
    if (atomic_load_explicit(&share->left, memory_order_relaxed) <= 0) continue;
    const int64_t left = atomic_fetch_sub_explicit(&share->left, 1, memory_order_acquire);
    if (left <= 0) continue;
    errand->fn(errand->arg, share->first + (size_t)(left - 1));
    atomic_fetch_add_explicit(&errand->done, 1, memory_order_release);
    return 1;
  }
  return 0;
}

/* Returns when `epoch` is no longer `seen`. */
static void await_job(struct pool* pool, unsigned own, unsigned seen) {
  for (int i = 0; i < SPINS; ++i) {
    if (atomic_load_explicit(&pool->epoch, memory_order_acquire) != seen) return;
    if (do_errand(pool, own))
      i = 0;
    else
      krt_relax();
  }
  while (atomic_load_explicit(&pool->epoch, memory_order_acquire) == seen) {
    /* Either the caller sees this sleeper and wakes it, or this load sees the new epoch: both are seq_cst. */
    atomic_fetch_add(&pool->sleepers, 1);
    if (atomic_load(&pool->epoch) == seen) sleep_while(&pool->epoch, seen);
    atomic_fetch_sub(&pool->sleepers, 1);
  }
}

static void* work(void* arg) {
  struct worker* worker = arg;
  struct pool* pool = worker->pool;
  unsigned seen = 0;
  for (;;) {
    await_job(pool, worker->number, seen);
    seen = atomic_load_explicit(&pool->epoch, memory_order_acquire);
    if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
    if (enter(pool)) {
      take_items(pool, worker->number);
      leave(pool);
    }
  }
}

static void await_helpers(struct pool* pool) {
  unsigned gate = atomic_fetch_and_explicit(&pool->gate, ~GATE_OPEN, memory_order_acquire);
  for (int i = 0; (gate & GATE_HELPERS) != 0 && i < SPINS; ++i) {
    krt_relax();
    gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
  }
  if ((gate & GATE_HELPERS) == 0) return;
  gate = atomic_fetch_or_explicit(&pool->gate, GATE_AWAITED, memory_order_acquire) | GATE_AWAITED;
  while ((gate & GATE_HELPERS) != 0) {
    sleep_while(&pool->gate, gate);
    gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
  }
}

static void parallel_for(struct keratin_pool* face, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  struct pool* pool = (struct pool*)face;
  unsigned idle = 0;
  if (n < 2 || pool->workers == 0 ||
      !atomic_compare_exchange_strong_explicit(&pool->busy, &idle, 1, memory_order_acquire,
                                               memory_order_relaxed)) {
    for (size_t i = 0; i < n; ++i) fn(arg, i);
    return;
  }
  pool->fn = fn;
  pool->arg = arg;
  deal_items(pool, n);
  atomic_store_explicit(&pool->gate, GATE_OPEN, memory_order_release);
  atomic_fetch_add(&pool->epoch, 1);
  if (atomic_load(&pool->sleepers) > 0)
    wake(&pool->epoch, n - 1 < pool->workers ? (int)(n - 1) : (int)pool->workers);
  take_items(pool, 0);
  await_helpers(pool);
  atomic_store_explicit(&pool->busy, 0, memory_order_release);
}

void krt_pool_start_errand(struct keratin_pool* face, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  struct pool* pool = (struct pool*)face;
  pool->errand.fn = fn;
  pool->errand.arg = arg;
  pool->errand.items = n;
  atomic_store_explicit(&pool->errand.done, 0, memory_order_relaxed);
  const size_t threads = face->threads;
  for (size_t t = 0; t < threads; ++t) pool->errand_shares[t].first = krt_share_begin(n, threads, t);
  for (size_t t = 0; t < threads; ++t) {
    const size_t end = krt_share_begin(n, threads, t + 1);
    atomic_store_explicit(&pool->errand_shares[t].left, (int64_t)(end - pool->errand_shares[t].first),
                          memory_order_release);
  }
}

void krt_pool_finish_errand(struct keratin_pool* face) {
  struct pool* pool = (struct pool*)face;
  while (do_errand(pool, 0)) continue;
  for (int i = 0; atomic_load_explicit(&pool->errand.done, memory_order_acquire) < pool->errand.items; ++i)
    if (i < SPINS)
      krt_relax();
    else
      sched_yield();
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
  for (unsigned i = 0; i < started; ++i) pthread_join(pool->team[i].thread, NULL);
}

/* `threads` includes the caller's own; 0: as many as this process may run at once. NULL if they cannot be
 * had. */
struct keratin_pool* krt_pool_create(unsigned threads) {
  if (threads == 0) threads = usable_processors();
  const size_t shares = sizeof(struct pool) + (size_t)(threads - 1) * sizeof(struct worker);
  const size_t aligned = (shares + KRT_APART - 1) / KRT_APART * KRT_APART;
  struct pool* pool =
      krt_allocate(aligned + (size_t)threads * (sizeof(struct share) + sizeof(struct errand_share)));
  if (!pool) return NULL;
  pool->shares = (struct share*)((char*)pool + aligned);
  pool->errand_shares = (struct errand_share*)(pool->shares + threads);
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
  for (; started < pool->workers; ++started) {
    struct worker* worker = &pool->team[started];
    worker->pool = pool;
    worker->number = started + 1;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) break;
  }
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
