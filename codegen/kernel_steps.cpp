// Compiled without contraction (codegen/CMakeLists.txt): a product and a sum are two roundings.
#include "codegen/kernel_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codegen/scalar_ops.h"

namespace keratin {
namespace {

template <typename T, typename R, R (*F)(T)>
void run_unary(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  R* out = machine.slot<R>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = F(a[lane]);
}

template <typename T, typename R, R (*F)(T, T)>
void run_binary(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  const T* b = machine.slot<T>(step.args[1]);
  R* out = machine.slot<R>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = F(a[lane], b[lane]);
}

template <typename T>
void run_select(const Step& step, Machine& machine) {
  const bool* predicate = machine.slot<bool>(step.args[0]);
  const T* a = machine.slot<T>(step.args[1]);
  const T* b = machine.slot<T>(step.args[2]);
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = predicate[lane] ? a[lane] : b[lane];
}

template <typename T>
void run_fma(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  const T* b = machine.slot<T>(step.args[1]);
  const T* c = machine.slot<T>(step.args[2]);
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = std::fma(a[lane], b[lane], c[lane]);
}

void run_dot2(const Step& step, Machine& machine) {
  const auto* a = machine.slot<uint32_t>(step.args[0]);
  const auto* b = machine.slot<uint32_t>(step.args[1]);
  const auto* c = machine.slot<float>(step.args[2]);
  auto* out = machine.slot<float>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = scalar_ops::dot2(a[lane], b[lane], c[lane]);
}

void run_narrow(const Step& step, Machine& machine) {
  const auto* value = machine.slot<float>(step.args[0]);
  auto* out = machine.slot<uint16_t>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = scalar_ops::narrow(value[lane]);
}

template <typename T>
void run_splat(const Step& step, Machine& machine) {
  std::fill_n(machine.slot<T>(step.out), step.lanes, *machine.slot<T>(step.args[0]));
}

template <typename T, bool is_high>
void run_zip(const Step& step, Machine& machine) {
  const int first = is_high ? step.lanes / 2 : 0;
  const T* a = machine.slot<T>(step.args[0]) + first;
  const T* b = machine.slot<T>(step.args[1]) + first;
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = lane % 2 == 0 ? a[lane / 2] : b[lane / 2];
}

template <typename T, T (*F)(T, T)>
void run_fold(const Step& step, Machine& machine) {
  T* out = machine.slot<T>(step.out);
  for (int i = 0; i < step.folded; ++i) {
    T values[kMaxLanes];
    std::copy_n(machine.slot<T>(step.args[i]), step.lanes, values);
    for (int half = step.lanes / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) values[lane] = F(values[lane], values[lane + half]);
    }
    out[i] = values[0];
  }
}

template <typename T>
void run_index(const Step& step, Machine& machine) {
  const int64_t first = step.index->value(machine.variables.data());
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = static_cast<T>(first + lane * step.lane_step);
}

/// Stored booleans are true if they are not 0: whoever made the array may have used other bytes.
template <typename T>
T read(const std::byte* place) {
  if constexpr (std::is_same_v<T, bool>) return *place != std::byte{0};
  T value;
  std::memcpy(&value, place, sizeof(T));
  return value;
}

/// args[0] holds what lanes not accessed read as.
template <typename T>
void run_load(const Step& step, Machine& machine) {
  const Places places = machine.locate(*step.access);
  const std::byte* buffer = machine.buffers[step.access->buffer];
  T* out = machine.slot<T>(step.out);
  if (places.end - places.begin < step.lanes) std::copy_n(machine.slot<T>(step.args[0]), step.lanes, out);
  for (int lane = places.begin; lane < places.end; ++lane)
    out[lane] = read<T>(buffer + (places.offset + lane * places.stride));
}

template <typename T>
void run_acc(const Step& step, Machine& machine) {
  std::memcpy(machine.slot<T>(step.out), machine.acc(step.acc, step.at),
              sizeof(T) * static_cast<size_t>(step.lanes));
}

template <typename T>
StepFn float_step(Op op) {
  using namespace scalar_ops;
  if constexpr (std::is_floating_point_v<T>) {
    switch (op) {
      case Op::sqrt: return run_unary<T, T, scalar_ops::sqrt<T>>;
      case Op::floor: return run_unary<T, T, scalar_ops::floor<T>>;
      case Op::ceil: return run_unary<T, T, scalar_ops::ceil<T>>;
      case Op::round: return run_unary<T, T, scalar_ops::round<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
StepFn integer_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_bits<T> && is_arithmetic<T>) {
    switch (op) {
      case Op::rem: return run_binary<T, T, rem<T>>;
      case Op::shl: return run_binary<T, T, shl<T>>;
      case Op::shr: return run_binary<T, T, shr<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
StepFn bit_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_bits<T>) {
    switch (op) {
      case Op::not_: return run_unary<T, T, not_<T>>;
      case Op::and_: return run_binary<T, T, and_<T>>;
      case Op::or_: return run_binary<T, T, or_<T>>;
      case Op::xor_: return run_binary<T, T, xor_<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
StepFn number_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_arithmetic<T>) {
    switch (op) {
      case Op::neg: return run_unary<T, T, neg<T>>;
      case Op::abs: return run_unary<T, T, scalar_ops::abs<T>>;
      case Op::add: return run_binary<T, T, add<T>>;
      case Op::sub: return run_binary<T, T, sub<T>>;
      case Op::mul: return run_binary<T, T, mul<T>>;
      case Op::div: return run_binary<T, T, scalar_ops::div<T>>;
      case Op::max: return run_binary<T, T, max<T>>;
      case Op::min: return run_binary<T, T, min<T>>;
      case Op::lt: return run_binary<T, bool, scalar_ops::lt<T>>;
      case Op::le: return run_binary<T, bool, scalar_ops::le<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
StepFn any_step(Op op) {
  switch (op) {
    case Op::eq: return run_binary<T, bool, scalar_ops::eq<T>>;
    case Op::ne: return run_binary<T, bool, scalar_ops::ne<T>>;
    case Op::select: return run_select<T>;
    default: return nullptr;
  }
}

/// `dtype`: of the last argument.
StepFn apply_step(Op op, DType dtype) {
  return with_type(dtype, [op](auto element) -> StepFn {
    using T = decltype(element);
    for (const StepFn run :
         {float_step<T>(op), integer_step<T>(op), bit_step<T>(op), number_step<T>(op), any_step<T>(op)}) {
      if (run != nullptr) return run;
    }
    return nullptr;
  });
}

StepFn cast_step(DType from, DType to) {
  return with_type(from, [to](auto source) -> StepFn {
    return with_type(to, [](auto target) -> StepFn {
      using From = decltype(source);
      using To = decltype(target);
      return run_unary<From, To, scalar_ops::cast<To, From>>;
    });
  });
}

template <typename T>
StepFn fold_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_arithmetic<T>) {
    switch (op) {
      case Op::add: return run_fold<T, add<T>>;
      case Op::mul: return run_fold<T, mul<T>>;
      case Op::max: return run_fold<T, max<T>>;
      case Op::min: return run_fold<T, min<T>>;
      default: break;
    }
  }
  if constexpr (is_bits<T>) {
    switch (op) {
      case Op::and_: return run_fold<T, and_<T>>;
      case Op::or_: return run_fold<T, or_<T>>;
      case Op::xor_: return run_fold<T, xor_<T>>;
      default: break;
    }
  }
  return nullptr;
}

}  // namespace

StepFn step_function(const Expr& expr) {
  const auto pick = [&](auto choose) { return with_type(expr.dtype, choose); };
  switch (expr.kind) {
    case ExprKind::apply:
      return expr.op == Op::cast ? cast_step(expr.args[0]->dtype, expr.dtype)
                                 : apply_step(expr.op, expr.args.back()->dtype);
    case ExprKind::fma: return expr.dtype == DType::f32 ? run_fma<float> : run_fma<double>;
    case ExprKind::dot2: return run_dot2;
    case ExprKind::narrow: return run_narrow;
    case ExprKind::splat: return pick([](auto element) -> StepFn { return run_splat<decltype(element)>; });
    case ExprKind::zip_low:
      return pick([](auto element) -> StepFn { return run_zip<decltype(element), false>; });
    case ExprKind::zip_high:
      return pick([](auto element) -> StepFn { return run_zip<decltype(element), true>; });
    case ExprKind::fold: return pick([&](auto element) { return fold_step<decltype(element)>(expr.op); });
    case ExprKind::let: return run_index<int64_t>;  // of an integer that indices use too
    case ExprKind::index: return pick([](auto element) -> StepFn { return run_index<decltype(element)>; });
    case ExprKind::load: return pick([](auto element) -> StepFn { return run_load<decltype(element)>; });
    case ExprKind::acc: return pick([](auto element) -> StepFn { return run_acc<decltype(element)>; });
    case ExprKind::number:
    case ExprKind::bitcast: return nullptr;
  }
  return nullptr;
}

}  // namespace keratin
