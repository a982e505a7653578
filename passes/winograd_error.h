// What rounding to f32 costs in a Winograd convolution, beside what it costs in a direct one.
#pragma once

#include "ir/tensor.h"
#include "ir/winograd.h"

namespace keratin {

/// How many times the root of the mean square error of some results is that of the direct sums; `taps`: f32[3,3,C,K]. The inputs are
/// made up, but always the same; both ways are compared with sums in f64. 0 if there is no error.
double winograd_error(const Tensor& taps, const WinogradTransform& transform);

}  // namespace keratin
