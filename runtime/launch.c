/* Runs the pieces of one kernel: on the calling thread, or on a pool, where each item takes pieces, a run at
 * a time, from a common counter, with a tile area of its own. Who takes which piece changes from call to
 * call; what a piece computes does not. */
#include <stdatomic.h>

#include "runtime/internal.h"

struct launch {
  const struct krt_call* call;
  krt_kernel* kernel;
  void* const* args;
  int64_t pieces, run; /* `run`: how many pieces are taken at once */
  _Atomic int64_t next;
};

static void run_item(void* arg, size_t item) {
  struct launch* launch = arg;
  const struct krt_call* call = launch->call;
  unsigned char* tile = call->tiles + (int64_t)item * call->tile_bytes;
  for (;;) {
    const int64_t begin = atomic_fetch_add_explicit(&launch->next, launch->run, memory_order_relaxed);
    if (begin >= launch->pieces) return;
    const int64_t end = launch->pieces - begin < launch->run ? launch->pieces : begin + launch->run;
    launch->kernel(launch->args, call->symbols, tile, begin, end);
  }
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
  /* Eight runs for each thread: late starters find work left, and the counter is not what is waited for. */
  struct launch launch = {call, kernel, args, pieces, pieces / (items * 8) > 0 ? pieces / (items * 8) : 1, 0};
  call->pool->parallel_for(call->pool, (size_t)items, run_item, &launch);
}
