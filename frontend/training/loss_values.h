// What losses and metrics compute of targets and predictions: one value per sample, or per sample and step.
//
// Where nothing else is said, target and prediction have one shape, and the values are made along the last axis.
#pragma once

#include <optional>

#include "frontend/layer.h"
#include "frontend/training/losses.h"

namespace keratin {

constexpr double kEpsilon = 1e-7;  ///< keras.config.epsilon()

Expr squared_error(const Expr& target, const Expr& prediction);
Expr absolute_error(const Expr& target, const Expr& prediction);
Expr absolute_percentage_error(const Expr& target, const Expr& prediction);
Expr squared_logarithmic_error(const Expr& target, const Expr& prediction);
Expr log_cosh(const Expr& target, const Expr& prediction);
Expr poisson(const Expr& target, const Expr& prediction);
Expr kl_divergence(const Expr& target, const Expr& prediction);
Expr hinge(const Expr& target, const Expr& prediction);
Expr squared_hinge(const Expr& target, const Expr& prediction);
Expr categorical_hinge(const Expr& target, const Expr& prediction);
/// The cosine of the angle between the two, from -1 to 1.
Expr cosine_similarity(const Expr& target, const Expr& prediction, const Ints& axes);

struct Crossentropy {
  bool from_logits = false;
  double smoothing = 0;
  int64_t axis = -1;
};
// By the logits behind a prediction where it remembers them.
Expr binary_crossentropy(const Expr& target, const Traced& prediction, const Crossentropy& options);
Expr categorical_crossentropy(const Expr& target, const Traced& prediction, const Crossentropy& options);
/// `labels` have the prediction's shape without the axis. Those that are `ignored` do not count.
LossValues sparse_categorical_crossentropy(const Expr& labels, const Traced& prediction,
                                           const Crossentropy& options, std::optional<int64_t> ignored);

/// `labels` as numbers 0 and 1 along the axis of `like` that they lack.
Expr one_hot(const Expr& labels, const Expr& like, int64_t axis = -1);
/// `x`, whose axes are the first ones of `like`, along all of `like`.
Expr along_first(const Expr& x, const Expr& like);
/// A mask without the axes of 1 at its end that values of this rank do not have. Throws Error(unsupported) if it still has more.
Expr fitting_mask(Expr mask, const Expr& values, const std::string& where);
/// Whether values made of a prediction have its batch as their first axis.
bool is_per_sample(const Expr& values, const Expr& prediction);
/// 0 where the divisor is 0.
Expr divide_no_nan(const Expr& a, const Expr& b);

// Arguments that several have.
constexpr Arg kCrossentropyArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
    {"axis", ArgKind::integer, "-1"},
};
constexpr Arg kSparseCrossentropyArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"ignore_class", ArgKind::integer, "null"},
    {"axis", ArgKind::integer, "-1"},
};
Crossentropy crossentropy_of(const Args& args);
/// An integer, or none where it is null.
std::optional<int64_t> optional_integer(const Args& args, std::string_view name);

}  // namespace keratin
