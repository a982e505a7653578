// One kernel inside another: how a loop over time runs the kernels of its body.
#pragma once

#include <optional>
#include <vector>

#include "codegen/values.h"
#include "passes/blocks.h"

namespace keratin {

/// What an inner kernel's buffer is outside: `buffer`, of which the inner kernel sees the slice at `step` along `axis`
/// (axis -1: all of it), and of that what begins at `first`, an index per axis (empty: all zeros).
struct BufferSlice {
  BufferId buffer = 0;
  int64_t axis = -1;
  Index step;
  std::vector<Index> first;
};

/// Where a block of a value begins, whose axes are cut as `axes` say: `first[i]` is its first element of blocking i.
std::vector<Index> block_begin(const Shape& shape, const BlockedAxes& axes,
                               const std::vector<Blocking>& blockings, const std::vector<Index>& first);

/// Emits the inner kernel's body, its parallel loops as plain ones. `slices` are its parameters; whatever else it needs becomes
/// a buffer of the outer kernel, of mode `others`: `out` if that is a single piece, `tile` if every piece needs its own.
void inline_kernel(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                   Mode others);

/// Which indices along an axis of its results a kernel computes: `count` from `first` on.
struct ResultRange {
  size_t axis;
  Index first;
  int64_t count;
};

/// The same for the pieces that compute these indices of `result`, a buffer.
/// Requires: for each axis there is a parallel loop whose variable is the index of what is stored.
void inline_part(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                 BufferId result, const std::vector<ResultRange>& ranges, Mode others);

/// The pieces of a kernel, if their number is known.
std::optional<int64_t> static_pieces(const Kernel& kernel);

/// The same for one piece of the inner kernel, by its number; others may run at the same time. What else it needs is of mode `out`.
/// Requires: static_pieces(inner).
void inline_piece(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                  const Index& piece);

}  // namespace keratin
