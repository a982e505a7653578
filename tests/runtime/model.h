// A model made by hand, as the compiler would emit it: y = 2·x + w for rows of 4, sum = Σ y per row, and a
// counter of calls in its state.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/abi.h"

namespace keratin::testing {

inline constexpr int kWidth = 4;

/// The description of the model; the batch is N, or fixed if `batch` > 0.
struct HandMade {
  explicit HandMade(int64_t batch = 0, bool with_state = false);
  HandMade(const HandMade&) = delete;
  HandMade& operator=(const HandMade&) = delete;

  krt_dim x_shape[2], sum_shape[1];
  krt_array inputs[1], outputs[2];
  krt_term terms[2];
  krt_program program;
  krt_code code;
  krt_level level;
  krt_model model;
  alignas(64) float weights[16] = {1, 2, 3, 4};
};

/// Memory aligned to 64 bytes.
class Block {
 public:
  explicit Block(size_t bytes) : storage_(bytes + 64) {}
  unsigned char* data() {
    const auto at = reinterpret_cast<uintptr_t>(storage_.data());
    return storage_.data() + (64 - at % 64) % 64;
  }

 private:
  std::vector<unsigned char> storage_;
};

/// Calls the model as a generated thunk does.
int predict(HandMade& hand, const float* x, float* y, float* sum, uint64_t n, void* state, void* workspace,
            keratin_pool* pool);

}  // namespace keratin::testing
