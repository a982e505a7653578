#include "frontend/activations.h"

#include <cmath>
#include <limits>
#include <string>

#include "frontend/class_key.h"
#include "ir/text.h"

namespace keratin {
namespace {

// Parameters that Keras fixes.
constexpr double kSeluAlpha = 1.6732632423543772, kSeluScale = 1.0507009873554805;
constexpr double kLeakyReluSlope = 0.2;
constexpr double kShrinkThreshold = 0.5;
const double kGeluTanhScale = std::sqrt(2.0 / 3.14159265358979323846);
constexpr double kGeluTanhCubic = 0.044715;

Expr exp(const Expr& x) { return unary(Op::exp, x); }
Expr tanh(const Expr& x) { return unary(Op::tanh, x); }
Expr sigmoid(const Expr& x) { return unary(Op::sigmoid, x); }
Expr softplus(const Expr& x) { return unary(Op::softplus, x); }
Expr abs(const Expr& x) { return unary(Op::abs, x); }

/// Negative side α(e^x − 1); expm1's operand is kept from overflowing where it is not taken.
Expr exponential_below_zero(const Expr& x, double alpha) {
  return where(greater(x, 0), x, alpha * unary(Op::expm1, minimum(x, 0)));
}

Expr hard_sigmoid_of_keras2(const Expr& x) { return clip(0.2 * x + 0.5, 0, 1); }

constexpr ActivationDef kActivations[] = {
    {"linear", [](const Expr& x) { return x; }},
    {"relu", [](const Expr& x) { return maximum(x, 0); }},
    {"relu6", [](const Expr& x) { return clip(x, 0, 6); }},
    {"leaky_relu", [](const Expr& x) { return leaky_relu(x, kLeakyReluSlope); }},
    {"elu", [](const Expr& x) { return elu(x, 1); }},
    {"celu", [](const Expr& x) { return celu(x, 1); }},
    {"selu", [](const Expr& x) { return kSeluScale * exponential_below_zero(x, kSeluAlpha); }},
    {"gelu", [](const Expr& x) { return gelu(x, false); }},
    {"sigmoid", sigmoid, Traced::Link::sigmoid},
    {"hard_sigmoid", hard_sigmoid},
    {"log_sigmoid", [](const Expr& x) { return -softplus(-x); }},
    {"sparse_sigmoid", [](const Expr& x) { return clip((x + 1) * 0.5, 0, 1); }},
    {"tanh", tanh},
    {"hard_tanh", [](const Expr& x) { return clip(x, -1, 1); }},
    {"tanh_shrink", [](const Expr& x) { return x - tanh(x); }},
    {"softmax", [](const Expr& x) { return softmax(x, {-1}); }, Traced::Link::softmax},
    {"log_softmax", [](const Expr& x) { return log_softmax(x, {-1}); }},
    {"sparsemax", [](const Expr& x) { return sparsemax(x, -1); }},
    {"softplus", softplus},
    {"sparse_plus",
     [](const Expr& x) {
       const Expr square = (x + 1) * (x + 1) * 0.25;
       return where(less_equal(x, -1), number(x, 0), where(less(x, 1), square, x));
     }},
    {"squareplus", [](const Expr& x) { return squareplus(x, 4); }},
    {"softsign", [](const Expr& x) { return x / (abs(x) + 1); }},
    {"silu", [](const Expr& x) { return x * sigmoid(x); }},
    {"swish", [](const Expr& x) { return x * sigmoid(x); }},
    {"hard_silu", [](const Expr& x) { return x * hard_sigmoid(x); }},
    {"hard_swish", [](const Expr& x) { return x * hard_sigmoid(x); }},
    {"mish", [](const Expr& x) { return x * tanh(softplus(x)); }},
    {"exponential", exp},
    {"hard_shrink", [](const Expr& x) { return hard_shrink(x, kShrinkThreshold); }},
    {"soft_shrink", [](const Expr& x) { return soft_shrink(x, kShrinkThreshold); }},
    {"glu", [](const Expr& x) { return glu(x, -1); }},
};

const ActivationDef* find_activation_def(std::string_view name) {
  for (const ActivationDef& def : activation_defs())
    if (is_name_of_function(def.name, name)) return &def;
  return nullptr;
}

}  // namespace

std::deque<ActivationDef>& activation_defs() {
  static std::deque<ActivationDef> all(std::begin(kActivations), std::end(kActivations));
  return all;
}

Traced apply_activation(std::string_view name, const Expr& x, bool keras2, const Args& args,
                        std::string_view argument) {
  if (keras2 && name == "hard_sigmoid") return hard_sigmoid_of_keras2(x);
  const ActivationDef* def = find_activation_def(name);
  if (def == nullptr && name == "threshold")
    args.reject(argument, "threshold needs its two parameters, which a name does not give",
                "use the layer ReLU(threshold=…)");
  if (def == nullptr)
    throw Error(ErrorKind::unsupported,
                cat("argument ", argument, ": the activation ", quoted(name), " is not part of Keras"),
                args.where(), std::string(kPluginHint));
  return activation_named(name, x);
}

Traced activation_named(std::string_view name, const Expr& x) {
  const ActivationDef* def = find_activation_def(name);
  KERATIN_CHECK(def != nullptr, std::string(name));
  Traced out = def->function(x);
  out.link = def->link;
  if (def->link != Traced::Link::none) out.logits = x;
  return out;
}

Expr relu(const Expr& x, double negative_slope, double max_value, double threshold) {
  if (std::isinf(max_value) && threshold == 0 && negative_slope == 0) return maximum(x, 0);
  if (threshold == 0 && negative_slope == 0) return clip(x, 0, max_value);
  const Expr below = negative_slope == 0 ? number(x, 0) : negative_slope * (x - threshold);
  const Expr above = std::isinf(max_value) ? x : minimum(x, max_value);
  return where(greater(x, threshold), above, below);
}

Expr leaky_relu(const Expr& x, double negative_slope) {
  return relu(x, negative_slope, std::numeric_limits<double>::infinity(), 0);
}

Expr elu(const Expr& x, double alpha) { return exponential_below_zero(x, alpha); }

Expr celu(const Expr& x, double alpha) {
  return where(greater(x, 0), x, alpha * unary(Op::expm1, minimum(x, 0) / alpha));
}

Expr squareplus(const Expr& x, double b) { return (x + unary(Op::sqrt, x * x + b)) * 0.5; }

Expr hard_shrink(const Expr& x, double threshold) {
  return where(greater(abs(x), threshold), x, number(x, 0));
}

Expr soft_shrink(const Expr& x, double threshold) {
  return where(greater(abs(x), threshold), x - unary(Op::sign, x) * threshold, number(x, 0));
}

Expr glu(const Expr& x, int64_t axis) {
  const int64_t features = x.extent(axis);
  if (features % 2 != 0)
    throw Error(ErrorKind::data, cat("glu halves axis ", axis, " of ", to_text(x.shape()), ", which is odd"));
  return slice(x, axis, 0, features / 2) * sigmoid(slice(x, axis, features / 2, features));
}

/// max(x − τ, 0). With x sorted downwards, those are kept whose rank times value exceeds the running sum − 1. As Keras has
/// it, τ comes from the sum of the kept running sums; the projection onto the simplex, whose name this bears, has the last
/// of them instead, and differs where more than one element is kept.
Expr sparsemax(const Expr& x, int64_t along) {
  Builder& b = x.builder();
  const int64_t axis = x.axis(along);
  const Expr sorted(b, b.make(Op::sort, {x.value()}, SortAttrs{.axis = axis, .descending = true}));
  const Expr running(b, b.make(Op::cumsum, {sorted.value()}, AxisAttrs{axis}));
  const Expr rank = Expr(b, b.make(Op::iota, {}, IotaAttrs{axis, x.dtype(), x.shape()})) + 1;
  const Expr kept = greater(sorted - (running - 1) / rank, 0);
  const Expr kept_count = sum(cast(kept, x.dtype()), {axis}, true);
  const Expr kept_sum = sum(where(kept, running, number(x, 0)), {axis}, true);
  return maximum(x - (kept_sum - 1) / kept_count, 0);
}

Expr gelu(const Expr& x, bool approximate) {
  if (!approximate) return 0.5 * x * (unary(Op::erf, x * std::sqrt(0.5)) + 1);
  return 0.5 * x * (tanh(kGeluTanhScale * (x + kGeluTanhCubic * (x * x * x))) + 1);
}

Expr hard_sigmoid(const Expr& x) { return clip(x * (1.0 / 6) + 0.5, 0, 1); }

}  // namespace keratin
