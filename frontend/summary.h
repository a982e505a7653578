// What Keras's summary shows of a model: its layers, the shapes of what they give, their parameters.
#pragma once

#include <cstdint>
#include <string>

#include "frontend/model.h"

namespace keratin {

/// How many numbers, and how many bytes they take.
struct Amount {
  int64_t count = 0, bytes = 0;
  void add(const Type& type);
  Amount& operator+=(const Amount& other);
};

/// Keras's table, as wide as the terminal, and the totals. Requires: the model has been traced.
std::string model_summary(const Model& model, const Amount& optimizer);

}  // namespace keratin
