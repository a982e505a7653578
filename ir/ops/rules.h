// What the rules of ops share: checks of operands and attributes with one wording, and a few gradient
// helpers.
//
// A message of an infer rule says which operand, what was found and what is expected: "operand 1 is f32[3]:
// its shape must be that of operand 0, [4]". The builder puts the op and its origin in front. Operands are
// counted from 0.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin::rules {

using Operands = std::span<const Value>;

/// Throws Error(data).
[[noreturn]] void fail(std::string message, std::string hint = {});
/// "operand 1 is f32[3]: " followed by `problem`.
[[noreturn]] void fail_operand(Operands operands, size_t i, std::string_view problem);

/// The same about a shape that should be another one.
[[noreturn]] void fail_shape(Operands operands, size_t i, const Shape& found, const Shape& expected,
                             std::string_view problem);

/// A set of dtypes, and what messages call it.
struct DTypeSet {
  std::string_view name;
  bool (*contains)(DType);
};
inline constexpr DTypeSet kFloats{"floats", is_float};
inline constexpr DTypeSet kIntegers{"integers", is_integer};
inline constexpr DTypeSet kBooleans{"booleans", [](DType d) { return d == DType::boolean; }};
inline constexpr DTypeSet kNumbers{"numbers", [](DType d) { return d != DType::boolean; }};
inline constexpr DTypeSet kSignedNumbers{"signed numbers", is_signed};
inline constexpr DTypeSet kBits{"integers or booleans", [](DType d) { return !is_float(d); }};
inline constexpr DTypeSet kAny{"anything", [](DType) { return true; }};

void expect_count(Operands operands, size_t count);
void expect_count_at_least(Operands operands, size_t count);
void expect_dtype(Operands operands, size_t i, DTypeSet set);
void expect_rank(Operands operands, size_t i, int64_t rank);
void expect_row_major(Operands operands, size_t i);
/// Operand i has the shape / dtype / shape and layout / type of operand `model`.
void expect_same_shape(Operands operands, size_t i, size_t model = 0);
void expect_same_dtype(Operands operands, size_t i, size_t model = 0);
void expect_same_place(Operands operands, size_t i, size_t model = 0);
void expect_same_type(Operands operands, size_t i, size_t model = 0);
/// 0 <= axis < rank; `name` is the attribute's.
void expect_axis(std::string_view name, int64_t axis, int64_t rank);
/// Sorted, without repetition, each an axis.
void expect_axes(std::string_view name, const Ints& axes, int64_t rank);
/// `count` entries.
void expect_entries(std::string_view name, const Ints& values, int64_t count);
void expect_all_at_least(std::string_view name, const Ints& values, int64_t least);
/// Both ends included.
void expect_all_between(std::string_view name, const Ints& values, int64_t least, int64_t most);
/// No dimension is negative.
void expect_shape(std::string_view name, const Shape& shape);

/// The attributes as the op's own kind.
template <typename T>
const T& attrs_as(const Attrs& attrs) {
  const T* own = std::get_if<T>(&attrs);
  if (own == nullptr) fail("the attributes are those of another op");
  return *own;
}

/// 0 … rank-1 without `axes`.
Ints other_axes(const Ints& axes, int64_t rank);
/// `shape` without `axes`.
Shape without_axes(const Shape& shape, const Ints& axes);

/// Adds `part` to what operand i gets; does nothing if that operand needs no gradient.
void accumulate(const GradientArgs& args, size_t i, Value part);

}  // namespace keratin::rules
