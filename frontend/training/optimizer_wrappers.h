// Optimizers that have others do the work: LossScaleOptimizer, MultiOptimizer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "frontend/training/optimizers.h"
#include "frontend/training/serialized.h"

namespace keratin {

std::span<const ClassRow> wrapper_rows();

/// The wrapper of one of those classes. Names of its variables begin with `prefix`.
std::unique_ptr<Optimizer> make_wrapper(const ClassRow& row, Json config, const std::string& prefix,
                                        const std::string& where);

/// As make_optimizer(object, where). Names of its variables begin with `prefix`. `overlooks`: see Slot::is_overlooked.
std::unique_ptr<Optimizer> make_optimizer(const Json& object, const std::string& prefix,
                                          const std::string& where, bool overlooks);

}  // namespace keratin
