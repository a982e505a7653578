// The value being traced, with the operators of numpy.
//
// An Expr is a Value together with the Builder that makes what is computed from it. Binary operations broadcast shapes
// (by explicit broadcast nodes) and promote dtypes as Keras does: boolean, then integers, then floats. Numbers take the
// type of the other operand. Nothing here knows of layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace keratin {

/// The hint of errors about free lengths.
inline constexpr std::string_view kFixLength = "fix the length with --shape INPUT=…";

inline namespace tracing {  // kernel IR has an Expr, too, and one program links both

class Expr {
 public:
  Expr() = default;
  Expr(Builder& builder, Value value) : builder_(&builder), value_(value) {}

  explicit operator bool() const { return builder_ != nullptr; }
  Builder& builder() const { return *builder_; }
  Value value() const { return value_; }
  DType dtype() const { return value_.dtype(); }
  const Shape& shape() const { return value_.shape(); }
  int64_t rank() const { return value_.rank(); }
  Dim dim(int64_t axis) const { return shape()[this->axis(axis)]; }  ///< negative axes count from the end
  /// `axis` counted from the front. Throws Error(data) if there is no such axis.
  int64_t axis(int64_t axis) const;
  /// The extent of an axis as a number. Throws Error(unsupported) if it is symbolic.
  int64_t extent(int64_t axis) const;

 private:
  Builder* builder_ = nullptr;
  Value value_;
};

}  // namespace tracing

/// `axes` counted from the front, sorted. Throws Error(data) if one is no axis of `x` or is there twice.
Ints normalized_axes(const Expr& x, const Ints& axes);
/// All axes from `first` on.
Ints axes_from(const Expr& x, int64_t first);

/// `x` itself. Throws Error(unsupported) if it has more elements per sample than any real model: sizes that follow are then sure
/// not to overflow.
const Expr& of_sane_size(const Expr& x);

Expr number(const Expr& like, double value);  ///< a constant of the type of `like`
Expr cast(const Expr& x, DType dtype);
Expr to_float(const Expr& x);  ///< `x` itself if it is a float, else as f32
bool is_half(DType dtype);     ///< f16 or bf16
Expr at_least_f32(
    const Expr&
        x);  ///< what is computed before a result of 16 bits is rounded: `x`, as f32 if it has fewer bits
DType promote(DType a, DType b);

/// numpy's rule: shapes are aligned at the end, extents of 1 repeat. Throws Error(data) if they do not fit.
Shape broadcast_shape(const Shape& a, const Shape& b);
Expr broadcast_to(const Expr& x, const Shape& shape);

/// How long an axis is that is this long, as an i32 scalar: each call finds it out if it is free.
Expr length(Builder& builder, Dim dim);
/// One of `parts` equal parts of a length. Throws Error(data) if there are none.
Dim divided(Dim length, int64_t parts);

/// `x`, whose axis i belongs to axis axes[i] of `like`, broadcast to the shape of `like`. Requires: axes increase.
Expr align(const Expr& x, const Expr& like, const Ints& axes);

Expr unary(Op op, const Expr& x);
Expr binary(Op op, Expr a, Expr b);

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);  ///< true division: integers become floats
Expr operator+(const Expr& a, double b);
Expr operator-(const Expr& a, double b);
Expr operator*(const Expr& a, double b);
Expr operator/(const Expr& a, double b);
Expr operator+(double a, const Expr& b);
Expr operator-(double a, const Expr& b);
Expr operator*(double a, const Expr& b);
Expr operator/(double a, const Expr& b);
Expr operator-(const Expr& x);

Expr less(const Expr& a, const Expr& b);
Expr less_equal(const Expr& a, const Expr& b);
Expr equal(const Expr& a, const Expr& b);
Expr not_equal(const Expr& a, const Expr& b);
Expr less(const Expr& a, double b);
Expr less_equal(const Expr& a, double b);
Expr not_equal(const Expr& a, double b);
Expr greater(const Expr& a, double b);
Expr greater_equal(const Expr& a, double b);
Expr logical_and(const Expr& a, const Expr& b);
Expr logical_or(const Expr& a, const Expr& b);
Expr logical_not(const Expr& x);
Expr as_boolean(const Expr& x);  ///< what is not zero
Expr where(const Expr& condition, const Expr& a, const Expr& b);
Expr maximum(const Expr& a, const Expr& b);
Expr minimum(const Expr& a, const Expr& b);
Expr maximum(const Expr& a, double b);
Expr minimum(const Expr& a, double b);
Expr clip(const Expr& x, double low, double high);

// Reductions over `axes` (negative ones count from the end); `keep` leaves them there with extent 1.
Expr reduce(Op op, const Expr& x, const Ints& axes, bool keep = false);
Expr sum(const Expr& x, const Ints& axes, bool keep = false);
Expr mean(const Expr& x, const Ints& axes, bool keep = false);
/// The biased variance about `mean`, which has kept axes.
Expr variance(const Expr& x, const Expr& mean, const Ints& axes, bool keep = false);
/// How many elements one element of a reduction over `axes` is made of, as a float scalar.
Expr count(const Expr& x, const Ints& axes);

/// The largest element is subtracted first; the difference is computed once.
Expr softmax(const Expr& x, const Ints& axes);
Expr log_softmax(const Expr& x, const Ints& axes);

Expr reshape(const Expr& x, Shape shape);
/// A shape of so many elements; at most one extent is -1: what the others leave. None if they do not fit. Throws Error(data) if they fit
/// if a length is a multiple.
std::optional<Shape> completed_shape(Dim elements, const Ints& extents);
/// All elements on one axis. Throws Error(unsupported) if several axes are symbolic.
Expr flattened(const Expr& x);
Expr transpose(const Expr& x, Ints perm);
Expr move_axis(const Expr& x, int64_t from, int64_t to);
Expr expand_dims(const Expr& x, int64_t axis);  ///< the new axis has index `axis` in the result
/// The elements at `places` (counted from the front) along an axis, which is replaced by those of `places`.
Expr take(const Expr& x, int64_t axis, const Expr& places);
Expr take(const Expr& x, int64_t axis, const Ints& places);
Expr squeeze(const Expr& x, const Ints& axes);  ///< Requires: the axes have extent 1.
Expr slice(const Expr& x, int64_t axis, int64_t start, Dim limit, int64_t stride = 1);
Expr pad(const Expr& x, const Ints& low, const Ints& high, double fill = 0);
Expr concat(const std::vector<Expr>& parts, int64_t axis);
Expr places(const Expr& like, int64_t axis);  ///< of each element of `like`, its place along an axis: i32
Expr places(Builder& builder, Dim length);    ///< along an axis of this length: i32
Expr reverse(const Expr& x, int64_t axis);
/// Every element `times` times in a row along `axis`.
Expr repeat(const Expr& x, int64_t axis, int64_t times);
/// Contracts the last axis of `x` with the first of `kernel`.
Expr matmul(const Expr& x, const Expr& kernel);

}  // namespace keratin
