// How eval rules move elements.
//
// Most ops that only move data are affine in both directions: the element at index i of some box comes from
// from.offset + i · from.strides and goes to to.offset + i · to.strides. copy_box() is that loop, for
// transposes (permuted strides), broadcasts (stride 0), reversals (negative strides), slices, padding,
// stacking. Ops that work along one axis see an array as [outer, length, inner].
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "ir/array.h"

namespace keratin::elements {

/// Where the elements of a box lie in a row-major array: counted in elements.
struct Places {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

/// All elements of an array of this shape, in order.
Places places_of(const std::vector<int64_t>& shape);

/// Copies a box of `extent` elements. Requires: the same element type, and all places inside the arrays.
void copy_box(const std::vector<int64_t>& extent, const Array& from, const Places& at_from, Array& to,
              const Places& at_to);

/// The elements of `to` in order, from affine places in `from`.
void fill_from(const Array& from, const Places& at_from, Array& to);

/// Sets every element to the one of `scalar`. Requires: the same element type.
void fill_with(const Array& scalar, Array& to);

/// An array seen from one of its axes.
struct AxisView {
  int64_t outer = 1, length = 1, inner = 1;
  AxisView(const std::vector<int64_t>& shape, int64_t axis);
};

/// An integer element as an index: u64 beyond the range of i64 becomes the largest.
int64_t index_value(const Array& integers, int64_t element);

/// Calls `f(const T* from, T* to)` with the elements of two arrays of the same element type.
template <typename F>
void with_elements(const Array& from, Array& to, F f) {
  std::visit(
      [&](auto& target) {
        const auto& source = std::get<std::remove_cvref_t<decltype(target)>>(from.data);
        f(source.data(), target.data());
      },
      to.data);
}

}  // namespace keratin::elements
