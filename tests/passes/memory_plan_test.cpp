// The plan of a workspace, as text: one buffer per line, "first-last bytes" in, its offset out.
#include "passes/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/text.h"

namespace keratin {
namespace {

const Size kN = Dim::batch(), kT = Dim(1, Symbol("T"));

/// "0-1 64 at 0\n…\ntotal 64, at least 64\n"
std::string plan_text(const std::vector<Lifetime>& buffers) {
  const MemoryPlan plan = plan_memory(buffers);
  std::string text;
  for (size_t i = 0; i < buffers.size(); ++i)
    text += cat(buffers[i].first, "-", buffers[i].last, " ", to_text(buffers[i].bytes), " at ",
                to_text(plan.offsets[i]), "\n");
  return text + cat("total ", to_text(plan.total), ", at least ", to_text(plan.lower_bound), "\n");
}

TEST(MemoryPlan, OfNothingIsEmpty) { EXPECT_EQ(plan_text({}), "total 0, at least 0\n"); }

TEST(MemoryPlan, ReusesWhatIsDead) {
  EXPECT_EQ(plan_text({{0, 1, 128}, {2, 3, 64}, {2, 2, 64}}),
            "0-1 128 at 0\n"
            "2-3 64 at 0\n"
            "2-2 64 at 64\n"
            "total 128, at least 128\n");
}

TEST(MemoryPlan, KeepsApartWhatMeetsInOneStep) {
  // What a step reads and what it writes live in the same step.
  EXPECT_EQ(plan_text({{0, 1, 64}, {1, 2, 64}, {2, 3, 64}}),
            "0-1 64 at 0\n"
            "1-2 64 at 64\n"
            "2-3 64 at 0\n"
            "total 128, at least 128\n");
}

TEST(MemoryPlan, AlignsEveryBuffer) {
  EXPECT_EQ(plan_text({{0, 0, 1}, {0, 0, 65}, {0, 0, 64}}),
            "0-0 1 at 128\n"
            "0-0 65 at 0\n"
            "0-0 64 at 192\n"
            "total 256, at least 256\n");
}

TEST(MemoryPlan, FillsGaps) {
  EXPECT_EQ(plan_text({{0, 3, 64}, {0, 1, 192}, {2, 3, 64}, {2, 3, 128}}),
            "0-3 64 at 192\n"
            "0-1 192 at 0\n"
            "2-3 64 at 128\n"
            "2-3 128 at 0\n"
            "total 256, at least 256\n");
}

TEST(MemoryPlan, GivesEveryProductOfSymbolsAnArena) {
  // Offsets are numbers times symbols, one arena after the other; an empty buffer takes no place.
  EXPECT_EQ(
      plan_text(
          {{0, 2, 100}, {0, 1, Size(4) * kN}, {1, 2, Size(256) * kN}, {2, 3, Size(8) * kN * kT}, {0, 0, 0}}),
      "0-2 100 at 0\n"
      "0-1 4*N at 256*N + 128\n"
      "1-2 256*N at 128\n"
      "2-3 8*N*T at 320*N + 128\n"
      "0-0 0 at 0\n"
      "total 64*N*T + 320*N + 128, at least 64*N*T + 320*N + 128\n");
}

TEST(MemoryPlan, AlignsWhateverTheSymbolsAre) {
  const MemoryPlan plan =
      plan_memory({{0, 1, Size(4) * kN}, {0, 1, Size(12) * kN}, {0, 1, 4}, {0, 1, Size(4) * kT}});
  for (int64_t n : {0, 1, 3, 7})
    for (const Size& offset : plan.offsets)
      EXPECT_EQ(offset.value({{Symbol("N"), n}, {Symbol("T"), n + 1}}) % kAlignment, 0);
}

TEST(MemoryPlan, TriesSeveralOrders) {
  // The largest first would need 512 bytes: 3-5 at 0 and 2-3 behind it leave no room for both of the others below.
  EXPECT_EQ(plan_text({{3, 5, 192}, {0, 2, 128}, {0, 2, 128}, {2, 3, 192}}),
            "3-5 192 at 0\n"
            "0-2 128 at 0\n"
            "0-2 128 at 128\n"
            "2-3 192 at 256\n"
            "total 448, at least 448\n");
}

TEST(MemoryPlan, NeverLetsLivingBuffersMeet) {
  std::mt19937 random(1);
  auto below = [&](uint32_t end) { return static_cast<int64_t>(random() % end); };
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers;
    for (int64_t i = below(40); i >= 0; --i) {
      const int64_t first = below(30);
      buffers.push_back({first, first + below(8), below(400)});
    }
    const MemoryPlan plan = plan_memory(buffers);
    EXPECT_GE(plan.total.value(), plan.lower_bound.value());
    for (size_t a = 0; a < buffers.size(); ++a) {
      const int64_t start = plan.offsets[a].value(), end = start + buffers[a].bytes.value();
      EXPECT_LE(end, plan.total.value());
      for (size_t b = 0; b < a; ++b) {
        if (buffers[a].last < buffers[b].first || buffers[b].last < buffers[a].first) continue;
        const int64_t other = plan.offsets[b].value();
        EXPECT_TRUE(end <= other || other + buffers[b].bytes.value() <= start) << "round " << round;
      }
    }
  }
}

TEST(MemoryPlan, MeetsItsLowerBoundOnAChain) {
  std::vector<Lifetime> buffers;
  for (int64_t i = 0; i < 5000; ++i) buffers.push_back({i, i + 1, Size(64 * (1 + i % 2)) * kN});
  const MemoryPlan plan = plan_memory(buffers);
  EXPECT_EQ(to_text(plan.total), "192*N");
}

}  // namespace
}  // namespace keratin
