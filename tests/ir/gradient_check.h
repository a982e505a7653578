// An op's gradient rule against finite differences, both run by the interpreter in f64.
//
// With y = op(x…) and loss = Σ y·r for random r, the rule gets dy = r, and what it returns for x must be the loss's
// slope: (loss(x + h) - loss(x - h)) / 2h for each element in turn. Cases must stay away from kinks and ties.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "ir/op.h"
#include "ir/text.h"
#include "tests/ir/run.h"

namespace keratin::testing {

using Random = std::mt19937_64;

/// Evenly distributed f64 numbers.
inline Tensor random_tensor(Random& random, std::vector<int64_t> shape, double low = -2, double high = 2) {
  Tensor made(DType::f64, std::move(shape));
  std::uniform_real_distribution<double> number(low, high);
  for (double& v : made.as<double>()) v = number(random);
  return made;
}

/// Numbers in random order, around 0, no two closer than 0.1.
inline Tensor distinct_tensor(Random& random, std::vector<int64_t> shape) {
  Tensor made(DType::f64, std::move(shape));
  const auto elements = made.as<double>();
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = 0.1 * (static_cast<double>(i) - 0.5 * elements.size()) + 0.03;
  std::ranges::shuffle(elements, random);
  return made;
}

struct GradientCase {
  Op op;
  std::vector<Tensor> inputs;  ///< the operands: f64, or integers that get no gradient
  Attrs attrs = NoAttrs{};
  std::vector<Type> types = {};  ///< of the operands, if they are to have symbols
  std::shared_ptr<const Function> body = nullptr;
};

namespace gradient_check {

inline Function forward(const GradientCase& c, const std::vector<Type>& types) {
  Builder builder("forward");
  std::vector<Value> operands;
  for (const Type& type : types) operands.push_back(builder.param(cat("x", operands.size()), type));
  const Node* node = builder.make_node(c.op, operands, c.attrs, c.body);
  for (uint32_t i = 0; i < node->types.size(); ++i) builder.result(cat("y", i), node->value(i));
  return builder.finish();
}

/// Takes the operands and dy of each float result; gives the gradients that there are, named after their operands.
inline Function backward(const GradientCase& c, const std::vector<Type>& types,
                         const std::vector<Type>& results) {
  Builder builder("backward");
  std::vector<Value> operands, values, weights;
  for (const Type& type : types) operands.push_back(builder.param(cat("x", operands.size()), type));
  for (const Type& type : results)
    weights.push_back(is_float(type.dtype) ? builder.param(cat("r", weights.size()), type) : Value());
  const Node* node = builder.make_node(c.op, operands, c.attrs, c.body);
  for (uint32_t i = 0; i < node->types.size(); ++i) values.push_back(node->value(i));
  std::vector<Value> gradients(operands.size());
  const std::unique_ptr<bool[]> wanted(new bool[operands.size()]);
  for (size_t i = 0; i < operands.size(); ++i) wanted[i] = is_float(types[i].dtype);
  def_of(c.op).gradient.fn(
      {builder, *node, operands, values, weights, std::span(wanted.get(), operands.size()), gradients});
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    EXPECT_EQ(to_text(gradients[i].type()), to_text(types[i])) << "gradient of operand " << i;
    builder.result(cat("x", i), gradients[i]);
  }
  return builder.finish();
}

}  // namespace gradient_check

/// Checks the gradients of all float operands; one that the rule leaves out must be zero everywhere.
inline void check_gradient(const GradientCase& c, double tolerance = 1e-6, uint64_t seed = 1) {
  SCOPED_TRACE(to_text(c.op));
  std::vector<Type> types = c.types;
  if (types.empty())
    for (const Tensor& input : c.inputs) types.push_back(input.type());

  Module module;
  module.functions.push_back(gradient_check::forward(c, types));
  std::vector<Type> result_types;
  for (const Result& result : module.functions[0].results) result_types.push_back(result.value.type());
  module.functions.push_back(gradient_check::backward(c, types, result_types));
  const std::vector<Result>& gradients = module.functions[1].results;
  const auto executable = make_interpreter()->compile(module);

  Random random(seed);
  std::vector<Tensor> inputs = c.inputs, weights;
  for (const Tensor& y : executable->call("forward", inputs))
    if (is_float(y.dtype())) weights.push_back(random_tensor(random, y.shape()));
  auto loss = [&] {
    double sum = 0;
    size_t weight = 0;
    for (const Tensor& y : executable->call("forward", inputs)) {
      if (!is_float(y.dtype())) continue;
      for (int64_t i = 0; i < y.elements(); ++i) sum += y.get(i) * weights[weight].get(i);
      ++weight;
    }
    return sum;
  };

  std::vector<Tensor> arguments = inputs;
  arguments.insert(arguments.end(), weights.begin(), weights.end());
  const std::vector<Tensor> found = executable->call("backward", arguments);
  for (size_t operand = 0; operand < inputs.size(); ++operand) {
    if (!is_float(types[operand].dtype)) continue;
    const auto named = std::ranges::find(gradients, cat("x", operand), &Result::name);
    for (int64_t i = 0; i < inputs[operand].elements(); ++i) {
      const double x = inputs[operand].get(i), h = 1e-5 * std::max(1.0, std::fabs(x));
      inputs[operand].set(i, x + h);
      const double above = loss();
      inputs[operand].set(i, x - h);
      const double below = loss();
      inputs[operand].set(i, x);
      const double slope = (above - below) / (2 * h);
      const double given = named == gradients.end() ? 0.0 : found[named - gradients.begin()].get(i);
      ASSERT_NEAR(given, slope, tolerance * std::max(1.0, std::fabs(slope)))
          << "operand " << operand << ", element " << i;
    }
  }
}

}  // namespace keratin::testing
