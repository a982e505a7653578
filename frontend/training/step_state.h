// What a step of training gives to variables, before it is written.
//
// Some steps do not count: one of several whose gradients are added up, one whose gradients overflowed. All that they would have
// changed is then kept, by a select on values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "frontend/expr.h"
#include "ir/graph.h"

namespace keratin {

class StepState {
 public:
  explicit StepState(Builder& builder) : builder_(&builder) {}

  Builder& builder() const { return *builder_; }
  /// What the variable holds before the step.
  Expr before(const std::string& variable, const Type& type) const;
  /// What the step has given it so far.
  Expr get(const std::string& variable, const Type& type) const;
  void set(const std::string& variable, const Expr& value);

  /// Where `condition`, a boolean scalar, is false, all variables that have been set keep what they held before.
  void keep_unless(const Expr& condition);
  /// Takes over all that `other` has set.
  void take(const StepState& other);
  /// The variables take their values when the function returns.
  void write() const;

 private:
  Builder* builder_;
  std::vector<std::pair<std::string, Expr>> values_;  // in the order in which they were first set
};

}  // namespace keratin
