// What `keratin bench` says of a function that it has measured.
#pragma once

#include <cstdint>
#include <string>

#include "codegen/ceilings.h"
#include "codegen/kernel.h"
#include "codegen/profile.h"

namespace keratin {

/// A function of a model, measured.
struct BenchReport {
  const KernelModule& module;
  const Program& program;
  int64_t batch;
  bool free_batch;  ///< the code takes any
  unsigned threads;
  std::string cpu;
  Profile profile;
  Ceilings ceilings;
};

/// Measures ceilings that limits need, if they have not been.
std::string bench_table(BenchReport& measured);
std::string bench_json(BenchReport& measured);

/// "12.3 us".
std::string time_text(double seconds);

}  // namespace keratin
