// Arithmetic of two numbers, on bits too.
#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

using Function = Expr(const Expr&, const Expr&);

/// Booleans, where that means something, are their logical counterparts.
template <Op op>
Outputs arithmetic(OperationCall& call) {
  const auto [a, b] = call.pair();
  if (a.dtype() != DType::boolean || b.dtype() != DType::boolean) return binary(op, a, b);
  switch (op) {
    case Op::add:
    case Op::max: return logical_or(a, b);
    case Op::mul:
    case Op::min: return logical_and(a, b);
    default: call.fail("is not defined for booleans", ErrorKind::data);
  }
}

/// What is composed of many steps is not rounded to 16 bits in between.
template <Function function>
Outputs of_reals(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const DType wide = promote(a.dtype(), DType::f32);
  return cast(function(cast(a, wide), cast(b, wide)), a.dtype());
}

Expr divide(const Expr& a, const Expr& b) { return a / b; }
Expr divide_no_nan(const Expr& a, const Expr& b) { return safe_divide(a, b, 0); }

Outputs load_exponent(OperationCall& call) {
  const auto [x, exponent] = call.pair();
  const Expr real = to_float(x);
  return real * exp2(cast(exponent, real.dtype()));
}

Expr log_add_exp2(const Expr& a, const Expr& b) { return log_add_exp(a * kLn2, b * kLn2) * (1 / kLn2); }

Expr heaviside(const Expr& x, const Expr& at_zero) {
  const Expr outside = where(less(x, 0), number(x, 0), where(is_nan(x), x, number(x, 1)));
  return where(equal(x, number(x, 0)), at_zero, outside);
}

/// A NaN loses against any number.
template <Op op>
Outputs ignoring_nan(OperationCall& call) {
  const auto [a, b] = call.pair();
  return where(is_nan(a), b, where(is_nan(b), a, binary(op, a, b)));
}

Outputs floor_divide(OperationCall& call) {
  const auto [a, b] = call.pair();
  const DType dtype = promote(a.dtype(), b.dtype());
  if (is_float(dtype)) return unary(Op::floor, a / b);
  return binary(Op::div, a - binary(Op::rem, a, b), b);
}

/// The remainder has the sign of the dividend, as C's.
Outputs fmod(OperationCall& call) {
  const auto [a, b] = call.pair();
  const auto size = [](const Expr& x) { return is_signed(x.dtype()) ? unary(Op::abs, x) : x; };
  const Expr rest = binary(Op::rem, size(a), size(b));
  return is_signed(rest.dtype()) ? where(less(a, 0), -rest, rest) : rest;
}

Expr greatest_common_divisor(Expr a, Expr b) {
  // Fibonacci numbers take longest: one step per 0.694 bits.
  const auto steps = static_cast<int64_t>(static_cast<double>(8 * byte_size(a.dtype())) / 0.694) + 1;
  for (int64_t i = 0; i < steps; ++i) {
    const Expr rest = binary(Op::rem, a, b), is_done = equal(b, number(b, 0));
    a = where(is_done, a, b);
    b = where(is_done, b, rest);
  }
  return a;
}

std::pair<Expr, Expr> integers(OperationCall& call) {
  auto [a, b] = call.pair();
  const DType dtype = promote(a.dtype(), b.dtype());
  if (!is_integer(dtype)) call.fail("is defined for integers only", ErrorKind::data);
  const auto size = [](const Expr& x) { return is_signed(x.dtype()) ? unary(Op::abs, x) : x; };
  return {size(cast(a, dtype)), size(cast(b, dtype))};
}

Outputs gcd(OperationCall& call) {
  const auto [a, b] = integers(call);
  return greatest_common_divisor(a, b);
}

Outputs lcm(OperationCall& call) {
  const auto [a, b] = integers(call);
  const Expr divisor = greatest_common_divisor(a, b);
  return binary(Op::div, a, divisor) * b;  // by 0 it is 0
}

/// Integers by squaring, so that they wrap as products do.
Expr integer_power(Expr base, Expr exponent) {
  Expr result = number(base, 1);
  const int64_t bits = 8 * byte_size(exponent.dtype()) - 1;
  for (int64_t i = 0; i < bits; ++i) {
    const Expr is_odd = equal(binary(Op::and_, exponent, number(exponent, 1)), number(exponent, 1));
    result = where(is_odd, result * base, result);
    exponent = binary(Op::shr, exponent, number(exponent, 1));
    if (is_splat(exponent.value(), 0)) break;
    base = base * base;
  }
  return result;
}

Outputs power(OperationCall& call) {
  const auto [a, b] = call.pair();
  const DType dtype = promote(a.dtype(), b.dtype());
  if (is_integer(dtype)) return integer_power(cast(a, dtype), cast(b, dtype));
  return binary(Op::pow, to_float(a), to_float(b));
}

template <Op op>
Outputs bitwise(OperationCall& call) {
  const auto [a, b] = call.pair();
  if (is_float(promote(a.dtype(), b.dtype())))
    call.fail("is defined for integers and booleans only", ErrorKind::data);
  return binary(op, a, b);
}

Outputs bitwise_not(OperationCall& call) {
  if (is_float(call.tensor(0).dtype()))
    call.fail("is defined for integers and booleans only", ErrorKind::data);
  return unary(Op::not_, call.tensor(0));
}

constexpr OperationDef kRows[] = {
    {"Add", "x1 x2", arithmetic<Op::add>},
    {"Subtract", "x1 x2", arithmetic<Op::sub>},
    {"Multiply", "x1 x2", arithmetic<Op::mul>},
    {"Maximum", "x1 x2", arithmetic<Op::max>},
    {"Minimum", "x1 x2", arithmetic<Op::min>},
    {"Fmax", "x1 x2", ignoring_nan<Op::max>},
    {"Fmin", "x1 x2", ignoring_nan<Op::min>},

    {"TrueDivide", "x1 x2", of_reals<divide>},
    {"Divide", "x1 x2", of_reals<divide>},
    {"DivideNoNan", "x1 x2", of_reals<divide_no_nan>},
    {"FloorDivide", "x1 x2", floor_divide},
    {"Mod", "x1 x2", arithmetic<Op::rem>},
    {"Fmod", "x1 x2", fmod},
    {"Gcd", "x1 x2", gcd},
    {"Lcm", "x1 x2", lcm},

    {"Power", "x1 x2", power},
    {"Ldexp", "x1 x2", load_exponent},
    {"Arctan2", "x1 x2", of_reals<arctan2>},
    {"Hypot", "x1 x2", of_reals<hypot>},
    {"Logaddexp", "x1 x2", of_reals<log_add_exp>},
    {"Logaddexp2", "x1 x2", of_reals<log_add_exp2>},
    {"Heaviside", "x1 x2", of_reals<heaviside>},

    {"BitwiseAnd", "x y", bitwise<Op::and_>},
    {"BitwiseOr", "x y", bitwise<Op::or_>},
    {"BitwiseXor", "x y", bitwise<Op::xor_>},
    {"BitwiseNot", "x", bitwise_not},
    {"BitwiseInvert", "x", bitwise_not},
    {"BitwiseLeftShift", "x y", bitwise<Op::shl>},
    {"LeftShift", "x y", bitwise<Op::shl>},
    {"BitwiseRightShift", "x y", bitwise<Op::shr>},
    {"RightShift", "x y", bitwise<Op::shr>},
};

}  // namespace

std::span<const OperationDef> arithmetic_operations() { return kRows; }

}  // namespace keratin
