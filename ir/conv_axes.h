// The axes of a convolution, read from the `dims` of its attributes, and the sizes along its space axes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/type.h"

namespace keratin {

/// Places of the axes in input, kernel and result. The kernel's `batch` is its input feature ('i') and its `feature` the
/// output feature ('o').
struct ConvAxes {
  struct Array {
    int64_t batch = 0, feature = 0;
    std::vector<int64_t> space;  ///< by number
  };
  Array input, kernel, output;

  int64_t space_rank() const { return static_cast<int64_t>(input.space.size()); }
};

/// "b01f_01io->b01f". Throws Error(data) if it is not three lists of the same space axes with b and f (i and o).
ConvAxes parse_conv_axes(std::string_view dims);

/// `size` elements with dilation-1 zeros between neighbours.
inline int64_t dilated(int64_t size, int64_t dilation) { return size == 0 ? 0 : (size - 1) * dilation + 1; }

/// How many windows of `extent`, `stride` apart, lie within `size` elements.
inline int64_t window_count(int64_t size, int64_t extent, int64_t stride) {
  return size < extent ? 0 : (size - extent) / stride + 1;
}

/// The same of an axis that may be free. Its windows are as many if they fit at all.
inline Dim dilated(Dim size, int64_t dilation) {
  if (size.is_static()) return dilated(size.coef, dilation);
  return *sum(Dim(size.coef * dilation, size.symbol), 1 - dilation);
}
inline Dim window_count(Dim size, int64_t extent, int64_t stride) {
  return size.is_static() ? Dim(window_count(size.coef, extent, stride))
                          : quotient(size, stride - extent, stride);
}

}  // namespace keratin
