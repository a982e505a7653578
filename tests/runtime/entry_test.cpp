// The checks of the entry points: every status that a call can give, and none that it should not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/model.h"

namespace keratin::testing {
namespace {

struct Call {
  explicit Call(uint64_t samples, bool with_state = false, int64_t batch = 0)
      : hand(batch, with_state),
        n(samples),
        x(samples * kWidth),
        y(samples * kWidth, -1.0f),
        sum(samples, -1.0f),
        workspace(4096 + samples * 64),
        state(64) {
    std::iota(x.begin(), x.end(), 0.0f);
  }
  int run(keratin_pool* pool = nullptr) {
    return predict(hand, x.data(), y.data(), sum.data(), n, state.data(), workspace.data(), pool);
  }

  HandMade hand;
  uint64_t n;
  std::vector<float> x, y, sum;
  Block workspace, state;
};

TEST(Entry, ComputesAndLeavesNothingElse) {
  Call call(5);
  ASSERT_EQ(call.run(), KRT_OK);
  for (size_t i = 0; i < 5; ++i) {
    float sum = 0;
    for (size_t j = 0; j < kWidth; ++j) {
      const float want = 2 * static_cast<float>(i * kWidth + j) + call.hand.weights[j];
      EXPECT_EQ(call.y[i * kWidth + j], want);
      sum += want;
    }
    EXPECT_EQ(call.sum[i], sum);
  }
}

TEST(Entry, CutsBatchesIntoSlicesWithMemoryOfTheirOwn) {
  constexpr unsigned kMostThreads = 5;
  constexpr uint64_t kMost = 300;
  keratin_pool* pools[kMostThreads + 1] = {};
  for (unsigned threads = 1; threads <= kMostThreads; ++threads) pools[threads] = krt_pool_create(threads);
  for (const auto& [least, most] : {std::pair(1u, 1u), std::pair(2u, 5u), std::pair(8u, 9u)}) {
    const auto cut = [&](HandMade& hand) {
      hand.code.least_slice = least;
      hand.code.most_slice = most;
    };
    HandMade hand;
    cut(hand);
    // The workspace of the largest call serves all others.
    const size_t bytes = krt_workspace_size(&hand.model, 0, kMost, nullptr, kMostThreads);
    EXPECT_EQ(bytes, krt_workspace_size(&hand.model, 0, 100'000'000, nullptr, kMostThreads));
    Block workspace(bytes + 64);
    std::memset(workspace.data() + bytes, 0x55, 64);
    for (uint64_t n = 1; n <= kMost; n += 1 + n / 40) {
      SCOPED_TRACE(n);
      Call whole(n);
      ASSERT_EQ(whole.run(), KRT_OK);
      size_t fewer = 0;
      for (unsigned threads = 1; threads <= kMostThreads; ++threads) {
        Call call(n);
        cut(call.hand);
        ASSERT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), n, call.state.data(),
                          workspace.data(), pools[threads]),
                  KRT_OK);
        EXPECT_EQ(call.y, whole.y);
        EXPECT_EQ(call.sum, whole.sum);
        const size_t needed = krt_workspace_size(&call.hand.model, 0, n, nullptr, threads);
        EXPECT_GE(needed, fewer);
        EXPECT_LE(needed, bytes);
        fewer = needed;
      }
    }
    EXPECT_EQ(std::count(workspace.data() + bytes, workspace.data() + bytes + 64, 0x55), 64);
  }
  for (keratin_pool* pool : pools) krt_pool_destroy(pool);
}

TEST(Entry, CutsAFixedBatchAsItsKernelsAreMade) {
  Call whole(12, false, 12), cut(12, false, 12);
  cut.hand.code.least_slice = cut.hand.code.most_slice = 3;
  ASSERT_EQ(whole.run(), KRT_OK);
  ASSERT_EQ(cut.run(), KRT_OK);
  EXPECT_EQ(cut.y, whole.y);
  EXPECT_EQ(cut.sum, whole.sum);
}

TEST(Entry, NoSamplesSucceedAndNothingIsWritten) {
  Call call(3);
  EXPECT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), 0, nullptr, nullptr, nullptr),
            KRT_OK);
  EXPECT_EQ(predict(call.hand, nullptr, nullptr, nullptr, 0, nullptr, nullptr, nullptr), KRT_OK);
  EXPECT_EQ(call.y, std::vector<float>(3 * kWidth, -1.0f));
  EXPECT_EQ(call.sum, std::vector<float>(3, -1.0f));
}

TEST(Entry, MissingPointers) {
  Call call(3, true);
  auto& c = call;
  float *x = c.x.data(), *y = c.y.data(), *sum = c.sum.data();
  auto *state = c.state.data(), *work = c.workspace.data();
  EXPECT_EQ(predict(c.hand, nullptr, y, sum, 3, state, work, nullptr), KRT_NULL_ARGUMENT);
  EXPECT_EQ(predict(c.hand, x, nullptr, sum, 3, state, work, nullptr), KRT_NULL_ARGUMENT);
  EXPECT_EQ(predict(c.hand, x, y, nullptr, 3, state, work, nullptr), KRT_NULL_ARGUMENT);
  EXPECT_EQ(predict(c.hand, x, y, sum, 3, nullptr, work, nullptr), KRT_NULL_ARGUMENT);
  EXPECT_EQ(predict(c.hand, x, y, sum, 3, state, nullptr, nullptr), KRT_NULL_ARGUMENT);
  EXPECT_EQ(krt_invoke(&c.hand.model, 0, nullptr, nullptr, 3, nullptr, state, work, nullptr),
            KRT_NULL_ARGUMENT);
  EXPECT_EQ(krt_state_init(&c.hand.model, nullptr), KRT_NULL_ARGUMENT);
}

TEST(Entry, Misalignment) {
  Call call(3, true);
  auto& c = call;
  std::vector<unsigned char> bytes(3 * kWidth * 4 + 4);
  auto* odd = reinterpret_cast<float*>(bytes.data() + 1);
  EXPECT_EQ(predict(c.hand, odd, c.y.data(), c.sum.data(), 3, c.state.data(), c.workspace.data(), nullptr),
            KRT_MISALIGNED);
  EXPECT_EQ(predict(c.hand, c.x.data(), odd, c.sum.data(), 3, c.state.data(), c.workspace.data(), nullptr),
            KRT_MISALIGNED);
  EXPECT_EQ(predict(c.hand, c.x.data(), c.y.data(), c.sum.data(), 3, c.state.data() + 4, c.workspace.data(),
                    nullptr),
            KRT_MISALIGNED);
  EXPECT_EQ(predict(c.hand, c.x.data(), c.y.data(), c.sum.data(), 3, c.state.data(), c.workspace.data() + 32,
                    nullptr),
            KRT_MISALIGNED);
  // Arrays need no more than their elements' alignment.
  std::vector<float> shifted(c.x.size() + 1);
  std::copy(c.x.begin(), c.x.end(), shifted.begin() + 1);
  EXPECT_EQ(predict(c.hand, shifted.data() + 1, c.y.data(), c.sum.data(), 3, c.state.data(),
                    c.workspace.data(), nullptr),
            KRT_OK);
}

// Every pair of memories that a call has, overlapping by its last or first element, and touching without
// overlap.
TEST(Entry, AliasingMatrix) {
  HandMade hand(0, true);
  const uint64_t n = 16;  // x and y: 256 bytes, sum: 64, state: 64
  const size_t work = krt_workspace_size(&hand.model, 0, n, nullptr, 1);
  const size_t bytes[] = {256, 256, 64, 64, work};  // x, y, sum, state, workspace
  Block arena(8192);
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) {
      if (a == b) continue;
      for (const bool touching : {true, false}) {
        unsigned char* at[5];
        for (int i = 0; i < 5; ++i) at[i] = arena.data() + 1024 * i;
        at[b] = at[a] + bytes[a] - (touching ? 0 : 64);
        for (int i = 0; i < 5; ++i)  // the others out of the way
          if (i != a && i != b) at[i] = arena.data() + 5120 + 1024 * (i % 3);
        int others[3], count = 0;
        for (int i = 0; i < 5; ++i)
          if (i != a && i != b) others[count++] = i;
        for (int i = 0; i < 3; ++i) at[others[i]] = arena.data() + 5120 + 1024 * i;
        const int status = predict(hand, reinterpret_cast<float*>(at[0]), reinterpret_cast<float*>(at[1]),
                                   reinterpret_cast<float*>(at[2]), n, at[3], at[4], nullptr);
        EXPECT_EQ(status, touching ? KRT_OK : KRT_ALIASED) << "memories " << a << " and " << b;
      }
    }
  }
}

TEST(Entry, SameMemoryTwice) {
  Call call(3);
  auto& c = call;
  EXPECT_EQ(predict(c.hand, c.x.data(), c.x.data(), c.sum.data(), 3, nullptr, c.workspace.data(), nullptr),
            KRT_ALIASED);
  EXPECT_EQ(predict(c.hand, c.x.data(), c.y.data(), c.y.data() + 4, 3, nullptr, c.workspace.data(), nullptr),
            KRT_ALIASED);
}

TEST(Entry, FixedBatch) {
  Call call(4, false, 4);
  EXPECT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), 3, nullptr,
                    call.workspace.data(), nullptr),
            KRT_BAD_COUNT);
  EXPECT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), 0, nullptr,
                    call.workspace.data(), nullptr),
            KRT_OK);
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 5, nullptr, 1), SIZE_MAX);
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 4, nullptr, 1), 64u + 64u + 64u);
}

TEST(Entry, SizesThatOverflow) {
  Call call(1);
  for (const uint64_t n : {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 4, UINT64_MAX / 16, UINT64_MAX / 32}) {
    EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, n, nullptr, 1), SIZE_MAX) << n;
    EXPECT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), n, nullptr,
                      call.workspace.data(), nullptr),
              KRT_BAD_COUNT);
  }
  call.hand.code.workspace_terms = 0;  // then the arrays are what overflows
  EXPECT_EQ(predict(call.hand, call.x.data(), call.y.data(), call.sum.data(), INT64_MAX / 8, nullptr,
                    call.workspace.data(), nullptr),
            KRT_BAD_COUNT);
  call.hand.terms[0] = {1, {0, 0, 0, 0, -1, -1, -1, -1}};
  call.hand.code.workspace_terms = 1;
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 1000, nullptr, 1), 1000000000000u + 64);
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 100000, nullptr, 1), SIZE_MAX);
  call.hand.code.tile_bytes = INT64_MAX / 64 * 64;
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 1, nullptr, 4), SIZE_MAX);
}

TEST(Entry, WorkspaceIsThePlanAndATilePerThread) {
  HandMade hand;
  EXPECT_EQ(krt_workspace_size(&hand.model, 0, 0, nullptr, 1), 64u + 64u);
  EXPECT_EQ(krt_workspace_size(&hand.model, 0, 4, nullptr, 0), 128u + 64u);
  EXPECT_EQ(krt_workspace_size(&hand.model, 0, 4, nullptr, 1), 128u + 64u);
  EXPECT_EQ(krt_workspace_size(&hand.model, 0, 4, nullptr, 3), 128u + 3 * 64u);
}

TEST(Entry, ProcessorThatLacksFeatures) {
  Call call(1);
  call.hand.level.cpu_features = 1u << 30;
  EXPECT_EQ(call.run(), KRT_UNSUPPORTED_CPU);
}

TEST(Entry, TheFirstLevelThatTheProcessorHasIsUsed) {
  Call call(1);
  krt_code other = call.hand.code;
  other.run = [](const krt_call* made) { *static_cast<float*>(made->outputs[1]) = 7; };
  other.tile_bytes = 256;
  const uint32_t nobody = 1u << 30;
  const krt_level levels[] = {{nobody, 0, &other}, {0, 0, &call.hand.code}, {nobody, 0, &other}};
  call.hand.model.level_count = 3;
  call.hand.model.levels = levels;
  EXPECT_EQ(call.run(), KRT_OK);
  EXPECT_NE(call.sum[0], 7);
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 4, nullptr, 1), 128u + 64u);

  const krt_level all_fit[] = {{0, 0, &other}, {0, 0, &call.hand.code}};
  call.hand.model.level_count = 2;
  call.hand.model.levels = all_fit;
  EXPECT_EQ(call.run(), KRT_OK);
  EXPECT_EQ(call.sum[0], 7);
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 4, nullptr, 1), 128u + 256u);

  // Where none fits, there is still a workspace to ask for, and a call says why it does nothing.
  const krt_level none_fits[] = {{nobody, 0, &call.hand.code}, {nobody, 0, &other}};
  call.hand.model.levels = none_fits;
  EXPECT_EQ(krt_workspace_size(&call.hand.model, 0, 4, nullptr, 1), 128u + 256u);
  EXPECT_EQ(call.run(), KRT_UNSUPPORTED_CPU);
}

TEST(Entry, PoolsThatCannotBeUsed) {
  Call call(2);
  keratin_pool pool = {sizeof(keratin_pool), 1, nullptr};
  EXPECT_EQ(call.run(&pool), KRT_BAD_POOL);
  pool.parallel_for = [](keratin_pool*, size_t n, void (*fn)(void*, size_t), void* arg) {
    for (size_t i = n; i-- > 0;) fn(arg, i);
  };
  EXPECT_EQ(call.run(&pool), KRT_OK);
  pool.threads = 0;
  EXPECT_EQ(call.run(&pool), KRT_BAD_POOL);
  pool.threads = 2;
  EXPECT_EQ(call.run(&pool), KRT_OK);
  pool.size = sizeof(keratin_pool) - 8;
  EXPECT_EQ(call.run(&pool), KRT_BAD_POOL);
  pool.size = sizeof(keratin_pool) + 64;  // a later version's
  EXPECT_EQ(call.run(&pool), KRT_OK);
}

TEST(Entry, StateIsInitialisedAndKept) {
  Call call(2, true);
  std::memset(call.state.data(), 0xff, 64);
  ASSERT_EQ(krt_state_init(&call.hand.model, call.state.data()), KRT_OK);
  ASSERT_EQ(call.run(), KRT_OK);
  ASSERT_EQ(call.run(), KRT_OK);
  uint64_t calls;
  std::memcpy(&calls, call.state.data(), sizeof calls);
  EXPECT_EQ(calls, 2u);

  alignas(64) static const unsigned char initial[64] = {41};
  call.hand.model.state_initial = initial;
  ASSERT_EQ(krt_state_init(&call.hand.model, call.state.data()), KRT_OK);
  ASSERT_EQ(call.run(), KRT_OK);
  std::memcpy(&calls, call.state.data(), sizeof calls);
  EXPECT_EQ(calls, 42u);
  EXPECT_EQ(krt_state_init(&call.hand.model, call.state.data() + 1), KRT_MISALIGNED);
}

TEST(Entry, OneCallForm) {
  Call call(3), same(3);
  const void* inputs[] = {call.x.data()};
  void* outputs[] = {call.y.data(), call.sum.data()};
  ASSERT_EQ(krt_invoke_alloc(&call.hand.model, 0, inputs, outputs, 3, nullptr, nullptr), KRT_OK);
  ASSERT_EQ(same.run(), KRT_OK);
  EXPECT_EQ(call.y, same.y);
  EXPECT_EQ(krt_invoke_alloc(&call.hand.model, 0, inputs, outputs, 0, nullptr, nullptr), KRT_OK);
  EXPECT_EQ(krt_invoke_alloc(&call.hand.model, 0, inputs, outputs, UINT64_MAX, nullptr, nullptr),
            KRT_BAD_COUNT);
  call.hand.code.tile_bytes = INT64_MAX / 2 / 64 * 64;
  EXPECT_EQ(krt_invoke_alloc(&call.hand.model, 0, inputs, outputs, 3, nullptr, nullptr), KRT_NO_MEMORY);
}

TEST(Entry, EveryStatusHasASentenceOfItsOwn) {
  std::vector<std::string> seen;
  for (int status = KRT_OK; status <= KRT_NO_MEMORY; ++status) {
    const std::string text = krt_strerror(status);
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(std::count(seen.begin(), seen.end(), text), 0) << text;
    seen.push_back(text);
  }
  EXPECT_STREQ(krt_strerror(99), "unknown status");
  EXPECT_STREQ(krt_strerror(-1), "unknown status");
}

}  // namespace
}  // namespace keratin::testing
