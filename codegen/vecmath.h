// Functions that processors lack, as kernel expressions: polynomials and bit operations on whole vectors, without branches.
//
// All take and give f32 or f64 of any number of lanes. Special values are IEEE's: NaN gives NaN, denormals count, overflow
// gives inf. The largest errors are listed at the head of vecmath.cpp; tests hold them to that.
#pragma once

#include <cstdint>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"

namespace keratin {

/// Whether expand() knows `op`: exp expm1 log log1p sin cos tanh sigmoid softplus erf pow rsqrt sign.
bool is_expanded_op(Op op);

/// How far functions of f32 are to be right: as far as f32 goes, or far enough for bf16, to which the results will be rounded.
enum class Accuracy : uint8_t { full, bf16 };

/// `op` of `args` (f32 or f64; sign: integers too), written out in kernel ops. `fma_available`: with fused multiply-adds.
/// Requires: is_expanded_op(op).
ExprRef expand(Op op, std::vector<ExprRef> args, bool fma_available, Accuracy accuracy);

/// a · b + c: fused, or rounded twice.
ExprRef madd(ExprRef a, ExprRef b, ExprRef c, bool fma_available);

/// c + the products of two bf16 in each u32, those in the upper halves first. Processors that have no instruction for it
/// (Target::dot2) round as the instruction does, but know denormals.
ExprRef dot2(ExprRef a, ExprRef b, ExprRef c, const Target& target);

// 16-bit floats are u16 in kernels. To f32: exact. From f32: rounded to nearest even; NaN stays NaN.
ExprRef f32_from_f16(ExprRef bits);
ExprRef f16_from_f32(ExprRef value);
ExprRef f32_from_bf16(ExprRef bits);
/// For targets with Target::dot2, narrow(): denormals become zeros.
ExprRef bf16_from_f32(ExprRef value, const Target& target);

}  // namespace keratin
