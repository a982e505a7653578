// What is measured is not tested, but that it is measured on every CPU level, and how limits follow from it.
#include "codegen/ceilings.h"

#include <gtest/gtest.h>

namespace keratin::testing {
namespace {

TEST(Ceilings, OfEveryLevelOfThisMachine) {
  for (const Target& target : host_levels()) {
    Ceilings ceilings(target, 2);
    EXPECT_GT(ceilings.flops_per_second(), 1e7) << target.cpu;
    EXPECT_GT(*ceilings.level_of(1).bytes_per_second, 1e7) << target.cpu;
  }
}

TEST(Ceilings, OfThisMachineInBf16) {
  EXPECT_GT(Ceilings(host_target(), 2).flops_per_second(DType::bf16), 1e7);
}

TEST(Ceilings, ALimitIsWhateverTakesLongest) {
  const Target target = host_target();
  Ceilings ceilings(target, 1);
  EXPECT_EQ(ceilings.limit(0, 0, {}).seconds, 0);
  EXPECT_EQ(ceilings.limit(1e12, 0, {{64, 64}}).by, "fma");
  EXPECT_DOUBLE_EQ(ceilings.limit(1e12, 0, {}).seconds, 1e12 / ceilings.flops_per_second());
  EXPECT_FALSE(ceilings.has_measured(DType::bf16));
  EXPECT_DOUBLE_EQ(ceilings.limit(3e12, 1e12, {}).seconds,
                   2e12 / ceilings.flops_per_second() + 1e12 / ceilings.flops_per_second(DType::bf16));
  // A few bytes of an array that does not fit the first level.
  const Ceilings::Limit limit = ceilings.limit(1, 0, {{4096, target.l1_bytes + 1}, {64, 64}});
  EXPECT_EQ(limit.by, "L2");
  EXPECT_DOUBLE_EQ(limit.seconds, 4096 / *ceilings.level_of(target.l1_bytes + 1).bytes_per_second);
  EXPECT_FALSE(ceilings.levels().back().bytes_per_second) << "nobody asked for it";
}

}  // namespace
}  // namespace keratin::testing
