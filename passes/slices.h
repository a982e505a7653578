// Batches in slices: samples do not know of each other, so a call may compute a few at a time, all the way through.
//
// Kernel by kernel, a large batch leaves the caches between any two kernels, and threads wait for each other after each. In slices,
// what one kernel leaves for the next stays in cache, threads meet once per call, and the workspace is that of a slice per thread,
// however large the batch is. Against it stands that every slice reads all weights.
//
//     predict of N samples       becomes    slices of 4 to 30 samples: as many as the call, its threads and the caches suggest
//     predict of 32 samples      becomes    8 slices, whose kernels are made for 4 samples
//
// The runtime cuts (runtime/slices.c); here it is decided whether that is possible and how many samples are worth it.
#pragma once

#include <map>
#include <string>

#include "ir/graph.h"

namespace keratin {

/// How many samples a slice has.
struct Slices {
  int64_t least = 0;  ///< with fewer, weights are read too often; 0: the batch is not cut
  int64_t most = 0;   ///< with more, what kernels leave for each other does not stay in cache
  bool operator==(const Slices&) const = default;
};

inline constexpr size_t kMostCutArrays = 16;  ///< inputs, and outputs, of a function that is cut

/// A module whose functions of a fixed batch compute one slice.
struct SlicedModule {
  Module module;
  std::map<std::string, Slices>
      slices;  ///< by function, of those that are cut; of a fixed batch, least is most
};

/// `batch`: to how many samples the batch was fixed; 0: it was not. Requires: a module as traced or read. Functions that update
/// variables, or in which samples depend on each other or share an input, are left alone; so are those with scans, whose pieces are
/// samples that go through all steps anyway, and a fixed batch that would be fewer than eight slices, which would leave threads idle.
SlicedModule cut_batches(const Module& module, int64_t batch);

}  // namespace keratin
