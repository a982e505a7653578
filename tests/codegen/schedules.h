// Schedules change nothing but speed.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "codegen/lower.h"
#include "codegen/native.h"
#include "ir/text.h"

namespace keratin::testing {

/// Some of what can be asked for of a module's regions: alternatives by themselves and together.
inline std::set<Schedule> schedules_to_try(const KernelModule& usual) {
  constexpr size_t kMost = 4;  // tests have many modules
  std::vector<Schedule> singles;
  std::set<Schedule> chosen;
  std::mt19937 random(1);
  for (const Kernel& kernel : usual.kernels) {
    Schedule several;
    for (const Decided& decided : kernel.decided) {
      for (const int64_t other : decided.others) singles.push_back({{std::string(decided.what), other}});
      several[std::string(decided.what)] = decided.others[random() % decided.others.size()];
    }
    chosen.insert(std::move(several));
  }
  for (size_t i = 0; i < kMost && !singles.empty(); ++i) chosen.insert(singles[random() % singles.size()]);
  return chosen;
}

/// Lowers `f` of a module by several schedules, and expects the bits of the usual one, interpreted and, where that is possible, run.
/// Returns how many there were.
inline size_t expect_same_bits_by_schedules(const Module& module, const std::vector<Tensor>& inputs,
                                            const Target& target) {
  Module ready;
  const auto usual = std::make_shared<const KernelModule>(
      compile_kernels(module, target, {}, [&](const Module& prepared, const Target&) {
        ready = clone(prepared);
        return Schedules();
      }));
  const std::vector<Tensor> expected = interpret_kernels(usual)->call("f", inputs);
  const std::set<Schedule> schedules = schedules_to_try(*usual);
  for (const Schedule& schedule : schedules) {
    SCOPED_TRACE(cat(target.cpu, ": ", to_text(schedule)));
    Schedules by_region;
    for (const auto& node : ready.function("f").nodes)
      if (node->op == Op::fusion) by_region[schedule_key(*node->body)] = schedule;
    const auto kernels = std::make_shared<const KernelModule>(lower(ready, target, by_region));
    verify(*kernels);
    EXPECT_TRUE(interpret_kernels(kernels)->call("f", inputs) == expected);
    if (!runs_on_host(target)) continue;
    EXPECT_TRUE(jit_kernels(kernels, target, {}, 3)->call("f", inputs) == expected);
  }
  return schedules.size();
}

}  // namespace keratin::testing
