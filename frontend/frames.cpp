#include "frontend/frames.h"

namespace keratin {
namespace {

/// Where the elements of `count` frames lie, [count,length].
Expr places_of_frames(Builder& b, Dim count, int64_t length, int64_t stride) {
  return expand_dims(places(b, count) * static_cast<double>(stride), 1) + places(b, Dim(length));
}

}  // namespace

Expr frames_of(const Expr& x, int64_t length, int64_t stride) {
  const Dim extent = x.dim(-1);
  const bool is_too_short = extent.is_static() && extent.value() < length;
  const Dim count = is_too_short ? Dim(0) : quotient(extent, stride - length, stride);
  return take(x, -1, places_of_frames(x.builder(), count, length, stride));
}

Expr overlapped(const Expr& frames, int64_t stride) {
  Builder& b = frames.builder();
  const Dim count = frames.dim(-2);
  const int64_t length = frames.extent(-1);
  Shape shape = frames.shape();
  shape.pop_back();
  shape.back() = Dim(count.coef * length, count.symbol);
  const Expr places = reshape(places_of_frames(b, count, length, stride), {shape.back()});
  const Expr pieces = reshape(frames, shape);
  shape.back() = *sum(Dim(count.coef * stride, count.symbol), length - stride);
  return {b, b.make(Op::scatter_add,
                    {b.constant(Scalar::of(frames.dtype(), 0), shape), places.value(), pieces.value()},
                    GatherAttrs{.axis = pieces.rank() - 1})};
}

}  // namespace keratin
