#include "frontend/training/initialize.h"

#include <functional>
#include <map>

#include "frontend/training/initializers.h"
#include "ir/text.h"

namespace keratin {
namespace {

struct Found {
  const LayerVariable* variable;
  const Layer* layer;
};

std::map<std::string, Found> variables_of(const Layer& root) {
  std::map<std::string, Found> found;
  const std::function<void(const Layer&)> visit = [&](const Layer& layer) {
    for (const LayerVariable& variable : layer.variables()) found[variable.path] = {&variable, &layer};
    for (const std::unique_ptr<Layer>& child : layer.children()) visit(*child);
  };
  visit(root);
  return found;
}

/// `x` with ones in a stretch of its last axis.
Expr with_ones(const Expr& x, const Ints& stretch) {
  std::vector<Expr> parts;
  const int64_t end = x.extent(-1), last = x.rank() - 1;
  if (stretch[0] > 0) parts.push_back(slice(x, last, 0, stretch[0]));
  const Expr middle = slice(x, last, stretch[0], stretch[1]);
  parts.push_back(number(middle, 1));
  if (stretch[1] < end) parts.push_back(slice(x, last, stretch[1], end));
  return concat(parts, last);
}

/// Whether its variables are what adapt() saw of the data: no training would bring them back.
bool keeps_statistics(const Layer& layer) { return layer.class_name() == "Normalization"; }

}  // namespace

Function trace_initialize(const Module& module, const Layer& root) {
  const std::map<std::string, Found> of_layers = variables_of(root);
  Builder builder("initialize");
  RandomSource random{builder.param("seed", Type(DType::u32, {2}))};
  for (const Variable& variable : module.variables) {
    if (variable.role == Role::strings) continue;
    const auto found = of_layers.find(variable.name);
    const bool is_adapted =
        found != of_layers.end() && variable.data != nullptr && keeps_statistics(*found->second.layer);
    if (found == of_layers.end() || variable.role == Role::state || is_adapted) {
      const Value kept = variable.data != nullptr
                             ? builder.constant(variable.data)
                             : builder.splat(Scalar::of(variable.type.dtype, 0), variable.type);
      builder.update(variable.name, variable.name == "random/seed" ? random.key : kept);
      continue;
    }
    const LayerVariable& wanted = *found->second.variable;
    Expr value = initial_value(wanted.initializer, wanted.type, wanted.fans, builder, random,
                               found->second.layer->where());
    if (!wanted.ones.empty()) value = with_ones(value, wanted.ones);
    builder.update(variable.name, value.value());
  }
  return builder.finish();
}

}  // namespace keratin
