#include "frontend/expr.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {

int64_t Expr::axis(int64_t axis) const {
  if (axis < -rank() || axis >= rank())
    throw Error(ErrorKind::data, cat("axis ", axis, " is no axis of ", to_text(value_.type())));
  return axis < 0 ? axis + rank() : axis;
}

int64_t Expr::extent(int64_t axis) const {
  const Dim d = dim(axis);
  if (!d.is_static())
    throw Error(ErrorKind::unsupported,
                cat("axis ", axis, " of ", to_text(value_.type()), " must have a fixed extent"), {},
                std::string(kFixLength));
  return d.value();
}

Ints normalized_axes(const Expr& x, const Ints& axes) {
  Ints out;
  for (int64_t axis : axes) out.push_back(x.axis(axis));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    throw Error(ErrorKind::data,
                cat("axes [", join(axes, ", "), "] name an axis of ", to_text(x.shape()), " twice"));
  return out;
}

Ints axes_from(const Expr& x, int64_t first) {
  Ints axes;
  for (int64_t axis = first; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

const Expr& of_sane_size(const Expr& x) {
  constexpr double kMost = 1LL << 34;
  double elements = 1;
  for (Dim d : x.shape()) elements *= static_cast<double>(d.coef);
  if (elements > kMost)
    throw Error(ErrorKind::unsupported, cat("a tensor ", to_text(x.value().type()), " is too large"));
  return x;
}

// --- types ---

Expr number(const Expr& like, double value) {
  return {like.builder(), like.builder().constant_like(like.value(), value)};
}

Expr cast(const Expr& x, DType dtype) { return {x.builder(), x.builder().cast(x.value(), dtype)}; }

Expr to_float(const Expr& x) { return is_float(x.dtype()) ? x : cast(x, DType::f32); }

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (is_float(a) != is_float(b)) return is_float(a) ? a : b;
  if (a == DType::boolean) return b;
  if (b == DType::boolean) return a;
  if (byte_size(a) != byte_size(b)) return byte_size(a) > byte_size(b) ? a : b;
  return is_float(a) ? DType::f32 : is_signed(a) ? a : b;  // f16 with bf16; i32 with u32
}

namespace {

/// As numbers broadcast: the wider of two extents, or an error.
Dim broadcast_dim(Dim a, Dim b, const Shape& left, const Shape& right) {
  if (a == b || b.is(1)) return a;
  if (a.is(1)) return b;
  throw_unequal(
      Error(ErrorKind::data, cat("shapes ", to_text(left), " and ", to_text(right), " do not fit together")),
      {a}, {b});
}

/// Scalars of the type that a number has beside `x`.
Expr beside(const Expr& x, double value) { return number(x, value); }

}  // namespace

Shape broadcast_shape(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i)
    shape[offset + i] = broadcast_dim(longer[offset + i], shorter[i], a, b);
  return shape;
}

Expr broadcast_to(const Expr& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (const ConstantAttrs* constant = as_constant(x.value());
      constant != nullptr && constant->data == nullptr)
    return {x.builder(), x.builder().constant(constant->splat, shape)};
  const int64_t offset = static_cast<int64_t>(shape.size()) - x.rank();
  KERATIN_CHECK(offset >= 0, cat(to_text(x.shape()), " to ", to_text(shape)));
  Ints dims;
  Shape kept;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const Dim from = x.dim(axis), to = shape[offset + axis];
    if (from == to) {
      dims.push_back(offset + axis);
      kept.push_back(from);
    } else if (!from.is(1)) {
      throw_unequal(
          Error(ErrorKind::data, cat("shape ", to_text(x.shape()), " does not fit ", to_text(shape))), {from},
          {to});
    }
  }
  Builder& b = x.builder();
  return {b, b.broadcast(b.reshape(x.value(), kept), dims, shape)};
}

Expr length(Builder& b, Dim dim) {
  return {b, dim.is_static() ? b.constant(Scalar::of_integer(DType::i32, dim.value()))
                             : b.make(Op::dim_size, {}, DimAttrs{dim, DType::i32})};
}

Dim divided(Dim length, int64_t parts) {
  if (length.coef % parts == 0) return Dim(length.coef / parts, length.symbol);
  const Dim part = quotient(length, 0, parts);
  throw_unequal(Error(ErrorKind::data, cat(parts, " does not divide a length of ", to_text(length))),
                {length}, {Dim(part.coef * parts, part.symbol)});
}

Expr align(const Expr& x, const Expr& like, const Ints& axes) {
  Shape shape(like.rank(), Dim(1));
  for (size_t i = 0; i < axes.size(); ++i) shape[axes[i]] = x.dim(static_cast<int64_t>(i));
  return broadcast_to(reshape(x, shape), like.shape());
}

// --- pointwise ---

Expr unary(Op op, const Expr& x) { return {x.builder(), x.builder().make(op, {x.value()})}; }

Expr binary(Op op, Expr a, Expr b) {
  const DType dtype = promote(a.dtype(), b.dtype());
  const Shape shape = broadcast_shape(a.shape(), b.shape());
  a = broadcast_to(cast(a, dtype), shape);
  b = broadcast_to(cast(b, dtype), shape);
  return {a.builder(), a.builder().make(op, {a.value(), b.value()})};
}

Expr operator+(const Expr& a, const Expr& b) { return binary(Op::add, a, b); }
Expr operator-(const Expr& a, const Expr& b) { return binary(Op::sub, a, b); }
Expr operator*(const Expr& a, const Expr& b) { return binary(Op::mul, a, b); }
Expr operator/(const Expr& a, const Expr& b) { return binary(Op::div, to_float(a), to_float(b)); }
Expr operator+(const Expr& a, double b) { return a + beside(a, b); }
Expr operator-(const Expr& a, double b) { return a - beside(a, b); }
Expr operator*(const Expr& a, double b) { return a * beside(a, b); }
Expr operator/(const Expr& a, double b) { return to_float(a) / beside(to_float(a), b); }
Expr operator+(double a, const Expr& b) { return beside(b, a) + b; }
Expr operator-(double a, const Expr& b) { return beside(b, a) - b; }
Expr operator*(double a, const Expr& b) { return beside(b, a) * b; }
Expr operator/(double a, const Expr& b) { return beside(to_float(b), a) / to_float(b); }
Expr operator-(const Expr& x) { return unary(Op::neg, x); }

Expr less(const Expr& a, const Expr& b) { return binary(Op::lt, a, b); }
Expr less_equal(const Expr& a, const Expr& b) { return binary(Op::le, a, b); }
Expr equal(const Expr& a, const Expr& b) { return binary(Op::eq, a, b); }
Expr not_equal(const Expr& a, const Expr& b) { return binary(Op::ne, a, b); }
Expr less(const Expr& a, double b) { return less(a, beside(a, b)); }
Expr less_equal(const Expr& a, double b) { return less_equal(a, beside(a, b)); }
Expr not_equal(const Expr& a, double b) { return not_equal(a, beside(a, b)); }
Expr greater(const Expr& a, double b) { return less(beside(a, b), a); }
Expr greater_equal(const Expr& a, double b) { return less_equal(beside(a, b), a); }
Expr logical_and(const Expr& a, const Expr& b) { return binary(Op::and_, a, b); }
Expr logical_or(const Expr& a, const Expr& b) { return binary(Op::or_, a, b); }
Expr logical_not(const Expr& x) { return unary(Op::not_, x); }

Expr as_boolean(const Expr& x) { return x.dtype() == DType::boolean ? x : not_equal(x, 0); }

Expr where(const Expr& condition, const Expr& a, const Expr& b) {
  const DType dtype = promote(a.dtype(), b.dtype());
  const Shape shape = broadcast_shape(condition.shape(), broadcast_shape(a.shape(), b.shape()));
  return {a.builder(), a.builder().select(broadcast_to(condition, shape).value(),
                                          broadcast_to(cast(a, dtype), shape).value(),
                                          broadcast_to(cast(b, dtype), shape).value())};
}

Expr maximum(const Expr& a, const Expr& b) { return binary(Op::max, a, b); }
Expr minimum(const Expr& a, const Expr& b) { return binary(Op::min, a, b); }
Expr maximum(const Expr& a, double b) { return maximum(a, beside(a, b)); }
Expr minimum(const Expr& a, double b) { return minimum(a, beside(a, b)); }
Expr clip(const Expr& x, double low, double high) { return minimum(maximum(x, low), high); }

// --- reductions ---

Expr reduce(Op op, const Expr& x, const Ints& axes, bool keep) {
  const Ints sorted = normalized_axes(x, axes);
  const Expr out(x.builder(), x.builder().reduce(op, x.value(), sorted));
  if (!keep) return out;
  Shape shape = x.shape();
  for (int64_t axis : sorted) shape[axis] = 1;
  return reshape(out, shape);
}

Expr sum(const Expr& x, const Ints& axes, bool keep) { return reduce(Op::reduce_sum, x, axes, keep); }

Expr count(const Expr& x, const Ints& axes) {
  Builder& b = x.builder();
  double known = 1;
  Value product;
  for (int64_t axis : normalized_axes(x, axes)) {
    const Dim d = x.dim(axis);
    known *= static_cast<double>(d.coef);
    if (d.is_static()) continue;
    const Value size = b.make(Op::dim_size, {}, DimAttrs{Dim(1, d.symbol), DType::f32});
    product = product ? b.mul(product, size) : size;
  }
  const Value constant = b.constant(DType::f32, known);
  return {b, product ? b.mul(product, constant) : constant};
}

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

Expr at_least_f32(const Expr& x) { return is_half(x.dtype()) ? cast(x, DType::f32) : to_float(x); }

/// Half floats are summed and divided as f32: neither sum nor count need fit.
Expr mean(const Expr& x, const Ints& axes, bool keep) {
  const Expr real = at_least_f32(x);
  const Expr result = sum(real, axes, keep) / cast(count(real, axes), real.dtype());
  return is_half(x.dtype()) ? cast(result, x.dtype()) : result;
}

Expr variance(const Expr& x, const Expr& mean_of_x, const Ints& axes, bool keep) {
  const Expr difference = at_least_f32(x) - at_least_f32(mean_of_x);
  const Expr result = mean(difference * difference, axes, keep);
  return is_half(x.dtype()) ? cast(result, x.dtype()) : result;
}

Expr softmax(const Expr& x, const Ints& axes) {
  // The result does not depend on what is subtracted, so no gradient goes through it.
  const Expr largest = unary(Op::stop_gradient, reduce(Op::reduce_max, x, axes, true));
  const Expr power = unary(Op::exp, x - largest);
  return power / sum(power, axes, true);
}

Expr log_softmax(const Expr& x, const Ints& axes) {
  const Expr largest = unary(Op::stop_gradient, reduce(Op::reduce_max, x, axes, true));
  const Expr shifted = x - largest;
  return shifted - unary(Op::log, sum(unary(Op::exp, shifted), axes, true));
}

// --- shapes ---

Expr reshape(const Expr& x, Shape shape) {
  return {x.builder(), x.builder().reshape(x.value(), std::move(shape))};
}

std::optional<Shape> completed_shape(Dim elements, const Ints& extents) {
  int64_t known = 1, unknown = 0;
  for (const int64_t extent : extents) {
    if (extent == -1)
      ++unknown;
    else if (extent < 0 || __builtin_mul_overflow(known, extent, &known))
      return {};
  }
  if (unknown == 0 && !elements.is_static())
    throw_unequal(Error(ErrorKind::data, cat(to_text(elements), " elements have no such shape")), {elements},
                  {Dim(known)});
  if (unknown == 0 ? !elements.is(known) : unknown > 1 || known == 0) return {};
  if (elements.is_static() && elements.coef % known != 0) return {};
  Shape shape;
  for (const int64_t extent : extents) shape.push_back(extent == -1 ? divided(elements, known) : Dim(extent));
  return shape;
}

Expr flattened(const Expr& x) {
  const std::optional<Dim> elements = as_dim(x.value().type().elements());
  if (!elements)
    throw Error(ErrorKind::unsupported,
                cat("the axes of ", to_text(x.value().type()), " cannot be one: several are free"), {},
                std::string(kFixLength));
  return reshape(x, {*elements});
}

Expr transpose(const Expr& x, Ints perm) {
  return {x.builder(), x.builder().transpose(x.value(), std::move(perm))};
}

Expr move_axis(const Expr& x, int64_t from, int64_t to) {
  from = x.axis(from);
  to = x.axis(to);
  Ints perm = axes_from(x, 0);
  perm.erase(perm.begin() + from);
  perm.insert(perm.begin() + to, from);
  return from == to ? x : transpose(x, perm);
}

Expr expand_dims(const Expr& x, int64_t axis) {
  Shape shape = x.shape();
  if (axis < 0) axis += x.rank() + 1;
  if (axis < 0 || axis > x.rank())
    throw Error(ErrorKind::data, cat("no axis can be put at ", axis, " of ", to_text(x.shape())));
  shape.insert(shape.begin() + axis, Dim(1));
  return reshape(x, shape);
}

Expr take(const Expr& x, int64_t axis, const Expr& places) {
  return {x.builder(),
          x.builder().make(Op::gather, {x.value(), places.value()}, GatherAttrs{.axis = x.axis(axis)})};
}

Expr take(const Expr& x, int64_t axis, const Ints& places) {
  auto indices =
      std::make_shared<Tensor>(DType::i32, std::vector<int64_t>{static_cast<int64_t>(places.size())});
  for (size_t i = 0; i < places.size(); ++i) indices->set_integer(static_cast<int64_t>(i), places[i]);
  return take(x, axis, Expr(x.builder(), x.builder().constant(std::move(indices))));
}

Expr squeeze(const Expr& x, const Ints& axes) {
  const Ints gone = normalized_axes(x, axes);
  Shape shape;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (!std::binary_search(gone.begin(), gone.end(), axis)) {
      shape.push_back(x.dim(axis));
    } else if (!x.dim(axis).is(1)) {
      throw_unequal(Error(ErrorKind::data,
                          cat("axis ", axis, " of ", to_text(x.shape()), " cannot be dropped: it is not 1")),
                    {x.dim(axis)}, {Dim(1)});
    }
  }
  return reshape(x, shape);
}

Expr slice(const Expr& x, int64_t axis, int64_t start, Dim limit, int64_t stride) {
  Ints starts(x.rank(), 0), strides(x.rank(), 1);
  Shape limits = x.shape();
  axis = x.axis(axis);
  starts[axis] = start;
  limits[axis] = limit;
  strides[axis] = stride;
  return {x.builder(), x.builder().slice(x.value(), starts, limits, strides)};
}

Expr pad(const Expr& x, const Ints& low, const Ints& high, double fill) {
  Builder& b = x.builder();
  return {b, b.pad(x.value(), b.constant(x.dtype(), fill), low, high)};
}

Expr concat(const std::vector<Expr>& parts, int64_t axis) {
  DType dtype = parts[0].dtype();
  for (const Expr& part : parts) dtype = promote(dtype, part.dtype());
  std::vector<Value> values;
  for (const Expr& part : parts) values.push_back(cast(part, dtype).value());
  return {parts[0].builder(), parts[0].builder().concat(std::move(values), parts[0].axis(axis))};
}

Expr places(const Expr& like, int64_t axis) {
  Builder& b = like.builder();
  return {b, b.make(Op::iota, {}, IotaAttrs{like.axis(axis), DType::i32, like.shape()})};
}

Expr places(Builder& b, Dim length) { return {b, b.make(Op::iota, {}, IotaAttrs{0, DType::i32, {length}})}; }

Expr reverse(const Expr& x, int64_t axis) {
  return {x.builder(), x.builder().make(Op::reverse, {x.value()}, AxesAttrs{{x.axis(axis)}})};
}

Expr repeat(const Expr& x, int64_t axis, int64_t times) {
  if (times == 1) return x;
  axis = x.axis(axis);
  Shape shape = x.shape();
  const Dim old = shape[axis];
  shape.insert(shape.begin() + axis + 1, Dim(times));
  Ints dims = axes_from(x, 0);
  for (int64_t i = axis + 1; i < x.rank(); ++i) ++dims[i];
  const Expr spread(x.builder(), x.builder().broadcast(x.value(), dims, shape));
  shape.erase(shape.begin() + axis);
  shape[axis] = Dim(old.coef * times, old.symbol);
  return reshape(of_sane_size(spread), shape);
}

Expr matmul(const Expr& x, const Expr& kernel) {
  return {x.builder(), x.builder().make(Op::dot, {x.value(), kernel.value()},
                                        DotAttrs{.contract = {{x.rank() - 1}, {0}}})};
}

}  // namespace keratin
