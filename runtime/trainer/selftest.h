// What a library that is exported compares itself with: results of the model as it is here.
#pragma once

#include <string>

#include "runtime/trainer/trainable.h"

struct krt_file;

namespace keratin::trainer {

struct SelfTest {
  std::string outputs;  ///< their bytes, each at a multiple of 64
  double atol = 0, rtol = 0;
};

/// Of the inputs that are stored in the library. The tolerance is that of rounding in another order: relative to the largest result,
/// and more where the model magnifies what one unit in the last place of each weight makes. The model is left as it was.
SelfTest make_selftest(Trainable& model, const krt_file& library);

}  // namespace keratin::trainer
