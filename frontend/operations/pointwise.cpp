// Operations on single elements: arithmetic, comparisons, elementary functions, activations.
#include <algorithm>

#include "frontend/activations.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Of floats; integers become floats.
template <Op op>
Outputs real_function(OperationCall& call) {
  return unary(op, to_float(call.tensor(0)));
}

/// Integers stay what they are.
template <Op op>
Outputs exact_function(OperationCall& call) {
  return unary(op, call.tensor(0));
}

template <Op op>
Outputs arithmetic(OperationCall& call) {
  const auto [a, b] = call.pair();
  return binary(op, a, b);
}

template <Expr (*function)(const Expr&, const Expr&)>
Outputs two(OperationCall& call) {
  const auto [a, b] = call.pair();
  return function(a, b);
}

Expr greater_than(const Expr& a, const Expr& b) { return less(b, a); }
Expr greater_or_equal(const Expr& a, const Expr& b) { return less_equal(b, a); }
Expr both(const Expr& a, const Expr& b) { return logical_and(as_boolean(a), as_boolean(b)); }
Expr either(const Expr& a, const Expr& b) { return logical_or(as_boolean(a), as_boolean(b)); }

Outputs floor_divide(OperationCall& call) {
  const auto [a, b] = call.pair();
  if (!is_float(a.dtype()) || !is_float(b.dtype())) call.fail("is supported for floats only");
  return unary(Op::floor, a / b);
}

Outputs where_operation(OperationCall& call) {
  const Expr condition = as_boolean(call.tensor(0));
  const auto [a, b] = call.pair(1);
  return where(condition, a, b);
}

constexpr Arg kClipParams[] = {{"x_min", ArgKind::real}, {"x_max", ArgKind::real}};

Outputs clip_operation(OperationCall& call) {
  return clip(call.tensor(0), call.args().real("x_min"), call.args().real("x_max"));
}

constexpr Arg kCastParams[] = {{"dtype", ArgKind::any}};

Outputs cast_operation(OperationCall& call) {
  return cast(call.tensor(0), read_dtype(call.args().json("dtype"), call.args().where()));
}

constexpr Arg kConvertParams[] = {
    {"dtype", ArgKind::any, "null"},
    {"sparse", ArgKind::any, "null"},
    {"ragged", ArgKind::any, "null"},
};

Outputs convert_to_tensor(OperationCall& call) {
  return call.args().is_null("dtype") ? call.tensor(0) : cast_operation(call)[0].value;
}

constexpr Arg kRoundParams[] = {{"decimals", ArgKind::fixed, "0"}};
constexpr Arg kGeluParams[] = {{"approximate", ArgKind::boolean, "true"}};
constexpr Arg kSlopeParams[] = {{"negative_slope", ArgKind::real, "0.2"}};
constexpr Arg kAlphaParams[] = {{"alpha", ArgKind::real, "1.0"}};
constexpr Arg kAxisParams[] = {{"axis", ArgKind::ints, "-1"}};
constexpr Arg kLikeParams[] = {{"dtype", ArgKind::any, "null"}};

Outputs gelu_operation(OperationCall& call) {
  return gelu(to_float(call.tensor(0)), call.args().boolean("approximate"));
}

Outputs leaky_relu_operation(OperationCall& call) {
  return leaky_relu(to_float(call.tensor(0)), call.args().real("negative_slope"));
}

Outputs elu_operation(OperationCall& call) {
  return elu(to_float(call.tensor(0)), call.args().real("alpha"));
}

Outputs softmax_operation(OperationCall& call) {
  return softmax(to_float(call.tensor(0)), call.args().ints("axis"));
}

Outputs log_softmax_operation(OperationCall& call) {
  return log_softmax(to_float(call.tensor(0)), call.args().ints("axis"));
}

template <int value>
Outputs filled_like(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Json& dtype = call.args().json("dtype");
  return number(dtype.is_null() ? x : cast(x, read_dtype(dtype, call.args().where())), value);
}

/// Operations without parameters that are activations.
template <size_t n>
struct Name {
  char text[n];
  constexpr Name(const char (&literal)[n]) { std::copy(literal, literal + n, text); }
};

template <Name name>
Outputs activation(OperationCall& call) {
  return activation_named(name.text, to_float(call.tensor(0)));
}

constexpr OperationDef kRows[] = {
    {"Add", "x1 x2", arithmetic<Op::add>},
    {"Subtract", "x1 x2", arithmetic<Op::sub>},
    {"Multiply", "x1 x2", arithmetic<Op::mul>},
    {"TrueDivide", "x1 x2", two<operator/ >},
    {"Divide", "x1 x2", two<operator/ >},
    {"FloorDivide", "x1 x2", floor_divide},
    {"Power", "x1 x2", arithmetic<Op::pow>},
    {"Maximum", "x1 x2", arithmetic<Op::max>},
    {"Minimum", "x1 x2", arithmetic<Op::min>},

    {"Equal", "x1 x2", two<equal>},
    {"NotEqual", "x1 x2", two<not_equal>},
    {"Less", "x1 x2", two<less>},
    {"LessEqual", "x1 x2", two<less_equal>},
    {"Greater", "x1 x2", two<greater_than>},
    {"GreaterEqual", "x1 x2", two<greater_or_equal>},
    {"LogicalAnd", "x1 x2", two<both>},
    {"LogicalOr", "x1 x2", two<either>},
    {"LogicalNot", "x", [](OperationCall& call) { return Outputs(logical_not(as_boolean(call.tensor(0)))); }},
    {"Where", "condition x1 x2", where_operation},

    {"Negative", "x", exact_function<Op::neg>},
    {"Absolute", "x", exact_function<Op::abs>},
    {"Abs", "x", exact_function<Op::abs>},
    {"Sign", "x", exact_function<Op::sign>},
    {"Floor", "x", real_function<Op::floor>},
    {"Ceil", "x", real_function<Op::ceil>},
    {"Round", "x", exact_function<Op::round>, kRoundParams},
    {"Sqrt", "x", real_function<Op::sqrt>},
    {"Rsqrt", "x", real_function<Op::rsqrt>},
    {"Exp", "x", real_function<Op::exp>},
    {"Expm1", "x", real_function<Op::expm1>},
    {"Log", "x", real_function<Op::log>},
    {"Log1p", "x", real_function<Op::log1p>},
    {"Sin", "x", real_function<Op::sin>},
    {"Cos", "x", real_function<Op::cos>},
    {"Erf", "x", real_function<Op::erf>},
    {"Square", "x", [](OperationCall& call) { return Outputs(call.tensor(0) * call.tensor(0)); }},
    {"Reciprocal", "x", [](OperationCall& call) { return Outputs(1.0 / call.tensor(0)); }},
    {"Clip", "x", clip_operation, kClipParams},
    {"Cast", "x", cast_operation, kCastParams},
    {"ConvertToTensor", "value", convert_to_tensor, kConvertParams},
    {"ZerosLike", "x", filled_like<0>, kLikeParams},
    {"OnesLike", "x", filled_like<1>, kLikeParams},

    {"Relu", "x", [](OperationCall& call) { return Outputs(maximum(call.tensor(0), 0)); }},
    {"LeakyRelu", "x", leaky_relu_operation, kSlopeParams},
    {"Elu", "x", elu_operation, kAlphaParams},
    {"Gelu", "x", gelu_operation, kGeluParams},
    {"Relu6", "x", activation<"relu6">},
    {"Selu", "x", activation<"selu">},
    {"Sigmoid", "x", activation<"sigmoid">},
    {"LogSigmoid", "x", activation<"log_sigmoid">},
    {"HardSigmoid", "x", activation<"hard_sigmoid">},
    {"HardSilu", "x", activation<"hard_silu">},
    {"HardTanh", "x", activation<"hard_tanh">},
    {"Silu", "x", activation<"silu">},
    {"Softplus", "x", activation<"softplus">},
    {"Softsign", "x", activation<"softsign">},
    {"Tanh", "x", activation<"tanh">},
    {"Softmax", "x", softmax_operation, kAxisParams},
    {"LogSoftmax", "x", log_softmax_operation, kAxisParams},
};

}  // namespace

std::span<const OperationDef> pointwise_operations() { return kRows; }

}  // namespace keratin
