// What `--shape` and `--batch` give.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace keratin {

/// What is fixed of the inputs' shapes, beside what the model itself fixes.
struct ShapeOverrides {
  std::map<std::string, std::vector<int64_t>> extents;  ///< after the batch, by the input's name
  std::optional<int64_t> batch;                         ///< of all inputs
};

}  // namespace keratin
