/* Runs a kernel whose pieces come in rounds: those of one are all done before the next begins, as in the steps of a recurrent layer.
 *
 * The pieces of a round are shared out once for all rounds. Who runs a share says after every round that it is done, and looks
 * at what the others say; that costs a cache line's way from core to core, far less than a launch. Nobody may ever come for a
 * share: a pool's threads may be late or busy, or the pool run its items one after the other. So a share belongs to whoever
 * takes it first; those who have waited for an untaken one take it themselves and run both. Who comes for a share that was taken
 * so gets it between two rounds. */
#include <sched.h>
#include <stdatomic.h>

#include "runtime/internal.h"

#define MOST_SHARES 32
#define PATIENCE 400    /* pauses until an untaken share is taken by who waits for it: some microseconds */
#define SPINS (1 << 14) /* pauses until the processor is offered to somebody else */

struct share {
  _Alignas(KRT_APART) atomic_llong rounds_done;
  atomic_flag taken;
  atomic_int wanted; /* by the item it is meant for, which was late */
  atomic_int given;  /* to it */
};

struct rounds {
  const struct krt_call* call;
  krt_kernel* kernel;
  void* const* args;
  int64_t pieces, rounds;
  int64_t shares;
  struct share share[MOST_SHARES];
};

static void run_share(struct rounds* rounds, int64_t number, int64_t round, size_t item) {
  const size_t pieces = (size_t)rounds->pieces, shares = (size_t)rounds->shares;
  const int64_t begin = (int64_t)krt_share_begin(pieces, shares, (size_t)number),
                end = (int64_t)krt_share_begin(pieces, shares, (size_t)number + 1),
                before = round * rounds->pieces;
  rounds->kernel(rounds->args, rounds->call->symbols,
                 rounds->call->tiles + (int64_t)item * rounds->call->tile_bytes, before + begin,
                 before + end);
  atomic_store_explicit(&rounds->share[number].rounds_done, round + 1, memory_order_release);
}

static void wait_a_little(int spins) {
  krt_relax();
  if (spins >= SPINS) sched_yield();
}

/* Returns when the share has done `round`; true if it was nobody's and is the caller's now, who has still to run it. */
static int await_share(struct share* share, int64_t round) {
  for (int spins = 0; atomic_load_explicit(&share->rounds_done, memory_order_acquire) <= round;
       spins += spins < SPINS) {
    wait_a_little(spins);
    if (spins == PATIENCE && round == 0 && !atomic_flag_test_and_set(&share->taken)) return 1;
  }
  return 0;
}

/* The round from which on a share is the item's that it is meant for; the number of rounds if others have run it. */
static int64_t first_round(struct rounds* rounds, struct share* share) {
  if (!atomic_flag_test_and_set(&share->taken)) return 0;
  atomic_store_explicit(&share->wanted, 1, memory_order_relaxed);
  for (int spins = 0;; spins += spins < SPINS) {
    const int given = atomic_load_explicit(&share->given, memory_order_acquire);
    const int64_t done = atomic_load_explicit(&share->rounds_done, memory_order_acquire);
    if (given || done == rounds->rounds) return done; /* nobody adds to what is given */
    wait_a_little(spins);
  }
}

static void run_item(void* arg, size_t item) {
  struct rounds* rounds = arg;
  unsigned char own[MOST_SHARES] = {0};
  own[item] = 1;
  for (int64_t round = first_round(rounds, &rounds->share[item]); round < rounds->rounds; ++round) {
    for (int64_t number = 0; number < rounds->shares; ++number)
      if (own[number]) run_share(rounds, number, round, item);
    for (int64_t number = 0; number < rounds->shares; ++number) {
      if (own[number] || !await_share(&rounds->share[number], round)) continue;
      own[number] = 1;
      run_share(rounds, number, round, item);
    }
    for (int64_t number = 0; number < rounds->shares; ++number) {
      struct share* share = &rounds->share[number];
      if (!own[number] || number == (int64_t)item ||
          !atomic_load_explicit(&share->wanted, memory_order_relaxed) || round + 1 == rounds->rounds)
        continue;
      own[number] = 0;
      atomic_store_explicit(&share->given, 1, memory_order_release);
    }
  }
}

void krt_run_rounds(const struct krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                    int64_t count) {
  struct rounds rounds = {.call = call, .kernel = kernel, .args = args, .pieces = pieces, .rounds = count};
  rounds.shares = pieces < (int64_t)call->threads ? pieces : (int64_t)call->threads;
  if (rounds.shares > MOST_SHARES) rounds.shares = MOST_SHARES;
  for (int64_t i = 0; i < rounds.shares; ++i) {
    atomic_init(&rounds.share[i].rounds_done, 0);
    atomic_init(&rounds.share[i].wanted, 0);
    atomic_init(&rounds.share[i].given, 0);
    atomic_flag_clear_explicit(&rounds.share[i].taken, memory_order_relaxed);
  }
  krt_share_out(call, (size_t)rounds.shares, run_item, &rounds);
}
