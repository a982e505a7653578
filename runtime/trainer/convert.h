// Numbers of one dtype made numbers of another, and which of them would not survive it.
#pragma once

#include "runtime/trainer/array.h"

namespace keratin::trainer {

/// Converts `n` elements; neither array needs to be aligned. Floats round to the nearest, ties to even; what an integer type
/// cannot hold becomes the nearest that it can, NaN becomes 0; any number but 0 is true.
void convert(DType from, const void* in, DType to, void* out, int64_t n);

/// The place of the first element that `to` cannot stand for, or -1: NaN and infinity, what is out of range, a fraction for
/// an integer, anything but 0 and 1 for a boolean. Rounding to the precision of a float is no misfit.
int64_t first_misfit(DType from, const void* in, DType to, int64_t n);

/// The same numbers in another dtype.
Array converted(const Array& array, DType to);

}  // namespace keratin::trainer
