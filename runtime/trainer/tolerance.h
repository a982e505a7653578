// How far results of the same operations in another order may lie apart: what self-tests allow, those that the compiler makes and those
// that a trainer makes for what it exports.
#pragma once

namespace keratin {

/// How much farther from the exact result another order of the same operations may end.
inline constexpr double kRoundings = 16;

/// What rounding in another order may make of one result, relative to the largest: grows with the dtype's own error. `DType`: the
/// compiler's, or the trainer's.
template <typename DType>
constexpr double relative_tolerance(DType dtype) {
  switch (dtype) {
    case DType::f64: return 1e-9;
    case DType::f32: return 1e-4;
    case DType::f16: return 1e-2;
    case DType::bf16: return 5e-2;
    default: return 0;
  }
}

}  // namespace keratin
