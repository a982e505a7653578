// What has to be done for a region at least, whatever kernel it becomes: what a kernel's time is measured against.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace keratin {

struct Work {
  Size multiply_adds;  ///< of its contractions; taps of a convolution that lie outside of its input are none
  std::vector<Size> bytes;  ///< that are read of each parameter, then that each result has
};

Work work_of(const Function& region);

}  // namespace keratin
