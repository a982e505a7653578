// What has to be done for a region at least, whatever kernel it becomes: what a kernel's time is measured against.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace keratin {

struct Work {
  Size multiply_adds;  ///< of its contractions; taps of a convolution that lie outside of its input are none
  Size of_bf16;        ///< how many of these have two factors in bf16
  /// That are read of each parameter, for each step of a scan again if all steps read it; then those of each result.
  std::vector<Size> bytes;
};

Work work_of(const Function& region);

}  // namespace keratin
