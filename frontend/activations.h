// Keras's activations: one row per name, one short function each.
#pragma once

#include <deque>
#include <string_view>

#include "frontend/layer.h"

namespace keratin {

/// `x` is of floats.
using ActivationFn = Expr(const Expr& x);

struct ActivationDef {
  std::string_view name;
  ActivationFn* function;
  Traced::Link link = Traced::Link::none;
};

/// The rows of all activations: Keras's, then those of plug-ins.
std::deque<ActivationDef>& activation_defs();

/// `x` (floats) through the activation of this name; `keras2`: with the meaning it has in files of Keras 2. The result
/// remembers the logits of a softmax or sigmoid. Errors name the argument of `args` that asked for it.
Traced apply_activation(std::string_view name, const Expr& x, bool keras2, const Args& args,
                        std::string_view argument);

/// The same for a name that is known to be one.
Traced activation_named(std::string_view name, const Expr& x);

// Those that layers and operations compute as well, with their parameters.
Expr relu(const Expr& x, double negative_slope, double max_value,
          double threshold);  ///< max_value may be infinite
Expr leaky_relu(const Expr& x, double negative_slope);
Expr elu(const Expr& x, double alpha);
Expr celu(const Expr& x, double alpha);
Expr squareplus(const Expr& x, double b);
Expr hard_shrink(const Expr& x, double threshold);
Expr soft_shrink(const Expr& x, double threshold);
/// The first half of an axis, gated by the second.
Expr glu(const Expr& x, int64_t axis);
Expr sparsemax(const Expr& x, int64_t axis);
Expr gelu(const Expr& x, bool approximate);
Expr hard_sigmoid(const Expr& x);

}  // namespace keratin
