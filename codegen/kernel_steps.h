// The functions that the kernel interpreter's steps call: one per op and element type.
#pragma once

#include "codegen/kernel_machine.h"

namespace keratin {

using StepFn = void (*)(const Step& step, Machine& machine);

/// The function that computes `expr`. Null for numbers and bitcasts, which need none.
StepFn step_function(const Expr& expr);

/// Calls fn with a value of the C++ type that holds an element of `dtype` in the frame.
template <typename Fn>
auto with_type(DType dtype, Fn&& fn) {
  switch (kernel_dtype(dtype)) {
    case DType::boolean: return fn(bool());
    case DType::i8: return fn(int8_t());
    case DType::i16: return fn(int16_t());
    case DType::i32: return fn(int32_t());
    case DType::i64: return fn(int64_t());
    case DType::u8: return fn(uint8_t());
    case DType::u16: return fn(uint16_t());
    case DType::u32: return fn(uint32_t());
    case DType::u64: return fn(uint64_t());
    case DType::f32: return fn(float());
    case DType::f64: return fn(double());
    default: break;
  }
  __builtin_unreachable();
}

}  // namespace keratin
