// 16-bit floats as u16, converted by integer arithmetic, as ir/tensor.cpp does it for single numbers.
#include <bit>

#include "codegen/vecmath.h"

namespace keratin {
namespace {

ExprRef word(int64_t value, int lanes) { return number(Scalar::of_integer(DType::u32, value), lanes); }
ExprRef binary(Op op, const ExprRef& a, int64_t b) { return apply(op, {a, word(b, a->lanes)}); }
ExprRef select(const ExprRef& predicate, const ExprRef& a, const ExprRef& b) {
  return apply(Op::select, {predicate, a, b});
}
ExprRef less(const ExprRef& a, int64_t b) { return binary(Op::lt, a, b); }

/// `magnitude` shifted right by `shift` bits, rounded to nearest even.
ExprRef shifted_to_even(const ExprRef& magnitude, int shift) {
  const ExprRef last = binary(Op::and_, binary(Op::shr, magnitude, shift), 1);
  const ExprRef half = binary(Op::add, magnitude, (int64_t{1} << (shift - 1)) - 1);
  return binary(Op::shr, apply(Op::add, {half, last}), shift);
}

/// What f32_from_bf16() made a value of; null if it made it not.
ExprRef widened_bf16(const Expr& value) {
  if (value.kind != ExprKind::bitcast || value.dtype != DType::f32) return nullptr;
  const Expr& moved = *value.args[0];
  if (moved.kind != ExprKind::apply || moved.op != Op::shl) return nullptr;
  const Expr &wide = *moved.args[0], &by = *moved.args[1];
  const bool halves = by.kind == ExprKind::number && by.number.integer == 16 &&
                      wide.kind == ExprKind::apply && wide.op == Op::cast &&
                      wide.args[0]->dtype == DType::u16;
  return halves ? wide.args[0] : nullptr;
}

}  // namespace

ExprRef f32_from_f16(ExprRef bits) {
  const ExprRef wide = cast(DType::u32, bits);
  const ExprRef sign = binary(Op::shl, binary(Op::and_, wide, 0x8000), 16);
  const ExprRef magnitude = binary(Op::and_, wide, 0x7fff);
  const ExprRef moved = binary(Op::shl, magnitude, 13);
  // A subnormal half is its integer times 2^-24, exactly. As u32 it is small, so i32 serves (and is cheaper to convert).
  const ExprRef count = cast(DType::f32, bitcast(DType::i32, magnitude));
  const ExprRef subnormal = bitcast(DType::u32, apply(Op::mul, {count, number(0x1p-24f, bits->lanes)}));
  const ExprRef finite = select(less(magnitude, 0x400), subnormal, binary(Op::add, moved, 0x38000000));
  const ExprRef value = select(less(magnitude, 0x7c00), finite, binary(Op::or_, moved, 0x7f800000));
  return bitcast(DType::f32, apply(Op::or_, {sign, value}));
}

ExprRef f16_from_f32(ExprRef value) {
  const ExprRef wide = bitcast(DType::u32, value);
  const ExprRef sign = binary(Op::and_, binary(Op::shr, wide, 16), 0x8000);
  const ExprRef magnitude = binary(Op::and_, wide, 0x7fffffff);
  // Below the normal halves: one unit in the last place of 0.5 is one unit of the subnormal halves.
  const ExprRef aligned = apply(Op::add, {bitcast(DType::f32, magnitude), number(0.5f, value->lanes)});
  const ExprRef subnormal = binary(Op::sub, bitcast(DType::u32, aligned), 0x3f000000);
  const ExprRef normal = shifted_to_even(binary(Op::sub, magnitude, 0x38000000), 13);
  const ExprRef finite = select(less(magnitude, 0x38800000), subnormal, normal);
  const ExprRef or_inf = select(less(magnitude, 0x47800000), finite, word(0x7c00, value->lanes));
  const ExprRef payload = binary(Op::and_, binary(Op::shr, magnitude, 13), 0x3ff);
  const ExprRef result = select(less(magnitude, 0x7f800001), or_inf, binary(Op::or_, payload, 0x7e00));
  return cast(DType::u16, apply(Op::or_, {sign, result}));
}

ExprRef dot2(ExprRef a, ExprRef b, ExprRef c, const Target& target) {
  if (target.dot2) return dot2(std::move(a), std::move(b), std::move(c));
  const auto upper = [](const ExprRef& x) { return bitcast(DType::f32, binary(Op::and_, x, 0xffff0000)); };
  const auto lower = [](const ExprRef& x) { return bitcast(DType::f32, binary(Op::shl, x, 16)); };
  return madd(lower(a), lower(b), madd(upper(a), upper(b), std::move(c), target.fma), target.fma);
}

ExprRef f32_from_bf16(ExprRef bits) {
  return bitcast(DType::f32, binary(Op::shl, cast(DType::u32, bits), 16));
}

ExprRef bf16_from_f32(ExprRef value, const Target& target) {
  if (ExprRef bits = widened_bf16(*value)) return bits;
  if (target.dot2 && std::has_single_bit(static_cast<unsigned>(value->lanes)))
    return narrow(std::move(value));
  const ExprRef wide = bitcast(DType::u32, value);
  const ExprRef is_nan = apply(Op::ne, {value, value});
  const ExprRef nan = binary(Op::or_, binary(Op::shr, wide, 16), 0x40);
  return cast(DType::u16, select(is_nan, nan, shifted_to_even(wide, 16)));
}

}  // namespace keratin
