#include "frontend/training/step_state.h"

#include <algorithm>

namespace keratin {

Expr StepState::before(const std::string& variable, const Type& type) const {
  return {*builder_, builder_->var(variable, type)};
}

Expr StepState::get(const std::string& variable, const Type& type) const {
  for (const auto& [name, value] : values_)
    if (name == variable) return value;
  return before(variable, type);
}

void StepState::set(const std::string& variable, const Expr& value) {
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const auto& each) { return each.first == variable; });
  if (found == values_.end())
    values_.emplace_back(variable, value);
  else
    found->second = value;
}

void StepState::keep_unless(const Expr& condition) {
  for (auto& [name, value] : values_) value = where(condition, value, before(name, value.value().type()));
}

void StepState::take(const StepState& other) {
  for (const auto& [name, value] : other.values_) set(name, value);
}

void StepState::write() const {
  for (const auto& [name, value] : values_) builder_->update(name, value.value());
}

}  // namespace keratin
