// The stored pair of inputs and outputs: found right, found wrong, and how floats of each kind are compared.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "tests/runtime/model.h"

namespace keratin::testing {
namespace {

// Stored as the compiler stores them: each array at a multiple of 64 bytes.
struct Stored {
  alignas(64) float x[16] = {};
  alignas(64) float outputs[32] = {};  // y in 0…7, sum in 16…17

  explicit Stored(HandMade& hand) {
    for (int i = 0; i < 8; ++i) {
      x[i] = static_cast<float>(i);
      outputs[i] = 2 * x[i] + hand.weights[i % 4];
      outputs[16 + i / 4] += outputs[i];
    }
    hand.model.selftest_n = 2;
    hand.model.selftest_inputs = reinterpret_cast<const unsigned char*>(x);
    hand.model.selftest_outputs = reinterpret_cast<const unsigned char*>(outputs);
  }
};

TEST(Selftest, PassesWithoutAPairAndWithTheRightOne) {
  HandMade hand(0, true);
  EXPECT_EQ(krt_selftest(&hand.model), KRT_OK);
  Stored stored(hand);
  EXPECT_EQ(krt_selftest(&hand.model), KRT_OK);
}

TEST(Selftest, FailsIfAWeightOrAnOutputChanged) {
  HandMade hand;
  Stored stored(hand);
  hand.weights[3] += 0.5f;
  EXPECT_EQ(krt_selftest(&hand.model), KRT_SELFTEST_FAILED);
  hand.model.selftest_atol = 3.0;
  EXPECT_EQ(krt_selftest(&hand.model), KRT_OK);
  hand.weights[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(krt_selftest(&hand.model), KRT_SELFTEST_FAILED);
  hand.weights[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(krt_selftest(&hand.model), KRT_SELFTEST_FAILED);
}

TEST(Selftest, ReportsWhatStopsTheCall) {
  HandMade hand;
  Stored stored(hand);
  hand.level.cpu_features = 1u << 30;
  EXPECT_EQ(krt_selftest(&hand.model), KRT_UNSUPPORTED_CPU);
  hand.level.cpu_features = 0;
  hand.model.selftest_n = UINT64_MAX / 8;
  EXPECT_EQ(krt_selftest(&hand.model), KRT_BAD_COUNT);
}

// A model that copies its input: what is stored as input comes out, and is compared with what is stored as
// output.
template <typename T>
int compare(uint32_t dtype, std::vector<T> got, std::vector<T> want, double atol) {
  alignas(64) static unsigned char stored_input[64], stored_output[64];
  std::memcpy(stored_input, got.data(), got.size() * sizeof(T));
  std::memcpy(stored_output, want.data(), want.size() * sizeof(T));
  const krt_dim shape[] = {{static_cast<int64_t>(got.size()), -1, 0}};
  const krt_array array = {"x", dtype, 1, shape};
  krt_program program = {};
  program.name = "copy";
  program.input_count = program.output_count = 1;
  program.inputs = program.outputs = &array;
  krt_code code = {};
  code.run = [](const krt_call* call) { std::memcpy(call->outputs[0], call->inputs[0], sizeof(T)); };
  const krt_level level = {0, 0, &code};
  krt_model model = {};
  model.program_count = model.level_count = 1;
  model.programs = &program;
  model.levels = &level;
  model.selftest_inputs = stored_input;
  model.selftest_outputs = stored_output;
  model.selftest_n = got.size();
  model.selftest_atol = atol;
  return krt_selftest(&model);
}

TEST(Selftest, ComparesEveryDtype) {
  EXPECT_EQ(compare<double>(KRT_F64, {1.5}, {1.25}, 0.25), KRT_OK);
  EXPECT_EQ(compare<double>(KRT_F64, {1.5}, {1.25}, 0.125), KRT_SELFTEST_FAILED);
  EXPECT_EQ(compare<float>(KRT_F32, {-1.5f}, {-1.25f}, 0.25), KRT_OK);
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x3c00}, {0x3c01}, 0.001), KRT_OK);               // 1 and the next
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x3c00}, {0xbc00}, 0.001), KRT_SELFTEST_FAILED);  // 1 and -1
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x0001}, {0x0002}, 1e-7), KRT_OK);  // subnormals: 2^-24, 2^-23
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x0001}, {0x0002}, 1e-8), KRT_SELFTEST_FAILED);
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x7c00}, {0x7c00}, 0), KRT_OK);  // infinity
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x7bff}, {0x7c00}, 1e9),
            KRT_SELFTEST_FAILED);                                        // the largest, infinity
  EXPECT_EQ(compare<uint16_t>(KRT_F16, {0x7e00}, {0x7e01}, 0), KRT_OK);  // NaN
  EXPECT_EQ(compare<uint16_t>(KRT_BF16, {0x3f80}, {0x3f81}, 0.01), KRT_OK);
  EXPECT_EQ(compare<uint16_t>(KRT_BF16, {0x3f80}, {0x3f81}, 0.001), KRT_SELFTEST_FAILED);
  EXPECT_EQ(compare<int32_t>(KRT_I32, {7}, {7}, 0), KRT_OK);
  EXPECT_EQ(compare<int32_t>(KRT_I32, {7}, {8}, 100), KRT_SELFTEST_FAILED);
  EXPECT_EQ(compare<uint8_t>(KRT_BOOL, {1}, {0}, 100), KRT_SELFTEST_FAILED);
}

}  // namespace
}  // namespace keratin::testing
