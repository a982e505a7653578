// Index arithmetic against brute force: a random expression is built twice, as an Index and as a closure over
// plain numbers, and both are evaluated at every point of a small box of variables.
#include "codegen/index.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string name_of(VarId id) { return std::string(1, static_cast<char>('i' + id)); }
std::string text(const Index& index) { return to_text(index, name_of); }

const Index i = Index::variable(0), j = Index::variable(1), k = Index::variable(2);
const Index N = Size(Dim::batch());

TEST(Index, IsCanonical) {
  EXPECT_EQ(i + j * 2, j + i + j);
  EXPECT_EQ(i - i, Index(0));
  EXPECT_EQ((i + 3) * 0, Index());
  EXPECT_TRUE((i + 3 - i).is_constant());
  EXPECT_EQ((i + 3 - i).value(), 3);
  EXPECT_FALSE(N.is_constant());
}

TEST(Index, DoublesInPlace) {
  Index twice = i + N + 1;
  twice += twice;
  EXPECT_EQ(twice, i * 2 + N * 2 + 2);
}

TEST(Index, Text) {
  EXPECT_EQ(text(i * 4 + j + 3), "4*i + j + 3");
  EXPECT_EQ(text(N - i * 4 - j - 1), "N - 4*i - j - 1");
  EXPECT_EQ(text(ceil_div(N, 12)), "(N + 11) div 12");
  EXPECT_EQ(text(floor_div(i, 3, {}) * -2 + modulo(i + j, 5, {})), "-2*(i div 3) + (i + j) mod 5");
  EXPECT_EQ(text(Index()), "0");
  EXPECT_EQ(text(i * -1 - 7), "-i - 7");
  EXPECT_EQ(text(Index(7) - i), "7 - i");
}

TEST(Index, DivisionSplitsOffMultiples) {
  EXPECT_EQ(floor_div(i * 32 + j, 32, {{1, {0, 31}}}), i);
  EXPECT_EQ(modulo(i * 32 + j, 32, {{1, {0, 31}}}), j);
  EXPECT_EQ(floor_div(i * 32 + j, 8, {}), i * 4 + floor_div(j, 8, {}));
  EXPECT_EQ(floor_div(N * 8 + 9, 4, {}), N * 2 + 2);
  EXPECT_EQ(modulo(N * 8 + 9, 4, {}), Index(1));
}

TEST(Index, DivisionFindsCommonFactors) {
  EXPECT_EQ(floor_div(i * 8 + j, 32, {{1, {0, 7}}}), floor_div(i, 4, {}));
  EXPECT_EQ(modulo(i * 8 + j, 32, {{1, {0, 7}}}), modulo(i, 4, {}) * 8 + j);
}

TEST(Index, DivisionsNest) {
  EXPECT_EQ(floor_div(floor_div(i, 4, {}), 8, {}), floor_div(i, 32, {}));
  EXPECT_EQ(floor_div(floor_div(i, 4, {}) + 3, 8, {}), floor_div(i + 12, 32, {}));
  EXPECT_EQ(modulo(modulo(i, 32, {}), 8, {}), modulo(i, 8, {}));
  EXPECT_EQ(floor_div(modulo(i, 32, {}), 8, {}), modulo(floor_div(i, 8, {}), 4, {}));
  EXPECT_EQ(floor_div(modulo(i, 32, {}), 32, {}), Index(0));
}

TEST(Index, FlattenedIndicesComeBack) {
  const Index row = floor_div(i, 784, {}), place = modulo(i, 784, {});
  EXPECT_EQ(row * 784 + place, i);
  const Index y = floor_div(place, 28, {}), x = modulo(place, 28, {});
  EXPECT_EQ(y * 28 + x, place);
  EXPECT_EQ(row * 784 + y * 28 + x, i);
  EXPECT_EQ((floor_div(i, 3, {}) * 3 + modulo(i, 3, {})) * 5, i * 5);
}

TEST(Index, Interval) {
  const Ranges ranges{{0, {0, 9}}, {1, {-2, 2}}};
  EXPECT_EQ((i * 2 - j + 1).interval(ranges), (Interval{-1, 21}));
  EXPECT_EQ((N + i).interval(ranges), (Interval{0, std::nullopt}));
  EXPECT_EQ((k + i).interval(ranges), Interval{});
  EXPECT_EQ(modulo(k, 5, ranges).interval(ranges), (Interval{0, 4}));
  EXPECT_EQ(floor_div(i + 1, 4, ranges).interval(ranges), (Interval{0, 2}));
}

TEST(Index, Slope) {
  EXPECT_EQ((i * 3 + j).slope(0), 3);
  EXPECT_EQ((i * 3 + j).slope(2), 0);
  EXPECT_EQ(floor_div(i, 4, {}).slope(0), std::nullopt);
  EXPECT_EQ(floor_div(i * 8 + j, 4, {}).slope(0), 2);
}

TEST(Index, OverflowIsRefused) {
  EXPECT_THROW(Index(INT64_MAX) + Index(1), Error);
  EXPECT_THROW(i * INT64_MAX * 2, Error);
  EXPECT_EQ((i * INT64_MAX).interval({{0, {0, 2}}}), (Interval{0, std::nullopt}));
}

/// An index and what it should be.
struct Pair {
  Index index;
  std::function<int64_t(const std::vector<int64_t>&)> number;
};

int64_t floored(int64_t a, int64_t by) { return (a - (a % by + by) % by) / by; }

class RandomPairs {
 public:
  explicit RandomPairs(uint32_t seed) : random_(seed) {
    for (VarId v = 0; v < 3; ++v) {
      const int64_t low = pick(-3, 2);
      ranges_[v] = {low, low + pick(0, 7)};
    }
  }

  const Ranges& ranges() const { return ranges_; }

  Pair make(int depth) {
    switch (depth == 0 ? pick(0, 1) : pick(0, 6)) {
      case 0: {
        const size_t v = static_cast<size_t>(pick(0, 3));  // 3 stands for the symbol N
        return {v == 3 ? N : Index::variable(static_cast<VarId>(v)), [v](const auto& at) { return at[v]; }};
      }
      case 1: {
        const int64_t number = pick(-20, 20);
        return {Index(number), [number](const auto&) { return number; }};
      }
      case 2:
      case 3: {
        const Pair a = make(depth - 1), b = make(depth - 1);
        return {a.index + b.index, [a, b](const auto& at) { return a.number(at) + b.number(at); }};
      }
      case 4: {
        const Pair a = make(depth - 1);
        const int64_t factor = pick(-4, 8);
        return {a.index * factor, [a, factor](const auto& at) { return a.number(at) * factor; }};
      }
      case 5: {
        const Pair a = make(depth - 1);
        const int64_t by = pick(1, 12);
        return {floor_div(a.index, by, ranges_),
                [a, by](const auto& at) { return floored(a.number(at), by); }};
      }
      default: {
        const Pair a = make(depth - 1);
        const int64_t by = pick(1, 12);
        return {modulo(a.index, by, ranges_),
                [a, by](const auto& at) { return a.number(at) - by * floored(a.number(at), by); }};
      }
    }
  }

  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

 private:
  std::mt19937 random_;
  Ranges ranges_;
};

template <typename Fn>
void for_each_point(const Ranges& ranges, const Fn& fn) {
  std::vector<int64_t> at(4);
  for (at[0] = *ranges.at(0).low; at[0] <= *ranges.at(0).high; ++at[0])
    for (at[1] = *ranges.at(1).low; at[1] <= *ranges.at(1).high; ++at[1])
      for (at[2] = *ranges.at(2).low; at[2] <= *ranges.at(2).high; ++at[2])
        for (at[3] = 0; at[3] <= 13; at[3] += 13) fn(at);
}

TEST(Index, AgreesWithBruteForce) {
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    RandomPairs random(seed);
    const Pair pair = random.make(6), by = random.make(2);
    const Index substituted = pair.index.substitute(1, by.index, {});
    const Interval interval = pair.index.interval(random.ranges());
    const std::optional<int64_t> slope = pair.index.slope(0);
    bool failed = false;
    for_each_point(random.ranges(), [&](const std::vector<int64_t>& at) {
      const Bindings bindings{{Symbol("N"), at[3]}};
      const auto value_at = [&](const Index& index, const std::vector<int64_t>& point) {
        return index.evaluate([&](VarId v) { return point[v]; }, bindings);
      };
      const int64_t expected = pair.number(at);
      failed |= value_at(pair.index, at) != expected;
      failed |= interval.low.value_or(expected) > expected || interval.high.value_or(expected) < expected;
      std::vector<int64_t> moved = at;
      moved[1] = by.number(at);
      // Ranges were used when `pair` was made, so it holds only for values within them.
      if (moved[1] >= *random.ranges().at(1).low && moved[1] <= *random.ranges().at(1).high) {
        failed |= value_at(substituted, at) != pair.number(moved);
      }
      std::vector<int64_t> next = at;
      ++next[0];
      if (slope && next[0] <= *random.ranges().at(0).high) failed |= pair.number(next) - expected != *slope;
    });
    ASSERT_FALSE(failed) << "seed " << seed << ": " << text(pair.index);
  }
}

}  // namespace
}  // namespace keratin
