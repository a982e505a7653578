// Weights that layers of Keras 2 stored in another form than those that took their place: CuDNNLSTM and CuDNNGRU, in the order in which
// cuDNN reads memory.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/tensor.h"

namespace keratin {

/// How a variable is stored, which is wanted as a layer of Keras 3 has it.
enum class StoredAs : uint8_t {
  itself,
  gates,    ///< blocks of columns, one per gate: each is read as the rows of its transpose
  squares,  ///< the same where a block is square: its transpose
  biases,   ///< two biases, one behind the other; what is wanted is their sum, or both as rows
};

/// How the variable `name` of a layer of `class_name` is stored.
StoredAs stored_as(std::string_view class_name, std::string_view name);
/// The shape of what is stored, if `wanted` is.
std::vector<int64_t> stored_shape(StoredAs form, const std::vector<int64_t>& wanted);
/// What is wanted. Requires: `stored` has that shape; `gates` blocks.
Tensor from_stored(StoredAs form, Tensor stored, const std::vector<int64_t>& wanted, int64_t gates);

}  // namespace keratin
