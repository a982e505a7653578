// What is known of processors.
#include "codegen/target.h"

#include <gtest/gtest.h>

#include "ir/error.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

constexpr const char* kX86 = "x86_64-unknown-linux-gnu";
constexpr const char* kAArch64 = "aarch64-unknown-linux-gnu";

TEST(Target, LevelsOfX86) {
  const Target v1 = make_target("x86-64", kX86), v2 = make_target("x86-64-v2", kX86);
  const Target v3 = make_target("x86-64-v3", kX86), v4 = make_target("x86-64-v4", kX86);
  for (const Target* target : {&v1, &v2}) {
    EXPECT_EQ(target->vector_bytes, 16);
    EXPECT_EQ(target->vector_registers, 16);
    EXPECT_FALSE(target->fma);
    EXPECT_FALSE(target->masks);
  }
  EXPECT_EQ(v3.vector_bytes, 32);
  EXPECT_EQ(v3.vector_registers, 16);
  EXPECT_TRUE(v3.fma);
  EXPECT_TRUE(v3.masks);
  EXPECT_EQ(v4.vector_bytes, 64);
  EXPECT_EQ(v4.vector_registers, 32);
  EXPECT_EQ(v4.lanes(4), 16);
  EXPECT_EQ(v1.cpu_features, 0u);
  EXPECT_EQ(v2.cpu_features, uint32_t{KRT_CPU_X86_64_V2});
  EXPECT_EQ(v3.cpu_features, uint32_t{KRT_CPU_X86_64_V2 | KRT_CPU_X86_64_V3});
  EXPECT_EQ(v4.cpu_features, uint32_t{KRT_CPU_X86_64_V2 | KRT_CPU_X86_64_V3 | KRT_CPU_X86_64_V4});
}

TEST(Target, ProcessorsByName) {
  EXPECT_EQ(make_target("haswell", kX86).vector_bytes, 32);
  const Target zen4 = make_target("znver4", kX86);
  EXPECT_EQ(zen4.vector_bytes, 64);
  EXPECT_NE(zen4.cpu_features & KRT_CPU_AVX512_BF16, 0u);
}

TEST(Target, AArch64) {
  const Target target = make_target("generic", kAArch64);
  EXPECT_EQ(target.vector_bytes, 16);
  EXPECT_EQ(target.vector_registers, 32);
  EXPECT_TRUE(target.fma);
  EXPECT_FALSE(target.masks);
  EXPECT_EQ(target.cpu_features, 0u);
}

std::string error_of(const std::string& cpu, const std::string& triple) {
  try {
    make_target(cpu, triple);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Target, WhatIsNotKnownIsRefusedByName) {
  const std::string cpu = error_of("quantum", kX86);
  EXPECT_NE(cpu.find("unknown processor \"quantum\""), std::string::npos) << cpu;
  EXPECT_NE(cpu.find("x86-64-v3"), std::string::npos) << cpu;
  EXPECT_NE(error_of("haswell", kAArch64).find("unknown processor"), std::string::npos);
  for (const char* triple : {"mips-linux-gnu", "x86_64-apple-darwin", "nonsense"}) {
    const std::string text = error_of("generic", triple);
    EXPECT_NE(text.find("unknown target"), std::string::npos) << text;
    EXPECT_NE(text.find("aarch64-unknown-linux-gnu"), std::string::npos) << text;
  }
}

std::string levels_error(const std::string& cpus, const std::string& triple) {
  try {
    make_levels(cpus, triple);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Target, ListsOfLevels) {
  // More demanding ones first, of each processor what can be looked for when code runs.
  std::vector<std::string> names;
  uint32_t above = ~0u;
  for (const Target& level : make_levels("x86-64-v2,haswell,x86-64,znver4,sapphirerapids,x86-64-v4", kX86)) {
    names.push_back(level_name(level));
    EXPECT_EQ(level.cpu_features & above, level.cpu_features) << names.back();
    above = level.cpu_features;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"x86-64-v4+bf16+amx", "x86-64-v4+bf16", "x86-64-v4", "x86-64-v3",
                                             "x86-64-v2", "x86-64"}));
  // One name is a target as ever.
  EXPECT_EQ(make_levels("haswell", kX86)[0].cpu, "haswell");
  EXPECT_EQ(level_name(make_levels("znver4", kX86)[0]), "znver4");
  EXPECT_EQ(make_levels("generic", kAArch64)[0].cpu, "generic");

  EXPECT_NE(levels_error("haswell,x86-64-v2,x86-64-v3", kX86)
                .find("\"haswell\" and \"x86-64-v3\" are one level, x86-64-v3"),
            std::string::npos);
  EXPECT_NE(levels_error("x86-64,quantum", kX86).find("unknown processor \"quantum\""), std::string::npos);
  EXPECT_NE(levels_error("x86-64,", kX86).find("unknown processor \"\""), std::string::npos);
  EXPECT_NE(levels_error("generic,cortex-a53", kAArch64).find("only levels of x86-64"), std::string::npos);
}

TEST(Target, ThisMachine) {
  const Target host = host_target(), native = make_target("native");
  EXPECT_EQ(host.cpu, native.cpu);
  EXPECT_EQ(host.triple, native.triple);
  EXPECT_TRUE(runs_on_host(host));
  EXPECT_TRUE(same_kind_as_host(host));
  EXPECT_GT(host.l1_bytes, 0);
  const std::vector<Target> levels = host_levels();
  ASSERT_FALSE(levels.empty());
  for (const Target& level : levels) EXPECT_TRUE(runs_on_host(level)) << level.cpu;
  const std::string other = host.triple.starts_with("x86_64") ? kAArch64 : kX86;
  EXPECT_FALSE(runs_on_host(make_target(other == kX86 ? "x86-64" : "generic", other)));
  EXPECT_NE(error_of("native", other).find("native"), std::string::npos);
}

}  // namespace
}  // namespace keratin
