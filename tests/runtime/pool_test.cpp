// The thread pool: every item once, equal bits for any number of threads, several callers, nesting, forks,
// and no thread left behind.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "runtime/float_mode.h"
#include "tests/runtime/model.h"

namespace keratin::testing {
namespace {

struct PoolDeleter {
  void operator()(keratin_pool* pool) const { krt_pool_destroy(pool); }
};
using Pool = std::unique_ptr<keratin_pool, PoolDeleter>;
Pool make_pool(unsigned threads) { return Pool(krt_pool_create(threads)); }

int thread_count() {
  DIR* tasks = opendir("/proc/self/task");
  int count = 0;
  while (const dirent* entry = readdir(tasks)) count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

void count_item(void* arg, size_t i) {
  (*static_cast<std::vector<std::atomic<int>>*>(arg))[i].fetch_add(1, std::memory_order_relaxed);
}

TEST(Pool, EveryItemOnce) {
  for (unsigned threads = 1; threads <= 4; ++threads) {
    const Pool pool = make_pool(threads);
    ASSERT_TRUE(pool);
    EXPECT_EQ(pool->threads, threads);
    EXPECT_EQ(pool->size, sizeof(keratin_pool));
    for (const size_t n : {0, 1, 2, 3, 7, 1000}) {
      std::vector<std::atomic<int>> seen(n);
      pool->parallel_for(pool.get(), n, count_item, &seen);
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST(Pool, ZeroThreadsMeansAllProcessors) {
  const Pool pool = make_pool(0);
  ASSERT_TRUE(pool);
  EXPECT_GE(pool->threads, 1u);
}

TEST(Pool, DestroyEndsAllThreads) {
  { const Pool warm = make_pool(2); }  // sanitizers start a thread of their own with the first one
  const int before = thread_count();
  for (int round = 0; round < 20; ++round) {
    const Pool pool = make_pool(4);
    EXPECT_EQ(thread_count(), before + 3);
  }
  EXPECT_EQ(thread_count(), before);
  krt_pool_destroy(nullptr);
}

TEST(Pool, ItemsMayCallAgain) {
  const Pool pool = make_pool(3);
  struct Nested {
    keratin_pool* pool;
    std::vector<std::atomic<int>> seen = std::vector<std::atomic<int>>(8);
  } nested{pool.get()};
  const auto outer = [](void* arg, size_t) {
    auto* self = static_cast<Nested*>(arg);
    self->pool->parallel_for(self->pool, self->seen.size(), count_item, &self->seen);
  };
  pool->parallel_for(pool.get(), 5, outer, &nested);
  for (const auto& times : nested.seen) EXPECT_EQ(times, 5);
}

TEST(Pool, ErrandsAreDoneOnceBesideJobs) {
  for (unsigned threads = 1; threads <= 4; ++threads) {
    const Pool pool = make_pool(threads);
    for (int round = 0; round < 200; ++round)
      for (const size_t n : {0, 1, 3, 50}) {
        std::vector<std::atomic<int>> errand(n), job(8);
        krt_pool_start_errand(pool.get(), n, count_item, &errand);
        for (int jobs = 0; jobs < round % 3; ++jobs)
          pool->parallel_for(pool.get(), job.size(), count_item, &job);
        krt_pool_finish_errand(pool.get());
        for (const auto& times : errand) ASSERT_EQ(times, 1);
        for (const auto& times : job) ASSERT_EQ(times, round % 3);
      }
  }
}

TEST(Pool, WaitingThreadsDoErrands) {
  const Pool pool = make_pool(2);
  std::atomic<int> left = 100;
  krt_pool_start_errand(
      pool.get(), 100, [](void* arg, size_t) { static_cast<std::atomic<int>*>(arg)->fetch_sub(1); }, &left);
  // Jobs keep the worker awake.
  for (int jobs = 0; left > 0 && jobs < 1000000; ++jobs)
    pool->parallel_for(pool.get(), 2, [](void*, size_t) {}, nullptr);
  EXPECT_EQ(left, 0);
  krt_pool_finish_errand(pool.get());
}

struct Results {
  std::vector<float> y, sum;
  bool operator==(const Results&) const = default;
};

Results predict_all(HandMade& hand, uint64_t n, keratin_pool* pool, int times = 1) {
  std::vector<float> x(n * kWidth);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 97) * 0.37f;
  Results results{std::vector<float>(n * kWidth), std::vector<float>(n)};
  Block workspace(krt_workspace_size(&hand.model, 0, n, nullptr, pool ? pool->threads : 1));
  for (int i = 0; i < times; ++i)
    if (predict(hand, x.data(), results.y.data(), results.sum.data(), n, nullptr, workspace.data(), pool) !=
        KRT_OK)
      return {};
  return results;
}

TEST(Pool, SameBitsForAnyNumberOfThreads) {
  HandMade hand;
  for (const uint64_t n : {1, 2, 3, 5, 64, 1001}) {
    const Results alone = predict_all(hand, n, nullptr);
    ASSERT_EQ(alone.sum.size(), n);
    for (unsigned threads = 1; threads <= 4; ++threads) {
      const Pool pool = make_pool(threads);
      EXPECT_EQ(predict_all(hand, n, pool.get()), alone);
    }
  }
}

TEST(Pool, TenThousandCalls) {
  HandMade hand;
  const Results alone = predict_all(hand, 40, nullptr);
  const Pool pool = make_pool(3);
  EXPECT_EQ(predict_all(hand, 40, pool.get(), 10000), alone);
}

TEST(Pool, SleepersWakeUp) {
  HandMade hand;
  const Results alone = predict_all(hand, 40, nullptr);
  const Pool pool = make_pool(4);
  for (int round = 0; round < 20; ++round) {
    usleep(2000);  // long enough for workers to fall asleep
    EXPECT_EQ(predict_all(hand, 40, pool.get()), alone);
  }
}

TEST(Pool, TwoCallersAtOnce) {
  HandMade hand;
  const Results alone = predict_all(hand, 33, nullptr);
  const Pool pool = make_pool(3);
  std::atomic<int> wrong = 0;
  const auto caller = [&] {
    for (int i = 0; i < 300; ++i)
      if (predict_all(hand, 33, pool.get(), 5) != alone) ++wrong;
  };
  std::thread first(caller), second(caller);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0);
}

#if !defined(__SANITIZE_THREAD__)  // which does not follow forks of threaded programs
TEST(Pool, AForkedChildRunsOnOneThread) {
  HandMade hand;
  const Results alone = predict_all(hand, 100, nullptr);
  Pool pool = make_pool(3);
  ASSERT_EQ(predict_all(hand, 100, pool.get()), alone);
  const pid_t child = fork();
  if (child == 0) {
    const bool right = predict_all(hand, 100, pool.get(), 50) == alone && thread_count() == 1;
    krt_pool_destroy(pool.release());
    const Pool own = make_pool(2);
    _exit(right && own && predict_all(hand, 100, own.get(), 50) == alone ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(predict_all(hand, 100, pool.get()), alone);
}
#endif

TEST(Launch, PiecesAreCoveredOnceByAnyPool) {
  struct Seen {
    std::vector<std::atomic<int>> pieces;
  };
  krt_kernel* kernel = [](void* const* args, const int64_t*, unsigned char* tile, int64_t begin,
                          int64_t end) {
    auto* seen = static_cast<Seen*>(args[0]);
    ++*tile;  // two items with the same tile would race
    for (int64_t i = begin; i < end; ++i) seen->pieces[static_cast<size_t>(i)].fetch_add(1);
  };
  const Pool pool = make_pool(4);
  for (const int64_t pieces : {0, 1, 2, 3, 4, 5, 31, 1000}) {
    Seen seen{std::vector<std::atomic<int>>(static_cast<size_t>(pieces))};
    Block tiles(4 * 64);
    krt_call call = {};
    call.tiles = tiles.data();
    call.tile_bytes = 64;
    call.threads = 4;
    call.pool = pool.get();
    void* args[] = {&seen};
    krt_launch(&call, kernel, args, pieces, 1);
    for (const auto& times : seen.pieces) EXPECT_EQ(times, 1);
  }
}

/// Host's pools: all items one after the other, from the last to the first, and each in a thread of its own that starts late.
void backwards(keratin_pool*, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  while (n-- > 0) fn(arg, n);
}
void late(keratin_pool*, size_t n, void (*fn)(void* arg, size_t i), void* arg) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < n; ++i)
    threads.emplace_back([=] {
      std::this_thread::sleep_for(std::chrono::milliseconds(i));
      fn(arg, i);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Launch, NoPieceOfARoundBeginsBeforeAllOfTheRoundBefore) {
  struct Seen {
    int64_t pieces;
    std::vector<std::atomic<int64_t>> done;  // by round
    std::atomic<int> early = 0;
  };
  krt_kernel* kernel = [](void* const* args, const int64_t*, unsigned char* tile, int64_t begin,
                          int64_t end) {
    auto* seen = static_cast<Seen*>(args[0]);
    ++*tile;  // two items with the same tile would race
    for (int64_t i = begin; i < end; ++i) {
      const auto round = static_cast<size_t>(i / seen->pieces);
      if (round > 0 && seen->done[round - 1] != seen->pieces) ++seen->early;
      ++seen->done[round];
    }
  };
  const Pool own = make_pool(4);
  keratin_pool in_turn{sizeof(keratin_pool), 3, backwards}, unpunctual{sizeof(keratin_pool), 3, late};
  for (keratin_pool* pool : {own.get(), &in_turn, &unpunctual, static_cast<keratin_pool*>(nullptr)}) {
    for (const int64_t pieces : {1, 2, 3, 7, 100}) {
      for (const int64_t rounds : {0, 1, 2, 50}) {
        Seen seen{pieces, std::vector<std::atomic<int64_t>>(static_cast<size_t>(rounds))};
        Block tiles(4 * 64);
        krt_call call = {};
        call.tiles = tiles.data();
        call.tile_bytes = 64;
        call.threads = pool != nullptr ? pool->threads : 1;
        call.pool = pool;
        void* args[] = {&seen};
        krt_launch(&call, kernel, args, pieces, rounds);
        EXPECT_EQ(seen.early, 0);
        for (const auto& done : seen.done) EXPECT_EQ(done, pieces);
      }
    }
  }
}

TEST(Launch, AllThreadsComputeInTheCallersMode) {
  if (KRT_DENORMALS_ARE_ZEROS == 0) GTEST_SKIP() << "no such mode here";
  krt_kernel* kernel = [](void* const* args, const int64_t*, unsigned char*, int64_t begin, int64_t end) {
    const volatile float denormal = 1e-40F;
    for (int64_t i = begin; i < end; ++i) static_cast<float*>(args[0])[i] = denormal * 2;
  };
  const Pool pool = make_pool(4);
  krt_call call = {};
  call.threads = 4;
  call.pool = pool.get();
  const uint64_t before = krt_float_mode();
  for (const auto& [mode, rounds] : {std::pair<uint64_t, int64_t>{before | KRT_DENORMALS_ARE_ZEROS, 1},
                                     {before | KRT_DENORMALS_ARE_ZEROS, 10},
                                     {before, 1},
                                     {before, 10}}) {
    std::vector<float> doubled(1000, 1.0F);
    void* args[] = {doubled.data()};
    krt_set_float_mode(mode);
    krt_launch(&call, kernel, args, rounds > 1 ? 100 : 1000, rounds);
    krt_set_float_mode(before);
    for (const float value : doubled) ASSERT_EQ(value == 0, mode != before);
  }
}

}  // namespace
}  // namespace keratin::testing
