#include "frontend/positions.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr slice_of_known(const Expr& x, int64_t axis, std::optional<int64_t> start, std::optional<int64_t> stop,
                    int64_t step) {
  const int64_t extent = x.extent(axis);
  const auto place = [&](std::optional<int64_t> given, int64_t otherwise) {
    const int64_t from_front = !given ? otherwise : *given < 0 ? *given + extent : *given;
    return std::clamp<int64_t>(from_front, 0, extent);
  };
  const int64_t first = place(start, 0), limit = place(stop, extent);
  return slice(x, axis, first, std::max(first, limit), step);
}

/// The batch may be empty, and does not tell what a sample's result is.
[[noreturn]] void fail_on_length(const Expr& x, int64_t axis) {
  throw Error(ErrorKind::unsupported,
              cat("what it takes of axis ", axis, " of ", to_text(x.shape()), " is not there at all lengths"),
              {}, std::string(kFixLength));
}

/// From the front: `start` elements are left out, and those from `stop` on.
Expr slice_of_free(const Expr& x, int64_t axis, int64_t start, std::optional<int64_t> stop, int64_t step) {
  const Dim extent = x.dim(axis);
  // More than 31 bits are no length: whoever says so means all.
  if (stop > INT32_MAX) stop.reset();
  if (stop >= 0 && *stop <= start) return slice(x, axis, 0, 0);
  if (stop >= 0 && extent.symbol.root() == Dim::batch().symbol) fail_on_length(x, axis);
  const Dim limit = !stop ? extent : *stop < 0 ? *sum(extent, *stop) : at_most(extent, *stop);
  return slice(x, axis, start, limit, step);
}

}  // namespace

Expr slice_at(const Expr& x, int64_t axis, std::optional<int64_t> start, std::optional<int64_t> stop,
              int64_t step) {
  axis = x.axis(axis);
  const auto other_way = [](std::optional<int64_t> place) {
    return place ? std::optional(-1 - *place) : place;
  };
  if (step < 0) return slice_at(reverse(x, axis), axis, other_way(start), other_way(stop), -step);
  if (x.dim(axis).is_static()) return slice_of_known(x, axis, start, stop, step);
  if (start.value_or(0) >= 0) return slice_of_free(x, axis, start.value_or(0), stop, step);
  // Both ends are counted from the end, which is where the axis begins if it is turned round.
  if (stop >= 0) fail_on_length(x, axis);
  const Expr part = slice_of_free(reverse(x, axis), axis, stop ? -*stop : 0, -*start, 1);
  return slice(reverse(part, axis), axis, 0, part.dim(axis), step);
}

Expr element_at(const Expr& x, int64_t axis, int64_t index) {
  axis = x.axis(axis);
  const Dim extent = x.dim(axis);
  if (index < 0 && !extent.is_static()) return element_at(reverse(x, axis), axis, -1 - index);
  const int64_t place = index < 0 ? index + extent.value() : index;
  const int64_t limit = extent.is_static() ? extent.value() : INT32_MAX;
  if (place < 0 || place >= limit)
    throw Error(ErrorKind::data, cat("index ", index, " is out of range of ", to_text(x.shape())));
  if (least_difference(extent, place + 1) >= 0) return squeeze(slice(x, axis, place, place + 1), {axis});
  const Op all = x.dtype() == DType::boolean ? Op::reduce_or : Op::reduce_max;
  return reduce(all, slice_at(x, axis, place, place + 1), {axis});
}

Expr from_front(const Expr& places, Dim extent) {
  const Expr signed_places =
      is_signed(places.dtype()) && byte_size(places.dtype()) >= 4 ? places : cast(places, DType::i32);
  return where(less(signed_places, 0), signed_places + length(places.builder(), extent), signed_places);
}

}  // namespace keratin
