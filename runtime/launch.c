/* Runs the pieces of one kernel: on the calling thread, or on a pool, with an item for each thread, and a tile area for each
 * item. An item has a share of the pieces, the same one in every call, so that what a piece reads and writes (weights and
 * what the optimizer keeps of them, above all) stays in the cache of one core. It takes them a run at a time, and then those that
 * others have left. Who computes a piece may change from call to call; what it computes does not: all threads
 * compute in the caller's floating-point mode. */
#include <stdatomic.h>

#include "runtime/float_mode.h"
#include "runtime/internal.h"

#define MOST_SHARES 64 /* more items than these begin with one of them */

struct share {
  _Alignas(KRT_APART) _Atomic int64_t next; /* the first piece that nobody has taken */
  int64_t end;
};

struct launch {
  const struct krt_call* call;
  krt_kernel* kernel;
  void* const* args;
  int64_t run; /* how many pieces are taken at once */
  size_t share_count;
  struct share shares[MOST_SHARES];
};

static void run_item(void* arg, size_t item) {
  struct launch* launch = arg;
  const struct krt_call* call = launch->call;
  unsigned char* tile = call->tiles + (int64_t)item * call->tile_bytes;
  for (size_t s = 0; s < launch->share_count; ++s) {
    struct share* share = &launch->shares[(item + s) % launch->share_count];
    while (atomic_load_explicit(&share->next, memory_order_relaxed) < share->end) {
      const int64_t begin = atomic_fetch_add_explicit(&share->next, launch->run, memory_order_relaxed);
      if (begin >= share->end) break;
      const int64_t end = share->end - begin < launch->run ? share->end : begin + launch->run;
      launch->kernel(launch->args, call->symbols, tile, begin, end);
    }
  }
}

struct job {
  void (*fn)(void* arg, size_t i);
  void* arg;
  uint64_t float_mode; /* the caller's */
};

static void run_in_mode(void* arg, size_t i) {
  const struct job* job = arg;
  const uint64_t mode = krt_float_mode();
  if (mode != job->float_mode) krt_set_float_mode(job->float_mode);
  job->fn(job->arg, i);
  if (mode != job->float_mode) krt_set_float_mode(mode);
}

void krt_share_out(const struct krt_call* call, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  struct job job = {fn, arg, krt_float_mode()};
  call->pool->parallel_for(call->pool, n, run_in_mode, &job);
}

void krt_launch(const struct krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                int64_t rounds) {
  if (pieces <= 0 || rounds <= 0) return;
  if (!call->pool || call->threads < 2 || pieces == 1) {
    kernel(args, call->symbols, call->tiles, 0, pieces * rounds);
    return;
  }
  if (rounds > 1) {
    krt_run_rounds(call, kernel, args, pieces, rounds);
    return;
  }
  const int64_t items = pieces < (int64_t)call->threads ? pieces : (int64_t)call->threads;
  const size_t shares = items < MOST_SHARES ? (size_t)items : MOST_SHARES;
  struct launch launch;
  launch.call = call;
  launch.kernel = kernel;
  launch.args = args;
  /* Eight runs for each thread: late starters find work left, and the counter is not what is waited for. */
  launch.run = pieces / (items * 8) > 0 ? pieces / (items * 8) : 1;
  launch.share_count = shares;
  for (size_t s = 0; s < shares; ++s) {
    atomic_init(&launch.shares[s].next, (int64_t)krt_share_begin((size_t)pieces, shares, s));
    launch.shares[s].end = (int64_t)krt_share_begin((size_t)pieces, shares, s + 1);
  }
  krt_share_out(call, (size_t)items, run_item, &launch);
}
