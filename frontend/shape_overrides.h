// What `--shape` and `--batch` give.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "ir/type.h"

namespace keratin {

/// What is known of the inputs' shapes, beside what the model itself fixes.
struct ShapeOverrides {
  std::map<std::string, Shape>
      extents;  ///< after the batch, by the input's name: numbers, or names of lengths that stay free
  std::optional<int64_t> batch;  ///< of all inputs
};

}  // namespace keratin
