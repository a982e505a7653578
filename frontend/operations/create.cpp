// Operations that make tensors of one number or of evenly spaced ones, and those that only change the type.
#include <algorithm>
#include <cmath>

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kDtypeParams[] = {{"dtype", ArgKind::any, "null"}};

Outputs cast_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  return cast(x, call.dtype("dtype", x.dtype()));
}

/// Clipped to what the dtype can hold.
Outputs saturate_cast(OperationCall& call) {
  const Expr x = call.tensor(0);
  const DType to = call.dtype("dtype", x.dtype());
  if (is_float(to) && is_float(x.dtype())) {
    const double greatest = greatest_finite(to);
    return cast(byte_size(to) < byte_size(x.dtype()) || (to == DType::f16 && x.dtype() == DType::bf16)
                    ? clip(x, -greatest, greatest)
                    : x,
                to);
  }
  if (!is_integer(to) || !is_integer(x.dtype())) return cast(x, to);  // from floats it saturates anyway
  // Between integers cast() wraps: both bounds are put into the operand's own type, where they fit.
  const auto bits = [](DType dtype) { return static_cast<double>(8 * byte_size(dtype) - is_signed(dtype)); };
  const auto low = [&](DType dtype) { return is_signed(dtype) ? -std::exp2(bits(dtype)) : 0.0; };
  Expr out = x;
  if (low(to) > low(x.dtype())) out = maximum(out, low(to));
  if (bits(to) < bits(x.dtype())) out = minimum(out, std::exp2(bits(to)) - 1);
  return cast(out, to);
}

constexpr Arg kConvertParams[] = {
    {"dtype", ArgKind::any, "null"},
    {"sparse", ArgKind::any, "null"},
    {"ragged", ArgKind::any, "null"},
};

template <int value>
Outputs filled_like(OperationCall& call) {
  const Expr x = call.tensor(0);
  return number(cast(x, call.dtype("dtype", x.dtype())), value);
}

Outputs full_like(OperationCall& call) {
  const Expr x = call.tensor(0);
  return broadcast_to(cast(call.tensor(1), call.dtype("dtype", x.dtype())), x.shape());
}

constexpr Arg kFullParams[] = {{"shape", ArgKind::ints}, {"dtype", ArgKind::any, "null"}};

Outputs full(OperationCall& call) {
  const Expr value = call.tensor(0);
  const Ints shape = call.args().ints("shape");
  return broadcast_to(cast(value, call.dtype("dtype", value.dtype())), Shape(shape.begin(), shape.end()));
}

// --- spaced numbers ---

constexpr Arg kLinspaceParams[] = {
    {"num", ArgKind::integer, "50"},        {"endpoint", ArgKind::boolean, "true"},
    {"retstep", ArgKind::boolean, "false"}, {"dtype", ArgKind::any, "null"},
    {"axis", ArgKind::integer, "0"},
};
constexpr Arg kGeomspaceParams[] = {
    {"num", ArgKind::integer, "50"},
    {"endpoint", ArgKind::boolean, "true"},
    {"dtype", ArgKind::any, "null"},
    {"axis", ArgKind::integer, "0"},
};
constexpr Arg kLogspaceParams[] = {
    {"num", ArgKind::integer, "50"}, {"endpoint", ArgKind::boolean, "true"}, {"base", ArgKind::any, "10"},
    {"dtype", ArgKind::any, "null"}, {"axis", ArgKind::integer, "0"},
};

/// How many steps lie between the first number and the last.
int64_t parts_of(OperationCall& call) {
  const int64_t num = call.args().integer("num");
  if (num < 0) call.args().reject("num", "expected a number that is not negative", {}, ErrorKind::data);
  return num - static_cast<int64_t>(call.args().boolean("endpoint"));
}

/// `num` numbers from start to stop, which is the last of them or the one that would follow, on a new first axis.
Expr spaced(OperationCall& call, const Expr& start, const Expr& stop) {
  const int64_t num = call.args().integer("num"), parts = std::max<int64_t>(parts_of(call), 1);
  const Shape common = broadcast_shape(start.shape(), stop.shape());
  std::vector<int64_t> shape(common.size() + 1, 1);
  shape[0] = num;
  auto places = std::make_shared<Tensor>(start.dtype(), shape);
  for (int64_t i = 0; i < num; ++i) places->set(i, static_cast<double>(i) / static_cast<double>(parts));
  const Expr weight(call.builder(), call.builder().constant(std::move(places)));
  const auto on_new_axis = [&](const Expr& x) { return expand_dims(broadcast_to(x, common), 0); };
  return on_new_axis(start) * (1.0 - weight) + on_new_axis(stop) * weight;
}

/// The new axis at its place, the numbers in the dtype that is wanted.
Expr placed(OperationCall& call, const Expr& numbers) {
  const DType dtype = call.dtype("dtype", numbers.dtype());
  const Expr whole = is_float(dtype) ? numbers : unary(Op::floor, numbers);
  return move_axis(cast(whole, dtype), 0, whole.axis(call.args().integer("axis")));
}

Outputs linspace(OperationCall& call) {
  const auto [start, stop] = call.real_pair();
  Outputs outputs(placed(call, spaced(call, start, stop)));
  if (call.args().boolean("retstep"))
    outputs.emplace_back((stop - start) / static_cast<double>(parts_of(call)));
  return outputs;
}

/// Exponents are spaced evenly.
Outputs logspace(OperationCall& call) {
  const auto [start, stop] = call.real_pair();
  const auto [exponents, base] = call.beside(spaced(call, start, stop), call.args().json("base"));
  return placed(call, binary(Op::pow, base, exponents));
}

/// Logarithms are spaced evenly. Below 0 the numbers are those above, negated.
Outputs geomspace(OperationCall& call) {
  const auto [start, stop] = call.real_pair();
  const Expr sign = unary(Op::sign, start);
  const auto log = [&](const Expr& x) { return unary(Op::log, x * sign); };
  return placed(call, unary(Op::exp, spaced(call, log(start), log(stop))) * sign);
}

constexpr OperationDef kRows[] = {
    {"Cast", "x", cast_operation, kDtypeParams},
    {"SaturateCast", "x", saturate_cast, kDtypeParams},
    {"ConvertToTensor", "x", cast_operation, kConvertParams},
    {"Array", "x", cast_operation, kDtypeParams},
    {"Copy", "x", [](OperationCall& call) { return Outputs(call.tensor(0)); }},
    {"StopGradient", "variable",
     [](OperationCall& call) { return Outputs(unary(Op::stop_gradient, call.tensor(0))); }},
    {"ZerosLike", "x", filled_like<0>, kDtypeParams},
    {"OnesLike", "x", filled_like<1>, kDtypeParams},
    {"EmptyLike", "x", filled_like<0>, kDtypeParams},
    {"FullLike", "x fill_value", full_like, kDtypeParams},
    {"Full", "fill_value", full, kFullParams},
    {"Linspace", "start stop", linspace, kLinspaceParams},
    {"Logspace", "start stop", logspace, kLogspaceParams},
    {"Geomspace", "start stop", geomspace, kGeomspaceParams},
    refused("Arange", "with tensors as bounds the shape of its result depends on data"),
};

}  // namespace

std::span<const OperationDef> create_operations() { return kRows; }

}  // namespace keratin
