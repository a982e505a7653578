// Schedules by measurement (codegen/schedule.h), where the cost model is not to be trusted.
//
// What is measured is the whole program, so that every kernel finds caches, memory and threads as it will. One decision after the other
// is tried: the program exists once for each of its alternatives, which all kernels take at the same time. These programs are called in
// turns, and of each launch the least time counts. An alternative is taken if it is faster by a margin; in the end what was taken is
// measured once more against the cost model's choice, and given up where it does not win again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "codegen/schedule.h"
#include "codegen/target.h"
#include "ir/graph.h"

namespace keratin {

struct Tuned {
  Schedule schedule;
  double before = 0, after = 0;  ///< seconds of a launch: as the cost model has it, and by the schedule
};
/// By schedule_key().
using TunedRegions = std::map<std::string, Tuned, std::less<>>;

struct TuneOptions {
  unsigned threads = 1;
  int64_t batch = 32;  ///< the value of symbols
  double seconds = 2;  ///< to spend on each decision, where calls are short
  std::function<void(std::string_view text)> progress = {};  ///< called before something is measured
};

/// The regions for which there is something to decide: how often each is launched, by schedule_key().
std::map<std::string, int64_t> tunable_regions(const Module& module, const Target& target);

/// Adds those of tunable_regions() to `regions` that are not there. The others are lowered as it says meanwhile.
/// Requires: what lower() does; runs_on_host(target).
void tune(const Module& module, const Target& target, const TuneOptions& options, TunedRegions& regions);

Schedules schedules_of(const TunedRegions& regions);

}  // namespace keratin
