// Operations that see the bits of numbers.
#include "frontend/bits.h"

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Of one sign, floats have the order of their bits.
Outputs nextafter(OperationCall& call) {
  const auto [from, to] = call.real_pair();
  const Shape shape = broadcast_shape(from.shape(), to.shape());
  const Expr x = unary(Op::stop_gradient, broadcast_to(from, shape)),
             y = unary(Op::stop_gradient, broadcast_to(to, shape));
  const Expr bits = bits_of(x), one = number(bits, 1);
  const Expr grows = equal(less(x, y), greater(x, 0));
  const Expr next = float_of_bits(where(grows, bits + one, bits - one), x.dtype());
  const Expr least = float_of_bits(one, x.dtype()), from_zero = where(less(y, 0), -least, least);
  const Expr moved = where(equal(x, number(x, 0)), from_zero, next);
  return where(equal(x, y), y, where(logical_or(is_nan(x), is_nan(y)), x + y, moved));
}

constexpr Arg kViewParams[] = {{"dtype", ArgKind::any, "null"}};

/// As unsigned integers.
Expr raw(const Expr& x) {
  return cast(is_float(x.dtype()) ? bits_of(x) : x, integer_of_width(x.dtype(), false));
}
Expr from_raw(const Expr& bits, DType dtype) {
  return is_float(dtype) ? float_of_bits(bits, dtype) : cast(bits, dtype);
}

/// The lower bytes come first.
Outputs view(OperationCall& call) {
  const Expr x = call.tensor(0);
  const DType dtype = call.dtype("dtype", x.dtype()), parts = integer_of_width(dtype, false);
  if (dtype == x.dtype()) return x;
  const int64_t old_size = byte_size(x.dtype()), size = byte_size(dtype);
  if (old_size == size) return from_raw(raw(x), dtype);
  if (x.rank() == 0) call.fail(cat("a scalar ", x.dtype(), " cannot be viewed as ", dtype), ErrorKind::data);
  const Expr bits = raw(x);
  const auto shifts = [&](const Expr& like, int64_t bytes) {
    return cast(places(like, -1), like.dtype()) * number(like, static_cast<double>(8 * bytes));
  };
  Shape shape = x.shape();
  if (size < old_size) {
    const int64_t count = old_size / size;
    Shape apart = shape;
    apart.emplace_back(count);
    const Expr each = broadcast_to(expand_dims(bits, -1), apart);
    shape.back() = Dim(shape.back().coef * count, shape.back().symbol);
    return from_raw(reshape(cast(binary(Op::shr, each, shifts(each, size)), parts), shape), dtype);
  }
  const int64_t count = size / old_size;
  if (x.extent(-1) % count != 0)
    call.fail(cat("the rows of ", to_text(x.value().type()), " are no multiples of the size of ", dtype),
              ErrorKind::data);
  shape.back() = x.extent(-1) / count;
  Shape apart = shape;
  apart.emplace_back(count);
  const Expr each = cast(reshape(bits, apart), parts);
  return from_raw(sum(binary(Op::shl, each, shifts(each, old_size)), {-1}), dtype);
}

constexpr OperationDef kRows[] = {
    {"Nextafter", "x1 x2", nextafter},
    {"View", "x", view, kViewParams},
};

}  // namespace

std::span<const OperationDef> bits_operations() { return kRows; }

}  // namespace keratin
