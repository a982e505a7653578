#include "frontend/activations.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

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

struct Row {
  std::string_view name;
  Expr (*function)(const Expr&);
  Traced::Link link = Traced::Link::none;
};

constexpr std::array kRows = {
    Row{"linear", [](const Expr& x) { return x; }},
    Row{"relu", [](const Expr& x) { return maximum(x, 0); }},
    Row{"relu6", [](const Expr& x) { return clip(x, 0, 6); }},
    Row{"leaky_relu", [](const Expr& x) { return leaky_relu(x, kLeakyReluSlope); }},
    Row{"elu", [](const Expr& x) { return elu(x, 1); }},
    Row{"celu", [](const Expr& x) { return celu(x, 1); }},
    Row{"selu", [](const Expr& x) { return kSeluScale * exponential_below_zero(x, kSeluAlpha); }},
    Row{"gelu", [](const Expr& x) { return gelu(x, false); }},
    Row{"sigmoid", sigmoid, Traced::Link::sigmoid},
    Row{"hard_sigmoid", hard_sigmoid},
    Row{"log_sigmoid", [](const Expr& x) { return -softplus(-x); }},
    Row{"sparse_sigmoid", [](const Expr& x) { return clip((x + 1) * 0.5, 0, 1); }},
    Row{"tanh", tanh},
    Row{"hard_tanh", [](const Expr& x) { return clip(x, -1, 1); }},
    Row{"tanh_shrink", [](const Expr& x) { return x - tanh(x); }},
    Row{"softmax", [](const Expr& x) { return softmax(x, {-1}); }, Traced::Link::softmax},
    Row{"log_softmax", [](const Expr& x) { return log_softmax(x, {-1}); }},
    Row{"sparsemax", [](const Expr& x) { return sparsemax(x, -1); }},
    Row{"softplus", softplus},
    Row{"sparse_plus",
        [](const Expr& x) {
          const Expr square = (x + 1) * (x + 1) * 0.25;
          return where(less_equal(x, -1), number(x, 0), where(less(x, 1), square, x));
        }},
    Row{"squareplus", [](const Expr& x) { return squareplus(x, 4); }},
    Row{"softsign", [](const Expr& x) { return x / (abs(x) + 1); }},
    Row{"silu", [](const Expr& x) { return x * sigmoid(x); }},
    Row{"swish", [](const Expr& x) { return x * sigmoid(x); }},
    Row{"hard_silu", [](const Expr& x) { return x * hard_sigmoid(x); }},
    Row{"hard_swish", [](const Expr& x) { return x * hard_sigmoid(x); }},
    Row{"mish", [](const Expr& x) { return x * tanh(softplus(x)); }},
    Row{"exponential", exp},
    Row{"hard_shrink", [](const Expr& x) { return hard_shrink(x, kShrinkThreshold); }},
    Row{"soft_shrink", [](const Expr& x) { return soft_shrink(x, kShrinkThreshold); }},
    Row{"glu", [](const Expr& x) { return glu(x, -1); }},
};

const Row* find_row(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace

std::vector<std::string_view> activation_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

Traced apply_activation(std::string_view name, const Expr& x, bool keras2, const Args& args,
                        std::string_view argument) {
  if (keras2 && name == "hard_sigmoid") return hard_sigmoid_of_keras2(x);
  const Row* row = find_row(name);
  if (row == nullptr && name == "threshold")
    args.reject(argument, "threshold needs its two parameters, which a name does not give",
                "use the layer ReLU(threshold=…)");
  if (row == nullptr) args.reject(argument, "there is no such activation");
  return activation_named(name, x);
}

Traced activation_named(std::string_view name, const Expr& x) {
  const Row* row = find_row(name);
  KERATIN_CHECK(row != nullptr, std::string(name));
  Traced out = row->function(x);
  out.link = row->link;
  if (row->link != Traced::Link::none) out.logits = x;
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
