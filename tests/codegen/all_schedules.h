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

/// What can be asked for of a module's regions: every alternative by itself, then some of several at once.
inline std::vector<Schedule> schedules_to_try(const KernelModule& usual) {
  std::set<Schedule> singles, mixed;
  std::mt19937 random(1);
  for (const Kernel& kernel : usual.kernels) {
    for (const Decided& decided : kernel.decided)
      for (const int64_t other : decided.others) singles.insert({{std::string(decided.what), other}});
    for (int i = 0; i < 6 && kernel.decided.size() > 1; ++i) {
      Schedule schedule;
      for (const Decided& decided : kernel.decided)
        schedule[std::string(decided.what)] = decided.others[random() % decided.others.size()];
      mixed.insert(std::move(schedule));
    }
  }
  std::vector<Schedule> all(singles.begin(), singles.end());
  all.insert(all.end(), mixed.begin(), mixed.end());
  return all;
}

/// Lowers `f` of a module by all schedules, and expects the bits of the usual one, interpreted and, where that is possible, run.
/// Returns how many there were.
inline size_t expect_same_bits_by_all_schedules(const Module& module, const std::vector<Tensor>& inputs,
                                                const Target& target) {
  Module ready;
  const auto usual = std::make_shared<const KernelModule>(
      compile_kernels(module, target, {}, [&](const Module& prepared, const Target&) {
        ready = clone(prepared);
        return Schedules();
      }));
  const std::vector<Tensor> expected = interpret_kernels(usual)->call("f", inputs);
  const std::vector<Schedule> schedules = schedules_to_try(*usual);
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
