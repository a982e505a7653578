// Attributes of two-dimensional convolutions, for several tests.
#pragma once

#include <string>

#include "ir/attrs.h"

namespace keratin::testing {

inline ConvAttrs convolution(int64_t stride, int64_t pad, const std::string& dims = "b01f_01io->b01f") {
  return {.dims = dims,
          .stride = {stride, stride},
          .pad_low = {pad, pad},
          .pad_high = {pad, pad},
          .input_dilation = {1, 1},
          .kernel_dilation = {1, 1}};
}

}  // namespace keratin::testing
