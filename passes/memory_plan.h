// The workspace: where every temporary of a program lies.
//
// Two buffers may share memory if one is dead before the other is born. Sizes are products of a number and symbols, so
// buffers whose sizes have the same symbols form an arena of their own, planned in numbers; arenas follow one another, and
// an offset is a handful of numbers times symbols, whatever the model's size.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ir/type.h"

namespace keratin {

/// A buffer that holds something from step `first` to step `last`, both inclusive.
struct Lifetime {
  int64_t first = 0, last = 0;
  Size bytes;
};

struct MemoryPlan {
  std::vector<Size> offsets;  ///< in bytes, per buffer; multiples of kAlignment whatever the symbols are
  Size total;                 ///< bytes of the workspace
  Size lower_bound;           ///< what is live at the fullest moment of each arena: no plan can do with less
};

inline constexpr int64_t kAlignment = 64;
/// A buffer's size as it is planned: whatever the symbols are, the next buffer begins at a multiple of kAlignment.
Size planned_size(const Size& bytes);

/// What the workspaces of programs should not exceed (codegen/rematerialize.h).
struct WorkspaceLimit {
  int64_t bytes = 0;
  int64_t batch = 0;                                 ///< the symbol N
  int64_t threads = 0;                               ///< each has scratch memory of its own
  std::set<std::string, std::less<>> programs = {};  ///< by name; none: all
};

MemoryPlan plan_memory(const std::vector<Lifetime>& buffers);

}  // namespace keratin
