// What `--shape` gives.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace keratin {

/// The extents of an input after the batch, by the input's name: what `--shape NAME=d1,d2,…` gives.
using ShapeOverrides = std::map<std::string, std::vector<int64_t>>;

}  // namespace keratin
