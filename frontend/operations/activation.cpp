// Activations as operations.
#include <algorithm>

#include "frontend/activations.h"
#include "frontend/operations/tables.h"

namespace keratin {
namespace {

constexpr Arg kGeluParams[] = {{"approximate", ArgKind::boolean, "true"}};
constexpr Arg kSlopeParams[] = {{"negative_slope", ArgKind::real, "0.2"}};
constexpr Arg kAlphaParams[] = {{"alpha", ArgKind::real, "1.0"}};
constexpr Arg kShrinkParams[] = {{"threshold", ArgKind::real, "0.5"}};
constexpr Arg kThresholdParams[] = {{"threshold", ArgKind::real}, {"default_value", ArgKind::real}};
constexpr Arg kSquareplusParams[] = {{"b", ArgKind::real, "4"}};
constexpr Arg kAxisParams[] = {{"axis", ArgKind::integer, "-1"}};
constexpr Arg kAxesParams[] = {{"axis", ArgKind::ints, "-1"}};

/// Operations without parameters that are activations.
template <size_t n>
struct Name {
  char text[n];
  constexpr Name(const char (&literal)[n]) { std::copy(literal, literal + n, text); }
};

template <Name name>
Outputs activation(OperationCall& call) {
  return activation_named(name.text, call.real(0));
}

template <Expr (*function)(const Expr&, double), Name param>
Outputs with_number(OperationCall& call) {
  return function(call.real(0), call.args().real(param.text));
}

template <Expr (*function)(const Expr&, int64_t)>
Outputs with_axis(OperationCall& call) {
  return function(call.real(0), call.args().integer("axis"));
}

/// None: all axes at once.
template <Expr (*function)(const Expr&, const Ints&)>
Outputs with_axes(OperationCall& call) {
  const Expr x = call.real(0);
  return function(x, call.is_none("axis") ? axes_from(x, 0) : call.args().ints("axis"));
}

Outputs gelu_operation(OperationCall& call) { return gelu(call.real(0), call.args().boolean("approximate")); }

Outputs threshold(OperationCall& call) {
  const Expr x = call.real(0);
  return where(greater(x, call.args().real("threshold")), x, number(x, call.args().real("default_value")));
}

constexpr OperationDef kRows[] = {
    {"Relu", "x", [](OperationCall& call) { return Outputs(maximum(call.tensor(0), 0)); }},
    {"Relu6", "x", [](OperationCall& call) { return Outputs(clip(call.tensor(0), 0, 6)); }},
    {"LeakyRelu", "x", with_number<leaky_relu, "negative_slope">, kSlopeParams},
    {"Elu", "x", with_number<elu, "alpha">, kAlphaParams},
    {"Celu", "x", with_number<celu, "alpha">, kAlphaParams},
    {"Selu", "x", activation<"selu">},
    {"Gelu", "x", gelu_operation, kGeluParams},
    {"Sigmoid", "x", activation<"sigmoid">},
    {"LogSigmoid", "x", activation<"log_sigmoid">},
    {"HardSigmoid", "x", activation<"hard_sigmoid">},
    {"SparseSigmoid", "x", activation<"sparse_sigmoid">},
    {"Silu", "x", activation<"silu">},
    {"HardSilu", "x", activation<"hard_silu">},
    {"HardTanh", "x", activation<"hard_tanh">},
    {"TanhShrink", "x", activation<"tanh_shrink">},
    {"SoftShrink", "x", with_number<soft_shrink, "threshold">, kShrinkParams},
    {"HardShrink", "x", with_number<hard_shrink, "threshold">, kShrinkParams},
    {"Threshold", "x", threshold, kThresholdParams},
    {"Softplus", "x", activation<"softplus">},
    {"SparsePlus", "x", activation<"sparse_plus">},
    {"Squareplus", "x", with_number<squareplus, "b">, kSquareplusParams},
    {"Softsign", "x", activation<"softsign">},
    {"Glu", "x", with_axis<glu>, kAxisParams},
    {"Sparsemax", "x", with_axis<sparsemax>, kAxisParams},
    {"Softmax", "x", with_axes<softmax>, kAxesParams},
    {"LogSoftmax", "x", with_axes<log_softmax>, kAxesParams},
};

}  // namespace

std::span<const OperationDef> activation_operations() { return kRows; }

}  // namespace keratin
