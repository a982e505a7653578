// Arrays in tables of tests: nested lists of numbers; what is not finite is text.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "frontend/args.h"
#include "frontend/json.h"
#include "ir/tensor.h"

namespace keratin {

inline std::vector<double> flat(const Json& value) {
  if (value.is_number()) return {value.as_double()};
  if (value.is_string()) return {std::stod(value.as_string())};  // "inf"
  std::vector<double> out;
  for (const Json& item : value.items())
    for (const double number : flat(item)) out.push_back(number);
  return out;
}

inline Tensor tensor_of(const Json& numbers, const std::vector<int64_t>& shape) {
  Tensor tensor(DType::f32, shape);
  const std::vector<double> values = flat(numbers);
  for (size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int64_t>(i), values[i]);
  return tensor;
}

inline Tensor tensor_of(const Json& lists) {
  std::vector<int64_t> shape;
  for (const Json* level = &lists; level->is_array(); level = &level->at(0))
    shape.push_back(static_cast<int64_t>(level->size()));
  return tensor_of(lists, shape);
}

inline void expect_near(const Tensor& got, const Json& wanted, double atol, double rtol,
                        const std::string& what) {
  const std::vector<double> values = flat(wanted);
  ASSERT_EQ(got.elements(), static_cast<int64_t>(values.size())) << what;
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = got.get(static_cast<int64_t>(i));
    if (value == values[i] || (std::isnan(value) && std::isnan(values[i]))) continue;
    EXPECT_NEAR(value, values[i], atol + rtol * std::abs(values[i])) << what << " " << i;
  }
}

}  // namespace keratin
