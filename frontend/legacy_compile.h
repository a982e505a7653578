// How models of Keras 2 were compiled: optimizers, the order of their variables in files, and metrics.
#pragma once

#include <string>
#include <vector>

#include "frontend/json.h"

namespace keratin {

/// A serialized optimizer in the form of Keras 3. One that shrinks its rate by `decay` has a schedule that does. Throws Error(unsupported),
/// with `where`, if Keras 3 has none that computes the same.
Json adapt_optimizer(const Json& optimizer, const std::string& where);

/// Metrics, single or in lists and objects, in the form of Keras 3: those that wrap a function are its name.
Json adapt_metrics(const Json& metrics);

/// For each of the optimizer's variables in the order of Keras 3 its place in `names`, which a file lists in its own: Keras 2 wrote
/// all first moments, then all second ones; now they come in pairs.
std::vector<size_t> optimizer_order(const std::vector<std::string>& names);

}  // namespace keratin
